//! One file an item, in the layout of unstorage's fs driver: `a:b` is `base/a/b`.

mod path;
mod walk;
mod write;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    driver::{BlockingDriver, CallOptions, Capabilities, Meta, Place},
    error::{Cause, StorageError},
    key::Listing,
};

#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct FsOptions {
    /// The folder that holds the items; relative to the working directory.
    #[cfg_attr(feature = "schema", schemars(extend("x-required" = true)))]
    base: String,
    /// Globs of what is not listed, relative to base; absolute entries are prefixes of paths. By default `node_modules` and
    /// `.git` in fs, nothing in fs-lite.
    ignore: Option<Vec<String>>,
    /// Writes, removals and clear do nothing.
    read_only: bool,
    /// clear does nothing.
    no_clear: bool,
    /// Write to a temporary file and rename it, so that neither a reader nor a crash meets half a value. `false` writes in
    /// place.
    atomic: bool,
}

impl Default for FsOptions {
    fn default() -> Self {
        Self { base: String::new(), ignore: None, read_only: false, no_clear: false, atomic: true }
    }
}

pub struct Fs {
    name: &'static str,
    base: PathBuf,
    /// The base as every other driver over it names it, whatever links lead there.
    canonical: PathBuf,
    ignore: walk::Ignore,
    read_only: bool,
    no_clear: bool,
    atomic: bool,
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
        let base = std::path::absolute(&options.base).map_err(|error| invalid(format!("`base`: {error}")))?;
        let ignore = options.ignore.unwrap_or_else(|| match name {
            "fs" => vec!["**/node_modules/**".into(), "**/.git/**".into()],
            _ => Vec::new(),
        });
        Ok(Self {
            name,
            ignore: walk::Ignore::new(&ignore).map_err(|error| invalid(format!("`ignore`: {error}")))?,
            canonical: path::canonical(&base),
            base,
            read_only: options.read_only,
            no_clear: options.no_clear,
            atomic: options.atomic,
        })
    }

    fn path(&self, key: &[u8]) -> Result<PathBuf, Cause> {
        path::of_key(&self.base, key)
    }
}

impl BlockingDriver for Fs {
    fn name(&self) -> &'static str {
        self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { ttl: false, max_depth: true, sized: false }
    }

    fn place(&self, key: &[u8]) -> Place {
        // What is no key is nowhere: the call will fail.
        let path = path::of_key(&self.canonical, key).unwrap_or_default();
        Place::new(path.into_os_string().into_encoded_bytes())
    }

    fn area(&self, listing: &Listing) -> Place {
        let folder = walk::folder(&self.canonical, listing).unwrap_or_default();
        let mut name = folder.into_os_string().into_encoded_bytes();
        if name.last() != Some(&b'/') {
            name.push(b'/');
        }
        Place::new(name)
    }

    fn has(&self, key: &[u8]) -> Result<bool, Cause> {
        // A folder is no item.
        Ok(found(fs::metadata(self.path(key)?))?.is_some_and(|metadata| !metadata.is_dir()))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Cause> {
        Ok(found(read(&self.path(key)?))?.map(Bytes::from))
    }

    fn set(&self, key: &[u8], value: &[u8], _: CallOptions) -> Result<(), Cause> {
        let path = self.path(key)?;
        if !self.read_only {
            write::write(&path, value, self.atomic)?;
        }
        Ok(())
    }

    fn remove(&self, key: &[u8]) -> Result<(), Cause> {
        let path = self.path(key)?;
        if !self.read_only {
            found(fs::remove_file(path))?;
        }
        Ok(())
    }

    fn meta(&self, key: &[u8]) -> Result<Option<Meta>, Cause> {
        let Some(metadata) = found(fs::metadata(self.path(key)?))? else {
            return Ok(None);
        };
        let milliseconds = |time: io::Result<SystemTime>| {
            time.ok()
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
                .map_or(0.0, |since| since.as_secs_f64() * 1e3)
        };
        #[allow(clippy::cast_precision_loss, reason = "JavaScript's numbers are doubles")]
        Ok(Some(Meta {
            accessed: milliseconds(metadata.accessed()),
            modified: milliseconds(metadata.modified()),
            size: metadata.len() as f64,
            created: milliseconds(metadata.created()),
            changed: changed(&metadata),
        }))
    }

    fn keys(&self, listing: &Listing) -> Result<Vec<Box<[u8]>>, Cause> {
        let mut keys = Vec::new();
        walk::files(&self.base, &self.ignore, listing, &mut |key, _| {
            keys.push(key.into());
            Ok(())
        })?;
        Ok(keys)
    }

    fn clear(&self, listing: &Listing) -> Result<Vec<Box<[u8]>>, Cause> {
        let mut keys = Vec::new();
        if self.read_only || self.no_clear {
            return Ok(keys);
        }
        walk::files(&self.base, &self.ignore, listing, &mut |key, path| {
            keys.push(key.into());
            found(fs::remove_file(path)).map(drop)
        })?;
        walk::remove_empty_folders(&self.base, &self.ignore, listing)?;
        Ok(keys)
    }
}

/// A path that leads nowhere is a miss.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(error),
        },
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
#[allow(clippy::cast_precision_loss, reason = "JavaScript's numbers are doubles")]
fn changed(metadata: &fs::Metadata) -> f64 {
    use std::os::unix::fs::MetadataExt;
    metadata.ctime() as f64 * 1e3 + metadata.ctime_nsec() as f64 / 1e6
}

/// Where the system keeps no such time, the last modification is the nearest.
#[cfg(not(unix))]
fn changed(metadata: &fs::Metadata) -> f64 {
    metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0.0, |d| d.as_secs_f64() * 1e3)
}
