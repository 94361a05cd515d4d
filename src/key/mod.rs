//! Keys and bases: `:` between segments, none empty, no query string.

mod listing;
mod wtf8;

use std::borrow::Cow;

pub use listing::Listing;
pub use wtf8::{from_utf16, to_utf16, utf16_len};

/// A normalised item key: not empty, no `.` or `..` segment. Only [`Key::parse`] makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct Key<'a>(Cow<'a, [u8]>);

/// A normalised base: empty, or segments that each end in `:`. Only [`KeyPrefix::parse`] makes one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPrefix(Box<[u8]>);

/// The key or base is empty where it must not be, or has a `.` or `..` segment.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid;

impl<'a> Key<'a> {
    pub fn parse(raw: &'a [u8]) -> Result<Self, Invalid> {
        let key = normalize(raw);
        if key.is_empty() || has_dot_segment(&key) {
            return Err(Invalid);
        }
        Ok(Self(key))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key was normal as it came, so that offsets into it hold for the caller's string as well.
    pub fn is_borrowed(&self) -> bool {
        matches!(self.0, Cow::Borrowed(_))
    }
}

impl KeyPrefix {
    pub fn parse(raw: &[u8]) -> Result<Self, Invalid> {
        let mut base = normalize(raw).into_owned();
        if has_dot_segment(&base) {
            return Err(Invalid);
        }
        if !base.is_empty() {
            base.push(b':');
        }
        Ok(Self(base.into()))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Cuts at the first `?`, turns `/` and `\` into `:`, collapses runs of `:` and trims them at both edges.
pub fn normalize(raw: &[u8]) -> Cow<'_, [u8]> {
    if is_normal(raw) {
        return Cow::Borrowed(raw);
    }
    let mut key = Vec::with_capacity(raw.len());
    for &byte in raw {
        match byte {
            b'?' => break,
            b':' | b'/' | b'\\' => {
                if !key.is_empty() && key.last() != Some(&b':') {
                    key.push(b':');
                }
            }
            _ => key.push(byte),
        }
    }
    if key.last() == Some(&b':') {
        key.pop();
    }
    Cow::Owned(key)
}

fn is_normal(raw: &[u8]) -> bool {
    let mut previous = b':';
    for &byte in raw {
        match byte {
            b'?' | b'/' | b'\\' => return false,
            b':' if previous == b':' => return false,
            _ => previous = byte,
        }
    }
    previous != b':' || raw.is_empty()
}

fn has_dot_segment(key: &[u8]) -> bool {
    // Most keys hold no dot at all; the split is paid by those that do.
    key.contains(&b'.') && key.split(|&byte| byte == b':').any(|segment| segment == b"." || segment == b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_keys_are_borrowed() {
        assert!(Key::parse(b"a:b").unwrap().is_borrowed());
        assert!(!Key::parse(b"a/b").unwrap().is_borrowed());
    }

    #[test]
    fn separators_collapse_and_the_query_is_cut() {
        assert_eq!(normalize(b"//a\\b::c:?x=1").as_ref(), b"a:b:c");
        assert_eq!(normalize(b":::").as_ref(), b"");
        assert_eq!(KeyPrefix::parse(b"a/").unwrap().as_bytes(), b"a:");
    }

    #[test]
    fn dot_segments_and_empty_keys_are_invalid() {
        for raw in [&b""[..], b"::", b"?a", b"..", b"a:.", b"a/../b"] {
            assert_eq!(Key::parse(raw), Err(Invalid), "{raw:?}");
        }
        assert!(Key::parse(b"a..:b").is_ok());
        assert!(KeyPrefix::parse(b"").is_ok());
        assert_eq!(KeyPrefix::parse(b"a:.."), Err(Invalid));
    }
}
