//! The system's way to watch folders, and its errors.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use notify::{
    EventKind, RecommendedWatcher, Watcher as _,
    event::{AccessKind, AccessMode},
};

use super::super::{blame, root::Root};
use crate::error::Cause;

/// Reports to `report` what happens in the folders that are watched.
pub fn watcher(
    root: &Root,
    report: impl Fn(notify::Result<notify::Event>) + Send + 'static,
) -> Result<RecommendedWatcher, Cause> {
    let handler = move |event: notify::Result<notify::Event>| {
        // That somebody reads is of no interest, and often reported.
        let reads = event.as_ref().is_ok_and(|event| match event.kind {
            EventKind::Access(AccessKind::Close(mode)) => mode != AccessMode::Write,
            EventKind::Access(_) => true,
            _ => false,
        });
        if !reads {
            report(event);
        }
    };
    RecommendedWatcher::new(handler, notify::Config::default()).map_err(|error| to_cause(error, root, &root.base))
}

/// Why `folder` is not watched.
pub fn to_cause(error: notify::Error, root: &Root, folder: &Path) -> Cause {
    match error.kind {
        notify::ErrorKind::Io(error) if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            Cause::Exhausted("EMFILE", "no inotify instance or file is left; see fs.inotify.max_user_instances")
        }
        notify::ErrorKind::Io(error) => blame::cause(root, folder, error),
        notify::ErrorKind::MaxFilesWatch => Cause::Exhausted(
            "ENOSPC",
            "no inotify watch is left; raise fs.inotify.max_user_watches, name more in `ignore`, or set usePolling",
        ),
        notify::ErrorKind::PathNotFound => blame::cause(root, folder, io::ErrorKind::NotFound.into()),
        _ => blame::cause(root, folder, io::Error::other(error)),
    }
}

/// Whether there is nothing to watch, or it may not be read.
pub fn is_unreadable(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => {
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::NotADirectory)
        }
        _ => false,
    }
}
