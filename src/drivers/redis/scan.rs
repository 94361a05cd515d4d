//! Listing and clearing: the keys of all servers, a page at a time.
//!
//! A cursor means something only to the server that gave it. When its connection breaks, the server's keys are begun anew, wherever
//! they are by then: at the same server, at the master that the sentinels name, or at those that have its slots.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use foldhash::fast::FixedState;
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    command::{Command, Expects, Patience, is_busy, is_lost},
    link::Link,
    resp::{Reply, encode},
    servers::{Owners, Servers},
    steps::{Awaited, ask, reply},
    unexpected,
};
use crate::{
    driver::{Answer, Bells, Cleared},
    error::{Cause, Failure},
    key::{KeyList, Listing, normalize},
};

/// How many keys one command removes.
const REMOVED_TOGETHER: usize = 1000;

/// All keys of a driver that start with some text.
pub struct Scan {
    pub servers: Servers,
    pub patience: Patience,
    /// How often other masters may turn out to have slots by now.
    pub moves: u32,
    /// What the driver puts in front of its keys.
    pub prefix: Box<[u8]>,
    pub count: u32,
    pub listing: Listing,
    /// As it was when the call was made: [`Servers::era`].
    pub era: u64,
}

/// All servers that are gone through, and the first page of each.
pub struct Begun {
    owners: Owners,
    passes: Vec<(Arc<Link>, Page)>,
}

/// A step's reply, and the number of the connection that it came on.
type Page = oneshot::Receiver<(Result<Reply, Failure>, u64)>;

/// Why a server was not gone through to its end.
enum Stop {
    /// It is to be begun anew; `paged`: some of its keys had come.
    Broken {
        failure: Failure,
        paged: bool,
    },
    Lasting(Cause),
}

/// A key as the server has it, and as the driver's caller has it.
struct Found {
    name: Bytes,
    key: Box<[u8]>,
}

/// Keys on their way out, and where it is told that they are gone.
struct Removal {
    keys: Vec<Box<[u8]>>,
    removed: Awaited,
}

impl Scan {
    /// The first steps go out with the caller's other commands, in their order; none where the servers are not known yet.
    pub fn begin(&self) -> Option<Begun> {
        let owners = self.servers.owners()?;
        Some(self.pass_through(owners, &[]))
    }

    /// Begins with all servers that have a slot which is not done.
    fn pass_through(&self, owners: Owners, done: &[bool]) -> Begun {
        let mut wanted = vec![false; owners.links.len()];
        for (slot, &owner) in owners.by_slot.iter().enumerate() {
            if let Some(wanted) = wanted.get_mut(usize::from(owner)) {
                *wanted |= !done.get(slot).is_some_and(|&done| done);
            }
        }
        let links = owners.links.iter().zip(wanted).filter(|(_, wanted)| *wanted);
        let passes = links.map(|(link, _)| (Arc::clone(link), page_of(link, self.step(b"0")))).collect();
        Begun { owners, passes }
    }

    fn step(&self, cursor: &[u8]) -> Bytes {
        let mut pattern = escaped(&self.prefix);
        pattern.extend(escaped(self.listing.relative_base()));
        pattern.push(b'*');
        encode(&[b"SCAN", cursor, b"MATCH", &pattern, b"COUNT", self.count.to_string().as_bytes()])
    }

    /// Tells of each key, of some more than once. A slot is done when a server that has it still was gone through.
    async fn run(&self, begun: Option<Begun>, mut tell: impl FnMut(Found)) -> Result<(), Cause> {
        let mut begun = match begun {
            Some(begun) => begun,
            None => self.pass_through(self.find_owners().await?, &[]),
        };
        let (mut done, mut setbacks, mut moves) = (Vec::new(), Setbacks::new(&self.patience), 0);
        loop {
            self.servers.flush();
            let (mut through, mut wait, Begun { owners, passes }) = (Vec::new(), None, begun);
            for (link, first) in passes {
                match self.go_through(&link, first, &mut tell).await {
                    Ok(()) => through.push(link),
                    Err(Stop::Lasting(cause)) => return Err(cause),
                    Err(Stop::Broken { failure, paged }) => {
                        let again = setbacks.meet(paged, Instant::now());
                        wait = wait.max(Some(again.ok_or(failure)?));
                    }
                }
            }
            if let Some(wait) = wait {
                sleep(wait).await;
            }
            let now = self.find_owners().await?;
            done.resize(now.by_slot.len(), false);
            for (slot, done) in done.iter_mut().enumerate() {
                *done |= match (owners.of(slot), now.of(slot)) {
                    (Some(before), Some(now)) => {
                        Arc::ptr_eq(before, now) && through.iter().any(|link| Arc::ptr_eq(link, now))
                    }
                    (before, now) => before.is_none() && now.is_none(),
                };
            }
            if done.iter().all(|&done| done) {
                return Ok(());
            }
            if wait.is_none() {
                moves += 1;
                if moves > self.moves {
                    let message = format!("slots of the cluster went to other masters {moves} times meanwhile");
                    return Err(Failure::new("TRYAGAIN", message).into());
                }
            }
            begun = self.pass_through(now, &done);
        }
    }

