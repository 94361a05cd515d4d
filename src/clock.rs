//! The time that expiry goes by: milliseconds that never go back.

pub mod wall;

use std::time::Instant;

/// A moment in milliseconds since the clock was made; 0 stands for "never".
pub type Deadline = u64;

pub struct Clock {
    start: Instant,
    /// Set by tests, which then turn the time by hand.
    fixed: Option<u64>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { start: Instant::now(), fixed: None }
    }
}

impl Clock {
    /// Never 0, so that no deadline is mistaken for "never".
    pub fn now(&self) -> u64 {
        let elapsed = || u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.fixed.unwrap_or_else(elapsed).saturating_add(1)
    }

    pub fn fix(&mut self, milliseconds: Option<u64>) {
        self.fixed = milliseconds;
    }

    /// The deadline of a life of `ttl` milliseconds: none for 0, NaN and infinities, at once for a negative one.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just before")]
    pub fn deadline(&self, ttl: f64) -> Deadline {
        if ttl == 0.0 || !ttl.is_finite() {
            return 0;
        }
        self.now().saturating_add(ttl.clamp(0.0, 9e15).ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_life_has_no_deadline_and_a_negative_one_is_over() {
        let mut clock = Clock::default();
        clock.fix(Some(100));
        for none in [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(clock.deadline(none), 0);
        }
        assert_eq!(clock.deadline(-5.0), clock.now());
        assert_eq!(clock.deadline(0.5), clock.now() + 1);
    }
}
