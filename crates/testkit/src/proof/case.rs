//! A case: who does what, in which order, and what goes wrong.

use super::act::Act;
use super::schedule::Move;

/// What happens one after another, then what happens at the same time and in which order, then what happens after that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Case {
    /// First, one after another.
    pub before: Vec<Act>,
    /// Then at the same time: what each party does.
    pub meanwhile: Vec<Vec<Act>>,
    /// In which order their requests go on.
    pub moves: Vec<Move>,
    /// At last, one after another.
    pub after: Vec<Act>,
}

impl Case {
    /// How long it is to tell.
    pub fn len(&self) -> usize {
        self.before.len() + self.meanwhile.iter().map(Vec::len).sum::<usize>() + self.after.len()
    }

    /// Whether nothing happens.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
