//! One table of rows in their key's order. `synchronous` is `NORMAL`: a commit survives the process, not always the machine.

use std::io;

use rusqlite::{Connection, OptionalExtension as _};

use super::rows::{Change, Reading, Writing};
use crate::record::Id;

const SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS record (id BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID";
const GET: &str = "SELECT body FROM record WHERE id = ?1";
const PUT: &str = "INSERT INTO record (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
const SET: &str = "INSERT INTO record (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = ?2";
const TAKE: &str = "DELETE FROM record WHERE id = ?1 RETURNING body";

pub(super) struct Sqlite(Connection);

/// A connection to write and one to read.
pub(super) fn open(path: &str) -> io::Result<(Sqlite, Sqlite)> {
    let connect = || -> rusqlite::Result<Sqlite> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Sqlite(connection))
    };
    Ok((connect().map_err(io::Error::other)?, connect().map_err(io::Error::other)?))
}

impl Sqlite {
    fn apply(&self, change: &Change) -> rusqlite::Result<Option<Vec<u8>>> {
        match change {
            Change::Put(id, body) => {
                self.0.prepare_cached(PUT)?.execute((id, body))?;
                Ok(None)
            }
            Change::Swap(id, body) => {
                let before = self.read(id)?;
                self.0.prepare_cached(SET)?.execute((id, body))?;
                Ok(before)
            }
            Change::Take(id) => self.0.prepare_cached(TAKE)?.query_row((id,), |row| row.get(0)).optional(),
        }
    }

    fn read(&self, id: &Id) -> rusqlite::Result<Option<Vec<u8>>> {
        self.0.prepare_cached(GET)?.query_row((id,), |row| row.get(0)).optional()
    }

    fn committed(&self, changes: &[Change]) -> rusqlite::Result<Vec<Option<Vec<u8>>>> {
        self.0.execute_batch("BEGIN IMMEDIATE")?;
        let before = changes.iter().map(|change| self.apply(change)).collect();
        self.0.execute_batch("COMMIT")?;
        before
    }
}

impl Writing for Sqlite {
    fn commit(&mut self, changes: &[Change]) -> io::Result<Vec<Option<Vec<u8>>>> {
        self.committed(changes).map_err(io::Error::other)
    }
}

impl Reading for Sqlite {
    fn get(&mut self, id: &Id) -> io::Result<Option<Vec<u8>>> {
        self.read(id).map_err(io::Error::other)
    }
}
