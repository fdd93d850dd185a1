//! Which node a shard's commands go to: always the same one, or, on a cluster, the primary that serves its hash slot now.
//!
//! **Invariant: a command that may have been executed is not sent again, unless it only reads.** What is sent again was
//! not sent, or was refused by a node that says so.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use grantor_store::StoreError;
use redis::{Cmd, ConnectionAddr, ConnectionInfo, Value, from_redis_value};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::error::{ConnectError, Failure, strange_answer, timed_out};
use crate::node::Node;
use crate::schema::{KnownScript, Shard};

/// How often a command may be sent on its way again: a redirection or two, a script to be loaded there, a lost connection.
const TURNS: usize = 6;

/// How long to wait before asking again about keys that are just moving from node to node.
const MOVING: Duration = Duration::from_millis(20);

/// What a node is asked, and what may be done if that fails.
#[derive(Clone)]
pub(crate) struct Question {
    /// One, or those of a transaction.
    commands: Vec<Cmd>,
    /// The script it runs, in case Redis does not know it.
    script: Option<KnownScript>,
    reads: bool,
}

impl Question {
    /// A command that changes nothing, and so may be repeated.
    pub(crate) fn read(command: Cmd) -> Self {
        Self { commands: vec![command], script: None, reads: true }
    }

    /// A command that writes.
    pub(crate) fn write(command: Cmd) -> Self {
        Self { commands: vec![command], script: None, reads: false }
    }

    /// A script that writes.
    pub(crate) fn run(script: &KnownScript, keys: &[String], arguments: &[&[u8]]) -> Self {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&*script.digest).arg(keys.len()).arg(keys).arg(arguments);
        Self { commands: vec![command], script: Some(script.clone()), reads: false }
    }

    /// Commands that write, as one transaction. Where another node is to be asked for once it is refused with `ASK`: each of
    /// its commands would have to be said so, which cannot be done within a transaction.
    pub(crate) fn transaction(commands: Vec<Cmd>) -> Self {
        Self { commands, script: None, reads: false }
    }
}

/// The nodes.
#[derive(Debug)]
pub(crate) struct Topology {
    seeds: Vec<Arc<Node>>,
    /// How to connect to any node, but for its address.
    pattern: ConnectionInfo,
    is_cluster: bool,
    timeout: Duration,
    map: RwLock<Arc<Map>>,
    refreshing: tokio::sync::Mutex<()>,
}

/// Who serves what, as of the last look.
#[derive(Debug, Default)]
struct Map {
    look: u64,
    /// By index of the shard; empty on a single server, and before the first look.
    of_shard: Vec<Option<Arc<Node>>>,
    primaries: Vec<Arc<Node>>,
    replicas: Vec<Arc<Node>>,
}

impl Topology {
    /// The server at `place`.
    pub(crate) fn single(place: ConnectionInfo, timeout: Duration) -> Result<Self, ConnectError> {
        let topology = Self::of(vec![place], false, timeout)?;
        *topology.map.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(Map { primaries: topology.seeds.clone(), ..Map::default() });
        Ok(topology)
    }

    /// The cluster that those of `places` which answer belong to.
    pub(crate) async fn cluster(
        places: Vec<ConnectionInfo>,
        timeout: Duration,
    ) -> Result<Self, ConnectError> {
        let topology = Self::of(places, true, timeout)?;
        topology.refresh(0, None, Instant::now() + timeout).await?;
        Ok(topology)
    }

    fn of(places: Vec<ConnectionInfo>, is_cluster: bool, timeout: Duration) -> Result<Self, ConnectError> {
        let pattern = places.first().cloned().ok_or_else(|| {
            StoreError::Unavailable("the URL of the Redis cluster names no node".to_owned())
        })?;
        let node = |place| Node::new(place, timeout, is_cluster).map(Arc::new);
        let seeds = places.iter().map(node).collect::<Result<_, _>>()?;
        let (map, refreshing) = Default::default();
        Ok(Self { seeds, pattern, is_cluster, timeout, map, refreshing })
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// When an operation that begins now must have ended.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// The nodes that take writes now, by asking: those of the last look may have been replaced.
    pub(crate) async fn primaries(&self, deadline: Instant) -> Result<Vec<Arc<Node>>, ConnectError> {
        if self.is_cluster {
            self.refresh(self.map().look, None, deadline).await?;
        }
        Ok(self.map().primaries.clone())
    }

    /// The servers as an operator knows them.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.seeds.iter().map(|node| node.address().to_owned()).collect()
    }

