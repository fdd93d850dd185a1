//! Copies what nobody touches: the work beside the requests, in small steps.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use grantor_core::record::{Kind, RecordKey, Stored, Under, Version};
use grantor_core::{Entropy, Time};

use super::join::MoveError;
use super::marks::{self, CopyState, Found, MovedAway, MovedHere};
use super::{Followed, MovingStore, is_mark, list, version_of};
use crate::contract::{Store, StoreError};
use crate::copy::{Contents, Reckoning};

/// How many records one step looks at, all at once. Few, so that no request waits long behind them.
const BATCH: usize = 32;

/// How long nobody may have [objected](super::object) before the look that counts begins. A server that serves from the
/// first store alone objects every second, and what it writes after its last objection must be there by then.
const QUIET: Duration = Duration::from_secs(5);

/// Brings all of the first store into the second, compares, and says so in the mark. Several may run at once, in one
/// process or many; each looks at everything.
///
/// It keeps no time: whoever drives it pauses between [steps](Copier::step) as long as he likes.
#[derive(Debug)]
pub struct Copier {
    moving: Arc<MovingStore>,
    pass: Option<Pass>,
    /// The first store's mark, and since when it has been that.
    quiet: Option<(Option<Version>, Duration)>,
    /// The first store's mark when the copy was found complete.
    complete: Option<Option<Version>>,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advance {
    /// There is more to do.
    Going(Progress),
    /// This step made the copy complete, and this is what was compared.
    Completed(Contents),
    /// There is nothing to do: that is the state of the second store.
    Rests(CopyState),
}

/// How far a pass is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it does.
    pub stage: Stage,
    /// How many records it has seen in this stage.
    pub records: u64,
}

/// What a pass does, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Brings each record over.
    Copying,
    /// Waits until no server writes to the first store alone any more.
    Waiting,
    /// Reads each record from both stores and compares them whole.
    Comparing,
    /// Looks for what only the second store has.
    LookingBack,
}

impl Stage {
    /// The stage's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Copying => "copying",
            Stage::Waiting => "waiting for servers without the move",
            Stage::Comparing => "comparing",
            Stage::LookingBack => "looking back",
        }
    }
}

/// One walk through everything, three times.
#[derive(Debug)]
struct Pass {
    /// The mark as it was when the pass began. If a server joined since, what it wrote alone before that may be missing.
    mark: Found<MovedHere>,
    stage: Stage,
    walk: Walk,
    compared: Reckoning,
    /// The first store's mark as it was when the look that counts began.
    quiet: Option<Version>,
}

/// A place in the order of kinds and ids.
#[derive(Debug, Default)]
struct Walk {
    kinds_done: usize,
    after: Option<RecordKey>,
    records: u64,
}

impl Copier {
    /// A copier of this move.
    pub fn new(moving: Arc<MovingStore>) -> Self {
        Self { moving, pass: None, quiet: None, complete: None }
    }

    /// Goes a little further. `now` tells which records are over; `running` is a clock that is never set.
    ///
    /// # Errors
    /// [`MoveError`] if a store fails; the same step can be tried again. Also if the stores hold what cannot be: the move
    /// should be given up then.
    ///
    /// # Cancellation
    /// The step is done again.
    pub async fn step(
        &mut self,
        now: Time,
        running: Duration,
        entropy: &mut Entropy,
    ) -> Result<Advance, MoveError> {
        if self.moving.second_leads() {
            return Ok(Advance::Rests(CopyState::Leading));
        }
        let moving = Arc::clone(&self.moving);
        let away = marks::read(&*moving.first, &MovedAway::key()).await.map_err(MoveError::First)?;
        let away = away.map(|found| found.version);
        let since = match self.quiet {
            Some((known, since)) if known == away => since,
            Some(_) | None => running,
        };
        self.quiet = Some((away, since));
        let pass = match &mut self.pass {
            Some(pass) => pass,
            none => match begin(&moving).await? {
                Ok(begun) => none.insert(begun),
                Err(CopyState::Complete) => return self.guard(away, entropy).await,
                Err(state @ (CopyState::Copying | CopyState::Leading | CopyState::GivenUp)) => {
                    return Ok(Advance::Rests(state));
                }
            },
        };
        if pass.stage == Stage::Waiting {
            if running.saturating_sub(since) >= QUIET {
                (pass.stage, pass.quiet) = (Stage::Comparing, away);
            }
            return Ok(Advance::Going(Progress { stage: Stage::Waiting, records: 0 }));
        }
        match pass.step(&moving, now).await? {
            Stepped::Going => Ok(Advance::Going(Progress { stage: pass.stage, records: pass.walk.records })),
            Stepped::SecondLeads => {
                self.pass = None;
                Ok(Advance::Rests(CopyState::Leading))
            }
            // Somebody wrote to the first store alone meanwhile, and this look may have missed it.
            Stepped::Done if pass.quiet != away => {
                self.pass = None;
                Ok(Advance::Going(Progress { stage: Stage::Copying, records: 0 }))
            }
            Stepped::Done => {
                let mark = MovedHere { state: CopyState::Complete, ..pass.mark.mark.clone() };
                let (version, compared) = (pass.mark.version, pass.compared.contents());
                let written =
                    marks::write(&*moving.second, &MovedHere::key(), Some(version), &mark, entropy).await;
                // Whatever came of it: the next pass finds the mark as it is.
                self.pass = None;
                if written.map_err(MoveError::Second)? {
                    return Ok(Advance::Completed(compared));
                }
                Ok(Advance::Going(Progress { stage: Stage::Copying, records: 0 }))
            }
        }
    }
}

