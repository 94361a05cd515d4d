//! A line of the index of expiries: `expires inode seconds nanoseconds size key checksum`, parted by spaces.
//!
//! What is no such line, or has another checksum, is no record: damage costs the records it meets and no others.

use super::super::stamp::Stamp;

/// No record is as long: a key has up to 4,049 bytes, each of them up to three in the line.
pub const LONGEST_LINE: u64 = 16 * 1024;

/// That the file with this stamp holds the item until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub key: Box<[u8]>,
    pub stamp: Stamp,
    /// Milliseconds since 1970.
    pub expires: u64,
}

impl Record {
    /// The line, with a line feed at either end: so it does not run into what an interrupted write left.
    pub fn to_line(&self) -> String {
        let Stamp { inode, seconds, nanoseconds, size } = self.stamp;
        let body = format!("{} {inode} {seconds} {nanoseconds} {size} {}", self.expires, escape(&self.key));
        let sum = checksum(body.as_bytes());
        format!("\n{body} {sum:016x}\n")
    }

    pub fn from_line(line: &[u8]) -> Option<Self> {
        let line = str::from_utf8(line).ok()?;
        let (body, sum) = line.rsplit_once(' ')?;
        if sum.len() != 16 || u64::from_str_radix(sum, 16).ok()? != checksum(body.as_bytes()) {
            return None;
        }
        let mut fields = body.split(' ');
        let expires = fields.next()?.parse().ok()?;
        let stamp = Stamp {
            inode: fields.next()?.parse().ok()?,
            seconds: fields.next()?.parse().ok()?,
            nanoseconds: fields.next()?.parse().ok()?,
            size: fields.next()?.parse().ok()?,
        };
        let key = unescape(fields.next()?)?;
        fields.next().is_none().then_some(Self { key, stamp, expires })
    }
}

/// Percent signs stand before what parts fields and lines, and before themselves.
fn escape(key: &[u8]) -> String {
    let mut text = String::with_capacity(key.len());
    for character in String::from_utf8_lossy(key).chars() {
        match character {
            '%' => text.push_str("%25"),
            ' ' => text.push_str("%20"),
            '\n' => text.push_str("%0a"),
            _ => text.push(character),
        }
    }
    text
}

fn unescape(text: &str) -> Option<Box<[u8]>> {
    let mut parts = text.split('%');
    let mut key = parts.next()?.as_bytes().to_vec();
    for part in parts {
        key.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        key.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(key.into())
}

/// FNV-1a of 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(key: &str) -> Record {
        let stamp = Stamp { inode: u64::MAX, seconds: -1, nanoseconds: 999_999_999, size: 0 };
        Record { key: key.as_bytes().into(), stamp, expires: 1_700_000_000_000 }
    }

    #[test]
    fn the_line_is_the_documented_one() {
        let line = record("a b:c%\n").to_line();
        assert_eq!(line, "\n1700000000000 18446744073709551615 -1 999999999 0 a%20b:c%25%0a 8ac139b97d8406c2\n");
    }

    proptest! {
        #[test]
        fn lines_come_back(key: String, inode: u64, seconds: i64, size: u64, expires: u64) {
            let stamp = Stamp { inode, seconds, nanoseconds: 5, size };
            let record = Record { key: key.into_bytes().into(), stamp, expires };
            let line = record.to_line();
            prop_assert_eq!(line.matches('\n').count(), 2);
            prop_assert_eq!(Record::from_line(line.trim_matches('\n').as_bytes()), Some(record));
        }

        #[test]
        fn another_byte_makes_no_record(at: prop::sample::Index, byte: u8) {
            let mut line = record("some:key").to_line().trim().as_bytes().to_vec();
            let at = at.index(line.len());
            prop_assume!(line[at] != byte && !line[at].eq_ignore_ascii_case(&byte));
            line[at] = byte;
            prop_assert_eq!(Record::from_line(&line), None);
        }

        #[test]
        fn noise_is_no_record(noise: Vec<u8>) {
            prop_assert_eq!(Record::from_line(&noise), None);
        }
    }
}
