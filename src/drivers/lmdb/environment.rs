//! LMDB's environment: an open file, its map in memory, and the transactions on it.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes as Content;
use heed::{
    Database, Env, EnvFlags, EnvOpenOptions, MdbError, RoTxn, RwTxn, WithoutTls,
    types::{Bytes, Unit},
};

use super::{
    inspect::{Finding, inspect},
    layout::{self, Name, Record},
    options::Sync,
    snapshots::{Borrowed, Snapshots},
};
use crate::{
    clock::wall,
    driver::{Field, Fields},
    drivers::embedded::{Edit, Found, Manner, Registry, Store, View, check_disk, check_links, for_everyone},
    error::{Cause, Failure},
    key::Listing,
};

/// More than the threads of many processes need at once; each takes 64 bytes of the lock file.
const READERS: u32 = 1000;
/// What is made sure of for the lock file, so that no full disk is met when it is mapped.
const LOCK_SIZE: u64 = 128 * 1024;

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

type Txn<'a> = RoTxn<'a, heed::AnyTls>;

#[derive(Clone, Copy)]
struct Databases {
    items: Database<Bytes, Bytes>,
    expiries: Database<Bytes, Unit>,
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
        if !settings.read_only {
            reserve_lock_file(&lock)
                .map_err(|error| Failure::of_system("the lock file beside the database", &error))?;
        }
        let mut flags = EnvFlags::NO_SUB_DIR | EnvFlags::NO_MEM_INIT;
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
        let env = unsafe { options.flags(flags).open(path) }.map_err(|error| failure(&error))?;
        env.clear_stale_readers().map_err(|error| failure(&error))?;
        let databases = if settings.read_only { known_databases(&env)? } else { own_databases(&env)? };
        let snapshots = Snapshots::new(env.clone());
        let readers_checked = Mutex::new(Instant::now());
        Ok(Self { env, databases, snapshots, read_only: settings.read_only, readers_checked, lost: OnceLock::new() })
    }

    fn reader(&self) -> Option<Reader> {
        self.snapshot()
    }

    fn snapshot(&self) -> Option<Reader> {
        if self.lost.get().is_some() {
            return None;
        }
        Some(Reader { snapshot: self.snapshots.take()?, databases: self.databases })
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

impl Databases {
    fn record<'a>(&self, txn: &'a Txn, name: &[u8]) -> Result<Option<Record<'a>>, Cause> {
        let found = self.items.get(txn, name).map_err(|error| failure(&error))?;
        let record = found.map(|bytes| Record::read(bytes).ok_or_else(damaged)).transpose()?;
        Ok(record)
    }

    /// The item's record, if it has not expired.
    fn living<'a>(&self, txn: &'a Txn, key: &[u8]) -> Result<Option<Record<'a>>, Cause> {
        let record = self.record(txn, Name::of(key).as_bytes())?;
        Ok(record.filter(|record| record.expires.is_none_or(|expires| expires > wall::now())))
    }

    fn get(&self, txn: &Txn, key: &[u8], most: usize) -> Result<Found, Cause> {
        Ok(match self.living(txn, key)? {
            None => Found::Nothing,
            Some(record) if record.value.len() > most => Found::Large,
            Some(record) => Found::Value(Content::copy_from_slice(record.value)),
        })
    }

    fn meta(&self, txn: &Txn, key: &[u8]) -> Result<Fields, Cause> {
        let record = self.living(txn, key)?;
        #[allow(clippy::cast_precision_loss, reason = "JavaScript has no other numbers")]
        let number = |number: Option<u64>| number.map_or(Field::Absent, |number| Field::Number(number as f64));
        let life = record.and_then(|record| record.expires).map(|expires| expires.saturating_sub(wall::now()));
        Ok(vec![
            ("mtime".into(), number(record.map(|record| record.modified))),
            ("size".into(), number(record.map(|record| record.value.len() as u64))),
            ("life".into(), number(life)),
        ])
    }

    fn keys(&self, txn: &Txn, listing: &Listing, emit: &mut dyn FnMut(&[u8])) -> Result<(), Cause> {
        let base = listing.relative_base();
        let expired = self.expired(txn, usize::MAX)?;
        let expired: HashSet<&[u8]> = expired.iter().filter_map(|key| Some(layout::expiring(key)?.1)).collect();
        let prefix = &base[..base.len().min(layout::LONGEST)];
        // There is no key without bytes to begin with.
        let start = if prefix.is_empty() { Bound::Unbounded } else { Bound::Included(prefix) };
        let range = self.items.range(txn, &(start, Bound::Unbounded)).map_err(|error| failure(&error))?;
        for entry in range {
            let (name, record) = entry.map_err(|error| failure(&error))?;
            if !name.starts_with(prefix) {
                break;
            }
            if !expired.is_empty() && expired.contains(name) {
                continue;
            }
            let key = if layout::is_long(name) {
                Record::read(record).and_then(|record| record.key).ok_or_else(damaged)?
            } else {
                name
            };
            if listing.accepts(key) {
                emit(key);
            }
        }
        Ok(())
    }

    /// The keys in `expiries` of what has expired, but no more than `most`.
    fn expired(&self, txn: &Txn, most: usize) -> Result<Vec<Box<[u8]>>, Cause> {
        let now = layout::expiry(wall::now().saturating_add(1), &[]);
        let range = self
            .expiries
            .range(txn, &(Bound::Unbounded, Bound::Excluded(now.as_slice())))
            .map_err(|error| failure(&error))?;
        let keys = range.take(most).map(|entry| entry.map(|(key, ())| key.into()));
        Ok(keys.collect::<heed::Result<_>>().map_err(|error| failure(&error))?)
    }
}

