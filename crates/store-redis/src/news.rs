//! What is new in a kind that is made by every request and listed by hardly anybody.
//!
//! **Invariant: from the moment it stands, a record of such a kind is entered like any other, or its id is in the list of a
//! window.** That is no later than its end, or an earlier end is among what is due. Whoever lists sorts all windows in first, so
//! he finds each record that stood when he began; whoever purges empties those that have begun, so he finds each that is due.
//!
//! To put an id and a moment into their places among a hundred thousand costs Redis several times what the record itself does,
//! and takes a third of its memory; and most access tokens end without anybody having asked for a list of them. So the id is
//! appended to the list of those that end within the same [`PURGE_STRIDE`], and what a purge finds there is mostly due as a
//! whole.

use std::sync::Arc;

use grantor_core::Time;
use grantor_core::record::{Kind, Put, RecordKey};
use grantor_store::{PURGE_STRIDE, StoreError};
use redis::{FromRedisValue, Value, from_redis_value};

use crate::error::strange_answer;
use crate::schema::{Keys, Scripts, Shard, name, score};
use crate::topology::{Question, Topology};

/// How many ids one step takes, which is how long it holds up everybody else on its node.
const STEP: usize = 64;

/// The kinds that are entered so, where they end some day.
pub(crate) const SELDOM_LISTED: [Kind; 2] = [Kind::AccessToken, Kind::Interaction];

/// Whether records of that kind may be in the list of a window.
pub(crate) fn is_seldom_listed(kind: Kind) -> bool {
    SELDOM_LISTED.contains(&kind)
}

/// What ends between one moment at which grantor purges and the next, by its number since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Window(i64);

impl Window {
    /// Where a record is entered while it is new, if it is of a kind that is.
    pub(crate) fn of(put: &Put) -> Option<Self> {
        let end = put.keep_until.filter(|_| is_seldom_listed(put.key.kind()))?;
        Some(Self(end.unix_millis().div_euclid(stride())))
    }

    pub(crate) fn number(self) -> i64 {
        self.0
    }

    /// The last that begins before that.
    fn before(moment: Time) -> Self {
        Self(moment.unix_millis().saturating_sub(1).div_euclid(stride()))
    }
}

fn stride() -> i64 {
    i64::try_from(PURGE_STRIDE.as_millis()).unwrap_or(i64::MAX)
}

/// What a walk through the lists works with.
#[derive(Clone, Copy)]
pub(crate) struct News<'a> {
    pub(crate) topology: &'a Arc<Topology>,
    pub(crate) keys: &'a Keys,
    pub(crate) scripts: &'a Scripts,
}

impl News<'_> {
    /// Enters like any other what was new in these shards when it was called.
    pub(crate) async fn sort_in(
        self,
        shards: impl Iterator<Item = Shard>,
        kind: Kind,
    ) -> Result<(), StoreError> {
        for (shard, window) in self.windows(shards, kind, None).await? {
            self.empty(shard, kind, window, None, usize::MAX).await?;
        }
        Ok(())
    }

    /// Removes at most `limit` records that end before that, and says how many. Where it removes fewer, none of them is left in
    /// a list: what it found there and is not due has been sorted in.
    pub(crate) async fn purge(self, before: Time, limit: usize) -> Result<usize, StoreError> {
        let mut removed = 0;
        for kind in SELDOM_LISTED {
            let mut windows = self.windows(Shard::all(), kind, Some(Window::before(before))).await?;
            // The oldest first, whichever shard they are in.
            windows.sort_unstable_by_key(|(_, window)| *window);
            for (shard, window) in windows {
                if removed == limit {
                    return Ok(removed);
                }
                removed += self.empty(shard, kind, window, Some(before), limit - removed).await?;
            }
        }
        Ok(removed)
    }

    /// All windows, or those up to one: tokens that live for months have thousands, of which few are to be purged.
    async fn windows(
        self,
        shards: impl Iterator<Item = Shard>,
        kind: Kind,
        last: Option<Window>,
    ) -> Result<Vec<(Shard, Window)>, StoreError> {
        let last = last.map_or("+inf".to_owned(), |last| last.number().to_string());
        let range = |shard| {
            let mut range = redis::cmd("ZRANGEBYSCORE");
            range.arg(self.keys.windows(shard, kind)).arg("-inf").arg(&last);
            Question::read(range)
        };
        let mut all = Vec::new();
        for (shard, windows) in self.topology.ask_each(shards, range, self.topology.deadline()).await? {
            let windows: Vec<i64> = read("ZRANGEBYSCORE", windows)?;
            all.extend(windows.into_iter().map(|window| (shard, Window(window))));
        }
        Ok(all)
    }

    /// Takes ids off the list of a window until it has none, or so many records were removed, which it says.
    async fn empty(
        self,
        shard: Shard,
        kind: Kind,
        window: Window,
        before: Option<Time>,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let Self { topology, keys, scripts } = self;
        let list = keys.new_in(shard, kind, window);
        let (number, moment) = (window.number().to_string(), before.map_or(String::new(), score));
        let mut removed = 0;
        loop {
            let step = STEP.min(limit - removed);
            let mut head = redis::cmd("LRANGE");
            head.arg(&list).arg(0).arg(step.saturating_sub(1));
            let head = topology.ask(shard, &Question::read(head), topology.deadline()).await?;
            let ids: Vec<String> = read("LRANGE", head)?;
            let mut touched =
                vec![list.clone(), keys.windows(shard, kind), keys.index(shard, kind), keys.due(shard)];
            let mut told = vec![number.clone(), moment.clone()];
            for id in &ids {
                let key = RecordKey::from_stored(kind, id).ok_or_else(|| {
                    StoreError::Corrupt(format!("a list of new {kind} records holds an id that is not one"))
                })?;
                let name = name(&key);
                touched.push(keys.record_of(shard, &name));
                told.extend([id.clone(), name]);
            }
            let told: Vec<_> = told.iter().map(String::as_bytes).collect();
            let question = Question::run(&scripts.take, &touched, &told);
            let took = topology.ask(shard, &question, topology.deadline()).await?;
            let (taken, gone): (usize, usize) = read("taking what is new", took)?;
            removed += gone;
            // What others took meanwhile has come to the same end.
            if removed == limit || (ids.len() < step && taken == ids.len()) {
                return Ok(removed);
            }
        }
    }
}

fn read<T: FromRedisValue>(what: &str, value: Value) -> Result<T, StoreError> {
    from_redis_value(value).map_err(|_| strange_answer(what))
}
