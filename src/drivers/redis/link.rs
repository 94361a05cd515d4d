//! A connection to one server that comes back by itself: commands go in, replies come out in their order.
//!
//! The caller's thread only appends to the inbox. A session (session.rs), a task on the network's thread, writes what it finds there
//! in as few pieces as it can. It starts with the first command, and ends when it has neither a connection nor anything to do.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{sync::Notify, time::Instant};

use super::{
    command::{Command, Patience},
    server::{Identity, Server},
    session::Session,
};
use crate::{
    driver::{Answer, Bells, Status, network},
    error::Failure,
};

pub enum Order {
    Command(Command),
    Close(Answer<()>),
    /// Connect without a command.
    Open,
}

pub struct Link(Arc<Shared>);

/// What the link and its session have in common.
pub struct Shared {
    pub server: Server,
    pub patience: Patience,
    pub changed: Notify,
    /// How many connections there were.
    pub connections: AtomicU64,
    /// The last connection, if it ended while the server owed answers on it.
    ghost: Mutex<Option<Identity>>,
    inbox: Mutex<Inbox>,
}

#[derive(Default)]
pub struct Inbox {
    pub orders: VecDeque<Order>,
    /// A session will see what comes in.
    pub running: bool,
    pub status: Status,
    /// Nobody holds the link any more.
    pub gone: bool,
    /// Another server has its keys.
    pub replaced: bool,
    /// How often it was closed.
    pub closed: u64,
}

impl Link {
    pub fn new(server: Server, patience: Patience) -> Self {
        let (changed, connections) = (Notify::new(), AtomicU64::new(0));
        let (ghost, inbox) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Shared { server, patience, changed, connections, ghost, inbox }))
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

    pub fn server(&self) -> &Server {
        &self.0.server
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
        let mut inbox = self.0.lock();
        inbox.closed += 1;
        inbox.orders.push_back(Order::Close(answer));
        drop(inbox);
        self.0.start();
    }

    /// Another server has its keys: what this one does not answer is given back.
    pub fn replace(&self) {
        self.0.lock().replaced = true;
        self.0.changed.notify_one();
    }

    pub fn status(&self) -> Status {
        self.0.lock().status
    }

    /// The number of the connection, while a reply is told.
    pub fn connection(&self) -> u64 {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// How often it was closed.
    pub fn era(&self) -> u64 {
        self.0.lock().closed
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.0.lock().gone = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn ghost(&self) -> MutexGuard<'_, Option<Identity>> {
        self.ghost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_status(&self, status: Status) {
        self.lock().status = status;
    }

    /// Sees to it that what is in the inbox goes out.
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
        network.spawn(Session::new(Running { shared: Arc::clone(self), ended: false }).run());
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

/// What comes in is seen to, until this is dropped: also by a panic.
pub struct Running {
    pub shared: Arc<Shared>,
    /// It was said already, and another session may have started since.
    pub ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut inbox = self.shared.lock();
        let before = mem::take(&mut *inbox);
        (inbox.gone, inbox.replaced, inbox.closed) = (before.gone, before.replaced, before.closed);
        drop(inbox);
        // Each of the orders answers that it was given up.
        drop(before);
    }
}
