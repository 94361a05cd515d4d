//! Drivers over a database in a file of this machine: what lmdb and sqlite have in common.
//!
//! * `store` says what such a database has to do.
//! * `database` is one open file for the whole process: order, and the commits that calls share.
//! * `call` is a call that waits for such a commit.
//! * `disk` tells network disks from others.

mod call;
mod database;
mod disk;
mod store;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use bytes::Bytes;

use call::{Touches, Work};
use database::Database;

pub use database::Registry;
pub use disk::{check as check_disk, check_regular, for_everyone, is_read_only as is_read_only_disk};
pub use store::{Edit, Found, Manner, Store, View, Window};

use super::invalid;
use crate::{
    clock::wall,
    driver::{Answer, AsyncDriver, Bells, Capabilities, Cleared, Fields, Item, RequestOptions},
    error::{Cause, StorageError},
    key::{KeyList, Listing},
};

/// Values of no more bytes are read on the calling thread.
const SMALL: usize = 16 * 1024;

/// As many links as Linux follows: more are a circle.
const MOST_LINKS: u8 = 40;

/// What a driver does with the database that others of the same file need not do alike.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// In milliseconds.
    pub ttl: f64,
    pub read_only: bool,
}

pub struct Embedded<S: Store> {
    name: &'static str,
    database: Arc<Database<S>>,
    settings: S::Settings,
    usage: Usage,
    /// This driver is among the database's users.
    joined: AtomicBool,
}

impl<S: Store> Embedded<S> {
    /// A driver over the file at `path`, which is opened by the first call, and the `part` of it that has an order of its own.
    pub fn new(
        name: &'static str,
        path: &str,
        part: &str,
        settings: S::Settings,
        usage: Usage,
    ) -> Result<Self, StorageError> {
        if path.is_empty() {
            return Err(invalid(name, "the option `path` is required".into()));
        }
        if path == ":memory:" {
            return Err(invalid(
                name,
                "`path` is a file: what is kept in memory needs no database, but the driver `memory`".into(),
            ));
        }
        if path.contains('\0') {
            return Err(invalid(name, "the option `path` must not hold a NUL character".into()));
        }
        let path = std::path::absolute(path).map_err(|error| invalid(name, format!("`path`: {error}")))?;
        let database = S::registry().find(&canonical(&path, MOST_LINKS), part);
        Ok(Self { name, database, settings, usage, joined: AtomicBool::new(false) })
    }

    /// The database, of which this is a user from now on.
    fn database(&self) -> Result<&Arc<Database<S>>, Cause> {
        if self.joined.load(Ordering::Acquire) {
            return Ok(&self.database);
        }
        if self.database.join(&self.settings) {
            if self.joined.swap(true, Ordering::AcqRel) {
                // Another thread did it meanwhile, and once is enough.
                self.database.leave(None);
            }
            return Ok(&self.database);
        }
        let cause = "another driver of this process uses the file with other options for it";
        Err(Cause::InvalidOptions(cause.into()))
    }

    /// Begins a call, unless the database cannot be used.
    fn begin<T: 'static>(&self, answer: Answer<T>, call: impl FnOnce(&Arc<Database<S>>, Answer<T>)) {
        match self.database() {
            Ok(database) => call(database, answer),
            Err(cause) => answer.send(Err(cause), &mut Bells::default()),
        }
    }

    /// A read on this thread; pending where it would have to wait, or has an error to tell.
    fn now<T>(&self, key: &[u8], read: impl FnOnce(&dyn View) -> Result<Poll<T>, Cause>) -> Poll<T> {
        if self.check(key).is_err() {
            return Poll::Pending;
        }
        let found = self.database().ok().and_then(|database| database.look(key, read));
        found.and_then(Result::ok).unwrap_or(Poll::Pending)
    }

    fn read<T: Send + 'static>(
        &self,
        key: &[u8],
        answer: Answer<T>,
        read: impl Fn(&dyn View, &[u8]) -> Result<T, Cause> + Send + 'static,
    ) {
        let keys = vec![key.into()];
        self.begin(answer, |database, answer| database.read(keys, answer, move |view, keys| read(view, &keys[0])));
    }

    /// Begins a call that changes something, unless nothing is to be changed.
    fn change<T: Default + Send + 'static>(
        &self,
        touches: Touches,
        size: usize,
        answer: Answer<T>,
        work: impl FnMut(&mut dyn Edit) -> Result<T, Cause> + Send + 'static,
    ) {
        if self.usage.read_only {
            return answer.send(Ok(T::default()), &mut Bells::default());
        }
        self.begin(answer, |database, answer| database.push(Work::boxed(touches, size, answer, work)));
    }

    /// When an item expires that is written now. Negative lives are over at once.
    fn expiry(&self, options: &RequestOptions) -> Life {
        let life = if options.ttl == 0.0 { self.usage.ttl } else { options.ttl };
        if life == 0.0 || !life.is_finite() {
            return Life::Endless;
        }
        if life < 0.0 {
            return Life::Over;
        }
        let at = wall::after(life);
        if !self.usage.read_only {
            self.database.will_expire(at);
        }
        Life::Until(at)
    }
}

#[derive(Clone, Copy)]
enum Life {
    Endless,
    Until(u64),
    Over,
}

fn write(edit: &mut dyn Edit, key: &[u8], value: &[u8], raw: bool, life: Life) -> Result<(), Cause> {
    match life {
        Life::Endless => edit.set(key, value, Manner { raw, expires: None }),
        Life::Until(at) => edit.set(key, value, Manner { raw, expires: Some(at) }),
        Life::Over => edit.remove(key),
    }
}

