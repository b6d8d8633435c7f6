//! Work that makes more work, done by several threads.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What waits and who is at it.
struct State<T, E> {
    /// Last in, first out, so that a walk over a tree keeps little waiting.
    waiting: Vec<T>,
    busy: usize,
    failed: Option<E>,
}

struct Shared<T, E> {
    state: Mutex<State<T, E>>,
    changed: Condvar,
}

impl<T, E> Shared<T, E> {
    fn lock(&self) -> MutexGuard<'_, State<T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next item; `None` when all is done or something failed.
    fn next(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.failed.is_some() {
                return None;
            }
            if let Some(item) = state.waiting.pop() {
                state.busy += 1;
                return Some(item);
            }
            if state.busy == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends an item even when its work panicked, so that nobody waits for it for ever.
struct Busy<'a, T, E> {
    shared: &'a Shared<T, E>,
    more: Vec<T>,
    failed: Option<E>,
}

impl<T, E> Drop for Busy<'_, T, E> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.busy -= 1;
        state.waiting.append(&mut self.more);
        if state.failed.is_none() {
            state.failed = self.failed.take();
        }
        self.shared.changed.notify_all();
    }
}

/// Does all items and those that `work` adds to its second argument, with so many threads.
///
/// # Errors
/// The first error of `work`; what waits then is left undone.
pub(super) fn work_through<T: Send, E: Send>(
    threads: usize,
    items: Vec<T>,
    work: impl Fn(T, &mut Vec<T>) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let state = State { waiting: items, busy: 0, failed: None };
    let shared = Shared { state: Mutex::new(state), changed: Condvar::new() };
    let run = || {
        while let Some(item) = shared.next() {
            let mut busy = Busy { shared: &shared, more: Vec::new(), failed: None };
            busy.failed = work(item, &mut busy.more).err();
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(run);
        }
        run();
    });
    shared.state.into_inner().unwrap_or_else(PoisonError::into_inner).failed.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn all_items_and_what_they_make_are_done_once() {
        for threads in [1, 2, 8] {
            let sum = AtomicU64::new(0);
            // A complete binary tree: node n has the children 2n and 2n + 1.
            let done: Result<(), ()> = work_through(threads, vec![1u64], |n, more| {
                sum.fetch_add(n, Ordering::Relaxed);
                more.extend([2 * n, 2 * n + 1].into_iter().filter(|&child| child <= 1000));
                Ok(())
            });
            assert_eq!((done, sum.into_inner()), (Ok(()), 500_500));
        }
    }

    #[test]
    fn the_first_error_ends_it() {
        let done = work_through(4, (0..1000).collect(), |n, _| if n == 700 { Err(n) } else { Ok(()) });
        assert_eq!(done, Err(700));
    }
}