    /// Asks whoever serves `shard`.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        shard: Shard,
        question: &Question,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let mut detour = None;
        let mut turns = 0;
        loop {
            let map = self.map();
            let asking = detour.is_some();
            let node = match detour.take() {
                Some(node) => node,
                None => self.serving(&map, shard).map_err(|e| Failure::NotSent(e.into()))?,
            };
            let asked = match question.commands.as_slice() {
                [command] if asking => node.ask_after_asking(command, deadline).await,
                commands => node.ask_all(commands, deadline).await,
            };
            let failure = match asked {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            turns += 1;
            // A turn that has no time to end would make an outcome unknown that is known now.
            if turns >= TURNS || Instant::now() + self.timeout / 10 >= deadline {
                self.refresh_later(&map, &node);
                return Err(failure);
            }
            let goes_on = match &failure {
                Failure::NotSent(_) => {
                    self.refresh_from(&map, &node, deadline).await && self.is_replaced(&node, shard)
                }
                // The connection is gone, and with it the node perhaps: the next turn finds out.
                Failure::Lost(_) => question.reads,
                Failure::Refused(refusal) => match refusal.code() {
                    "NOSCRIPT" => match &question.script {
                        Some(script) => {
                            let mut load = redis::cmd("SCRIPT");
                            load.arg("LOAD").arg(script.text);
                            detour = asking.then(|| Arc::clone(&node));
                            node.ask(&load, deadline).await.map_err(not_begun)?;
                            true
                        }
                        None => false,
                    },
                    "MOVED" => self.refresh_from(&map, &node, deadline).await,
                    "CLUSTERDOWN" => {
                        self.refresh_from(&map, &node, deadline).await && self.is_replaced(&node, shard)
                    }
                    "READONLY" => {
                        node.reconnect();
                        !self.is_cluster || self.refresh_from(&map, &node, deadline).await
                    }
                    "ASK" if question.commands.len() > 1 => false,
                    "ASK" => {
                        detour = refusal.redirect().and_then(|(host, port)| self.node_at(&map, host, port));
                        detour.is_some()
                    }
                    "TRYAGAIN" => {
                        // Its keys are on two nodes for the moment. Each look costs a turn of its own kind: time.
                        turns -= 1;
                        tokio::time::sleep(MOVING).await;
                        true
                    }
                    _ => false,
                },
            };
            if !goes_on {
                return Err(failure);
            }
        }
    }

    /// Asks several shards at once, each its own question.
    pub(crate) async fn ask_each(
        self: &Arc<Self>,
        shards: impl Iterator<Item = Shard>,
        question: impl Fn(Shard) -> Question,
        deadline: Instant,
    ) -> Result<Vec<(Shard, Value)>, StoreError> {
        let mut asked = JoinSet::new();
        for shard in shards {
            let (topology, question) = (Arc::clone(self), question(shard));
            asked.spawn(async move { (shard, topology.ask(shard, &question, deadline).await) });
        }
        let mut answers = Vec::with_capacity(asked.len());
        while let Some(answer) = asked.join_next().await {
            let (shard, answer) = answer
                .map_err(|e| StoreError::Unavailable(format!("a question to Redis was given up: {e}")))?;
            answers.push((shard, answer?));
        }
        Ok(answers)
    }

    fn serving(&self, map: &Map, shard: Shard) -> Result<Arc<Node>, StoreError> {
        let serving = if self.is_cluster {
            map.of_shard.get(shard.index()).cloned().flatten()
        } else {
            self.seeds.first().cloned()
        };
        serving.ok_or_else(|| {
            let slot = shard.hash_slot();
            StoreError::Unavailable(format!("no node of the Redis cluster serves hash slot {slot}"))
        })
    }

