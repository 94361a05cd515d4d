//! LMDB's environment: an open file, and its map in memory.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use heed::{Env, EnvFlags, EnvOpenOptions, MdbError, WithoutTls};

#[cfg(target_os = "linux")]
use super::hold::Hold;
use super::{
    databases::Databases,
    failure::failure,
    files::{check_file, lock_path, reserve_lock_file},
    items::Items,
    options::Sync,
    snapshots::{Borrowed, Snapshots},
    transaction::{Access, Transaction},
};
use crate::{
    drivers::embedded::{Edit, Registry, Store, View, Window, check_disk, is_read_only_disk},
    error::{Cause, Failure},
};

/// More than the threads of many processes need at once; each takes 64 bytes of the lock file.
const READERS: u32 = 1000;
/// Between two looks for readers that were killed, which a write does.
const READERS_CHECKED: Duration = Duration::from_secs(1);

/// With less room in bytes, a commit that failed has failed of that.
#[cfg(unix)]
const NEARLY_FULL: u64 = 64 * 1024;

#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub sync: Sync,
    pub read_only: bool,
    /// Bytes of address space to begin with.
    pub map_size: usize,
}

pub struct Environment {
    env: Env<WithoutTls>,
    databases: Databases,
    /// The map moves only while there are none.
    snapshots: Arc<Snapshots>,
    read_only: bool,
    /// When readers that were killed were looked for.
    readers_checked: Mutex<Instant>,
    /// Why there is no map any more.
    lost: OnceLock<Failure>,
    /// None where there are no locks.
    #[cfg(target_os = "linux")]
    hold: Option<Arc<Hold>>,
}

pub struct Reader {
    snapshot: Borrowed,
    databases: Databases,
}

impl Store for Environment {
    type Settings = Settings;
    type Reader = Reader;

    const COST: i32 = 4;

    fn is_read_only(settings: &Settings) -> bool {
        settings.read_only
    }

    fn registry() -> &'static Registry<Self> {
        static ENVIRONMENTS: Registry<Environment> = Registry::new();
        &ENVIRONMENTS
    }

    fn open(path: &Path, settings: &Settings) -> Result<Self, Failure> {
        let folder = path.parent().unwrap_or(path);
        if !settings.read_only {
            fs::create_dir_all(folder).map_err(|error| Failure::of_system("the database's folder", &error))?;
        }
        check_disk(folder)?;
        check_file(path, settings.read_only)?;
        let lock = lock_path(path);
        let of_lock = |error| Failure::of_system("the lock file beside the database", &error);
        // LMDB goes without locks where nothing changes.
        let has_locks = !settings.read_only || !is_read_only_disk(folder);
        if has_locks {
            reserve_lock_file(&lock).map_err(of_lock)?;
        }
        // NO_MEM_INIT would write to the file what else the process had in memory.
        let mut flags = EnvFlags::NO_SUB_DIR;
        flags |= match settings.sync {
            Sync::Full => EnvFlags::empty(),
            Sync::NoMeta => EnvFlags::NO_META_SYNC,
            Sync::None => EnvFlags::NO_SYNC,
        };
        flags.set(EnvFlags::READ_ONLY, settings.read_only);
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.max_dbs(3).max_readers(READERS).map_size(whole_pages(settings.map_size));
        // SAFETY: the file was found to be LMDB's and whole, is not on a network disk, and this is the process's only environment
        // of it (`Registry`). No flag takes locks or the order of writes away; what NO_META_SYNC and NO_SYNC can lose, their options
        // say. That nobody else writes to the file but through LMDB is left to its owner.
        let opened = unsafe { options.flags(flags).open(path) };
        let env = opened.map_err(|error| match failure(&error) {
            failure if failure.code == "ENOMEM" => {
                let message = format!("there is no address space for `mapSize`, {} bytes", settings.map_size);
                Failure::new("ENOMEM", message)
            }
            failure => failure,
        })?;
        #[cfg(target_os = "linux")]
        let hold = has_locks.then(|| Hold::take(&env, &lock)).transpose().map_err(of_lock)?.map(Arc::new);
        env.clear_stale_readers().map_err(|error| failure(&error))?;
        let databases = if settings.read_only { Databases::known(&env)? } else { Databases::own(&env)? };
        let snapshots = Snapshots::new(env.clone());
        let readers_checked = Mutex::new(Instant::now());
        Ok(Self {
            env,
            databases,
            snapshots,
            read_only: settings.read_only,
            readers_checked,
            lost: OnceLock::new(),
            #[cfg(target_os = "linux")]
            hold,
        })
    }

    fn look<T>(&self, read: impl FnOnce(&dyn View) -> T) -> Option<T> {
        if self.lost.get().is_some() {
            return None;
        }
        self.snapshots.look(|txn| read(&Items { txn, databases: self.databases }))
    }

    fn snapshot(&self) -> Result<Reader, Cause> {
        if let Some(failure) = self.lost.get() {
            return Err(failure.clone().into());
        }
        Ok(Reader { snapshot: self.snapshots.take()?, databases: self.databases })
    }

    fn write(&self, act: &mut dyn FnMut(&mut dyn Edit) -> Result<(), Cause>) -> Result<(), Cause> {
        self.clear_stale_readers()?;
        loop {
            if let Some(failure) = self.lost.get() {
                return Err(failure.clone().into());
            }
            let begun = if self.read_only {
                self.env.read_txn().map(Access::Read)
            } else {
                self.env.write_txn().map(Access::Write)
            };
            let access = match begun {
                Ok(access) => access,
                Err(heed::Error::Mdb(MdbError::MapResized)) => {
                    self.resize(None)?;
                    continue;
                }
                Err(error) => return Err(failure(&error).into()),
            };
            let mut transaction = Transaction { access, databases: self.databases, is_full: false };
            let acted = act(&mut transaction);
            let mut is_full = transaction.is_full;
            let ended = match (acted, transaction.access) {
                (Ok(()), Access::Write(txn)) => txn.commit().map_err(|error| {
                    is_full |= matches!(error, heed::Error::Mdb(MdbError::MapFull));
                    self.commit_failure(&error).into()
                }),
                (acted, _) => acted,
            };
            if !is_full {
                return ended;
            }
            self.resize(Some(self.env.info().map_size.saturating_mul(2)))?;
        }
    }

    fn close(self: Arc<Self>) {
        let closing = self.env.clone().prepare_for_closing();
        // Longer than the environment.
        #[cfg(target_os = "linux")]
        let _hold = self.hold.clone();
        self.snapshots.let_go();
        drop(self);
        // The last reader closes it.
        closing.wait();
    }
}

