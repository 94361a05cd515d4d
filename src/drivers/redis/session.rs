//! The life of a link's connection: it is opened, carries commands and replies, breaks, and is opened again.

use std::{
    collections::VecDeque,
    future::Future,
    io, mem,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, Sleep, sleep, sleep_until, timeout},
};

use super::{
    command::Command,
    link::{Order, Running, Shared},
    resp::{Decoder, Malformed, Reply, refusal},
    server::{Opened, Trouble},
};
use crate::{
    driver::{Answer, Bells, Status},
    error::Failure,
};

/// Commands are put together up to this size; a larger one goes alone, without being copied.
const CHUNK: usize = 64 << 10;
/// Room for what comes in.
const READ: usize = 64 << 10;
/// Calls are looked at no more often than so, whether their time is over.
const LOOK: Duration = Duration::from_millis(10);
/// A server takes no longer to be told that the connection ends.
const FAREWELL: Duration = Duration::from_secs(1);

pub struct Session {
    running: Running,
    /// Not sent on this connection.
    waiting: VecDeque<Command>,
    /// Sent, in the order in which the replies will come.
    sent: VecDeque<Command>,
    /// No call's time is over before, nor the server's to say something. Calls that a cluster sends elsewhere have less of it than those
    /// that came here first.
    due: Option<Instant>,
    closing: Option<Answer<()>>,
    /// Somebody wants a connection without having a command.
    opening: bool,
    /// When the server last said something, or was asked while it owed nothing.
    heard: Instant,
    /// Another server has its keys by now.
    replaced: bool,
}

/// Why there is no connection any more.
enum End {
    Closed,
    Lost(Failure),
}

impl Session {
    pub fn new(running: Running) -> Self {
        Self {
            running,
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            due: None,
            closing: None,
            opening: false,
            heard: Instant::now(),
            replaced: false,
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.running.shared
    }

    pub async fn run(mut self) {
        let mut attempts = 0;
        loop {
            self.take_orders();
            if self.waiting.is_empty() && !self.opening && self.closing.is_none() && self.ends() {
                return;
            }
            let end = match self.connect(&mut attempts).await {
                Ok(opened) => self.converse(opened, &mut attempts).await,
                Err(end) => end,
            };
            self.opening = false;
            self.settle(end);
        }
    }

    /// Takes what came in, up to where the connection is to be closed: the rest is for the next one.
    fn take_orders(&mut self) {
        if self.closing.is_some() {
            return;
        }
        let shared = Arc::clone(self.shared());
        let mut inbox = shared.lock();
        self.replaced = inbox.replaced;
        while let Some(order) = inbox.orders.pop_front() {
            match order {
                Order::Command(command) => {
                    self.due = earliest(self.due, command.deadline);
                    self.waiting.push_back(command);
                }
                Order::Open => self.opening = true,
                Order::Close(answer) => {
                    self.closing = Some(answer);
                    break;
                }
            }
        }
    }

    /// Whether the session may end, as nothing came in meanwhile. Who comes next starts another.
    fn ends(&mut self) -> bool {
        let shared = Arc::clone(self.shared());
        let mut inbox = shared.lock();
        if inbox.orders.is_empty() {
            inbox.running = false;
            inbox.status = Status::Wait;
            self.running.ended = true;
        }
        self.running.ended
    }

    fn is_gone(&self) -> bool {
        self.shared().lock().gone
    }

    async fn connect(&mut self, attempts: &mut u32) -> Result<Opened, End> {
        let shared = Arc::clone(self.shared());
        let mut last = None;
        loop {
            if *attempts > 0 {
                let delay = shared.patience.delay(*attempts);
                let spent = shared.patience.retries.is_some_and(|most| *attempts > most);
                let (Some(delay), false) = (delay, spent) else {
                    *attempts = 0;
                    let failure = last.unwrap_or_else(|| Failure::new("ECONNRESET", "the connection broke"));
                    self.fail_all(&failure);
                    return Err(End::Lost(failure));
                };
                shared.set_status(Status::Reconnecting);
                self.unless_over(sleep(delay), last.as_ref()).await?;
            }
            shared.set_status(if *attempts == 0 { Status::Connecting } else { Status::Reconnecting });
            let ghost = shared.ghost().clone();
            let still = last.clone().unwrap_or_else(|| shared.server.silence());
            match self.unless_over(shared.server.open_after(ghost), Some(&still)).await? {
                Ok(opened) => {
                    *shared.ghost() = None;
                    shared.connections.fetch_add(1, Ordering::Relaxed);
                    shared.set_status(Status::Ready);
                    return Ok(opened);
                }
                Err(Trouble::Lasting(failure)) => {
                    *attempts = 0;
                    self.fail_all(&failure);
                    return Err(End::Lost(failure));
                }
                Err(Trouble::Passing(failure)) if !shared.patience.offline => {
                    self.fail_all(&failure);
                    return Err(End::Lost(failure));
                }
                Err(Trouble::Passing(failure)) => {
                    *attempts += 1;
                    last = Some(failure);
                }
            }
        }
    }

    /// Waits for `work`, while commands come in and run out of time. Gives up when nobody waits for a connection any more.
    async fn unless_over<T>(&mut self, work: impl Future<Output = T>, last: Option<&Failure>) -> Result<T, End> {
        let shared = Arc::clone(self.shared());
        tokio::pin!(work);
        loop {
            self.take_orders();
            let due = self.due;
            // A call that waits is answered although nobody holds its driver any more.
            let unwanted = self.waiting.is_empty() && (!self.opening || self.is_gone());
            if self.closing.is_some() || unwanted {
                self.fail_waiting(&Failure::new("CLOSED", "the driver was disposed before there was a connection"));
                return Err(End::Closed);
            }
            if self.replaced {
                let failure = superseded();
                self.fail_all(&failure);
                return Err(End::Lost(failure));
            }
            tokio::select! {
                result = &mut work => return Ok(result),
                () = shared.changed.notified() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.expire(last);
                }
            }
        }
    }

