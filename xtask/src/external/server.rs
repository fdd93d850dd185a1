//! One `grantor serve`, from the start to an orderly stop.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::{Failure, Outcome, While};
use crate::workspace;

/// How long the server may take, each way.
#[derive(Clone, Copy)]
pub(crate) struct Deadlines {
    pub(crate) start: Duration,
    pub(crate) stop: Duration,
}

impl Default for Deadlines {
    /// Generous: a loaded machine is not a fault of the server, and a run that passes waits for neither.
    fn default() -> Self {
        Self { start: Duration::from_secs(60), stop: Duration::from_secs(60) }
    }
}

/// A server that listens. Dropped, it is killed: a failed run leaves no process behind.
pub(crate) struct Server {
    child: Child,
    addresses: Value,
    log: PathBuf,
    deadlines: Deadlines,
}

impl Server {
    /// Starts `grantor`, the binary with no argument yet, and waits until it says that it listens.
    pub(crate) fn start(
        grantor: Command,
        configuration: &Path,
        folder: &Path,
        deadlines: Deadlines,
    ) -> Outcome<Self> {
        Self::start_with(grantor, &[], configuration, folder, deadlines)
    }

    /// The same with more options of `serve`.
    pub(crate) fn start_with(
        mut grantor: Command,
        options: &[&str],
        configuration: &Path,
        folder: &Path,
        deadlines: Deadlines,
    ) -> Outcome<Self> {
        let ready_file = folder.join("ready.json");
        let log = folder.join("serve.log");
        let output = File::create(&log).during(log.display())?;
        let errors = output.try_clone().during(log.display())?;
        let child = grantor
            .arg("serve")
            .arg("--ready-file")
            .arg(&ready_file)
            .arg("--config")
            .arg(configuration)
            .args(options)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .during("starting grantor serve")?;
        let mut server = Self { child, addresses: Value::Null, log, deadlines };
        match server.addresses_when_ready(&ready_file) {
            Ok(addresses) => server.addresses = addresses,
            Err(failure) => {
                server.show_log();
                return Err(failure);
            }
        }
        Ok(server)
    }

    /// The URL of the public listener.
    pub(crate) fn public(&self) -> &str {
        self.addresses.get("public").and_then(Value::as_str).unwrap_or_default()
    }

    /// What the ready file says.
    pub(crate) fn addresses(&self) -> &Value {
        &self.addresses
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it has printed so far.
    pub(crate) fn said(&self) -> Outcome<String> {
        fs::read_to_string(&self.log).during(self.log.display())
    }

    fn addresses_when_ready(&mut self, ready_file: &Path) -> Outcome<Value> {
        let deadline = Instant::now() + self.deadlines.start;
        loop {
            let status = self.child.try_wait().during("waiting for grantor serve")?;
            // A file that is not whole yet is no JSON: look again.
            let ready =
                fs::read(ready_file).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
            if let Some(status) = status {
                return Err(Failure::new(format!("grantor serve ended by itself: {status}")));
            }
            if let Some(ready) = ready {
                return match ready.get("public").is_some_and(Value::is_string) {
                    true => Ok(ready),
                    false => Err(Failure::new(format!("the ready file names no `public`: {ready}"))),
                };
            }
            if Instant::now() >= deadline {
                let waited = self.deadlines.start.as_secs();
                return Err(Failure::new(format!("grantor serve wrote no ready file in {waited} s")));
            }
            pause();
        }
    }

    /// Asks the server to stop, as an operator's init would, and expects exit code 0.
    pub(crate) fn stop(mut self) -> Outcome {
        let outcome = self.stop_in_order();
        if outcome.is_err() {
            self.show_log();
        }
        outcome
    }

    fn stop_in_order(&mut self) -> Outcome {
        // The shell's own `kill`: the standard library sends no SIGTERM, and the program is not on every machine.
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -TERM \"$0\"", &self.child.id().to_string()]);
        workspace::succeed(kill)?;
        let deadline = Instant::now() + self.deadlines.stop;
        match exit_within(&mut self.child, deadline).during("waiting for grantor serve to stop")? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(Failure::new(format!("grantor serve answered SIGTERM with {status}"))),
            None => {
                let waited = self.deadlines.stop.as_secs();
                Err(Failure::new(format!("grantor serve ran on for {waited} s after SIGTERM")))
            }
        }
    }

    /// Prints the end of what the server wrote.
    pub(crate) fn show_log(&self) {
        const LINES: usize = 60;
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let skipped = text.lines().count().saturating_sub(LINES);
        eprintln!("--- the end of {}", self.log.display());
        for line in text.lines().skip(skipped) {
            eprintln!("{line}");
        }
        eprintln!("---");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After an orderly stop both fail or answer at once; neither has anyone left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How `child` ended, or nothing if it still runs at `deadline`.
pub(crate) fn exit_within(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        pause();
    }
}

/// Between two looks at another process. Nothing is decided by how long it is.
fn pause() {
    thread::sleep(Duration::from_millis(20));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: Deadlines = Deadlines { start: Duration::from_secs(60), stop: Duration::from_secs(60) };

    /// A folder of its own for one stand-in, gone with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("grantor-xtask-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        /// Starts a shell script as the server: `$3` is the ready file.
        fn start(&self, script: &str, deadlines: Deadlines) -> Outcome<Server> {
            let mut shell = Command::new("sh");
            shell.args(["-c", script, "grantor"]);
            Server::start(shell, Path::new("grantor.toml"), &self.0, deadlines)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // A folder left behind in the system's own temporary one is no failure.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const READY: &str = "echo '{\"public\": \"http://127.0.0.1:1\"}' > \"$3\"";
    const UNTIL_TERM: &str = "while :; do :; done";

    fn failure_of(outcome: Outcome<impl Sized>) -> String {
        outcome.err().map(|failure| failure.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_orderly_server_starts_and_stops() {
        let folder = Folder::new("orderly");
        let server = folder.start(&format!("trap 'exit 0' TERM\n{READY}\n{UNTIL_TERM}"), PATIENT).unwrap();
        assert_eq!(server.public(), "http://127.0.0.1:1");
        server.stop().unwrap();
    }

    #[test]
    fn a_server_that_ends_by_itself_or_is_never_ready_fails_the_start() {
        assert!(failure_of(Folder::new("ends").start("exit 2", PATIENT)).contains("ended by itself"));
        let hasty = Deadlines { start: Duration::ZERO, ..PATIENT };
        assert!(failure_of(Folder::new("mute").start(UNTIL_TERM, hasty)).contains("no ready file"));
        let nameless = format!("echo '{{}}' > \"$3\"\n{UNTIL_TERM}");
        assert!(failure_of(Folder::new("nameless").start(&nameless, PATIENT)).contains("no `public`"));
    }

    #[test]
    fn a_server_that_stops_badly_or_not_at_all_fails_the_stop() {
        let folder = Folder::new("rude");
        let rude = folder.start(&format!("trap 'exit 1' TERM\n{READY}\n{UNTIL_TERM}"), PATIENT).unwrap();
        assert!(failure_of(rude.stop()).contains("answered SIGTERM"));
        let folder = Folder::new("deaf");
        let hasty = Deadlines { stop: Duration::ZERO, ..PATIENT };
        let deaf = folder.start(&format!("trap '' TERM\n{READY}\n{UNTIL_TERM}"), hasty).unwrap();
        assert!(failure_of(deaf.stop()).contains("ran on"));
    }
}
