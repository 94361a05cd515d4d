//! A connection to one server that comes back by itself: commands go in, replies come out in their order.
//!
//! The caller's thread only appends to the inbox. A session, a task on the network's thread, writes what it finds there in as few
//! pieces as it can. It starts with the first command, and ends when it has neither a connection nor anything to do.

use std::{
    collections::VecDeque,
    future::Future,
    io, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::Notify,
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::{
    resp::{Decoder, Malformed, Reply},
    server::{Opened, Server, Trouble},
};
use crate::{
    driver::{Answer, Bells, Status, network},
    error::Failure,
};

/// Commands are put together up to this size; a larger one goes alone, without being copied.
const CHUNK: usize = 64 << 10;
/// Room for what comes in.
const READ: usize = 64 << 10;

pub type Done = Box<dyn FnOnce(Result<Reply, Failure>, &mut Bells) + Send>;

pub struct Command {
    bytes: Bytes,
    /// None once it was answered: by the clock, before the server.
    done: Option<Done>,
    /// Doing it twice comes to the same as doing it once, so that it may be sent again.
    repeatable: bool,
    deadline: Option<Instant>,
    /// How often it went into a connection that broke.
    broken: u32,
}

enum Order {
    Command(Command),
    Close(Answer<()>),
    /// Connect without a command.
    Open,
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

pub struct Link(Arc<Shared>);

struct Shared {
    server: Server,
    patience: Patience,
    inbox: Mutex<Inbox>,
    changed: Notify,
}

#[derive(Default)]
struct Inbox {
    orders: VecDeque<Order>,
    /// A session will see what comes in.
    running: bool,
    status: Status,
    /// Nobody holds the link any more.
    gone: bool,
}

impl Link {
    pub fn new(server: Server, patience: Patience) -> Self {
        Self(Arc::new(Shared { server, patience, inbox: Mutex::default(), changed: Notify::new() }))
    }

    /// Puts a command in line. It goes out with the next `flush`.
    pub fn push(&self, command: Command) {
        let mut inbox = self.0.lock();
        if !self.0.patience.offline && inbox.status != Status::Ready && inbox.running {
            drop(inbox);
            let failure = Failure::new("OFFLINE", "there is no connection, and enableOfflineQueue is false");
            return command.end(Err(failure), &mut Bells::default());
        }
        inbox.orders.push_back(Order::Command(command));
    }

    /// Until when a call of now is answered.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.patience.deadline()
    }

    /// As `push`, for two between which nothing may come.
    pub fn push_both(&self, first: Command, second: Command) {
        self.0.lock().orders.extend([first, second].map(Order::Command));
    }

    pub fn flush(&self) {
        self.0.start();
    }

    pub fn open(&self) {
        self.0.lock().orders.push_back(Order::Open);
        self.0.start();
    }

    /// Ends the connection when all before it is answered; gives up what has no connection.
    pub fn close(&self, answer: Answer<()>) {
        self.0.lock().orders.push_back(Order::Close(answer));
        self.0.start();
    }

    pub fn status(&self) -> Status {
        self.0.lock().status
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.0.lock().gone = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_status(&self, status: Status) {
        self.lock().status = status;
    }

    /// Sees to it that a session looks into the inbox.
    fn start(self: &Arc<Self>) {
        let mut inbox = self.lock();
        if inbox.orders.is_empty() {
            return;
        }
        if inbox.running {
            drop(inbox);
            return self.changed.notify_one();
        }
        let network = match network::handle() {
            Ok(network) => network,
            Err(error) => {
                let orders = mem::take(&mut inbox.orders);
                drop(inbox);
                return refuse(orders, &Failure::of_system("the network's thread does not start", &error));
            }
        };
        inbox.running = true;
        drop(inbox);
        let session = Session {
            running: Running(Arc::clone(self)),
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            expired: 0,
            closing: None,
            opening: false,
            heard: Instant::now(),
        };
        network.spawn(session.run());
    }
}

fn refuse(orders: VecDeque<Order>, failure: &Failure) {
    let mut bells = Bells::default();
    for order in orders {
        match order {
            Order::Command(command) => command.end(Err(failure.clone()), &mut bells),
            Order::Close(answer) => answer.send(Ok(()), &mut bells),
            Order::Open => {}
        }
    }
}

/// What comes in is seen to, until this is dropped: be it by a panic.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        let mut inbox = self.0.lock();
        inbox.running = false;
        inbox.status = Status::Wait;
        let orders = mem::take(&mut inbox.orders);
        drop(inbox);
        // Each of them answers that it was given up.
        drop(orders);
    }
}

