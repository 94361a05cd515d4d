//! Calls that take several commands, and metadata, which is one of them.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{command::Expects, resp::Reply, servers::Servers, unexpected};
use crate::{
    driver::{Field, Fields, network},
    error::{Cause, Failure},
};

pub type Awaited = oneshot::Receiver<Result<Reply, Failure>>;

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

pub async fn reply(receiver: Awaited) -> Result<Reply, Cause> {
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
