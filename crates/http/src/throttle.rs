//! Failures per window, in memory that does not grow.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use grantor_core::{Lifetime, Time};

use crate::source::Source;

/// How often in how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How often.
    pub count: u32,
    /// In how long, from the first of them.
    pub window: Lifetime,
}

/// How many seconds are left until it may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub(crate) u64);

/// Counts failures by key in windows that begin with the first of them.
///
/// The keys come from strangers, so they are not kept: each has two cells of a fixed table, picked by a hash that no
/// stranger can predict, and what counts is the lower of the two. Nobody's count can be pushed out by a flood of other
/// keys, and to have somebody else held up one must fill both of his cells by chance. Where the failures of others began his
/// cells at different moments he may have twice as many in a window, since each is emptied once in it.
pub(crate) struct Throttle {
    rate: Rate,
    hashers: [RandomState; 2],
    cells: Mutex<Box<[Cell]>>,
}

/// What has failed since a moment.
#[derive(Clone, Copy)]
struct Cell {
    /// In milliseconds, by the server's clock.
    begun: i64,
    count: u32,
}

const CELLS: usize = 8192;

impl Throttle {
    pub(crate) fn new(rate: Rate) -> Self {
        let cells = Mutex::new(vec![Cell { begun: 0, count: 0 }; CELLS].into_boxed_slice());
        Self { rate, hashers: [RandomState::new(), RandomState::new()], cells }
    }

    /// Whether the key may try.
    pub(crate) fn check(&self, key: &impl Hash, now: Time) -> Result<(), Wait> {
        let cells = self.lock();
        // As long as both are full: it may try as soon as one of them is not.
        let mut left = u64::MAX;
        for at in self.picked(key) {
            match cells.get(at).and_then(|cell| Some((cell, self.left(cell, now)?))) {
                Some((cell, millis)) if cell.count >= self.rate.count => left = left.min(millis),
                Some(_) | None => return Ok(()),
            }
        }
        Err(Wait(left.div_ceil(1000)))
    }

    /// Counts a failure of the key.
    pub(crate) fn count(&self, key: &impl Hash, now: Time) {
        let mut cells = self.lock();
        for at in self.picked(key) {
            if let Some(cell) = cells.get_mut(at) {
                *cell = match self.left(cell, now) {
                    Some(_) => Cell { count: cell.count.saturating_add(1), ..*cell },
                    None => Cell { begun: now.unix_millis(), count: 1 },
                };
            }
        }
    }

    /// Takes back one that was counted at `then`.
    pub(crate) fn give_back(&self, key: &impl Hash, then: Time) {
        let mut cells = self.lock();
        for at in self.picked(key) {
            // What was counted before its window began is not in it.
            if let Some(cell) = cells.get_mut(at)
                && then.unix_millis() >= cell.begun
                && self.left(cell, then).is_some()
            {
                cell.count = cell.count.saturating_sub(1);
            }
        }
    }

    fn picked(&self, key: &impl Hash) -> [usize; 2] {
        // Two halves of one table, so that the two cells of a key are never one.
        let half = CELLS / 2;
        let [a, b] =
            self.hashers.each_ref().map(|h| usize::try_from(h.hash_one(key) % half as u64).unwrap_or(0));
        [a, half + b]
    }

    /// How many milliseconds of a cell's window are left, if it is not over. Whoever looked at the clock just before the one who
    /// began it is in it as well, or he would begin it anew and all that was counted were gone; a clock that was set back by
    /// more than a window leaves it.
    fn left(&self, cell: &Cell, now: Time) -> Option<u64> {
        let (window, gone) = (self.rate.window.as_millis(), now.unix_millis().checked_sub(cell.begun)?);
        if gone.unsigned_abs() >= window {
            return None;
        }
        window.checked_add_signed(gone.checked_neg()?)
    }

    fn lock(&self) -> MutexGuard<'_, Box<[Cell]>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts failed logins: by source and user name together, and, ten times as many, by each alone.
pub(crate) struct LoginThrottle {
    both: Throttle,
    names: Throttle,
    sources: Throttle,
}

impl LoginThrottle {
    const WIDER: u32 = 10;

    pub(crate) fn new(rate: Rate) -> Self {
        let wider = Rate { count: rate.count.saturating_mul(Self::WIDER), ..rate };
        Self { both: Throttle::new(rate), names: Throttle::new(wider), sources: Throttle::new(wider) }
    }

    /// Counts a try beforehand, so that many at once are not more than the bound.
    pub(crate) fn begin(&self, source: Source, username: &str, now: Time) -> Result<(), Wait> {
        let name = fold(username);
        self.both.check(&(source, &name), now)?;
        self.names.check(&name, now)?;
        self.sources.check(&source, now)?;
        self.both.count(&(source, &name), now);
        self.names.count(&name, now);
        self.sources.count(&source, now);
        Ok(())
    }

