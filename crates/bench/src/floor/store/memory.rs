//! One map behind one lock.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::record::Id;

#[derive(Default)]
pub(crate) struct Memory(Mutex<HashMap<Id, Vec<u8>>>);

impl Memory {
    pub(super) fn get(&self, id: &Id) -> Option<Vec<u8>> {
        self.lock().get(id).cloned()
    }

    pub(super) fn put(&self, id: Id, record: Vec<u8>) {
        self.lock().entry(id).or_insert(record);
    }

    pub(super) fn swap(&self, id: Id, record: Vec<u8>) -> Option<Vec<u8>> {
        self.lock().insert(id, record)
    }

    pub(super) fn take(&self, id: &Id) -> Option<Vec<u8>> {
        self.lock().remove(id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
