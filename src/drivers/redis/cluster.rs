//! A cluster: each of its masters has some of the slots, and a link of its own here.
//!
//! The calls on one slot never overtake each other. While the slot is with one master they follow each other on its link. When that
//! master sends a call elsewhere, or is gone, all later calls of the slot are held until no earlier one is on its way; then they
//! go to the new master, those that were sent back first.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use super::{
    command::{Command, Done, Expects, Patience, Weight, is_busy, is_lost},
    link::Link,
    resp::{Reply, encode},
    server::{Access, Address, Place, Server, Trouble},
    servers::Owners,
    slot::{SLOTS, Slot},
    steps,
    topology::{Range, ask_for_ranges, parse_address},
};
use crate::{
    driver::{Answer, Bells, Status},
    error::Failure,
};

/// How often held calls are looked at, whether their time is over.
const TICK: Duration = Duration::from_millis(50);
/// A link tries no longer: whether its server is still a master is asked instead.
const LINK_RETRIES: u32 = 1;

/// No master is known for the slot.
const NOBODY: u16 = u16::MAX;

pub struct Cluster {
    me: Weak<Self>,
    /// How each server is spoken to, but for its address.
    access: Access,
    seeds: Vec<Address>,
    patience: Patience,
    /// How often a call is sent elsewhere, or again.
    redirections: u32,
    state: Mutex<State>,
}

struct State {
    masters: Vec<(Address, Arc<Link>)>,
    /// By slot: which of the masters has it.
    owners: Vec<u16>,
    /// By slot: how many calls are on their way.
    in_flight: Vec<u32>,
    held: HashMap<Slot, Held>,
    /// Who waits to learn of the masters.
    asking: Vec<oneshot::Sender<Result<(), Failure>>>,
    learning: bool,
    /// Who told of the masters that are known.
    teller: Option<Address>,
    /// Who told what turned out to be of no use, the last one last: a server that was cut off tells of the cluster as it was.
    doubted: Vec<Address>,
    /// Counts how often the driver was disposed: what was begun before is given up.
    era: u64,
}

/// The calls of a slot that wait.
#[derive(Default)]
struct Held {
    /// Those that were on their way already.
    returned: VecDeque<Routed>,
    fresh: VecDeque<Routed>,
    /// It is not known who has the slot.
    lost: bool,
}

/// A call on its way to whoever has its slot.
struct Routed {
    slot: Slot,
    bytes: Bytes,
    expects: Expects,
    deadline: Option<Instant>,
    tries: u32,
    /// When it was begun: [`State::era`].
    era: u64,
    done: Done,
    _weight: Weight,
}

/// What a master's reply means for the call.
enum Verdict {
    Answered,
    /// Another server has the slot from now on.
    Moved(Slot, Address),
    /// Another server has the key already.
    Ask(Address),
    /// The slot may be with another soon.
    Again,
}

impl Cluster {
    pub fn new(access: Access, seeds: Vec<Address>, patience: Patience, redirections: u32) -> Arc<Self> {
        let state = State {
            masters: Vec::new(),
            owners: vec![NOBODY; SLOTS],
            in_flight: vec![0; SLOTS],
            held: HashMap::new(),
            asking: Vec::new(),
            learning: false,
            teller: None,
            doubted: Vec::new(),
            era: 0,
        };
        let state = Mutex::new(state);
        Arc::new_cyclic(|me| Self { me: me.clone(), access, seeds, patience, redirections, state })
    }

    pub fn push(&self, slot: Slot, bytes: Bytes, expects: Expects, done: Done, weight: Weight) {
        let deadline = self.patience.deadline();
        let mut state = self.lock();
        let era = state.era;
        let routed = Routed { slot, bytes, expects, deadline, tries: 0, era, done, _weight: weight };
        if let Some(held) = state.held.get_mut(&slot) {
            held.fresh.push_back(routed);
        } else if let Err(routed) = self.send(&mut state, routed) {
            state.held.entry(slot).or_default().fresh.push_back(routed);
            self.learn(&mut state, Duration::ZERO);
        }
    }

    pub fn flush(&self) {
        for (_, link) in &self.lock().masters {
            link.flush();
        }
    }

    pub fn open(&self) {
        self.learn(&mut self.lock(), Duration::ZERO);
    }

    pub fn status(&self) -> Status {
        let state = self.lock();
        let is = |status: Status| state.masters.iter().any(|(_, link)| link.status() == status);
        [Status::Ready, Status::Reconnecting, Status::Connecting]
            .into_iter()
            .find(|&status| is(status) || state.learning && status == Status::Connecting)
            .unwrap_or_default()
    }

