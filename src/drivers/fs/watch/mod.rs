//! A watcher over the files under a base.
//!
//! What the system reports is taken as a hint where to look. The watcher knows each folder's entries as it last saw them; it looks at
//! what a hint names once nothing more has come in for a moment, and tells of what differs. So a file that was written in many steps, or
//! replaced by rename, is one change, and one that came and went is none. Polling looks everywhere, by the same code.

mod folders;
mod hints;
mod names;
mod news;
mod options;
mod system;

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    fs::{self, Metadata},
    io,
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use notify::RecommendedWatcher;

use folders::Known;
use hints::Hints;
use news::Unfinished;
use options::Stability;
pub use options::WatchOptions;

use super::{
    expiry::Expiries,
    identity::Identity,
    ignore::{Globs, Ignore},
    root::{Root, found},
};
use crate::{
    driver::{Change, Tell, Watch},
    error::Cause,
};

/// How often it looks by itself where the system has no watches left, and for a base that is gone, or another folder by now.
const FALLBACK: Duration = Duration::from_secs(1);
/// These systems watch a whole tree at once.
const WATCHES_TREES: bool = cfg!(any(windows, target_os = "macos"));

/// What a watcher is over.
pub struct Scope {
    pub root: Root,
    /// Permissions of a base that has to be made; None to wait until it is there.
    pub mode: Option<u32>,
    pub ignore: Arc<Ignore>,
    /// What the watcher alone leaves out.
    pub unwatched: Arc<Globs>,
    pub expiries: Arc<Expiries>,
}

enum Signal {
    Report(notify::Result<notify::Event>),
    Stop,
}

/// Dropped, it stops the watcher.
struct Stop {
    signals: Sender<Signal>,
    stopped: Arc<AtomicBool>,
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // Where nobody listens, it has stopped.
        let _ = self.signals.send(Signal::Stop);
    }
}

/// Starts a watcher, which knows every file when this returns.
pub fn start(scope: Scope, options: &WatchOptions, tell: Tell) -> Result<Watch, Cause> {
    let (signals, reports) = channel();
    let stop = Stop { signals: signals.clone(), stopped: Arc::default() };
    let mut watcher = Watcher {
        system: None,
        polling: options.use_polling.then(|| pause(options.interval)),
        depth: options.depth.map(|depth| depth as usize),
        stability: options.stability(),
        scope,
        tell,
        stopped: Arc::clone(&stop.stopped),
        phase: if options.ignore_initial { Phase::Silent } else { Phase::Initial },
        folders: HashMap::new(),
        found: Vec::new(),
        base: None,
        unfinished: HashMap::new(),
        changes: BTreeMap::new(),
        failure: None,
    };
    if !options.use_polling {
        let report = move |event| {
            // Where nobody listens, it has stopped.
            let _ = signals.send(Signal::Report(event));
        };
        watcher.system = Some(system::watcher(&watcher.scope.root, report)?);
    }
    watcher.begin()?;
    let thread = thread::Builder::new().name("rustorage-watch".into()).spawn(move || watcher.run(&reports))?;
    Ok(Watch { stop: Box::new(stop), thread: Some(thread) })
}

/// Time between two looks: some, and less than a day.
fn pause(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds.clamp(1, 86_400_000))
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// The first look, which tells nothing.
    Silent,
    /// The first look, which tells of every file.
    Initial,
    Running,
}

struct Watcher {
    scope: Scope,
    system: Option<RecommendedWatcher>,
    polling: Option<Duration>,
    depth: Option<usize>,
    stability: Option<Stability>,
    tell: Tell,
    stopped: Arc<AtomicBool>,
    phase: Phase,
    /// The watched folders.
    folders: HashMap<PathBuf, HashMap<OsString, Known>>,
    /// Folders that were seen, and are not watched yet.
    found: Vec<PathBuf>,
    /// Which folder the base was, unless it is gone.
    base: Option<Identity>,
    unfinished: HashMap<PathBuf, Unfinished>,
    /// By the item's path, what is to be told.
    changes: BTreeMap<PathBuf, Change>,
    /// Why the first look failed.
    failure: Option<Cause>,
}

impl Watcher {
    /// Looks at all that is there.
    fn begin(&mut self) -> Result<(), Cause> {
        let base = self.scope.root.base.clone();
        if let Some(mode) = self.scope.mode {
            let made = fs::DirBuilder::new().recursive(true).mode(mode).create(&base);
            made.or_else(|error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
                .map_err(Cause::Base)?;
        }
        if let Some(metadata) = found(fs::metadata(&base)).map_err(Cause::Base)? {
            self.base = Some(Identity::from(&metadata));
            self.enter(&base)?;
        }
        self.enter_found();
        if let Some(cause) = self.failure.take() {
            return Err(cause);
        }
        self.deliver();
        self.phase = Phase::Running;
        Ok(())
    }

    fn run(mut self, signals: &Receiver<Signal>) {
        let mut hints = Hints::default();
        let mut polled = Instant::now();
        let mut checked = Instant::now();
        loop {
            let poll = polled + self.polling.filter(|_| self.base.is_some()).unwrap_or(FALLBACK);
            let check = self.stability.filter(|_| !self.unfinished.is_empty());
            let check = check.map(|stability| checked + pause(stability.poll_interval));
            let next = [hints.due(), check].into_iter().flatten().fold(poll, Instant::min);
            match signals.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Signal::Report(report)) => hints.note(report),
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = Instant::now();
            if hints.due().is_some_and(|at| at <= now) {
                let hints = std::mem::take(&mut hints);
                self.follow(&hints);
            }
            if poll <= now {
                if self.polling.is_some() {
                    self.look_everywhere();
                } else {
                    // Nothing is reported of a folder above it, nor of a link to it.
                    self.look_at_base(false);
                }
                self.deliver();
                polled = Instant::now();
            }
            if check.is_some_and(|at| at <= now) {
                self.check_unfinished();
                checked = Instant::now();
            }
        }
    }

    fn follow(&mut self, hints: &Hints) {
        self.scope.expiries.refresh();
        if hints.everywhere {
            self.look_everywhere();
        }
        for (path, &hint) in &hints.paths {
            if *path == self.scope.root.base {
                self.look_at_base(hint.renamed);
            } else {
                self.look(path, hint);
            }
        }
        self.deliver();
    }

    fn look_everywhere(&mut self) {
        self.scope.expiries.refresh();
        self.look_at_base(false);
        let mut folders: Vec<PathBuf> = self.folders.keys().cloned().collect();
        folders.sort_unstable();
        for folder in folders {
            // It may have gone with one that came before.
            if self.folders.contains_key(&folder) {
                self.look_into(&folder);
            }
        }
    }

    fn look_at_base(&mut self, renamed: bool) {
        let path = self.scope.root.base.clone();
        let base = fs::metadata(&path).ok().filter(Metadata::is_dir).map(|metadata| Identity::from(&metadata));
        if base != self.base {
            self.forget(&path);
            self.base = base.filter(|_| self.enter(&path).is_ok());
        } else if renamed {
            self.refresh(&path);
        }
    }
}
