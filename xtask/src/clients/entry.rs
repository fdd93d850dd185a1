//! One run of a client's entry.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::Print;
use super::declared::{Declared, KnownBad};
use super::subject::Subject;
use crate::external::python::quietly;
use crate::external::server::exit_within;
use crate::failure::{Failure, Outcome, While};

/// Which program reads an entry that does not name one itself.
const INTERPRETERS: [(&str, &str); 8] = [
    ("sh", "sh"),
    ("py", "python3"),
    ("js", "node"),
    ("mjs", "node"),
    ("cjs", "node"),
    ("ts", "node"),
    ("rb", "ruby"),
    ("pl", "perl"),
];

/// How a run ended.
pub(super) struct Ended {
    status: ExitStatus,
    lines: Vec<String>,
}

impl Ended {
    pub(super) fn succeeded(&self) -> bool {
        self.status.success()
    }

    /// Fails unless every step held, and there was one.
    pub(super) fn must_pass(&self, client: &Declared) -> Outcome {
        let name = &client.name;
        let failed = self.failed(name);
        if let Some(line) = failed {
            return Err(Failure::new(format!("{line} ({})", self.status)));
        }
        if !self.status.success() {
            return Err(Failure::new(format!("{name} failed: {}", self.status)));
        }
        let begins = format!("{name}: ");
        match self.lines.iter().any(|line| line.starts_with(&begins)) {
            true => Ok(()),
            false => Err(Failure::new(format!("{name} printed no step, so nobody knows what it did"))),
        }
    }

    /// Fails unless the step that must notice a fault did.
    pub(super) fn must_notice(&self, client: &Declared, bad: &KnownBad) -> Outcome {
        let KnownBad { what, at, .. } = bad;
        let name = &client.name;
        if self.status.success() {
            return Err(Failure::new(format!("{name} did not notice a server with {what}")));
        }
        match self.failed(name) {
            Some(line) if line.starts_with(&format!("{name}: {at}: FAILED")) => Ok(()),
            Some(line) => {
                Err(Failure::new(format!("with {what}, {name} stopped, but not at `{at}`: {line}")))
            }
            None => Err(Failure::new(format!("with {what}, {name} failed at no step, so not at `{at}`"))),
        }
    }

    /// The first step that says it failed.
    fn failed(&self, name: &str) -> Option<&String> {
        let begins = format!("{name}: ");
        self.lines.iter().find(|line| line.starts_with(&begins) && line.contains(": FAILED"))
    }
}

/// Runs the entry in the copy of its folder, and prints what it prints.
pub(super) fn run(
    client: &Declared,
    folder: &Path,
    path: &[PathBuf],
    subject: &Subject,
    here: &Path,
    print: &Print,
) -> Outcome<Ended> {
    let work = here.join("work");
    fs::create_dir_all(&work).during(work.display())?;
    let mut command = program(folder)?;
    command.current_dir(folder).envs(subject.addresses(&client.profiles)?);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GRANTOR") {
            command.env_remove(name);
        }
    }
    command.env("GRANTOR", &subject.binary).env("GRANTOR_CONFIG", &subject.configuration).env("WORK", &work);
    if let Some(fixture) = &client.fixture {
        command.env("FIXTURE", fixture);
    }
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let all = path.iter().cloned().chain(std::env::split_paths(&inherited));
    command.env("PATH", std::env::join_paths(all).during("PATH")?);
    command.env("PYTHONPATH", folder.parent().unwrap_or(folder)).env("PYTHONDONTWRITEBYTECODE", "1");
    command.envs(client.environment.iter().map(|(name, value)| (name, value)));
    finish(command, client, print)
}

fn finish(mut command: Command, client: &Declared, print: &Print) -> Outcome<Ended> {
    let name = &client.name;
    // A group of its own, so that what it started ends with it.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().during(format!("starting {name}"))?;
    let output = child.stdout.take().ok_or_else(|| Failure::new("no output"))?;
    let (tell, told) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            // Nobody hears it any more once the run is over.
            let _ = tell.send(String::from_utf8_lossy(&line).into_owned());
        }
    });
    let deadline = Instant::now() + client.may_take;
    let status = loop {
        let status = exit_within(&mut child, Instant::now()).during(format!("waiting for {name}"))?;
        if status.is_some() || Instant::now() >= deadline {
            break status;
        }
        thread::sleep(std::time::Duration::from_millis(20));
    };
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -KILL \"-$0\"", &child.id().to_string()]);
    quietly(kill);
    let _ = child.wait();
    let _ = reader.join();
    let lines: Vec<String> = told.into_iter().collect();
    lines.iter().for_each(|line| print.line(line));
    match status {
        Some(status) => Ok(Ended { status, lines }),
        None => {
            let seconds = client.may_take.as_secs();
            Err(Failure::new(format!("{name} was still running after {seconds} s")))
        }
    }
}

/// The one entry of a folder, ready to run.
fn program(folder: &Path) -> Outcome<Command> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).during(folder.display())? {
        let path = entry.during(folder.display())?.path();
        if path.is_file() && path.file_stem().is_some_and(|stem| stem == "run") {
            found.push(path);
        }
    }
    let [entry] = found.as_slice() else {
        return Err(Failure::new(format!(
            "{} has {} entries, and not one run.*",
            folder.display(),
            found.len()
        )));
    };
    let executable = fs::metadata(entry).during(entry.display())?.permissions().mode() & 0o100 != 0;
    let text = fs::read(entry).during(entry.display())?;
    if executable && text.starts_with(b"#!") {
        return Ok(Command::new(entry));
    }
    let extension = entry.extension().map(|extension| extension.to_string_lossy().into_owned());
    let known = INTERPRETERS.iter().find(|(known, _)| extension.as_deref() == Some(*known));
    let (_, interpreter) = known.ok_or_else(|| {
        Failure::new(format!(
            "{} is not executable, and its name says nothing of how to run it",
            entry.display()
        ))
    })?;
    let mut command = Command::new(interpreter);
    command.arg(entry);
    Ok(command)
}
