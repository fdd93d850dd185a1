//! Something to try each profile with: a client or a key, a user with an account, a small API, and the commands to paste.

mod api;
mod lines;
mod operators;
mod people;
mod registration;

use std::collections::BTreeMap;

use grantor_core::Secret;
use grantor_engine::Engine;
use serde::Serialize;

use crate::config::Config;
use crate::doors::Door;
use crate::failure::Failure;
use crate::files;
use crate::wiring::House;

pub(crate) use api::around;
use lines::Lines;
use operators::Operators;

/// By this name a user, an account and the standard profile's client go.
const NAME: &str = "demo";
/// By these a client and a user are known to be ours, and not an operator's.
const CLIENT_NAME: &str = "grantor demo";
const PERSON: &str = "Demo of grantor";
/// Where the browser ends up: nothing need be there, since the code is read off the address.
const REDIRECT: &str = "http://127.0.0.1:8090/callback";

/// What was made, and what to do with it.
#[derive(Serialize)]
pub(crate) struct Demo {
    /// What concerns the standard profile, if there is one.
    #[serde(flatten)]
    standard: Option<Lines>,
    /// The same for each profile, by name.
    profiles: BTreeMap<String, Lines>,
    /// What concerns whoever administers it.
    operators: Operators,
}

/// Where a profile is reached, whatever it is called.
pub(crate) struct Reach {
    /// Its listener, and the path under which everything is.
    base: String,
    /// The host that a request must name there, if it must.
    host: Option<String>,
    /// The preset it was made from, if it was.
    preset: Option<&'static str>,
}

/// Makes what is needed, or gives it new secrets: nobody has kept the old ones.
pub(crate) async fn prepare(
    house: &House,
    config: &Config,
    doors: &[Door],
    admin: &str,
) -> Result<Demo, Failure> {
    let reaches: BTreeMap<String, Reach> = doors.iter().flat_map(|door| door.reaches(config)).collect();
    let password = people::prepare(house).await?;
    let operators = operators::prepare(house, admin).await?;
    let mut demo = Demo { standard: None, profiles: BTreeMap::new(), operators };
    for engine in &house.engines {
        let name = &engine.profile().name;
        let Some(reach) = reaches.get(name) else { continue };
        let made = registration::prepare(engine, reach.preset).await?;
        let lines = lines::of(engine.profile(), reach, &made, &password)?;
        if reach.preset == Some("standard") && demo.standard.is_none() {
            demo.standard = Some(lines.clone());
        }
        demo.profiles.insert(name.clone(), lines);
    }
    Ok(demo)
}

impl Demo {
    /// The same for a person to read and paste.
    pub(crate) fn explained(&self) -> String {
        let only = self.profiles.len() == 1;
        let of = |(name, lines): (&String, &Lines)| match only {
            true => lines.explained(),
            false => format!("# ===== {name}\n\n{}", lines.explained()),
        };
        let profiles: String = self.profiles.iter().map(of).collect();
        format!("{profiles}{}", self.operators.explained())
    }
}

impl Reach {
    /// A profile behind a listener, under its issuer's path; by the first of its hosts, if it has hosts.
    pub(crate) fn new(
        engine_issuer: &grantor_core::Issuer,
        listener: &str,
        host: Option<String>,
        preset: Option<&'static str>,
    ) -> Self {
        let path = engine_issuer.as_str().strip_prefix(&engine_issuer.origin()).unwrap_or_default();
        Self { base: format!("{listener}{path}"), host, preset }
    }
}

/// The name under which the demo's client of a profile goes.
fn client_name(engine: &Engine, preset: Option<&str>) -> String {
    let profile = &engine.profile().name;
    if preset == Some("standard") && profile == "standard" {
        NAME.to_owned()
    } else {
        format!("{NAME}-{profile}")
    }
}

fn random(bytes: usize) -> Result<Secret, Failure> {
    files::random_hex(bytes).map(Secret::new).map_err(|e| Failure::failed(format!("no randomness: {e}")))
}
