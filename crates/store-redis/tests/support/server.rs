//! Real Redis servers for tests and chores: one, or a cluster of six, on free ports and in folders of their own.
//!
//! Uses the standard library alone, so that `xtask` includes it by path. Dropped, servers are killed and their folders
//! removed. They end with this process too, however it ends: each is held by a shell that reads our end of a pipe.

#![allow(dead_code, unreachable_pub, reason = "each program that includes this uses the part it needs")]

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Set to `1`, it lets tests that need a server be skipped.
pub const SKIP: &str = "GRANTOR_SKIP_REDIS";

/// How long a server may take to answer, or a cluster to come together. Only says when to give up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every acknowledged write is on the disk.
pub const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

/// Whether to go without, because [`SKIP`] says so; then that was said on standard output.
#[allow(clippy::print_stdout, reason = "what is left out must be seen")]
pub fn is_skipped(what: &str) -> bool {
    let skip = std::env::var(SKIP).is_ok_and(|value| value == "1");
    if skip {
        println!("skipped: {what} ({SKIP}=1)");
    }
    skip
}

/// Makes sure that `redis-server` can be started, installing it where that is ours to do.
pub fn ensure_installed() -> Result<(), String> {
    let is_there = || {
        let mut version = Command::new("redis-server");
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    };
    if is_there() {
        return Ok(());
    }
    let am_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if am_root {
        let mut install = Command::new("apt-get");
        // Whether it helped is seen below.
        let _tried = install.args(["install", "-y", "redis-server"]).stdout(Stdio::null()).status();
    }
    if is_there() {
        return Ok(());
    }
    Err(format!(
        "redis-server is missing: install Redis 6.2 or later (Debian: apt-get install redis-server), or set {SKIP}=1"
    ))
}

/// A folder that is removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("grantor-redis-{}-{number}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind lies in the system's temporary folder.
        let _removed = fs::remove_dir_all(&self.0);
    }
}

/// A server that answers.
pub struct RedisServer {
    folder: Folder,
    port: u16,
    arguments: Vec<String>,
    password: Option<String>,
    running: Option<Running>,
}

/// The shell that holds a server, and the server's process id.
struct Running {
    shell: Child,
    server: u32,
}

impl RedisServer {
    /// Starts a server with these arguments after those that every server here gets, and waits until it answers.
    pub fn start(arguments: &[&str]) -> Result<Self, String> {
        ensure_installed()?;
        // Between the choice of a port and its use somebody else may take it.
        let mut failure = String::new();
        for _ in 0..5 {
            let folder = Folder::new().map_err(|e| format!("making a folder for Redis: {e}"))?;
            let port = free_port().map_err(|e| format!("finding a free port: {e}"))?;
            let password = arguments.iter().position(|argument| *argument == "--requirepass");
            let password = password.and_then(|at| arguments.get(at + 1)).map(ToString::to_string);
            let arguments = arguments.iter().map(ToString::to_string).collect();
            let mut server = Self { folder, port, arguments, password, running: None };
            match server.begin() {
                Ok(()) => return Ok(server),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// `redis://HOST:PORT/0`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Starts it again, on the same port and folder, after [`RedisServer::kill`].
    pub fn begin(&mut self) -> Result<(), String> {
        let log = self.folder.path().join("redis.log");
        // `<&-` or the server would hold the pipe open that tells the shell of our end.
        let hold = r#""$@" <&- >/dev/null & echo $!; cat >/dev/null; kill -KILL $! 2>/dev/null"#;
        let mut shell = Command::new("sh")
            .args(["-c", hold, "sh", "redis-server", "--bind", "127.0.0.1", "--save", "", "--port"])
            .arg(self.port.to_string())
            .arg("--dir")
            .arg(self.folder.path())
            .arg("--logfile")
            .arg(&log)
            .arg("--unixsocket")
            .arg(self.socket())
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("starting redis-server: {e}"))?;
        let mut first = String::new();
        if let Some(output) = shell.stdout.take() {
            BufReader::new(output)
                .read_line(&mut first)
                .map_err(|e| format!("starting redis-server: {e}"))?;
        }
        let server = first.trim().parse().map_err(|_| "starting redis-server: no process id".to_owned())?;
        self.running = Some(Running { shell, server });
        let answers = || matches!(self.say(&["PING"]), Ok(pong) if pong == "PONG");
        wait_until("redis-server answers", answers).map_err(|e| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            format!("{e}; its log:\n{log}")
        })
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            signal("KILL", running.server);
            // The end of its input is what the shell waits for.
            drop(running.shell.stdin.take());
            let _ended = running.shell.wait();
        }
    }

    /// Stops it where it stands (`STOP`), or lets it go on (`CONT`).
    pub fn signal(&self, name: &str) {
        if let Some(running) = &self.running {
            signal(name, running.server);
        }
    }

