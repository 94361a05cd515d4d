//! What a listing asks.

use super::{KeyPrefix, starts_with};

/// What a listing asks of one mount: which of its keys, read as full keys, belong to the answer.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// The mount's own prefix, in front of each of its keys.
    pub mount: KeyPrefix,
    /// The base asked for, as a full key.
    pub base: KeyPrefix,
    /// Mount points under this mount: their keys are answered by others.
    pub masks: Vec<KeyPrefix>,
    /// Most `:` a full key may hold.
    pub max_depth: Option<usize>,
    /// Every key of the driver, those that end in `$` too: for a driver called on its own, and for clear.
    pub hidden: bool,
    /// Whoever clears wants to hear what is gone.
    pub told: bool,
}

impl Listing {
    /// The part of the base that lies inside the mount.
    pub fn relative_base(&self) -> &[u8] {
        self.base.as_bytes().get(self.mount.as_bytes().len()..).unwrap_or_default()
    }

    /// How many `:` a key relative to the mount may hold.
    pub fn relative_depth(&self) -> Option<usize> {
        let above = separators(self.mount.as_bytes());
        self.max_depth.map(|depth| depth.saturating_sub(above))
    }

    /// Whether `key`, relative to the mount, belongs to the answer.
    pub fn accepts(&self, key: &[u8]) -> bool {
        let mount = self.mount.as_bytes();
        starts_with(key, self.relative_base())
            && (self.hidden || key.last() != Some(&b'$'))
            && self.max_depth.is_none_or(|depth| separators(mount) + separators(key) <= depth)
            && !self
                .masks
                .iter()
                .any(|mask| mask.as_bytes().get(mount.len()..).is_some_and(|mask| key.starts_with(mask)))
    }
}

fn separators(key: &[u8]) -> usize {
    key.iter().filter(|&&byte| byte == b':').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(mount: &[u8], base: &[u8], max_depth: Option<usize>) -> Listing {
        let prefix = |raw| KeyPrefix::parse(raw).unwrap();
        Listing {
            mount: prefix(mount),
            base: prefix(base),
            masks: vec![prefix(b"m:sub")],
            max_depth,
            ..Listing::default()
        }
    }

    #[test]
    fn base_mask_depth_and_hidden_keys() {
        let all = listing(b"m", b"", None);
        assert!(all.accepts(b"a") && all.accepts(b"subway"));
        assert!(!all.accepts(b"sub:a") && !all.accepts(b"a$"));
        let under = listing(b"m", b"m:x", Some(2));
        assert!(under.accepts(b"x:a"));
        assert!(!under.accepts(b"x:a:b") && !under.accepts(b"xa"));
        assert_eq!((under.relative_base(), under.relative_depth()), (&b"x:"[..], Some(1)));
    }
}
