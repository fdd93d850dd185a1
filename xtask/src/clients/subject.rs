//! The server that a client is run against.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value as Json;
use toml::{Table, Value};

use super::declared::{Declared, KnownBad, Profile, Source};
use crate::external::server::{Deadlines, Server};
use crate::failure::{Failure, Outcome, While};
use crate::workspace;

/// A running `grantor serve --demo`, with the client's profiles and what its fixture says.
pub(super) struct Subject {
    server: Server,
    pub(super) binary: PathBuf,
    pub(super) configuration: PathBuf,
}

impl Subject {
    pub(super) fn start(
        client: &Declared,
        bad: Option<&KnownBad>,
        binary: &Path,
        here: &Path,
    ) -> Outcome<Self> {
        let configuration = here.join("grantor.toml");
        let text = configured(client, bad, here)?;
        fs::write(&configuration, text).during(configuration.display())?;
        if let Some(fixture) = &client.fixture {
            if !fixture.exists() {
                return Err(Failure::new(format!("{} is not there", fixture.display())));
            }
            let mut import = Command::new(binary);
            import.arg("import").arg(fixture).arg("--config").arg(&configuration).current_dir(here);
            let mut import = without_ours(&import);
            // What it counts is not ours to print where only one JSON value belongs.
            import.stdout(Stdio::null());
            workspace::succeed(import)?;
        }
        let grantor = without_ours(&Command::new(binary));
        let server = Server::start_with(grantor, &["--demo"], &configuration, here, Deadlines::default())?;
        Ok(Self { server, binary: binary.to_owned(), configuration })
    }

    /// Where everything is, by the names of the variables that say so.
    pub(super) fn addresses(&self, profiles: &[Profile]) -> Outcome<BTreeMap<String, String>> {
        let ready = self.server.addresses();
        let text = |value: Option<&Json>, what: &str| {
            let found = value.and_then(Json::as_str).map(|url| url.trim_end_matches('/').to_owned());
            found.ok_or_else(|| Failure::new(format!("the ready file names no {what}: {ready}")))
        };
        let mut all = BTreeMap::from([("ADMIN_URL".to_owned(), text(ready.get("admin"), "`admin`")?)]);
        for (number, profile) in profiles.iter().enumerate() {
            let url = ready.get("profiles").and_then(|profiles| profiles.get(&profile.name));
            let url = text(url, &format!("profile {}", profile.name))?;
            let name = profile.name.to_ascii_uppercase().replace('-', "_");
            if number == 0 {
                all.insert("BASE_URL".to_owned(), url.clone());
            }
            all.insert(format!("BASE_URL_{name}"), url);
        }
        Ok(all)
    }

    pub(super) fn stop(self) -> Outcome {
        self.server.stop()
    }

    pub(super) fn show_log(&self) {
        self.server.show_log();
    }
}

/// The same without this process's own configuration of a grantor: the client's file alone is to speak.
fn without_ours(command: &Command) -> Command {
    let mut fresh = Command::new(command.get_program());
    fresh.args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        fresh.current_dir(folder);
    }
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GRANTOR__") {
            fresh.env_remove(name);
        }
    }
    fresh
}

/// The server's configuration. The standard profile is on the public listener, and each other on one of its own.
fn configured(client: &Declared, bad: Option<&KnownBad>, here: &Path) -> Outcome<String> {
    let database = here.join("grantor.db");
    let listen = |address: &str| Value::String(address.to_owned());
    let free = || listen("127.0.0.1:0");
    let mut whole = Table::new();
    whole.insert(
        "listen".to_owned(),
        Table::from_iter([("public", free()), ("admin", free())].map(named)).into(),
    );
    let url = format!("sqlite:{}", database.display());
    whole.insert("storage".to_owned(), Table::from_iter([("url".to_owned(), Value::String(url))]).into());
    let mut profiles = Vec::new();
    for Profile { name, source } in &client.profiles {
        let mut table = Table::new();
        table.insert("name".to_owned(), Value::String(name.clone()));
        let (key, value) = match source {
            Source::Preset(preset) => ("preset", preset.clone()),
            // Absolute, for the configuration is written elsewhere.
            Source::File(file) => {
                let file = file.canonicalize().during(file.display())?;
                ("file", file.to_string_lossy().into_owned())
            }
        };
        table.insert(key.to_owned(), Value::String(value));
        if name != "standard" {
            table.insert("listen".to_owned(), free());
        }
        let mut set = Table::new();
        for values in [Some(&client.set), bad.map(|bad| &bad.set)].into_iter().flatten() {
            if let Some(values) = values.get(name).and_then(Value::as_table) {
                set.extend(values.clone());
            }
        }
        if !set.is_empty() {
            table.insert("set".to_owned(), set.into());
        }
        profiles.push(Value::Table(table));
    }
    let known = |name: &String| client.profiles.iter().any(|profile| profile.name == *name);
    let sets = client.set.keys().chain(bad.iter().flat_map(|bad| bad.set.keys()));
    if let Some(unknown) = sets.into_iter().find(|name| !known(name)) {
        return Err(Failure::new(format!("{}: set.{unknown}: it has no such profile", client.name)));
    }
    whole.insert("profile".to_owned(), Value::Array(profiles));
    toml::to_string(&whole).during("writing the configuration")
}

fn named((name, value): (&str, Value)) -> (String, Value) {
    (name.to_owned(), value)
}
