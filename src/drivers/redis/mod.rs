//! Items as strings of a Redis server, under the keys that unstorage's redis driver gives them.

mod cluster;
mod command;
mod gathering;
mod link;
mod option_values;
mod options;
mod own_command;
mod resp;
mod rivals;
mod scan;
mod sentinels;
mod server;
mod servers;
mod session;
mod slot;
mod steps;
mod subscription;
mod target;
mod tls;
mod topology;
mod url;
mod watch;

use std::sync::Arc;

use bytes::Bytes;

use cluster::Cluster;
use command::{Done, Expects, Patience};
use gathering::Gathering;
use link::Link;
use options::Notifications;
use resp::{Reply, encode, refusal};
use scan::Scan;
use servers::{Servers, Whom};
use target::Target;
use watch::Watcher;

pub use options::RedisOptions;
pub use scan::escaped;

use super::invalid;
use crate::{
    driver::{
        Answer, AsyncDriver, Bells, Capabilities, Cleared, Fields, Item, RequestOptions, Response, Status, Tell, Warn,
        Watch,
    },
    error::{Cause, Failure, StorageError},
    key::{KeyList, KeyPrefix, Listing},
};

pub struct Redis {
    servers: Servers,
    /// In front of every key.
    prefix: Box<[u8]>,
    scan_count: u32,
    /// In milliseconds.
    ttl: f64,
    /// 0 for no limit.
    max_pending_bytes: usize,
    database: u32,
    notifications: Option<Notifications>,
    patience: Patience,
    /// How often a call goes to another server of a cluster.
    redirections: u32,
}

impl Redis {
    pub fn new(mut options: RedisOptions) -> Result<Self, StorageError> {
        let refused = |message: String| invalid("redis", message);
        let (target, patience) = options.read().map_err(refused)?;
        let base = KeyPrefix::parse(options.base.as_bytes())
            .map_err(|_| refused("the option `base` must have no `.` or `..` segment".into()))?;
        let servers = Servers::new(match target {
            Target::Server(server) => Whom::One(Arc::new(Link::new(server, patience.clone()))),
            Target::Cluster(access, seeds) => {
                Whom::Cluster(Cluster::new(access, seeds, patience.clone(), options.max_redirections))
            }
        });
        if options.pre_connect {
            servers.open();
        }
        Ok(Self {
            servers,
            prefix: [options.key_prefix.as_bytes(), base.as_bytes()].concat().into(),
            scan_count: options.scan_count.max(1),
            ttl: options.ttl.unwrap_or_default() * 1000.0,
            max_pending_bytes: options.max_pending_bytes,
            database: options.db,
            notifications: options.keyspace_notifications,
            patience,
            redirections: options.max_redirections,
        })
    }

    fn name_of(&self, key: &[u8]) -> Vec<u8> {
        [&self.prefix, key].concat()
    }

    /// Sends a command of one key; `read` makes the answer of its reply.
    fn ask<T: 'static>(
        &self,
        command: &str,
        expects: Expects,
        key: &[u8],
        answer: Answer<T>,
        read: impl FnOnce(Reply) -> Result<T, Cause> + Send + 'static,
    ) {
        let name = self.name_of(key);
        let done = |reply: Result<Reply, Failure>, bells: &mut Bells| {
            answer.send(reply.map_err(Cause::from).and_then(read), bells);
        };
        self.servers.push(&name, encode(&[command.as_bytes(), &name]), expects, Box::new(done));
    }

    fn write(&self, key: &[u8], value: &[u8], options: &RequestOptions, done: Done) {
        let name = self.name_of(key);
        let ttl = if options.ttl == 0.0 { self.ttl } else { options.ttl };
        let (command, expects) = if ttl == 0.0 || !ttl.is_finite() {
            (encode(&[b"SET", name.as_slice(), value]), Expects::Status)
        } else if ttl < 0.0 {
            (encode(&[b"UNLINK", name.as_slice()]), Expects::Integer)
        } else {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just before")]
            let milliseconds = ttl.ceil().clamp(1.0, 9e15) as u64;
            let life = milliseconds.to_string();
            (encode(&[b"SET", name.as_slice(), value, b"PX", life.as_bytes()]), Expects::Status)
        };
        self.servers.push(&name, command, expects, done);
    }

    fn scan(&self, listing: Listing) -> Scan {
        Scan {
            servers: self.servers.clone(),
            patience: self.patience.clone(),
            moves: self.redirections,
            prefix: self.prefix.clone(),
            count: self.scan_count,
            listing,
            era: self.servers.era(),
        }
    }
}

