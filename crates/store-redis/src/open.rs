//! Reads the URL, connects, and makes sure that what answers can be relied upon before anything is written to it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use grantor_store::{Durability, StoreError, StoreInfo};
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, TlsCertificates, Value,
    from_redis_value,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::error::{ConnectError, Failure, Refusal, is_about_trust, strange_answer};
use crate::node::Node;
use crate::options::RedisOptions;
use crate::schema::{Keys, LAYOUT, Shard};
use crate::topology::{Question, Topology};

/// Connects to what `url` names.
pub(crate) async fn prepare(
    url: &str,
    options: &RedisOptions,
    keys: &Keys,
) -> Result<Arc<Topology>, ConnectError> {
    let places = places(url, options).map_err(ConnectError::Unfit)?;
    let topology = match &places {
        Places::One(place) => Topology::single((**place).clone(), options.timeout).map(Arc::new),
        Places::Cluster(places) => Topology::cluster(places.clone(), options.timeout).await.map(Arc::new),
    };
    let checked = async {
        let topology = topology?;
        survey(&topology).await?;
        check_layout(&topology, keys).await?;
        Ok(topology)
    };
    match checked.await {
        Err(ConnectError::Away(error)) => Err(misheard(&places).await.unwrap_or(ConnectError::Away(error))),
        done @ (Ok(_) | Err(ConnectError::Unfit(_))) => done,
    }
}

enum Places {
    One(Box<ConnectionInfo>),
    Cluster(Vec<ConnectionInfo>),
}

/// How long a server may take to show that it only wants to be spoken to in the other way.
const ASIDE: Duration = Duration::from_millis(400);

/// Whether one that did not answer would have, with TLS or without: from the wrong side either looks like a server that
/// hangs, or one that is just ending.
async fn misheard(places: &Places) -> Option<ConnectError> {
    let places = match places {
        Places::One(place) => std::slice::from_ref(&**place),
        Places::Cluster(places) => places.as_slice(),
    };
    for place in places {
        let advice = if speaks_in_clear(place).await {
            "speaks in clear: use redis:// or redis-cluster://, or the port on which it speaks TLS"
        } else if speaks_tls(place).await {
            "speaks TLS: use rediss:// or rediss-cluster://, or the port on which it speaks in clear"
        } else {
            continue;
        };
        let said = format!("Redis at {} {advice}", place.addr());
        return Some(ConnectError::Unfit(StoreError::Unavailable(said)));
    }
    None
}

async fn speaks_in_clear(place: &ConnectionInfo) -> bool {
    let ConnectionAddr::TcpTls { host, port, .. } = place.addr() else { return false };
    let asked = async {
        let mut stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.write_all(b"PING\r\n").await?;
        stream.read_u8().await
    };
    matches!(timeout(ASIDE, asked).await, Ok(Ok(b'+' | b'-')))
}

async fn speaks_tls(place: &ConnectionInfo) -> bool {
    let ConnectionAddr::Tcp(host, port) = place.addr().clone() else { return false };
    let by_tls = ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None };
    choose_provider();
    let Ok(client) = Client::open(place.clone().set_addr(by_tls)) else { return false };
    match timeout(ASIDE, client.get_multiplexed_async_connection()).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => Refusal::of("", &error).is_some() || is_about_trust(&error),
        Err(_) => false,
    }
}

/// What a URL names. It is never part of a message: it may hold a password.
fn places(url: &str, options: &RedisOptions) -> Result<Places, StoreError> {
    if let Some(path) = url.strip_prefix("redis+unix:").or_else(|| url.strip_prefix("unix:")) {
        let path = path.strip_prefix("//").unwrap_or(path);
        // A query may hold user, password and database, which the driver knows how to read.
        if path.contains('?') {
            return Ok(Places::One(Box::new(place(&format!("unix://{path}"), options)?)));
        }
        return Ok(Places::One(Box::new(settled(ConnectionAddr::Unix(PathBuf::from(path)), options)?)));
    }
    let Some((scheme, rest)) = url.split_once("://") else { return Err(no_url()) };
    let scheme = match scheme {
        "redis" | "rediss" => return Ok(Places::One(Box::new(place(url, options)?))),
        "redis-cluster" => "redis",
        "rediss-cluster" => "rediss",
        _ => return Err(no_url()),
    };
    let rest = rest.trim_end_matches('/');
    let (user, nodes) = rest.rsplit_once('@').map_or(("", rest), |(user, nodes)| (user, nodes));
    let at = if user.is_empty() { "" } else { "@" };
    let node = |node| place(&format!("{scheme}://{user}{at}{node}"), options);
    Ok(Places::Cluster(nodes.split(',').map(node).collect::<Result<_, _>>()?))
}

