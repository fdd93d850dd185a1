//! How a move begins, who may take part, who takes over, and how it is given up: one compare-and-set on a mark each.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use grantor_core::Entropy;
use grantor_core::record::{Kind, Under, Version};

use super::marks::{self, CopyState, Found, LeaveState, MARKS, MoveId, MovedAway, MovedHere};
use super::{MovingStore, is_mark};
use crate::contract::{Store, StoreError};

/// How often a step is tried again when another process took one first.
const RACES: usize = 32;

/// Who joins a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// Who serves, and may until now have written to the first store alone: all of the copy is looked at again, by a
    /// [`Copier`](super::Copier).
    Server,
    /// Who does one thing and leaves.
    Command,
}

/// Why a move cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The store that is moved failed.
    #[error("the store that is moved: {0}")]
    First(#[source] StoreError),
    /// The store that is moved to failed.
    #[error("the store that is moved to: {0}")]
    Second(#[source] StoreError),
    /// The store that is moved to holds something and is no copy.
    #[error("the store that is moved to is not empty and is no copy; name an empty one")]
    NotEmpty,
    /// The store that is moved to holds the copy of another store.
    #[error("the store that is moved to holds the copy of another store; name an empty one")]
    CopyOfAnother,
    /// The first store is being moved, and the second knows nothing of it.
    #[error(
        "the store that is moved is on its way to {0}, and this is not that store, or it has lost its copy; name that \
         store, or give the move up"
    )]
    NotThere(String),
    /// The first store has been left for another.
    #[error("the store that is moved has already moved to {0}; what it holds is old")]
    Left(String),
    /// The first store is itself a copy that does not lead.
    #[error("the store that is moved is itself a copy that does not lead ({0})")]
    FirstIsACopy(CopyState),
    /// A move is given up by one process while another begins it.
    #[error("the move is being given up; give it up again to be sure that it is, then begin anew")]
    BeingGivenUp,
    /// The copy is not complete, so nobody can go on with it.
    #[error("the copy is not complete ({0})")]
    NotComplete(CopyState),
    /// The second store leads already.
    #[error("the move is done: the store that is moved to leads, and what the other holds is old")]
    Done,
    /// A record is not the same in both, at one version.
    #[error("{0} differs between the stores at one version; one of them is damaged")]
    Differs(grantor_core::record::RecordKey),
    /// The first store has lost a record that the second still has.
    #[error("{0} is in the store that is moved to, is not over, and is gone from the store that is moved")]
    Astray(grantor_core::record::RecordKey),
    /// Other processes changed the marks all the time.
    #[error("too many processes join or give up the move at once")]
    Contended,
}

/// What the marks of both stores call for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Mark the empty second store.
    MarkSecond,
    /// Mark the first store: the second is marked, and empty.
    MarkFirstIfBare,
    /// Mark the first store: the second is its copy, of a move that was given up.
    MarkFirst,
    /// A move that was given up begins again.
    Resume,
    /// Count a server in.
    Count,
    /// All is as it must be.
    Enter,
    /// The second store leads.
    EnterBehind,
}

type Away = Option<Found<MovedAway>>;
type Here = Option<Found<MovedHere>>;

/// What is to be done next, by the mark of the first store and then that of the second.
fn next(away: Option<&MovedAway>, here: Option<&MovedHere>) -> Result<Next, MoveError> {
    let Some(here) = here else {
        return match away {
            Some(away) => match away.state {
                LeaveState::Moving => Err(MoveError::NotThere(away.to.clone())),
                LeaveState::Moved => Err(MoveError::Left(away.to.clone())),
                LeaveState::GivenUp => Ok(Next::MarkSecond),
            },
            None => Ok(Next::MarkSecond),
        };
    };
    let Some(away) = away else {
        return match here.state {
            CopyState::Copying => Ok(Next::MarkFirstIfBare),
            CopyState::Complete | CopyState::Leading | CopyState::GivenUp => Err(MoveError::CopyOfAnother),
        };
    };
    let same = away.id == here.id;
    match (away.state, here.state) {
        (LeaveState::Moving, _) if !same => Err(MoveError::NotThere(away.to.clone())),
        (LeaveState::Moved, _) if !same => Err(MoveError::Left(away.to.clone())),
        (LeaveState::Moving, CopyState::Copying | CopyState::Complete) => Ok(Next::Count),
        (LeaveState::Moving, CopyState::GivenUp) => Err(MoveError::BeingGivenUp),
        (LeaveState::Moving | LeaveState::Moved, CopyState::Leading) => Ok(Next::EnterBehind),
        (LeaveState::Moved, CopyState::Copying | CopyState::Complete | CopyState::GivenUp) => {
            Err(MoveError::Left(away.to.clone()))
        }
        (LeaveState::GivenUp, CopyState::Copying) if same => Ok(Next::MarkFirst),
        (LeaveState::GivenUp, CopyState::Copying) => Ok(Next::MarkFirstIfBare),
        (LeaveState::GivenUp, CopyState::GivenUp) if same => Ok(Next::Resume),
        (LeaveState::GivenUp, CopyState::Complete | CopyState::Leading | CopyState::GivenUp) => {
            Err(MoveError::CopyOfAnother)
        }
    }
}