impl View for Reader {
    fn has(&self, key: &[u8]) -> Result<bool, Cause> {
        Ok(self.databases.living(self.snapshot.txn(), key)?.is_some())
    }

    fn get(&self, key: &[u8], _: bool, most: usize) -> Result<Found, Cause> {
        self.databases.get(self.snapshot.txn(), key, most)
    }

    fn meta(&self, key: &[u8]) -> Result<Fields, Cause> {
        self.databases.meta(self.snapshot.txn(), key)
    }

    fn keys(&self, listing: &Listing, emit: &mut dyn FnMut(&[u8])) -> Result<(), Cause> {
        self.databases.keys(self.snapshot.txn(), listing, emit)
    }
}

enum Access<'a> {
    Write(RwTxn<'a>),
    /// Of an environment that is only read.
    Read(RoTxn<'a, WithoutTls>),
}

struct Transaction<'a> {
    access: Access<'a>,
    databases: Databases,
    /// The map has no room for what was to be written.
    is_full: bool,
}

impl Transaction<'_> {
    fn txn(&self) -> &Txn<'_> {
        match &self.access {
            Access::Write(txn) => txn,
            Access::Read(txn) => txn,
        }
    }

    fn edit(&mut self, act: impl FnOnce(Databases, &mut RwTxn) -> heed::Result<()>) -> Result<(), Cause> {
        let Access::Write(txn) = &mut self.access else {
            return Err(Failure::new("EROFS", "the database is open for reading only").into());
        };
        act(self.databases, txn).map_err(|error| {
            self.is_full |= matches!(error, heed::Error::Mdb(MdbError::MapFull));
            failure(&error).into()
        })
    }

    /// Takes what is known of an earlier expiry away.
    fn forget_expiry(&mut self, name: &[u8]) -> Result<(), Cause> {
        let is_empty = self.databases.expiries.is_empty(self.txn()).map_err(|error| failure(&error))?;
        if is_empty {
            return Ok(());
        }
        let expires = self.databases.record(self.txn(), name)?.and_then(|record| record.expires);
        match expires {
            Some(at) => self.edit(|databases, txn| databases.expiries.delete(txn, &layout::expiry(at, name)).map(drop)),
            None => Ok(()),
        }
    }
}