    pub fn close(&self, answer: Answer<()>) {
        let mut state = self.lock();
        state.era += 1;
        let held = mem::take(&mut state.held);
        state.asking.clear();
        let links: Vec<_> = state.masters.iter().map(|(_, link)| Arc::clone(link)).collect();
        drop(state);
        let mut bells = Bells::default();
        let failure = Failure::new("CLOSED", "the driver was disposed before there was a connection");
        for routed in held.into_values().flat_map(Held::into_all) {
            (routed.done)(Err(failure.clone()), &mut bells);
        }
        if links.is_empty() {
            return answer.send(Ok(()), &mut bells);
        }
        let (open, answer) = (Arc::new(Mutex::new(links.len())), Arc::new(Mutex::new(Some(answer))));
        for link in links {
            let (open, answer) = (Arc::clone(&open), Arc::clone(&answer));
            link.close(Answer::new(move |_| {
                let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
                *open -= 1;
                if *open == 0
                    && let Some(answer) = answer.lock().unwrap_or_else(PoisonError::into_inner).take()
                {
                    answer.send(Ok(()), &mut Bells::default());
                }
                None
            }));
        }
    }

    /// Who has which slots, if anybody is known.
    pub fn owners(&self) -> Option<Owners> {
        let state = self.lock();
        let links: Vec<_> = state.masters.iter().map(|(_, link)| Arc::clone(link)).collect();
        (!links.is_empty()).then(|| Owners { links, by_slot: state.owners.clone() })
    }

    pub fn servers(&self) -> Vec<Server> {
        self.lock().masters.iter().map(|(_, link)| link.server().clone()).collect()
    }

