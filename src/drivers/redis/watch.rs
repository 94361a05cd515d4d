//! Hearing of what anybody changes, by the server's keyspace notifications.
//!
//! Each server tells of its own keys alone, so that there is a connection to each master. What happens while one is broken is not told.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::{
    command::Patience,
    options::Notifications,
    resp::{Reply, encode, refusal},
    scan::escaped,
    server::{Address, Server, Trouble},
    servers::Servers,
    steps::spawn,
    subscription::{News, Subscription},
};
use crate::{
    driver::{Answer, Bells, Change, Tell, Warn, Watch},
    error::Failure,
    key::normalize,
};

/// What the server has to tell of: keyspace events of strings, of all types, of expiry and eviction.
const FLAGS: &str = "K$gxe";
/// Which stand for others.
const ALL: &str = "g$lshzxetd";
/// After how long a cluster is asked for its masters anew.
const LOOK: Duration = Duration::from_secs(5);

pub struct Watcher {
    pub servers: Servers,
    pub patience: Patience,
    pub notifications: Notifications,
    /// What the driver puts in front of its keys.
    pub prefix: Box<[u8]>,
    pub database: u32,
    pub tell: Tell,
    pub warn: Warn,
}

/// Ends a task when it is dropped.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Watcher {
    /// Answers when all masters tell of changes.
    pub fn start(self, answer: Answer<Watch>) {
        spawn(async move {
            let watcher = Arc::new(self);
            let begun = match watcher.patience.command {
                Some(most) => timeout(most, watcher.begin()).await.unwrap_or_else(|_| Err(late(most))),
                None => watcher.begin().await,
            };
            let result = begun.map(|begun| {
                let task = tokio::spawn(watcher.run(begun)).abort_handle();
                Watch { stop: Box::new(Task(task)), thread: None }
            });
            answer.send(result.map_err(Into::into), &mut Bells::default());
        });
    }

    async fn begin(&self) -> Result<Vec<(Server, Subscription)>, Failure> {
        let mut begun = Vec::new();
        for server in self.servers.servers().await? {
            let mut attempts = 0;
            let subscription = loop {
                let trouble = match self.subscribe(&server).await {
                    Ok(subscription) => break subscription,
                    Err(trouble) => trouble,
                };
                attempts += 1;
                let spent = self.patience.retries.is_some_and(|most| attempts > most);
                match (trouble, self.patience.delay(attempts)) {
                    (Trouble::Passing(_), Some(delay)) if !spent => sleep(delay).await,
                    (Trouble::Passing(failure) | Trouble::Lasting(failure), _) => return Err(failure),
                }
            };
            begun.push((server, subscription));
        }
        Ok(begun)
    }

    /// Follows all masters, whichever these are.
    async fn run(self: Arc<Self>, begun: Vec<(Server, Subscription)>) {
        let broken = Arc::new(Notify::new());
        let follow = |server: Server, subscription: Option<Subscription>| {
            let task = Arc::clone(&self).follow(server, subscription, Arc::clone(&broken));
            Task(tokio::spawn(task).abort_handle())
        };
        let mut followed: HashMap<Option<Address>, Task> = HashMap::new();
        for (server, subscription) in begun {
            followed.insert(server.address().cloned(), follow(server, Some(subscription)));
        }
        loop {
            tokio::select! {
                () = sleep(LOOK), if !self.servers.is_one() => {}
                () = broken.notified() => {}
            }
            // As long as nobody knows better, the masters are those that were.
            let Ok(servers) = self.servers.servers().await else { continue };
            followed.retain(|address, _| servers.iter().any(|server| server.address() == address.as_ref()));
            for server in servers {
                followed.entry(server.address().cloned()).or_insert_with(|| follow(server, None));
            }
        }
    }

    async fn follow(self: Arc<Self>, server: Server, begun: Option<Subscription>, broken: Arc<Notify>) {
        let mut begun = begun;
        let (mut attempts, mut warned) = (0, false);
        loop {
            let subscription = match begun.take() {
                Some(subscription) => Ok(subscription),
                None => self.subscribe(&server).await,
            };
            match subscription {
                Ok(mut subscription) => {
                    (attempts, warned) = (0, false);
                    while let Ok(news) = subscription.next().await {
                        self.tell(&news);
                    }
                }
                Err(Trouble::Lasting(failure)) if !warned => {
                    warned = true;
                    (self.warn)(failure);
                }
                Err(_) => {}
            }
            broken.notify_one();
            attempts += 1;
            // Whoever watches does so until he says otherwise.
            sleep(self.patience.delay(attempts).unwrap_or(LOOK)).await;
        }
    }

    async fn subscribe(&self, server: &Server) -> Result<Subscription, Trouble> {
        let mut opened = server.open().await?;
        let most = server.access.connect_timeout;
        let mut pattern = format!("__keyspace@{}__:", self.database).into_bytes();
        pattern.extend(escaped(&self.prefix));
        pattern.push(b'*');
        let mut ask = async |words: &[&[u8]]| match timeout(most, opened.ask_one(&encode(words))).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(Trouble::of("the connection broke", &error)),
            Err(_) => Err(Trouble::Passing(late(most))),
        };
        if self.notifications != Notifications::Assume {
            let flags = configured(ask(&[b"CONFIG", b"GET", b"notify-keyspace-events"]).await?)?;
            let all = |flag: char| flags.contains('A') && ALL.contains(flag);
            let missing: String = FLAGS.chars().filter(|&flag| !flags.contains(flag) && !all(flag)).collect();
            if !missing.is_empty() {
                if self.notifications == Notifications::Check {
                    let message = format!(
                        "the server does not tell of changes: its notify-keyspace-events lacks {missing:?}; set it, or let \
                         `keyspaceNotifications: \"configure\"` do so"
                    );
                    return Err(Trouble::Lasting(Failure::new("UNSUPPORTED", message)));
                }
                let flags = flags + &missing;
                let set = ask(&[b"CONFIG", b"SET", b"notify-keyspace-events", flags.as_bytes()]).await?;
                if let Reply::Error(text) = set {
                    return Err(unconfigurable(&text));
                }
            }
        }
        match ask(&[b"PSUBSCRIBE", &pattern]).await? {
            Reply::List(_) => Ok(Subscription::new(opened)),
            Reply::Error(text) => Err(Trouble::Lasting(refusal(&text))),
            _ => Err(Trouble::Passing(Failure::new("EPROTO", "the server's reply is not one to this command"))),
        }
    }

    fn tell(&self, news: &News) {
        // "__keyspace@0__:key"
        let Some(colon) = news.channel.iter().position(|&byte| byte == b':') else { return };
        let Some(relative) = news.channel[colon + 1..].strip_prefix(self.prefix.as_ref()) else { return };
        let text = String::from_utf8_lossy(relative);
        let key = normalize(text.as_bytes());
        if let Some(change) = change(&news.text)
            && !key.is_empty()
        {
            (self.tell)(change, &key);
        }
    }
}

