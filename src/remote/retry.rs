//! When a request that failed is sent again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::cause::Break;
use super::failure::{Class, Failure};
use super::options::RemoteOptions;

/// The first pause; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(200);
/// The first pause when the server says that it has too much to do.
const BUSY_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The rules of one client.
#[derive(Debug)]
pub(super) struct RetryPolicy {
    retries: u32,
    budget: Duration,
    /// Whether the remote ever answered: one that never did is more likely wrong than tired.
    reached: AtomicBool,
}

impl RetryPolicy {
    pub(super) fn new(options: &RemoteOptions) -> Self {
        Self { retries: options.retries, budget: options.retry_budget, reached: AtomicBool::new(false) }
    }

    /// Runs attempts until one succeeds, or fails for good.
    ///
    /// # Errors
    /// The failure of the last attempt.
    pub(super) async fn run<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let began = Instant::now();
        let mut retry = 0;
        loop {
            let failure = match attempt().await {
                Ok(done) => {
                    self.reached.store(true, Ordering::Relaxed);
                    return Ok(done);
                }
                Err(failure) => failure,
            };
            match self.pause(&failure, retry, began.elapsed()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failure),
            }
            retry += 1;
        }
    }

    /// How long to wait before the next attempt, if there is to be one.
    pub(super) fn pause(&self, failure: &Failure, retry: u32, elapsed: Duration) -> Option<Duration> {
        if !matches!(failure.class, Class::Unreachable | Class::Broken) {
            self.reached.store(true, Ordering::Relaxed);
        }
        if !failure.may_pass() || retry >= self.allowed(failure) {
            return None;
        }
        let first = if failure.class == Class::Busy { BUSY_PAUSE } else { PAUSE };
        let pause = (first * 2_u32.saturating_pow(retry.min(8))).min(MAX_PAUSE);
        // Clients that failed together do not come back together.
        let pause = pause.mul_f64(0.5 + fastrand::f64());
        (elapsed + pause < self.budget).then_some(pause)
    }

    fn allowed(&self, failure: &Failure) -> u32 {
        if self.reached.load(Ordering::Relaxed) || failure.class == Class::Busy {
            return self.retries;
        }
        let is_slow = failure.is_transport(Break::ConnectTimeout) || failure.is_transport(Break::Stalled);
        if is_slow { 0 } else { self.retries.min(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> RetryPolicy {
        RetryPolicy::new(&RemoteOptions::default())
    }

    #[test]
    fn what_never_answered_is_given_up_soon() {
        let policy = policy();
        let (refused, mute) =
            (Failure::broken(Break::Refused, ""), Failure::broken(Break::ConnectTimeout, ""));
        assert!(policy.pause(&refused, 0, Duration::ZERO).is_some());
        assert!(policy.pause(&refused, 1, Duration::ZERO).is_none());
        assert!(policy.pause(&mute, 0, Duration::ZERO).is_none());
        policy.reached.store(true, Ordering::Relaxed);
        assert!(policy.pause(&refused, 2, Duration::ZERO).is_some());
        assert!(policy.pause(&refused, 3, Duration::ZERO).is_none());
    }

    #[test]
    fn nothing_is_sent_again_when_the_budget_is_spent() {
        let policy = policy();
        policy.reached.store(true, Ordering::Relaxed);
        let reset = Failure::broken(Break::Reset, "");
        assert!(policy.pause(&reset, 0, Duration::from_secs(19)).is_some());
        assert!(policy.pause(&reset, 0, Duration::from_secs(20)).is_none());
    }
}
