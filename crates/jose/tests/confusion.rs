//! Published keys and shared ones, held against each other: RFC 8725, sections 2.1, 3.1 and 3.11.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of a test fails as the test does")]

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::{ServerKey, Time};
use grantor_jose::{Algorithm, Epoch, KeyRing, KeySet, Sealer, SharedKey, VerifyError};
use serde_json::{Value, json};

const PAYLOAD: &[u8] = br#"{"scope":["all"],"exp":4102444800,"jti":"a","client_id":"b"}"#;

fn now() -> Time {
    Time::from_unix_millis(1_700_000_000_000)
}

fn ring(alg: Algorithm) -> KeyRing {
    let sealer = Sealer::new(&ServerKey::from_bytes([7; 32])).unwrap();
    KeyRing::open(&KeySet::generate(alg, &sealer, now()).unwrap(), &sealer).unwrap()
}

fn shared(ring: &KeyRing) -> SharedKey {
    SharedKey::of(&ServerKey::from_bytes([7; 32]), "flex", ring.epoch())
}

/// A token that is signed by HMAC with these bytes.
fn forged(header: &Value, key: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(PAYLOAD));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// Everything of a published key that somebody could take for a secret.
fn public_bytes(ring: &KeyRing) -> Vec<Vec<u8>> {
    let jwks = serde_json::to_value(ring.jwks(now())).unwrap();
    let jwk = &jwks["keys"][0];
    let mut all = vec![jwks.to_string().into_bytes(), jwk.to_string().into_bytes()];
    for (_, member) in jwk.as_object().unwrap() {
        let text = member.as_str().unwrap();
        all.push(text.as_bytes().to_vec());
        all.extend(URL_SAFE_NO_PAD.decode(text).ok());
    }
    all
}

#[test]
fn a_published_key_is_never_a_secret() {
    for alg in Algorithm::ALL {
        let ring = ring(*alg);
        let kid = serde_json::to_value(ring.jwks(now())).unwrap()["keys"][0]["kid"].clone();
        for key in public_bytes(&ring) {
            for name in ["HS256", "HS384", "HS512", "hs256", "none"] {
                let token = forged(&json!({"alg": name, "typ": "JWT", "kid": kid}), &key);
                assert_eq!(
                    ring.verify(&token, "JWT", now()),
                    Err(VerifyError::WrongAlgorithm),
                    "{alg} {name}"
                );
            }
            let plain = forged(&json!({"alg": "HS256", "typ": "JWT"}), &key);
            assert!(ring.verify(&plain, "JWT", now()).is_err());
            assert_eq!(shared(&ring).verify(&plain, "JWT"), Err(VerifyError::BadSignature));
        }
    }
}

#[test]
fn neither_takes_what_the_other_signed() {
    for alg in Algorithm::ALL {
        let ring = ring(*alg);
        let shared = shared(&ring);
        let published = ring.sign_json("JWT", PAYLOAD, now()).unwrap();
        let secret = shared.sign_json("JWT", PAYLOAD);
        assert!(ring.verify(&published, "JWT", now()).is_ok() && shared.verify(&secret, "JWT").is_ok());
        assert_eq!(shared.verify(&published, "JWT"), Err(VerifyError::WrongAlgorithm), "{alg}");
        assert!(ring.verify(&secret, "JWT", now()).is_err(), "{alg}");
        // The header of the one before the payload and signature of the other.
        let header = |token: &str| token.split_once('.').unwrap().0.to_owned();
        let rest = |token: &str| token.split_once('.').unwrap().1.to_owned();
        let swapped = format!("{}.{}", header(&secret), rest(&published));
        assert_eq!(shared.verify(&swapped, "JWT"), Err(VerifyError::BadSignature));
        let swapped = format!("{}.{}", header(&published), rest(&secret));
        assert_eq!(ring.verify(&swapped, "JWT", now()), Err(VerifyError::BadSignature));
    }
}

#[test]
fn a_token_is_of_one_profile_one_epoch_and_one_type() {
    let ring = ring(Algorithm::Es256);
    let token = shared(&ring).sign_json("JWT", PAYLOAD);
    let server_key = ServerKey::from_bytes([7; 32]);
    let other =
        |key: &ServerKey, profile, epoch: &Epoch| SharedKey::of(key, profile, epoch).verify(&token, "JWT");
    assert!(other(&server_key, "flex", ring.epoch()).is_ok());
    for refused in [
        other(&server_key, "flex2", ring.epoch()),
        other(&server_key, "flex", &Epoch::begin().unwrap()),
        other(&server_key, "flex", &Epoch::default()),
        other(&ServerKey::from_bytes([8; 32]), "flex", ring.epoch()),
    ] {
        assert_eq!(refused, Err(VerifyError::BadSignature));
    }
    for typ in ["at+jwt", "logout+jwt", ""] {
        assert_eq!(shared(&ring).verify(&token, typ), Err(VerifyError::WrongType), "{typ}");
    }
}

/// The epoch is the store's: it survives a rotation, and a set from before there were epochs is read.
#[test]
fn an_epoch_lasts_as_long_as_its_store() {
    let sealer = Sealer::new(&ServerKey::from_bytes([7; 32])).unwrap();
    let set = KeySet::generate(Algorithm::Es256, &sealer, now()).unwrap();
    let epoch = KeyRing::open(&set, &sealer).unwrap().epoch().clone();
    let zero = grantor_core::Lifetime::seconds(0);
    let again = serde_json::to_value(&set).unwrap();
    let set = set.rotate(Algorithm::Es256, &sealer, now(), zero, zero).unwrap();
    assert_eq!(*KeyRing::open(&set, &sealer).unwrap().epoch(), epoch);
    let mut old = again;
    old.as_object_mut().unwrap().remove("epoch").unwrap();
    let old: KeySet = serde_json::from_value(old).unwrap();
    assert_eq!(*KeyRing::open(&old, &sealer).unwrap().epoch(), Epoch::default());
    assert_ne!(epoch, Epoch::default());
}
