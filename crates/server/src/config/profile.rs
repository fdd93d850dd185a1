//! The profiles that a configuration names, and where each is served.

use std::net::SocketAddr;
use std::path::PathBuf;

use grantor_core::{Issuer, Profile};

use super::{Config, Origin, Setting, Value, refuse};
use crate::failure::Failure;

/// The keys of a `[[profile]]`.
const KEYS: &str = "name, preset, file, listen, origins, path and set";

/// One `[[profile]]`.
#[derive(Clone)]
pub(crate) struct ProfileConfig {
    pub(crate) name: String,
    source: Source,
    /// A listener of its own; the public one if absent.
    pub(crate) listen: Option<SocketAddr>,
    /// By which origins it is reached; by any if there are none.
    pub(crate) origins: Vec<Issuer>,
    /// Under which path, empty or with a slash before it and none behind.
    pub(crate) path: String,
    set: Vec<(String, toml::Value)>,
    place: Origin,
}

#[derive(Clone)]
enum Source {
    Preset(&'static str),
    File(PathBuf),
}

impl ProfileConfig {
    /// The profile where none is named: the standard one.
    pub(super) fn standard() -> Self {
        Self::at(Origin::Environment("profile".to_owned()))
    }

    fn at(place: Origin) -> Self {
        Self {
            name: "standard".to_owned(),
            source: Source::Preset(""),
            listen: None,
            origins: Vec::new(),
            path: String::new(),
            set: Vec::new(),
            place,
        }
    }

    /// The preset it is made from, if it is made from one.
    pub(crate) fn preset(&self) -> Option<&'static str> {
        match &self.source {
            Source::Preset("") => Some("standard"),
            Source::Preset(name) => Some(name),
            Source::File(_) => None,
        }
    }

    /// The server's name for this profile, where its listener is `bound`.
    pub(crate) fn issuer_at(&self, config: &Config, bound: SocketAddr) -> Result<Issuer, Failure> {
        let base = match (self.origins.first(), self.listen) {
            (Some(origin), _) => origin.as_str().to_owned(),
            (None, Some(_)) => super::url_of(bound),
            (None, None) => config.issuer_at(bound)?.as_str().to_owned(),
        };
        let whole = format!("{base}{}", self.path);
        whole.parse().map_err(|_| {
            let why = format!(
                "{whole} cannot be an issuer; name the https origin by which it is reached in origins"
            );
            refuse(&self.place, &self.key("origins"), why)
        })
    }

    /// The profile, under the name it answers to.
    pub(crate) fn load(&self, config: &Config, issuer: Issuer) -> Result<Profile, Failure> {
        let text = match &self.source {
            // What the sections of the configuration say, they say of the standard profile.
            Source::Preset("" | "standard") => config.to_profile(issuer.clone()).to_toml(),
            Source::Preset(name) => Profile::preset(name).unwrap_or_default().to_owned(),
            Source::File(path) => std::fs::read_to_string(path).map_err(|error| {
                refuse(&self.place, &self.key("file"), format!("{}: cannot be read: {error}", path.display()))
            })?,
        };
        Profile::from_toml(&text, &self.set, &self.name, issuer).map_err(|invalid| match &self.source {
            Source::File(path) => {
                refuse(&self.place, &self.key("file"), format!("{}: {invalid}", path.display()))
            }
            Source::Preset(_) => refuse(&self.place, &self.key("set"), invalid),
        })
    }

    fn key(&self, key: &str) -> Vec<String> {
        vec!["profile".to_owned(), key.to_owned()]
    }
}

/// Sets one key of the profile that the second part of the path numbers.
pub(super) fn apply(config: &mut Config, setting: &Setting) -> Result<(), Failure> {
    let path: Vec<&str> = setting.path.iter().map(String::as_str).collect();
    let (number, rest) = match path.as_slice() {
        ["profile", number, rest @ ..] if number.parse::<usize>().is_ok() => {
            (number.parse::<usize>().unwrap_or_default(), rest)
        }
        // The environment of a server with one profile need not number it.
        ["profile", rest @ ..] => (0, rest),
        _ => return Err(setting.refuse("unknown section")),
    };
    while config.profiles.len() <= number {
        config.profiles.push(ProfileConfig::at(setting.origin.clone()));
    }
    let Some(profile) = config.profiles.get_mut(number) else { return Ok(()) };
    set(profile, rest, &setting.value).map_err(|why| setting.refuse(why))
}

