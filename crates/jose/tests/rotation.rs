//! The schedule of keys (case M14), and what a record of them may be.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails as the test does"
)]

use grantor_core::record::{Record as _, decode, encode};
use grantor_core::{Lifetime, ServerKey, Time};
use grantor_jose::{Algorithm, KeyError, KeyRing, KeySet, KeyState, Sealer, VerifyError};
use proptest::prelude::*;
use serde_json::{Value, json};

const TYP: &str = "at+jwt";

fn at(seconds: u64) -> Time {
    Time::from_unix_millis(1_700_000_000_000) + Lifetime::seconds(seconds)
}

fn sealer(byte: u8) -> Sealer {
    Sealer::new(&ServerKey::from_bytes([byte; 32])).unwrap()
}

fn generate(seconds: u64) -> KeySet {
    KeySet::generate(Algorithm::EdDsa, &sealer(7), at(seconds)).unwrap()
}

fn rotate(set: &KeySet, now: u64, ahead: u64, keep: u64) -> Result<KeySet, KeyError> {
    let (ahead, keep) = (Lifetime::seconds(ahead), Lifetime::seconds(keep));
    set.clone().rotate(Algorithm::EdDsa, &sealer(7), at(now), ahead, keep)
}

fn open(set: &KeySet) -> KeyRing {
    KeyRing::open(set, &sealer(7)).unwrap()
}

fn kid_of(token: &str) -> String {
    use base64::Engine as _;
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap());
    serde_json::from_slice::<Value>(&header.unwrap()).unwrap()["kid"].as_str().unwrap().to_owned()
}

fn signer(ring: &KeyRing, now: Time) -> String {
    kid_of(&ring.sign(TYP, &json!({}), now).unwrap())
}

fn published(ring: &KeyRing, now: Time) -> Vec<String> {
    ring.jwks(now).keys.into_iter().map(|key| key.kid).collect()
}

