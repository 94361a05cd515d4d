//! Which files are watched, and as which items.

use std::{
    ffi::OsStr,
    path::{Component, Path, PathBuf},
};

use super::{
    super::{
        ignore::Ignore,
        layout::{OVERFLOW, VALUE, is_temporary},
    },
    Watcher,
};

impl Watcher {
    /// Whether something is not watched.
    pub(super) fn passes_over(&self, path: &Path, name: &OsStr, is_folder: bool) -> bool {
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

    pub(super) fn key(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.scope.root.base).unwrap_or(path);
        let parts: Vec<_> = item(relative).iter().map(|part| part.to_string_lossy().into_owned()).collect();
        parts.join(":")
    }
}

/// The path that the item would have if nothing had been in its way.
pub(super) fn item(relative: &Path) -> PathBuf {
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
