//! When a request is tried again.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime},
};

use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// The service is busy, or failed, and may do better soon.
pub fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// How long the service asks to wait.
pub fn after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| {
        let then = httpdate::parse_http_date(text).ok()?;
        Some(then.duration_since(SystemTime::now()).unwrap_or_default())
    })
}

/// How long to wait otherwise: up to twice as long each time, and somewhere below, so that many callers do not come back at once.
pub fn delay(attempt: u32) -> Duration {
    let most = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_DELAY);
    most.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// How many repetitions the calls of a driver may make together: where every request fails, each is not made four times.
pub struct Budget(AtomicU32);

const FULL: u32 = 500;
/// What a repetition takes; an answer gives 1 back.
const PRICE: u32 = 10;

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(FULL))
    }
}

impl Budget {
    pub fn take(&self) -> bool {
        let pay = |left: u32| left.checked_sub(PRICE);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay).is_ok()
    }

    pub fn earn(&self) {
        // Nothing else changes where it is full.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| (left < FULL).then_some(left + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn waits_longer_each_time_and_not_for_ever() {
        for attempt in 0..40 {
            let delay = delay(attempt);
            assert!(delay >= FIRST_DELAY / 2 && delay <= LONGEST_DELAY, "{attempt}: {delay:?}");
        }
        assert!(delay(3) > delay(0));
    }

    #[test]
    fn a_service_says_how_long_to_wait() {
        let after = |text| after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]));
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn a_budget_ends_and_fills_again() {
        let budget = Budget::default();
        let taken = (0..1000).filter(|_| budget.take()).count();
        assert_eq!(taken, 50);
        (0..PRICE).for_each(|_| budget.earn());
        assert!(budget.take() && !budget.take());
    }
}
