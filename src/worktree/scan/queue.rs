//! Work that makes more work, shared by a few threads.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A stack of tasks. It is exhausted when it is empty and nobody works on a task that could add some.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    tasks: Vec<T>,
    /// Tasks that were taken and not yet finished.
    at_work: usize,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) const fn new(tasks: Vec<T>) -> Self {
        Self { state: Mutex::new(State { tasks, at_work: 0, closed: false }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds tasks; the last one is done first, so that few directories wait at a time.
    pub(super) fn push(&self, tasks: impl IntoIterator<Item = T>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let before = state.tasks.len();
        state.tasks.extend(tasks);
        match state.tasks.len() - before {
            0 => {}
            1 => self.changed.notify_one(),
            _ => self.changed.notify_all(),
        }
    }

    /// Drops all tasks and takes no more: everyone goes home.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.tasks.clear();
        self.changed.notify_all();
    }

    /// Does tasks until there are none left anywhere.
    pub(super) fn work(&self, mut each: impl FnMut(T)) {
        while let Some(task) = self.take() {
            let _done = Done(self);
            each(task);
        }
    }

    fn take(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(task) = state.tasks.pop() {
                state.at_work += 1;
                return Some(task);
            }
            if state.at_work == 0 || state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends a task, also when it panics: nobody must wait for it for ever.
struct Done<'a, T>(&'a Queue<T>);

impl<T> Drop for Done<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
        let mut state = self.0.lock();
        state.at_work -= 1;
        if state.at_work == 0 && state.tasks.is_empty() {
            self.0.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn run(queue: &Queue<u32>, each: impl Fn(u32) + Sync) {
        std::thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(|| queue.work(&each))));
        });
    }

    #[test]
    fn tasks_of_tasks_are_done() {
        let queue = Queue::new(vec![12]);
        let done = AtomicUsize::new(0);
        run(&queue, |n| {
            done.fetch_add(1, Ordering::Relaxed);
            queue.push((0..2).filter(|_| n > 0).map(|_| n - 1));
        });
        assert_eq!(done.into_inner(), (1 << 13) - 1);
    }

    #[test]
    fn a_closed_queue_takes_nothing() {
        let queue = Queue::new(vec![0; 100]);
        let done = AtomicUsize::new(0);
        run(&queue, |_| {
            queue.close();
            done.fetch_add(1, Ordering::Relaxed);
            queue.push([1]);
        });
        assert!(done.into_inner() <= 4);
    }

    #[test]
    fn a_panic_ends_all() {
        let queue = Queue::new(vec![0, 1]);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            run(&queue, |n| if n == 1 { panic!("as planned") } else { queue.push([]) });
        }));
        assert!(outcome.is_err());
    }
}