    fn map(&self) -> Arc<Map> {
        Arc::clone(&self.map.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether another node serves the shard by now.
    fn is_replaced(&self, node: &Node, shard: Shard) -> bool {
        self.serving(&self.map(), shard).is_ok_and(|serving| serving.address() != node.address())
    }

    /// Looks again who serves what, without asking `doubtful`. Whether that succeeded, as it can on a cluster only.
    async fn refresh_from(&self, map: &Map, doubtful: &Node, deadline: Instant) -> bool {
        self.is_cluster && self.refresh(map.look, Some(doubtful.address()), deadline).await.is_ok()
    }

    /// The same for those who come later, when this operation has no time left.
    fn refresh_later(self: &Arc<Self>, map: &Map, doubtful: &Node) {
        if !self.is_cluster {
            return;
        }
        let (topology, look, doubtful) = (Arc::clone(self), map.look, doubtful.address().to_owned());
        // If it fails, the next operation that fails tries again.
        drop(tokio::spawn(async move {
            let deadline = topology.deadline();
            let _tried = topology.refresh(look, Some(&doubtful), deadline).await;
        }));
    }

    /// A newer map than the one of `seen`: somebody else's, or by asking every node known and taking the first answer.
    async fn refresh(
        &self,
        seen: u64,
        doubtful: Option<&str>,
        deadline: Instant,
    ) -> Result<(), ConnectError> {
        let late = |_| timed_out("the cluster", "say in time who serves what");
        let _refreshing = timeout_at(deadline, self.refreshing.lock()).await.map_err(late)?;
        let map = self.map();
        if map.look > seen {
            return Ok(());
        }
        let mut asked = JoinSet::new();
        let mut known: Vec<_> = self.seeds.iter().chain(&map.primaries).chain(&map.replicas).collect();
        known.sort_by_key(|node| node.address());
        known.dedup_by_key(|node| node.address());
        for node in known.into_iter().filter(|node| Some(node.address()) != doubtful) {
            let node = Arc::clone(node);
            asked.spawn(async move {
                let mut slots = redis::cmd("CLUSTER");
                slots.arg("SLOTS");
                let answer = node.ask(&slots, deadline).await;
                (node, answer)
            });
        }
        let mut failed: ConnectError =
            StoreError::Unavailable("no node of the Redis cluster answers".to_owned()).into();
        while let Some(answer) = asked.join_next().await {
            let Ok((node, answer)) = answer else { continue };
            let found = answer
                .map_err(ConnectError::from)
                .and_then(|slots| self.read_slots(&map, &node, slots).map_err(ConnectError::from));
            match found {
                Ok(found) => {
                    *self.map.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
                    return Ok(());
                }
                // What a node said outweighs that others are silent.
                Err(ConnectError::Away(_)) if matches!(failed, ConnectError::Unfit(_)) => {}
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// The answer to `CLUSTER SLOTS`: ranges, each with its primary and then its replicas.
    fn read_slots(&self, old: &Map, asked: &Node, slots: Value) -> Result<Map, StoreError> {
        let strange = |_| strange_answer("CLUSTER SLOTS");
        let ranges: Vec<Vec<Value>> = from_redis_value(slots).map_err(strange)?;
        let mut map =
            Map { look: old.look + 1, of_shard: vec![None; Shard::all().count()], ..Map::default() };
        let mut nodes: Vec<Arc<Node>> = Vec::new();
        for range in ranges {
            let mut range = range.into_iter();
            let mut bound = || from_redis_value::<u16>(range.next().unwrap_or(Value::Nil)).map_err(strange);
            let (first, last) = (bound()?, bound()?);
            for (place, node) in range.enumerate() {
                let node: Vec<Value> = from_redis_value(node).map_err(strange)?;
                let mut node = node.into_iter();
                let host: Option<String> =
                    from_redis_value(node.next().unwrap_or(Value::Nil)).map_err(strange)?;
                let port: u16 = from_redis_value(node.next().unwrap_or(Value::Nil)).map_err(strange)?;
                // A node may not know its own name: then it goes by the one it was asked under.
                let host = host.filter(|host| !host.is_empty() && host != "?");
                let own = asked.address().rsplit_once(':').map_or("", |(host, _)| host);
                let host = host.as_deref().unwrap_or(own);
                let address = self.place(host, port).addr().to_string();
                let found = nodes.iter().find(|node| node.address() == address).cloned();
                let Some(node) = found.or_else(|| self.node_at(old, host, port)) else { continue };
                if !nodes.iter().any(|known| known.address() == address) {
                    nodes.push(Arc::clone(&node));
                }
                let role = if place == 0 { &mut map.primaries } else { &mut map.replicas };
                if !role.iter().any(|known| known.address() == address) {
                    role.push(Arc::clone(&node));
                }
                if place == 0 {
                    for shard in Shard::all().filter(|shard| (first..=last).contains(&shard.hash_slot())) {
                        if let Some(serving) = map.of_shard.get_mut(shard.index()) {
                            *serving = Some(Arc::clone(&node));
                        }
                    }
                }
            }
        }
        Ok(map)
    }

    /// The node at an address: one we know, with its connection, or a new one.
    fn node_at(&self, map: &Map, host: &str, port: u16) -> Option<Arc<Node>> {
        let place = self.place(host, port);
        let address = place.addr().to_string();
        let known = map.primaries.iter().chain(&map.replicas).chain(&self.seeds);
        known
            .into_iter()
            .find(|node| node.address() == address)
            .cloned()
            .or_else(|| Node::new(&place, self.timeout, self.is_cluster).ok().map(Arc::new))
    }

    fn place(&self, host: &str, port: u16) -> ConnectionInfo {
        let host = host.to_owned();
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the driver may add kinds; a cluster has these two"
        )]
        let address = match self.pattern.addr().clone() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        self.pattern.clone().set_addr(address)
    }
}

/// The failure of something that had to come before the command, which therefore was not sent.
fn not_begun(failure: Failure) -> Failure {
    Failure::NotSent(failure.into())
}