    /// It was no failure.
    pub(crate) fn forgive(&self, source: Source, username: &str, begun: Time) {
        let name = fold(username);
        self.both.give_back(&(source, &name), begun);
        self.names.give_back(&name, begun);
        self.sources.give_back(&source, begun);
    }
}

/// Spellings that may name one user count as one.
fn fold(username: &str) -> String {
    username.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_unix_millis(1_700_000_040_000 + seconds * 1000)
    }

    const RATE: Rate = Rate { count: 3, window: Lifetime::seconds(60) };

    // J20
    #[test]
    fn a_key_is_held_up_for_the_rest_of_its_window_and_no_other_key_is() {
        let throttle = Throttle::new(RATE);
        for second in [50, 55, 65] {
            assert_eq!(throttle.check(&"a", at(second)), Ok(()));
            throttle.count(&"a", at(second));
        }
        assert_eq!(throttle.check(&"a", at(65)), Err(Wait(45)));
        assert_eq!(throttle.check(&"b", at(65)), Ok(()));
        assert_eq!(throttle.check(&"a", at(109)), Err(Wait(1)));
        assert_eq!(throttle.check(&"a", at(110)), Ok(()));
    }

    #[test]
    fn the_next_window_begins_with_the_next_failure() {
        let throttle = Throttle::new(RATE);
        (0..3).for_each(|_| throttle.count(&"a", at(0)));
        (0..3).for_each(|_| throttle.count(&"a", at(80)));
        assert_eq!(throttle.check(&"a", at(100)), Err(Wait(40)));
    }

    #[test]
    fn whose_cells_others_began_at_different_moments_has_no_more_than_twice_as_many() {
        let throttle = Throttle::new(RATE);
        let sharing = |half: usize| {
            let mut others = 0..1_000_000;
            others.find(|other| throttle.picked(other)[half] == throttle.picked(&"a")[half]).unwrap()
        };
        let others = [sharing(0), sharing(1)];
        let mut tries = 0;
        for second in 0..600 {
            match second % 60 {
                0 => throttle.count(&others[0], at(second)),
                30 => throttle.count(&others[1], at(second)),
                _ => {}
            }
            if throttle.check(&"a", at(second)).is_ok() {
                throttle.count(&"a", at(second));
                tries += 1;
            }
        }
        assert!((10 * RATE.count..=2 * 10 * RATE.count).contains(&tries), "{tries}");
    }

    #[test]
    fn what_was_counted_in_a_window_that_is_over_is_not_taken_back_from_the_next() {
        let throttle = Throttle::new(RATE);
        [0, 59].iter().for_each(|second| throttle.count(&"a", at(*second)));
        (0..3).for_each(|_| throttle.count(&"a", at(61)));
        throttle.give_back(&"a", at(59));
        assert!(throttle.check(&"a", at(61)).is_err());
        throttle.give_back(&"a", at(61));
        assert_eq!(throttle.check(&"a", at(61)), Ok(()));
    }

    #[test]
    fn who_looked_at_the_clock_before_the_first_was_counted_counts_with_him() {
        let throttle = Throttle::new(RATE);
        [10, 9, 8].iter().for_each(|second| throttle.count(&"a", at(*second)));
        assert_eq!(throttle.check(&"a", at(9)), Err(Wait(61)));
        assert_eq!(throttle.check(&"a", at(69)), Err(Wait(1)));
        assert_eq!(throttle.check(&"a", at(70)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nobody_up_for_longer_than_two_windows() {
        let throttle = Throttle::new(RATE);
        (0..3).for_each(|_| throttle.count(&"a", at(1_000)));
        assert_eq!(throttle.check(&"a", at(941)), Err(Wait(119)));
        assert_eq!(throttle.check(&"a", at(940)), Ok(()));
    }

    #[test]
    fn a_flood_of_keys_does_not_free_one() {
        let throttle = Throttle::new(RATE);
        (0..3).for_each(|_| throttle.count(&"a", at(0)));
        (0..20_000).for_each(|other| throttle.count(&other, at(0)));
        assert!(throttle.check(&"a", at(0)).is_err());
    }

    // P01
    #[test]
    fn spellings_of_a_name_count_as_one_and_success_is_not_counted() {
        let throttle = LoginThrottle::new(RATE);
        let source = Source::of(&axum::http::Request::new(()).into_parts().0, &[]);
        for _ in 0..10 {
            assert_eq!(throttle.begin(source, "alice", at(0)), Ok(()));
            throttle.forgive(source, "alice", at(0));
        }
        for name in ["alice", "ALICE", " Alice "] {
            assert_eq!(throttle.begin(source, name, at(0)), Ok(()));
        }
        assert!(throttle.begin(source, "alice", at(0)).is_err());
        assert_eq!(throttle.begin(source, "bob", at(0)), Ok(()));
    }

    #[test]
    fn a_source_that_tries_many_names_is_held_up() {
        let throttle = LoginThrottle::new(RATE);
        let source = Source::of(&axum::http::Request::new(()).into_parts().0, &[]);
        for n in 0..30 {
            assert_eq!(throttle.begin(source, &format!("user{n}"), at(0)), Ok(()));
        }
        assert!(throttle.begin(source, "another", at(0)).is_err());
    }
}
