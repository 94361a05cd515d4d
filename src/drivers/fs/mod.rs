//! One file an item, in the layout of unstorage's fs driver: `a:b` is `base/a/b`.

mod blame;
#[cfg(target_os = "linux")]
mod cached;
mod descent;
#[cfg(target_os = "linux")]
mod device;
mod disk;
mod entries;
mod expiry;
mod glob;
mod identity;
mod ignore;
mod layout;
mod lock;
mod path;
mod place;
mod read;
mod remove;
mod root;
mod seen;
mod stamp;
mod sync;
mod walk;
mod watch;
mod write;

#[cfg(target_os = "linux")]
use std::task::Poll;
use std::{
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Arc, Once},
    time::{Duration, Instant, UNIX_EPOCH},
};

use bytes::Bytes;
use rustix::{
    fs::{AtFlags, Mode, statat, unlinkat},
    io::Errno,
};
use serde::{Deserialize, Serialize};

use expiry::{Expiries, IndexError, Record};
use ignore::{Filter, Globs, Ignore, IgnoreOption};
use layout::INDEX;
use root::Root;
use stamp::Stamp;
use walk::{Item, Walk};
use watch::WatchOptions;
use write::Writer;

use crate::{
    clock::wall,
    driver::{Ask, BlockingDriver, CallOptions, Capabilities, Class, Meta, Place, Places, Pool, Tell, Watch, once},
    error::{Cause, StorageError},
    key::Listing,
};

#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[allow(clippy::struct_excessive_bools, reason = "they are options")]
pub struct FsOptions {
    /// The folder that holds the items; relative to the working directory.
    #[cfg_attr(feature = "schema", schemars(extend("x-required" = true)))]
    base: String,
    /// Globs of what is neither listed nor watched, relative to base, as node's `path.matchesGlob` reads them; absolute
    /// entries are prefixes of paths. By default what folders called `node_modules` and `.git` hold.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = "string[]")))]
    ignore: Option<IgnoreOption>,
    /// How `watch` goes about it.
    watch_options: Option<WatchOptions>,
    /// Writes, removals and clear do nothing.
    read_only: bool,
    /// clear does nothing.
    no_clear: bool,
    /// Write to a temporary file and rename it, so that neither a reader nor a crash meets half a value. `false` writes in
    /// place.
    atomic: bool,
    /// Answer a write only when the value and its name are on the disk, so that it survives the end of the system.
    durable: bool,
    /// Permissions of new files, less the process's umask. Default: `0o666`.
    mode: Option<u32>,
    /// Permissions of new folders, less the process's umask. Default: `0o777`.
    dir_mode: Option<u32>,
    /// Follow symbolic links, out of base too. `false` refuses paths with one below base, and lists none. It needs Linux.
    follow_symlinks: bool,
    /// Life of items that are written without a `ttl` of their own, in seconds; 0 for none.
    ttl: f64,
}

/// What fs-lite takes: a function for `ignore`, and it does not watch.
#[cfg(feature = "schema")]
pub fn lite_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(FsOptions);
    if let Some(properties) = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut) {
        properties.remove("watchOptions");
        let description =
            "Whether the file or the folder at this absolute path is not listed, and with a folder all that it\nholds.";
        let ignore = serde_json::json!({
            "$ref": "#/$defs/Callback",
            "x-type": "(path: string) => boolean",
            "description": description,
        });
        properties.insert("ignore".into(), ignore);
    }
    schema
}

impl Default for FsOptions {
    fn default() -> Self {
        Self {
            base: String::new(),
            ignore: None,
            watch_options: None,
            read_only: false,
            no_clear: false,
            atomic: true,
            durable: false,
            mode: None,
            dir_mode: None,
            follow_symlinks: true,
            ttl: 0.0,
        }
    }
}

pub struct Fs {
    name: &'static str,
    places: place::Finder,
    ignore: Arc<Ignore>,
    watch_options: WatchOptions,
    /// What the watcher alone leaves out.
    unwatched: Arc<Globs>,
    read_only: bool,
    no_clear: bool,
    writer: Writer,
    /// In milliseconds.
    ttl: f64,
    expiries: Arc<Expiries>,
    /// What ended processes left unfinished is looked for.
    collected: Once,
    #[cfg(target_os = "linux")]
    able: cached::Able,
}