/// What an event means for the item; None where it stays what it was.
fn change(event: &Bytes) -> Option<Change> {
    match event.as_ref() {
        b"del" | b"expired" | b"evicted" | b"rename_from" | b"move_from" => Some(Change::Remove),
        b"expire" | b"persist" | b"new" | b"keymiss" | b"keyhit" => None,
        _ => Some(Change::Update),
    }
}

/// What CONFIG GET says.
fn configured(reply: Reply) -> Result<String, Trouble> {
    match reply {
        Reply::List(parts) => match parts.as_slice() {
            [_, Reply::Bulk(Some(flags))] => Ok(String::from_utf8_lossy(flags).into_owned()),
            _ => Ok(String::new()),
        },
        Reply::Error(text) => Err(unconfigurable(&text)),
        _ => Err(Trouble::Passing(Failure::new("EPROTO", "the server's reply is not one to this command"))),
    }
}

fn unconfigurable(text: &[u8]) -> Trouble {
    let failure = refusal(text);
    let message = format!(
        "{}; where CONFIG is not allowed, have notify-keyspace-events set to {FLAGS:?} and pass `keyspaceNotifications: \"assume\"`",
        failure.message
    );
    Trouble::Lasting(Failure { message, ..failure })
}

fn late(most: Duration) -> Failure {
    Failure::new("ETIMEDOUT", format!("the server tells of no changes within {} ms", most.as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_updates_removals_or_nothing() {
        let of = |event: &'static str| change(&Bytes::from(event));
        assert_eq!(["set", "append", "rename_to", "restore"].map(of), [Some(Change::Update); 4]);
        assert_eq!(["del", "expired", "evicted", "rename_from"].map(of), [Some(Change::Remove); 4]);
        assert_eq!(["expire", "persist", "new"].map(of), [None; 3]);
    }
}
