//! A subject that runs: started, filled, reached, looked at, and gone when it is dropped.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::external::server::{Deadlines, Server};
use crate::failure::{Failure, Outcome, While};
use crate::redis::RedisServer;
use crate::workspace;

use super::clock::Clock;
use super::plan::{Backend, Kind, Subject};
use super::{Bench, SERVER_CORE, pinned};

/// Who everybody is, in the shape of an import file.
const REGISTRATIONS: &str = "crates/bench/registrations.json";

/// How long a start may take; only says when to give up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at a server that starts: short beside any start, and long beside a look.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Of grantor, in its folder.
const CONFIGURATION: &str = "grantor.toml";

/// A server that answers.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    /// Its own process first, then that of its store, if it has one.
    pub(super) pids: Vec<u32>,
    /// How long it took until it let itself be reached; of grantor, [`Running::restart`] tells that better.
    pub(super) started_in: Duration,
    load_options: &'static [&'static str],
    folder: PathBuf,
    program: Program,
    /// After the server, which would complain.
    redis: Option<RedisServer>,
}

/// One that lets itself be reached.
struct Started {
    program: Program,
    address: SocketAddr,
    pid: u32,
    took: Duration,
}

enum Program {
    Grantor(Box<Server>),
    Other(Killed),
    Stopped,
}

/// A process that does not outlive this.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a store of Redis is started with: nothing is written to disk, by whomever it is used.
pub(super) const REDIS: &[&str] = &["--appendonly", "no"];

impl Running {
    /// Starts it in a folder of its own.
    pub(super) fn start(bench: &Bench<'_>, subject: Subject) -> Outcome<Self> {
        Self::begin(bench, subject, "", None)
    }

    /// The same by a time of day of its own, if it is grantor.
    pub(super) fn start_by_clock(bench: &Bench<'_>, subject: Subject, clock: &Clock) -> Outcome<Self> {
        Self::begin(bench, subject, "", Some(clock))
    }

    /// The same, with more of grantor's configuration.
    pub(super) fn start_with(bench: &Bench<'_>, subject: Subject, configuration: &str) -> Outcome<Self> {
        Self::begin(bench, subject, configuration, None)
    }

    fn begin(
        bench: &Bench<'_>,
        subject: Subject,
        configuration: &str,
        clock: Option<&Clock>,
    ) -> Outcome<Self> {
        let folder = bench.folder.join(subject.name);
        if folder.exists() {
            fs::remove_dir_all(&folder).during(folder.display())?;
        }
        fs::create_dir_all(&folder).during(folder.display())?;
        let redis = match subject.backend() {
            Backend::Redis => Some(redis()?),
            Backend::Memory | Backend::Sqlite | Backend::SqliteRelaxed | Backend::Sled => None,
        };
        let redis_url = redis.as_ref().map(RedisServer::url);
        let started = match subject.kind {
            Kind::Grantor(backend) => {
                let begun = Instant::now();
                let server = grantor(bench, backend, redis_url.as_deref(), &folder, configuration, clock)?;
                let (address, pid) = (address_of(server.public())?, server.pid());
                Started { program: Program::Grantor(Box::new(server)), address, pid, took: begun.elapsed() }
            }
            Kind::Floor(backend) => {
                let mut floor = pinned(SERVER_CORE, bench.program("floor")?);
                floor.arg("--store").arg(url_of(backend, redis_url.as_deref()));
                other(floor, &folder)?
            }
            Kind::Peer(peer, _) => {
                let mut command = peer.command(bench)?;
                command.arg("--registrations").arg(bench.workspace.path(REGISTRATIONS));
                if let Some(url) = &redis_url {
                    command.arg("--redis").arg(url);
                }
                other(command, &folder)?
            }
        };
        let Started { program, address, pid, took } = started;
        let mut pids = vec![pid];
        if let Some(redis) = &redis {
            pids.push(pid_of(redis)?);
        }
        let load_options = match subject.kind {
            Kind::Peer(peer, _) => peer.load_options(),
            Kind::Floor(_) | Kind::Grantor(_) => &[],
        };
        Ok(Self { address, pids, started_in: took, load_options, folder, program, redis })
    }

