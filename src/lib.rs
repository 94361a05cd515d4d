//! Key-value storage for JavaScript servers.
//!
//! The way of a call, and where each part lives:
//!
//! * [`key`] normalises, validates and filters keys (WTF-8 bytes: JavaScript strings may hold lone surrogates).
//! * [`router`] is the mount table: a key's mount, and the mounts under a base.
//! * [`driver`] holds the contracts of the three lanes, inline, blocking and async, the pool that blocking calls run on, and the
//!   thread that talks to servers.
//! * `http` sends requests for all drivers that speak HTTP: retries, limits, redirects, and what errors say.
//! * [`drivers`] holds one driver a file or folder, and the registry that builds them from their options.
//! * [`clock`] is the time that expiry goes by, [`error`] what a failed call reports.
//! * `binding` is the only part that knows Node-API: raw functions, an integer handle for everything.
//!
//! Rust decides about keys, mounts, drivers, time and I/O; JavaScript about JavaScript values (JSON, identity,
//! promises, callbacks). Values of in-memory drivers never enter Rust: it hands out slots, JavaScript keeps the values.

// Node-API exists only inside Node: the binding is tested from there.
#[cfg(not(test))]
mod binding;
pub mod clock;
pub mod driver;
pub mod drivers;
pub mod error;
mod http;
pub mod key;
pub mod router;
mod tls;
