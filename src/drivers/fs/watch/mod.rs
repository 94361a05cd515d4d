//! A watcher over the files under a base.
//!
//! What the system reports is taken as a hint where to look. The watcher knows each folder's entries as it last saw them; it looks at
//! what a hint names once nothing more has come in for a moment, and tells of what differs. So a file that was written in many steps, or
//! replaced by rename, is one change, and one that came and went is none. Polling looks everywhere, by the same code.

mod hints;
mod options;
mod system;

use std::{
    collections::{BTreeMap, HashMap},
    ffi::{OsStr, OsString},
    fs::{self, Metadata},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Component, Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use hints::{Hint, Hints};
use options::Stability;
pub use options::WatchOptions;

use super::{
    expiry::Expiries,
    identity::Identity,
    ignore::{Globs, Ignore},
    layout::{OVERFLOW, VALUE, is_temporary},
    root::{Root, found},
    stamp::Stamp,
};
use crate::{
    clock::wall,
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

/// An entry of a folder as it was last seen.
#[derive(Clone, Copy, PartialEq)]
enum Known {
    /// With the time when the item expires.
    File(Stamp, Option<u64>),
    Folder(Identity),
}

/// A file that may still be written to.
struct Unfinished {
    /// Nobody heard of it yet.
    is_new: bool,
    size: Option<u64>,
    since: Instant,
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

    /// Watches the folders that were found, and those that are found in them. Nothing here calls itself: keys can be so deep that no
    /// stack would do.
    fn enter_found(&mut self) {
        while let Some(folder) = self.found.pop() {
            // It may have gone again.
            let is_there = self.known(&folder).is_some_and(|known| matches!(known, Known::Folder(_)));
            if is_there && let Err(cause) = self.enter(&folder) {
                self.failure.get_or_insert(cause);
            }
        }
    }

    /// What was at a path in a watched folder.
    fn known(&self, path: &Path) -> Option<Known> {
        self.folders.get(path.parent()?)?.get(path.file_name()?).copied()
    }

    /// Watches a folder, and looks at what it holds.
    fn enter(&mut self, folder: &Path) -> Result<(), Cause> {
        // First the watch: what comes after the look is reported.
        self.watch(folder)?;
        self.folders.insert(folder.to_path_buf(), HashMap::new());
        if folder == self.scope.root.base {
            fs::read_dir(folder).map_err(Cause::Base)?;
        }
        self.look_into(folder);
        Ok(())
    }

    /// Watches a folder anew, and those in it: it was known by its name, and may be another one by now.
    fn refresh(&mut self, folder: &Path) {
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let Some(entries) = self.folders.get(&folder) else { continue };
            folders.extend(inner_folders(&folder, entries));
            if let Some(system) = &mut self.system {
                let _ = system.unwatch(&folder);
            }
            // A folder that may no longer be read is looked at in vain.
            let _ = self.watch(&folder);
            self.look_into(&folder);
        }
    }

    fn watch(&mut self, folder: &Path) -> Result<(), Cause> {
        let Some(system) = &mut self.system else { return Ok(()) };
        if WATCHES_TREES && folder != self.scope.root.base {
            return Ok(());
        }
        let mode = if WATCHES_TREES { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        match system.watch(folder, mode) {
            // It has gone again, or may not be read.
            Err(error) if folder != self.scope.root.base && system::is_unreadable(&error) => Ok(()),
            Err(error) if self.phase != Phase::Running => Err(system::to_cause(error, &self.scope.root, folder)),
            // There is nobody to tell: what cannot be watched is looked at again and again.
            Err(_) => {
                self.polling = Some(self.polling.map_or(FALLBACK, |known| known.min(FALLBACK)));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Looks at all that a watched folder holds.
    fn look_into(&mut self, folder: &Path) {
        let mut gone: Vec<OsString> =
            self.folders.get(folder).map(|known| known.keys().cloned().collect()).unwrap_or_default();
        if let Ok(entries) = fs::read_dir(folder) {
            let mut names: Vec<OsString> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
            names.sort_unstable();
            gone.retain(|name| names.binary_search(name).is_err());
            for name in names {
                self.look(&folder.join(name), Hint::default());
            }
        }
        for name in gone {
            self.look(&folder.join(name), Hint::default());
        }
    }

    fn see(&self, path: &Path) -> Option<Known> {
        let metadata = fs::symlink_metadata(path).ok()?;
        if metadata.is_dir() {
            return Some(Known::Folder(Identity::from(&metadata)));
        }
        let metadata = match metadata.is_symlink() {
            true if !self.scope.root.follow => return None,
            true => fs::metadata(path).unwrap_or(metadata),
            false => metadata,
        };
        let (stamp, known) = (Stamp::from(&metadata), &self.scope.expiries);
        let expires = if known.is_empty() { None } else { known.expires(self.key(path).as_bytes(), stamp) };
        Some(Known::File(stamp, expires))
    }

    /// Compares what is at a path with what was known of it.
    fn look(&mut self, path: &Path, hint: Hint) {
        if self.stopped.load(Ordering::Acquire) {
            return;
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
        let Some(known) = self.folders.get(folder).map(|known| known.get(name).copied()) else { return };
        let seen = self.see(path);
        let same = match seen {
            Some(Known::Folder(_)) => !hint.renamed,
            Some(Known::File(..)) => !hint.written,
            None => true,
        };
        if known == seen && same {
            return;
        }
        if known.is_none() && self.passes_over(path, name, matches!(seen, Some(Known::Folder(_)))) {
            return;
        }
        if let Some(entries) = self.folders.get_mut(folder) {
            match seen {
                Some(seen) => entries.insert(name.to_owned(), seen),
                None => entries.remove(name),
            };
        }
        match (known, seen) {
            (Some(Known::Folder(before)), Some(Known::Folder(after))) if before == after => return self.refresh(path),
            (Some(Known::Folder(_)), _) => self.forget(path),
            (Some(Known::File(_, expires)), Some(Known::Folder(_)) | None) => self.removed(path, expires),
            _ => {}
        }
        match seen {
            Some(Known::File(..)) => self.updated(path, !matches!(known, Some(Known::File(..)))),
            Some(Known::Folder(_)) => self.found.push(path.to_path_buf()),
            None => {}
        }
    }

    /// Forgets a watched folder, with all that it held.
    fn forget(&mut self, folder: &Path) {
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let Some(entries) = self.folders.remove(&folder) else { continue };
            if let Some(system) = &mut self.system
                && (!WATCHES_TREES || folder == self.scope.root.base)
            {
                // Mostly the system has given it up already.
                let _ = system.unwatch(&folder);
            }
            folders.extend(inner_folders(&folder, &entries));
            for (name, known) in entries {
                if let Known::File(_, expires) = known {
                    self.removed(&folder.join(name), expires);
                }
            }
        }
    }

    /// Whether something is not watched.
    fn passes_over(&self, path: &Path, name: &OsStr, is_folder: bool) -> bool {
        let relative = path.strip_prefix(&self.scope.root.base).unwrap_or(path);
        let overflow = relative.components().any(|part| part.as_os_str() == OVERFLOW);
        if is_folder {
            let depth = relative.components().filter(|part| part.as_os_str() != OVERFLOW).count();
            // The item that a folder is called as lies in the folder.
            if self.depth.is_some_and(|most| depth > most + 1) || is_temporary(name) && name != VALUE {
                return true;
            }
        } else {
            let depth = self.key(path).bytes().filter(|&byte| byte == b':').count();
            let is_ours = name != VALUE && (overflow || is_temporary(name));
            if is_ours || self.depth.is_some_and(|most| depth > most) || is_of_an_editor(name) {
                return true;
            }
        }
        let item = item(relative);
        if item.as_os_str().is_empty() {
            return false;
        }
        let item = self.scope.root.base.join(item);
        let ignored = match &*self.scope.ignore {
            Ignore::Globs(globs) => globs.cover(&self.scope.root.base, &item),
            Ignore::Function => false,
        };
        ignored || self.scope.unwatched.cover(&self.scope.root.base, &item)
    }

    fn key(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.scope.root.base).unwrap_or(path);
        let parts: Vec<_> = item(relative).iter().map(|part| part.to_string_lossy().into_owned()).collect();
        parts.join(":")
    }

    fn updated(&mut self, path: &Path, is_new: bool) {
        match self.phase {
            Phase::Silent => return,
            Phase::Running if self.stability.is_some() => {
                let now = Instant::now();
                let new = || Unfinished { is_new, size: None, since: now };
                self.unfinished.entry(path.to_path_buf()).or_insert_with(new).since = now;
                return;
            }
            Phase::Initial | Phase::Running => {}
        }
        self.report(Change::Update, path);
    }

    fn removed(&mut self, path: &Path, expires: Option<u64>) {
        let unfinished = self.unfinished.remove(path);
        // An item expires in silence, and one that nobody heard of goes so.
        let is_over = expires.is_some_and(|expires| expires <= wall::now());
        if !is_over && unfinished.is_none_or(|unfinished| !unfinished.is_new) {
            self.report(Change::Remove, path);
        }
    }

    fn report(&mut self, change: Change, path: &Path) {
        let base = &self.scope.root.base;
        self.changes.insert(base.join(item(path.strip_prefix(base).unwrap_or(path))), change);
    }

    /// Tells what became of each item in the end.
    fn deliver(&mut self) {
        self.enter_found();
        for (path, mut change) in std::mem::take(&mut self.changes) {
            if change == Change::Remove && self.is_there(&path) {
                if let Some(unfinished) = self.unfinished.get_mut(&path) {
                    // It was told of before, so its end will be, too.
                    unfinished.is_new = false;
                    continue;
                }
                change = Change::Update;
            }
            if !self.stopped.load(Ordering::Acquire) {
                (self.tell)(change, self.key(&path).as_bytes());
            }
        }
    }

    /// Whether the item has another file beside the one that went: it was in two places for a moment.
    fn is_there(&self, path: &Path) -> bool {
        self.scope.root.locate(path).is_ok_and(|found| found.is_some())
    }

    fn check_unfinished(&mut self) {
        let Some(stability) = self.stability else { return };
        let threshold = Duration::from_millis(stability.stability_threshold);
        let mut finished = Vec::new();
        for (path, unfinished) in &mut self.unfinished {
            // That it is gone will be reported.
            let found = fs::metadata(path).or_else(|_| fs::symlink_metadata(path));
            let Ok(metadata) = found else { continue };
            let size = Some(metadata.len());
            if unfinished.size.is_some() && unfinished.size != size {
                unfinished.since = Instant::now();
            }
            unfinished.size = size;
            if unfinished.since.elapsed() >= threshold {
                finished.push(path.clone());
            }
        }
        for path in finished {
            self.unfinished.remove(&path);
            self.report(Change::Update, &path);
        }
        self.deliver();
    }
}

/// The folders among what was known of a folder.
fn inner_folders(folder: &Path, entries: &HashMap<OsString, Known>) -> impl Iterator<Item = PathBuf> {
    entries.iter().filter(|(_, known)| matches!(known, Known::Folder(_))).map(|(name, _)| folder.join(name))
}

/// The path that the item would have if nothing had been in its way.
fn item(relative: &Path) -> PathBuf {
    let is_part = |part: &Component| part.as_os_str() != OVERFLOW && part.as_os_str() != VALUE;
    relative.components().filter(is_part).collect()
}

/// What editors keep beside a file that they have open: chokidar tells of none of it, and so neither does unstorage.
fn is_of_an_editor(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let swap = name.strip_suffix(".swp").or_else(|| name.strip_suffix(".swx"));
    name.ends_with('~')
        || swap.is_some_and(|rest| rest.contains('.'))
        || name.find(".subl").is_some_and(|at| name[at..].contains(".tmp"))
}