fn states(set: &KeySet, now: u64) -> Vec<KeyState> {
    set.list(at(now)).into_iter().map(|key| key.state).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Rotate { ahead: u64, keep: u64 },
    Retire { which: prop::sample::Index },
    Prune,
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let rotate = (0..20u64, 0..40u64).prop_map(|(ahead, keep)| Step::Rotate { ahead, keep });
    let retire = any::<prop::sample::Index>().prop_map(|which| Step::Retire { which });
    (0..30u64, prop_oneof![4 => rotate, 1 => retire, 1 => Just(Step::Prune)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever operators do and whenever: one key signs at every time, it is published, what is stored is read back,
    /// and only what has waited its time ahead signs first.
    #[test]
    fn at_every_time_exactly_one_key_signs(steps in prop::collection::vec(step(), 1..12)) {
        let mut set = generate(0);
        let mut now = 0;
        for (pause, step) in steps {
            now += pause;
            let next = match step {
                Step::Rotate { ahead, keep } => rotate(&set, now, ahead, keep),
                Step::Retire { which } => {
                    let keys = set.list(at(now));
                    set.clone().retire(&keys[which.index(keys.len())].kid, at(now))
                }
                Step::Prune => Ok(set.clone().prune(at(now))),
            };
            set = match next {
                Ok(next) => next,
                Err(KeyError::RotationPending { .. } | KeyError::StillSigning { .. }) => set,
                Err(other) => panic!("{other}"),
            };
            set = decode(KeySet::key().raw(), &encode(&set)).unwrap();
            let ring = open(&set);
            for ahead in 0..80 {
                // Even a process whose clock is behind the making of the first key has exactly one.
                let then = Time::from_unix_millis(at(now + ahead).unix_millis() - 20_000);
                let list = set.list(then);
                prop_assert_eq!(list.iter().filter(|key| key.state == KeyState::Active).count(), 1);
                let active = list.iter().find(|key| key.state == KeyState::Active).unwrap();
                prop_assert_eq!(&active.kid, &signer(&ring, then));
                prop_assert!(published(&ring, then).contains(&active.kid));
                let in_use = list.iter().filter(|key| key.state != KeyState::Retired);
                prop_assert_eq!(in_use.map(|key| key.kid.clone()).collect::<Vec<_>>(), published(&ring, then));
            }
        }
    }

    /// Case M14: whatever the old key signs, to its last moment, verifies for as long as was promised; the new key
    /// is published from the rotation on, and signs not a millisecond early.
    #[test]
    fn no_token_dies_of_a_rotation(start in 0..50u64, ahead in 0..50u64, keep in 0..50u64, signed in 0..50_000u64, skew in 0..5i64) {
        let before = open(&generate(0));
        prop_assert_eq!(published(&before, at(start)).len(), 1);
        let first = generate(0);
        let old = signer(&open(&first), at(0));
        let set = rotate(&first, start, ahead, keep).unwrap();
        let ring = open(&set);
        let keys = published(&ring, at(start));
        prop_assert!(ahead + keep == 0 || keys.len() == 2);
        let new = keys.last().unwrap();

        let millis = |time: Time, by: i64| Time::from_unix_millis(time.unix_millis() + by);
        prop_assert_eq!(&signer(&ring, millis(at(start + ahead), -1)), &old);
        prop_assert_eq!(&signer(&ring, at(start + ahead)), new);

        let when = millis(at(start), i64::try_from(signed).unwrap());
        let token = ring.sign(TYP, &json!({}), when).unwrap();
        let last = when + Lifetime::seconds(keep);
        if keep > 0 {
            // The last moment of a token's life is the one before it is `keep` old.
            prop_assert!(ring.verify(&token, TYP, millis(last, -1)).is_ok());
        }
        // And a process whose clock is behind the signer's knows it already.
        prop_assert!(ring.verify(&token, TYP, millis(when, -skew * 1000)).is_ok());
    }
}

#[test]
fn an_old_key_verifies_until_its_end_and_not_longer() {
    let first = generate(0);
    let token = open(&first).sign(TYP, &json!({}), at(0)).unwrap();
    let set = rotate(&first, 100, 50, 25).unwrap();
    let ring = open(&set);
    let end = at(175);
    assert!(ring.verify(&token, TYP, Time::from_unix_millis(end.unix_millis() - 1)).is_ok());
    assert_eq!(ring.verify(&token, TYP, end), Err(VerifyError::UnknownKey));
    assert_eq!(published(&ring, end).len(), 1);

    assert_eq!(states(&set, 149), [KeyState::Active, KeyState::Next]);
    assert_eq!(states(&set, 150), [KeyState::Retiring, KeyState::Active]);
    assert_eq!(states(&set, 175), [KeyState::Retired, KeyState::Active]);
    assert_eq!(states(&set.clone().prune(at(174)), 175), [KeyState::Retired, KeyState::Active]);
    assert_eq!(states(&set.prune(at(175)), 175), [KeyState::Active]);
}

#[test]
fn a_status_says_since_when_and_until_when() {
    let set = rotate(&generate(0), 100, 50, 25).unwrap();
    let spans =
        |now: u64| set.list(at(now)).into_iter().map(|key| (key.since, key.until)).collect::<Vec<_>>();
    assert_eq!(spans(100), [(at(0), Some(at(150))), (at(100), Some(at(150)))]);
    assert_eq!(spans(150), [(at(150), Some(at(175))), (at(150), None)]);
    assert_eq!(spans(175), [(at(175), None), (at(150), None)]);
    let json = serde_json::to_value(set.list(at(150))).unwrap();
    assert_eq!((&json[0]["state"], &json[0]["alg"]), (&json!("retiring"), &json!("EdDSA")));
}

#[test]
fn a_rotation_waits_for_the_last_one() {
    let set = rotate(&generate(0), 0, 50, 10).unwrap();
    let waiting = set.list(at(0))[1].kid.clone();
    assert_eq!(rotate(&set, 49, 50, 10).err(), Some(KeyError::RotationPending { kid: waiting }));
    assert_eq!(states(&rotate(&set, 50, 50, 10).unwrap(), 50).len(), 3);
}

#[test]
fn a_clock_behind_the_first_keys_making_breaks_no_schedule() {
    let set = rotate(&generate(100), 0, 10, 0).unwrap();
    let set: KeySet = decode(KeySet::key().raw(), &encode(&set)).unwrap();
    assert_eq!(set.list(at(0))[1].until, Some(at(110)));
}

#[test]
fn a_leaked_key_is_gone_at_once() {
    let first = generate(0);
    let token = open(&first).sign(TYP, &json!({}), at(0)).unwrap();
    let leaked = kid_of(&token);
    assert_eq!(
        first.clone().retire(&leaked, at(5)).err(),
        Some(KeyError::StillSigning { kid: leaked.clone() })
    );
    assert_eq!(first.clone().retire("other", at(5)).err(), Some(KeyError::UnknownKey));

    let set = rotate(&first, 5, 0, 3600).unwrap();
    assert!(open(&set).verify(&token, TYP, at(5)).is_ok());
    let set = set.retire(&leaked, at(5)).unwrap();
    assert_eq!(open(&set).verify(&token, TYP, at(5)), Err(VerifyError::UnknownKey));
    assert_eq!(states(&set, 5), [KeyState::Active]);
}

#[test]
fn the_key_before_a_withdrawn_one_goes_on() {
    let first = generate(0);
    let set = rotate(&first, 0, 50, 10).unwrap();
    let waiting = set.list(at(0))[1].kid.clone();
    let set = set.retire(&waiting, at(10)).unwrap();
    assert_eq!(signer(&open(&set), at(1000)), signer(&open(&first), at(0)));
    assert_eq!(set.list(at(10))[0].until, None);
    assert!(rotate(&set, 10, 50, 10).is_ok());
}

#[test]
fn a_set_has_a_size() {
    let mut set = generate(0);
    for n in 1..32 {
        set = rotate(&set, n, 0, 3600).unwrap();
    }
    assert_eq!(rotate(&set, 40, 0, 3600).err(), Some(KeyError::TooManyKeys));
    assert!(rotate(&set, 4000, 0, 3600).is_ok(), "what is past makes room");
    let mut record = serde_json::to_value(&set).unwrap();
    let mut first = record["keys"][0].clone();
    first["kid"] = json!("one more");
    record["keys"].as_array_mut().unwrap().insert(0, first);
    assert!(serde_json::from_value::<KeySet>(record).is_err());
}

#[test]
fn another_server_key_is_told_from_damage() {
    let set = generate(0);
    let kid = set.list(at(0))[0].kid.clone();
    let error = KeyRing::open(&set, &sealer(8)).err().unwrap();
    assert_eq!(error, KeyError::OtherServerKey { kid: kid.clone() });
    assert!(error.to_string().contains("sealed with another server key"));

    let record = serde_json::to_value(&set).unwrap();
    let other = serde_json::to_value(generate(0)).unwrap();
    let sealed = record["keys"][0]["sealed"]["aes256gcm"].as_str().unwrap();
    let flipped = format!("{}{}", if sealed.starts_with('A') { 'B' } else { 'A' }, sealed.split_at(1).1);
    for (path, value) in [
        ("/keys/0/sealed/aes256gcm", json!(flipped)),
        ("/keys/0/sealed/aes256gcm", json!("AAAA")),
        ("/keys/0/sealed/aes256gcm", json!("!")),
        ("/keys/0/sealed", other["keys"][0]["sealed"].clone()),
        ("/keys/0/jwk", other["keys"][0]["jwk"].clone()),
        ("/keys/0/alg", json!("ES256")),
    ] {
        let mut damaged = record.clone();
        *damaged.pointer_mut(path).unwrap() = value;
        let set: KeySet = serde_json::from_value(damaged).unwrap();
        let error = KeyRing::open(&set, &sealer(7)).err();
        assert_eq!(error, Some(KeyError::Damaged { kid: kid.clone() }), "{path}");
    }
}

#[test]
fn a_schedule_we_would_not_have_made_is_not_read() {
    let record = serde_json::to_value(rotate(&generate(0), 100, 50, 25).unwrap()).unwrap();
    assert!(serde_json::from_value::<KeySet>(record.clone()).is_ok());
    let broken: [(&str, Value); 8] = [
        ("/v", json!(2)),
        ("/keys", json!([])),
        ("/keys", json!([record["keys"][0]])),
        ("/keys", json!([record["keys"][1], record["keys"][1]])),
        ("/keys/0/retire_at", Value::Null),
        ("/keys/0/retire_at", json!(at(149).unix_millis())),
        ("/keys/0/kid", record["keys"][1]["kid"].clone()),
        ("/keys/0/active_from", json!(at(151).unix_millis())),
    ];
    for (path, value) in broken {
        let mut changed = record.clone();
        *changed.pointer_mut(path).unwrap() = value;
        assert!(serde_json::from_value::<KeySet>(changed).is_err(), "{path}");
    }
    let mut private = record;
    private["keys"][0]["jwk"]["d"] = json!("AAAA");
    assert!(serde_json::from_value::<KeySet>(private).is_err(), "a public key has no private member");
}

#[test]
fn the_record_lies_where_it_always_did() {
    assert_eq!(KeySet::key().raw().to_string(), "signing-keys/all");
    assert_eq!(KeySet::KIND.as_str(), "signing-keys");
}

/// A set that an earlier build stored, and a token it signed. If this fails, deployments lose their keys: write a new
/// format and a reader for the old one, never a new file.
#[test]
fn a_stored_set_is_read_and_written_as_it_ever_was() {
    let golden = include_str!("golden/key-set.v1.json");
    let set: KeySet = serde_json::from_str(golden).unwrap();
    assert_eq!(serde_json::to_string_pretty(&set).unwrap(), golden.trim_end());
    let ring = open(&set);
    let jwks = serde_json::to_string_pretty(&ring.jwks(at(0))).unwrap();
    assert_eq!(jwks, include_str!("golden/jwks.json").trim_end());
    for token in include_str!("golden/tokens.txt").lines() {
        assert_eq!(ring.verify(token, TYP, at(0)).unwrap(), br#"{"sub":"alice"}"#);
    }
}
