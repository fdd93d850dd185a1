//! **Invariant: however many ask, no more hashes are computed at once than was said, in no more memory than that takes.**
//!
//! What people choose as a secret can be guessed, so it is hashed by argon2id, which is slow and takes much memory on purpose.
//! That makes it dear to whoever guesses, and a danger to the server: 19 MiB for each login, allocated and given back by
//! many threads, stay with the process many times over. Here the memory is taken once for each hash that may run at a
//! time, when it is first needed, and used again.
//!
//! A hash takes longer than a thousand requests for tokens. So that these do not wait for it where processors are few, it is
//! computed on a thread that gives way to all others of the process: on Linux, where one thread can.
//!
//! Hashes are strings in the PHC format, which say how they were made.
//!
//! ```
//! use grantor_core::Secret;
//! use grantor_slowhash::{HashCost, SlowHash};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let hashes = SlowHash::new(HashCost::default(), 2)?;
//! let kept = hashes.hash(&Secret::new("correct horse"), [7; 16]).await?;
//! assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
//! assert!(hashes.verify(&Secret::new("correct horse"), &kept).await?.matches);
//! assert!(!hashes.verify(&Secret::new("correct house"), &kept).await?.matches);
//! # Ok(()) }
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use grantor_core::Secret;
use subtle::ConstantTimeEq as _;
use tokio::sync::{Semaphore, oneshot};

/// What one argon2id hash costs. The default is what OWASP names as the least for logins: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Lanes, computed one after another.
    pub lanes: u32,
}

impl Default for HashCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// A cost that argon2 does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "argon2id cannot hash at this cost: at least one pass, one lane and 8 KiB per lane are needed, and one hash at a time"
)]
pub struct InvalidHashCost;

/// A hash that could not be computed: the kept one is none, or there is no thread for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a slow hash could not be computed: {0}")]
pub struct HashFault(String);

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// It is the secret that was hashed.
    pub matches: bool,
    /// The kept hash was made at another cost than today's.
    pub outdated: bool,
}

/// Computes slow hashes, a bounded number at a time, each on a thread of its own. Cloning it is cheap; all clones share the
/// bound.
#[derive(Clone)]
pub struct SlowHash(Arc<Inner>);

struct Inner {
    params: Params,
    /// A hash in today's format that no secret has.
    decoy: String,
    permits: Arc<Semaphore>,
    /// Memory of hashes that were computed, for those to come: no more pieces than there are permits.
    memory: Mutex<Vec<Vec<Block>>>,
    computed: AtomicU64,
}

