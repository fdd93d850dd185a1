//! Could one thing, used by one caller at a time, have answered like that? The question of linearizability, decided.
//!
//! Many callers ask one thing at once. Each call gets a moment between its beginning and its answer, such that one after
//! the other gives just these answers; a call that was never answered may have a moment, any later one, or none. It is
//! decided after Wing and Gong, in the order of time as Lowe has it: moments are only given when an answer needs them.
//! What makes that cheap here is said at each place.

use std::collections::BTreeSet;

/// What a thing does when one caller at a time uses it.
pub trait Sequential {
    /// All that its answers depend on.
    type State: Clone + Ord;
    /// What it is asked.
    type Ask: PartialEq;
    /// What it says.
    type Answer: PartialEq;

    /// The state after this was asked, and the answer.
    fn apply(&self, state: &Self::State, ask: &Self::Ask) -> (Self::State, Self::Answer);
}

/// A call as its caller knows it. Moments are numbers that grow with real time, each given once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<Q, A> {
    /// What was asked.
    pub ask: Q,
    /// A moment at which it had not begun.
    pub began: u64,
    /// The answer and a moment at which it was there; none if it never came.
    pub answer: Option<(u64, A)>,
}

/// No order explains this answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexplained<S> {
    /// Which call it is the answer to.
    pub call: usize,
    /// The states in which the thing may have been just before.
    pub states: BTreeSet<S>,
}

/// Whether such a thing, from this state on, could have given these answers.
///
/// # Errors
/// The first answer, in time, that no order of the calls explains.
pub fn check<T: Sequential>(
    thing: &T,
    start: T::State,
    calls: &[Call<T::Ask, T::Answer>],
) -> Result<(), Unexplained<T::State>> {
    let mut search = Search { thing, calls, open: Vec::new() };
    let mut ways = BTreeSet::from([Way { state: start, placed: BTreeSet::new() }]);
    for (_, call, is_end) in in_time(calls) {
        if !is_end {
            search.open.push(call);
            continue;
        }
        let explained = search.explain(&ways, call);
        if explained.is_empty() {
            return Err(Unexplained { call, states: ways.into_iter().map(|way| way.state).collect() });
        }
        search.open.retain(|open| *open != call);
        ways = explained;
    }
    Ok(())
}

/// Every beginning and every end, in order.
fn in_time<Q, A>(calls: &[Call<Q, A>]) -> Vec<(u64, usize, bool)> {
    let begins = calls.iter().enumerate().map(|(at, call)| (call.began, at, false));
    let ends = calls.iter().enumerate().filter_map(|(at, call)| Some((call.answer.as_ref()?.0, at, true)));
    let mut all: Vec<_> = begins.chain(ends).collect();
    all.sort_unstable();
    all
}

/// One way in which it may have come about so far.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Way<S> {
    state: S,
    /// The calls that have had their moment and are still open.
    placed: BTreeSet<usize>,
}

struct Search<'a, T: Sequential> {
    thing: &'a T,
    calls: &'a [Call<T::Ask, T::Answer>],
    /// What has begun and was not answered yet.
    open: Vec<usize>,
}

impl<T: Sequential> Search<'_, T> {
    /// Every way on in which this call has had its moment, with as few others as that takes.
    fn explain(&self, ways: &BTreeSet<Way<T::State>>, call: usize) -> BTreeSet<Way<T::State>> {
        let mut explained = BTreeSet::new();
        let mut known = BTreeSet::new();
        let mut open: Vec<_> = ways.iter().cloned().collect();
        while let Some(way) = open.pop() {
            let mut way = self.with_all_that_changes_nothing(way);
            if way.placed.remove(&call) {
                explained.insert(way);
            } else if known.insert(way.clone()) {
                open.extend(self.candidates(&way).filter_map(|next| self.place(&way, next)));
            }
        }
        explained
    }

    /// An answered call that fits and leaves the state alone can have its moment at once: that forbids nothing later.
    fn with_all_that_changes_nothing(&self, mut way: Way<T::State>) -> Way<T::State> {
        for call in &self.open {
            if let (false, Some((_, answer))) = (way.placed.contains(call), &self.calls[*call].answer) {
                let (state, said) = self.thing.apply(&way.state, &self.calls[*call].ask);
                if state == way.state && said == *answer {
                    way.placed.insert(*call);
                }
            }
        }
        way
    }

    /// The open calls that may come next. Of several that ask and were answered the same only one: whichever has to be
    /// over first, since two of them could change places.
    fn candidates(&self, way: &Way<T::State>) -> impl Iterator<Item = usize> {
        let free = |call: &&usize| !way.placed.contains(call);
        let mut first: Vec<usize> = Vec::new();
        for call in self.open.iter().filter(free) {
            let alike = |other: &&mut usize| {
                let (one, other) = (&self.calls[*call], &self.calls[**other]);
                one.ask == other.ask && answer(one) == answer(other)
            };
            match first.iter_mut().find(alike) {
                Some(other) if self.ends(*call) < self.ends(*other) => *other = *call,
                Some(_) => {}
                None => first.push(*call),
            }
        }
        first.into_iter()
    }

    fn ends(&self, call: usize) -> u64 {
        self.calls[call].answer.as_ref().map_or(u64::MAX, |(ended, _)| *ended)
    }

    fn place(&self, way: &Way<T::State>, call: usize) -> Option<Way<T::State>> {
        let (state, said) = self.thing.apply(&way.state, &self.calls[call].ask);
        let fits = match &self.calls[call].answer {
            Some((_, answer)) => said == *answer,
            // It owes nobody an answer, so without an effect it need not have happened.
            None => state != way.state,
        };
        let mut placed = way.placed.clone();
        placed.insert(call);
        fits.then_some(Way { state, placed })
    }
}

fn answer<Q, A>(call: &Call<Q, A>) -> Option<&A> {
    call.answer.as_ref().map(|(_, answer)| answer)
}
