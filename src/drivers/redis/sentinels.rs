//! Sentinels: who says which server is the master of a name, and when it is another.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::time::{sleep, timeout};

use super::{
    resp::{Reply, encode, refusal},
    rivals::first_answer,
    server::{Access, Address, Opened, Trouble},
    subscription::Subscription,
};
use crate::error::Failure;

/// How long a sentinel that broke off is waited for, while the server itself answers.
const AGAIN: Duration = Duration::from_secs(1);
const SWITCHED: &str = "+switch-master";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Master,
    Replica,
}

pub struct Sentinels {
    /// How each is spoken to, but for its address.
    access: Access,
    /// What the sentinels call the master.
    name: String,
    role: Role,
    /// Those of the options, and whom they told of; the one that answered last is the first.
    known: Mutex<Vec<Address>>,
}

impl Sentinels {
    pub fn new(access: Access, addresses: Vec<Address>, name: String, role: Role) -> Arc<Self> {
        Arc::new(Self { access, name, role, known: Mutex::new(addresses) })
    }

    pub fn find_master(&self) -> bool {
        self.role == Role::Master
    }

    /// Opens a connection to the server that is looked for, which is spoken to as `access` says.
    pub async fn open(self: Arc<Self>, access: &Access) -> Result<Opened, Trouble> {
        let known = self.lock().clone();
        let ask = |index: usize| Arc::clone(&self).open_told(access, &known[index]).boxed();
        first_answer(known.len(), ask).await.map_err(|mut troubles| {
            // What may pass for one of them is worth another attempt.
            let passing = troubles.iter().rposition(|trouble| matches!(trouble, Trouble::Passing(_)));
            match passing {
                Some(index) => troubles.swap_remove(index),
                None => troubles.pop().unwrap_or_else(nobody),
            }
        })
    }

    /// Opens a connection to the server that one sentinel tells of.
    async fn open_told(self: Arc<Self>, access: &Access, sentinel: &Address) -> Result<Opened, Trouble> {
        match self.role {
            Role::Master => self.open_master(access, sentinel).await,
            Role::Replica => {
                let mut last = nobody();
                for address in self.ask(sentinel).await? {
                    match self.open_at(access, &address).await {
                        Ok(opened) => {
                            self.prefer(sentinel);
                            return Ok(opened);
                        }
                        Err(trouble) => last = trouble,
                    }
                }
                Err(last)
            }
        }
    }

    /// While a master says nothing, it is waited for until the sentinel names another.
    async fn open_master(self: Arc<Self>, access: &Access, sentinel: &Address) -> Result<Opened, Trouble> {
        loop {
            let address = self.ask(sentinel).await?.pop().ok_or_else(nobody)?;
            let mut replaced = Box::pin(Arc::clone(&self).replaced(sentinel.clone(), address.clone()));
            let opened = tokio::select! {
                opened = self.open_at(access, &address) => opened,
                () = &mut replaced => continue,
            };
            let opened = Opened { replaced, ..opened? };
            self.prefer(sentinel);
            return Ok(opened);
        }
    }

    /// Whether it is what the sentinels take it for: a master that was lost is told last that it is none any more.
    async fn open_at(&self, access: &Access, address: &Address) -> Result<Opened, Trouble> {
        let mut opened = access.open(address).await?;
        let reply = ask(&mut opened, &[encode(&["ROLE"])], access.connect_timeout).await?.pop();
        let wanted: &[u8] = if self.role == Role::Master { b"master" } else { b"slave" };
        match reply {
            Some(Reply::List(parts)) if matches!(parts.first(), Some(Reply::Bulk(Some(role))) if role != wanted) => {
                let role = if self.role == Role::Master { "master" } else { "replica" };
                let message =
                    format!("{address}, of which the sentinels say that it is the {role} of {:?}, is none", self.name);
                Err(Trouble::Passing(Failure::new("READONLY", message)))
            }
            // Users may be allowed little.
            _ => Ok(opened),
        }
    }

