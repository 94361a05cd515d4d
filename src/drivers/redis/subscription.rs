//! A connection on which a server tells of what happens, unasked.

use std::{io, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    resp::{Decoder, Reply, encode},
    server::Opened,
};

/// A server that has said nothing for so long is asked whether it is still there, and given up after as long again.
const SILENCE: Duration = Duration::from_secs(10);

/// A connection that was subscribed to something.
pub struct Subscription {
    opened: Opened,
    decoder: Decoder,
}

/// What was told, and the channel that it was told on.
pub struct News {
    pub channel: Bytes,
    pub text: Bytes,
}

impl Subscription {
    /// What was asked on the connection before has its replies.
    pub fn new(opened: Opened) -> Self {
        Self { opened, decoder: Decoder::default() }
    }

    /// Waits for what is told next.
    pub async fn next(&mut self) -> io::Result<News> {
        let mut asked = false;
        loop {
            while let Some(reply) = self.decoder.next(&mut self.opened.input)? {
                if let Some(news) = news(reply) {
                    return Ok(news);
                }
            }
            let Opened { stream, input, replaced, .. } = &mut self.opened;
            let read = tokio::select! {
                read = timeout(SILENCE, stream.read_buf(input)) => read,
                () = replaced => return Err(io::Error::other("another server took over")),
            };
            match read {
                Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(Ok(_)) => asked = false,
                Ok(Err(error)) => return Err(error),
                Err(_) if asked => return Err(io::ErrorKind::TimedOut.into()),
                Err(_) => {
                    asked = true;
                    self.opened.stream.write_all(&encode(&["PING"])).await?;
                    self.opened.stream.flush().await?;
                }
            }
        }
    }
}

/// None for what confirms a subscription, or answers a PING.
fn news(reply: Reply) -> Option<News> {
    let Reply::List(parts) = reply else { return None };
    let mut texts = parts.into_iter().map(|part| if let Reply::Bulk(Some(text)) = part { Some(text) } else { None });
    let kind = texts.next()??;
    match kind.as_ref() {
        b"message" => {}
        // The pattern comes first.
        b"pmessage" => drop(texts.next()),
        _ => return None,
    }
    Some(News { channel: texts.next()??, text: texts.next()?? })
}