    /// Waits until the masters are known, as somebody says who is asked now.
    pub fn find_masters(&self) -> impl Future<Output = Result<(), Failure>> + use<> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        state.asking.push(sender);
        self.learn(&mut state, Duration::ZERO);
        async move {
            let closed = |_| Failure::new("CLOSED", "the driver was disposed");
            receiver.await.map_err(closed)?
        }
    }

    /// Gives the call to whoever has its slot, if that is known.
    fn send(&self, state: &mut State, routed: Routed) -> Result<(), Routed> {
        let owner = state.owners[usize::from(routed.slot)];
        let Some((_, link)) = state.masters.get(usize::from(owner)) else { return Err(routed) };
        let link = Arc::clone(link);
        state.in_flight[usize::from(routed.slot)] += 1;
        link.push(self.command(routed));
        Ok(())
    }

    fn command(&self, routed: Routed) -> Command {
        let (bytes, expects, deadline) = (routed.bytes.clone(), routed.expects, routed.deadline);
        // A call that is on its way keeps the cluster.
        let me = self.me.upgrade();
        let done = Box::new(move |reply: Result<Reply, Failure>, bells: &mut Bells| match me {
            Some(cluster) => cluster.arrived(routed, reply, bells),
            None => (routed.done)(reply, bells),
        });
        Command::new(bytes, expects, deadline, done)
    }

    fn arrived(&self, mut routed: Routed, mut reply: Result<Reply, Failure>, bells: &mut Bells) {
        let slot = routed.slot;
        let mut verdict = match &reply {
            Err(failure) => self.judge(&routed, failure),
            Ok(_) => Verdict::Answered,
        };
        routed.tries += 1;
        let mut state = self.lock();
        let disposed = routed.era != state.era;
        if disposed && !matches!(verdict, Verdict::Answered) {
            verdict = Verdict::Answered;
            reply = Err(Failure::new("CLOSED", "the driver was disposed before a server that has the key was reached"));
        }
        state.in_flight[usize::from(slot)] -= 1;
        let mut answered = None;
        match verdict {
            Verdict::Answered => {
                if !disposed && matches!(&reply, Err(failure) if failure.code == "ETIMEDOUT") {
                    // A master that says nothing may have been replaced.
                    state.doubt();
                    self.learn(&mut state, Duration::ZERO);
                }
                answered = Some(routed);
            }
            Verdict::Moved(moved, address) => {
                let master = self.master(&mut state, address);
                state.owners[usize::from(moved)] = master;
                let held = state.held.entry(moved).or_default();
                if moved == slot {
                    held.returned.push_back(routed);
                } else {
                    // A command whose key does not stand where keys usually do.
                    let link = Arc::clone(&state.masters[usize::from(master)].1);
                    state.in_flight[usize::from(slot)] += 1;
                    link.push(self.command(routed));
                    link.flush();
                    self.release(&mut state, moved);
                }
                self.learn(&mut state, Duration::ZERO);
            }
            Verdict::Ask(address) => {
                let master = self.master(&mut state, address);
                let link = Arc::clone(&state.masters[usize::from(master)].1);
                state.in_flight[usize::from(slot)] += 1;
                let asking = Command::new(encode(&["ASKING"]), Expects::Status, routed.deadline, Box::new(|_, _| ()));
                link.push_both(asking, self.command(routed));
                link.flush();
            }
            Verdict::Again => {
                let delay = self.patience.delay(routed.tries).unwrap_or_default();
                let held = state.held.entry(slot).or_default();
                held.returned.push_back(routed);
                held.lost = true;
                state.doubt();
                self.learn(&mut state, delay);
            }
        }
        self.release(&mut state, slot);
        drop(state);
        if let Some(routed) = answered {
            (routed.done)(reply, bells);
        }
    }

    fn judge(&self, routed: &Routed, failure: &Failure) -> Verdict {
        if routed.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Verdict::Answered;
        }
        let redirected = routed.tries < self.redirections;
        // A replica takes its time to take over: as long as the call has.
        let again = redirected || routed.deadline.is_some();
        let mut words = failure.message.split(' ');
        let place = words.next().and_then(|slot| slot.parse().ok()).zip(words.next().and_then(parse_address));
        match (failure.code.as_ref(), place) {
            ("MOVED", Some((slot, address))) if redirected && usize::from(slot) < SLOTS => {
                Verdict::Moved(slot, address)
            }
            // The server does not know what it is called: it is told who asks for all slots.
            ("MOVED", None) if redirected => Verdict::Again,
            ("ASK", Some((_, address))) if redirected => Verdict::Ask(address),
            _ if again && is_busy(failure) => Verdict::Again,
            _ if again && is_lost(failure) && routed.expects.is_repeatable() => Verdict::Again,
            _ => Verdict::Answered,
        }
    }

    /// Lets the held calls of a slot go, if no earlier one is on its way.
    fn release(&self, state: &mut State, slot: Slot) {
        let free = state.in_flight[usize::from(slot)] == 0;
        if !free || state.held.get(&slot).is_none_or(|held| held.lost) {
            return;
        }
        let mut waiting = state.held.remove(&slot).map(Held::into_all).into_iter().flatten();
        while let Some(routed) = waiting.next() {
            if let Err(routed) = self.send(state, routed) {
                let returned = std::iter::once(routed).chain(waiting).collect();
                state.held.insert(slot, Held { returned, fresh: VecDeque::new(), lost: true });
                return self.learn(state, Duration::ZERO);
            }
        }
        if let Some((_, link)) = state.masters.get(usize::from(state.owners[usize::from(slot)])) {
            link.flush();
        }
    }

    /// The number of the master at an address.
    fn master(&self, state: &mut State, address: Address) -> u16 {
        let known = state.masters.iter().position(|(known, _)| *known == address);
        let index = known.unwrap_or_else(|| {
            let link = self.link(&address);
            state.masters.push((address, link));
            state.masters.len() - 1
        });
        u16::try_from(index).unwrap_or(NOBODY)
    }

    fn link(&self, address: &Address) -> Arc<Link> {
        let patience = Patience { retries: Some(LINK_RETRIES), offline: true, together: true, ..self.patience.clone() };
        let server = Server { place: Place::At(address.clone()), access: self.access.clone() };
        Arc::new(Link::new(server, patience))
    }

    /// Asks the servers who has which slots, unless somebody does already.
    fn learn(&self, state: &mut State, delay: Duration) {
        if !mem::replace(&mut state.learning, true) {
            let (me, era) = (self.me.upgrade(), state.era);
            steps::spawn(async move {
                if let Some(cluster) = me {
                    cluster.find_out(delay, era).await;
                }
            });
        }
    }

    async fn find_out(&self, mut delay: Duration, era: u64) {
        for attempt in 1.. {
            let asked = async {
                sleep(delay).await;
                self.ask().await
            };
            let (failure, lasting) = match self.unless_disposed(era, asked).await {
                None => break,
                Some(Ok((teller, ranges))) => return self.apply(teller, ranges),
                Some(Err(Trouble::Passing(failure))) => (failure, false),
                Some(Err(Trouble::Lasting(failure))) => (failure, true),
            };
            let spent = self.patience.retries.is_some_and(|most| attempt > most);
            match self.patience.delay(attempt) {
                Some(next) if !lasting && !spent && self.patience.offline => delay = next,
                _ => return self.fail(&failure),
            }
        }
        let mut state = self.lock();
        state.learning = false;
        // What came in since then starts anew.
        if !state.held.is_empty() || !state.asking.is_empty() {
            self.learn(&mut state, Duration::ZERO);
        }
    }

    /// Waits for `work`, while held calls run out of time. None if the driver was disposed meanwhile.
    async fn unless_disposed<T>(&self, era: u64, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        while self.era() == era {
            tokio::select! {
                result = &mut work => return Some(result),
                () = sleep(TICK) => self.expire(),
            }
        }
        None
    }

    /// How often the driver was disposed.
    pub fn era(&self) -> u64 {
        self.lock().era
    }

    fn expire(&self) {
        let now = Instant::now();
        let over = |routed: &Routed| routed.deadline.is_some_and(|deadline| deadline <= now);
        let mut state = self.lock();
        let mut ended = Vec::new();
        for queue in state.held.values_mut().flat_map(|held| [&mut held.returned, &mut held.fresh]) {
            if queue.iter().any(over) {
                let (gone, rest): (VecDeque<_>, _) = mem::take(queue).into_iter().partition(over);
                ended.extend(gone);
                *queue = rest;
            }
        }
        drop(state);
        let mut bells = Bells::default();
        for routed in ended {
            let message = "the cluster had no master for the key in time; whether it was carried out is not known";
            (routed.done)(Err(Failure::new("ETIMEDOUT", message)), &mut bells);
        }
    }

    fn fail(&self, failure: &Failure) {
        let mut state = self.lock();
        state.learning = false;
        let (held, asking) = (mem::take(&mut state.held), mem::take(&mut state.asking));
        drop(state);
        let mut bells = Bells::default();
        for routed in held.into_values().flat_map(Held::into_all) {
            (routed.done)(Err(failure.clone()), &mut bells);
        }
        for sender in asking {
            // Who asked may be gone.
            drop(sender.send(Err(failure.clone())));
        }
    }

    /// The known masters first, and those last who told what was of no use.
    async fn ask(&self) -> Result<(Address, Vec<Range>), Trouble> {
        let (mut known, doubted) = {
            let state = self.lock();
            (state.masters.iter().map(|(address, _)| address.clone()).collect::<Vec<_>>(), state.doubted.clone())
        };
        known.extend(self.seeds.iter().filter(|seed| !known.contains(seed)).cloned().collect::<Vec<_>>());
        known.sort_by_key(|address| doubted.iter().position(|other| other == address).map_or(0, |last| last + 1));
        ask_for_ranges(&self.access, &known).await
    }

    fn apply(&self, teller: Address, ranges: Vec<Range>) {
        let mut state = self.lock();
        state.teller = Some(teller);
        let (before, owners) = (mem::take(&mut state.masters), state.owners.clone());
        state.owners.fill(NOBODY);
        for Range { first, last, master: address } in ranges {
            if let Some((_, link)) = before.iter().find(|(known, _)| *known == address)
                && !state.masters.iter().any(|(known, _)| *known == address)
            {
                state.masters.push((address.clone(), Arc::clone(link)));
            }
            let master = self.master(&mut state, address);
            state.owners[usize::from(first)..=usize::from(last)].fill(master);
        }
        state.learning = false;
        let State { masters, doubted, .. } = &mut *state;
        doubted.retain(|address| self.seeds.contains(address) || masters.iter().any(|(master, _)| master == address));
        for slot in (0..).take(SLOTS) {
            let owner = |masters: &[(Address, Arc<Link>)], owners: &[u16]| {
                masters.get(usize::from(owners[usize::from(slot)])).map(|(_, link)| Arc::as_ptr(link))
            };
            let stays = owner(&before, &owners) == owner(&state.masters, &state.owners);
            if !stays && state.in_flight[usize::from(slot)] > 0 {
                state.held.entry(slot).or_default();
            }
            if let Some(held) = state.held.get_mut(&slot) {
                held.lost = false;
                self.release(&mut state, slot);
            }
        }
        let is_left = |link: &Arc<Link>| !state.masters.iter().any(|(_, master)| Arc::ptr_eq(master, link));
        let left: Vec<_> = before.into_iter().map(|(_, link)| link).filter(is_left).collect();
        let asking = mem::take(&mut state.asking);
        drop(state);
        for sender in asking {
            // Who asked may be gone.
            drop(sender.send(Ok(())));
        }
        // They end with what their servers still answer.
        for link in left {
            link.replace();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What is known has led nowhere: another server is asked first.
    fn doubt(&mut self) {
        if let Some(teller) = self.teller.take() {
            self.doubted.retain(|address| *address != teller);
            self.doubted.push(teller);
        }
    }
}

impl Held {
    fn into_all(self) -> impl Iterator<Item = Routed> {
        self.returned.into_iter().chain(self.fresh)
    }
}