    /// Sends commands and reads replies until the connection ends.
    async fn converse(&mut self, opened: Opened, attempts: &mut u32) -> End {
        let shared = Arc::clone(self.shared());
        let Opened { stream, mut input, identity, mut replaced } = opened;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let (mut decoder, mut output, mut unflushed) = (Decoder::default(), Bytes::new(), false);
        let mut timer = Timer::new();
        self.heard = Instant::now();
        let end = loop {
            self.take_orders();
            if self.replaced && self.sent.iter().any(|command| command.done.is_none()) {
                break End::Lost(superseded());
            }
            self.fill(&mut output);
            if self.is_idle() && (self.closing.is_some() || self.is_gone()) {
                // What a server that says nothing does not take would be waited for.
                if self.sent.is_empty() {
                    let _ = timeout(FAREWELL, writer.shutdown()).await;
                }
                break End::Closed;
            }
            timer.set(self.due);
            if input.capacity() - input.len() < READ / 4 {
                input.reserve(READ);
            }
            let lost = tokio::select! {
                biased;
                read = reader.read_buf(&mut input) => {
                    self.heard = Instant::now();
                    let failure = match read {
                        Ok(0) => Some(Failure::new("ECONNRESET", "the server closed the connection")),
                        Ok(_) => self.hear(&mut decoder, &mut input).err(),
                        Err(error) => Some(Failure::of_system("the connection broke", &error)),
                    };
                    if failure.is_none() {
                        *attempts = 0;
                    }
                    failure
                }
                sent = send(&mut writer, &mut output, &mut unflushed), if output.has_remaining() || unflushed => {
                    sent.err().map(|error| Failure::of_system("the connection broke", &error))
                }
                () = shared.changed.notified() => None,
                () = &mut timer.sleep, if timer.due.is_some() => {
                    self.expire(None).then(|| Failure::new("ETIMEDOUT", "the server has stopped answering"))
                }
                () = &mut replaced => Some(Failure::new("ECONNRESET", "the sentinels have named another master")),
            };
            if let Some(failure) = lost {
                *attempts += 1;
                break End::Lost(failure);
            }
        };
        if !self.sent.is_empty() {
            // What the network still holds of them must not come after what is written from now on.
            reader.unsplit(writer).forsake();
            *shared.ghost() = identity;
        }
        end
    }

