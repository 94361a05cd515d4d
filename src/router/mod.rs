//! The mount table: longest mount point first, so that the first match is the right one.

use crate::key::{Key, KeyPrefix, Listing, starts_with, utf16_len};

/// One mount point and what answers for it.
#[derive(Debug)]
pub struct Mount<T> {
    /// Stays the same while mounted and is never used again: JavaScript keeps its driver under it.
    pub id: u32,
    pub prefix: KeyPrefix,
    /// Length of the prefix in UTF-16 code units: where the relative key starts in a JavaScript string.
    pub units: usize,
    pub target: T,
}

#[derive(Debug, PartialEq, Eq)]
pub struct AlreadyMounted;

/// Routes keys to mounts. The root is always mounted.
#[derive(Debug)]
pub struct Router<T> {
    mounts: Vec<Mount<T>>,
    next_id: u32,
}

impl<T> Default for Router<T> {
    fn default() -> Self {
        Self { mounts: Vec::new(), next_id: 0 }
    }
}

impl<T> Router<T> {
    /// Mounts `target`; a second mount at the root replaces the first.
    pub fn mount(&mut self, prefix: KeyPrefix, target: T) -> Result<u32, AlreadyMounted> {
        if prefix.as_bytes().is_empty() {
            self.mounts.retain(|mount| !mount.prefix.as_bytes().is_empty());
        } else if self.mounts.iter().any(|mount| mount.prefix == prefix) {
            return Err(AlreadyMounted);
        }
        let id = self.next_id;
        self.next_id += 1;
        let units = utf16_len(prefix.as_bytes());
        // By the length that JavaScript sees, which is the order in which it lists them.
        let place = self.mounts.partition_point(|mount| mount.units >= units);
        self.mounts.insert(place, Mount { id, prefix, units, target });
        Ok(id)
    }

    /// Takes a mount away; the root stays.
    pub fn unmount(&mut self, prefix: &KeyPrefix) -> Option<Mount<T>> {
        if prefix.as_bytes().is_empty() {
            return None;
        }
        let place = self.mounts.iter().position(|mount| mount.prefix == *prefix)?;
        Some(self.mounts.remove(place))
    }

    /// The mount with the longest mount point that the key starts with.
    pub fn route(&self, key: &Key) -> Option<&Mount<T>> {
        self.route_bytes(key.as_bytes())
    }

    /// [`Router::route`] for bytes that are used as they are.
    pub fn route_bytes(&self, key: &[u8]) -> Option<&Mount<T>> {
        self.mounts.iter().find(|mount| starts_with(key, mount.prefix.as_bytes()))
    }

    pub fn get(&self, id: u32) -> Option<&Mount<T>> {
        self.mounts.iter().find(|mount| mount.id == id)
    }

    pub fn get_mut(&mut self, id: u32) -> Option<&mut Mount<T>> {
        self.mounts.iter_mut().find(|mount| mount.id == id)
    }

    /// The mounts at or under `base`, and with `parents` those above it, longest first. `base` is matched as a plain
    /// string prefix, which is what `getMounts("ca")` finds `cache:` by.
    pub fn plan<'a>(&'a self, base: &'a [u8], parents: bool) -> impl Iterator<Item = &'a Mount<T>> {
        self.mounts.iter().filter(move |mount| {
            let prefix = mount.prefix.as_bytes();
            prefix.starts_with(base) || parents && base.starts_with(prefix)
        })
    }

    /// What a listing of `base` asks of the mount.
    pub fn listing(&self, mount: &Mount<T>, base: KeyPrefix, max_depth: Option<usize>) -> Listing {
        let own = mount.prefix.as_bytes();
        let masks = self
            .mounts
            .iter()
            .map(|other| &other.prefix)
            .filter(|prefix| prefix.as_bytes().len() > own.len() && prefix.as_bytes().starts_with(own))
            .cloned()
            .collect();
        Listing { mount: mount.prefix.clone(), base, masks, max_depth, ..Listing::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(raw: &str) -> KeyPrefix {
        KeyPrefix::parse(raw.as_bytes()).unwrap()
    }

    #[test]
    fn the_longest_mount_point_wins_at_a_segment_boundary() {
        let mut router = Router::default();
        for (base, target) in [("", 0), ("cache", 1), ("cache:deep", 2)] {
            router.mount(prefix(base), target).unwrap();
        }
        let route = |key: &str| router.route(&Key::parse(key.as_bytes()).unwrap()).unwrap().target;
        assert_eq!(["cache", "cached:a", "cache:a", "cache:deep:a"].map(route), [0, 0, 1, 2]);
    }

    #[test]
    fn only_the_root_is_mounted_twice() {
        let mut router = Router::default();
        router.mount(prefix(""), 0).unwrap();
        router.mount(prefix(""), 1).unwrap();
        assert_eq!(router.plan(b"", true).map(|mount| mount.target).collect::<Vec<_>>(), [1]);
        router.mount(prefix("a"), 2).unwrap();
        assert_eq!(router.mount(prefix("a"), 3), Err(AlreadyMounted));
        assert!(router.unmount(&prefix("")).is_none());
        assert_eq!(router.unmount(&prefix("a")).unwrap().target, 2);
    }
}
