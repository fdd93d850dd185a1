//! Is there an order of what happened at the same time that explains all that was told?

use std::collections::HashSet;

use grantor_core::Time;

use super::Invariant;
use super::act::Act;
use super::ledger::Asked;
use super::model::{Broken, Model};
use super::request::Told;

/// A request as its party knows it. Moments are numbers that grow.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) asked: Asked,
    /// The time that the server went by.
    pub(crate) now: Time,
    pub(crate) told: Told,
    pub(crate) began: u32,
    /// When it was told; never, if nothing was.
    pub(crate) ended: Option<u32>,
    /// Whether it was shown something old, so that it may have been told what was so before it began.
    pub(crate) stale: bool,
}

/// What may be so after all of it, from what may have been so before. Each request that was answered takes place at one
/// moment between its beginning and its answer; one that was not may have taken place, then or later, or not at all.
///
/// # Errors
/// Where no order explains it, what is wrong in the one that explains the most.
pub(crate) fn explain(before: &[Model], events: &[Event]) -> Result<Vec<Model>, Broken> {
    if let [event] = events
        && event.told != Told::Nothing
    {
        // What is by far the most common needs no search.
        let mut ways = Vec::new();
        let mut first = None;
        for way in before {
            match at(way, event) {
                Ok(after) => ways.extend(after),
                Err(broken) => first = first.or(Some(broken)),
            }
        }
        return if ways.is_empty() { Err(first.unwrap_or_else(unexplained)) } else { Ok(ways) };
    }
    Search::of(events, None).from(before)
}

/// One of the states that may be so after all of it, and in which everything `is_as_seen`: where there is one, there was an
/// order that explains it, and the others need not be known.
///
/// # Errors
/// As [`explain`].
pub(crate) fn explain_once(
    before: &[Model],
    events: &[Event],
    is_as_seen: &dyn Fn(&Model) -> bool,
) -> Result<Vec<Model>, Broken> {
    Search::of(events, Some(is_as_seen)).from(before)
}

fn unexplained() -> Broken {
    Broken::new(Invariant::ToldIsSo, "no order of what happened explains it")
}

fn at(way: &Model, event: &Event) -> Result<Vec<Model>, Broken> {
    let after = way.apply(event.asked, event.now, &event.told);
    if event.stale {
        let mut ways = after.unwrap_or_default();
        ways.push(way.without_knowing(&event.told));
        ways.extend(
            way.might(event.asked, event.now).into_iter().map(|way| way.without_knowing(&event.told)),
        );
        return Ok(ways);
    }
    after
}

/// Which events took place, and which did in part: what a person approves is remembered before there is a grant, who is
/// suspended is so before his grants are ended, and whoever is refused because of that may have replaced a grant before.
/// Others may see that.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Placed {
    all: u32,
    in_part: u32,
}

struct Search<'a> {
    events: &'a [Event],
    /// What was gone on from already: many orders come to the same.
    seen: HashSet<(Placed, Model)>,
    /// What is enough, if not every way is wanted.
    enough: Option<&'a dyn Fn(&Model) -> bool>,
    ways: Vec<Model>,
    best: Option<(u32, Broken)>,
}

impl<'a> Search<'a> {
    fn of(events: &'a [Event], enough: Option<&'a dyn Fn(&Model) -> bool>) -> Self {
        Self { events, seen: HashSet::new(), enough, ways: Vec::new(), best: None }
    }

    fn from(mut self, before: &[Model]) -> Result<Vec<Model>, Broken> {
        for way in before {
            self.go(way, Placed::default(), 0);
        }
        if self.ways.is_empty() {
            return Err(self.best.map_or_else(unexplained, |(_, broken)| broken));
        }
        Ok(self.ways)
    }

    fn go(&mut self, way: &Model, so_far: Placed, depth: u32) {
        let has_enough = self.enough.is_some() && !self.ways.is_empty();
        if has_enough || !self.seen.insert((so_far, way.clone())) {
            return;
        }
        let is_placed = |index: usize| so_far.all & (1 << index) != 0;
        let answered = |index: usize| self.events[index].ended.is_some();
        let all_told = (0..self.events.len()).all(|index| is_placed(index) || !answered(index));
        let is_one = || self.enough.is_none_or(|enough| enough(way));
        if all_told && is_one() && !self.ways.contains(way) {
            self.ways.push(way.clone());
        }
        // Whoever was told before another began came before him.
        let first_end = (0..self.events.len())
            .filter(|index| !is_placed(*index))
            .filter_map(|index| self.events[index].ended)
            .min()
            .unwrap_or(u32::MAX);
        for index in 0..self.events.len() {
            let event = &self.events[index];
            if is_placed(index) || event.began > first_end {
                continue;
            }
            let placed = Placed { all: so_far.all | 1 << index, ..so_far };
            let is_in_part = so_far.in_part & (1 << index) != 0;
            let others = (0..self.events.len()).filter(|other| *other != index && !is_placed(*other));
            let matters = |other: usize| makes_a_difference(event.asked.act, self.events[other].asked.act);
            if !is_in_part && others.clone().any(matters) {
                for after in way.in_part(event.asked, event.now, &event.told) {
                    self.go(&after, Placed { in_part: so_far.in_part | 1 << index, ..so_far }, depth);
                }
            }
            if let (true, Act::Suspend { person }) = (is_in_part, event.asked.act) {
                self.go(&way.with_grants_ended(person), placed, depth + 1);
                continue;
            }
            if event.ended.is_none() {
                for after in way.might(event.asked, event.now) {
                    self.go(&after, placed, depth);
                }
                continue;
            }
            match at(way, event) {
                Ok(ways) => {
                    for after in ways {
                        self.go(&after, placed, depth + 1);
                    }
                }
                Err(broken) => {
                    if self.best.as_ref().is_none_or(|(best, _)| *best < depth) {
                        self.best = Some((depth, broken));
                    }
                }
            }
        }
    }
}

/// Whether it makes a difference to the `other` that `act` took place in part.
fn makes_a_difference(act: Act, other: Act) -> bool {
    match act {
        Act::Approve { .. } | Act::Decide { .. } => matches!(other, Act::Ask { .. } | Act::Approve { .. }),
        // Whoever is being suspended is given nothing, and what he was given and has approved is there still.
        Act::Suspend { .. } | Act::Key { .. } | Act::Password { .. } => {
            !matches!(other, Act::Pass { .. } | Act::SetBack { .. })
        }
        Act::Ask { .. }
        | Act::Redeem { .. }
        | Act::Refresh { .. }
        | Act::Own { .. }
        | Act::GiveBack { .. }
        | Act::Look { .. }
        | Act::Use { .. }
        | Act::EndGrant { .. }
        | Act::Reinstate { .. }
        | Act::SwitchOff { .. }
        | Act::SwitchOn { .. }
        | Act::Pass { .. }
        | Act::SetBack { .. }
        | Act::Purge => false,
    }
}
