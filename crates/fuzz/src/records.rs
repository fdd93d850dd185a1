//! Records as they lie in a store that others can write.

use grantor_core::client::Client;
use grantor_core::grant::Grant;
use grantor_core::record::{Hint, Kind, Record, RecordKey, Version, decode, encode};
use grantor_core::{Application, Consent, Interaction, ReferenceToken, ServerKey, Standing};
use grantor_jose::{KeyRing, KeySet, Sealer};

use crate::lines;

/// A key and a body: read as every kind of record. What is read is written again as itself; keys say what they are.
pub(crate) fn records(data: &[u8]) {
    let [id, body] = lines::<2>(data);
    if let Ok(id) = std::str::from_utf8(id) {
        for kind in Kind::ALL {
            if let Some(key) = RecordKey::from_stored(*kind, id) {
                assert_eq!(key.id(), id, "a key has one spelling");
                let again = RecordKey::new(*kind, &key.first(), key.second().as_deref());
                assert_eq!(again, key, "a key is its parts");
            }
        }
        if let Ok(version) = id.parse::<Version>() {
            assert_eq!(version.to_string(), id, "a version has one spelling");
        }
    }
    settles::<Client>(body);
    settles::<Grant>(body);
    settles::<ReferenceToken>(body);
    settles::<Interaction>(body);
    settles::<Consent>(body);
    settles::<Standing>(body);
    settles::<Application>(body);
    if let Ok(hint) = serde_json::from_slice::<Hint>(body) {
        assert_eq!(serde_json::to_vec(&hint).unwrap(), br#"{"v":1}"#);
    }
    let key = RecordKey::new(Kind::SigningKeys, "all", None);
    if let Ok(set) = decode::<KeySet>(&key, body) {
        let sealer = Sealer::new(&ServerKey::from_bytes([0x5a; 32])).unwrap();
        assert!(KeyRing::open(&set, &sealer).is_err(), "keys that were not sealed here");
    }
}

fn settles<R: Record>(body: &[u8]) {
    let key = RecordKey::new(R::KIND, "x", None);
    let Ok(record) = decode::<R>(&key, body) else { return };
    let written = encode(&record);
    let again = decode::<R>(&key, &written).expect("what is written is read");
    assert_eq!(encode(&again), written, "writing settles");
}
