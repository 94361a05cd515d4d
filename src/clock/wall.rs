//! The time that expiry goes by where it lies on a disk: that of the calendar, which other processes know, too.

#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many seconds tests have set the clock ahead.
#[cfg(test)]
pub static AHEAD: AtomicU64 = AtomicU64::new(0);

pub fn since_1970() -> Duration {
    let now = SystemTime::now();
    #[cfg(test)]
    let now = now + Duration::from_secs(AHEAD.load(Ordering::Relaxed));
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Milliseconds since 1970.
pub fn now() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX)
}

/// The moment after a life of so many milliseconds.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` clamps, which is what is meant")]
pub fn after(life: f64) -> u64 {
    now().saturating_add(life.ceil() as u64)
}