    /// What the load must be told of it.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--address".to_owned(), self.address.to_string()];
        for pid in &self.pids {
            arguments.extend(["--pid".to_owned(), pid.to_string()]);
        }
        arguments.extend(self.load_options.iter().map(ToString::to_string));
        arguments
    }

    /// Memory in use now, of all its processes, in bytes.
    pub(super) fn memory(&self) -> Outcome<u64> {
        self.pids.iter().map(|pid| memory_of(*pid)).sum()
    }

    /// The same without its store's process.
    pub(super) fn memory_of_itself(&self) -> Outcome<u64> {
        self.pids.first().map_or(Ok(0), |pid| memory_of(*pid))
    }

    /// Ends grantor and starts it again on what it kept, and tells how long it took until it was ready.
    pub(super) fn restart(&mut self, bench: &Bench<'_>) -> Outcome<Duration> {
        if let Program::Grantor(server) = std::mem::replace(&mut self.program, Program::Stopped) {
            server.stop()?;
        }
        let mut serve = pinned(SERVER_CORE, bench.program("grantor")?);
        serve.args(["serve", "--config"]).arg(self.folder.join(CONFIGURATION)).current_dir(&self.folder);
        serve.env("GRANTOR__LISTEN__PUBLIC", self.address.to_string());
        serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let child = serve.spawn().during("starting grantor again")?;
        if let Some(pid) = self.pids.first_mut() {
            *pid = child.id();
        }
        self.program = Program::Other(Killed(child));
        let request =
            format!("GET /health/ready HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        while !exchange(self.address, &request).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            if begun.elapsed() > PATIENCE {
                return Err(Failure::new("grantor did not start again"));
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(begun.elapsed())
    }

    /// What its store takes on the disk, in bytes.
    pub(super) fn on_disk(&self) -> Outcome<u64> {
        size_of(&self.folder)
    }

    /// What grantor counts, as it tells operators.
    pub(super) fn metrics(&self) -> Outcome<String> {
        let Program::Grantor(server) = &self.program else {
            return Err(Failure::new("only grantor tells what it counts"));
        };
        let address = admin_of(server)?;
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let answer = exchange(address, &request)?;
        match answer.starts_with("HTTP/1.1 200") {
            true => Ok(answer),
            false => Err(Failure::new(format!("asking for metrics: {answer}"))),
        }
    }

    /// Ends it in order, and removes what it left.
    pub(super) fn stop(mut self) -> Outcome {
        match std::mem::replace(&mut self.program, Program::Stopped) {
            Program::Grantor(server) => server.stop()?,
            Program::Other(killed) => drop(killed),
            Program::Stopped => {}
        }
        drop(self.redis.take());
        fs::remove_dir_all(&self.folder).during(self.folder.display())
    }

    /// Shows what a server of ours wrote, where something went wrong.
    pub(super) fn show_log(&self) {
        if let Program::Grantor(server) = &self.program {
            server.show_log();
        }
    }
}

fn grantor(
    bench: &Bench<'_>,
    backend: Backend,
    redis: Option<&str>,
    folder: &Path,
    configuration: &str,
    clock: Option<&Clock>,
) -> Outcome<Server> {
    let program = bench.program("grantor")?;
    let url = match backend {
        Backend::Memory => "memory:".to_owned(),
        Backend::Sqlite | Backend::SqliteRelaxed => "sqlite:grantor-data/grantor.db".to_owned(),
        Backend::Sled => "sled:grantor-data/sled".to_owned(),
        Backend::Redis => redis.unwrap_or_default().to_owned(),
    };
    let durability = match backend {
        Backend::SqliteRelaxed => "relaxed",
        Backend::Memory | Backend::Sqlite | Backend::Sled | Backend::Redis => "full",
    };
    // All else is as it comes. Codes are made before they are measured, and must live as long as that takes.
    let text = format!(
        "[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[storage]\nurl = \"{url}\"\n\
         durability = \"{durability}\"\n[lifetimes]\nauthorization_code = \"600s\"\n{configuration}"
    );
    let file = folder.join(CONFIGURATION);
    fs::write(&file, text).during(file.display())?;
    let registrations = bench.workspace.path(REGISTRATIONS);
    let in_process = backend == Backend::Memory;
    if !in_process {
        let mut import = Command::new(program);
        import.arg("import").arg(&registrations).arg("--config").arg(&file).current_dir(folder);
        import.stdout(Stdio::null()).stderr(Stdio::null());
        workspace::succeed(import)?;
    }
    // No command reaches a store within a server's own process. There its API does it, whose administrator a demo makes.
    let options: &[&str] = if in_process { &["--demo"] } else { &[] };
    let mut command = pinned(SERVER_CORE, program);
    if let Some(clock) = clock {
        clock.given_to(&mut command);
    }
    let server = Server::start_with(command, options, &file, folder, Deadlines::default())?;
    if in_process {
        import_over_http(&server, &registrations)?;
    }
    Ok(server)
}

