//! Password hashing: slow on purpose, bounded in memory, off the async runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use grantor_core::Secret;
use tokio::sync::Semaphore;

use crate::error::DirectoryError;
use crate::records::entropy;

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

/// Why a text cannot become a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// There is nothing.
    #[error("a password must not be empty")]
    Empty,
    /// It is longer than `max` bytes. It is refused, since cutting it would let a wrong password in.
    #[error("a password has at most {max} bytes")]
    TooLong {
        /// The bound.
        max: usize,
    },
}

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) matches: bool,
    /// The stored hash was made at another cost than today's.
    pub(crate) outdated: bool,
}

pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    /// A hash in today's format that no password has.
    decoy: String,
    permits: Arc<Semaphore>,
    computed: AtomicU64,
    max_bytes: usize,
}

impl Passwords {
    pub(crate) fn new(cost: HashCost, parallel: usize, max_bytes: usize) -> Result<Self, InvalidHashCost> {
        let params =
            Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|_| InvalidHashCost)?;
        if !(1..=Semaphore::MAX_PERMITS).contains(&parallel) {
            return Err(InvalidHashCost);
        }
        Ok(Self {
            decoy: decoy(&params).map_err(|_| InvalidHashCost)?,
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            permits: Arc::new(Semaphore::new(parallel)),
            computed: AtomicU64::new(0),
            max_bytes,
        })
    }

    /// Whether a text may become a password, or be compared with one. Costs no hash.
    pub(crate) fn check(&self, password: &Secret) -> Result<(), InvalidPassword> {
        match password.expose().len() {
            0 => Err(InvalidPassword::Empty),
            n if n > self.max_bytes => Err(InvalidPassword::TooLong { max: self.max_bytes }),
            _ => Ok(()),
        }
    }

    pub(crate) async fn hash(&self, password: &Secret) -> Result<String, DirectoryError> {
        let salt = entropy()?.draw_half();
        let password = password.clone();
        self.run(move |argon2| {
            let hash = argon2.hash_password_with_salt(password.expose().as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(fault)
        })
        .await
    }

    /// Compares with a stored hash. Where there is none the same work is done and nothing matches, so that time does
    /// not tell who exists.
    pub(crate) async fn verify(
        &self,
        password: &Secret,
        against: Option<&str>,
    ) -> Result<Verified, DirectoryError> {
        let phc = against.unwrap_or(&self.decoy).to_owned();
        let password = password.clone();
        self.run(move |argon2| {
            // Without salt or output argon2 would call every password wrong, which is an answer.
            let hash = PasswordHash::new(&phc).ok().filter(|hash| hash.salt.is_some() && hash.hash.is_some());
            let hash = hash.ok_or_else(|| fault(HashError::EncodingInvalid))?;
            let matches = match argon2.verify_password(password.expose().as_bytes(), &hash) {
                Ok(()) => true,
                Err(HashError::PasswordInvalid) => false,
                Err(other) => return Err(fault(other)),
            };
            let today = ParamsString::try_from(argon2.params()).map_err(fault)?;
            let outdated = hash.algorithm != ARGON2ID_IDENT
                || hash.version != Some(Version::V0x13.into())
                || hash.params != today;
            Ok(Verified { matches, outdated })
        })
        .await
    }

    /// Hashes computed so far.
    pub(crate) fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> Result<T, DirectoryError> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let stopped = || DirectoryError::Hashing("the hash was abandoned".to_owned());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| stopped())?;
        let argon2 = self.argon2.clone();
        self.computed.fetch_add(1, Ordering::Relaxed);
        // The permit goes along: a caller who hangs up frees it only when the memory is free as well.
        let hashing = tokio::task::spawn_blocking(move || {
            let done = work(&argon2);
            drop(permit);
            done
        });
        hashing.await.map_err(|_| stopped())?
    }
}

fn decoy(params: &Params) -> Result<String, HashError> {
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(Salt::new(&[0; 16])?),
        hash: Some(Output::new(&[0; Params::DEFAULT_OUTPUT_LEN])?),
    };
    Ok(hash.to_string())
}

fn fault(error: HashError) -> DirectoryError {
    DirectoryError::Hashing(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    const CHEAP: HashCost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };

    #[tokio::test]
    async fn a_hash_says_how_it_was_made_and_knows_its_password() {
        let passwords = Passwords::new(HashCost::default(), 1, 1024).unwrap();
        let secret = Secret::new("correct horse");
        let hash = passwords.hash(&secret).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash(&secret).await.unwrap(), "a salt was used twice");
        let right = passwords.verify(&secret, Some(&hash)).await.unwrap();
        assert_eq!(right, Verified { matches: true, outdated: false });
        assert!(!passwords.verify(&Secret::new("correct horsf"), Some(&hash)).await.unwrap().matches);

        let cheaper = Passwords::new(CHEAP, 1, 1024).unwrap();
        let right = cheaper.verify(&secret, Some(&hash)).await.unwrap();
        assert_eq!(right, Verified { matches: true, outdated: true });
    }

    #[tokio::test]
    async fn the_decoy_costs_what_a_real_hash_costs_and_matches_nothing() {
        let passwords = Passwords::new(HashCost::default(), 1, 1024).unwrap();
        let real = passwords.hash(&Secret::new("x")).await.unwrap();
        let cost = |phc: &str| phc.rsplitn(3, '$').last().map(str::to_owned);
        assert_eq!(cost(&passwords.decoy), cost(&real));
        assert_eq!(passwords.decoy.len(), real.len());
        let before = passwords.computed();
        let verified = passwords.verify(&Secret::new("x"), None).await.unwrap();
        assert_eq!((verified.matches, passwords.computed() - before), (false, 1));
    }

    #[tokio::test]
    async fn a_stored_hash_that_is_none_is_a_fault_and_not_a_wrong_password() {
        let passwords = Passwords::new(CHEAP, 1, 1024).unwrap();
        for broken in ["", "plain", "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(passwords.verify(&Secret::new("plain"), Some(broken)).await.is_err(), "{broken}");
        }
    }

    #[tokio::test]
    async fn no_more_hashes_run_at_once_than_allowed() {
        let passwords = Passwords::new(CHEAP, 2, 1024).unwrap();
        let held = Arc::clone(&passwords.permits).acquire_many_owned(2).await.unwrap();
        let secret = Secret::new("x");
        let mut waiting = pin!(passwords.verify(&secret, None));
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(waiting.as_mut().poll(&mut context), Poll::Pending));
        assert_eq!(passwords.computed(), 0, "a hash began without a permit");
        drop(held);
        waiting.await.unwrap();
        assert_eq!(passwords.computed(), 1);
        assert_eq!(passwords.permits.available_permits(), 2);
    }

    #[test]
    fn impossible_costs_are_refused() {
        assert!(Passwords::new(HashCost { memory_kib: 7, ..CHEAP }, 1, 1024).is_err());
        assert!(Passwords::new(HashCost { passes: 0, ..CHEAP }, 1, 1024).is_err());
        assert!(Passwords::new(HashCost { lanes: 0, ..CHEAP }, 1, 1024).is_err());
        assert!(Passwords::new(CHEAP, 0, 1024).is_err());
    }
}
