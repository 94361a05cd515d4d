//! What lies in the file, of which docs/drivers/lmdb.md tells the reader of other programs.
//!
//! Three databases in it have names: `rustorage` holds the format's version, `items` a record under each key, `expiries` an empty
//! value under the moment of each expiry, followed by the item's key.
//!
//! A key of more than [`LONGEST`] bytes is kept under its beginning, a byte that is in no key, and its SHA-256; its record holds all of
//! it. A record is a byte of flags, the moment of writing, the moment of expiry if there is one, the key and before it its length if
//! it is a long one, and the value. Moments are milliseconds since 1970; numbers are little-endian in records, and big-endian in keys, which
//! are sorted.

use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

pub const FORMAT_DATABASE: &str = "rustorage";
pub const FORMAT_KEY: &[u8] = b"format";
pub const FORMAT: &[u8] = b"1";
pub const ITEMS: &str = "items";
pub const EXPIRIES: &str = "expiries";

/// LMDB takes keys of about half a page's half; pages have 4 KB or more.
pub const LONGEST: usize = 1000;
/// WTF-8 has no such byte.
const LONG: u8 = 0xFF;
const LONG_NAME: usize = LONGEST + 1 + SHA256_OUTPUT_LEN;

const EXPIRES: u8 = 1;
const HAS_KEY: u8 = 2;
const MOMENT: usize = size_of::<u64>();
const LENGTH: usize = size_of::<u32>();

/// Under what a key's item is kept.
pub enum Name<'a> {
    Key(&'a [u8]),
    Long(Box<[u8]>),
}

impl<'a> Name<'a> {
    pub fn of(key: &'a [u8]) -> Self {
        if key.len() <= LONGEST {
            return Self::Key(key);
        }
        Self::Long([&key[..LONGEST], &[LONG], digest(&SHA256, key).as_ref()].concat().into())
    }

    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Key(key) => key,
            Self::Long(name) => name,
        }
    }
}

/// Whether the key is in the record.
pub fn is_long(name: &[u8]) -> bool {
    name.len() == LONG_NAME && name[LONGEST] == LONG
}

/// The key in `expiries` of an item that expires.
pub fn expiry(at: u64, name: &[u8]) -> Vec<u8> {
    [at.to_be_bytes().as_slice(), name].concat()
}

/// When which item expires, from its key in `expiries`.
pub fn expiring(key: &[u8]) -> Option<(u64, &[u8])> {
    let (at, name) = key.split_first_chunk()?;
    Some((u64::from_be_bytes(*at), name))
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record<'a> {
    pub modified: u64,
    pub expires: Option<u64>,
    /// Of an item with a long key.
    pub key: Option<&'a [u8]>,
    pub value: &'a [u8],
}

impl<'a> Record<'a> {
    /// None for what is no record.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&flags, rest) = bytes.split_first()?;
        let (modified, mut rest) = moment(rest)?;
        let mut expires = None;
        if flags & EXPIRES != 0 {
            let (at, after) = moment(rest)?;
            (expires, rest) = (Some(at), after);
        }
        let mut key = None;
        if flags & HAS_KEY != 0 {
            let (length, after) = rest.split_first_chunk()?;
            let (found, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
            (key, rest) = (Some(found), after);
        }
        (flags & !(EXPIRES | HAS_KEY) == 0).then_some(Self { modified, expires, key, value: rest })
    }

    pub fn len(&self) -> usize {
        let expires = if self.expires.is_some() { MOMENT } else { 0 };
        1 + MOMENT + expires + self.key.map_or(0, |key| LENGTH + key.len()) + self.value.len()
    }

    /// Its bytes, in parts.
    pub fn write(&self, mut put: impl FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
        let flags = if self.expires.is_some() { EXPIRES } else { 0 } | if self.key.is_some() { HAS_KEY } else { 0 };
        put(&[flags])?;
        put(&self.modified.to_le_bytes())?;
        if let Some(expires) = self.expires {
            put(&expires.to_le_bytes())?;
        }
        if let Some(key) = self.key {
            // A key of 4 GB is more than JavaScript's strings can be.
            put(&u32::try_from(key.len()).unwrap_or(u32::MAX).to_le_bytes())?;
            put(key)?;
        }
        put(self.value)
    }
}

fn moment(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (at, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*at), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, option, prelude::*};

    fn written(record: &Record) -> Vec<u8> {
        let mut bytes = Vec::new();
        let put = |part: &[u8]| {
            bytes.extend_from_slice(part);
            Ok(())
        };
        record.write(put).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            modified: u64,
            expires in option::of(any::<u64>()),
            key in option::of(vec(any::<u8>(), 0..40)),
            value in vec(any::<u8>(), 0..40),
        ) {
            let record = Record { modified, expires, key: key.as_deref(), value: &value };
            let bytes = written(&record);
            prop_assert_eq!(bytes.len(), record.len());
            prop_assert_eq!(Record::read(&bytes), Some(record));
        }

        #[test]
        fn nothing_that_is_read_panics(bytes in vec(any::<u8>(), 0..60)) {
            if let Some(record) = Record::read(&bytes) {
                prop_assert_eq!(written(&record), bytes);
            }
        }

        #[test]
        fn names_keep_keys_apart(tail in vec(0u8..0xF8, 0..60), other in vec(0u8..0xF8, 0..60)) {
            let long = |tail: &[u8]| [&[b'x'; LONGEST - 20], tail].concat();
            let (key, other) = (long(&tail), long(&other));
            let (name, other_name) = (Name::of(&key), Name::of(&other));
            prop_assert_eq!(key == other, name.as_bytes() == other_name.as_bytes());
            prop_assert_eq!(is_long(name.as_bytes()), key.len() > LONGEST);
        }
    }

    #[test]
    fn the_format_is_as_documented() {
        let record = Record { modified: 1, expires: Some(2), key: None, value: b"value" };
        assert_eq!(written(&record), *b"\x01\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0value");
        assert_eq!(expiry(258, b"a:b"), *b"\0\0\0\0\0\0\x01\x02a:b");
        assert_eq!(expiring(&expiry(258, b"a:b")), Some((258, &b"a:b"[..])));
    }
}
