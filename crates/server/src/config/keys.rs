//! Every key there is, and what it sets. A name that is not here is an error.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use grantor_core::client::AccessTokenFormat;
use grantor_core::{Lifetime, Secret};
use grantor_http::Rate;

use super::profile::origin;
use super::{Config, LogFormat, Origin, RefreshModeName, Setting, Value};
use crate::failure::Failure;
use crate::server_key;

/// Sets one key from a text.
type SetOne = fn(&mut Config, &str) -> Result<(), String>;
/// Sets one key from a list.
type SetMany = fn(&mut Config, &[String]) -> Result<(), String>;

/// The keys of the environment and the file.
const KEYS: &[(&str, SetOne)] = &[
    ("issuer", |c, v| set(&mut c.issuer, parse(v).map(Some))),
    ("listen.public", |c, v| set(&mut c.listen.public, address(v))),
    ("listen.admin", |c, v| set(&mut c.listen.admin, address(v))),
    ("listen.admin_origin", |c, v| set(&mut c.listen.admin_origin, origin(v).map(Some))),
    ("listen.requests_at_once", |c, v| set(&mut c.listen.requests_at_once, at_once(v))),
    ("storage.url", |c, v| set(&mut c.storage.url, parse(v))),
    ("storage.also", |c, v| set(&mut c.storage.also, parse(v).map(Some))),
    ("storage.durability", |c, v| set(&mut c.storage.full, one_of(v, &[("full", true), ("relaxed", false)]))),
    ("lifetimes.authorization_code", |c, v| set(&mut c.lifetimes.authorization_code, code_lifetime(v))),
    ("lifetimes.access_token", |c, v| set(&mut c.lifetimes.access_token, lifetime(v))),
    ("lifetimes.refresh_token", |c, v| set(&mut c.lifetimes.refresh_token, unless("never", v, lifetime))),
    ("lifetimes.grant", |c, v| set(&mut c.lifetimes.grant, unless("never", v, lifetime))),
    ("lifetimes.interaction", |c, v| set(&mut c.lifetimes.interaction, lifetime(v))),
    ("lifetimes.session", |c, v| set(&mut c.session, lifetime(v))),
    ("lifetimes.session_idle", |c, v| set(&mut c.session_idle, unless("never", v, lifetime))),
    ("refresh.mode", |c, v| set(&mut c.refresh.mode, one_of(v, REFRESH_MODES))),
    ("refresh.grace", |c, v| set(&mut c.refresh.grace, parse(v))),
    ("access_token.format", |c, v| {
        let known = AccessTokenFormat::ALL.iter().map(|f| (f.as_str(), *f)).collect::<Vec<_>>();
        set(&mut c.access_token_format, one_of(v, &known))
    }),
    ("keys.server_key_file", |c, v| set(&mut c.keys.server_key_file, Ok(v.into()))),
    ("keys.server_key", |c, v| set(&mut c.keys.server_key, server_key::parse(&Secret::new(v)).map(Some))),
    ("keys.algorithm", |c, v| set(&mut c.keys.algorithm, parse(v))),
    ("rate_limits.client_authentication", |c, v| {
        set(&mut c.rate_limits.client_authentication, unless("off", v, rate))
    }),
    ("rate_limits.login", |c, v| set(&mut c.rate_limits.login, unless("off", v, rate))),
    ("audit.keep", |c, v| set(&mut c.audit.keep, unless("never", v, lifetime))),
    ("log.level", |c, v| set(&mut c.log.level, log_level(v))),
    ("log.file", |c, v| set(&mut c.log.file, Ok(Some(v.into())))),
    ("log.format", |c, v| {
        set(&mut c.log.format, one_of(v, &[("json", LogFormat::Json), ("text", LogFormat::Text)]))
    }),
    ("log.bundles", |c, v| set(&mut c.log.bundles, Ok(Some(v.into())))),
    ("log.bundles_keep", |c, v| set(&mut c.log.bundles_keep, bundles(v))),
    ("pages.name", |c, v| c.pages.name(v)),
    ("pages.colour", |c, v| c.pages.colour(v)),
    ("pages.logo_file", |c, v| c.pages.logo(v)),
    ("pages.css_file", |c, v| c.pages.css(v)),
    ("pages.templates", |c, v| c.pages.templates(v)),
];

const LISTS: &[(&str, SetMany)] = &[
    ("listen.trusted_proxies", |c, v| {
        set(&mut c.listen.trusted_proxies, v.iter().map(|ip| parse(ip)).collect())
    }),
    ("pages.links", |c, v| c.pages.links(v)),
    ("pages.messages", |c, v| c.pages.messages(v)),
];

const REFRESH_MODES: &[(&str, RefreshModeName)] = &[
    ("none", RefreshModeName::None),
    ("reuse", RefreshModeName::Reuse),
    ("rotate", RefreshModeName::Rotate),
    ("replace_all", RefreshModeName::ReplaceAll),
];

/// Every name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(name, _)| *name).chain(LISTS.iter().map(|(name, _)| *name))
}

/// Whether a key takes a list.
pub(super) fn is_list(path: &[String]) -> bool {
    LISTS.iter().any(|(name, _)| *name == path.join(".")) || path.last().is_some_and(|key| key == "origins")
}

