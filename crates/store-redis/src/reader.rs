//! The ways to read.

use std::sync::Arc;

use grantor_core::record::{RecordKey, Stored, Under};
use grantor_store::{Page, StoreError};
use redis::from_redis_value;

use crate::error::strange_answer;
use crate::news::{News, is_seldom_listed};
use crate::schema::{Keys, Scripts, Shard, name, unpack};
use crate::topology::{Question, Topology};

/// One `GET` at the primary: what a replica holds may be older than what was acknowledged.
pub(crate) async fn get(
    topology: &Arc<Topology>,
    keys: &Keys,
    key: &RecordKey,
) -> Result<Option<Stored>, StoreError> {
    let mut command = redis::cmd("GET");
    let shard = Shard::of(key.slot());
    command.arg(keys.record_of(shard, &name(key)));
    let answer = topology.ask(shard, &Question::read(command), topology.deadline()).await?;
    let value: Option<Vec<u8>> = from_redis_value(answer).map_err(|_| strange_answer("GET"))?;
    value.map(|value| unpack(&value)).transpose().map_err(|problem| {
        StoreError::Corrupt(format!("the value of {key} in Redis cannot be read: {problem}"))
    })
}

/// A slot lies in one shard and costs one command. A kind lies in all 256: each is asked for its first keys, and what
/// comes is sorted. Each shard answers for one moment, after what was new in the kind was sorted in, so a key that existed
/// throughout is in its answer.
pub(crate) async fn list(
    topology: &Arc<Topology>,
    keys: &Keys,
    scripts: &Scripts,
    under: &Under,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Page, StoreError> {
    let Some(range) = Range::of(under, after, limit) else {
        return Ok(Page { keys: Vec::new(), more: false });
    };
    let shards: Vec<_> = match under {
        Under::Slot(_, slot) => vec![Shard::of(slot)],
        Under::Kind(_) => Shard::all().collect(),
    };
    let shards = || shards.iter().copied();
    if is_seldom_listed(under.kind()) {
        News { topology, keys, scripts }.sort_in(shards(), under.kind()).await?;
    }
    let question = |shard| range.question(keys, shard);
    let mut ids = Vec::new();
    for (_, answer) in topology.ask_each(shards(), question, topology.deadline()).await? {
        ids.extend(from_redis_value::<Vec<String>>(answer).map_err(|_| strange_answer("ZRANGEBYLEX"))?);
    }
    ids.sort_unstable();
    let more = ids.len() > limit;
    let key = |id: String| {
        RecordKey::from_stored(under.kind(), &id).ok_or_else(|| {
            StoreError::Corrupt(format!("an index of {} records holds an id that is not one", under.kind()))
        })
    };
    Ok(Page { keys: ids.into_iter().take(limit).map(key).collect::<Result<_, _>>()?, more })
}

/// What is asked of a shard's index.
struct Range<'a> {
    under: &'a Under,
    from: String,
    to: String,
    wanted: i64,
}

impl<'a> Range<'a> {
    /// `None` if nothing can lie in it.
    fn of(under: &'a Under, after: Option<&RecordKey>, limit: usize) -> Option<Self> {
        let prefix = under.prefix();
        let to = match under {
            Under::Kind(_) => "+".to_owned(),
            // The character after the slash: before it lies all that begins with the prefix.
            Under::Slot(_, slot) => format!("({slot}0"),
        };
        let from = match (under, after.filter(|after| after.kind() >= under.kind())) {
            (_, Some(after)) if after.kind() > under.kind() => return None,
            (_, Some(after)) if after.id() >= prefix.as_str() => format!("({}", after.id()),
            (Under::Kind(_), Some(_) | None) => "-".to_owned(),
            (Under::Slot(..), Some(_) | None) => format!("[{prefix}"),
        };
        let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        Some(Self { under, from, to, wanted })
    }

    fn question(&self, keys: &Keys, shard: Shard) -> Question {
        let mut command = redis::cmd("ZRANGEBYLEX");
        command.arg(keys.index(shard, self.under.kind())).arg(&self.from).arg(&self.to);
        command.arg("LIMIT").arg(0).arg(self.wanted);
        Question::read(command)
    }
}
