//! What is read in a transaction.

use std::{collections::HashSet, ops::Bound};

use super::{
    databases::{Databases, Txn},
    failure::{damaged, failure},
    layout::{self, Name, Record},
};
use crate::{
    clock::wall,
    driver::{Field, Fields},
    drivers::embedded::{Found, View},
    error::Cause,
    key::Listing,
};

/// The items in a transaction.
pub struct Items<'a> {
    pub txn: &'a Txn<'a>,
    pub databases: Databases,
}

impl<'a> Items<'a> {
    pub fn record(&self, name: &[u8]) -> Result<Option<Record<'a>>, Cause> {
        let found = self.databases.items.get(self.txn, name).map_err(|error| failure(&error))?;
        let record = found.map(|bytes| Record::read(bytes).ok_or_else(damaged)).transpose()?;
        Ok(record)
    }

    /// The item's record, if it has not expired.
    fn living(&self, key: &[u8]) -> Result<Option<Record<'a>>, Cause> {
        let record = self.record(Name::of(key).as_bytes())?;
        Ok(record.filter(|record| record.expires.is_none_or(|expires| expires > wall::now())))
    }

    /// The keys in `expiries` of what has expired, but no more than `most`.
    pub fn expired(&self, most: usize) -> Result<Vec<Box<[u8]>>, Cause> {
        let now = layout::expiry(wall::now().saturating_add(1), &[]);
        let range = self
            .databases
            .expiries
            .range(self.txn, &(Bound::Unbounded, Bound::Excluded(now.as_slice())))
            .map_err(|error| failure(&error))?;
        let keys = range.take(most).map(|entry| entry.map(|(key, ())| key.into()));
        Ok(keys.collect::<heed::Result<_>>().map_err(|error| failure(&error))?)
    }
}

impl View for Items<'_> {
    fn has(&self, key: &[u8]) -> Result<bool, Cause> {
        Ok(self.living(key)?.is_some())
    }

    fn get(&self, key: &[u8], _: bool, most: usize, give: &mut dyn FnMut(&[u8])) -> Result<Found, Cause> {
        Ok(match self.living(key)? {
            None => Found::Nothing,
            Some(record) if record.value.len() > most => Found::Large,
            Some(record) => {
                give(record.value);
                Found::Given
            }
        })
    }

    fn meta(&self, key: &[u8]) -> Result<Fields, Cause> {
        let record = self.living(key)?;
        #[allow(clippy::cast_precision_loss, reason = "JavaScript has no other numbers")]
        let number = |number: Option<u64>| number.map_or(Field::Absent, |number| Field::Number(number as f64));
        let life = record.and_then(|record| record.expires).map(|expires| expires.saturating_sub(wall::now()));
        Ok(vec![
            ("mtime".into(), number(record.map(|record| record.modified))),
            ("size".into(), number(record.map(|record| record.value.len() as u64))),
            ("life".into(), number(life)),
        ])
    }

    fn keys(&self, listing: &Listing, emit: &mut dyn FnMut(&[u8])) -> Result<(), Cause> {
        let base = listing.relative_base();
        let expired = self.expired(usize::MAX)?;
        let expired: HashSet<&[u8]> = expired.iter().filter_map(|key| Some(layout::expiring(key)?.1)).collect();
        let prefix = &base[..base.len().min(layout::LONGEST)];
        // There is no key without bytes to begin with.
        let start = if prefix.is_empty() { Bound::Unbounded } else { Bound::Included(prefix) };
        let range =
            self.databases.items.range(self.txn, &(start, Bound::Unbounded)).map_err(|error| failure(&error))?;
        for entry in range {
            let (name, record) = entry.map_err(|error| failure(&error))?;
            if !name.starts_with(prefix) {
                break;
            }
            if !expired.is_empty() && expired.contains(name) {
                continue;
            }
            let key = if layout::is_long(name) {
                Record::read(record).and_then(|record| record.key).ok_or_else(damaged)?
            } else {
                name
            };
            if listing.accepts(key) {
                emit(key);
            }
        }
        Ok(())
    }
}