impl MovingStore {
    /// Takes part in the move from `first` to `second`, and begins it if nobody has. `to` names `second` for people.
    ///
    /// A move that is done already is joined, too: everything goes to `second` then.
    ///
    /// # Errors
    /// [`MoveError`] if a store fails, or if these two must not be joined.
    ///
    /// # Cancellation
    /// The marks may have been written: the move may have begun. It does no harm to join again.
    pub async fn join(
        first: Arc<dyn Store>,
        second: Arc<dyn Store>,
        joining: As,
        to: &str,
        entropy: &mut Entropy,
    ) -> Result<Self, MoveError> {
        let (a, b) = (&*first, &*second);
        for _ in 0..RACES {
            let (away, here) = look(a, b).await?;
            let mut step = next(mark(&away), mark(&here))?;
            if step == Next::Count && joining == As::Command {
                step = Next::Enter;
            }
            let known = away.as_ref().map(|found| found.version);
            match step {
                Next::MarkSecond | Next::MarkFirstIfBare if !is_bare(b).await? => {
                    // Unless another process went on meanwhile, and these are its records.
                    if look(a, b).await? == (away, here) {
                        return Err(MoveError::NotEmpty);
                    }
                }
                Next::MarkSecond => {
                    let fresh = MovedHere::new(MoveId::draw(entropy));
                    write_here(b, None, &fresh, entropy).await?;
                }
                Next::MarkFirst | Next::MarkFirstIfBare => {
                    if let Some(here) = here {
                        write_away(a, known, &MovedAway::new(here.mark.id, to), entropy).await?;
                    }
                }
                Next::Resume | Next::Count => {
                    if let Some(Found { mark, version }) = here {
                        let joined = mark.joined.saturating_add(1);
                        let counted = MovedHere { state: CopyState::Copying, joined, ..mark };
                        let written = write_here(b, Some(version), &counted, entropy).await?;
                        if written && step == Next::Count {
                            return Ok(Self::joined(first, second, counted.id, false));
                        }
                    }
                }
                Next::Enter | Next::EnterBehind => {
                    if let Some(here) = here {
                        let behind = step == Next::EnterBehind;
                        return Ok(Self::joined(first, second, here.mark.id, behind));
                    }
                }
            }
        }
        Err(MoveError::Contended)
    }

    fn joined(first: Arc<dyn Store>, second: Arc<dyn Store>, id: MoveId, behind: bool) -> Self {
        Self { first, second, id, second_leads: AtomicBool::new(behind) }
    }

    /// How far the move is.
    ///
    /// # Errors
    /// [`StoreError`] if the second store does not say.
    pub async fn state(&self) -> Result<CopyState, StoreError> {
        let found = marks::read(&*self.second, &MovedHere::key()).await?;
        let here = found.filter(|found| found.mark.id == self.id).ok_or_else(lost)?;
        Ok(here.mark.state)
    }

    /// Leaves word in the first store that the second leads, for those who know of no move. To be called once
    /// [`second_leads`](Self::second_leads); no rule depends on it.
    ///
    /// # Errors
    /// [`StoreError`] if the first store cannot be written.
    pub async fn leave_word(&self, entropy: &mut Entropy) -> Result<(), StoreError> {
        let Some(Found { mark, version }) = marks::read(&*self.first, &MovedAway::key()).await? else {
            return Ok(());
        };
        if mark.id == self.id && mark.state != LeaveState::Moved {
            let moved = MovedAway { state: LeaveState::Moved, ..mark };
            // Whoever came first wrote the same.
            marks::write(&*self.first, &MovedAway::key(), Some(version), &moved, entropy).await?;
        }
        Ok(())
    }
}

/// Takes the lead with a copy that is complete. Whoever goes on with it alone must do so before his first write.
///
/// # Errors
/// [`MoveError`] if the store fails, or is a copy that is not complete.
pub async fn promote(second: &dyn Store, entropy: &mut Entropy) -> Result<(), MoveError> {
    for _ in 0..RACES {
        let found = marks::read(second, &MovedHere::key()).await.map_err(MoveError::Second)?;
        let Some(Found { mark, version }) = found else { return Ok(()) };
        match mark.state {
            CopyState::Leading => return Ok(()),
            CopyState::Copying | CopyState::GivenUp => return Err(MoveError::NotComplete(mark.state)),
            CopyState::Complete => {
                let leading = MovedHere { state: CopyState::Leading, ..mark };
                if write_here(second, Some(version), &leading, entropy).await? {
                    return Ok(());
                }
            }
        }
    }
    Err(MoveError::Contended)
}

