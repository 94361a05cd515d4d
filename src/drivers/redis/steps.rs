//! Calls that take several commands: metadata, listing and clearing.

use std::{collections::HashSet, mem, sync::Arc};

use bytes::Bytes;
use foldhash::fast::FixedState;
use tokio::sync::oneshot;

use super::{
    command::{Command, Expects},
    link::Link,
    resp::{Reply, encode},
    servers::Servers,
    unexpected,
};
use crate::{
    driver::{Answer, Bells, Cleared, Field, Fields, network},
    error::{Cause, Failure},
    key::{KeyList, Listing, normalize},
};

/// How many keys one command removes.
const REMOVED_TOGETHER: usize = 1000;

type Awaited = oneshot::Receiver<Result<Reply, Failure>>;

/// Runs what goes on after the call has returned.
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    // Without the network's thread the link refuses what the task waits for, and its answer is given up with it.
    if let Ok(network) = network::handle() {
        network.spawn(task);
    }
}

/// A command about a key whose reply is awaited: for what takes many of them anyway.
pub fn ask(servers: &Servers, key: &[u8], command: Bytes, expects: Expects) -> Awaited {
    let (sender, receiver) = oneshot::channel();
    // Nobody listens any more where the call has ended.
    servers.push(key, command, expects, Box::new(move |reply, _| drop(sender.send(reply))));
    receiver
}

/// A step of a scan, for one server.
fn scan_at(link: &Link, command: Bytes) -> Awaited {
    let (sender, receiver) = oneshot::channel();
    let done = Box::new(move |reply, _: &mut Bells| drop(sender.send(reply)));
    link.push(Command::new(command, Expects::List, link.deadline(), done));
    receiver
}

async fn reply(receiver: Awaited) -> Result<Reply, Cause> {
    Ok(receiver.await.map_err(|_| Cause::Abandoned)??)
}

/// The metadata that the replies to TYPE, PTTL and STRLEN tell.
pub async fn fields(replies: [Awaited; 3]) -> Result<Fields, Cause> {
    let [kind, ttl, size] = replies;
    let Reply::Status(kind) = reply(kind).await? else { return Err(unexpected()) };
    #[allow(clippy::cast_precision_loss, reason = "no life and no value is as large")]
    let number = |number: i64, unit: f64| if number < 0 { Field::Absent } else { Field::Number(number as f64 / unit) };
    let Reply::Integer(ttl) = reply(ttl).await? else { return Err(unexpected()) };
    // Only strings have a length of this kind.
    let size = match reply(size).await {
        Ok(Reply::Integer(size)) if kind.as_ref() == b"string" => number(size, 1.0),
        _ => Field::Absent,
    };
    let kind =
        if kind.as_ref() == b"none" { Field::Absent } else { Field::Text(String::from_utf8_lossy(&kind).into()) };
    Ok(vec![("ttl".into(), number(ttl, 1000.0)), ("size".into(), size), ("type".into(), kind)])
}

/// All keys of a driver that start with some text.
pub struct Scan {
    pub servers: Servers,
    /// What the driver puts in front of its keys.
    pub prefix: Box<[u8]>,
    pub count: u32,
    pub listing: Listing,
}

/// A server that is gone through, and the next step's reply.
type Pass = (Arc<Link>, Awaited);

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
    pub fn begin(&self) -> Option<Vec<Pass>> {
        Some(self.pass_through(self.servers.all()?.into_iter()))
    }

    fn pass_through(&self, links: impl Iterator<Item = Arc<Link>>) -> Vec<Pass> {
        let pass = |link: Arc<Link>| {
            let first = scan_at(&link, self.step(b"0"));
            (link, first)
        };
        links.map(pass).collect()
    }

    fn step(&self, cursor: &[u8]) -> Bytes {
        let mut pattern = escaped(&self.prefix);
        pattern.extend(escaped(self.listing.relative_base()));
        pattern.push(b'*');
        encode(&[b"SCAN", cursor, b"MATCH", &pattern, b"COUNT", self.count.to_string().as_bytes()])
    }

    /// Tells of each key once. A server may name a key several times, and two may while it moves.
    async fn run(&self, begun: Option<Vec<Pass>>, mut tell: impl FnMut(Found)) -> Result<(), Cause> {
        let passes = if let Some(passes) = begun {
            passes
        } else {
            self.servers.find_all().await?;
            let passes = self.begin().unwrap_or_default();
            self.servers.flush();
            passes
        };
        let mut seen: HashSet<Bytes, FixedState> = HashSet::default();
        let mut tell = |found: Found| {
            if seen.insert(found.name.clone()) {
                tell(found);
            }
        };
        let (mut passes, mut known) = (passes, Vec::new());
        while !passes.is_empty() {
            for (link, first) in mem::take(&mut passes) {
                self.go_through(&link, first, &mut tell).await?;
                known.push(link);
            }
            if !self.servers.is_one() {
                // Others may have become masters, of slots that nobody asked for since.
                self.servers.find_all().await?;
                let links = self.servers.all().unwrap_or_default().into_iter();
                passes = self.pass_through(links.filter(|link| !known.iter().any(|known| Arc::ptr_eq(known, link))));
                self.servers.flush();
            }
        }
        Ok(())
    }

    /// Tells of the keys of one server, some of them several times.
    async fn go_through(&self, link: &Link, first: Awaited, tell: &mut impl FnMut(Found)) -> Result<(), Cause> {
        let mut page = reply(first).await?;
        loop {
            let (cursor, names) = parts(page).ok_or_else(unexpected)?;
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
            let next = scan_at(link, self.step(&cursor));
            link.flush();
            page = reply(next).await?;
        }
    }

    pub async fn list(self, begun: Option<Vec<Pass>>, answer: Answer<KeyList>) {
        let mut keys = KeyList::default();
        let result = self.run(begun, |found| keys.push(self.listing.mount.as_bytes(), &found.key)).await;
        answer.send(result.map(|()| keys), &mut Bells::default());
    }

    pub async fn clear(self, begun: Option<Vec<Pass>>, answer: Answer<Cleared>) {
        let (mut found, mut removals) = (Vec::new(), Vec::new());
        let result = self
            .run(begun, |one| {
                found.push(one);
                if found.len() == REMOVED_TOGETHER {
                    removals.extend(self.unlink(&mut found));
                }
            })
            .await;
        if result.is_ok() {
            removals.extend(self.unlink(&mut found));
        }
        let mut cleared = Cleared { failure: result.err(), ..Cleared::default() };
        for Removal { keys, removed } in removals {
            match reply(removed).await {
                Ok(_) if !self.listing.told => {}
                Ok(_) => keys.iter().for_each(|key| cleared.gone.push(self.listing.mount.as_bytes(), key)),
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
