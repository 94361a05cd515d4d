//! What is read of the table.

use rusqlite::{Connection, OptionalExtension, Row, params, types::ValueRef};

use super::{failure::failure, sql::Sql};
use crate::{
    clock::wall,
    driver::{Field, Fields},
    drivers::embedded::{Found, View},
    error::Cause,
    key::Listing,
};

pub struct Rows<'a> {
    pub connection: &'a Connection,
    pub sql: &'a Sql,
}

impl View for Rows<'_> {
    fn has(&self, key: &[u8]) -> Result<bool, Cause> {
        self.one(&self.sql.has, params![Text(key), now()], |row| row.get(0)).map(Option::unwrap_or_default)
    }

    fn get(&self, key: &[u8], raw: bool, most: usize, give: &mut dyn FnMut(&[u8])) -> Result<Found, Cause> {
        let sql = if raw { &self.sql.get_raw } else { &self.sql.get };
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let found = self.one(sql, params![Text(key), now(), most], |row| {
            let length: Option<i64> = row.get(0)?;
            match row.get_ref(1)? {
                ValueRef::Text(value) | ValueRef::Blob(value) => give(value),
                // unstorage leaves a raw number as one.
                ValueRef::Integer(number) => give(number.to_string().as_bytes()),
                ValueRef::Real(number) => give(text_of(number).as_bytes()),
                ValueRef::Null if length.is_some() => return Ok(Found::Large),
                ValueRef::Null => return Ok(Found::Nothing),
            }
            Ok(Found::Given)
        })?;
        Ok(found.unwrap_or(Found::Nothing))
    }

    fn meta(&self, key: &[u8]) -> Result<Fields, Cause> {
        let found = self.one(&self.sql.meta, params![Text(key), now()], |row| {
            Ok([0, 1, 2, 3].map(|index| row.get::<_, Option<i64>>(index).unwrap_or_default()))
        })?;
        let [created, updated, size, expires] = found.unwrap_or_default();
        #[allow(clippy::cast_precision_loss, reason = "JavaScript has no other numbers")]
        let number = |number: Option<i64>| number.map_or(Field::Absent, |number| Field::Number(number as f64));
        let life = expires.map(|at| at.saturating_sub(now()).max(0));
        Ok(vec![
            ("birthtime".into(), number(created)),
            ("mtime".into(), number(updated)),
            ("size".into(), number(size)),
            ("life".into(), number(life)),
        ])
    }

    fn keys(&self, listing: &Listing, emit: &mut dyn FnMut(&[u8])) -> Result<(), Cause> {
        let base = listing.relative_base();
        let expires = self.expires()?;
        let mut each = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query(parameters)?;
            while let Some(row) = rows.next()? {
                if let Some(key) = bytes_of(row.get_ref(0)?)
                    && listing.accepts(key)
                {
                    emit(key);
                }
            }
            Ok(())
        };
        // A base ends in `:`, and `;` is the character after it.
        let end = [&base[..base.len().saturating_sub(1)], b";"].concat();
        let listed = match (base.is_empty(), expires) {
            (true, false) => each(&self.sql.keys, &[]),
            (true, true) => each(&self.sql.keys_that_live, &[&now()]),
            (false, false) => each(&self.sql.keys_under, &[&Text(base), &Text(&end)]),
            (false, true) => each(&self.sql.keys_that_live_under, &[&Text(base), &Text(&end), &now()]),
        };
        Ok(listed.map_err(|error: rusqlite::Error| failure(&error))?)
    }
}

impl Rows<'_> {
    /// Whether anything in the table expires.
    pub fn expires(&self) -> Result<bool, Cause> {
        self.one(&self.sql.expires, [], |row| row.get(0)).map(Option::unwrap_or_default)
    }

    fn one<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnOnce(&Row) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Cause> {
        let ask = || self.connection.prepare_cached(sql)?.query_row(parameters, read).optional();
        Ok(ask().map_err(|error| failure(&error))?)
    }
}

/// Bytes of UTF-8, as text.
pub struct Text<'a>(pub &'a [u8]);

impl rusqlite::ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

fn bytes_of(value: ValueRef<'_>) -> Option<&[u8]> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
    }
}

/// As JavaScript reads it: plain digits, or with an exponent where it has one, too.
fn text_of(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return number.to_string();
    }
    format!("{number:e}").replace("inf", "Infinity")
}

/// Milliseconds since 1970, as SQLite has numbers.
pub fn now() -> i64 {
    i64::try_from(wall::now()).unwrap_or(i64::MAX)
}