    /// Who has which keys by now.
    async fn find_owners(&self) -> Result<Owners, Cause> {
        let found = self.servers.find_all();
        match self.patience.command {
            None => found.await?,
            Some(most) => timeout(most, found).await.map_err(|_| {
                let message = format!("the cluster has not told of its masters within {} ms", most.as_millis());
                Failure::new("ETIMEDOUT", message)
            })??,
        }
        self.go_on()?;
        let none = || Failure::new("CLUSTERDOWN", "the cluster has no masters");
        Ok(self.servers.owners().ok_or_else(none)?)
    }

    /// No connection is opened anew for a call from before the driver was disposed.
    fn go_on(&self) -> Result<(), Failure> {
        let disposed = self.servers.era() != self.era;
        if disposed { Err(Failure::new("CLOSED", "the driver was disposed meanwhile")) } else { Ok(()) }
    }

    /// Tells of the keys of one server, some of them several times.
    async fn go_through(&self, link: &Arc<Link>, first: Page, tell: &mut impl FnMut(Found)) -> Result<(), Stop> {
        let mut paged = false;
        let (mut page, connection) = self.read(first, paged).await?;
        loop {
            self.go_on().map_err(Stop::lasting)?;
            let (cursor, names) = parts(page).ok_or_else(|| Stop::Lasting(unexpected()))?;
            for name in names {
                let Some(relative) = name.strip_prefix(self.prefix.as_ref()) else { continue };
                // Other programs' keys may be no text, or have empty segments.
                let text = String::from_utf8_lossy(relative);
                let key = normalize(text.as_bytes());
                if !key.is_empty() && self.listing.accepts(&key) {
                    tell(Found { key: key.into(), name });
                }
            }
            if cursor.as_ref() == b"0" {
                return Ok(());
            }
            paged = true;
            let next = page_of(link, self.step(&cursor));
            link.flush();
            let now;
            (page, now) = self.read(next, paged).await?;
            if now != connection {
                let failure = Failure::new("ECONNRESET", "the connection broke while the keys were listed");
                return Err(Stop::Broken { failure, paged });
            }
        }
    }

    async fn read(&self, page: Page, paged: bool) -> Result<(Reply, u64), Stop> {
        let (reply, connection) = page.await.map_err(|_| Stop::Lasting(Cause::Abandoned))?;
        match reply {
            Ok(reply) => Ok((reply, connection)),
            // The link to one server has tried again as often as it may.
            Err(failure) if !self.servers.is_one() && (is_lost(&failure) || is_busy(&failure)) => {
                Err(Stop::Broken { failure, paged })
            }
            Err(failure) => Err(Stop::lasting(failure)),
        }
    }

    pub async fn list(self, begun: Option<Begun>, answer: Answer<KeyList>) {
        let (mut keys, mut seen) = (KeyList::default(), HashSet::<Bytes, FixedState>::default());
        let tell = |Found { name, key }: Found| {
            // A server may name a key several times, and two may while it moves.
            if seen.insert(name) {
                keys.push(self.listing.mount.as_bytes(), &key);
            }
        };
        let result = self.run(begun, tell).await;
        answer.send(result.map(|()| keys), &mut Bells::default());
    }

    /// What is found again is removed again: the master that took over may not have heard of its removal.
    pub async fn clear(self, begun: Option<Begun>, answer: Answer<Cleared>) {
        let (mut found, mut removals) = (Vec::new(), Vec::new());
        let tell = |one| {
            found.push(one);
            if found.len() == REMOVED_TOGETHER {
                removals.extend(self.unlink(&mut found));
            }
        };
        let result = self.run(begun, tell).await;
        if result.is_ok() {
            removals.extend(self.unlink(&mut found));
        }
        let mut cleared = Cleared { failure: result.err(), ..Cleared::default() };
        let mut told = HashSet::<Box<[u8]>, FixedState>::default();
        for Removal { keys, removed } in removals {
            match reply(removed).await {
                Ok(_) if !self.listing.told => {}
                Ok(_) => {
                    for key in keys {
                        if !told.contains(&key) {
                            cleared.gone.push(self.listing.mount.as_bytes(), &key);
                            told.insert(key);
                        }
                    }
                }
                Err(cause) => cleared.failure = cleared.failure.or(Some(cause)),
            }
        }
        answer.send(Ok(cleared), &mut Bells::default());
    }

