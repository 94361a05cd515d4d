//! Keeps the map where it is while somebody reads it.

use std::sync::{
    Arc, Condvar, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

#[derive(Default)]
pub struct Gate(Arc<State>);

#[derive(Default)]
struct State {
    inside: AtomicUsize,
    closed: AtomicBool,
    waiting: Mutex<()>,
    left: Condvar,
}

/// Whoever has one is inside.
pub struct Pass(Arc<State>);

impl Gate {
    /// None while it is closed.
    pub fn enter(&self) -> Option<Pass> {
        // Either this sees that it is closed, or whoever closes it sees this.
        self.0.inside.fetch_add(1, Ordering::SeqCst);
        let pass = Pass(Arc::clone(&self.0));
        (!self.is_closed()).then_some(pass)
    }

    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::SeqCst)
    }

    /// Does `act` while nobody is inside. `let_go` leaves what is inside without need, when nobody can enter any more.
    pub fn alone<T>(&self, let_go: impl FnOnce(), act: impl FnOnce() -> T) -> T {
        let state = &self.0;
        state.closed.store(true, Ordering::SeqCst);
        let_go();
        let mut waiting = state.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while state.inside.load(Ordering::SeqCst) > 0 {
            waiting = state.left.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let result = act();
        drop(waiting);
        state.closed.store(false, Ordering::SeqCst);
        result
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let gate = &self.0;
        if gate.inside.fetch_sub(1, Ordering::SeqCst) == 1 && gate.closed.load(Ordering::SeqCst) {
            // With the lock, so that it does not come between a look and a wait.
            let _waiting = gate.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            gate.left.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn nobody_is_inside_while_it_is_closed() {
        let gate = Gate::default();
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        if let Some(pass) = gate.enter() {
                            inside.fetch_add(1, Ordering::SeqCst);
                            inside.fetch_sub(1, Ordering::SeqCst);
                            drop(pass);
                        }
                    }
                });
            }
            for _ in 0..2000 {
                gate.alone(|| {}, || assert_eq!(inside.load(Ordering::SeqCst), 0));
            }
        });
        assert!(gate.enter().is_some());
    }
}