/// The item's value, whatever its size.
fn value(view: &dyn View, key: &[u8], raw: bool) -> Result<Option<Bytes>, Cause> {
    let mut value = None;
    view.get(key, raw, usize::MAX, &mut |bytes| value = Some(Bytes::copy_from_slice(bytes)))?;
    Ok(value)
}

impl<S: Store> AsyncDriver for Embedded<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { ttl: true, max_depth: true, sized: false }
    }

    fn check(&self, key: &[u8]) -> Result<(), Cause> {
        if key.is_empty() {
            return Err(Cause::InvalidKey("the key is empty"));
        }
        match std::str::from_utf8(key) {
            Ok(_) => Ok(()),
            Err(_) => Err(Cause::InvalidKey("a key here must have no lone surrogate")),
        }
    }

    fn flush(&self) {
        self.database.flush();
    }

    fn cost_now(&self) -> i32 {
        S::COST
    }

    fn has_now(&self, key: &[u8]) -> Poll<bool> {
        self.now(key, |view| view.has(key).map(Poll::Ready))
    }

    fn get_now(&self, key: &[u8], raw: bool, give: &mut dyn FnMut(&[u8])) -> Poll<bool> {
        self.now(key, |view| {
            Ok(match view.get(key, raw, SMALL, give)? {
                Found::Nothing => Poll::Ready(false),
                Found::Given => Poll::Ready(true),
                Found::Large => Poll::Pending,
            })
        })
    }

    fn has(&self, key: &[u8], _: RequestOptions, answer: Answer<bool>) {
        self.read(key, answer, |view, key| view.has(key));
    }

    fn get(&self, key: &[u8], options: RequestOptions, answer: Answer<Option<Bytes>>) {
        self.read(key, answer, move |view, key| value(view, key, options.raw));
    }

    fn set(&self, key: &[u8], value: Vec<u8>, options: RequestOptions, answer: Answer<()>) {
        let (touches, life) = (Touches::keys([key]), self.expiry(&options));
        let key: Box<[u8]> = key.into();
        self.change(touches, value.len(), answer, move |edit| write(edit, &key, &value, options.raw, life));
    }

    fn remove(&self, key: &[u8], _: RequestOptions, answer: Answer<()>) {
        let touches = Touches::keys([key]);
        let key: Box<[u8]> = key.into();
        self.change(touches, 0, answer, move |edit| edit.remove(&key));
    }

    fn meta(&self, key: &[u8], _: RequestOptions, answer: Answer<Fields>) {
        self.read(key, answer, |view, key| view.meta(key));
    }

    fn get_many(&self, keys: Vec<Box<[u8]>>, answer: Answer<Vec<Option<Bytes>>>) {
        let read = |view: &dyn View, keys: &[Box<[u8]>]| keys.iter().map(|key| value(view, key, false)).collect();
        self.begin(answer, |database, answer| database.read(keys, answer, read));
    }

    fn set_many(&self, items: Vec<Item>, answer: Answer<()>) {
        let touches = Touches::keys(items.iter().map(|item| &*item.key));
        let size = items.iter().map(|item| item.value.len()).sum();
        let items: Vec<(Life, Item)> = items.into_iter().map(|item| (self.expiry(&item.options), item)).collect();
        self.change(touches, size, answer, move |edit| {
            items.iter().try_for_each(|(life, item)| write(edit, &item.key, &item.value, item.options.raw, *life))
        });
    }

    fn keys(&self, listing: Listing, _: RequestOptions, answer: Answer<KeyList>) {
        let list = move |reader: S::Reader| {
            let mut keys = KeyList::default();
            reader.keys(&listing, &mut |key| keys.push(listing.mount.as_bytes(), key))?;
            Ok(keys)
        };
        self.begin(answer, |database, answer| {
            database.list(move |reader| answer.send(reader.and_then(list), &mut Bells::default()));
        });
    }

    fn clear(&self, listing: Listing, _: RequestOptions, answer: Answer<Cleared>) {
        self.change(Touches::Everything, 0, answer, move |edit| {
            let (mut gone, mut relative) = (KeyList::default(), Vec::<Box<[u8]>>::new());
            edit.keys(&listing, &mut |key| relative.push(key.into()))?;
            for key in &relative {
                edit.remove(key)?;
                if listing.told {
                    gone.push(listing.mount.as_bytes(), key);
                }
            }
            Ok(gone.into())
        });
    }

    fn close(&self, answer: Answer<()>) {
        if self.joined.swap(false, Ordering::AcqRel) {
            self.database.leave(Some(answer));
        } else {
            answer.send(Ok(()), &mut Bells::default());
        }
    }
}

impl<S: Store> Drop for Embedded<S> {
    fn drop(&mut self) {
        if self.joined.swap(false, Ordering::AcqRel) {
            self.database.leave(None);
        }
    }
}

/// `path` without links, as far as it exists: a link may lead to what is still to be made.
fn canonical(path: &Path, links: u8) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return path.to_path_buf() };
    match path.read_link() {
        Ok(target) if links > 0 => canonical(&parent.join(target), links - 1),
        _ => canonical(parent, links).join(name),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_to_what_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        std::fs::create_dir(base.join("there")).unwrap();
        symlink("there/second", base.join("first")).unwrap();
        symlink("../missing/items", base.join("there/second")).unwrap();
        assert_eq!(canonical(&base.join("first"), MOST_LINKS), base.join("missing/items"));
        symlink(base.join("there/items"), base.join("whole")).unwrap();
        assert_eq!(canonical(&base.join("whole"), MOST_LINKS), base.join("there/items"));
        symlink("circle", base.join("circle")).unwrap();
        assert_eq!(canonical(&base.join("circle"), MOST_LINKS), base.join("circle"));
    }
}
