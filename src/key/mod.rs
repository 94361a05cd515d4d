//! Keys and bases: `:` between segments, none empty, no query string.

mod list;
mod listing;
mod wtf8;

use std::borrow::Cow;

use smallvec::SmallVec;

pub use list::KeyList;
pub use listing::Listing;
pub use wtf8::{from_utf16, to_utf16, utf16_len};

/// An item key. [`Key::parse`] makes a normalised one: not empty, no `.` or `..` segment.
#[derive(Debug, PartialEq, Eq)]
pub struct Key<'a>(Normal<'a>);

/// Normalised bytes: those that came, or rewritten ones, for which usual keys need no allocation.
#[derive(Debug, PartialEq, Eq)]
enum Normal<'a> {
    AsItCame(&'a [u8]),
    Rewritten(Rewritten),
}

type Rewritten = SmallVec<[u8; 64]>;

/// A normalised base: empty, or segments that each end in `:`. Only [`KeyPrefix::parse`] makes one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPrefix(Box<[u8]>);

/// The key or base is empty where it must not be, or has a `.` or `..` segment.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid;

impl<'a> Key<'a> {
    #[inline]
    pub fn parse(raw: &'a [u8]) -> Result<Self, Invalid> {
        let shape = shape(raw);
        // Most keys are as they should be, and need not be moved about.
        if shape.normal && !shape.dots && !raw.is_empty() {
            return Ok(Self(Normal::AsItCame(raw)));
        }
        Self::parse_odd(raw, &shape)
    }

    #[inline(never)]
    fn parse_odd(raw: &'a [u8], shape: &Shape) -> Result<Self, Invalid> {
        let key = Self(if shape.normal { Normal::AsItCame(raw) } else { Normal::Rewritten(rewrite(raw)) });
        if key.as_bytes().is_empty() || shape.dots && has_dot_segment(key.as_bytes()) {
            return Err(Invalid);
        }
        Ok(key)
    }

    /// A key for a driver that is called on its own, and takes keys as they are.
    pub fn verbatim(raw: &'a [u8]) -> Self {
        Self(Normal::AsItCame(raw))
    }

    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Normal::AsItCame(raw) => raw,
            Normal::Rewritten(bytes) => bytes,
        }
    }

    /// The key was normal as it came, so that offsets into it hold for the caller's string as well.
    pub fn is_borrowed(&self) -> bool {
        matches!(self.0, Normal::AsItCame(_))
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

/// Whether `key` lies under `prefix`, the bytes of a base. Many bases differ in their last letter, which is looked at before all
/// is compared. Nothing is never compared: an empty slice points nowhere, and where glibc's memcmp reads with a mask of zero
/// from an address that is not mapped, the processor takes 100 ns to find that it need not.
pub fn starts_with(key: &[u8], prefix: &[u8]) -> bool {
    key.get(..prefix.len())
        .is_some_and(|head| head.last_chunk::<2>() == prefix.last_chunk::<2>() && (prefix.is_empty() || head == prefix))
}

/// Cuts at the first `?`, turns `/` and `\` into `:`, collapses runs of `:` and trims them at both edges.
pub fn normalize(raw: &[u8]) -> Cow<'_, [u8]> {
    if shape(raw).normal { Cow::Borrowed(raw) } else { Cow::Owned(rewrite(raw).into_vec()) }
}

fn rewrite(raw: &[u8]) -> Rewritten {
    let mut key = Rewritten::from_elem(0, raw.len());
    let out = key.as_mut_slice();
    let (mut length, mut after_separator) = (0, true);
    for &byte in raw.iter().take_while(|&&byte| byte != b'?') {
        let separator = matches!(byte, b':' | b'/' | b'\\');
        if separator && after_separator {
            continue;
        }
        out[length] = if separator { b':' } else { byte };
        length += 1;
        after_separator = separator;
    }
    key.truncate(if after_separator { length.saturating_sub(1) } else { length });
    key
}

/// What one look at each byte tells.
struct Shape {
    /// Already normalised.
    normal: bool,
    /// Holds a dot, and so perhaps a dot segment.
    dots: bool,
}

const COLON: u8 = 1;
const DOT: u8 = 2;
const REWRITTEN: u8 = 4;

/// What a byte means for a key's shape.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    class[b':' as usize] = COLON;
    class[b'.' as usize] = DOT;
    class[b'?' as usize] = REWRITTEN;
    class[b'/' as usize] = REWRITTEN;
    class[b'\\' as usize] = REWRITTEN;
    class
};

fn shape(raw: &[u8]) -> Shape {
    // No branch a byte. In front of the key stands what a colon may not follow.
    let (mut seen, mut doubled, mut previous) = (0, 0, COLON);
    for &byte in raw {
        let class = CLASS[usize::from(byte)];
        seen |= class;
        doubled |= class & previous & COLON;
        previous = class;
    }
    let trailing = previous == COLON && !raw.is_empty();
    Shape { normal: seen & REWRITTEN == 0 && doubled == 0 && !trailing, dots: seen & DOT != 0 }
}

fn has_dot_segment(key: &[u8]) -> bool {
    key.split(|&byte| byte == b':').any(|segment| segment == b"." || segment == b"..")
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