fn no_url() -> StoreError {
    StoreError::Unavailable(
        "this is no Redis URL: write redis://HOST:PORT/DB, rediss://…, redis+unix:PATH or \
         redis-cluster://HOST:PORT,HOST:PORT, with user:password@ before the host if need be"
            .to_owned(),
    )
}

fn place(url: &str, options: &RedisOptions) -> Result<ConnectionInfo, StoreError> {
    settled(url.into_connection_info().map_err(|_| no_url())?, options)
}

fn settled(place: impl IntoConnectionInfo, options: &RedisOptions) -> Result<ConnectionInfo, StoreError> {
    let mut place = place.into_connection_info().map_err(|_| no_url())?;
    if matches!(place.addr(), ConnectionAddr::TcpTls { .. }) {
        choose_provider();
        if let Some(root) = &options.root_certificates {
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(root.clone()) };
            place = Client::build_with_tls(place, certificates)
                .map_err(|e| StoreError::Unavailable(format!("the root certificates cannot be read: {e}")))?
                .get_connection_info()
                .clone();
        }
    }
    // The third version of the protocol tells a connection's end by itself; see `node`.
    // And no name is announced, which would be one more command to be allowed.
    let settings =
        place.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
    let tcp = place.tcp_settings().clone().set_nodelay(true);
    Ok(place.set_redis_settings(settings).set_tcp_settings(tcp))
}

