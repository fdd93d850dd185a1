//! What the demo's callers made, for as long as the server runs.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// How many things are kept: it is a demo, and whoever fills it fills memory.
const ROOM: usize = 200;

/// Things with an id, each its maker's own.
#[derive(Default)]
pub(super) struct Shelf(Mutex<Vec<Thing>>);

struct Thing {
    owner: String,
    id: String,
    value: Value,
}

impl Shelf {
    /// Puts a thing there. The oldest makes room.
    pub(super) fn put(&self, owner: &str, id: &str, value: Value) {
        let mut things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if things.len() >= ROOM {
            things.remove(0);
        }
        things.push(Thing { owner: owner.to_owned(), id: id.to_owned(), value });
    }

    /// All of an owner's.
    pub(super) fn all(&self, owner: &str) -> Vec<Value> {
        let things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        things.iter().filter(|thing| thing.owner == owner).map(|thing| thing.value.clone()).collect()
    }

    /// One of an owner's.
    pub(super) fn one(&self, owner: &str, id: &str) -> Option<Value> {
        let things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        things.iter().find(|thing| thing.owner == owner && thing.id == id).map(|thing| thing.value.clone())
    }

    /// Takes one away. Tells whether it was there.
    pub(super) fn remove(&self, owner: &str, id: &str) -> bool {
        let mut things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = things.len();
        things.retain(|thing| thing.owner != owner || thing.id != id);
        things.len() < before
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_sees_his_own_and_the_oldest_makes_room() {
        let shelf = Shelf::default();
        shelf.put("a", "1", json!(1));
        assert_eq!((shelf.all("a"), shelf.all("b")), (vec![json!(1)], vec![]));
        assert_eq!((shelf.one("b", "1"), shelf.remove("b", "1")), (None, false));
        assert!(shelf.remove("a", "1") && shelf.one("a", "1").is_none());
        (0..=ROOM).for_each(|n| shelf.put("a", &n.to_string(), json!(n)));
        assert_eq!((shelf.all("a").len(), shelf.one("a", "0")), (ROOM, None));
    }
}
