//! Whom a driver talks to: one server, or a cluster.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    cluster::Cluster,
    link::{Command, Done, Link},
    slot,
};
use crate::{
    driver::{Answer, Status},
    error::Failure,
};

#[derive(Clone)]
pub enum Servers {
    One(Arc<Link>),
    Cluster(Arc<Cluster>),
}

impl Servers {
    /// Puts a command in line that is about `key`. It goes out with the next `flush`.
    pub fn push(&self, key: &[u8], bytes: Bytes, repeatable: bool, done: Done) {
        match self {
            Self::One(link) => link.push(Command::new(bytes, repeatable, link.deadline(), done)),
            Self::Cluster(cluster) => cluster.push(slot::of(key), bytes, repeatable, done),
        }
    }

    pub fn flush(&self) {
        match self {
            Self::One(link) => link.flush(),
            Self::Cluster(cluster) => cluster.flush(),
        }
    }

    pub fn open(&self) {
        match self {
            Self::One(link) => link.open(),
            Self::Cluster(cluster) => cluster.open(),
        }
    }

    pub fn close(&self, answer: Answer<()>) {
        match self {
            Self::One(link) => link.close(answer),
            Self::Cluster(cluster) => cluster.close(answer),
        }
    }

    pub fn status(&self) -> Status {
        match self {
            Self::One(link) => link.status(),
            Self::Cluster(cluster) => cluster.status(),
        }
    }

    /// Commands about many keys at once reach all of them.
    pub fn is_one(&self) -> bool {
        matches!(self, Self::One(..))
    }

    /// All servers that have keys of their own, if they are known.
    pub fn all(&self) -> Option<Vec<Arc<Link>>> {
        match self {
            Self::One(link) => Some(vec![Arc::clone(link)]),
            Self::Cluster(cluster) => cluster.masters(),
        }
    }

    /// Waits until they are.
    pub async fn find_all(&self) -> Result<(), Failure> {
        match self {
            Self::One(..) => Ok(()),
            Self::Cluster(cluster) => cluster.find_masters().await,
        }
    }
}
