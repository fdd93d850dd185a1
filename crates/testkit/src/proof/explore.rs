//! Which schedules are tried: all of them up to a bound, and some beyond it, by chance that a seed decides.

use super::schedule::{Choose, Move, Need, View};
use crate::random::Random;

/// How far all schedules are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    /// How often a party is made to wait while it could go on.
    pub(crate) switches: usize,
    /// How many things go wrong.
    pub(crate) faults: usize,
}

/// Every schedule within a bound, one after another: the last point at which another move could have been made is where
/// the next one differs.
pub(crate) struct Exhaustive {
    bound: Bound,
    /// At each point, which of how many moves is made.
    picks: Vec<(usize, usize)>,
    at: usize,
    switches: usize,
    faults: usize,
}

impl Exhaustive {
    pub(crate) fn new(bound: Bound) -> Self {
        Self { bound, picks: Vec::new(), at: 0, switches: 0, faults: 0 }
    }

    /// Goes on to the next schedule; `false` if there is none.
    pub(crate) fn advance(&mut self) -> bool {
        (self.at, self.switches, self.faults) = (0, 0, 0);
        while let Some((pick, of)) = self.picks.pop() {
            if pick + 1 < of {
                self.picks.push((pick + 1, of));
                return true;
            }
        }
        false
    }
}

impl Choose for Exhaustive {
    fn next(&mut self, view: &View<'_>) -> Option<Move> {
        let can_go_on = view.needs.get(view.current).is_some_and(|need| *need != Need::Nothing);
        let may_switch =
            !can_go_on || (at_a_race(view.needs[view.current]) && self.switches < self.bound.switches);
        let mut moves = going_on(view, may_switch);
        let plain = moves.len();
        if self.faults < self.bound.faults {
            let current = u8::try_from(view.current).unwrap();
            going_wrong(&mut moves, view, current, can_go_on);
        }
        if moves.len() == 1 {
            return moves.pop();
        }
        if self.picks.len() == self.at {
            self.picks.push((0, moves.len()));
        }
        let pick = self.picks[self.at].0;
        self.at += 1;
        self.faults += usize::from(pick >= plain);
        self.switches += usize::from(can_go_on && pick > 0 && pick < plain);
        Some(moves[pick])
    }
}

/// A schedule by chance.
pub(crate) struct Chance<'a> {
    pub(crate) random: &'a mut Random,
    /// How many things may go wrong still.
    pub(crate) faults: usize,
    /// Whether the clock may jump.
    pub(crate) clock: bool,
}

impl Choose for Chance<'_> {
    fn next(&mut self, view: &View<'_>) -> Option<Move> {
        let can_go_on = view.needs.get(view.current).is_some_and(|need| *need != Need::Nothing);
        let mut moves = Vec::new();
        if self.faults > 0 && self.random.below(8) == 0 {
            let party = self.random.below(view.needs.len());
            let can = view.needs[party] != Need::Nothing;
            going_wrong(&mut moves, view, u8::try_from(party).unwrap(), can);
            if self.clock && self.random.below(3) == 0 {
                moves.extend([1, 9, 61, 3_601].map(Move::Wait));
                moves.extend([1, 30].map(Move::Back));
            }
        }
        if moves.is_empty() {
            let stays = can_go_on && (!at_a_race(view.needs[view.current]) || self.random.below(2) == 0);
            moves = going_on(view, !stays);
        } else {
            self.faults -= 1;
        }
        Some(moves[self.random.below(moves.len())])
    }
}

/// Whether it matters who goes on here.
fn at_a_race(need: Need) -> bool {
    match need {
        Need::Begin => true,
        Need::Load { race, .. } | Need::Commit { race } => race,
        Need::Settle => true,
        Need::Nothing | Need::Compute => false,
    }
}

/// Who may go on: the current party first.
fn going_on(view: &View<'_>, others: bool) -> Vec<Move> {
    let go = |party: usize| Move::Go(u8::try_from(party).unwrap(), 1);
    let can = |party: &usize| view.needs[*party] != Need::Nothing;
    let mut moves: Vec<Move> = Some(view.current).filter(can).map(go).into_iter().collect();
    if others || moves.is_empty() {
        moves.extend((0..view.needs.len()).filter(|party| *party != view.current).filter(can).map(go));
    }
    moves
}

/// What may go wrong with a party's request.
fn going_wrong(moves: &mut Vec<Move>, view: &View<'_>, party: u8, can_go_on: bool) {
    if view.late {
        moves.push(Move::Land);
    }
    if !can_go_on {
        return;
    }
    match view.needs[usize::from(party)] {
        Need::Begin => moves.push(Move::Unheard(party)),
        Need::Load { race, stale } => {
            if race {
                moves.push(Move::Fails(party));
            }
            if stale {
                moves.push(Move::Stale(party));
            }
        }
        Need::Commit { .. } => {
            moves.extend([
                Move::Crash(party),
                Move::Fails(party),
                Move::AnswerLost(party),
                Move::RequestLost(party),
                Move::Late(party),
                Move::Twice(party),
            ]);
        }
        Need::Settle => moves.extend([Move::Crash(party), Move::Fails(party)]),
        Need::Nothing | Need::Compute => {}
    }
}
