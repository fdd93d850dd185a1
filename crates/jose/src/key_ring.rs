//! The keys of a set, opened and parsed, and what is done with them.

use grantor_core::Time;
use serde::Serialize;

use crate::jws::{Compact, ProtectedHeader, encode_compact, same_type};
use crate::key_set::{Epoch, KeySet, Turn, signing_position};
use crate::private_key::PrivateKey;
use crate::public_key::{Jwk, Jwks};
use crate::{KeyError, Sealer, VerifyError};

/// A set's keys, unsealed and parsed once. It is read-only: after the record changes, a new one takes its place.
///
/// ```
/// use grantor_core::{ServerKey, Time};
/// use grantor_jose::{Algorithm, KeyRing, KeySet, Sealer, VerifyError};
///
/// let sealer = Sealer::new(&ServerKey::from_bytes([7; 32]))?;
/// let now = Time::from_unix_millis(1_700_000_000_000);
/// let ring = KeyRing::open(&KeySet::generate(Algorithm::Es256, &sealer, now)?, &sealer)?;
///
/// let token = ring.sign("at+jwt", &serde_json::json!({"sub": "alice"}), now)?;
/// assert_eq!(ring.verify(&token, "at+jwt", now).as_deref(), Ok(br#"{"sub":"alice"}"#.as_slice()));
/// assert_eq!(ring.verify(&token, "logout+jwt", now), Err(VerifyError::WrongType));
/// # Ok::<(), grantor_jose::KeyError>(())
/// ```
pub struct KeyRing {
    /// Never empty, in the order in which they sign.
    keys: Vec<Parsed>,
    epoch: Epoch,
}

struct Parsed {
    kid: String,
    key: PrivateKey,
    turn: Turn,
}

impl KeyRing {
    /// Opens every key of a set.
    ///
    /// # Errors
    /// [`KeyError::OtherServerKey`] or [`KeyError::Damaged`], naming the first key that cannot be used. A ring with a
    /// key missing would refuse tokens that other processes accept, so there is none.
    pub fn open(set: &KeySet, sealer: &Sealer) -> Result<Self, KeyError> {
        let open = |entry: &crate::key_set::Entry| {
            let key = sealer.open(&entry.kid, entry.alg, &entry.sealed)?;
            // Only the private half is under seal. Were the public half or the name taken from the record on trust,
            // whoever can write the store could publish a key of his own.
            if *key.public() != entry.jwk || key.public().thumbprint() != entry.kid {
                return Err(KeyError::Damaged { kid: entry.kid.clone() });
            }
            Ok(Parsed { kid: entry.kid.clone(), key, turn: entry.turn() })
        };
        Ok(Self {
            keys: set.entries().iter().map(open).collect::<Result<_, _>>()?,
            epoch: set.epoch().clone(),
        })
    }

    /// The epoch of the store that the set is from.
    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Signs `payload`, written as JSON, with the key whose turn it is. The result is a compact JWS with the protected
    /// header `alg`, `typ`, `kid`.
    ///
    /// `typ` says what the token is for; [`KeyRing::verify`] takes it for nothing else.
    ///
    /// # Errors
    /// [`KeyError::Payload`] if there is no JSON form; [`KeyError::Signing`] if the cryptographic library refuses.
    pub fn sign<T: Serialize + ?Sized>(&self, typ: &str, payload: &T, now: Time) -> Result<String, KeyError> {
        let payload = serde_json::to_vec(payload).map_err(|_| KeyError::Payload)?;
        self.sign_json(typ, &payload, now)
    }

    /// Signs a payload that is JSON already, byte by byte as it is.
    ///
    /// # Errors
    /// [`KeyError::Signing`] if the cryptographic library refuses.
    pub fn sign_json(&self, typ: &str, payload: &[u8], now: Time) -> Result<String, KeyError> {
        let turns = self.keys.iter().map(|key| key.turn.active_from);
        let signer = self.keys.get(signing_position(turns, now)).ok_or(KeyError::Signing)?;
        let header = ProtectedHeader { alg: signer.key.public().algorithm(), typ, kid: &signer.kid };
        encode_compact(&header, payload, |input| signer.key.sign(input)).map_err(|_| KeyError::Signing)
    }

    /// The payload of a compact JWS that a key of this ring signed for `typ`, a JSON object in which no name comes
    /// twice.
    ///
    /// Only a key published at `now` counts, and only with its own algorithm. `typ` is compared without regard to case
    /// and with or without `application/` (RFC 7515, section 4.1.9). The header's `jku`, `jwk`, `x5u` and `x5c` are not
    /// looked at: no key ever comes out of a token.
    ///
    /// What the claims mean (`iss`, `aud`, `exp`) is for the caller to judge. An ECDSA signature has a second valid
    /// form that anyone can compute, so a token's text is no identifier of it: use its `jti`.
    ///
    /// # Errors
    /// [`VerifyError`], which carries nothing of the token.
    pub fn verify(&self, compact: &str, typ: &str, now: Time) -> Result<Vec<u8>, VerifyError> {
        let token = Compact::parse(compact)?;
        let known = |key: &&Parsed| token.kid.as_ref() == Some(&key.kid) && key.turn.is_published(now);
        let signer = self.keys.iter().find(known).ok_or(VerifyError::UnknownKey)?;
        if token.alg.as_deref() != Some(signer.key.public().algorithm().as_str()) {
            return Err(VerifyError::WrongAlgorithm);
        }
        if !token.typ.as_deref().is_some_and(|found| same_type(found, typ)) {
            return Err(VerifyError::WrongType);
        }
        signer
            .key
            .verify(token.signing_input.as_bytes(), &token.signature)
            .map_err(|_| VerifyError::BadSignature)?;
        token.into_payload()
    }

    /// What `jwks_uri` answers at `now`: every key that verifies, among them those that do not sign yet.
    pub fn jwks(&self, now: Time) -> Jwks {
        let published = self.keys.iter().filter(|key| key.turn.is_published(now));
        Jwks { keys: published.map(|key| Jwk::of(key.key.public().clone(), key.kid.clone())).collect() }
    }
}
