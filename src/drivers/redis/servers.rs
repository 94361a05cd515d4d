//! Whom a driver talks to: one server, or a cluster.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    cluster::Cluster,
    command::{Command, Done, Expects, Load},
    link::Link,
    server::Server,
    slot,
};
use crate::{
    driver::{Answer, Status},
    error::Failure,
};

#[derive(Clone)]
pub struct Servers {
    whom: Whom,
    /// Of all commands that were pushed here and are not answered yet.
    load: Load,
}

#[derive(Clone)]
pub enum Whom {
    One(Arc<Link>),
    Cluster(Arc<Cluster>),
}

/// Who has which keys: in a cluster by their slots, or else as if there were one slot.
pub struct Owners {
    pub links: Vec<Arc<Link>>,
    /// Which of the links; another number for none.
    pub by_slot: Vec<u16>,
}

impl Owners {
    pub fn of(&self, slot: usize) -> Option<&Arc<Link>> {
        self.links.get(usize::from(*self.by_slot.get(slot)?))
    }
}

impl Servers {
    pub fn new(whom: Whom) -> Self {
        Self { whom, load: Load::default() }
    }

    /// Puts a command in line that is about `key`. It goes out with the next `flush`.
    pub fn push(&self, key: &[u8], bytes: Bytes, expects: Expects, done: Done) {
        let weight = self.load.add(bytes.len());
        match &self.whom {
            Whom::One(link) => link.push(Command::new(bytes, expects, link.deadline(), done).weighing(weight)),
            Whom::Cluster(cluster) => cluster.push(slot::of(key), bytes, expects, done, weight),
        }
    }

    /// The bytes that pending commands take.
    pub fn load(&self) -> usize {
        self.load.get()
    }

    pub fn flush(&self) {
        match &self.whom {
            Whom::One(link) => link.flush(),
            Whom::Cluster(cluster) => cluster.flush(),
        }
    }

    pub fn open(&self) {
        match &self.whom {
            Whom::One(link) => link.open(),
            Whom::Cluster(cluster) => cluster.open(),
        }
    }

    pub fn close(&self, answer: Answer<()>) {
        match &self.whom {
            Whom::One(link) => link.close(answer),
            Whom::Cluster(cluster) => cluster.close(answer),
        }
    }

    pub fn status(&self) -> Status {
        match &self.whom {
            Whom::One(link) => link.status(),
            Whom::Cluster(cluster) => cluster.status(),
        }
    }

    /// Commands about many keys at once reach all of them.
    pub fn is_one(&self) -> bool {
        matches!(self.whom, Whom::One(..))
    }

    /// Who has which keys, if anybody is known.
    pub fn owners(&self) -> Option<Owners> {
        match &self.whom {
            Whom::One(link) => Some(Owners { links: vec![Arc::clone(link)], by_slot: vec![0] }),
            Whom::Cluster(cluster) => cluster.owners(),
        }
    }

    /// How often the driver was disposed.
    pub fn era(&self) -> u64 {
        match &self.whom {
            Whom::One(link) => link.era(),
            Whom::Cluster(cluster) => cluster.era(),
        }
    }

    /// All servers that have keys of their own, as somebody knows who is asked now.
    pub async fn servers(&self) -> Result<Vec<Server>, Failure> {
        match &self.whom {
            Whom::One(link) => Ok(vec![link.server().clone()]),
            Whom::Cluster(cluster) => {
                cluster.find_masters().await?;
                Ok(cluster.servers())
            }
        }
    }

    /// Waits until the owners are known, as somebody says who is asked now.
    pub async fn find_all(&self) -> Result<(), Failure> {
        match &self.whom {
            Whom::One(..) => Ok(()),
            Whom::Cluster(cluster) => cluster.find_masters().await,
        }
    }
}