impl Copier {
    /// A copy that was complete is not, if somebody objects after all.
    async fn guard(&mut self, away: Option<Version>, entropy: &mut Entropy) -> Result<Advance, MoveError> {
        if *self.complete.get_or_insert(away) == away {
            return Ok(Advance::Rests(CopyState::Complete));
        }
        self.complete = None;
        let second = &*self.moving.second;
        let found = marks::read(second, &MovedHere::key()).await.map_err(MoveError::Second)?;
        if let Some(Found { mark, version }) = found.filter(|found| found.mark.state == CopyState::Complete) {
            let copying = MovedHere { state: CopyState::Copying, ..mark };
            // Unless another was quicker, or took the lead.
            marks::write(second, &MovedHere::key(), Some(version), &copying, entropy)
                .await
                .map_err(MoveError::Second)?;
        }
        Ok(Advance::Going(Progress { stage: Stage::Copying, records: 0 }))
    }
}

/// A new pass, or why none is needed.
async fn begin(moving: &MovingStore) -> Result<Result<Pass, CopyState>, MoveError> {
    // It also makes sure that the mark is there, and is ours.
    if moving.ask_who_leads().await.map_err(MoveError::Second)? {
        return Ok(Err(CopyState::Leading));
    }
    let found = marks::read(&*moving.second, &MovedHere::key()).await.map_err(MoveError::Second)?;
    let Some(mark) = found else { return Ok(Err(CopyState::Copying)) };
    Ok(match mark.mark.state {
        CopyState::Copying => {
            let walk = Walk::default();
            Ok(Pass { mark, stage: Stage::Copying, walk, compared: Reckoning::default(), quiet: None })
        }
        state @ (CopyState::Complete | CopyState::Leading | CopyState::GivenUp) => Err(state),
    })
}

enum Stepped {
    Going,
    SecondLeads,
    Done,
}

impl Pass {
    async fn step(&mut self, moving: &MovingStore, now: Time) -> Result<Stepped, MoveError> {
        let Some(kind) = Kind::ALL.get(self.walk.kinds_done) else {
            self.walk = Walk::default();
            self.stage = match self.stage {
                Stage::Copying | Stage::Waiting => Stage::Waiting,
                Stage::Comparing => Stage::LookingBack,
                Stage::LookingBack => return Ok(Stepped::Done),
            };
            return Ok(Stepped::Going);
        };
        let (under, after) = (Under::Kind(*kind), self.walk.after.as_ref());
        let page = match self.stage {
            Stage::Copying | Stage::Waiting | Stage::Comparing => {
                list(&*moving.first, &under, after, BATCH).await.map_err(MoveError::First)?
            }
            Stage::LookingBack => {
                list(&*moving.second, &under, after, BATCH).await.map_err(MoveError::Second)?
            }
        };
        let stage = self.stage;
        let looks = page.keys.iter().map(|key| Box::pin(look_at(moving, stage, key, now)));
        for (looked, key) in all(looks.collect()).await.into_iter().zip(&page.keys) {
            match looked? {
                Looked::Fine(Some(stored)) if stage == Stage::Comparing => {
                    self.compared.add(key, &stored);
                }
                Looked::Fine(_) => {}
                Looked::SecondLeads => return Ok(Stepped::SecondLeads),
            }
        }
        self.walk.records += u64::try_from(page.keys.len()).unwrap_or(u64::MAX);
        self.walk.after = page.keys.last().cloned();
        if !page.more || self.walk.after.is_none() {
            self.walk.kinds_done += 1;
            self.walk.after = None;
        }
        Ok(Stepped::Going)
    }
}

enum Looked {
    Fine(Option<Stored>),
    SecondLeads,
}

async fn look_at(
    moving: &MovingStore,
    stage: Stage,
    key: &RecordKey,
    now: Time,
) -> Result<Looked, MoveError> {
    if is_mark(key) {
        return Ok(Looked::Fine(None));
    }
    if stage == Stage::Copying {
        return carried(moving, key).await;
    }
    // In the order of `follow`, for the same reasons.
    let second = moving.second.get(key).await.map_err(MoveError::Second)?;
    let (first, leads) = tokio::join!(moving.first.get(key), moving.ask_who_leads());
    if leads.map_err(MoveError::Second)? {
        return Ok(Looked::SecondLeads);
    }
    let first = first.map_err(MoveError::First)?;
    match (first, second) {
        (Some(first), Some(second)) if first == second => Ok(Looked::Fine(Some(second))),
        (Some(first), second) if Some(first.version) == version_of(second.as_ref()) => {
            Err(MoveError::Differs(key.clone()))
        }
        // A write on its way.
        (Some(_), _) => carried(moving, key).await,
        // Purged from `first`, and not yet from `second`.
        (None, Some(second)) if second.keep_until.is_some_and(|until| until < now) => Ok(Looked::Fine(None)),
        (None, Some(_)) => Err(MoveError::Astray(key.clone())),
        (None, None) => Ok(Looked::Fine(None)),
    }
}

async fn carried(moving: &MovingStore, key: &RecordKey) -> Result<Looked, MoveError> {
    let failed = |error: StoreError| MoveError::Second(error);
    Ok(match moving.follow(key).await.map_err(failed)? {
        Followed::Given(stored) => Looked::Fine(stored),
        Followed::SecondLeads => Looked::SecondLeads,
    })
}

/// All of them at once, in one task.
async fn all<F: Future + Unpin>(mut running: Vec<F>) -> Vec<F::Output> {
    let mut ended: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut all_ended = true;
        for (future, place) in running.iter_mut().zip(&mut ended) {
            if place.is_none() {
                match Pin::new(future).poll(context) {
                    Poll::Ready(output) => *place = Some(output),
                    Poll::Pending => all_ended = false,
                }
            }
        }
        if all_ended { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    ended.into_iter().flatten().collect()
}
