//! A transaction that writes, as the calls that share it see it.

use std::io;

use heed::{MdbError, RoTxn, RwTxn, WithoutTls};

use super::{
    databases::{Databases, Txn},
    failure::{damaged, failure},
    items::Items,
    layout::{self, Name, Record},
};
use crate::{
    clock::wall,
    drivers::embedded::{Edit, Manner, Window},
    error::{Cause, Failure},
};

pub enum Access<'a> {
    Write(RwTxn<'a>),
    /// Of an environment that is only read.
    Read(RoTxn<'a, WithoutTls>),
}

pub struct Transaction<'a> {
    pub access: Access<'a>,
    pub databases: Databases,
    /// The map has no room for what was to be written.
    pub is_full: bool,
}

impl Transaction<'_> {
    fn txn(&self) -> &Txn<'_> {
        match &self.access {
            Access::Write(txn) => txn,
            Access::Read(txn) => txn,
        }
    }

    fn edit(&mut self, act: impl FnOnce(Databases, &mut RwTxn) -> heed::Result<()>) -> Result<(), Cause> {
        let Access::Write(txn) = &mut self.access else {
            return Err(Failure::new("EROFS", "the database is open for reading only").into());
        };
        act(self.databases, txn).map_err(|error| {
            self.is_full |= matches!(error, heed::Error::Mdb(MdbError::MapFull));
            failure(&error).into()
        })
    }

    /// Takes what is known of an earlier expiry away.
    fn forget_expiry(&mut self, name: &[u8]) -> Result<(), Cause> {
        let is_empty = self.databases.expiries.is_empty(self.txn()).map_err(|error| failure(&error))?;
        if is_empty {
            return Ok(());
        }
        let expires = self.view()?.record(name)?.and_then(|record| record.expires);
        match expires {
            Some(at) => self.edit(|databases, txn| databases.expiries.delete(txn, &layout::expiry(at, name)).map(drop)),
            None => Ok(()),
        }
    }
}

impl Window for Transaction<'_> {
    type View<'a>
        = Items<'a>
    where
        Self: 'a;

    fn view(&self) -> Result<Items<'_>, Cause> {
        Ok(Items { txn: self.txn(), databases: self.databases })
    }
}

impl Edit for Transaction<'_> {
    fn set(&mut self, key: &[u8], value: &[u8], manner: Manner) -> Result<(), Cause> {
        let name = Name::of(key);
        let name = name.as_bytes();
        self.forget_expiry(name)?;
        let long = layout::is_long(name).then_some(key);
        let record = Record { modified: wall::now(), expires: manner.expires, key: long, value };
        self.edit(|databases, txn| {
            databases.items.put_reserved(txn, name, record.len(), |space| {
                record.write(|part| io::Write::write_all(space, part))
            })?;
            match manner.expires {
                Some(at) => databases.expiries.put(txn, &layout::expiry(at, name), &()),
                None => Ok(()),
            }
        })
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), Cause> {
        let name = Name::of(key);
        self.forget_expiry(name.as_bytes())?;
        self.edit(|databases, txn| databases.items.delete(txn, name.as_bytes()).map(drop))
    }

    fn sweep(&mut self, most: usize) -> Result<Option<u64>, Cause> {
        for key in self.view()?.expired(most)? {
            let Some((_, name)) = layout::expiring(&key) else { return Err(damaged().into()) };
            self.edit(|databases, txn| {
                databases.items.delete(txn, name)?;
                databases.expiries.delete(txn, &key).map(drop)
            })?;
        }
        let next = self.databases.expiries.first(self.txn()).map_err(|error| failure(&error))?;
        Ok(next.and_then(|(key, ())| layout::expiring(key)).map(|(at, _)| at))
    }
}
