//! A store that fails on demand, to test what stands on one.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Put, RecordKey, Stored, Under};

use crate::contract::{Page, PutOutcome, Store, StoreError, StoreInfo};

/// How an operation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It is refused before anything happens: `Unavailable`, and for a put `NotApplied`.
    Refuse,
    /// It reaches the store and its answer is lost: `TimedOut`, and for a put `Unknown`, though it may stand.
    LoseAnswer,
    /// It never reaches the store and nobody can tell: `TimedOut`, and for a put `Unknown`, though it never stands.
    LoseRequest,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Fault; 3] = [Fault::Refuse, Fault::LoseAnswer, Fault::LoseRequest];
}

/// An operation about to happen, for whoever decides its fate.
#[derive(Debug, Clone, Copy)]
pub enum Operation<'a> {
    /// A read of a key.
    Get(&'a RecordKey),
    /// A write.
    Put(&'a Put),
    /// A list.
    List(&'a Under),
    /// A purge.
    Purge,
    /// A question to the store about itself.
    Info,
}

type Plan = Box<dyn FnMut(Operation<'_>) -> Option<Fault> + Send>;

struct State {
    plan: Plan,
    injected: u64,
}

/// The switch of a [`FaultLayer`]: what goes wrong from now on. Clones switch the same layer.
#[derive(Clone)]
pub struct Faults(Arc<Mutex<State>>);

impl Faults {
    /// Nothing goes wrong any more.
    pub fn none(&self) {
        self.decide(|_| None);
    }

    /// Every operation goes wrong in this way.
    pub fn always(&self, fault: Fault) {
        self.decide(move |_| Some(fault));
    }

    /// The next puts fare as listed, one entry each, `None` for one that succeeds; those after them, and all else, succeed.
    pub fn script_puts(&self, script: impl IntoIterator<Item = Option<Fault>>) {
        let mut script: VecDeque<_> = script.into_iter().collect();
        self.decide(move |operation| {
            matches!(operation, Operation::Put(_)).then(|| script.pop_front()).flatten().flatten()
        });
    }

    /// The next reads of a key fare as listed, as in [`Faults::script_puts`].
    pub fn script_gets(&self, script: impl IntoIterator<Item = Option<Fault>>) {
        let mut script: VecDeque<_> = script.into_iter().collect();
        self.decide(move |operation| {
            matches!(operation, Operation::Get(_)).then(|| script.pop_front()).flatten().flatten()
        });
    }

    /// Of a thousand operations about `per_mille` go wrong, in any way. Equal seeds give equal sequences of faults.
    pub fn seeded(&self, seed: u64, per_mille: u32) {
        let mut state = seed;
        self.decide(move |_| {
            let draw = split_mix(&mut state);
            let hit = draw % 1000 < u64::from(per_mille);
            let [refuse, lose_answer, lose_request] = Fault::ALL;
            hit.then_some(match (draw >> 32) % 3 {
                0 => refuse,
                1 => lose_answer,
                _ => lose_request,
            })
        });
    }

    /// `plan` is asked before each operation. It is called under a lock and must not use the layer.
    pub fn decide(&self, plan: impl FnMut(Operation<'_>) -> Option<Fault> + Send + 'static) {
        self.lock().plan = Box::new(plan);
    }

    /// How many operations went wrong so far. A test that counts on faults checks that there were some.
    pub fn injected(&self) -> u64 {
        self.lock().injected
    }

    fn next(&self, operation: Operation<'_>) -> Option<Fault> {
        let mut state = self.lock();
        let fault = (state.plan)(operation);
        state.injected += u64::from(fault.is_some());
        fault
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("injected", &self.injected()).finish_non_exhaustive()
    }
}

/// SplitMix64: a whole generator in four lines, so that a seed means the same for ever.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A store whose operations fail as its [`Faults`] say, each within the [`Store`] contract.
///
/// ```
/// use grantor_core::record::{Kind, RecordKey};
/// use grantor_store::{Fault, FaultLayer, MemoryStore, Store, StoreError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = FaultLayer::new(MemoryStore::new());
/// let faults = store.faults();
/// let key = RecordKey::new(Kind::Client, "web", None);
///
/// faults.script_gets([None, Some(Fault::LoseAnswer)]);
/// assert!(store.get(&key).await.is_ok());
/// assert!(matches!(store.get(&key).await, Err(StoreError::TimedOut(_))));
/// assert!(store.get(&key).await.is_ok());
/// assert_eq!(faults.injected(), 1);
/// # }
/// ```
#[derive(Debug)]
pub struct FaultLayer<S> {
    inner: S,
    faults: Faults,
}

impl<S: Store> FaultLayer<S> {
    /// `inner`, faultless until told otherwise.
    pub fn new(inner: S) -> Self {
        let state = State { plan: Box::new(|_| None), injected: 0 };
        Self { inner, faults: Faults(Arc::new(Mutex::new(state))) }
    }

    /// The layer's switch.
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    async fn ask<T: Send>(
        &self,
        operation: Operation<'_>,
        question: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        match self.faults.next(operation) {
            None => question.await,
            Some(Fault::Refuse) => Err(refused()),
            Some(Fault::LoseRequest) => Err(lost()),
            Some(Fault::LoseAnswer) => {
                // What came back is exactly what this fault loses.
                let _lost = question.await;
                Err(lost())
            }
        }
    }
}

fn refused() -> StoreError {
    StoreError::Unavailable("an injected fault".to_owned())
}

fn lost() -> StoreError {
    StoreError::TimedOut("an injected fault".to_owned())
}

#[async_trait]
impl<S: Store> Store for FaultLayer<S> {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.ask(Operation::Get(key), self.inner.get(key)).await
    }

    async fn put(&self, put: Put) -> PutOutcome {
        match self.faults.next(Operation::Put(&put)) {
            None => self.inner.put(put).await,
            Some(Fault::Refuse) => PutOutcome::NotApplied(refused()),
            Some(Fault::LoseRequest) => PutOutcome::Unknown(lost()),
            Some(Fault::LoseAnswer) => {
                // What came back is exactly what this fault loses.
                let _lost = self.inner.put(put).await;
                PutOutcome::Unknown(lost())
            }
        }
    }

    /// Each has its own fate, and that of the first is decided first.
    async fn put_after(&self, first: Vec<Put>, put: Put) -> PutOutcome {
        let mut stand = Vec::new();
        for one in first {
            let error = match self.faults.next(Operation::Put(&one)) {
                None => {
                    stand.push(one);
                    continue;
                }
                Some(Fault::Refuse) => refused(),
                Some(Fault::LoseRequest) => lost(),
                Some(Fault::LoseAnswer) => {
                    stand.push(one);
                    lost()
                }
            };
            for one in stand {
                let _whatever = self.inner.put(one).await;
            }
            return PutOutcome::NotApplied(error);
        }
        let fault = self.faults.next(Operation::Put(&put));
        match fault {
            None => self.inner.put_after(stand, put).await,
            Some(Fault::LoseAnswer) => {
                // What came back is exactly what this fault loses.
                let _lost = self.inner.put_after(stand, put).await;
                PutOutcome::Unknown(lost())
            }
            Some(Fault::Refuse | Fault::LoseRequest) => {
                for one in stand {
                    let _whatever = self.inner.put(one).await;
                }
                if fault == Some(Fault::Refuse) {
                    PutOutcome::NotApplied(refused())
                } else {
                    PutOutcome::Unknown(lost())
                }
            }
        }
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        self.ask(Operation::List(under), self.inner.list(under, after, limit)).await
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.ask(Operation::Purge, self.inner.purge(before, limit)).await
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        self.ask(Operation::Info, self.inner.info()).await
    }
}
