//! A world in one thread: stores that take their time, tasks that are polled in an order that a seed decides, and a
//! history of what they did. Equal seeds give equal runs.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use grantor_core::record::{Expect, Put, RecordKey, Stored, Under, Version};
use grantor_core::{Entropy, Time};
use grantor_store::{FaultLayer, Faults, MemoryStore, Page, PutOutcome, Store, StoreError, StoreInfo};
use grantor_testkit::history::{Deed, Event, Told};

/// So many polls of one run mean that it does not end.
const FOR_EVER: usize = 2_000_000;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// What all stores and tasks of a run share.
pub(crate) struct World {
    chance: Mutex<Chance>,
    clock: Mutex<u64>,
    events: Mutex<Vec<Event>>,
    /// How many of a thousand puts are told to be unknown and come later.
    late_per_mille: Mutex<u32>,
    hasty: Mutex<bool>,
    late: Mutex<Vec<(Arc<MemoryStore>, Put)>>,
    pub(crate) counts: Mutex<BTreeMap<&'static str, usize>>,
}

impl World {
    pub(crate) fn new(seed: u64, late_per_mille: u32) -> Arc<Self> {
        Arc::new(Self {
            chance: Mutex::new(Chance(seed)),
            clock: Mutex::new(0),
            events: Mutex::default(),
            late_per_mille: Mutex::new(late_per_mille),
            hasty: Mutex::new(false),
            late: Mutex::default(),
            counts: Mutex::default(),
        })
    }

    /// A number below `bound`.
    pub(crate) fn below(&self, bound: usize) -> usize {
        usize::try_from(locked(&self.chance).next() % bound as u64).unwrap()
    }

    /// With so many chances in a thousand.
    pub(crate) fn hits(&self, per_mille: u32) -> bool {
        self.below(1000) < per_mille as usize
    }

    pub(crate) fn entropy(&self) -> Entropy {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&locked(&self.chance).next().to_be_bytes());
        Entropy::from_seed(seed)
    }

    /// A clock that goes five seconds further whenever it is looked at.
    pub(crate) fn running(&self) -> Duration {
        self.count("looks at the clock");
        Duration::from_secs(5 * self.counted("looks at the clock") as u64)
    }

    pub(crate) fn count(&self, what: &'static str) {
        *locked(&self.counts).entry(what).or_default() += 1;
    }

    pub(crate) fn counted(&self, what: &'static str) -> usize {
        locked(&self.counts).get(what).copied().unwrap_or(0)
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        locked(&self.events).clone()
    }

    fn tick(&self) -> u64 {
        let mut clock = locked(&self.clock);
        *clock += 1;
        *clock
    }

    fn record(&self, key: RecordKey, began: u64, what: Deed) {
        let ended = self.tick();
        locked(&self.events).push(Event { key, began, ended, what });
    }

    /// A get, recorded if it is answered; given up after so many polls.
    pub(crate) async fn get(
        &self,
        store: &dyn Store,
        key: &RecordKey,
        polls: usize,
    ) -> Result<Option<Stored>, StoreError> {
        let began = self.tick();
        let Some(answer) = given_up(store.get(key), polls).await else { return Err(gone()) };
        let stored = answer?;
        if let Some(stored) = &stored {
            assert_eq!(stored.body, stored.version.as_bytes(), "a torn record");
        }
        self.record(key.clone(), began, Deed::Saw(stored.as_ref().map(|stored| stored.version)));
        Ok(stored)
    }

    /// A put of a new version, recorded; whoever gives it up does not know.
    pub(crate) async fn put(
        &self,
        store: &dyn Store,
        key: &RecordKey,
        expect: Expect,
        polls: usize,
    ) -> (Version, Told) {
        let began = self.tick();
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&began.to_be_bytes());
        let version = Version::from_bytes(bytes);
        let put = Put { key: key.clone(), expect, version, body: bytes.to_vec(), keep_until: None };
        let told = match given_up(store.put(put), polls).await {
            Some(PutOutcome::Applied) => Told::Applied,
            Some(PutOutcome::Conflict) => Told::Conflict,
            Some(PutOutcome::NotApplied(_)) => Told::NotApplied,
            Some(PutOutcome::Unknown(_)) | None => Told::Unknown,
        };
        self.record(key.clone(), began, Deed::Wrote { expect, version, told });
        (version, told)
    }

    /// Lands one of the puts that are late.
    pub(crate) async fn land_one(&self) -> bool {
        let (store, put) = {
            let mut late = locked(&self.late);
            if late.is_empty() {
                return false;
            }
            let at = self.below(late.len());
            late.swap_remove(at)
        };
        // Whoever sent it is not told.
        store.put(put).await;
        true
    }

    /// From now on nothing is late, and nothing takes its time.
    pub(crate) fn calm(&self) {
        *locked(&self.late_per_mille) = 0;
        *locked(&self.hasty) = true;
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("given up".to_owned())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// A store whose operations take a few polls before they happen and a few after.
pub(crate) struct Slow {
    world: Arc<World>,
    memory: Arc<MemoryStore>,
    faulty: FaultLayer<Arc<MemoryStore>>,
}

impl Slow {
    pub(crate) fn new(world: &Arc<World>, seed: u64, faults_per_mille: u32) -> (Arc<Self>, Faults) {
        let memory = Arc::new(MemoryStore::new());
        let faulty = FaultLayer::new(Arc::clone(&memory));
        let faults = faulty.faults();
        faults.seeded(seed, faults_per_mille);
        (Arc::new(Self { world: Arc::clone(world), memory, faulty }), faults)
    }

    async fn dawdle(&self) {
        let hasty = *locked(&self.world.hasty);
        let polls = if hasty { 0 } else { self.world.below(3) };
        for _ in 0..polls {
            pause().await;
        }
    }
}

#[async_trait]
impl Store for Slow {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        self.dawdle().await;
        let answer = self.faulty.get(key).await;
        self.dawdle().await;
        answer
    }

    async fn put(&self, put: Put) -> PutOutcome {
        self.dawdle().await;
        let late = *locked(&self.world.late_per_mille);
        if self.world.hits(late) {
            self.world.count("late");
            locked(&self.world.late).push((Arc::clone(&self.memory), put));
            self.dawdle().await;
            return PutOutcome::Unknown(StoreError::TimedOut("on its way".to_owned()));
        }
        let outcome = self.faulty.put(put).await;
        self.dawdle().await;
        outcome
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        self.dawdle().await;
        let page = self.faulty.list(under, after, limit).await;
        self.dawdle().await;
        page
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.faulty.purge(before, limit).await
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        self.faulty.info().await
    }
}

/// Lets the others go first.
pub(crate) async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|_| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        Poll::Pending
    })
    .await;
}

/// What a future came to within so many polls; else it is dropped where it is.
async fn given_up<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = Box::pin(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        left -= 1;
        if left == 0 { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

pub(crate) type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Polls tasks in any order until all have ended; `false` if they do not.
pub(crate) fn run(world: &World, mut tasks: Vec<Task<'_>>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..FOR_EVER {
        if tasks.is_empty() {
            return true;
        }
        let at = world.below(tasks.len());
        // In runs, so that a task is also now and then far ahead of the others.
        let polls = if world.hits(100) { 12 } else { 1 };
        for _ in 0..polls {
            if tasks[at].as_mut().poll(&mut context).is_ready() {
                drop(tasks.swap_remove(at));
                break;
            }
        }
    }
    false
}
