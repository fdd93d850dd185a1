//! The ways to write: each one script on one shard.

use std::sync::Arc;

use grantor_core::Time;
use grantor_core::record::{Expect, Put};
use grantor_store::{PutOutcome, StoreError};
use redis::{Value, from_redis_value};

use crate::error::{Failure, strange_answer};
use crate::schema::{Keys, Scripts, Shard, key_of, name, pack, score};
use crate::topology::{Question, Topology};

/// How many records one step of a purge removes, which is how long it holds up everybody else on its node.
const STEP: usize = 64;

/// One compare-and-set.
pub(crate) async fn put(topology: &Arc<Topology>, keys: &Keys, scripts: &Scripts, put: &Put) -> PutOutcome {
    let shard = Shard::of(put.key.slot());
    let expected = match put.expect {
        Expect::Absent => String::new(),
        Expect::Version(version) => version.to_string(),
    };
    let value = pack(put.version, put.keep_until, &put.body);
    let due = put.keep_until.map_or(String::new(), score);
    let touched = [keys.record(&put.key), keys.index(shard, put.key.kind()), keys.due(shard)];
    let name = name(&put.key);
    let arguments = [expected.as_bytes(), &value, put.key.id().as_bytes(), name.as_bytes(), due.as_bytes()];
    let question = Question::run(&scripts.put, &touched, &arguments);
    match topology.ask(shard, &question, topology.deadline()).await {
        Ok(Value::Int(1)) => PutOutcome::Applied,
        Ok(Value::Int(0)) => PutOutcome::Conflict,
        Ok(_) => PutOutcome::Unknown(strange_answer("a put")),
        Err(failure @ (Failure::NotSent(_) | Failure::Refused(_))) => PutOutcome::NotApplied(failure.into()),
        Err(failure @ Failure::Lost(_)) => PutOutcome::Unknown(failure.into()),
    }
}

/// Asks every shard how much is due, and takes from those that have some, in small steps.
pub(crate) async fn purge(
    topology: &Arc<Topology>,
    keys: &Keys,
    scripts: &Scripts,
    before: Time,
    limit: usize,
) -> Result<usize, StoreError> {
    let until = format!("({}", score(before));
    let count = |shard| {
        let mut count = redis::cmd("ZCOUNT");
        count.arg(keys.due(shard)).arg("-inf").arg(&until);
        Question::read(count)
    };
    let mut removed = 0;
    for (shard, count) in topology.ask_all(count, topology.deadline()).await? {
        let mut is_left = count != Value::Int(0);
        while is_left && removed < limit {
            let step = STEP.min(limit - removed);
            let mut due = redis::cmd("ZRANGEBYSCORE");
            due.arg(keys.due(shard)).arg("-inf").arg(&until).arg("LIMIT").arg(0).arg(step);
            let due = topology.ask(shard, &Question::read(due), topology.deadline()).await?;
            let due: Vec<String> = from_redis_value(due).map_err(|_| strange_answer("ZRANGEBYSCORE"))?;
            is_left = due.len() == step;
            removed += remove(topology, keys, scripts, shard, before, &due).await?;
        }
    }
    Ok(removed)
}

/// Removes those that are still due when the script runs: one that was prolonged meanwhile stays.
async fn remove(
    topology: &Arc<Topology>,
    keys: &Keys,
    scripts: &Scripts,
    shard: Shard,
    before: Time,
    due: &[String],
) -> Result<usize, StoreError> {
    if due.is_empty() {
        return Ok(0);
    }
    let moment = score(before);
    let (mut touched, mut arguments) = (vec![keys.due(shard)], vec![moment.as_bytes()]);
    for name in due {
        let key = key_of(name).ok_or_else(|| {
            StoreError::Corrupt("the index of what is due in Redis holds a name that is not one".to_owned())
        })?;
        touched.extend([keys.record_of(shard, name), keys.index(shard, key.kind())]);
        let (_, id) = name.split_once(':').unwrap_or_default();
        arguments.extend([name.as_bytes(), id.as_bytes()]);
    }
    let question = Question::run(&scripts.remove, &touched, &arguments);
    let removed = topology.ask(shard, &question, topology.deadline()).await?;
    from_redis_value(removed).map_err(|_| strange_answer("a purge"))
}
