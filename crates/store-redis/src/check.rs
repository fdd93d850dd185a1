//! Reads everything, for whoever wants to know before he needs it.

use std::collections::BTreeSet;
use std::sync::Arc;

use grantor_core::record::{Kind, RecordKey};
use grantor_store::StoreError;
use redis::{Cmd, FromRedisValue, Value, from_redis_value};
use tokio::task::JoinSet;

use crate::error::strange_answer;
use crate::news::{News, SELDOM_LISTED, is_seldom_listed};
use crate::schema::{Keys, Scripts, Shard, key_of, name, score, unpack};
use crate::topology::{Question, Topology};

/// How many problems are named.
const NAMED: usize = 100;

/// How many keys are fetched, and then looked at, at a time.
const PAGE: usize = 200;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Records read.
    pub records: u64,
    /// What is wrong, a hundred problems at most; empty if all is well. A record is named by its key; no text holds
    /// anything of its body.
    pub problems: Vec<String>,
}

pub(crate) async fn run(
    topology: &Arc<Topology>,
    keys: &Keys,
    scripts: &Scripts,
) -> Result<CheckReport, StoreError> {
    let news = News { topology, keys, scripts };
    for kind in SELDOM_LISTED {
        news.sort_in(Shard::all(), kind).await?;
    }
    let mut check = Check { topology, keys, news, records: 0, problems: BTreeSet::new() };
    // From the records to their entries, and from the entries to their records: either may lack the other.
    check.walk_records().await?;
    for shard in Shard::all() {
        check.walk_index(shard).await?;
        check.walk_due(shard).await?;
    }
    Ok(CheckReport { records: check.records, problems: check.problems.into_iter().take(NAMED).collect() })
}

struct Check<'a> {
    topology: &'a Arc<Topology>,
    keys: &'a Keys,
    news: News<'a>,
    records: u64,
    problems: BTreeSet<String>,
}