/// Puts a value where its key says.
pub(super) fn apply(config: &mut Config, setting: &Setting) -> Result<(), Failure> {
    if setting.path.first().is_some_and(|section| section == "profile") {
        return super::profile::apply(config, setting);
    }
    let name = setting.path.join(".");
    let from_file = matches!(setting.origin, Origin::File { .. });
    if name == "keys.server_key" && from_file {
        let why =
            "a key does not belong here; name its file as server_key_file, or set GRANTOR__KEYS__SERVER_KEY";
        return Err(setting.refuse(why));
    }
    let done = match (&setting.value, find(KEYS, &name), find(LISTS, &name)) {
        (Value::Meaning(meaning), _, _) => add_scope(config, setting, meaning.clone()),
        (Value::One(text), Some(set), _) => set(config, text),
        (Value::Many(items), _, Some(set)) => set(config, items),
        (Value::One(_), None, Some(_)) => Err("expected a list".to_owned()),
        (Value::Many(_), Some(_), None) => Err("expected one value and not a list".to_owned()),
        (Value::One(_) | Value::Many(_), None, None) => Err(unknown(&setting.path, &name)),
    };
    done.map_err(|why| setting.refuse(why))
}

fn find<T: Copy>(keys: &[(&str, T)], name: &str) -> Option<T> {
    keys.iter().find(|(key, _)| *key == name).map(|(_, set)| *set)
}

fn unknown(path: &[String], name: &str) -> String {
    let nearest = names().max_by(|a, b| {
        let near = |key: &str| strsim::jaro_winkler(key, name);
        near(a).total_cmp(&near(b))
    });
    let section = |key: &str| key.rsplit_once('.').map_or(String::new(), |(section, _)| section.to_owned());
    match nearest.filter(|key| strsim::jaro_winkler(key, name) > 0.85) {
        Some(key) if section(key) == section(name) => {
            format!("unknown key; did you mean {}?", key.rsplit('.').next().unwrap_or(key))
        }
        Some(key) => format!("unknown key; did you mean {key}?"),
        None => match path {
            [_] => "unknown key".to_owned(),
            [first, ..] if names().any(|key| key.starts_with(&format!("{first}."))) => {
                let known: Vec<&str> =
                    names().filter_map(|key| key.strip_prefix(&format!("{first}."))).collect();
                format!("unknown key; there are {}", known.join(", "))
            }
            [] | [..] => "unknown section".to_owned(),
        },
    }
}

fn add_scope(
    config: &mut Config,
    setting: &Setting,
    meaning: grantor_core::ScopeMeaning,
) -> Result<(), String> {
    let name = setting.path.last().cloned().unwrap_or_default();
    let alone = BTreeMap::from([(name.clone(), meaning.clone())]);
    grantor_core::ScopeCatalogue::new(alone).map_err(|e| e.to_string())?;
    config.scopes.insert(name, meaning);
    Ok(())
}

fn set<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e: T::Err| e.to_string())
}

pub(super) fn address(text: &str) -> Result<std::net::SocketAddr, String> {
    text.parse().map_err(|_| "expected an address and a port, as in \"127.0.0.1:8080\"".to_owned())
}

fn lifetime(text: &str) -> Result<Lifetime, String> {
    match parse(text)? {
        Lifetime::ZERO => Err("must be at least 1s".to_owned()),
        lifetime => Ok(lifetime),
    }
}

fn code_lifetime(text: &str) -> Result<Lifetime, String> {
    let most = Lifetime::seconds(600);
    lifetime(text)
        .and_then(|l| if l > most { Err(format!("at most {most} (RFC 6749, section 4.1.2)")) } else { Ok(l) })
}

fn unless<T>(
    none: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if text == none { Ok(None) } else { parse(text).map(Some).map_err(|e| format!("{e}; or \"{none}\"")) }
}

fn one_of<T: Copy>(text: &str, known: &[(&str, T)]) -> Result<T, String> {
    let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| format!("expected one of {}", names()))
}

/// Each is some ten kilobytes, and the folder is read whenever one is written.
fn at_once(text: &str) -> Result<usize, String> {
    let fits = text.parse().ok().filter(|count| (1..=1_000_000).contains(count));
    fits.ok_or_else(|| "expected a number from 1 to 1000000".to_owned())
}

fn bundles(text: &str) -> Result<usize, String> {
    let fits = text.parse().ok().filter(|count| (1..=10_000).contains(count));
    fits.ok_or_else(|| "expected a number from 1 to 10000".to_owned())
}

fn log_level(text: &str) -> Result<tracing::level_filters::LevelFilter, String> {
    parse(text).map_err(|_: String| "expected one of off, error, warn, info, debug, trace".to_owned())
}

/// So many times in a span of time, as in `30/1m`.
fn rate(text: &str) -> Result<Rate, String> {
    let parsed = text.split_once('/').and_then(|(count, window)| {
        let rate = Rate { count: count.parse().ok()?, window: window.parse().ok()? };
        (rate.count > 0 && rate.window > Lifetime::ZERO).then_some(rate)
    });
    parsed.ok_or_else(|| "write a number and a time span, as in \"30/1m\"".to_owned())
}
