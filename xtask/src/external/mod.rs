//! `cargo xtask external`: clients that are not ours, against the real binary.
//!
//! Our own tests share our reading of the RFCs; a client written by others does not. Each one drives a `grantor`
//! that was built, configured, filled, started and stopped as an operator would do it, through the outside contract
//! alone.

pub(crate) mod python;
pub(crate) mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::ExternalOptions;
use crate::failure::{Failure, Outcome, While};
use crate::workspace::{self, Workspace};

use python::Python;
use server::{Deadlines, Server};

/// How long one client may take for all its steps.
const DRIVER_MAY_TAKE: Duration = Duration::from_secs(180);

/// A client of others.
struct Client {
    name: &'static str,
    /// The driver, in `tests-external/`.
    script: &'static str,
    /// What proves the driver itself, there too.
    self_test: &'static str,
    subject: Subject,
}

/// What it drives, and what it must be told for that.
#[derive(Clone, Copy)]
enum Subject {
    /// The standard profile, with the registrations of a file.
    Profile,
    /// The operators' API, with an administrator's token.
    Operators,
}

const CLIENTS: &[Client] = &[
    Client {
        name: "authlib",
        script: "authlib_client.py",
        self_test: "self_test.py",
        subject: Subject::Profile,
    },
    Client {
        name: "schemathesis",
        script: "described_api.py",
        self_test: "described_self_test.py",
        subject: Subject::Operators,
    },
];

/// The standard profile's endpoints, by their names in RFC 8414.
const ENDPOINTS: &[(&str, &str)] = &[
    ("authorization_endpoint", "/oauth2/authorize"),
    ("token_endpoint", "/oauth2/token"),
    ("introspection_endpoint", "/oauth2/introspect"),
    ("revocation_endpoint", "/oauth2/revoke"),
];

/// No issuer: it is then the public listener's URL, which is known only once port 0 has become a port.
const CONFIGURATION: &str = r#"[listen]
public = "127.0.0.1:0"
admin = "127.0.0.1:0"
[storage]
url = "sqlite:DATABASE"
"#;

/// Drives the clients that were asked for, each against a server of its own.
pub(crate) fn run(workspace: &Workspace, options: &ExternalOptions) -> Outcome {
    let chosen: Vec<&Client> = CLIENTS
        .iter()
        .filter(|client| options.only.as_deref().is_none_or(|only| only == client.name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = CLIENTS.iter().map(|client| client.name).collect();
        return Err(Failure::new(format!("--only takes one of: {}", names.join(", "))));
    }
    let scripts = workspace.path("tests-external");
    let folder = workspace.target_folder()?.join("external");
    let python = Python::with_requirements(&folder, &scripts.join("requirements.txt"))?;
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().during(binary.display())?,
        None => built_binary(workspace)?,
    };
    for client in chosen {
        // A driver that notices nothing would pass on any server.
        workspace::succeed(python.script(&scripts.join(client.self_test)))?;
        drive(client, &binary, &python, &scripts, &folder)?;
    }
    Ok(())
}

/// The server, built.
pub(crate) fn built_binary(workspace: &Workspace) -> Outcome<PathBuf> {
    let format = "--message-format=json-render-diagnostics";
    let messages =
        workspace::output_of(workspace.cargo(["build", "--package", "grantor", "--bin", "grantor", format]))?;
    executable_in(&messages)
        .ok_or_else(|| Failure::new("cargo build names no executable of the package grantor"))
}

/// The executable that cargo's messages name; wherever the target folder is.
fn executable_in(messages: &str) -> Option<PathBuf> {
    let values = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    values.filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from)).next_back()
}

/// One run in a folder of its own, which is kept when the run fails.
fn drive(client: &Client, binary: &Path, python: &Python, scripts: &Path, folder: &Path) -> Outcome {
    let here = folder.join(format!("{}-{}", client.name, std::process::id()));
    fs::create_dir_all(&here).during(here.display())?;
    let outcome = drive_in(&here, client, binary, python, scripts);
    match &outcome {
        Ok(()) => fs::remove_dir_all(&here).during(here.display())?,
        Err(_) => eprintln!("what the run left is in {}", here.display()),
    }
    outcome
}