    /// Where a sentinel says that the server is: several for replicas, of which each process is to take another.
    async fn ask(&self, sentinel: &Address) -> Result<Vec<Address>, Trouble> {
        let mut opened = self.speak_to(sentinel).await?;
        let find = match self.role {
            Role::Master => encode(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", &self.name]),
            Role::Replica => encode(&["SENTINEL", "REPLICAS", &self.name]),
        };
        let others = encode(&["SENTINEL", "SENTINELS", &self.name]);
        let replies = ask(&mut opened, &[find, others], self.access.connect_timeout).await?;
        let [found, others] = <[Reply; 2]>::try_from(replies).map_err(|_| unexpected(sentinel))?;
        if let Reply::List(others) = others {
            let mut known = self.lock();
            // One that is down now may be up when it is needed.
            for other in others.into_iter().filter_map(|other| described(other, false)) {
                if !known.contains(&other) {
                    known.push(other);
                }
            }
        }
        match (found, self.role) {
            (Reply::Error(text), _) => {
                let failure = refusal(&text);
                let message = format!("the sentinel at {sentinel}: {}", failure.message);
                Err(Trouble::Lasting(Failure { message, ..failure }))
            }
            (Reply::List(parts), Role::Master) => Ok(vec![address(&parts).ok_or_else(|| unexpected(sentinel))?]),
            (Reply::List(replicas), Role::Replica) => {
                let mut replicas: Vec<_> =
                    replicas.into_iter().filter_map(|replica| described(replica, true)).collect();
                if replicas.is_empty() {
                    let message = format!("the sentinel at {sentinel} knows no replica of {:?} that is up", self.name);
                    return Err(Trouble::Passing(Failure::new("ENOTFOUND", message)));
                }
                let first = usize::try_from(std::process::id()).unwrap_or_default() % replicas.len();
                replicas.rotate_left(first);
                Ok(replicas)
            }
            (Reply::Bulk(None), _) => {
                let message = format!("the sentinel at {sentinel} knows no master {:?}", self.name);
                Err(Trouble::Passing(Failure::new("ENOTFOUND", message)))
            }
            _ => Err(unexpected(sentinel)),
        }
    }

    async fn speak_to(&self, sentinel: &Address) -> Result<Opened, Trouble> {
        let of_sentinel = |failure: Failure| Failure { message: format!("sentinel: {}", failure.message), ..failure };
        self.access.open(sentinel).await.map_err(|trouble| match trouble {
            Trouble::Passing(failure) => Trouble::Passing(of_sentinel(failure)),
            Trouble::Lasting(failure) => Trouble::Lasting(of_sentinel(failure)),
        })
    }

    /// Ends when the master is no longer at `address`, as it was by `teller`. All sentinels are listened to: the one that replaces
    /// a master knows of it a second before the others, while the old one still takes writes.
    async fn replaced(self: Arc<Self>, teller: Address, address: Address) {
        let known = self.lock().clone();
        let mut listeners: FuturesUnordered<_> =
            known.iter().map(|sentinel| self.hear(sentinel, &address, *sentinel == teller)).collect();
        if let Some(sentinel) = listeners.next().await {
            self.prefer(sentinel);
        }
    }

    /// Ends when the sentinel says that the master is no longer at `address`.
    async fn hear<'a>(&self, sentinel: &'a Address, address: &Address, is_teller: bool) -> &'a Address {
        while self.listen(sentinel, address, is_teller).await.is_err() {
            sleep(AGAIN).await;
        }
        sentinel
    }

    /// An error if the sentinel broke off before it said so.
    async fn listen(&self, sentinel: &Address, master: &Address, is_teller: bool) -> Result<(), Trouble> {
        let mut opened = self.speak_to(sentinel).await?;
        let subscribe = encode(&["SUBSCRIBE", SWITCHED]);
        let find = encode(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", &self.name]);
        // Asked first, as it may have happened before: the sentinel does both at once.
        let replies = ask(&mut opened, &[find, subscribe], self.access.connect_timeout).await?;
        match replies.as_slice() {
            // Another may not have heard yet of the master that the teller told of.
            [Reply::List(found), Reply::List(_)] if !is_teller || address(found).as_ref() == Some(master) => {}
            [Reply::List(_), Reply::List(_)] => return Ok(()),
            _ => return Err(unexpected(sentinel)),
        }
        let mut subscription = Subscription::new(opened);
        loop {
            let news = subscription.next().await;
            let broke = |error| Trouble::of(&format!("the sentinel at {sentinel}"), &error);
            if self.switched(&news.map_err(broke)?.text).is_some_and(|now| now != *master) {
                return Ok(());
            }
        }
    }

    /// Where the master is now, of "name old-host old-port new-host new-port".
    fn switched(&self, news: &[u8]) -> Option<Address> {
        let text = std::str::from_utf8(news).ok()?;
        let mut words = text.strip_prefix(&self.name)?.strip_prefix(' ')?.split(' ').skip(2);
        let (host, port) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
        Some(Address::Tcp { host, port })
    }

    /// Asks it first from now on.
    fn prefer(&self, sentinel: &Address) {
        let mut known = self.lock();
        if let Some(index) = known.iter().position(|known| known == sentinel) {
            known[..=index].rotate_right(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Address>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask(opened: &mut Opened, commands: &[Bytes], most: Duration) -> Result<Vec<Reply>, Trouble> {
    match timeout(most, opened.ask(commands.iter().map(Bytes::as_ref))).await {
        Ok(Ok(replies)) => Ok(replies),
        Ok(Err(error)) => Err(Trouble::of("the connection broke", &error)),
        Err(_) => {
            let message = format!("no answer within {} ms", most.as_millis());
            Err(Trouble::Passing(Failure::new("ETIMEDOUT", message)))
        }
    }
}

fn nobody() -> Trouble {
    Trouble::Lasting(Failure::new("INVALID_OPTIONS", "there is no sentinel"))
}

fn unexpected(sentinel: &Address) -> Trouble {
    Trouble::Passing(Failure::new("EPROTO", format!("what answers at {sentinel} is no sentinel")))
}

/// Of a host and a port.
fn address(parts: &[Reply]) -> Option<Address> {
    let [Reply::Bulk(Some(host)), Reply::Bulk(Some(port))] = parts else { return None };
    let host = String::from_utf8_lossy(host).into_owned();
    Some(Address::Tcp { host, port: std::str::from_utf8(port).ok()?.parse().ok()? })
}

/// The address of a replica or a sentinel, of its fields: a name and a value each. `up`: only of one that is.
fn described(fields: Reply, up: bool) -> Option<Address> {
    let Reply::List(mut fields) = fields else { return None };
    let mut field = |name: &str| {
        let is_it = |reply: &Reply| matches!(reply, Reply::Bulk(Some(text)) if text == name);
        let index = fields.iter().step_by(2).position(is_it)? * 2 + 1;
        fields.get_mut(index).map(|value| mem::replace(value, Reply::Bulk(None)))
    };
    if up
        && let Reply::Bulk(Some(flags)) = field("flags")?
        && String::from_utf8_lossy(&flags).split(',').any(|flag| flag.ends_with("_down") || flag == "disconnected")
    {
        return None;
    }
    address(&[field("ip")?, field("port")?])
}