impl Fs {
    pub fn new(name: &'static str, options: FsOptions) -> Result<Self, StorageError> {
        let invalid = |message| StorageError {
            driver: name,
            operation: "create",
            key: None,
            cause: Cause::InvalidOptions(message),
        };
        if options.base.is_empty() {
            return Err(invalid("the option `base` is required".into()));
        }
        if options.base.contains('\0') {
            return Err(invalid("the option `base` must not hold a NUL character".into()));
        }
        let mode = |option: &str, mode: Option<u32>, standard| match mode.unwrap_or(standard) {
            mode if mode <= 0o7777 => Ok(Mode::from_raw_mode(mode as _)),
            _ => Err(invalid(format!("`{option}` is a number up to 0o7777"))),
        };
        let follow = options.follow_symlinks;
        if !follow && !cfg!(target_os = "linux") {
            return Err(invalid("`followSymlinks: false` needs Linux".into()));
        }
        let base = std::path::absolute(&options.base).map_err(|error| invalid(format!("`base`: {error}")))?;
        let canonical = path::canonical(&base);
        let ignore = match (name, options.ignore) {
            ("fs", None) => globs(&["**/node_modules/**", "**/.git/**"]),
            ("fs", Some(IgnoreOption::Globs(patterns))) => globs(&patterns),
            ("fs", Some(IgnoreOption::Function(_))) => Err("must be an array of globs".into()),
            (_, None) => globs::<&str>(&[]),
            (_, Some(IgnoreOption::Function(_))) => Ok(Ignore::Function),
            (_, Some(IgnoreOption::Globs(_))) => Err("must be a function; fs takes globs".into()),
        };
        if name != "fs" && options.watch_options.is_some() {
            return Err(invalid("unknown field `watchOptions`: only fs watches".into()));
        }
        let watch_options = options.watch_options.unwrap_or_default();
        let unwatched =
            Globs::new(watch_options.ignored()).map_err(|error| invalid(format!("`watchOptions.ignored`: {error}")))?;
        // Links above the base are nobody's concern.
        let root = Root { base: if follow { base } else { canonical.clone() }, follow };
        Ok(Self {
            name,
            places: place::Finder::new(root.base.clone()),
            ttl: options.ttl * 1000.0,
            expiries: Expiries::of(&root, &canonical, !options.read_only, options.durable),
            ignore: Arc::new(ignore.map_err(|error| invalid(format!("`ignore`: {error}")))?),
            unwatched: Arc::new(unwatched),
            watch_options,
            read_only: options.read_only,
            no_clear: options.no_clear,
            writer: Writer {
                root,
                atomic: options.atomic,
                durable: options.durable,
                ways: sync::Ways::default(),
                mode: mode("mode", options.mode, 0o666)?,
                folder_mode: mode("dirMode", options.dir_mode, 0o777)?,
            },
            collected: Once::new(),
            #[cfg(target_os = "linux")]
            able: cached::Able::default(),
        })
    }

    fn root(&self) -> &Root {
        &self.writer.root
    }

    /// Does `act` with the key's path; errors name it as it is under the base.
    fn at<T>(&self, key: &[u8], act: impl FnOnce(&Path) -> io::Result<T>) -> Result<T, Cause> {
        let path = path::of_key(&self.root().base, key)?;
        act(&path).map_err(|error| match error.downcast() {
            Ok(IndexError(source)) => blame::cause(self.root(), &self.root().base.join(INDEX), source),
            Err(source) => blame::cause(self.root(), &path, source),
        })
    }

    /// With the first write, looks once through the base for what ended processes left unfinished, and again when what was
    /// too new then is old enough.
    fn collect_soon(&self) {
        self.collected.call_once(|| {
            for delay in [Duration::ZERO, walk::ABANDONED] {
                let (root, ignore) = (self.root().clone(), Arc::downgrade(&self.ignore));
                let look = move || {
                    // The driver may be gone by then.
                    let Some(ignore) = ignore.upgrade() else { return };
                    let listing = Listing { hidden: true, ..Listing::default() };
                    // There is nobody to ask: what is unfinished goes from ignored folders, too.
                    let mut ask = |paths: Vec<String>| Ok(vec![false; paths.len()]);
                    let filter = Filter::new(&root.base, &ignore, &mut ask);
                    let walk = Walk { root: &root, filter, listing: &listing, prune: false, collect: true };
                    // Nobody asked for it, so nobody hears of a folder that cannot be read.
                    let _ = walk.run(&mut |_| Ok(()));
                };
                Pool::get().run_at(Instant::now() + delay, Class::Long, once(look));
            }
        });
    }

