//! The named databases in the file.

use heed::{
    Database, Env, RoTxn, WithoutTls,
    types::{Bytes, Unit},
};

use super::{
    failure::{damaged, failure, foreign},
    layout,
};
use crate::error::Failure;

pub type Txn<'a> = RoTxn<'a, heed::AnyTls>;

#[derive(Clone, Copy)]
pub struct Databases {
    pub items: Database<Bytes, Bytes>,
    pub expiries: Database<Bytes, Unit>,
}

impl Databases {
    /// The databases of a file that is only read.
    pub fn known(env: &Env<WithoutTls>) -> Result<Self, Failure> {
        let find = || {
            let txn = env.read_txn()?;
            let Some(format) = env.open_database::<Bytes, Bytes>(&txn, Some(layout::FORMAT_DATABASE))? else {
                return Ok(Err(foreign()));
            };
            if let Err(failure) = check_format(format.get(&txn, layout::FORMAT_KEY)?) {
                return Ok(Err(failure));
            }
            let items = env.open_database(&txn, Some(layout::ITEMS))?;
            let expiries = env.open_database(&txn, Some(layout::EXPIRIES))?;
            txn.commit()?;
            Ok(items.zip(expiries).map(|(items, expiries)| Self { items, expiries }).ok_or_else(damaged))
        };
        find().unwrap_or_else(|error: heed::Error| Err(failure(&error)))
    }

    /// The databases of a file that is written, made if it is new.
    pub fn own(env: &Env<WithoutTls>) -> Result<Self, Failure> {
        let find = || {
            let mut txn = env.write_txn()?;
            let known = env.open_database::<Bytes, Bytes>(&txn, Some(layout::FORMAT_DATABASE))?;
            let checked = match known {
                Some(format) => check_format(format.get(&txn, layout::FORMAT_KEY)?),
                // Somebody else's has something in it.
                None => match env.open_database::<Bytes, Bytes>(&txn, None)? {
                    Some(all) if !all.is_empty(&txn)? => Err(foreign()),
                    _ => Ok(()),
                },
            };
            if let Err(failure) = checked {
                return Ok(Err(failure));
            }
            if known.is_none() {
                let format = env.create_database::<Bytes, Bytes>(&mut txn, Some(layout::FORMAT_DATABASE))?;
                format.put(&mut txn, layout::FORMAT_KEY, layout::FORMAT)?;
            }
            let items = env.create_database(&mut txn, Some(layout::ITEMS))?;
            let expiries = env.create_database(&mut txn, Some(layout::EXPIRIES))?;
            txn.commit()?;
            Ok(Ok(Self { items, expiries }))
        };
        find().unwrap_or_else(|error: heed::Error| Err(failure(&error)))
    }
}

fn check_format(format: Option<&[u8]>) -> Result<(), Failure> {
    match format {
        Some(layout::FORMAT) => Ok(()),
        Some(_) => Err(Failure::new("MDB_VERSION_MISMATCH", "a newer rustorage made the database")),
        None => Err(foreign()),
    }
}