impl Command {
    pub fn new(bytes: Bytes, repeatable: bool, deadline: Option<Instant>, done: Done) -> Self {
        Self { bytes, done: Some(done), repeatable, deadline, broken: 0 }
    }

    fn end(self, result: Result<Reply, Failure>, bells: &mut Bells) {
        if let Some(done) = self.done {
            done(result, bells);
        }
    }
}

struct Session {
    running: Running,
    /// Not sent on this connection.
    waiting: VecDeque<Command>,
    /// Sent, in the order in which the replies will come.
    sent: VecDeque<Command>,
    /// So many of `sent` were answered by the clock. They are its first, as all wait equally long.
    expired: usize,
    closing: Option<Answer<()>>,
    /// Somebody wants a connection without having a command.
    opening: bool,
    /// When the server last said something.
    heard: Instant,
}

/// Why there is no connection any more.
enum End {
    Closed,
    Lost(Failure),
}

impl Session {
    fn shared(&self) -> &Arc<Shared> {
        &self.running.0
    }

    async fn run(mut self) {
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
        while let Some(order) = inbox.orders.pop_front() {
            match order {
                Order::Command(command) => self.waiting.push_back(command),
                Order::Open => self.opening = true,
                Order::Close(answer) => {
                    self.closing = Some(answer);
                    break;
                }
            }
        }
    }