    /// Whether an item's file has expired.
    fn is_expired(&self, path: &Path, stamp: impl Into<Stamp>) -> bool {
        !self.expiries.is_empty() && self.expiries.is_expired(&path::to_key(&self.root().base, path), stamp.into())
    }

    /// Milliseconds that an item's file has to live; 0 for no end.
    #[allow(clippy::cast_precision_loss, reason = "JavaScript's numbers are doubles")]
    fn life(&self, path: &Path, stamp: impl Into<Stamp>) -> f64 {
        if self.expiries.is_empty() {
            return 0.0;
        }
        let expires = self.expiries.expires(&path::to_key(&self.root().base, path), stamp.into());
        expires.map_or(0.0, |expires| expires.saturating_sub(wall::now()).max(1) as f64)
    }

    #[cfg(target_os = "linux")]
    fn is_expired_now(&self, path: &Path, stamp: impl Into<Stamp>) -> Poll<bool> {
        if self.expiries.is_empty() {
            return Poll::Ready(false);
        }
        self.expiries.is_expired_now(&path::to_key(&self.root().base, path), stamp.into())
    }

    /// Whether an item that a walk came to has expired.
    fn is_over(&self, item: &Item) -> bool {
        !self.expiries.is_empty()
            && self.expiries.is_due(item.key)
            && statat(item.folder, item.name, AtFlags::empty())
                .is_ok_and(|stat| self.expiries.is_expired(item.key, Stamp::from(&stat)))
    }

    fn metadata(&self, key: &[u8]) -> Result<Option<Metadata>, Cause> {
        self.expiries.refresh();
        self.at(key, |path| {
            let found = match self.root().locate(path) {
                // Links in a circle lead nowhere; where none is followed, they are refused.
                Err(error) if self.root().follow && Errno::from_io_error(&error) == Some(Errno::LOOP) => None,
                found => found?.map(|(_, metadata)| metadata),
            };
            Ok(found.filter(|metadata| !self.is_expired(path, metadata)))
        })
    }

    fn walk<'a>(&'a self, listing: &'a Listing, ask: &'a mut Ask<'a>) -> Walk<'a> {
        let filter = Filter::new(&self.root().base, &self.ignore, ask);
        Walk { root: self.root(), filter, listing, prune: false, collect: !self.read_only }
    }
}

