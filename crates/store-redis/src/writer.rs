//! The ways to write: each one script on one shard.

use std::sync::Arc;

use grantor_core::Time;
use grantor_core::record::{Expect, Put, Version};
use grantor_store::{PutOutcome, StoreError};
use redis::{Cmd, Value, from_redis_value};

use crate::error::{Failure, strange_answer};
use crate::news::{News, Window};
use crate::schema::{Keys, Scripts, Shard, key_of, name, pack, score};
use crate::topology::{Question, Topology};

/// How many records one step of a purge removes, which is how long it holds up everybody else on its node.
const STEP: usize = 64;

/// What the scripts are told of a record.
struct Told {
    record: String,
    value: Vec<u8>,
    name: String,
    /// When it is due, or nothing.
    due: String,
}

impl Told {
    fn of(keys: &Keys, shard: Shard, put: &Put) -> Self {
        let name = name(&put.key);
        Self {
            record: keys.record_of(shard, &name),
            value: pack(put.version, put.keep_until, &put.body),
            due: put.keep_until.map_or(String::new(), score),
            name,
        }
    }
}

/// One compare-and-set.
pub(crate) async fn put(topology: &Arc<Topology>, keys: &Keys, scripts: &Scripts, put: &Put) -> PutOutcome {
    match put.expect {
        Expect::Absent => create(topology, keys, scripts, put).await,
        Expect::Version(version) => replace(topology, keys, scripts, None, put, version).await,
    }
}

/// Whether one script can do both: a record that is new, and a compare-and-set of another in its shard, as an access token and
/// its grant are. Gives the version that the other is to have.
pub(crate) fn go_together(first: &Put, put: &Put) -> Option<Version> {
    let is_new = first.expect == Expect::Absent && Window::of(first).is_some();
    let is_near = Shard::of(first.key.slot()) == Shard::of(put.key.slot());
    match put.expect {
        Expect::Version(version) if is_new && is_near => Some(version),
        Expect::Version(_) | Expect::Absent => None,
    }
}

async fn create(topology: &Arc<Topology>, keys: &Keys, scripts: &Scripts, put: &Put) -> PutOutcome {
    let shard = Shard::of(put.key.slot());
    let Told { record, value, name, due } = Told::of(keys, shard, put);
    let (kind, id) = (put.key.kind(), put.key.id());
    let mut transaction = Vec::with_capacity(3);
    let mut number = String::new();
    let touched = if let Some(window) = Window::of(put) {
        number = window.number().to_string();
        let (list, windows) = (keys.new_in(shard, kind, window), keys.windows(shard, kind));
        transaction.push(command("ZADD", |c| c.arg(&windows).arg(&number).arg(&number)));
        transaction.push(command("RPUSH", |c| c.arg(&list).arg(id)));
        [record, list, windows]
    } else {
        let (index, dues) = (keys.index(shard, kind), keys.due(shard));
        transaction.push(command("ZADD", |c| c.arg(&index).arg(0).arg(id)));
        if !due.is_empty() {
            // `LT`: where another record stands, its own moment is not put off.
            transaction.push(command("ZADD", |c| c.arg(&dues).arg("LT").arg(&due).arg(&name)));
        }
        [record, index, dues]
    };
    let [record, ..] = &touched;
    transaction.push(command("SET", |c| c.arg(record).arg(&value).arg("NX")));
    let deadline = topology.deadline();
    match topology.ask(shard, &Question::transaction(transaction), deadline).await {
        // Of a transaction: the record is the last that is written.
        Ok(Value::Array(done)) => match done.last() {
            Some(Value::Okay) if done.iter().all(|done| !matches!(done, Value::ServerError(_))) => {
                PutOutcome::Applied
            }
            Some(Value::Nil) => in_the_way(topology, shard, record).await,
            // It stands, perhaps without an entry, or nobody can tell: one read will.
            Some(_) | None => PutOutcome::Unknown(strange_answer("a put")),
        },
        // Its slot is moving.
        Err(Failure::Refused(refusal)) if refusal.code() == "ASK" => {
            let arguments = [&value, id.as_bytes(), number.as_bytes(), name.as_bytes(), due.as_bytes()];
            let question = Question::run(&scripts.create, &touched, &arguments);
            became(topology.ask(shard, &question, deadline).await)
        }
        answer => became(answer),
    }
}

/// A compare-and-set of a record that stands, after one that is new, if there is one that [goes together](go_together) with it.
pub(crate) async fn replace(
    topology: &Arc<Topology>,
    keys: &Keys,
    scripts: &Scripts,
    first: Option<&Put>,
    put: &Put,
    version: Version,
) -> PutOutcome {
    let shard = Shard::of(put.key.slot());
    let (version, told) = (version.to_string(), Told::of(keys, shard, put));
    let mut touched = vec![told.record, keys.due(shard)];
    let mut arguments: Vec<&[u8]> =
        vec![version.as_bytes(), &told.value, told.name.as_bytes(), told.due.as_bytes()];
    let new = first.and_then(|first| {
        let window = Window::of(first)?;
        let lists = [keys.new_in(shard, first.key.kind(), window), keys.windows(shard, first.key.kind())];
        Some((Told::of(keys, shard, first), lists, first.key.id(), window.number().to_string()))
    });
    if let Some((new, lists, id, number)) = &new {
        touched.push(new.record.clone());
        touched.extend(lists.clone());
        arguments.extend([&new.value, id.as_bytes(), number.as_bytes()]);
    }
    let question = Question::run(&scripts.replace, &touched, &arguments);
    became(topology.ask(shard, &question, topology.deadline()).await)
}

/// What became of a put, by what its script answered.
fn became(answer: Result<Value, Failure>) -> PutOutcome {
    match answer {
        Ok(Value::Int(1)) => PutOutcome::Applied,
        Ok(Value::Int(0)) => PutOutcome::Conflict,
        Ok(_) => PutOutcome::Unknown(strange_answer("a put")),
        Err(failure @ (Failure::NotSent(_) | Failure::Refused(_))) => PutOutcome::NotApplied(failure.into()),
        Err(failure @ Failure::Lost(_)) => PutOutcome::Unknown(failure.into()),
    }
}

/// What a create came upon: a record, or something that is none and so no reason to believe that there is one.
async fn in_the_way(topology: &Arc<Topology>, shard: Shard, record: &str) -> PutOutcome {
    let look = command("GETRANGE", |c| c.arg(record).arg(0).arg(0));
    match topology.ask(shard, &Question::read(look), topology.deadline()).await {
        Err(failure @ Failure::Refused(_)) => PutOutcome::NotApplied(failure.into()),
        // Nothing was written either way.
        Ok(_) | Err(Failure::NotSent(_) | Failure::Lost(_)) => PutOutcome::Conflict,
    }
}

fn command(name: &str, arguments: impl FnOnce(&mut Cmd) -> &mut Cmd) -> Cmd {
    let mut command = redis::cmd(name);
    arguments(&mut command);
    command
}

/// Removes what is due among what is new, then asks every shard how much else is, and takes from those that have some, in small
/// steps.
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
    let mut removed = News { topology, keys, scripts }.purge(before, limit).await?;
    for (shard, count) in topology.ask_each(Shard::all(), count, topology.deadline()).await? {
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
