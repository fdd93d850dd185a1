//! Reads everything, for whoever wants to know before he needs it.

use std::sync::Arc;

use grantor_core::record::{Kind, RecordKey};
use grantor_store::StoreError;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use tokio::sync::oneshot;

use crate::error::store_error;
use crate::file::DatabaseFile;
use crate::options::SqliteOptions;

/// How many problems are named; the rest is counted.
const NAMED: usize = 100;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Records read.
    pub records: u64,
    /// What is wrong, a hundred problems at most; empty if all is well. No text holds anything of a record: it is named by
    /// its `rowid`.
    pub problems: Vec<String>,
}

pub(crate) async fn run(
    file: &Arc<DatabaseFile>,
    options: &SqliteOptions,
) -> Result<CheckReport, StoreError> {
    let connection = file.connect_to_read(options, options.busy_timeout)?;
    let (answer, report) = oneshot::channel();
    std::thread::Builder::new()
        .name("grantor-sqlite-check".to_owned())
        // Whoever asked may be gone by the end.
        .spawn(move || drop(answer.send(check(&connection))))
        .map_err(|e| StoreError::Unavailable(format!("cannot start a thread for the check: {e}")))?;
    let report =
        report.await.map_err(|_| StoreError::Unavailable("the check ended without a result".to_owned()))?;
    report.map_err(|e| store_error(file.path(), "check", &e))
}

fn check(connection: &Connection) -> rusqlite::Result<CheckReport> {
    let mut problems = connection
        .prepare(&format!("PRAGMA integrity_check({NAMED})"))?
        .query_map((), |row| row.get(0))?
        .filter(|line: &rusqlite::Result<String>| !line.as_ref().is_ok_and(|line| line == "ok"))
        .collect::<rusqlite::Result<Vec<String>>>()?;
    let mut records = 0;
    // Not by the index: this is about what the table holds.
    let mut all = connection.prepare("SELECT rowid, kind, id, version, body FROM record NOT INDEXED")?;
    let mut rows = all.query(())?;
    while let Some(row) = rows.next()? {
        records += 1;
        if let Some(problem) = problem(row)?
            && problems.len() < NAMED
        {
            problems.push(format!("record {}: {problem}", row.get::<_, i64>(0)?));
        }
    }
    Ok(CheckReport { records, problems })
}

fn problem(row: &Row<'_>) -> rusqlite::Result<Option<&'static str>> {
    let (kind, id): (String, String) = (row.get(1)?, row.get(2)?);
    let Some(kind) = Kind::from_name(&kind) else {
        return Ok(Some("its kind is not one this version knows"));
    };
    if RecordKey::from_stored(kind, &id).is_none() {
        return Ok(Some("its id is not one"));
    }
    if row.get_ref(3)?.as_blob().map_or(0, <[u8]>::len) != 16 {
        return Ok(Some("its version is not 16 bytes"));
    }
    Ok(match row.get_ref(4)? {
        ValueRef::Text(_) | ValueRef::Blob(_) => None,
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => {
            Some("its body is neither text nor bytes")
        }
    })
}
