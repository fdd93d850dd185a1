//! **Invariant: a token verifies only if a key of this deployment signed exactly these bytes, with that key's own
//! algorithm, for the very purpose it is presented for.** Nothing in a token chooses how it is checked: not the
//! algorithm, not the key, not where a key is to be had.
//!
//! This room holds signing keys, their rotation, and compact JWS. Nobody else sees a JOSE or cryptographic library. It
//! has no clock (`now` is an argument), no store (a [`KeySet`] is a record that the engine keeps) and no `async`. It
//! does not know what a claim means: `iss`, `aud` and `exp` are the core's.
//!
//! # From a key's birth to its end
//! 1. [`KeySet::generate`] makes the first key and [`Sealer`] seals it. The engine puts the set under [`KeySet::key`],
//!    expecting nothing there, so that two first starts make one set.
//! 2. [`KeyRing::open`] unseals and parses every key, once per load. [`KeyRing::sign`] and [`KeyRing::verify`] then
//!    parse no key again.
//! 3. [`KeySet::rotate`] adds a key that is published before it signs, and gives the old one an end. No process needs
//!    to be told: all of it is in the record, by time.
//! 4. [`KeySet::prune`] drops what is past; [`KeySet::retire`] takes a key out before its time.
//!
//! ```
//! use grantor_core::{Lifetime, ServerKey, Time};
//! use grantor_jose::{Algorithm, KeyRing, KeySet, Sealer};
//!
//! let sealer = Sealer::new(&ServerKey::from_bytes([7; 32]))?;
//! let start = Time::from_unix_millis(1_700_000_000_000);
//! let (ahead, keep) = (Lifetime::seconds(600), Lifetime::seconds(3600));
//!
//! let first = KeySet::generate(Algorithm::Es256, &sealer, start)?;
//! let old = KeyRing::open(&first, &sealer)?.sign("at+jwt", &serde_json::json!({"sub": "a"}), start)?;
//!
//! let ring = KeyRing::open(&first.rotate(Algorithm::Es256, &sealer, start, ahead, keep)?, &sealer)?;
//! assert_eq!(ring.jwks(start).keys.len(), 2);
//! assert!(ring.verify(&old, "at+jwt", start + keep).is_ok());
//! # Ok::<(), grantor_jose::KeyError>(())
//! ```
//!
//! # What the seal guards
//! Whoever can read the store has no private key. Whoever can write it can take keys away, bring back an older set, or
//! change when keys sign and retire, but cannot have one of his own published or signed with: a ring opens only keys
//! sealed under the server key, and their public halves must be the ones beside them.

mod algorithm;
mod bounds;
mod error;
mod json;
mod jws;
mod key_ring;
mod key_set;
mod private_key;
mod public_key;
mod seal;
mod seal_text;
mod shared_key;

#[cfg(test)]
mod rfc_vectors;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use error::{KeyError, VerifyError};
pub use json::{StrictJsonError, strict_json};
pub use key_ring::KeyRing;
pub use key_set::{Epoch, KeySet, KeyState, KeyStatus};
pub use public_key::{Ed25519, Jwk, Jwks, P256, PublicKey, Signature};
pub use seal::Sealer;
pub use seal_text::SecretSealer;
pub use shared_key::SharedKey;
