//! A folder, and grantor in it.

use std::borrow::BorrowMut;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    folder: TempDir,
}

/// What a command said and how it ended.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The binary, with nothing of this process's environment that could configure it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grantor"));
        self.at_home(&mut command).args(arguments);
        command
    }

    /// A program in this folder, with the environment of ours.
    pub(crate) fn at_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.current_dir(self.folder.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        // Whichever ports are free.
        command.env("GRANTOR__LISTEN__PUBLIC", "127.0.0.1:0").env("GRANTOR__LISTEN__ADMIN", "127.0.0.1:0");
        command.stdin(Stdio::null())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments).output().unwrap())
    }

    /// Runs a command with a text on its standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        said(child.wait_with_output().unwrap())
    }

    /// The one JSON value of a command that must go well.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[&["--json"], arguments].concat()).json()
    }

    /// A running server; its ready file is there.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Server {
        self.serve_as("", arguments)
    }

    /// One of several running servers: its ready file and what it prints bear its name.
    pub(crate) fn serve_as(&self, name: &str, arguments: &[&str]) -> Server {
        let ready = format!("{name}ready.json");
        self.serve_by(name, self.command(&[&["serve", "--ready-file", &ready], arguments].concat()))
    }

    /// The same without any configuration at all, on the ports that the documents name.
    pub(crate) fn serve_unconfigured(&self, arguments: &[&str]) -> Server {
        let mut command = self.command(&[&["serve", "--ready-file", "ready.json"], arguments].concat());
        command.env_remove("GRANTOR__LISTEN__PUBLIC").env_remove("GRANTOR__LISTEN__ADMIN");
        self.serve_by("", command)
    }

    /// The same under another umask.
    pub(crate) fn serve_with_umask(&self, umask: &str) -> Server {
        let mut shell = Command::new("sh");
        let script = format!("umask {umask}; exec \"$0\" serve --ready-file ready.json");
        self.at_home(&mut shell).args(["-c", &script, env!("CARGO_BIN_EXE_grantor")]);
        self.serve_by("", shell)
    }

    /// A server that this command starts.
    pub(crate) fn serve_by(&self, name: &str, mut command: impl BorrowMut<Command>) -> Server {
        let ready_file = self.path(&format!("{name}ready.json"));
        // An earlier server's, which this test would take for the new one's.
        let _ = std::fs::remove_file(&ready_file);
        let begun = Instant::now();
        let process = Process::start(command.borrow_mut(), self, name);
        let mut server = Server { process, addresses: Value::Null, started_in: Duration::ZERO };
        until(|| {
            if let Some(status) = server.process.child.try_wait().unwrap() {
                panic!(
                    "the server ended with {status} before it was ready: {}",
                    self.read(&format!("{name}stderr"))
                );
            }
            ready_file.exists().then_some(())
        });
        server.started_in = begun.elapsed();
        server.addresses = serde_json::from_str(&std::fs::read_to_string(ready_file).unwrap()).unwrap();
        server
    }
}

fn said(output: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{} {}", self.out, self.err);
        assert_eq!(self.out.trim_end().lines().count(), 1, "{}", self.out);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// A child that does not outlive its test.
pub(crate) struct Process {
    pub(crate) child: Child,
}

impl Process {
    fn start(command: &mut Command, world: &World, name: &str) -> Self {
        let file = |stream| std::fs::File::create(world.path(&format!("{name}{stream}"))).unwrap();
        Self { child: command.stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Server {
    process: Process,
    pub(crate) addresses: Value,
    /// How long it was from the command to the ready file.
    pub(crate) started_in: Duration,
}

impl Server {
    pub(crate) fn public(&self) -> &str {
        self.addresses["public"].as_str().unwrap()
    }

    pub(crate) fn admin(&self) -> &str {
        self.addresses["admin"].as_str().unwrap()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// Ends it as a crash does: it can do nothing about it.
    pub(crate) fn kill(mut self) {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) fn ended(mut self) -> ExitStatus {
        until(|| self.process.child.try_wait().unwrap())
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(mut self, signal: &str) -> ExitStatus {
        let id = self.process.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        until(|| self.process.child.try_wait().unwrap())
    }
}

/// Asks again and again, since a process tells nobody when it is done.
pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < DEADLINE, "it took too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The status and the body of a GET.
pub(crate) fn get(base: &str, path: &str) -> (u16, String) {
    send(base, &format!("GET {path} HTTP/1.1\r\n\r\n")).unwrap()
}

/// The status and the body of the answer to a request; `None` if nobody takes it any more. Half an answer is a failure.
pub(crate) fn send(base: &str, request: &str) -> Option<(u16, String)> {
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let (line, rest) = request.split_once("\r\n").unwrap();
    write!(stream, "{line}\r\nHost: {address}\r\nConnection: close\r\n{rest}").ok()?;
    let mut answer = String::new();
    // A listener that closes resets what it never accepted.
    if stream.read_to_string(&mut answer).is_err() || answer.is_empty() {
        assert_eq!(answer, "", "an answer was cut");
        return None;
    }
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    if let Some(length) = length {
        assert_eq!(length.parse::<usize>().unwrap(), body.len(), "an answer was cut");
    }
    Some((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()))
}

/// A line for the shell, run as it stands.
pub(crate) fn shell(line: &str) -> String {
    let curl = Command::new("curl").arg("--version").stdout(Stdio::null()).status();
    assert!(curl.is_ok_and(|status| status.success()), "curl is missing: install it, these tests need it");
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