impl BlockingDriver for Fs {
    fn name(&self) -> &'static str {
        self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { ttl: true, max_depth: true, sized: false }
    }

    fn check(&self, key: &[u8]) -> Result<(), Cause> {
        path::of_key(&self.root().base, key).map(drop)
    }

    fn places(&self, key: &[u8]) -> Places {
        // What is no key is nowhere: the call will fail.
        self.places.item(|base| path::of_key(base, key)).unwrap_or_default()
    }

    fn area(&self, listing: &Listing) -> Place {
        self.places.folder(|base| walk::folder(base, listing)).unwrap_or_else(|_| Place::of_path(b"/"))
    }

    fn asks(&self) -> bool {
        matches!(*self.ignore, Ignore::Function)
    }

    #[cfg(target_os = "linux")]
    fn has_now(&self, key: &[u8]) -> Poll<bool> {
        let Ok(path) = path::of_key(&self.root().base, key) else { return Poll::Pending };
        if !self.expiries.is_fresh() {
            return Poll::Pending;
        }
        match cached::ask(&self.able.names, || cached::stamp(self.root(), &self.places.disk, &path)) {
            Poll::Ready(Some(stamp)) => self.is_expired_now(&path, stamp).map(|is_over| !is_over),
            found => found.map(|_| false),
        }
    }

    #[cfg(target_os = "linux")]
    fn get_now(&self, key: &[u8]) -> Poll<Option<Bytes>> {
        let Ok(path) = path::of_key(&self.root().base, key) else { return Poll::Pending };
        if !self.expiries.is_fresh() {
            return Poll::Pending;
        }
        match cached::ask(&self.able.contents, || cached::read(self.root(), &self.places.disk, &path)) {
            Poll::Ready(Some((bytes, stat))) => {
                self.is_expired_now(&path, &stat).map(|is_over| (!is_over).then(|| Bytes::from(bytes)))
            }
            found => found.map(|_| None),
        }
    }

    fn has(&self, key: &[u8]) -> Result<bool, Cause> {
        Ok(self.metadata(key)?.is_some())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Cause> {
        self.expiries.refresh();
        self.at(key, |path| {
            let found = read::read(self.root(), path)?;
            Ok(found.filter(|(_, stat)| !self.is_expired(path, stat)).map(|(bytes, _)| Bytes::from(bytes)))
        })
    }

    fn set(&self, key: &[u8], value: &[u8], options: CallOptions) -> Result<(), Cause> {
        let life = if options.ttl == 0.0 { self.ttl } else { options.ttl };
        self.at(key, |path| {
            if self.read_only {
                return Ok(());
            }
            self.collect_soon();
            if life == 0.0 || !life.is_finite() {
                self.writer.write(path, value, None)
            } else if life < 0.0 {
                // It is over at once.
                self.writer.remover().remove(path)
            } else {
                let expires = wall::after(life);
                let key: Box<[u8]> = path::to_key(&self.root().base, path).into();
                self.writer.write(
                    path,
                    value,
                    Some(&|stamp| {
                        let record = Record { key: key.clone(), stamp, expires };
                        self.expiries.add(record, self.writer.mode, self.writer.durable)
                    }),
                )
            }
        })
    }

    fn remove(&self, key: &[u8]) -> Result<(), Cause> {
        self.at(key, |path| if self.read_only { Ok(()) } else { self.writer.remover().remove(path) })
    }

    fn meta(&self, key: &[u8]) -> Result<Option<Meta>, Cause> {
        let Some(metadata) = self.metadata(key)? else { return Ok(None) };
        let life = self.at(key, |path| Ok(self.life(path, &metadata)))?;
        Ok(Some(to_meta(&metadata, life)))
    }

    fn keys(&self, listing: &Listing, ask: &mut Ask, emit: &mut dyn FnMut(&[u8])) -> Result<(), Cause> {
        self.expiries.refresh();
        self.walk(listing, ask).run(&mut |item| {
            if !item.stale && !self.is_over(item) {
                emit(item.key);
            }
            Ok(())
        })
    }

    fn clear(&self, listing: &Listing, ask: &mut Ask, emit: &mut dyn FnMut(&[u8])) -> Result<(), Cause> {
        if self.read_only || self.no_clear {
            return Ok(());
        }
        self.expiries.refresh();
        Walk { prune: true, ..self.walk(listing, ask) }.run(&mut |item| {
            let counts = !item.stale && !self.is_over(item);
            match unlinkat(item.folder, item.name, AtFlags::empty()) {
                Ok(()) if counts => emit(item.key),
                // Another process was faster, and may have made a folder of that name.
                Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => {}
                Err(error) => return Err(error.into()),
            }
            Ok(())
        })?;
        if self.writer.durable {
            sync::sync_all(self.root()).map_err(Cause::Base)?;
        }
        Ok(())
    }

    fn watch(&self, tell: Tell) -> Result<Watch, Cause> {
        let scope = watch::Scope {
            root: self.root().clone(),
            mode: (!self.read_only).then_some(self.writer.folder_mode.bits() as _),
            ignore: Arc::clone(&self.ignore),
            unwatched: Arc::clone(&self.unwatched),
            expiries: Arc::clone(&self.expiries),
        };
        watch::start(scope, &self.watch_options, tell)
    }
}

fn globs<T: AsRef<str>>(patterns: &[T]) -> Result<Ignore, String> {
    Globs::new(patterns).map(Ignore::Globs)
}

#[allow(clippy::cast_precision_loss, reason = "JavaScript's numbers are doubles")]
fn to_meta(metadata: &Metadata, life: f64) -> Meta {
    // Rounded, as Node does it.
    let milliseconds = |seconds: i64, nanoseconds: i64| (seconds as f64 * 1e3 + nanoseconds as f64 / 1e6).round();
    let created = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Meta {
        accessed: milliseconds(metadata.atime(), metadata.atime_nsec()),
        modified: milliseconds(metadata.mtime(), metadata.mtime_nsec()),
        size: metadata.len() as f64,
        created: created.map_or(0.0, |since| (since.as_secs_f64() * 1e3).round()),
        changed: milliseconds(metadata.ctime(), metadata.ctime_nsec()),
        life,
    }
}
