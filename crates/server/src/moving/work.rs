//! What a server does for a move beside its requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use grantor_core::Entropy;
use grantor_engine::{Clock as _, SystemClock};
use grantor_store::{
    Advance, Contents, Copier, CopyState, LeaveState, MoveError, MovingStore, Progress, Stage, Store, object,
};
use tokio::task::JoinHandle;

use super::entropy;
use crate::storage::Storage;

/// The copier rests as long as it works, and at least so long: requests have the stores to themselves half the time.
const LEAST_PAUSE: Duration = Duration::from_millis(1);
/// How often a copier that waits for other servers looks.
const AGAIN: Duration = Duration::from_millis(100);
/// How soon what failed is tried again, and how often a copier that has nothing to do looks whether it has.
const IDLE: Duration = Duration::from_secs(1);
/// How often a server that takes no part in a move says so. A copier waits for some of these.
const OBJECT_EVERY: Duration = Duration::from_millis(500);
/// How often progress is told to the log.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// The task that copies, or, where nothing is moved, that watches whether somebody begins to. It ends with this value.
pub(crate) struct Mover(JoinHandle<()>);

impl Mover {
    pub(crate) fn start(storage: &Storage) -> Self {
        Self(match storage.moving() {
            Some(both) => tokio::spawn(work(Arc::clone(&both.moving))),
            None => tokio::spawn(watch(Arc::clone(&storage.store))),
        })
    }
}

impl Drop for Mover {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Says what the figures mean.
pub(crate) fn describe() {
    metrics::describe_gauge!(
        "grantor_move_state",
        "How far the move to storage.also is: 1 for the state it is in, 0 for the others."
    );
    metrics::describe_gauge!("grantor_move_records", "Records seen in this pass of the move, by its stage.");
    metrics::describe_counter!(
        "grantor_move_failures_total",
        "Steps of the move that failed and were tried again."
    );
}

/// Sees to it that no copy is called complete that may lack what this server writes.
async fn watch(store: Arc<dyn Store>) {
    let mut told = None;
    loop {
        tokio::time::sleep(OBJECT_EVERY).await;
        let Ok(mut entropy) = entropy() else { continue };
        // Where the store fails, requests do, and say so.
        let Ok(found) = object(&*store, &mut entropy).await else { continue };
        let state = found.map(|mark| mark.state);
        if state == told {
            continue;
        }
        told = state;
        match state {
            Some(LeaveState::Moving) => tracing::warn!(
                "this store is being moved, and this server takes no part: the move waits until it is started anew with \
                 storage.also, or stopped"
            ),
            Some(LeaveState::Moved) => {
                tracing::error!(
                    "this store was moved: what this server says is old, and what it is told is lost; stop it"
                );
            }
            Some(LeaveState::GivenUp) | None => {}
        }
    }
}

async fn work(moving: Arc<MovingStore>) {
    let mut copier = Copier::new(Arc::clone(&moving));
    let mut told = Told::default();
    let running = Instant::now();
    loop {
        let begun = Instant::now();
        let Ok(mut entropy) = entropy() else {
            tokio::time::sleep(IDLE).await;
            continue;
        };
        let pause = match copier.step(SystemClock.now(), running.elapsed(), &mut entropy).await {
            Ok(Advance::Going(progress)) => {
                told.going(progress);
                if progress.stage == Stage::Waiting { AGAIN } else { begun.elapsed().max(LEAST_PAUSE) }
            }
            Ok(Advance::Completed(compared)) => {
                told.completed(&compared);
                IDLE
            }
            Ok(Advance::Rests(CopyState::Leading)) => {
                told.state(CopyState::Leading);
                return leave_word(&moving, entropy).await;
            }
            Ok(Advance::Rests(state @ (CopyState::Copying | CopyState::Complete | CopyState::GivenUp))) => {
                told.state(state);
                IDLE
            }
            Err(error) => {
                told.failed(&error);
                IDLE
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Tells those who know of no move, in the store that was left. It may be gone already, and then nobody need be told.
async fn leave_word(moving: &MovingStore, mut entropy: Entropy) {
    tracing::info!(
        "the other store leads: this server serves from there; make it storage.url, and remove storage.also"
    );
    while let Err(error) = moving.leave_word(&mut entropy).await {
        tracing::debug!(%error, "the store that was left cannot be told");
        tokio::time::sleep(TELL_EVERY).await;
    }
}

/// What was told, so that nothing is told over and over.
#[derive(Default)]
struct Told {
    state: Option<CopyState>,
    progress: Option<Instant>,
    failing: bool,
}

impl Told {
    fn going(&mut self, progress: Progress) {
        self.works();
        self.state(CopyState::Copying);
        let stage = progress.stage.as_str();
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        metrics::gauge!("grantor_move_records", "stage" => stage).set(progress.records as f64);
        if self.progress.is_none_or(|last| last.elapsed() >= TELL_EVERY) {
            self.progress = Some(Instant::now());
            tracing::info!(stage, records = progress.records, "moving");
        }
    }

    fn completed(&mut self, compared: &Contents) {
        self.works();
        self.state(CopyState::Complete);
        tracing::info!(%compared, "the copy is complete; start servers with storage.also's store as storage.url");
    }

    fn state(&mut self, state: CopyState) {
        if self.state == Some(state) {
            return;
        }
        self.state = Some(state);
        for each in [CopyState::Copying, CopyState::Complete, CopyState::Leading, CopyState::GivenUp] {
            let value = if each == state { 1.0 } else { 0.0 };
            metrics::gauge!("grantor_move_state", "state" => each.as_str()).set(value);
        }
        match state {
            CopyState::GivenUp => {
                tracing::warn!("the move was given up; remove storage.also and start again")
            }
            CopyState::Copying | CopyState::Complete | CopyState::Leading => {
                tracing::info!(%state, "the move to storage.also");
            }
        }
    }

    fn failed(&mut self, error: &MoveError) {
        metrics::counter!("grantor_move_failures_total").increment(1);
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(%error, "the move does not get on; it is tried again every second");
        }
    }

    fn works(&mut self) {
        if std::mem::take(&mut self.failing) {
            tracing::info!("the move gets on again");
        }
    }
}
