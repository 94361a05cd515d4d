//! Items as strings of a Redis server, under the keys that unstorage's redis driver gives them.

mod cluster;
mod gathering;
mod link;
mod options;
mod resp;
mod server;
mod servers;
mod slot;
mod steps;
mod tls;
mod url;

use std::sync::Arc;

use bytes::Bytes;

use cluster::Cluster;
use gathering::Gathering;
use link::{Done, Link};
use resp::{Reply, encode};
use servers::Servers;
use steps::Scan;

pub use options::RedisOptions;

use super::invalid;
use crate::{
    driver::{Answer, AsyncDriver, Bells, Capabilities, Fields, Item, RequestOptions, Response, Status},
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
}

impl Redis {
    pub fn new(mut options: RedisOptions) -> Result<Self, StorageError> {
        let refused = |message: String| invalid("redis", message);
        let (server, patience) = options.server().map_err(refused)?;
        let base = KeyPrefix::parse(options.base.as_bytes())
            .map_err(|_| refused("the option `base` must have no `.` or `..` segment".into()))?;
        let servers = match options.cluster().map_err(refused)? {
            None => Servers::One(Arc::new(Link::new(server, patience))),
            Some(seeds) => {
                let redirections = options.max_redirections;
                Servers::Cluster(Cluster::new(server, seeds, patience, redirections))
            }
        };
        if options.pre_connect {
            servers.open();
        }
        Ok(Self {
            servers,
            prefix: [options.key_prefix.as_bytes(), base.as_bytes()].concat().into(),
            scan_count: options.scan_count.max(1),
            ttl: options.ttl.unwrap_or_default() * 1000.0,
        })
    }

    fn name_of(&self, key: &[u8]) -> Vec<u8> {
        [&self.prefix, key].concat()
    }

    /// Sends a command of one key; `read` makes the answer of its reply.
    fn ask<T: 'static>(
        &self,
        command: &str,
        key: &[u8],
        answer: Answer<T>,
        read: impl FnOnce(Reply) -> Result<T, Cause> + Send + 'static,
    ) {
        let name = self.name_of(key);
        let done = |reply: Result<Reply, Failure>, bells: &mut Bells| {
            answer.send(reply.map_err(Cause::from).and_then(read), bells);
        };
        self.servers.push(&name, encode(&[command.as_bytes(), &name]), true, Box::new(done));
    }

    fn write(&self, key: &[u8], value: &[u8], options: &RequestOptions, done: Done) {
        let name = self.name_of(key);
        let ttl = if options.ttl == 0.0 { self.ttl } else { options.ttl };
        let command = if ttl == 0.0 || !ttl.is_finite() {
            encode(&[b"SET", name.as_slice(), value])
        } else if ttl < 0.0 {
            encode(&[b"UNLINK", name.as_slice()])
        } else {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just before")]
            let milliseconds = ttl.ceil().clamp(1.0, 9e15) as u64;
            encode(&[b"SET", name.as_slice(), value, b"PX", milliseconds.to_string().as_bytes()])
        };
        self.servers.push(&name, command, true, done);
    }

    fn scan(&self, listing: Listing) -> Scan {
        Scan { servers: self.servers.clone(), prefix: self.prefix.clone(), count: self.scan_count, listing }
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

    fn has(&self, key: &[u8], _: RequestOptions, answer: Answer<bool>) {
        self.ask("EXISTS", key, answer, |reply| match reply {
            Reply::Integer(count) => Ok(count > 0),
            _ => Err(unexpected()),
        });
    }

    fn get(&self, key: &[u8], _: RequestOptions, answer: Answer<Option<Bytes>>) {
        self.ask("GET", key, answer, bulk);
    }

    fn set(&self, key: &[u8], value: Vec<u8>, options: RequestOptions, answer: Answer<()>) {
        let done = |reply: Result<Reply, Failure>, bells: &mut Bells| {
            answer.send(reply.map(drop).map_err(Cause::from), bells);
        };
        self.write(key, &value, &options, Box::new(done));
    }

    fn remove(&self, key: &[u8], _: RequestOptions, answer: Answer<()>) {
        self.ask("UNLINK", key, answer, |_| Ok(()));
    }

    fn meta(&self, key: &[u8], _: RequestOptions, answer: Answer<Fields>) {
        let name = self.name_of(key);
        let commands = [b"TYPE".as_slice(), b"PTTL", b"STRLEN"];
        let replies = commands.map(|command| steps::ask(&self.servers, &name, encode(&[command, &name])));
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
            return self.servers.push(b"", encode(&command), true, Box::new(done));
        }
        let gathering = Gathering::new(keys.len(), |replies| replies.into_iter().map(bulk).collect(), answer);
        for (index, key) in keys.iter().enumerate() {
            let name = self.name_of(key);
            self.servers.push(&name, encode(&[b"GET".as_slice(), &name]), true, gathering.place(index));
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

    fn clear(&self, listing: Listing, _: RequestOptions, answer: Answer<KeyList>) {
        let scan = self.scan(listing);
        let first = scan.begin();
        steps::spawn(scan.clear(first, answer));
    }

    fn close(&self, answer: Answer<()>) {
        self.servers.close(answer);
    }

    fn command(&self, words: Vec<Vec<u8>>, answer: Answer<Response>) {
        let done = |reply: Result<Reply, Failure>, bells: &mut Bells| {
            answer.send(reply.map(response).map_err(Cause::from), bells);
        };
        // Most commands have their first key there; where not, a cluster says which server it is.
        let key = words.get(1).map(Vec::as_slice).unwrap_or_default();
        self.servers.push(key, encode(&words), false, Box::new(done));
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
        Reply::Error(text) => Response::Failure(link::refusal(&text)),
        Reply::List(replies) => Response::List(replies.into_iter().map(response).collect()),
    }
}

fn unexpected() -> Cause {
    Failure::new("EPROTO", "the server's reply is not one to this command").into()
}
