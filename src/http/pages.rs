//! Lists that come in pages.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use super::{Reply, Service};
use crate::error::Failure;

/// Where in a list of pages a listing is. What a service gives to go on by is all that it will know of the listing: where it comes a second
/// time, the same pages would, and so for ever.
#[derive(Default)]
pub struct Pages {
    cursor: Option<String>,
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl Pages {
    /// What the service gave for the next page; none for the first.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Turns to the page after `reply`, and says whether there is one.
    pub fn turn(&mut self, service: &Service, reply: &Reply, next: Option<String>) -> Result<bool, Failure> {
        self.cursor = next.filter(|next| !next.is_empty());
        let Some(cursor) = &self.cursor else { return Ok(false) };
        if self.seen.insert(self.hasher.hash_one(cursor)) {
            return Ok(true);
        }
        Err(service.failed(reply, "EPROTO", "a listing does not go on"))
    }
}