impl View for Transaction<'_> {
    fn has(&self, key: &[u8]) -> Result<bool, Cause> {
        Ok(self.databases.living(self.txn(), key)?.is_some())
    }

    fn get(&self, key: &[u8], _: bool, most: usize) -> Result<Found, Cause> {
        self.databases.get(self.txn(), key, most)
    }

    fn meta(&self, key: &[u8]) -> Result<Fields, Cause> {
        self.databases.meta(self.txn(), key)
    }

    fn keys(&self, listing: &Listing, emit: &mut dyn FnMut(&[u8])) -> Result<(), Cause> {
        self.databases.keys(self.txn(), listing, emit)
    }
}

impl Edit for Transaction<'_> {
    fn set(&mut self, key: &[u8], value: &[u8], manner: Manner) -> Result<(), Cause> {
        let name = Name::of(key);
        let name = name.as_bytes();
        self.forget_expiry(name)?;
        let long = layout::is_long(name).then_some(key);
        let record = Record { modified: wall::now(), expires: manner.expires, key: long, value };
        self.edit(|databases, txn| {
            databases.items.put_reserved(txn, name, record.len(), |space| {
                record.write(|part| io::Write::write_all(space, part))
            })?;
            match manner.expires {
                Some(at) => databases.expiries.put(txn, &layout::expiry(at, name), &()),
                None => Ok(()),
            }
        })
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), Cause> {
        let name = Name::of(key);
        self.forget_expiry(name.as_bytes())?;
        self.edit(|databases, txn| databases.items.delete(txn, name.as_bytes()).map(drop))
    }

    fn sweep(&mut self, most: usize) -> Result<Option<u64>, Cause> {
        for key in self.databases.expired(self.txn(), most)? {
            let Some((_, name)) = layout::expiring(&key) else { return Err(damaged().into()) };
            self.edit(|databases, txn| {
                databases.items.delete(txn, name)?;
                databases.expiries.delete(txn, &key).map(drop)
            })?;
        }
        let next = self.databases.expiries.first(self.txn()).map_err(|error| failure(&error))?;
        Ok(next.and_then(|(key, ())| layout::expiring(key)).map(|(at, _)| at))
    }
}

/// Refuses what is no database, or not all of one.
fn check_file(path: &Path, read_only: bool) -> Result<(), Failure> {
    let mut options = File::options();
    options.read(true).write(!read_only).create(!read_only);
    let file = for_everyone(&mut options).open(path).map_err(|error| Failure::of_system("the database", &error))?;
    if !read_only {
        check_links(&file.metadata().map_err(|error| Failure::of_system("the database", &error))?)?;
    }
    match inspect(&file).map_err(|error| Failure::of_system("the database", &error))? {
        Finding::Empty if read_only => Err(foreign()),
        Finding::Whole | Finding::Empty => Ok(()),
        Finding::Foreign => Err(Failure::new("MDB_INVALID", "the file is no LMDB database")),
        Finding::OtherVersion => Err(Failure::new("MDB_VERSION_MISMATCH", "the file is of another version of LMDB")),
        Finding::Truncated => Err(Failure::new("MDB_CORRUPTED", "the file is shorter than what it should hold")),
    }
}

/// The lock file that LMDB keeps beside the database.
fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    name.into()
}

/// LMDB makes the file sparse and maps it, and where the disk is full the first write to the map would end the process.
fn reserve_lock_file(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let file = for_everyone(&mut options).open(path)?;
    if file.metadata()?.len() >= LOCK_SIZE {
        return Ok(());
    }
    reserve(&file)
}

/// Windows makes no sparse files by itself.
#[cfg(windows)]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere the disk may be full")]
fn reserve(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(all(unix, not(target_os = "macos")))]
fn reserve(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, LOCK_SIZE)?)
}

/// The system has nothing that leaves what is written there alone: so this is for a file that is new.
#[cfg(target_os = "macos")]
fn reserve(file: &File) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    if file.metadata()?.len() > 0 { Ok(()) } else { file.write_all_at(&vec![0; LOCK_SIZE as usize], 0) }
}