    /// Whether the session may end, as nothing came in meanwhile. Who comes next starts another.
    fn ends(&self) -> bool {
        let mut inbox = self.shared().lock();
        if inbox.orders.is_empty() {
            inbox.running = false;
            inbox.status = Status::Wait;
        }
        inbox.orders.is_empty()
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
                    self.fail_waiting(&failure);
                    return Err(End::Lost(failure));
                };
                shared.set_status(Status::Reconnecting);
                self.unless_over(sleep(delay), last.as_ref()).await?;
            }
            shared.set_status(if *attempts == 0 { Status::Connecting } else { Status::Reconnecting });
            match self.unless_over(shared.server.open(), last.as_ref()).await? {
                Ok(opened) => {
                    shared.set_status(Status::Ready);
                    return Ok(opened);
                }
                Err(Trouble::Lasting(failure)) => {
                    *attempts = 0;
                    self.take_orders();
                    self.fail_waiting(&failure);
                    return Err(End::Lost(failure));
                }
                Err(Trouble::Passing(failure)) if !shared.patience.offline => {
                    self.take_orders();
                    self.fail_waiting(&failure);
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
            let deadline = self.waiting.front().and_then(|command| command.deadline);
            // A call that waits is answered although nobody holds its driver any more.
            let unwanted = self.waiting.is_empty() && (!self.opening || self.is_gone());
            if self.closing.is_some() || unwanted {
                self.fail_waiting(&Failure::new("CLOSED", "the driver was disposed before there was a connection"));
                return Err(End::Closed);
            }
            tokio::select! {
                result = &mut work => return Ok(result),
                () = shared.changed.notified() => {}
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    self.expire(last);
                }
            }
        }
    }

    /// Sends commands and reads replies until the connection ends.
    async fn converse(&mut self, opened: Opened, attempts: &mut u32) -> End {
        let shared = Arc::clone(self.shared());
        let Opened { stream, mut input } = opened;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let (mut decoder, mut output, mut unflushed) = (Decoder::default(), Bytes::new(), false);
        let mut timer = Timer::new();
        self.heard = Instant::now();
        loop {
            self.take_orders();
            self.fill(&mut output);
            let idle = self.waiting.is_empty() && self.sent.is_empty();
            if idle && (self.closing.is_some() || self.is_gone()) {
                let _ = writer.shutdown().await;
                return End::Closed;
            }
            let next = self.sent.get(self.expired).or(self.waiting.front());
            timer.set(next.and_then(|command| command.deadline));
            if input.capacity() - input.len() < READ / 4 {
                input.reserve(READ);
            }
            tokio::select! {
                biased;
                read = reader.read_buf(&mut input) => {
                    self.heard = Instant::now();
                    let failure = match read {
                        Ok(0) => Some(Failure::new("ECONNRESET", "the server closed the connection")),
                        Ok(_) => self.hear(&mut decoder, &mut input).err(),
                        Err(error) => Some(Failure::of_system("the connection broke", &error)),
                    };
                    if let Some(failure) = failure {
                        *attempts += 1;
                        return End::Lost(failure);
                    }
                    *attempts = 0;
                }
                sent = send(&mut writer, &mut output, &mut unflushed), if output.has_remaining() || unflushed => {
                    if let Err(error) = sent {
                        *attempts += 1;
                        return End::Lost(Failure::of_system("the connection broke", &error));
                    }
                }
                () = shared.changed.notified() => {}
                () = &mut timer.sleep, if timer.set => {
                    timer.set = false;
                    if self.expire(None) {
                        *attempts += 1;
                        return End::Lost(Failure::new("ETIMEDOUT", "the server has stopped answering"));
                    }
                }
            }
        }
    }

    /// Puts commands into the output, if all of it is gone.
    fn fill(&mut self, output: &mut Bytes) {
        if output.has_remaining() {
            return;
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
        let malformed = |Malformed| Failure::new("EPROTO", "what the server sent is not the protocol of Redis");
        while let Some(reply) = decoder.next(input).map_err(malformed)? {
            let Some(command) = self.sent.pop_front() else {
                return Err(Failure::new("EPROTO", "the server sent a reply that nobody asked for"));
            };
            self.expired = self.expired.saturating_sub(1);
            let result = match reply {
                Reply::Error(text) => Err(refusal(&text)),
                reply => Ok(reply),
            };
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
        let mut silent = false;
        while let Some(command) = self.sent.get_mut(self.expired).filter(|command| over(command)) {
            self.expired += 1;
            silent |= now.duration_since(self.heard) >= most;
            if let Some(done) = command.done.take() {
                let message = format!("no answer within {milliseconds} ms; whether it was carried out is not known");
                done(Err(Failure::new("ETIMEDOUT", message)), &mut bells);
            }
        }
        while self.waiting.front().is_some_and(over)
            && let Some(command) = self.waiting.pop_front()
        {
            let message = match last {
                Some(failure) => format!("no connection within {milliseconds} ms: {failure}"),
                None => format!("not sent within {milliseconds} ms"),
            };
            command.end(Err(Failure::new("ETIMEDOUT", message)), &mut bells);
        }
        silent
    }

    fn fail_waiting(&mut self, failure: &Failure) {
        let mut bells = Bells::default();
        for command in self.waiting.drain(..) {
            command.end(Err(failure.clone()), &mut bells);
        }
    }

    /// What becomes of the commands of a connection that has ended.
    fn settle(&mut self, end: End) {
        let mut bells = Bells::default();
        let retries = self.shared().patience.retries.unwrap_or(u32::MAX);
        self.expired = 0;
        let failure = match end {
            End::Closed => Failure::new("CLOSED", "the driver was disposed"),
            End::Lost(failure) => failure,
        };
        // The last first, so that they stand in their order before what waits.
        while let Some(mut command) = self.sent.pop_back() {
            command.broken += 1;
            if command.done.is_none() {
                continue;
            }
            if command.repeatable && command.broken <= retries {
                self.waiting.push_front(command);
                continue;
            }
            let mut failure = failure.clone();
            failure.message.push_str("; whether the command was carried out is not known");
            command.end(Err(failure), &mut bells);
        }
        if let Some(answer) = self.closing.take() {
            self.fail_waiting(&failure);
            answer.send(Ok(()), &mut bells);
        }
        self.shared().set_status(Status::Wait);
    }
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

/// A timer that is set for the first of many deadlines, and not again for each.
struct Timer {
    sleep: Pin<Box<Sleep>>,
    set: bool,
}

impl Timer {
    fn new() -> Self {
        Self { sleep: Box::pin(sleep(Duration::ZERO)), set: false }
    }

    fn set(&mut self, deadline: Option<Instant>) {
        if let Some(deadline) = deadline.filter(|_| !self.set) {
            self.sleep.as_mut().reset(deadline);
            self.set = true;
        }
    }
}

/// What a server's error says, without what it repeats of the command: that may be a password or a value.
pub fn refusal(text: &[u8]) -> Failure {
    let text = String::from_utf8_lossy(text);
    let text = text.split(", with args beginning with").next().unwrap_or_default();
    let is_code = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    match text.split_once(' ') {
        Some((code, message)) if is_code(code) => Failure { code: code.to_owned().into(), ..Failure::new("", message) },
        _ => Failure::new("ERR", text),
    }
}
