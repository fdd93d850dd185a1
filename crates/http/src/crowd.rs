//! How many requests of programs are worked on at a time.
//!
//! A server that takes on all that comes does all of it late, and clients that have given up by then ask again. One that turns
//! away what is too much, at once and before it has cost anything, is in time for the rest.
//!
//! **Invariant: nobody is inside who keeps the server waiting.** A request comes in once its body is there, and past any slow
//! hash: else whoever sends slowly, or guesses passwords, could fill the place and have everybody else turned away.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The requests that are being worked on.
#[derive(Debug)]
pub(crate) struct Crowd {
    most: usize,
    inside: AtomicUsize,
}

impl Crowd {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, inside: AtomicUsize::new(0) }
    }

    /// Lets one more in, until what this gives is dropped, unless there are enough.
    pub(crate) fn enter(&self) -> Result<Inside<'_>, Full> {
        let entered = Inside(self);
        if self.inside.fetch_add(1, Ordering::Relaxed) < self.most { Ok(entered) } else { Err(Full) }
    }
}

/// There are enough inside.
#[derive(Debug)]
pub(crate) struct Full;

/// One that was let in, or that is on its way out again.
#[derive(Debug)]
pub(crate) struct Inside<'a>(&'a Crowd);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_leaves_makes_room_and_whoever_is_turned_away_takes_none() {
        let crowd = Crowd::new(2);
        let (first, _second) = (crowd.enter().unwrap(), crowd.enter().unwrap());
        assert!(crowd.enter().is_err() && crowd.enter().is_err());
        drop(first);
        let third = crowd.enter();
        assert!(third.is_ok() && crowd.enter().is_err());
    }
}
