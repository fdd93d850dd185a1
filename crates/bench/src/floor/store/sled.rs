//! One tree, flushed once for all changes that came meanwhile.

use std::io;

use super::rows::{Change, Reading, Writing};
use crate::record::Id;

pub(super) struct Sled(sled::Db);

/// One handle to write and one to read.
pub(super) fn open(folder: &str) -> io::Result<(Sled, Sled)> {
    let database = sled::open(folder)?;
    Ok((Sled(database.clone()), Sled(database)))
}

impl Writing for Sled {
    fn commit(&mut self, changes: &[Change]) -> io::Result<Vec<Option<Vec<u8>>>> {
        let apply = |change: &Change| -> sled::Result<Option<Vec<u8>>> {
            let before = match change {
                Change::Put(id, body) | Change::Swap(id, body) => self.0.insert(id, body.as_slice())?,
                Change::Take(id) => self.0.remove(id)?,
            };
            Ok(before.map(|body| body.to_vec()))
        };
        let before = changes.iter().map(apply).collect::<sled::Result<Vec<_>>>()?;
        self.0.flush()?;
        Ok(before)
    }
}

impl Reading for Sled {
    fn get(&mut self, id: &Id) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(id)?.map(|body| body.to_vec()))
    }
}