/// Gives a move up, so that `first` may be opened by itself again. Nobody can take the lead with `second` from then on;
/// what it holds stays there, and the same move can begin again. Without `second`, which is lost, nothing but the caller's
/// word says that nobody has.
///
/// # Errors
/// [`MoveError`] if a store fails, or the second one leads.
pub async fn give_up(
    first: &dyn Store,
    second: Option<&dyn Store>,
    entropy: &mut Entropy,
) -> Result<(), MoveError> {
    for _ in 0..RACES {
        let away = marks::read(first, &MovedAway::key()).await.map_err(MoveError::First)?;
        let Some(away) = away else { return Ok(()) };
        match away.mark.state {
            LeaveState::GivenUp => return Ok(()),
            LeaveState::Moved => return Err(MoveError::Done),
            LeaveState::Moving => {}
        }
        // The second first: as long as it can be promoted, nobody may write to the other alone.
        if let Some(second) = second
            && !renounce(second, &away.mark, entropy).await?
        {
            continue;
        }
        let given_up = MovedAway { state: LeaveState::GivenUp, ..away.mark };
        if write_away(first, Some(away.version), &given_up, entropy).await? {
            return Ok(());
        }
    }
    Err(MoveError::Contended)
}

/// Sees to it that nobody takes the lead with `second`; `false` if another process changed it meanwhile.
async fn renounce(second: &dyn Store, away: &MovedAway, entropy: &mut Entropy) -> Result<bool, MoveError> {
    let found = marks::read(second, &MovedHere::key()).await.map_err(MoveError::Second)?;
    let Some(Found { mark, version }) = found.filter(|found| found.mark.id == away.id) else {
        return Err(MoveError::NotThere(away.to.clone()));
    };
    match mark.state {
        CopyState::Leading => Err(MoveError::Done),
        CopyState::GivenUp => Ok(true),
        CopyState::Copying | CopyState::Complete => {
            let given_up = MovedHere { state: CopyState::GivenUp, ..mark };
            write_here(second, Some(version), &given_up, entropy).await
        }
    }
}

/// Objects to a move, in the name of a server that serves from `first` alone: as long as one does so at least once a
/// second, no copy of `first` is called complete. Gives the mark, if there is one. Costs one read where there is no move.
///
/// # Errors
/// [`StoreError`] if the mark cannot be read or written.
pub async fn object(first: &dyn Store, entropy: &mut Entropy) -> Result<Option<MovedAway>, StoreError> {
    let Some(Found { mark, version }) = marks::read(first, &MovedAway::key()).await? else { return Ok(None) };
    if mark.state == LeaveState::Moving {
        let alone = MovedAway { alone: mark.alone.saturating_add(1), ..mark.clone() };
        // Of several who object at once one is enough.
        marks::write(first, &MovedAway::key(), Some(version), &alone, entropy).await?;
    }
    Ok(Some(mark))
}

/// The mark of the first store, and that of the second.
async fn look(first: &dyn Store, second: &dyn Store) -> Result<(Away, Here), MoveError> {
    let own = marks::read(first, &MovedHere::key()).await.map_err(MoveError::First)?;
    match own.map(|own| own.mark.state) {
        None | Some(CopyState::Leading) => {}
        Some(state @ (CopyState::Copying | CopyState::Complete | CopyState::GivenUp)) => {
            return Err(MoveError::FirstIsACopy(state));
        }
    }
    let away = marks::read(first, &MovedAway::key()).await.map_err(MoveError::First)?;
    let here = marks::read(second, &MovedHere::key()).await.map_err(MoveError::Second)?;
    Ok((away, here))
}

fn mark<M>(found: &Option<Found<M>>) -> Option<&M> {
    found.as_ref().map(|found| &found.mark)
}

/// Whether nothing but marks lies there.
async fn is_bare(store: &dyn Store) -> Result<bool, MoveError> {
    for kind in Kind::ALL {
        let page = store.list(&Under::Kind(*kind), None, MARKS + 1).await.map_err(MoveError::Second)?;
        if page.keys.iter().any(|key| !is_mark(key)) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn write_here(
    second: &dyn Store,
    found: Option<Version>,
    mark: &MovedHere,
    entropy: &mut Entropy,
) -> Result<bool, MoveError> {
    marks::write(second, &MovedHere::key(), found, mark, entropy).await.map_err(MoveError::Second)
}

async fn write_away(
    first: &dyn Store,
    found: Option<Version>,
    mark: &MovedAway,
    entropy: &mut Entropy,
) -> Result<bool, MoveError> {
    marks::write(first, &MovedAway::key(), found, mark, entropy).await.map_err(MoveError::First)
}

fn lost() -> StoreError {
    StoreError::Corrupt("the store that is moved to has lost its mark".to_owned())
}
