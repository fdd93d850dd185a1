//! `grantor profile`: which dialects there are, and what each says. It needs the configuration and no store, so it asks the
//! API's own lists, and not the API.

use std::path::Path;

use grantor_admin::{ProfileDetails, ProfileEntry};
use grantor_core::profile::Danger;
use grantor_core::{Issuer, Profile};
use serde::Serialize;

use crate::cli::ProfileCommand;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{Output, table};

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
    let entries = ProfileEntry::all(&configured(config)?)?;
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

fn show(config: &Config, name: &str, output: Output) -> Result<(), Failure> {
    let found = ProfileDetails::find(name, &configured(config)?).map_err(super::shows_all("profile"))?;
    output.result(&found.values, || found.file)
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

/// The issuer of a profile that is not served.
fn nobody() -> Result<Issuer, Failure> {
    "https://localhost".parse().map_err(|e: grantor_core::InvalidIssuer| Failure::failed(e.to_string()))
}
