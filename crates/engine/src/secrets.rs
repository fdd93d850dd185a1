//! Slow hashes of secrets that somebody else chose.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use grantor_core::{Secret, SecretHash};
use grantor_slowhash::{HashCost, InvalidHashCost, SlowHash};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::Fault;

/// Secrets shorter than this may have been thought up by a person, and are hashed slowly.
const STRONG_LENGTH: usize = 32;
/// More slow hashes at a time would only wait for each other.
const AT_ONCE: usize = 2;
/// How many proven secrets are remembered.
const REMEMBERED: usize = 10_000;

/// Checks secrets against argon2id hashes, and remembers what it proved.
///
/// A client authenticates with every request, so after the first success its secret is held against a keyed SHA-256 that
/// lives in this process only. From then on a wrong secret costs no slow hash either, so nobody can tell by the time.
pub(crate) struct SlowSecrets {
    key: [u8; 32],
    /// From a tag of the slow hash to a tag of the secret that matched it.
    proven: Mutex<HashMap<[u8; 32], [u8; 32]>>,
    hashes: SlowHash,
}

impl SlowSecrets {
    pub(crate) fn new() -> Result<Self, InvalidHashCost> {
        let hashes = SlowHash::new(HashCost::default(), AT_ONCE)?;
        Ok(Self { key: rand::random(), proven: Mutex::new(HashMap::new()), hashes })
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.key);
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// Whether the secret matches one of the hashes. Costs one slow hash for each that was not matched before.
    pub(crate) async fn matches(&self, presented: &Secret, hashes: &[String]) -> Result<bool, Fault> {
        let mut unproven = Vec::new();
        for phc in hashes {
            let known = self
                .proven
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&self.tag(&[phc.as_bytes()]))
                .copied();
            match known {
                Some(right) => {
                    let tag = self.tag(&[phc.as_bytes(), presented.expose().as_bytes()]);
                    if bool::from(right.ct_eq(&tag)) {
                        return Ok(true);
                    }
                }
                None => unproven.push(phc),
            }
        }
        for phc in unproven {
            if self.hashes.verify(presented, phc).await?.matches {
                let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
                if proven.len() >= REMEMBERED {
                    proven.clear();
                }
                let tag = self.tag(&[phc.as_bytes(), presented.expose().as_bytes()]);
                proven.insert(self.tag(&[phc.as_bytes()]), tag);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What to keep of a secret that somebody else chose.
    pub(crate) async fn hash(&self, secret: &Secret) -> Result<SecretHash, Fault> {
        if secret.expose().len() >= STRONG_LENGTH {
            return Ok(SecretHash::of_strong(secret));
        }
        Ok(SecretHash::Argon2id(self.hashes.hash(secret, rand::random()).await?))
    }
}
