//! Changing a part of a thing (RFC 7396).

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::ask::{IfMatch, typed};
use crate::problem::Problem;

/// A change of a thing as it stands when it is written: what others changed meanwhile stays, or refuses this one.
pub(crate) struct Change<'a> {
    expected: &'a IfMatch,
    changes: &'a Map<String, Value>,
    refused: Mutex<Option<Problem>>,
}

impl<'a> Change<'a> {
    pub(crate) fn new(expected: &'a IfMatch, changes: &'a Map<String, Value>) -> Self {
        Self { expected, changes, refused: Mutex::new(None) }
    }

    /// Makes the change and tells so, or leaves the thing as it is. Whoever writes it may do so several times; the last one
    /// counts.
    pub(crate) fn make<T>(&self, thing: &mut T) -> bool
    where
        T: Serialize + DeserializeOwned,
    {
        let changed = self.expected.check(thing).and_then(|()| merged(thing, self.changes));
        let refused = changed.map(|changed| *thing = changed).err();
        let is_made = refused.is_none();
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
        is_made
    }

    /// Whether it was made.
    pub(crate) fn made(self) -> Result<(), Problem> {
        self.refused.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// A thing with these changes: what they do not name stays, and null takes away.
pub(crate) fn merged<T>(current: &T, changes: &Map<String, Value>) -> Result<T, Problem>
where
    T: Serialize + DeserializeOwned,
{
    let mut whole = serde_json::to_value(current).map_err(|e| Problem::unavailable(e.to_string()))?;
    merge(&mut whole, Value::Object(changes.clone()));
    typed(whole)
}

/// What a thing that is made by these changes is: nulls say the same as nothing.
pub(crate) fn made_of(changes: Map<String, Value>) -> Map<String, Value> {
    changes.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// RFC 7396, appendix A.
    #[test]
    fn it_merges_as_the_rfc_does() {
        for (mut target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            merge(&mut target, patch.clone());
            assert_eq!(target, result, "{patch}");
        }
    }
}
