//! What a job touches, and how.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use smallvec::SmallVec;

/// Where an item lies, in words that all share who share a schedule: two drivers over one folder name a file alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The hashes of what it lies in, from the outermost, and last its own. What shares a hash shares the order.
    way: SmallVec<[u64; 12]>,
}

impl Place {
    /// A name in parts, each with what ends it. It stands for all that begins with the same parts.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = FixedState::default().build_hasher();
        let hash = |part: &[u8]| {
            hasher.write(part);
            hasher.finish()
        };
        Self { way: parts.into_iter().map(hash).collect() }
    }

    /// What all paths begin with that begin so, if it ends with a `/`.
    pub fn of_path(path: &[u8]) -> Self {
        Self::new(path.split_inclusive(|&byte| byte == b'/'))
    }

    pub fn way(&self) -> &[u64] {
        &self.way
    }
}

/// The places of one job: usually one.
pub type Places = SmallVec<[Place; 1]>;

/// Whether a job changes what it touches. Jobs that only read do not wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

/// What a job touches.
pub enum Claim {
    Nothing,
    Places(Places, Access),
    /// What it touches has yet to be looked up: that is done when there is something else that it can meet.
    Later(Lookup, Access),
}

pub type Lookup = Box<dyn FnOnce() -> Places + Send>;

impl Claim {
    pub fn writes(&self) -> bool {
        matches!(self, Self::Places(_, Access::Write) | Self::Later(_, Access::Write))
    }
}
