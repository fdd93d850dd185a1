//! In which order things happen when several parties are at it at once, and what goes wrong meanwhile.

/// What happens next. A list of these is a schedule; when it ends, everybody goes on to his end, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Move {
    /// A party's request goes on by so many steps. A step is one question to the store.
    Go(u8, u8),
    /// The server that works on a party's request crashes: nobody is told anything.
    Crash(u8),
    /// A party's request goes on, and its answer will get lost.
    Unheard(u8),
    /// The store refuses a party's next question: certainly nothing happened.
    Fails(u8),
    /// The store answers a party's read with what stood there before.
    Stale(u8),
    /// The store does what a party's request asks, and its answer is lost.
    AnswerLost(u8),
    /// The store never hears of a party's write, and cannot say so.
    RequestLost(u8),
    /// A party's write is on its way still, and the store cannot say whether it will arrive.
    Late(u8),
    /// A party's write arrives, and is on its way once more.
    Twice(u8),
    /// The oldest write that is on its way arrives.
    Land,
    /// So many seconds pass.
    Wait(u32),
    /// The clock is set back by so many seconds.
    Back(u32),
}

/// What a party's request needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: all that this party does is done.
    Nothing,
    /// To begin.
    Begin,
    /// A record. Whether others may write it, and whether something else stood there before.
    Load { race: bool, stale: bool },
    /// A write. Whether others may write there.
    Commit { race: bool },
    /// To know which write stands.
    Settle,
    /// A computation.
    Compute,
}

/// What can be seen before a move.
pub(crate) struct View<'a> {
    /// Who went last.
    pub(crate) current: usize,
    pub(crate) needs: &'a [Need],
    /// Whether a write is on its way.
    pub(crate) late: bool,
}

/// Whoever decides what happens next.
pub(crate) trait Choose {
    /// The next move, or `None` to let everybody go to his end.
    fn next(&mut self, view: &View<'_>) -> Option<Move>;
}

/// A schedule that was written down.
pub(crate) struct Written<'a> {
    moves: &'a [Move],
    /// How many steps of the first move are done.
    done: u8,
}

impl<'a> Written<'a> {
    pub(crate) fn new(moves: &'a [Move]) -> Self {
        Self { moves, done: 0 }
    }
}

impl Choose for Written<'_> {
    fn next(&mut self, _: &View<'_>) -> Option<Move> {
        loop {
            let (first, rest) = self.moves.split_first()?;
            match first {
                Move::Go(party, steps) if self.done < *steps => {
                    self.done += 1;
                    return Some(Move::Go(*party, 1));
                }
                Move::Go(..) => {
                    self.moves = rest;
                    self.done = 0;
                }
                Move::Crash(_)
                | Move::Unheard(_)
                | Move::Fails(_)
                | Move::Stale(_)
                | Move::AnswerLost(_)
                | Move::RequestLost(_)
                | Move::Late(_)
                | Move::Twice(_)
                | Move::Land
                | Move::Wait(_)
                | Move::Back(_) => {
                    self.moves = rest;
                    return Some(*first);
                }
            }
        }
    }
}

/// Writes a move down, steps of one party as one.
pub(crate) fn record(moves: &mut Vec<Move>, next: Move) {
    match (moves.last_mut(), next) {
        (Some(Move::Go(party, steps)), Move::Go(other, 1)) if *party == other && *steps < u8::MAX => {
            *steps += 1
        }
        _ => moves.push(next),
    }
}
