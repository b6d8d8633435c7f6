//! The one tokio runtime of the process, and how a thread waits for it.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::model::{Interrupt, Interrupted};

/// How often a waiting thread looks whether it was interrupted.
const INTERRUPT_POLL: Duration = Duration::from_millis(50);

/// A handle of the runtime that all clients share. It is made at the first call, and ends with the process.
///
/// # Errors
/// When the system gives no threads.
pub(super) fn handle() -> std::io::Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    let made =
        Builder::new_multi_thread().worker_threads(2).thread_name("dsv-remote").enable_all().build()?;
    // Of two threads that come at once, the second one's runtime has not begun anything and ends at once.
    Ok(RUNTIME.get_or_init(|| made).handle().clone())
}

/// Runs `work` to its end on the calling thread, unless it is interrupted first.
///
/// # Errors
/// [`Interrupted`] within a fraction of a second after the flag was set; the work is dropped where it stands.
pub(super) fn wait<T>(
    handle: &Handle,
    interrupt: &Interrupt,
    work: impl Future<Output = T>,
) -> Result<T, Interrupted> {
    interrupt.check()?;
    handle.block_on(async {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = interrupted(interrupt) => Err(Interrupted),
        }
    })
}

async fn interrupted(interrupt: &Interrupt) {
    while !interrupt.is_set() {
        tokio::time::sleep(INTERRUPT_POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn waiting_ends_soon_after_an_interrupt() {
        let interrupt = Interrupt::new();
        let began = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(100));
                interrupt.set();
            });
            let never = std::future::pending::<()>();
            assert_eq!(wait(&handle().unwrap(), &interrupt, never), Err(Interrupted));
        });
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}
