//! The import file, by the very door that `grantor import` has.

use std::sync::Arc;

use grantor_admin::{Api, Caller, Code, Within};
use grantor_core::{Profile, ServerKey};
use grantor_directory::{Directory, HashCost, Settings};
use grantor_engine::Engine;
use grantor_store::MemoryStore;
use serde_json::{Map, Value};

use crate::http::block_on;
use crate::profiles::presets;

/// A file is done as a whole or refused as a whole. Done again it changes nothing; and no refusal repeats what may be a secret.
pub(crate) fn import(data: &[u8]) {
    let Ok(whole) = serde_json::from_slice::<Map<String, Value>>(data) else { return };
    let secrets = secrets(&whole);
    let whole = Value::Object(whole);
    block_on(async {
        let operator = server().await.within(Caller::Operator);
        let before = kept(&operator).await;
        match operator.post("/api/import", &whole).await {
            Ok(_) => {
                let done = kept(&operator).await;
                let again = operator.post("/api/import", &whole).await;
                let again = again.unwrap_or_else(|problem| panic!("taken once: {}", problem.detail));
                for (section, counts) in again.as_object().unwrap() {
                    assert!(counts["created"].as_u64().unwrap_or(0) == 0, "made twice: {section} {counts}");
                }
                assert_eq!(kept(&operator).await, done, "the same file twice");
            }
            Err(problem) => {
                assert_eq!(problem.code, Code::Invalid, "{}", problem.detail);
                assert_eq!(kept(&operator).await, before, "refused, and partly done: {}", problem.detail);
                let told = serde_json::to_string(&problem).unwrap();
                assert!(!secrets.iter().any(|secret| told.contains(secret)), "a secret in a message: {told}");
            }
        }
    });
}

/// A server with every profile and nothing else.
async fn server() -> Api {
    let (store, key) = (Arc::new(MemoryStore::new()), ServerKey::from_bytes([7; 32]));
    let hash_cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
    let settings = Settings { hash_cost, ..Settings::default() };
    let directory = Arc::new(Directory::new(store.clone(), &key, settings).unwrap());
    let open = async |profile: &Profile| {
        let key = ServerKey::from_bytes([7; 32]);
        Engine::builder(profile.clone(), store.clone(), key).open().await.unwrap()
    };
    let (first, others) = presets().split_first().unwrap();
    let first = open(first).await;
    let mut engines = Vec::new();
    for profile in others {
        engines.push(open(profile).await);
    }
    Api::of_profiles(first, engines, directory)
}

/// All that an import can have made.
async fn kept(operator: &Within) -> Vec<Value> {
    let mut kept = vec![operator.get("/api/export").await.unwrap_or_else(|p| panic!("{}", p.detail))];
    for list in ["/api/registration-keys", "/api/session-tokens"] {
        kept.extend(operator.all(list).await.unwrap_or_else(|p| panic!("{}", p.detail)));
    }
    kept
}

/// What stands where secrets stand and nowhere else, if it is long enough not to be found by chance.
fn secrets(whole: &Map<String, Value>) -> Vec<String> {
    let text = Value::Object(whole.clone()).to_string();
    let entries = whole.values().filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    let fields = ["client_secret", "password", "key", "token"];
    entries
        .flat_map(|entry| fields.iter().filter_map(|field| entry.get(*field)))
        .filter_map(Value::as_str)
        .filter(|secret| secret.len() >= 12 && text.matches(secret).count() == 1)
        .map(ToOwned::to_owned)
        .collect()
}