fn choose_provider() {
    // Whoever embeds the store may have chosen one for the process: then that one it is.
    let _chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// What the servers say of themselves, as of now.
///
/// # Errors
/// If one of them cannot be reached, or is set up so that records would vanish.
pub(crate) async fn survey(topology: &Arc<Topology>) -> Result<StoreInfo, ConnectError> {
    let deadline = topology.deadline();
    let primaries = topology.primaries(deadline).await?;
    let mut asked = tokio::task::JoinSet::new();
    for node in primaries {
        asked.spawn(async move { Facts::of(&node, deadline).await });
    }
    let mut all: Vec<Facts> = Vec::new();
    while let Some(facts) = asked.join_next().await {
        let gone = |e| StoreError::Unavailable(format!("a question to Redis was given up: {e}"));
        let facts = facts.map_err(gone)??;
        facts.refuse_if_unfit(topology.is_cluster()).map_err(ConnectError::Unfit)?;
        all.push(facts);
    }
    Ok(describe(&all, topology.is_cluster())?)
}

/// One server, as it describes itself.
struct Facts {
    address: String,
    info: BTreeMap<String, String>,
    /// `None` where `CONFIG` is forbidden, as it is by many who sell Redis as a service.
    config: Option<BTreeMap<String, String>>,
}

impl Facts {
    async fn of(node: &Node, deadline: Instant) -> Result<Self, ConnectError> {
        let text = node.ask(&redis::cmd("INFO"), deadline).await?;
        let text: String = from_redis_value(text).map_err(|_| strange_answer("INFO"))?;
        let info = text
            .lines()
            .filter_map(|line| line.trim_end().split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut config = Some(BTreeMap::new());
        for name in ["appendfsync", "no-appendfsync-on-rewrite", "save"] {
            let mut question = redis::cmd("CONFIG");
            question.arg("GET").arg(name);
            match node.ask(&question, deadline).await {
                Ok(answer) => {
                    let strange = |_| strange_answer("CONFIG GET");
                    let answer: BTreeMap<String, String> = from_redis_value(answer).map_err(strange)?;
                    if let Some(config) = &mut config {
                        config.extend(answer);
                    }
                }
                Err(Failure::Refused(_)) => config = None,
                Err(failure @ (Failure::NotSent(_) | Failure::Lost(_))) => return Err(failure.into()),
            }
        }
        Ok(Self { address: node.address().to_owned(), info, config })
    }

    fn info(&self, name: &str) -> &str {
        self.info.get(name).map_or("", String::as_str)
    }

    fn config(&self, name: &str) -> &str {
        self.config.as_ref().and_then(|config| config.get(name)).map_or("", String::as_str)
    }

    fn refuse_if_unfit(&self, is_cluster: bool) -> Result<(), StoreError> {
        let refuse = |what: String| Err(StoreError::Unavailable(format!("Redis at {} {what}", self.address)));
        let policy = self.info("maxmemory_policy");
        if policy != "noeviction" {
            return refuse(format!(
                "may drop records when its memory is full: its maxmemory-policy is {policy:?}; run `CONFIG SET \
                 maxmemory-policy noeviction` and put `maxmemory-policy noeviction` into its configuration file"
            ));
        }
        if self.info("role") == "slave" && !is_cluster {
            return refuse("is a replica; use the address of its primary".to_owned());
        }
        if self.info("redis_mode") == "cluster" && !is_cluster {
            return refuse("belongs to a cluster; use a redis-cluster:// URL".to_owned());
        }
        Ok(())
    }

    fn durability(&self) -> Durability {
        let is_always = self.config("appendfsync") == "always";
        let is_interrupted = self.config("no-appendfsync-on-rewrite") != "no";
        match self.info("aof_enabled") {
            "1" if is_always && !is_interrupted => Durability::PowerCut,
            "1" => Durability::Process,
            _ => Durability::None,
        }
    }

    fn persistence(&self) -> String {
        let flushed = match (self.config("appendfsync"), self.config("no-appendfsync-on-rewrite")) {
            ("", _) => "appendonly yes, appendfsync unknown since CONFIG is forbidden".to_owned(),
            ("always", "yes") => "appendonly yes, appendfsync always but not during rewrites".to_owned(),
            (policy, _) => format!("appendonly yes, appendfsync {policy}"),
        };
        match (self.info("aof_enabled"), self.config("save")) {
            ("1", _) => flushed,
            (_, "") if self.config.is_some() => "nothing on disk".to_owned(),
            (_, _) => "appendonly no, at most snapshots".to_owned(),
        }
    }

    fn product(&self) -> String {
        match self.info("valkey_version") {
            "" => format!("Redis {}", self.info("redis_version")),
            version => format!("Valkey {version}"),
        }
    }
}

/// One line for the operator: as weak as the weakest of the servers.
fn describe(all: &[Facts], is_cluster: bool) -> Result<StoreInfo, StoreError> {
    let strength = |facts: &&Facts| match facts.durability() {
        Durability::None => 0,
        Durability::Process => 1,
        Durability::PowerCut => 2,
    };
    let weakest = all.iter().min_by_key(strength);
    let weakest = weakest.ok_or_else(|| StoreError::Unavailable("no Redis serves writes".to_owned()))?;
    let replicas: u64 =
        all.iter().filter_map(|facts| facts.info("connected_slaves").parse::<u64>().ok()).sum();
    let shape = match (is_cluster, replicas) {
        (true, replicas) => format!("cluster of {} primaries and {replicas} replicas", all.len()),
        (false, 0) => "one server".to_owned(),
        (false, replicas) => format!("one primary and {replicas} replicas"),
    };
    let failover = if replicas > 0 { "; a failover may lose the last acknowledged writes" } else { "" };
    Ok(StoreInfo {
        backend: format!("{} ({shape}; {}{failover})", weakest.product(), weakest.persistence()),
        durability: weakest.durability(),
        records: None,
    })
}

/// Refuses a layout that is not ours, and marks an empty Redis with it.
async fn check_layout(topology: &Arc<Topology>, keys: &Keys) -> Result<(), ConnectError> {
    let deadline = topology.deadline();
    let mut look = redis::cmd("GET");
    look.arg(keys.layout());
    let found = topology.ask(Shard::FIRST, &Question::read(look), deadline).await?;
    match from_redis_value::<Option<String>>(found).map_err(|_| strange_answer("GET"))? {
        Some(layout) if layout == LAYOUT => Ok(()),
        Some(layout) => Err(ConnectError::Unfit(StoreError::Corrupt(format!(
            "what lies in Redis was written by another version of grantor (layout {layout:?}, this one knows {LAYOUT}); \
             run that version, or restore a backup made before the upgrade"
        )))),
        None => {
            let mut mark = redis::cmd("SET");
            mark.arg(keys.layout()).arg(LAYOUT).arg("NX");
            // A Redis that takes no writes now is still good for reads; the next start marks it.
            let _marked: Result<Value, _> =
                topology.ask(Shard::FIRST, &Question::write(mark), deadline).await;
            Ok(())
        }
    }
}