fn set(profile: &mut ProfileConfig, key: &[&str], value: &Value) -> Result<(), String> {
    match (key, value) {
        (["name"], Value::One(text)) => profile.name = name(text)?,
        (["preset"], Value::One(text)) => {
            let found = Profile::preset_name(text).ok_or_else(|| {
                let known = grantor_core::profile::PRESETS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
                format!("there is no preset `{text}`; there are {}", known.join(", "))
            })?;
            only_source(profile)?;
            profile.source = Source::Preset(found);
        }
        (["file"], Value::One(text)) => {
            only_source(profile)?;
            profile.source = Source::File(text.into());
        }
        (["listen"], Value::One(text)) => profile.listen = Some(super::keys::address(text)?),
        (["origins"], Value::Many(items)) => {
            profile.origins = items.iter().map(|item| origin(item)).collect::<Result<_, _>>()?;
        }
        (["path"], Value::One(text)) => profile.path = prefix(text)?,
        (["set", key @ ..], value) if !key.is_empty() => profile.set.push((key.join("."), typed(value))),
        (["origins"], _) => return Err("expected a list of origins".to_owned()),
        ([first, ..], _) if KEYS.contains(first) => return Err("expected a text".to_owned()),
        _ => return Err(format!("unknown key; a profile has {KEYS}")),
    }
    Ok(())
}

fn only_source(profile: &ProfileConfig) -> Result<(), String> {
    match profile.source {
        Source::Preset("") => Ok(()),
        Source::Preset(_) | Source::File(_) => {
            Err("a profile has a preset or a file, and not both".to_owned())
        }
    }
}

fn name(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let fits = !text.is_empty() && text.len() <= 64 && text.bytes().all(plain);
    if text == grantor_admin::PROFILE {
        // Whose session tokens a profile of that name took would administer the server.
        return Err("this name is kept for the operators' API; choose another".to_owned());
    }
    if fits { Ok(text.to_owned()) } else { Err("expected up to 64 of a-z, 0-9 and -".to_owned()) }
}

pub(super) fn origin(text: &str) -> Result<Issuer, String> {
    let issuer: Issuer = text.parse().map_err(|e: grantor_core::InvalidIssuer| format!("`{text}`: {e}"))?;
    if issuer.origin() == issuer.as_str() {
        Ok(issuer)
    } else {
        Err(format!(
            "`{text}`: an origin is scheme, host and port, in lower case and without a path; a profile names that as path"
        ))
    }
}

fn prefix(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'/');
    let fits = text.starts_with('/') && !text.ends_with('/') && text.bytes().all(plain);
    let dots = text.split('/').any(|segment| matches!(segment, "." | ".."));
    if fits && !dots && !text.contains("//") {
        Ok(text.to_owned())
    } else {
        Err("a path begins with a slash and ends without one, as in \"/wistia\"".to_owned())
    }
}

/// A value as TOML has it. As it was read it is a text; what reads as a number or a truth value was one.
fn typed(value: &Value) -> toml::Value {
    match value {
        Value::Many(items) => toml::Value::Array(items.iter().cloned().map(toml::Value::String).collect()),
        Value::One(text) => match (text.parse::<bool>(), text.parse::<i64>()) {
            (Ok(yes), _) => toml::Value::Boolean(yes),
            (_, Ok(number)) if text != "0" => toml::Value::Integer(number),
            (_, _) => toml::Value::String(text.clone()),
        },
        Value::Meaning(meaning) => toml::Value::try_from(meaning).unwrap_or(toml::Value::Boolean(false)),
    }
}

/// Refuses profiles of which two have one name, or that cannot be loaded.
pub(super) fn check(config: &Config) -> Result<(), Failure> {
    for (number, profile) in config.profiles.iter().enumerate() {
        if config.profiles.iter().take(number).any(|earlier| earlier.name == profile.name) {
            return Err(refuse(&profile.place, &profile.key("name"), "two profiles have this name"));
        }
        let issuer = profile.issuer_at(config, profile.listen.unwrap_or(config.listen.public))?;
        profile.load(config, issuer)?;
    }
    Ok(())
}
