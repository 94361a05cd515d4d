//! Which file the system's error is about.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::root::Root;
use crate::error::Cause;

/// Why `path` could not be used: its error names it as it is under the base, unless the base itself is in the way.
pub fn cause(root: &Root, path: &Path, source: io::Error) -> Cause {
    if is_of_base(root, path, source.kind()) {
        return Cause::Base(source);
    }
    let path = path.strip_prefix(&root.base).unwrap_or(path);
    Cause::File { path: path.to_string_lossy().into_owned(), source }
}

fn is_of_base(root: &Root, path: &Path, kind: ErrorKind) -> bool {
    let base = &root.base;
    if path == base || !base.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return true;
    }
    if kind != ErrorKind::PermissionDenied {
        return false;
    }
    let may = |access| accessat(CWD, base, access, AtFlags::EACCESS).is_ok();
    // What is not there yet has to be made in the base.
    let is_new = || {
        let first = path.strip_prefix(base).ok().and_then(|inside| inside.iter().next());
        first.is_some_and(|first| base.join(first).symlink_metadata().is_err())
    };
    !may(Access::EXEC_OK) || is_new() && !may(Access::WRITE_OK)
}