impl SlowHash {
    /// No more than `at_once` hashes at a time, new ones at this cost.
    ///
    /// # Errors
    /// [`InvalidHashCost`].
    pub fn new(cost: HashCost, at_once: usize) -> Result<Self, InvalidHashCost> {
        let params =
            Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|_| InvalidHashCost)?;
        if !(1..=Semaphore::MAX_PERMITS).contains(&at_once) {
            return Err(InvalidHashCost);
        }
        Ok(Self(Arc::new(Inner {
            decoy: phc(&params, &[0; 16], &[0; Params::DEFAULT_OUTPUT_LEN]).map_err(|_| InvalidHashCost)?,
            params,
            permits: Arc::new(Semaphore::new(at_once)),
            memory: Mutex::default(),
            computed: AtomicU64::new(0),
        })))
    }

    /// A secret's hash. `salt` must be random. Costs one hash.
    ///
    /// # Errors
    /// [`HashFault`].
    pub async fn hash(&self, secret: &Secret, salt: [u8; 16]) -> Result<String, HashFault> {
        let (inner, secret) = (Arc::clone(&self.0), secret.clone());
        self.run(move || {
            let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, inner.params.clone());
            inner.fill(&argon2, &secret, &salt, &mut output)?;
            phc(&inner.params, &salt, &output)
        })
        .await
    }

    /// Compares a secret with a kept hash. Costs one hash, at the cost that the kept one was made at.
    ///
    /// # Errors
    /// [`HashFault`], also where what was kept is no hash: a wrong secret is an answer, and that is none.
    pub async fn verify(&self, secret: &Secret, kept: &str) -> Result<Verified, HashFault> {
        let (inner, secret, kept) = (Arc::clone(&self.0), secret.clone(), kept.to_owned());
        self.run(move || {
            let kept = PasswordHash::new(&kept).map_err(fault)?;
            let (Some(salt), Some(expected)) = (&kept.salt, &kept.hash) else {
                return Err(fault("what was kept has no salt or no hash"));
            };
            let algorithm = Algorithm::try_from(kept.algorithm.as_str()).map_err(fault)?;
            // What does not say its version is of the first one with which argon2id came.
            let version = kept.version.map_or(Ok(Version::V0x13), Version::try_from).map_err(fault)?;
            let argon2 = Argon2::new(algorithm, version, Params::try_from(&kept).map_err(fault)?);
            let mut output = vec![0; expected.len()];
            inner.fill(&argon2, &secret, salt.as_ref(), &mut output)?;
            let today = ParamsString::try_from(&inner.params).map_err(fault)?;
            let outdated = kept.algorithm != ARGON2ID_IDENT
                || kept.version != Some(Version::V0x13.into())
                || kept.params != today;
            Ok(Verified { matches: output.ct_eq(expected.as_bytes()).into(), outdated })
        })
        .await
    }

    /// A hash in today's format that no secret has: to compare with where nothing was kept, so that time does not tell.
    pub fn decoy(&self) -> &str {
        &self.0.decoy
    }

    /// Hashes begun so far.
    pub fn computed(&self) -> u64 {
        self.0.computed.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashFault> + Send + 'static,
    ) -> Result<T, HashFault> {
        let stopped = || HashFault("it was abandoned".to_owned());
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(|_| stopped())?;
        self.0.computed.fetch_add(1, Ordering::Relaxed);
        let (answer, done) = oneshot::channel();
        // The permit goes along: a caller who hangs up frees it only when the memory is free as well. A thread that has given
        // way may not take that back, so it cannot be one of the runtime's; to begin one takes microseconds.
        let hashing = move || {
            give_way();
            let done = work();
            drop(permit);
            // Whoever asked may be gone.
            let _unheard = answer.send(done);
        };
        std::thread::Builder::new().name("grantor-hash".to_owned()).spawn(hashing).map_err(fault)?;
        done.await.map_err(|_| stopped())?
    }
}

/// How far a hash stands back: a request that is to be answered has ten times its share of a processor that both want.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lets every other thread go first, from now on.
#[cfg(target_os = "linux")]
fn give_way() {
    // Where that is forbidden, it is a thread like any other.
    let _tried = rustix::process::nice(NICENESS);
}

/// Elsewhere it would be the whole process that gives way.
#[cfg(not(target_os = "linux"))]
fn give_way() {}

impl Inner {
    fn fill(
        &self,
        argon2: &Argon2<'_>,
        secret: &Secret,
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), HashFault> {
        let mut blocks = self.memory().pop().unwrap_or_default();
        // What another hash left there is written over before it is read.
        blocks.resize(argon2.params().block_count(), Block::new());
        let done = argon2.hash_password_into_with_memory(
            secret.expose().as_bytes(),
            salt,
            output,
            blocks.as_mut_slice(),
        );
        // A kept hash may say that it takes more than ours do. That is not held on to.
        if blocks.capacity() <= self.params.block_count() {
            self.memory().push(blocks);
        }
        done.map_err(fault)
    }

