//! Profiles: which dialects there are, what each says, and what is dangerous in it. They are values of the configuration,
//! so whoever has no store can be told the same.

use std::sync::Arc;

use axum::extract::State;
use grantor_core::profile::{Danger, InvalidIssuer, PRESETS};
use grantor_core::{Issuer, Profile};
use serde::Serialize;
use serde_json::Value;

use crate::api::Rooms;
use crate::ask::Named;
use crate::problem::Problem;
use crate::reply::Reply;

/// A profile in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileEntry {
    /// Its name.
    pub name: String,
    /// Where it is served; absent if it only comes with grantor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What it is.
    pub description: String,
    /// How many dangers it switches on.
    pub dangers: usize,
}

impl ProfileEntry {
    fn of(profile: &Profile, url: Option<String>) -> Self {
        let (name, description) = (profile.name.clone(), profile.description.clone());
        Self { name, url, description, dangers: profile.dangers().len() }
    }

    /// Those that are served, and after them those that come with grantor and are not served under their own name.
    ///
    /// # Errors
    /// A problem if one that comes with grantor cannot be read, which would be a defect.
    pub fn all<'a>(served: impl IntoIterator<Item = &'a Profile>) -> Result<Vec<Self>, Problem> {
        let served = served.into_iter();
        let mut all: Vec<_> = served.map(|p| Self::of(p, Some(p.issuer.as_str().to_owned()))).collect();
        let is_served = |name: &str| all.iter().any(|profile| profile.name == name);
        let others: Vec<_> = PRESETS.iter().filter(|(name, _)| !is_served(name)).collect();
        for (name, text) in others {
            all.push(Self::of(&preset(name, text)?, None));
        }
        Ok(all)
    }
}

/// A profile with all its values.
#[derive(Debug, Clone, Serialize)]
pub struct ProfileDetails {
    /// Every value, by the keys of a profile file.
    #[serde(flatten)]
    pub values: toml::Table,
    /// The same as a file.
    #[serde(skip)]
    pub file: String,
    /// What it switches on and is risky.
    #[serde(skip)]
    pub dangers: Vec<Danger>,
}

impl ProfileDetails {
    /// The one of that name: of those that are served, or of those that come with grantor.
    ///
    /// # Errors
    /// A problem if there is none.
    pub fn find<'a>(name: &str, served: impl IntoIterator<Item = &'a Profile>) -> Result<Self, Problem> {
        let served = served.into_iter().find(|profile| profile.name == name).cloned();
        let profile = match (served, Profile::preset(name)) {
            (Some(profile), _) => profile,
            (None, Some(text)) => preset(name, text)?,
            (None, None) => return Err(Problem::not_found(format!("there is no profile {name}"))),
        };
        let file = profile.to_toml();
        let values = toml::from_str(&file).map_err(|e| Problem::unavailable(e.to_string()))?;
        Ok(Self { values, file, dangers: profile.dangers() })
    }
}

fn preset(name: &str, text: &str) -> Result<Profile, Problem> {
    let defect = |e: &dyn std::fmt::Display| Problem::unavailable(format!("{name}: {e}"));
    // Of a profile that is not served.
    let nobody: Issuer = "https://localhost".parse().map_err(|e: InvalidIssuer| defect(&e))?;
    Profile::from_toml(text, &[], name, nobody).map_err(|e| defect(&e))
}

fn served(rooms: &Rooms) -> impl Iterator<Item = &Profile> {
    rooms.engines.iter().map(|engine| &**engine.profile())
}

pub(crate) async fn list(State(rooms): State<Arc<Rooms>>) -> Result<Reply, Problem> {
    Reply::page(ProfileEntry::all(served(&rooms))?, None::<&str>)
}

/// A profile as the API shows it: its values, and beside them what is dangerous among them.
#[derive(Serialize)]
struct Shown {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    values: Value,
    dangers: Vec<Danger>,
}

pub(crate) async fn show(
    State(rooms): State<Arc<Rooms>>,
    Named(name): Named<String>,
) -> Result<Reply, Problem> {
    let details = ProfileDetails::find(&name, served(&rooms))?;
    let url = rooms.engine_of(&name).map(|engine| engine.profile().issuer.as_str().to_owned());
    let values = serde_json::to_value(&details.values).map_err(|e| Problem::unavailable(e.to_string()))?;
    Reply::of(&Shown { name, url, values, dangers: details.dangers })
}