fn drive_in(here: &Path, client: &Client, binary: &Path, python: &Python, scripts: &Path) -> Outcome {
    let configuration = here.join("grantor.toml");
    let database = here.join("grantor.db");
    let database = database.to_str().filter(|path| !path.contains(['"', '\\']));
    let database =
        database.ok_or_else(|| Failure::new(format!("no TOML string holds {}", here.display())))?;
    fs::write(&configuration, CONFIGURATION.replace("DATABASE", database)).during(configuration.display())?;

    let grantor = |arguments: &[&str]| {
        let mut command = Command::new(binary);
        command.args(arguments).arg("--config").arg(&configuration).current_dir(here);
        command
    };
    let registrations = scripts.join("registrations.json");
    let token = match client.subject {
        Subject::Profile => {
            let mut import = grantor(&["import"]);
            import.arg(&registrations);
            workspace::succeed(import)?;
            None
        }
        Subject::Operators => Some(administrator(grantor)?),
    };

    let server = Server::start(Command::new(binary), &configuration, here, Deadlines::default())?;
    let description = match &token {
        None => described(server.public(), &registrations),
        Some(token) => Ok(json!({"admin": server.addresses().get("admin"), "token": token})),
    };
    let driven = description.and_then(|description| {
        let mut driver = python.script(&scripts.join(client.script));
        driver.arg(description.to_string());
        succeed_within(driver, DRIVER_MAY_TAKE, client.name)
    });
    match driven {
        Ok(()) => server.stop(),
        Err(failure) => {
            server.show_log();
            Err(failure)
        }
    }
}

/// Makes a user who administers the server, and gives a token of his for that.
fn administrator(grantor: impl Fn(&[&str]) -> Command) -> Outcome<Value> {
    workspace::output_of(grantor(&["user", "create", "root", "--admin", "true"]))?;
    let token = ["--json", "session-token", "create", "--profile", "admin", "--user", "root"];
    let made: Value =
        serde_json::from_str(&workspace::output_of(grantor(&token))?).during("reading a token")?;
    made.get("token").cloned().ok_or_else(|| Failure::new("grantor session-token create shows no token"))
}

/// What the driver is told: the server's addresses and the file it imported.
fn described(public: &str, registrations: &Path) -> Outcome<Value> {
    let issuer = public.trim_end_matches('/');
    let text = fs::read_to_string(registrations).during(registrations.display())?;
    let registrations: Value = serde_json::from_str(&text).during(registrations.display())?;
    let endpoints: serde_json::Map<String, Value> =
        ENDPOINTS.iter().map(|(name, path)| ((*name).to_owned(), json!(format!("{issuer}{path}")))).collect();
    Ok(json!({"issuer": issuer, "endpoints": endpoints, "registrations": registrations}))
}

/// Like [`workspace::succeed`], for a program that talks to another and so might wait for ever. Its arguments stay
/// out of the failure: they are a page long.
fn succeed_within(mut command: Command, limit: Duration, name: &str) -> Outcome {
    let mut child = command.spawn().during(format!("starting {name}"))?;
    let status = server::exit_within(&mut child, Instant::now() + limit);
    match status.during(format!("waiting for {name}"))? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(Failure::new(format!("{name} failed: {status}"))),
        None => {
            // It may have ended in between; either way it is gone afterwards.
            let _ = child.kill();
            let _ = child.wait();
            Err(Failure::new(format!("{name} was still running after {} s", limit.as_secs())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_executable_of_cargos_messages_counts() {
        let messages = "not json\n{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"/t/debug/grantor\"}\n\
                        {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable_in(messages), Some(PathBuf::from("/t/debug/grantor")));
        assert_eq!(executable_in("{\"reason\":\"build-finished\"}"), None);
    }

    #[test]
    fn a_client_that_is_not_there_is_an_error_and_not_a_pass() {
        let options = ExternalOptions { only: Some("no-such-client".to_owned()), binary: None };
        assert!(run(&Workspace::of_this_xtask(), &options).is_err());
    }

    #[test]
    fn a_program_that_fails_or_never_ends_fails_the_step() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        };
        assert!(succeed_within(shell("exit 0"), Duration::from_secs(30), "good").is_ok());
        assert!(succeed_within(shell("exit 3"), Duration::from_secs(30), "bad").is_err());
        let endless = succeed_within(shell("while :; do :; done"), Duration::ZERO, "endless");
        assert!(endless.is_err_and(|failure| failure.to_string().contains("still running")));
    }
}
