//! What neither listings nor watchers see.

use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{
    super::options::Callback,
    glob::{Glob, GlobError},
};
use crate::driver::Ask;

/// The option as JavaScript gives it.
#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "`ignore` must be an array of globs, or in fs-lite a function")]
pub enum IgnoreOption {
    Globs(Vec<String>),
    Function(Callback),
}

pub enum Ignore {
    Globs(Globs),
    /// A function that JavaScript keeps. It is asked with absolute paths.
    Function,
}

/// What a walk asks whether to pass over something.
pub struct Filter<'a> {
    base: &'a Path,
    ignore: &'a Ignore,
    ask: RefCell<&'a mut Ask<'a>>,
    /// What the function answered: nothing is asked about twice.
    answers: RefCell<HashMap<PathBuf, bool>>,
}

impl<'a> Filter<'a> {
    pub fn new(base: &'a Path, ignore: &'a Ignore, ask: &'a mut Ask<'a>) -> Self {
        Self { base, ignore, ask: RefCell::new(ask), answers: RefCell::default() }
    }

    /// It asks JavaScript, and should be given many paths at once.
    pub fn asks(&self) -> bool {
        matches!(self.ignore, Ignore::Function)
    }

    /// Whether the file or the folder is ignored, and with a folder all that it holds.
    pub fn covers(&self, path: &Path) -> io::Result<bool> {
        match self.ignore {
            Ignore::Globs(globs) => Ok(globs.cover(self.base, path)),
            Ignore::Function => {
                self.foresee(vec![path.to_path_buf()])?;
                Ok(self.answers.borrow().get(path).copied().unwrap_or_default())
            }
        }
    }

    /// Asks about paths before `covers` does.
    pub fn foresee(&self, mut paths: Vec<PathBuf>) -> io::Result<()> {
        let mut known = self.answers.borrow_mut();
        paths.retain(|path| !known.contains_key(path));
        if paths.is_empty() {
            return Ok(());
        }
        let answers = (*self.ask.borrow_mut())(paths.iter().map(|path| path.to_string_lossy().into_owned()).collect())?;
        known.extend(paths.into_iter().zip(answers));
        Ok(())
    }
}

/// Globs of paths relative to base, and prefixes of absolute paths.
#[derive(Default)]
pub struct Globs {
    globs: Vec<Glob>,
    prefixes: Vec<String>,
}

impl Globs {
    pub fn new(patterns: &[impl AsRef<str>]) -> Result<Self, String> {
        let mut this = Self::default();
        for pattern in patterns.iter().map(AsRef::as_ref) {
            if Path::new(pattern).is_absolute() {
                // Brackets and parentheses are usual in the names of folders.
                if pattern.contains(['*', '?', '{']) {
                    return Err(format!(
                        "{pattern:?}: an absolute entry is a prefix of paths; globs are relative to base"
                    ));
                }
                this.prefixes.push(pattern.to_owned());
            } else {
                let glob = Glob::new(pattern).map_err(|error: GlobError| format!("{pattern:?}: {error}"))?;
                this.globs.push(glob);
            }
        }
        Ok(this)
    }

    /// Whether the file or the folder is ignored, and with a folder all that it holds.
    pub fn cover(&self, base: &Path, path: &Path) -> bool {
        // A listing asks this of every file: `Path` would take base and path apart each time.
        let [base, path] = [base, path].map(|path| path.as_os_str().as_encoded_bytes());
        if self.prefixes.iter().any(|prefix| path.starts_with(prefix.as_bytes())) {
            return true;
        }
        let Some(relative) = path.strip_prefix(base) else { return false };
        let relative = String::from_utf8_lossy(relative.strip_prefix(b"/").unwrap_or(relative));
        let segments: SmallVec<[&str; 16]> = relative.split('/').collect();
        self.globs.iter().any(|glob| glob.matches(&segments))
    }
}
