//! `watchOptions`: those of chokidar's that this watcher knows.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct WatchOptions {
    /// Look for changes again and again, where the system reports none: on network drives, say.
    pub(super) use_polling: bool,
    /// Milliseconds from one look to the next, with `usePolling`.
    pub(super) interval: u64,
    /// How many folders below base are watched; 0 for the files in base alone.
    pub(super) depth: Option<u32>,
    /// Tell of a file only when its size has stayed the same for `stabilityThreshold` milliseconds (2000), looking every
    /// `pollInterval` milliseconds (100).
    #[cfg_attr(
        feature = "schema",
        schemars(extend("x-type" = "boolean | { stabilityThreshold?: number; pollInterval?: number }"))
    )]
    await_write_finish: AwaitWriteFinish,
    /// Globs of what is not watched though it is listed, as `ignore` has them.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = "string | string[]")))]
    ignored: Option<Patterns>,
    /// Tell of no files that are there already.
    pub(super) ignore_initial: bool,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            use_polling: false,
            interval: 100,
            depth: None,
            await_write_finish: AwaitWriteFinish::Switch(false),
            ignored: None,
            ignore_initial: true,
        }
    }
}

impl WatchOptions {
    pub fn ignored(&self) -> &[String] {
        match &self.ignored {
            None => &[],
            Some(Patterns::One(pattern)) => std::slice::from_ref(pattern),
            Some(Patterns::Many(patterns)) => patterns,
        }
    }

    pub(super) fn stability(&self) -> Option<Stability> {
        match self.await_write_finish {
            AwaitWriteFinish::Switch(false) => None,
            AwaitWriteFinish::Switch(true) => Some(Stability::default()),
            AwaitWriteFinish::Settings(stability) => Some(stability),
        }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "`watchOptions.ignored` must be a glob or an array of globs")]
enum Patterns {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    expecting = "`watchOptions.awaitWriteFinish` must be a boolean or { stabilityThreshold, pollInterval }"
)]
enum AwaitWriteFinish {
    Switch(bool),
    Settings(Stability),
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct Stability {
    pub(super) stability_threshold: u64,
    pub(super) poll_interval: u64,
}

impl Default for Stability {
    fn default() -> Self {
        Self { stability_threshold: 2000, poll_interval: 100 }
    }
}