fn import_over_http(server: &Server, registrations: &Path) -> Outcome {
    let said = server.said()?;
    let token = said.split_once("ADMIN_TOKEN='").and_then(|(_, rest)| rest.split('\'').next());
    let token = token.ok_or_else(|| Failure::new("grantor serve --demo shows no token"))?;
    let address = admin_of(server)?;
    let body = fs::read_to_string(registrations).during(registrations.display())?;
    let request = format!(
        "POST /api/import HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(address, &request)?;
    match answer.starts_with("HTTP/1.1 200") {
        true => Ok(()),
        false => Err(Failure::new(format!("importing: {answer}"))),
    }
}

/// Where operators reach it.
fn admin_of(server: &Server) -> Outcome<SocketAddr> {
    address_of(server.addresses().get("admin").and_then(|url| url.as_str()).unwrap_or_default())
}

/// Sends one request on a connection of its own.
pub(super) fn exchange(address: SocketAddr, request: &str) -> Outcome<String> {
    let doing = || format!("asking {address}");
    let mut stream = TcpStream::connect(address).during(doing())?;
    stream.set_read_timeout(Some(PATIENCE)).during(doing())?;
    stream.write_all(request.as_bytes()).during(doing())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).during(doing())?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn url_of(backend: Backend, redis: Option<&str>) -> String {
    match backend {
        Backend::Memory => "memory".to_owned(),
        Backend::Sqlite | Backend::SqliteRelaxed => "sqlite:floor.db".to_owned(),
        Backend::Sled => "sled:floor".to_owned(),
        Backend::Redis => redis.unwrap_or_default().to_owned(),
    }
}

/// Starts a program that listens where `--listen` says, and waits until it does.
fn other(mut command: Command, folder: &Path) -> Outcome<Started> {
    let address = free_address()?;
    let log = folder.join("log");
    let output = File::create(&log).during(log.display())?;
    let errors = output.try_clone().during(log.display())?;
    command.arg("--listen").arg(address.to_string()).current_dir(folder);
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    let begun = Instant::now();
    let child = command.spawn().during("starting a subject")?;
    let pid = child.id();
    let mut killed = Killed(child);
    while TcpStream::connect(address).is_err() {
        let ended = killed.0.try_wait().during("waiting for a subject")?;
        if ended.is_some() || begun.elapsed() > PATIENCE {
            let said = fs::read_to_string(&log).unwrap_or_default();
            return Err(Failure::new(format!("a subject did not start: {said}")));
        }
        // Keeps the looking from taking the processor from what is looked for.
        thread::sleep(LOOK_AGAIN);
    }
    Ok(Started { program: Program::Other(killed), address, pid, took: begun.elapsed() })
}

fn redis() -> Outcome<RedisServer> {
    let server = RedisServer::start(REDIS).map_err(Failure::new)?;
    let mut pin = Command::new("taskset");
    pin.args(["--all-tasks", "--cpu-list", "--pid", SERVER_CORE]).arg(pid_of(&server)?.to_string());
    pin.stdout(Stdio::null());
    workspace::succeed(pin)?;
    Ok(server)
}

fn pid_of(redis: &RedisServer) -> Outcome<u32> {
    let info = redis.say(&["INFO", "server"]).during("asking Redis for its process")?;
    let pid = info.lines().find_map(|line| line.strip_prefix("process_id:")?.trim().parse().ok());
    pid.ok_or_else(|| Failure::new("Redis tells no process id"))
}

fn memory_of(pid: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).during("reading memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map(|kilobytes| 1024 * kilobytes).ok_or_else(|| Failure::new("a process without memory"))
}

fn free_address() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").during("finding a free port")?;
    listener.local_addr().during("finding a free port")
}

pub(super) fn address_of(url: &str) -> Outcome<SocketAddr> {
    let address = url.strip_prefix("http://").unwrap_or(url);
    address.parse().during(format!("reading the address {url}"))
}

fn size_of(folder: &Path) -> Outcome<u64> {
    let mut all = 0;
    for entry in fs::read_dir(folder).during(folder.display())? {
        let entry = entry.during(folder.display())?;
        let kind = entry.file_type().during(folder.display())?;
        all += match kind.is_dir() {
            true => size_of(&entry.path())?,
            false => entry.metadata().during(folder.display())?.len(),
        };
    }
    Ok(all)
}