impl Check<'_> {
    async fn walk_records(&mut self) -> Result<(), StoreError> {
        let (first, pattern) = (self.keys.record_of(Shard::FIRST, ""), self.keys.every_record());
        let mark = first.len();
        for node in self.topology.primaries(self.topology.deadline()).await? {
            let mut cursor = "0".to_owned();
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(PAGE * 4);
                let page = node.ask(&scan, self.topology.deadline()).await?;
                let (next, found): (String, Vec<String>) = read("SCAN", page)?;
                let mut names = Vec::with_capacity(found.len());
                for found in found {
                    match found.get(mark..).and_then(key_of) {
                        Some(key) if self.keys.record(&key) == found => names.push(key),
                        Some(_) | None => self.problem(&found, "its key is not one"),
                    }
                }
                self.look_at(names, false).await?;
                cursor = next;
                if cursor == "0" {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn walk_index(&mut self, shard: Shard) -> Result<(), StoreError> {
        for kind in Kind::ALL {
            let mut from = "-".to_owned();
            loop {
                let mut range = redis::cmd("ZRANGEBYLEX");
                range.arg(self.keys.index(shard, *kind)).arg(&from).arg("+").arg("LIMIT").arg(0).arg(PAGE);
                let ids: Vec<String> = self.ask(shard, range).await?;
                let Some(last) = ids.last() else { break };
                from = format!("({last}");
                let mut names = Vec::with_capacity(ids.len());
                for id in ids {
                    match RecordKey::from_stored(*kind, &id) {
                        Some(key) => names.push(key),
                        None => self.problem(&id, "an index holds an id that is not one"),
                    }
                }
                self.look_at(names, true).await?;
            }
        }
        Ok(())
    }

    async fn walk_due(&mut self, shard: Shard) -> Result<(), StoreError> {
        // By rank, so that what is removed meanwhile may move another past this walk: a check and no rule.
        for page in 0.. {
            let mut range = redis::cmd("ZRANGE");
            range.arg(self.keys.due(shard)).arg(page * PAGE).arg((page + 1) * PAGE - 1);
            let found: Vec<String> = self.ask(shard, range).await?;
            if found.is_empty() {
                break;
            }
            let mut names = Vec::with_capacity(found.len());
            for found in found {
                match key_of(&found) {
                    Some(key) => names.push(key),
                    None => self.problem(&found, "the index of what is due holds a name that is not one"),
                }
            }
            self.look_at(names, false).await?;
        }
        Ok(())
    }

    /// Looks at records, each with its entries in one moment.
    async fn look_at(&mut self, records: Vec<RecordKey>, counts: bool) -> Result<(), StoreError> {
        let mut looks = self.looks(records).await?;
        // What was made since the lists were sorted in stands in one of them.
        let is_new = |(key, look): &mut (RecordKey, Look)| is_seldom_listed(key.kind()) && look.1.is_none();
        let new: Vec<_> = looks.extract_if(.., is_new).map(|(key, _)| key).collect();
        let lists: BTreeSet<_> = new.iter().map(|key| (key.kind(), Shard::of(key.slot()))).collect();
        for (kind, shard) in lists {
            self.news.sort_in(std::iter::once(shard), kind).await?;
        }
        looks.extend(self.looks(new).await?);
        for (key, found) in looks {
            self.records += u64::from(counts && found.0.is_some());
            if let Some(problem) = problem_of(&found) {
                self.problem(&key.to_string(), problem);
            }
        }
        Ok(())
    }

    async fn looks(&self, records: Vec<RecordKey>) -> Result<Vec<(RecordKey, Look)>, StoreError> {
        let mut looks = JoinSet::new();
        for key in records {
            let (topology, shard, name) = (Arc::clone(self.topology), Shard::of(key.slot()), name(&key));
            let keys = self.keys;
            let touched = [keys.record(&key), keys.index(shard, key.kind()), keys.due(shard)];
            let script = &self.news.scripts.look;
            let question = Question::run(script, &touched, &[key.id().as_bytes(), name.as_bytes()]);
            looks.spawn(async move { (key, topology.ask(shard, &question, topology.deadline()).await) });
        }
        let mut found = Vec::with_capacity(looks.len());
        while let Some(look) = looks.join_next().await {
            let gone = |e| StoreError::Unavailable(format!("a question to Redis was given up: {e}"));
            let (key, look) = look.map_err(gone)?;
            found.push((key, read("a look at a record", look?)?));
        }
        Ok(found)
    }

    async fn ask<T: FromRedisValue>(&self, shard: Shard, command: Cmd) -> Result<T, StoreError> {
        let question = Question::read(command);
        read("a range", self.topology.ask(shard, &question, self.topology.deadline()).await?)
    }

    fn problem(&mut self, what: &str, problem: &str) {
        if self.problems.len() < NAMED {
            self.problems.insert(format!("{what}: {problem}"));
        }
    }
}

/// A record, and what its indexes say of it.
type Look = (Option<Vec<u8>>, Option<f64>, Option<f64>);

fn problem_of((value, index, due): &Look) -> Option<&'static str> {
    let Some(value) = value else {
        return (index.is_some() || due.is_some()).then_some("an index holds it, and it is not there");
    };
    let stored = match unpack(value) {
        Ok(stored) => stored,
        Err(problem) => return Some(problem),
    };
    if index.is_none() {
        return Some("it is in no index of its kind");
    }
    let expected = stored.keep_until.and_then(|at| score(at).parse::<f64>().ok());
    // An earlier moment than its own is put right when that comes; a later one would keep it too long.
    let is_late = expected.is_some_and(|expected| due.is_none_or(|due| due > expected));
    is_late.then_some("the index of what is due has it too late or not at all")
}

fn read<T: FromRedisValue>(what: &str, value: Value) -> Result<T, StoreError> {
    from_redis_value(value).map_err(|_| strange_answer(what))
}
