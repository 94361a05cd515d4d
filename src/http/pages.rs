//! Lists that come in pages.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use super::{Reply, Service};
use crate::error::Failure;

/// How many pages one after the other may hold nothing. A service has such where many items were removed.
const MOST_EMPTY: u32 = 1000;

/// Where in a list of pages a listing is. It comes to an end, whatever the service gives to go on by: that is all that it will know of the
/// listing, so where it comes a second time, the same pages would, and so for ever; and it may be new each time, and lead nowhere.
pub struct Pages {
    cursor: Option<String>,
    seen: HashSet<u64>,
    hasher: RandomState,
    found: usize,
    empty: u32,
    most_empty: u32,
}

impl Default for Pages {
    fn default() -> Self {
        Self::of_scan(MOST_EMPTY)
    }
}

impl Pages {
    /// Of a service that looks at all its items, and gives a page for some of them also where none is meant.
    pub fn of_scan(most_empty: u32) -> Self {
        Self { cursor: None, seen: HashSet::new(), hasher: RandomState::new(), found: 0, empty: 0, most_empty }
    }

    /// What the service gave for the next page; none for the first.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// What most services take to give the next page of the items that begin so. They are not told what is empty.
    pub fn query<'a>(&'a self, prefix: &'a str) -> Vec<(&'static str, &'a str)> {
        let pairs = [("prefix", prefix), ("cursor", self.cursor().unwrap_or_default())];
        pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Turns to the page after `reply`, and says whether there is one. `found`: how many items all pages together have held.
    pub fn turn(
        &mut self,
        service: &Service,
        reply: &Reply,
        found: usize,
        next: Option<String>,
    ) -> Result<bool, Failure> {
        self.cursor = next.filter(|next| !next.is_empty());
        let Some(cursor) = &self.cursor else { return Ok(false) };
        self.empty = if found > self.found { 0 } else { self.empty + 1 };
        self.found = found;
        if self.empty <= self.most_empty && self.seen.insert(self.hasher.hash_one(cursor)) {
            return Ok(true);
        }
        Err(service.failed(reply, "EPROTO", "a listing does not go on"))
    }
}