impl Environment {
    /// Readers of processes that were killed would keep pages from being used again, and the file would grow.
    fn clear_stale_readers(&self) -> Result<(), Failure> {
        let mut checked = self.readers_checked.lock().unwrap_or_else(PoisonError::into_inner);
        if checked.elapsed() >= READERS_CHECKED {
            self.env.clear_stale_readers().map_err(|error| failure(&error))?;
            *checked = Instant::now();
        }
        Ok(())
    }

    /// LMDB calls it an I/O error when the disk took a part only.
    fn commit_failure(&self, error: &heed::Error) -> Failure {
        let failure = failure(error);
        match self.disk_full() {
            Some(error) if failure.code == "EIO" => Failure::of_system("the database", &error),
            _ => failure,
        }
    }

    /// The system's error, if the disk is nearly full.
    #[cfg(unix)]
    fn disk_full(&self) -> Option<io::Error> {
        let disk = rustix::fs::statvfs(self.env.path()).ok()?;
        (disk.f_bavail * disk.f_frsize < NEARLY_FULL).then(|| rustix::io::Errno::NOSPC.into())
    }

    /// Windows says by itself that its disk is full.
    #[cfg(windows)]
    #[allow(clippy::unused_self, reason = "elsewhere the disk is asked")]
    fn disk_full(&self) -> Option<io::Error> {
        None
    }

    /// Makes the map larger, or as large as another process made it.
    fn resize(&self, size: Option<usize>) -> Result<(), Failure> {
        let before = self.env.info().map_size;
        self.snapshots.without(|| {
            // SAFETY: no reader of this process has a transaction, and only this thread writes: it has none open.
            let resize = |size| unsafe { self.env.resize(size) };
            let Err(error) = resize(size.map_or(0, whole_pages)) else { return Ok(()) };
            let failure = Failure::new("ENOMEM", format!("the map of the database cannot grow: {error}"));
            if resize(before).is_err() {
                // There is no map, and none may be read.
                return Err(self.lost.get_or_init(|| failure).clone());
            }
            Err(failure)
        })
    }
}

impl Window for Reader {
    type View<'a> = Items<'a>;

    fn view(&self) -> Result<Items<'_>, Cause> {
        Ok(Items { txn: self.snapshot.txn(), databases: self.databases })
    }
}

/// The system takes a map of whole pages only.
fn whole_pages(size: usize) -> usize {
    // As large as any system's pages are, or a multiple of it.
    size.max(1).checked_next_multiple_of(64 * 1024).unwrap_or(usize::MAX & !0xFFFF)
}
