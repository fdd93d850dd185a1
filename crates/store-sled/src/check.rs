//! Reads everything, for whoever wants to know before he needs it.

use std::sync::Arc;

use grantor_store::StoreError;
use tokio::sync::oneshot;

use crate::error::guarded;
use crate::schema::{self, Value};
use crate::shared::{Shared, Trees};

/// How many problems are named; the rest is not.
const NAMED: usize = 100;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Records read.
    pub records: u64,
    /// What is wrong, a hundred problems at most; empty if all is well. No text holds anything of a record: it is named by
    /// its place in the order of keys.
    pub problems: Vec<String>,
}

pub(crate) async fn run(shared: &Arc<Shared>) -> Result<CheckReport, StoreError> {
    let trees = shared.trees()?;
    let (answer, report) = oneshot::channel();
    std::thread::Builder::new()
        .name("grantor-sled-check".to_owned())
        // Whoever asked may be gone by the end.
        .spawn(move || drop(answer.send(check(&trees))))
        .map_err(|e| StoreError::Unavailable(format!("cannot start a thread for the check: {e}")))?;
    report.await.map_err(|_| StoreError::Unavailable("the check ended without a result".to_owned()))
}

fn check(trees: &Trees) -> CheckReport {
    let mut problems = Vec::new();
    let mut records = 0;
    let read = guarded(|| {
        for record in trees.records.iter() {
            let (key, value) = record?;
            records += 1;
            if let Some(problem) = problem(trees, &key, &value)? {
                problems.push(format!("record {records}: {problem}"));
            }
        }
        Ok(())
    });
    if read.is_err() {
        // sled cannot go on beyond what it cannot read.
        problems.push(format!("what follows record {records} cannot be read"));
    }
    let mut entries = 0;
    let read = guarded(|| {
        for entry in trees.keep_until.iter().keys() {
            let entry = entry?;
            entries += 1;
            let key = schema::parse_index_key(&entry).and_then(|(_, key)| schema::parse_key(key));
            if key.is_none() {
                problems.push(format!("entry {entries} of the index is not one"));
            }
        }
        Ok(())
    });
    if read.is_err() {
        problems.push(format!("what follows entry {entries} of the index cannot be read"));
    }
    problems.truncate(NAMED);
    CheckReport { records, problems }
}

fn problem(trees: &Trees, key: &[u8], value: &[u8]) -> sled::Result<Option<&'static str>> {
    if schema::parse_key(key).is_none() {
        return Ok(Some("its key is not one this version knows"));
    }
    let Some(value) = Value::parse(value) else { return Ok(Some("it is not as grantor wrote it")) };
    let Some(keep_until) = value.keep_until else { return Ok(None) };
    if trees.keep_until.contains_key(schema::index_key(keep_until, key))? {
        return Ok(None);
    }
    // Unless it was written since: then its entry was, too.
    let now = trees.records.get(key)?;
    let same = now.as_ref().and_then(|now| Value::parse(now)).is_some_and(|now| now.version == value.version);
    Ok(same.then_some("no purge will find it: it has no entry in the index"))
}