/// The databases of a file that is only read.
fn known_databases(env: &Env<WithoutTls>) -> Result<Databases, Failure> {
    let find = || {
        let txn = env.read_txn()?;
        let Some(format) = env.open_database::<Bytes, Bytes>(&txn, Some(layout::FORMAT_DATABASE))? else {
            return Ok(Err(foreign()));
        };
        if let Err(failure) = check_format(format.get(&txn, layout::FORMAT_KEY)?) {
            return Ok(Err(failure));
        }
        let items = env.open_database(&txn, Some(layout::ITEMS))?;
        let expiries = env.open_database(&txn, Some(layout::EXPIRIES))?;
        txn.commit()?;
        Ok(items.zip(expiries).map(|(items, expiries)| Databases { items, expiries }).ok_or_else(damaged))
    };
    find().unwrap_or_else(|error: heed::Error| Err(failure(&error)))
}

/// The databases of a file that is written, made if it is new.
fn own_databases(env: &Env<WithoutTls>) -> Result<Databases, Failure> {
    let find = || {
        let mut txn = env.write_txn()?;
        let known = env.open_database::<Bytes, Bytes>(&txn, Some(layout::FORMAT_DATABASE))?;
        let checked = match known {
            Some(format) => check_format(format.get(&txn, layout::FORMAT_KEY)?),
            // Somebody else's has something in it.
            None => match env.open_database::<Bytes, Bytes>(&txn, None)? {
                Some(all) if !all.is_empty(&txn)? => Err(foreign()),
                _ => Ok(()),
            },
        };
        if let Err(failure) = checked {
            return Ok(Err(failure));
        }
        if known.is_none() {
            let format = env.create_database::<Bytes, Bytes>(&mut txn, Some(layout::FORMAT_DATABASE))?;
            format.put(&mut txn, layout::FORMAT_KEY, layout::FORMAT)?;
        }
        let items = env.create_database(&mut txn, Some(layout::ITEMS))?;
        let expiries = env.create_database(&mut txn, Some(layout::EXPIRIES))?;
        txn.commit()?;
        Ok(Ok(Databases { items, expiries }))
    };
    find().unwrap_or_else(|error: heed::Error| Err(failure(&error)))
}

fn check_format(format: Option<&[u8]>) -> Result<(), Failure> {
    match format {
        Some(layout::FORMAT) => Ok(()),
        Some(_) => Err(Failure::new("MDB_VERSION_MISMATCH", "a newer rustorage made the database")),
        None => Err(foreign()),
    }
}

fn foreign() -> Failure {
    Failure::new("MDB_INCOMPATIBLE", "the database was not made by rustorage")
}

fn damaged() -> Failure {
    Failure::new("MDB_CORRUPTED", "the database holds what rustorage never wrote")
}

/// The system takes a map of whole pages only.
fn whole_pages(size: usize) -> usize {
    // As large as any system's pages are, or a multiple of it.
    size.max(1).checked_next_multiple_of(64 * 1024).unwrap_or(usize::MAX & !0xFFFF)
}

/// LMDB's error, by its own name or the system's.
fn failure(error: &heed::Error) -> Failure {
    let code = match error {
        heed::Error::Io(error) => return Failure::of_system("the database", error),
        heed::Error::Mdb(MdbError::Other(number)) => {
            return Failure::of_system("the database", &io::Error::from_raw_os_error(*number));
        }
        heed::Error::Mdb(MdbError::PageNotFound | MdbError::Corrupted) => "MDB_CORRUPTED",
        heed::Error::Mdb(MdbError::Panic) => "MDB_PANIC",
        heed::Error::Mdb(MdbError::VersionMismatch) => "MDB_VERSION_MISMATCH",
        heed::Error::Mdb(MdbError::Invalid) => "MDB_INVALID",
        heed::Error::Mdb(MdbError::Incompatible) => "MDB_INCOMPATIBLE",
        heed::Error::Mdb(MdbError::BadValSize) => "TOO_LARGE",
        heed::Error::Mdb(MdbError::ReadersFull) => "EAGAIN",
        _ => "INTERNAL",
    };
    Failure::new(code, error.to_string())
}