    /// Removes what it has written to disk.
    pub fn wipe(&self) -> io::Result<()> {
        fs::remove_dir_all(self.folder.path())?;
        fs::create_dir_all(self.folder.path())
    }

    /// Sends one command on a connection of its own and returns its answer as text, one line for each part.
    pub fn say(&self, words: &[&str]) -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut reader = BufReader::new(stream.try_clone()?);
        if let Some(password) = &self.password {
            stream.write_all(&encode(&["AUTH", password]))?;
            read_answer(&mut reader)?;
        }
        stream.write_all(&encode(words))?;
        read_answer(&mut reader)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three primaries with a replica each.
pub struct RedisCluster {
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    pub fn start(arguments: &[&str]) -> Result<Self, String> {
        let cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        let arguments = [&cluster, arguments].concat();
        let nodes = (0..6).map(|_| RedisServer::start(&arguments)).collect::<Result<Vec<_>, _>>()?;
        let cluster = Self { nodes };
        cluster.form().map_err(|e| format!("forming a Redis cluster: {e}"))?;
        Ok(cluster)
    }

    /// `redis-cluster://…`, with every node named.
    pub fn url(&self) -> String {
        let nodes: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis-cluster://{}", nodes.join(","))
    }

    fn form(&self) -> Result<(), String> {
        let io = |e: io::Error| e.to_string();
        let ids: Vec<_> = self
            .nodes
            .iter()
            .map(|node| node.say(&["CLUSTER", "MYID"]).map_err(io))
            .collect::<Result<_, _>>()?;
        for (number, node) in self.nodes.iter().enumerate() {
            node.say(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]).map_err(io)?;
            if number < 3 {
                let (first, last) = (number * 16_384 / 3, (number + 1) * 16_384 / 3 - 1);
                node.say(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]).map_err(io)?;
            }
            if let Some(first) = self.nodes.first().filter(|_| number > 0) {
                node.say(&["CLUSTER", "MEET", "127.0.0.1", &first.port.to_string()]).map_err(io)?;
            }
        }
        for (number, node) in self.nodes.iter().enumerate().skip(3) {
            let id = ids.get(number - 3).map_or("", String::as_str);
            wait_until(
                "a replica has its primary",
                || matches!(node.say(&["CLUSTER", "REPLICATE", id]), Ok(ok) if ok == "OK"),
            )?;
        }
        wait_until("every node agrees on the cluster", || {
            self.nodes.iter().enumerate().all(|(number, node)| {
                let info = node.say(&["CLUSTER", "INFO"]).unwrap_or_default();
                let slots = node.say(&["CLUSTER", "SLOTS"]).unwrap_or_default();
                let replication = node.say(&["INFO", "replication"]).unwrap_or_default();
                let is_linked = number < 3 || replication.contains("master_link_status:up");
                let knows_all = self.nodes.iter().all(|node| slots.contains(&node.port.to_string()));
                info.contains("cluster_state:ok") && knows_all && is_linked
            })
        })
    }
}

fn signal(name: &str, process: u32) {
    let mut kill = Command::new("sh");
    // It may have ended by itself.
    let _sent = kill.args(["-c", "kill -$0 $1 2>/dev/null", name, &process.to_string()]).status();
}

/// Looks until it is so. The pause only keeps the looking from taking the processor from what is looked for.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > deadline {
            return Err(format!("gave up waiting until {what}"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// A port that nobody listens on, whose cluster bus port, 10,000 above, is one too.
///
/// None of those that systems hand out by themselves, or a connection of anybody's could come to have it while the
/// server that is to keep it is down. No two calls of a process return the same.
pub fn free_port() -> io::Result<u16> {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Processes that run side by side begin far from each other.
    let begin = u64::from(std::process::id()).wrapping_mul(7_919);
    for _ in 0..COUNT {
        let turn = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + u16::try_from(turn % u64::from(COUNT)).map_err(io::Error::other)?;
        if [port, port + 10_000].iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

fn encode(words: &[&str]) -> Vec<u8> {
    let words = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    let words: Vec<_> = words.collect();
    format!("*{}\r\n{}", words.len(), words.concat()).into_bytes()
}

fn read_answer(reader: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (Some(mark), Some(text)) = (line.get(..1), line.get(1..)) else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let text = text.trim_end();
    let count = || text.parse::<i64>().unwrap_or(-1);
    match mark {
        "$" => {
            let Ok(length) = usize::try_from(count()) else { return Ok(String::new()) };
            let mut bytes = vec![0; length + 2];
            reader.read_exact(&mut bytes)?;
            bytes.truncate(length);
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        "*" => {
            let parts: Vec<_> = (0..count()).map(|_| read_answer(reader)).collect::<Result<_, _>>()?;
            Ok(parts.join("\n"))
        }
        _ => Ok(text.to_owned()),
    }
}
