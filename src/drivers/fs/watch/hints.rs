//! What the system reports, gathered until it is quiet.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use notify::{EventKind, event::ModifyKind};

/// The watcher looks when nothing was reported for so long, or when the first report is so old.
const QUIET: Duration = Duration::from_millis(50);
const LATEST: Duration = Duration::from_millis(250);

/// What was reported of a path.
#[derive(Clone, Copy, Default)]
pub struct Hint {
    /// The file's content was written to, whatever its times say.
    pub written: bool,
    /// The name may stand for another file or folder, though it looks like the one before: the system uses its numbers again.
    pub renamed: bool,
}

/// Where to look, and when.
#[derive(Default)]
pub struct Hints {
    /// Parents come before what they hold.
    pub paths: BTreeMap<PathBuf, Hint>,
    pub everywhere: bool,
    /// The first and the last report.
    times: Option<(Instant, Instant)>,
}

impl Hints {
    pub fn note(&mut self, report: notify::Result<notify::Event>) {
        match report {
            Ok(event) => {
                self.everywhere |= event.need_rescan();
                let written = matches!(event.kind, EventKind::Modify(ModifyKind::Data(_)));
                let renamed = matches!(
                    event.kind,
                    EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
                );
                for path in event.paths {
                    let hint = self.paths.entry(path).or_default();
                    hint.written |= written;
                    hint.renamed |= renamed;
                }
            }
            Err(_) => self.everywhere = true,
        }
        let now = Instant::now();
        self.times = Some((self.times.map_or(now, |(first, _)| first), now));
    }

    pub fn due(&self) -> Option<Instant> {
        self.times.map(|(first, last)| (last + QUIET).min(first + LATEST))
    }
}