    /// A list that single operations change is whole, whatever panicked.
    fn memory(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn phc(params: &Params, salt: &[u8; 16], output: &[u8]) -> Result<String, HashFault> {
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(fault)?,
        salt: Some(Salt::new(salt).map_err(fault)?),
        hash: Some(Output::new(output).map_err(fault)?),
    };
    Ok(hash.to_string())
}

fn fault(why: impl std::fmt::Display) -> HashFault {
    HashFault(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    const CHEAP: HashCost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };

    fn secret() -> Secret {
        Secret::new("correct horse")
    }

    #[tokio::test]
    async fn a_hash_is_argon2s_own_and_argon2_knows_it() {
        let hashes = SlowHash::new(HashCost::default(), 1).unwrap();
        let ours = hashes.hash(&secret(), [7; 16]).await.unwrap();
        let theirs = Argon2::default().hash_password_with_salt(b"correct horse", &[7; 16]).unwrap();
        assert_eq!(ours, theirs.to_string());
        let read = PasswordHash::new(&ours).unwrap();
        Argon2::default().verify_password(b"correct horse", &read).unwrap();
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_known_and_outdated() {
        let (dear, cheap) =
            (SlowHash::new(HashCost::default(), 1).unwrap(), SlowHash::new(CHEAP, 1).unwrap());
        let kept = dear.hash(&secret(), [7; 16]).await.unwrap();
        let verified = dear.verify(&secret(), &kept).await.unwrap();
        assert_eq!(verified, Verified { matches: true, outdated: false });
        let verified = cheap.verify(&secret(), &kept).await.unwrap();
        assert_eq!(verified, Verified { matches: true, outdated: true });
        let wrong = cheap.verify(&Secret::new("correct horsf"), &kept).await.unwrap();
        assert_eq!(wrong, Verified { matches: false, outdated: true });
        // Its memory was more than our own hashes take.
        assert!(cheap.0.memory().is_empty());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_hash_gives_way_to_all_else() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let hashes = SlowHash::new(CHEAP, 1).unwrap();
        let there = hashes.run(move || Ok(niceness())).await.unwrap();
        assert_eq!(there, (niceness() + NICENESS).min(19));
    }

    #[tokio::test]
    async fn a_hash_in_memory_that_was_used_is_the_same() {
        let hashes = SlowHash::new(HashCost { passes: 2, ..CHEAP }, 1).unwrap();
        let first = hashes.hash(&secret(), [7; 16]).await.unwrap();
        hashes.hash(&Secret::new("another"), [8; 16]).await.unwrap();
        assert_eq!(hashes.hash(&secret(), [7; 16]).await.unwrap(), first);
        assert_eq!(hashes.0.memory().len(), 1);
    }

    #[tokio::test]
    async fn the_decoy_costs_what_a_real_hash_costs_and_matches_nothing() {
        let hashes = SlowHash::new(HashCost::default(), 1).unwrap();
        let real = hashes.hash(&Secret::new("x"), [7; 16]).await.unwrap();
        let cost = |phc: &str| phc.rsplitn(3, '$').last().map(str::to_owned);
        assert_eq!(cost(hashes.decoy()), cost(&real));
        assert_eq!(hashes.decoy().len(), real.len());
        assert!(!hashes.verify(&Secret::new("x"), hashes.decoy()).await.unwrap().matches);
    }

    #[tokio::test]
    async fn what_is_no_hash_is_a_fault_and_not_a_wrong_secret() {
        let hashes = SlowHash::new(CHEAP, 1).unwrap();
        let kinds = [
            "",
            "plain",
            "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=1$AAAAAAAA$AAAAAAAA",
        ];
        for broken in kinds {
            assert!(hashes.verify(&Secret::new("plain"), broken).await.is_err(), "{broken}");
        }
    }

    #[tokio::test]
    async fn no_more_hashes_run_at_once_than_allowed() {
        let hashes = SlowHash::new(CHEAP, 2).unwrap();
        let held = Arc::clone(&hashes.0.permits).acquire_many_owned(2).await.unwrap();
        let (x, decoy) = (Secret::new("x"), hashes.decoy().to_owned());
        let mut waiting = pin!(hashes.verify(&x, &decoy));
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(waiting.as_mut().poll(&mut context), Poll::Pending));
        assert_eq!(hashes.computed(), 0, "a hash began without a permit");
        drop(held);
        waiting.await.unwrap();
        assert_eq!(hashes.computed(), 1);
        assert_eq!(hashes.0.permits.available_permits(), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_crowd_takes_the_memory_of_those_who_may_hash_at_once() {
        let hashes = SlowHash::new(CHEAP, 2).unwrap();
        let decoy: Arc<str> = hashes.decoy().into();
        let crowd: Vec<_> = (0..64)
            .map(|_| {
                let (hashes, decoy) = (hashes.clone(), decoy.clone());
                tokio::spawn(async move { hashes.verify(&Secret::new("x"), &decoy).await.unwrap() })
            })
            .collect();
        for one in crowd {
            one.await.unwrap();
        }
        assert!((1..=2).contains(&hashes.0.memory().len()));
    }

    #[test]
    fn impossible_costs_are_refused() {
        assert!(SlowHash::new(HashCost { memory_kib: 7, ..CHEAP }, 1).is_err());
        assert!(SlowHash::new(HashCost { passes: 0, ..CHEAP }, 1).is_err());
        assert!(SlowHash::new(HashCost { lanes: 0, ..CHEAP }, 1).is_err());
        assert!(SlowHash::new(CHEAP, 0).is_err());
    }
}
