//! A command on its way, and how long it is waited for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::resp::Reply;
use crate::{driver::Bells, error::Failure};

pub type Done = Box<dyn FnOnce(Result<Reply, Failure>, &mut Bells) + Send>;

/// What a server answers to a command, where it answers with no error. A reply of another kind is none to this command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expects {
    /// It is a caller's own.
    Anything,
    Status,
    Integer,
    Bulk,
    List,
}

impl Expects {
    /// Doing it twice comes to the same as doing it once, so that it may be sent again: all commands of the driver's own are such.
    pub fn is_repeatable(self) -> bool {
        self != Self::Anything
    }

    pub fn fits(self, reply: &Reply) -> bool {
        match reply {
            Reply::Error(_) => true,
            Reply::Status(_) => matches!(self, Self::Anything | Self::Status),
            Reply::Integer(_) => matches!(self, Self::Anything | Self::Integer),
            Reply::Bulk(_) => matches!(self, Self::Anything | Self::Bulk),
            Reply::List(_) => matches!(self, Self::Anything | Self::List),
        }
    }
}

pub struct Command {
    pub bytes: Bytes,
    /// None once it was answered: by the clock, before the server.
    pub done: Option<Done>,
    pub expects: Expects,
    pub deadline: Option<Instant>,
    /// How often it went into a connection that broke.
    pub broken: u32,
    _weight: Option<Weight>,
}

impl Command {
    pub fn new(bytes: Bytes, expects: Expects, deadline: Option<Instant>, done: Done) -> Self {
        Self { bytes, done: Some(done), expects, deadline, broken: 0, _weight: None }
    }

    pub fn weighing(self, weight: Weight) -> Self {
        Self { _weight: Some(weight), ..self }
    }

    pub fn end(self, result: Result<Reply, Failure>, bells: &mut Bells) {
        if let Some(done) = self.done {
            done(result, bells);
        }
    }
}

/// Whether nobody answered: there is no connection, or it broke.
pub fn is_lost(failure: &Failure) -> bool {
    matches!(
        failure.code.as_ref(),
        "ECONNREFUSED" | "ECONNRESET" | "EPIPE" | "EHOSTUNREACH" | "ENETUNREACH" | "ENOTFOUND" | "EPROTO" | "ETIMEDOUT"
    )
}

/// Whether the server answers that it, or another, will answer soon.
pub fn is_busy(failure: &Failure) -> bool {
    matches!(failure.code.as_ref(), "TRYAGAIN" | "CLUSTERDOWN" | "MASTERDOWN" | "LOADING")
}

/// When a link waits and when it gives up.
#[derive(Debug, Clone)]
pub struct Patience {
    /// None for no end.
    pub command: Option<Duration>,
    /// How often a command, or connecting for it, is tried again; None for no end.
    pub retries: Option<u32>,
    /// What is waited before each of these tries; the last holds for all after it. At its end, None gives up.
    pub delays: Vec<Option<Duration>>,
    /// Commands wait for a connection.
    pub offline: bool,
    /// When one is given up, all are: whoever gets them back keeps their order then.
    pub together: bool,
}

impl Patience {
    /// Until when a call of now is answered.
    pub fn deadline(&self) -> Option<Instant> {
        self.command.map(|most| Instant::now() + most)
    }

    /// What is waited before the nth attempt, from 1 on; None gives up.
    pub fn delay(&self, attempt: u32) -> Option<Duration> {
        let index = (attempt.max(1) as usize - 1).min(self.delays.len().saturating_sub(1));
        self.delays.get(index).copied().flatten()
    }
}

/// What a pending command takes beside its bytes.
const OVERHEAD: usize = 1000;

/// The memory that a driver's pending commands take.
#[derive(Clone, Default)]
pub struct Load(Arc<AtomicUsize>);

/// What one of them takes, until this is dropped.
pub struct Weight {
    load: Arc<AtomicUsize>,
    size: usize,
}

impl Load {
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub fn add(&self, bytes: usize) -> Weight {
        let size = bytes + OVERHEAD;
        self.0.fetch_add(size, Ordering::Relaxed);
        Weight { load: Arc::clone(&self.0), size }
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.load.fetch_sub(self.size, Ordering::Relaxed);
    }
}