    /// Removes what was found by one command, or in a cluster, where each may be elsewhere, by one each.
    fn unlink(&self, found: &mut Vec<Found>) -> Vec<Removal> {
        let size = if self.servers.is_one() { REMOVED_TOGETHER } else { 1 };
        let mut removals = Vec::with_capacity(found.len().div_ceil(size));
        while !found.is_empty() {
            let (names, keys): (Vec<_>, Vec<_>) =
                found.drain(..size.min(found.len())).map(|Found { name, key }| (name, key)).unzip();
            let command: Vec<_> = [Bytes::from_static(b"UNLINK")].iter().chain(&names).cloned().collect();
            removals.push(Removal { keys, removed: ask(&self.servers, &names[0], encode(&command), Expects::Integer) });
        }
        self.servers.flush();
        removals
    }
}

impl Stop {
    fn lasting(failure: Failure) -> Self {
        Self::Lasting(failure.into())
    }
}

/// How often a listing may begin anew, of servers that broke off.
struct Setbacks<'a> {
    patience: &'a Patience,
    /// How often some keys had come.
    begun_anew: u32,
    /// How often none had, since when.
    in_vain: u32,
    since: Option<Instant>,
}

impl<'a> Setbacks<'a> {
    fn new(patience: &'a Patience) -> Self {
        Self { patience, begun_anew: 0, in_vain: 0, since: None }
    }

    /// How long to wait before the next attempt; None gives up. As any call, a listing waits for a master as long as it may take; what breaks off
    /// again and again, it begins as often as a call is tried again.
    fn meet(&mut self, paged: bool, now: Instant) -> Option<Duration> {
        if paged {
            self.begun_anew += 1;
            (self.in_vain, self.since) = (0, None);
        } else {
            self.in_vain += 1;
        }
        let since = *self.since.get_or_insert(now);
        let tries = match self.patience.command {
            Some(most) if now.duration_since(since) < most => self.begun_anew,
            Some(_) => return None,
            None => self.begun_anew + self.in_vain,
        };
        let spent = self.patience.retries.is_some_and(|most| tries > most);
        (!spent).then(|| self.patience.delay(self.in_vain).unwrap_or_default())
    }
}

/// A step of a scan, for one server.
fn page_of(link: &Arc<Link>, command: Bytes) -> Page {
    let (sender, receiver) = oneshot::channel();
    let from = Arc::clone(link);
    let done = move |reply, _: &mut Bells| drop(sender.send((reply, from.connection())));
    link.push(Command::new(command, Expects::List, link.deadline(), Box::new(done)));
    receiver
}

fn parts(page: Reply) -> Option<(Bytes, Vec<Bytes>)> {
    let Reply::List(parts) = page else { return None };
    let [Reply::Bulk(Some(cursor)), Reply::List(names)] = <[Reply; 2]>::try_from(parts).ok()? else { return None };
    let name = |reply| match reply {
        Reply::Bulk(name) => name,
        _ => None,
    };
    Some((cursor, names.into_iter().map(name).collect::<Option<_>>()?))
}

/// A text as a pattern that stands for itself.
pub fn escaped(text: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(text.len());
    for &byte in text {
        if b"*?[]\\".contains(&byte) {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(command: Option<u64>, retries: Option<u32>) -> Patience {
        let delays = vec![Some(Duration::from_millis(5))];
        Patience { command: command.map(Duration::from_millis), retries, delays, offline: true, together: false }
    }

    /// After which of endless setbacks, one each millisecond, it gives up.
    fn last(patience: &Patience, paged: bool) -> Option<u64> {
        let (mut setbacks, start) = (Setbacks::new(patience), Instant::now());
        (0..1000).find(|&time| setbacks.meet(paged, start + Duration::from_millis(time)).is_none())
    }

    #[test]
    fn a_listing_is_begun_anew_within_limits() {
        // What breaks off again and again, so many times.
        assert_eq!(last(&patience(Some(100), Some(20)), true), Some(20));
        assert_eq!(last(&patience(None, Some(20)), true), Some(20));
        assert_eq!(last(&patience(Some(100), Some(0)), true), Some(0));
        // A master that is gone, for so long.
        assert_eq!(last(&patience(Some(100), Some(20)), false), Some(100));
        assert_eq!(last(&patience(Some(100), None), false), Some(100));
        assert_eq!(last(&patience(None, Some(20)), false), Some(20));
        assert_eq!(last(&patience(None, None), false), None);
    }

    #[test]
    fn patterns_stand_for_themselves() {
        assert_eq!(escaped(b"a*b?[c]\\:d"), b"a\\*b\\?\\[c\\]\\\\:d");
    }
}