    /// Whether nobody waits for an answer. The server may owe some to calls whose time is over.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.sent.iter().all(|command| command.done.is_none())
    }

    /// Puts commands into the output, if all of it is gone.
    fn fill(&mut self, output: &mut Bytes) {
        if output.has_remaining() || self.waiting.is_empty() {
            return;
        }
        if self.sent.is_empty() {
            self.heard = Instant::now();
        }
        let mut chunk = BytesMut::new();
        while let Some(command) = self.waiting.front() {
            let length = command.bytes.len();
            if !chunk.is_empty() && chunk.len() + length > CHUNK {
                break;
            }
            let Some(command) = self.waiting.pop_front() else { break };
            if length > CHUNK {
                *output = command.bytes.clone();
                return self.sent.push_back(command);
            }
            if chunk.is_empty() {
                // Few commands are followed by many.
                chunk.reserve(if self.waiting.is_empty() { length } else { CHUNK });
            }
            chunk.extend_from_slice(&command.bytes);
            self.sent.push_back(command);
        }
        *output = chunk.freeze();
    }

    /// Gives the replies that are there to those that wait for them, who wake up together.
    fn hear(&mut self, decoder: &mut Decoder, input: &mut BytesMut) -> Result<(), Failure> {
        let mut bells = Bells::default();
        let malformed = |malformed: Malformed| Failure::new("EPROTO", malformed.to_string());
        while let Some(reply) = decoder.next(input).map_err(malformed)? {
            // A reply to something else may be anybody's, and so may all after it.
            let fits = self.sent.front().is_some_and(|command| command.expects.fits(&reply));
            let Some(command) = (if fits { self.sent.pop_front() } else { None }) else {
                return Err(Failure::new("EPROTO", "the server sent a reply that nobody asked for"));
            };
            let result = match reply {
                Reply::Error(text) => Err(refusal(&text)),
                reply => Ok(reply),
            };
            if let Err(failure) = &result
                && failure.code == "READONLY"
                && self.shared().server.is_elected()
            {
                // It was the master until now.
                let failure = failure.clone();
                if command.expects.is_repeatable() {
                    self.sent.push_front(command);
                } else {
                    command.end(result, &mut bells);
                }
                return Err(failure);
            }
            command.end(result, &mut bells);
        }
        Ok(())
    }

    /// Answers the commands whose time is over. Whether the server has said nothing for so long that it seems gone.
    fn expire(&mut self, last: Option<&Failure>) -> bool {
        let Some(most) = self.shared().patience.command else { return false };
        let (now, mut bells) = (Instant::now(), Bells::default());
        let over = |command: &Command| command.deadline.is_some_and(|deadline| deadline <= now);
        let milliseconds = most.as_millis();
        for command in self.sent.iter_mut().filter(|command| over(command)) {
            if let Some(done) = command.done.take() {
                let message = format!("no answer within {milliseconds} ms; whether it was carried out is not known");
                done(Err(Failure::new("ETIMEDOUT", message)), &mut bells);
            }
        }
        for command in self.waiting.iter_mut().filter(|command| over(command)) {
            if let Some(done) = command.done.take() {
                let message = match last {
                    Some(failure) => format!("no connection within {milliseconds} ms: {failure}"),
                    None => format!("not sent within {milliseconds} ms"),
                };
                done(Err(Failure::new("ETIMEDOUT", message)), &mut bells);
            }
        }
        self.waiting.retain(|command| command.done.is_some());
        let pending = self.sent.iter().filter(|command| command.done.is_some()).chain(&self.waiting);
        let next = pending.filter_map(|command| command.deadline).min();
        // A server that owes an answer for too long may say something yet: it is looked at again until it answers or seems gone.
        let owes = self.sent.iter().any(|command| command.done.is_none());
        let silence = owes.then(|| self.heard + most);
        self.due = earliest(next, silence).map(|next| next.max(now + LOOK));
        silence.is_some_and(|silence| silence <= now)
    }

    fn fail_waiting(&mut self, failure: &Failure) {
        let mut bells = Bells::default();
        for command in self.waiting.drain(..) {
            command.end(Err(failure.clone()), &mut bells);
        }
    }

    /// As `fail_waiting`, with what comes in meanwhile: a cluster holds what follows on a call once that was given back, and not before.
    fn fail_all(&mut self, failure: &Failure) {
        self.take_orders();
        while !self.waiting.is_empty() {
            self.fail_waiting(failure);
            self.take_orders();
        }
    }

    /// What becomes of the commands of a connection that has ended.
    fn settle(&mut self, end: End) {
        let mut bells = Bells::default();
        let retries = self.shared().patience.retries.unwrap_or(u32::MAX);
        let failure = match end {
            End::Closed => Failure::new("CLOSED", "the driver was disposed"),
            End::Lost(failure) => failure,
        };
        let spent = |command: &Command| command.broken >= retries;
        let given_up = |command: &Command| command.done.is_some() && command.expects.is_repeatable() && spent(command);
        let all = self.replaced || self.shared().patience.together && self.sent.iter().any(given_up);
        let mut again = VecDeque::new();
        for mut command in mem::take(&mut self.sent) {
            if command.done.is_none() {
                continue;
            }
            if command.expects.is_repeatable() && !spent(&command) && !all {
                command.broken += 1;
                again.push_back(command);
                continue;
            }
            let mut failure = failure.clone();
            failure.message.push_str("; whether the command was carried out is not known");
            command.end(Err(failure), &mut bells);
        }
        again.append(&mut self.waiting);
        self.waiting = again;
        if all {
            self.fail_all(&failure);
        }
        if let Some(answer) = self.closing.take() {
            self.fail_waiting(&failure);
            answer.send(Ok(()), &mut bells);
        }
        self.shared().set_status(Status::Wait);
    }
}

fn superseded() -> Failure {
    Failure::new("ECONNRESET", "another server has its keys by now")
}

async fn send(writer: &mut (impl AsyncWrite + Unpin), output: &mut Bytes, unflushed: &mut bool) -> io::Result<()> {
    if output.has_remaining() {
        writer.write_buf(output).await?;
        *unflushed = true;
    } else {
        writer.flush().await?;
        *unflushed = false;
    }
    Ok(())
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

/// A timer that is set anew only when something is due at another time.
struct Timer {
    sleep: Pin<Box<Sleep>>,
    due: Option<Instant>,
}

impl Timer {
    fn new() -> Self {
        Self { sleep: Box::pin(sleep(Duration::ZERO)), due: None }
    }

    fn set(&mut self, due: Option<Instant>) {
        if self.due != due {
            self.due = due;
            if let Some(due) = due {
                self.sleep.as_mut().reset(due);
            }
        }
    }
}
