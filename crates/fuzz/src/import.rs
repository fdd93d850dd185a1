//! The import file, by the very reader that `grantor import` has.

use serde_json::{Map, Value};

#[allow(dead_code, reason = "what is done with a file is the command's")]
#[path = "../../server/src/import/file.rs"]
mod file;

/// A file is refused by its place, or read; and no refusal repeats what may be a secret.
pub(crate) fn import(data: &[u8]) {
    let Ok(whole) = serde_json::from_slice::<Map<String, Value>>(data) else { return };
    let secrets = secrets(&whole);
    match file::parse(whole, "standard") {
        Ok(parsed) => {
            let mut ids: Vec<&str> = parsed.clients.iter().map(|c| c.metadata.client_id.as_str()).collect();
            ids.sort_unstable();
            let all = ids.len();
            ids.dedup();
            assert_eq!(ids.len(), all, "one client twice");
        }
        Err(why) => {
            for secret in secrets {
                assert!(!why.contains(&secret), "a secret in a message: {why}");
            }
        }
    }
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
