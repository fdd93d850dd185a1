//! What is new in a kind that is made by every request and listed by hardly anybody.
//!
//! **Invariant: a record of such a kind is in the kind's index or in its list of what is new, from the moment it stands.**
//! Whoever lists, sorts the list in first, so he finds each record that stood when he began.
//!
//! To put an id into its place among a hundred thousand costs Redis several times what the record itself does, and most
//! access tokens end without anybody having asked for a list of them. So they are appended, and what ends before a list is
//! asked for is never sorted at all: a purge drops it from the head of the list, where the oldest lie.

use std::sync::Arc;

use grantor_core::record::{Kind, RecordKey};
use grantor_store::StoreError;
use redis::{FromRedisValue, Value, from_redis_value};

use crate::error::strange_answer;
use crate::schema::{Keys, Scripts, Shard};
use crate::topology::{Question, Topology};

/// How many ids one step sorts in, which is how long it holds up everybody else on its node.
const STEP: usize = 64;

/// The kinds that are entered so.
pub(crate) const SELDOM_LISTED: [Kind; 2] = [Kind::AccessToken, Kind::Interaction];

/// Whether a new record is entered in the list first.
pub(crate) fn is_seldom_listed(kind: Kind) -> bool {
    SELDOM_LISTED.contains(&kind)
}

/// Sorts in what was new in these shards when it was called.
pub(crate) async fn sort_in(
    topology: &Arc<Topology>,
    keys: &Keys,
    scripts: &Scripts,
    shards: impl Iterator<Item = Shard>,
    kind: Kind,
) -> Result<(), StoreError> {
    let length = |shard| {
        let mut length = redis::cmd("LLEN");
        length.arg(keys.news(shard, kind));
        Question::read(length)
    };
    for (shard, length) in topology.ask_each(shards, length, topology.deadline()).await? {
        sort_in_oldest(topology, keys, scripts, shard, kind, read("LLEN", length)?).await?;
    }
    Ok(())
}

/// Drops from the list what was purged, so that it is never longer than there are records that end some day. What outlives
/// those made after it is sorted in: it must not keep the list from being shortened.
pub(crate) async fn shorten(
    topology: &Arc<Topology>,
    keys: &Keys,
    scripts: &Scripts,
    shard: Shard,
) -> Result<(), StoreError> {
    let mut due = redis::cmd("ZCARD");
    due.arg(keys.due(shard));
    let due: usize = read("ZCARD", topology.ask(shard, &Question::read(due), topology.deadline()).await?)?;
    for kind in SELDOM_LISTED {
        let mut length = redis::cmd("LLEN");
        length.arg(keys.news(shard, kind));
        let length = topology.ask(shard, &Question::read(length), topology.deadline()).await?;
        let excess = read::<usize>("LLEN", length)?.saturating_sub(due);
        sort_in_oldest(topology, keys, scripts, shard, kind, excess).await?;
    }
    Ok(())
}

/// Takes so many ids off the head of the list, unless others take them first.
async fn sort_in_oldest(
    topology: &Arc<Topology>,
    keys: &Keys,
    scripts: &Scripts,
    shard: Shard,
    kind: Kind,
    mut left: usize,
) -> Result<(), StoreError> {
    while left > 0 {
        let step = STEP.min(left);
        let mut head = redis::cmd("LRANGE");
        head.arg(keys.news(shard, kind)).arg(0).arg(step - 1);
        let head = topology.ask(shard, &Question::read(head), topology.deadline()).await?;
        let ids: Vec<String> = read("LRANGE", head)?;
        let mut touched = vec![keys.news(shard, kind), keys.index(shard, kind)];
        for id in &ids {
            let key = RecordKey::from_stored(kind, id).ok_or_else(|| {
                StoreError::Corrupt(format!("a list of new {kind} records holds an id that is not one"))
            })?;
            touched.push(keys.record(&key));
        }
        let arguments: Vec<_> = ids.iter().map(String::as_bytes).collect();
        let question = Question::run(&scripts.sort_in, &touched, &arguments);
        let _moved = topology.ask(shard, &question, topology.deadline()).await?;
        // What others took meanwhile has been sorted in as well.
        left = if ids.len() < step { 0 } else { left - step };
    }
    Ok(())
}

fn read<T: FromRedisValue>(what: &str, value: Value) -> Result<T, StoreError> {
    from_redis_value(value).map_err(|_| strange_answer(what))
}