impl AsyncDriver for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { ttl: true, max_depth: true, sized: false }
    }

    fn check(&self, key: &[u8]) -> Result<(), Cause> {
        match std::str::from_utf8(key) {
            Ok(_) => Ok(()),
            Err(_) => Err(Cause::InvalidKey("a key here must have no lone surrogate")),
        }
    }

    fn flush(&self) {
        self.servers.flush();
    }

    fn admit(&self) -> Result<(), Cause> {
        let (pending, most) = (self.servers.load(), self.max_pending_bytes);
        if most == 0 || pending < most {
            return Ok(());
        }
        let message = format!("calls that wait take {pending} bytes, of which maxPendingBytes allows {most}");
        Err(Failure::new("OVERLOADED", message).into())
    }

    fn has(&self, key: &[u8], _: RequestOptions, answer: Answer<bool>) {
        self.ask("EXISTS", Expects::Integer, key, answer, |reply| match reply {
            Reply::Integer(count) => Ok(count > 0),
            _ => Err(unexpected()),
        });
    }

    fn get(&self, key: &[u8], _: RequestOptions, answer: Answer<Option<Bytes>>) {
        self.ask("GET", Expects::Bulk, key, answer, bulk);
    }

    fn set(&self, key: &[u8], value: Vec<u8>, options: RequestOptions, answer: Answer<()>) {
        let done = |reply: Result<Reply, Failure>, bells: &mut Bells| {
            answer.send(reply.map(drop).map_err(Cause::from), bells);
        };
        self.write(key, &value, &options, Box::new(done));
    }

    fn remove(&self, key: &[u8], _: RequestOptions, answer: Answer<()>) {
        self.ask("UNLINK", Expects::Integer, key, answer, |_| Ok(()));
    }

    fn meta(&self, key: &[u8], _: RequestOptions, answer: Answer<Fields>) {
        let name = self.name_of(key);
        let commands = [("TYPE", Expects::Status), ("PTTL", Expects::Integer), ("STRLEN", Expects::Integer)];
        let replies = commands
            .map(|(command, expects)| steps::ask(&self.servers, &name, encode(&[command.as_bytes(), &name]), expects));
        steps::spawn(async move { answer.send(steps::fields(replies).await, &mut Bells::default()) });
    }

    fn get_many(&self, keys: Vec<Box<[u8]>>, answer: Answer<Vec<Option<Bytes>>>) {
        if self.servers.is_one() {
            let names = keys.iter().map(|key| self.name_of(key));
            let command: Vec<Vec<u8>> = std::iter::once(b"MGET".to_vec()).chain(names).collect();
            let done = |reply: Result<Reply, Failure>, bells: &mut Bells| {
                let values = reply.map_err(Cause::from).and_then(|reply| match reply {
                    Reply::List(values) => values.into_iter().map(bulk).collect(),
                    _ => Err(unexpected()),
                });
                answer.send(values, bells);
            };
            return self.servers.push(b"", encode(&command), Expects::List, Box::new(done));
        }
        let gathering = Gathering::new(keys.len(), |replies| replies.into_iter().map(bulk).collect(), answer);
        for (index, key) in keys.iter().enumerate() {
            let name = self.name_of(key);
            let place = gathering.place(index);
            let done = |reply: Result<Reply, Failure>, bells: &mut Bells| {
                // As MGET has it: what is no string is nothing.
                let nothing = matches!(&reply, Err(failure) if failure.code == "WRONGTYPE");
                place(if nothing { Ok(Reply::Bulk(None)) } else { reply }, bells);
            };
            self.servers.push(&name, encode(&[b"GET".as_slice(), &name]), Expects::Bulk, Box::new(done));
        }
    }

    fn set_many(&self, items: Vec<Item>, answer: Answer<()>) {
        let gathering = Gathering::new(items.len(), |_| Ok(()), answer);
        for (index, item) in items.iter().enumerate() {
            self.write(&item.key, &item.value, &item.options, gathering.place(index));
        }
    }

    fn keys(&self, listing: Listing, _: RequestOptions, answer: Answer<KeyList>) {
        let scan = self.scan(listing);
        let first = scan.begin();
        steps::spawn(scan.list(first, answer));
    }

    fn clear(&self, listing: Listing, _: RequestOptions, answer: Answer<Cleared>) {
        let scan = self.scan(listing);
        let first = scan.begin();
        steps::spawn(scan.clear(first, answer));
    }

    fn watch(&self, tell: Tell, warn: Warn, answer: Answer<Watch>) {
        let watcher = Watcher {
            servers: self.servers.clone(),
            patience: self.patience.clone(),
            notifications: self.notifications.unwrap_or(Notifications::Check),
            prefix: self.prefix.clone(),
            database: self.database,
            tell,
            warn,
        };
        watcher.start(answer);
    }

    fn close(&self, answer: Answer<()>) {
        self.servers.close(answer);
    }

    fn command(&self, words: Vec<Vec<u8>>, answer: Answer<Response>) {
        if let Err(failure) = own_command::check(&words) {
            return answer.send(Err(failure.into()), &mut Bells::default());
        }
        let done = |reply: Result<Reply, Failure>, bells: &mut Bells| {
            answer.send(reply.map(response).map_err(Cause::from), bells);
        };
        self.servers.push(own_command::key(&words), encode(&words), Expects::Anything, Box::new(done));
    }

    fn status(&self) -> Status {
        self.servers.status()
    }
}

fn bulk(reply: Reply) -> Result<Option<Bytes>, Cause> {
    match reply {
        Reply::Bulk(value) => Ok(value),
        _ => Err(unexpected()),
    }
}

fn response(reply: Reply) -> Response {
    match reply {
        Reply::Bulk(None) => Response::Nothing,
        Reply::Integer(number) => Response::Number(number),
        Reply::Status(text) | Reply::Bulk(Some(text)) => Response::Text(text),
        Reply::Error(text) => Response::Failure(refusal(&text)),
        Reply::List(replies) => Response::List(replies.into_iter().map(response).collect()),
    }
}

fn unexpected() -> Cause {
    Failure::new("EPROTO", "the server's reply is not one to this command").into()
}
