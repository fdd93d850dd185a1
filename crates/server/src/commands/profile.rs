//! `grantor profile`: which dialects there are, and what each says.

use std::path::Path;

use grantor_core::profile::{Danger, PRESETS};
use grantor_core::{Issuer, Profile};
use serde::Serialize;

use crate::cli::ProfileCommand;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{Output, table};

#[derive(Serialize)]
struct Entry {
    name: String,
    /// Where it is served; none if it only comes with grantor.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    description: String,
    dangers: usize,
}

#[derive(Serialize)]
struct Checked {
    ok: bool,
    description: String,
    dangers: Vec<Danger>,
}

pub(super) fn run(command: ProfileCommand, config: &Config, output: Output) -> Result<(), Failure> {
    match command {
        ProfileCommand::List => list(config, output),
        ProfileCommand::Show { name } => show(config, &name, output),
        ProfileCommand::Check { file } => check(&file, output),
    }
}

fn list(config: &Config, output: Output) -> Result<(), Failure> {
    let mut entries = Vec::new();
    for profile in configured(config)? {
        let url = Some(profile.issuer.as_str().to_owned());
        entries.push(entry(&profile, url));
    }
    for (name, text) in PRESETS {
        entries.push(entry(&read(name, text)?, None));
    }
    output.result(&entries, || {
        let rows: Vec<_> = entries
            .iter()
            .map(|entry| {
                let place = entry.url.clone().unwrap_or_else(|| "preset".to_owned());
                vec![entry.name.clone(), place, entry.dangers.to_string(), entry.description.clone()]
            })
            .collect();
        table(&["NAME", "SERVED AT", "DANGERS", "DESCRIPTION"], &rows)
    })
}

fn entry(profile: &Profile, url: Option<String>) -> Entry {
    let (name, description) = (profile.name.clone(), profile.description.clone());
    Entry { name, url, description, dangers: profile.dangers().len() }
}

fn show(config: &Config, name: &str, output: Output) -> Result<(), Failure> {
    let of_config = configured(config)?.into_iter().find(|profile| profile.name == name);
    let profile = match (of_config, Profile::preset(name)) {
        (Some(profile), _) => profile,
        (None, Some(text)) => read(name, text)?,
        (None, None) => {
            return Err(Failure::failed(format!(
                "there is no profile {name}; `grantor profile list` shows all"
            )));
        }
    };
    let text = profile.to_toml();
    let table: toml::Table = toml::from_str(&text).map_err(|e| Failure::failed(e.to_string()))?;
    output.result(&table, || text)
}

fn check(file: &Path, output: Output) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{}: cannot be read: {error}", file.display())))?;
    let profile = Profile::from_toml(&text, &[], "checked", nobody()?)
        .map_err(|invalid| Failure::usage(format!("{}: {invalid}", file.display())))?;
    let checked = Checked { ok: true, description: profile.description.clone(), dangers: profile.dangers() };
    output.result(&checked, || {
        let dangers = checked.dangers.iter().map(|danger| format!("\ndanger: {danger}"));
        format!("the profile can be served{}", dangers.collect::<String>())
    })
}

fn configured(config: &Config) -> Result<Vec<Profile>, Failure> {
    let load = |profile: &crate::config::ProfileConfig| {
        let issuer = profile.issuer_at(config, profile.listen.unwrap_or(config.listen.public))?;
        profile.load(config, issuer)
    };
    config.profiles.iter().map(load).collect()
}

fn read(name: &str, text: &str) -> Result<Profile, Failure> {
    Profile::from_toml(text, &[], name, nobody()?).map_err(|e| Failure::failed(format!("{name}: {e}")))
}

/// The issuer of a profile that is not served.
fn nobody() -> Result<Issuer, Failure> {
    "https://localhost".parse().map_err(|e: grantor_core::InvalidIssuer| Failure::failed(e.to_string()))
}
