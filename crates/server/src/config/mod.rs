//! What the operator may choose, and what holds where he does not.
//!
//! A value comes from the environment, else from the file, else from here. [`keys`] is the one list of names.

mod check;
mod env;
mod file;
mod in_force;
mod keys;
mod look;
mod profile;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use grantor_admin::SettingInForce;
use grantor_core::client::AccessTokenFormat;
use grantor_core::profile::AccessTokenRules;
use grantor_core::{
    Issuer, Lifetime, Lifetimes, Profile, RefreshMode, ScopeCatalogue, ScopeMeaning, ServerKey,
};
use grantor_engine::Algorithm;
use grantor_http::{Network, Rate};
use tracing::level_filters::LevelFilter;

use crate::failure::Failure;
use crate::storage::StorageUrl;

pub(crate) use look::Pages;
pub(crate) use profile::ProfileConfig;

/// The file that is read where none is named.
const DEFAULT_FILE: &str = "grantor.toml";

/// Everything the operator may choose.
#[derive(Clone)]
pub(crate) struct Config {
    /// The server's name; the public listener's URL if absent.
    pub(crate) issuer: Option<Issuer>,
    pub(crate) listen: Listen,
    pub(crate) storage: Storage,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) session: Lifetime,
    /// How long a session lives that is not used; `None` is as long as any.
    pub(crate) session_idle: Option<Lifetime>,
    pub(crate) refresh: Refresh,
    pub(crate) access_token_format: AccessTokenFormat,
    pub(crate) keys: Keys,
    pub(crate) rate_limits: RateLimits,
    pub(crate) scopes: BTreeMap<String, ScopeMeaning>,
    pub(crate) log: Log,
    pub(crate) audit: Audit,
    /// How the pages look.
    pub(crate) pages: Pages,
    /// Never empty once it is loaded.
    pub(crate) profiles: Vec<ProfileConfig>,
    /// All of it, for operators to look at.
    pub(crate) in_force: Vec<SettingInForce>,
}

#[derive(Clone)]
pub(crate) struct Listen {
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// Where browsers reach it, if that is settled.
    pub(crate) admin_origin: Option<Issuer>,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) requests_at_once: usize,
}

#[derive(Clone)]
pub(crate) struct Storage {
    pub(crate) url: StorageUrl,
    /// The store that all is moved to while the server serves.
    pub(crate) also: Option<StorageUrl>,
    /// Whether an acknowledged answer survives a power cut, and not only the end of the process.
    pub(crate) full: bool,
}

#[derive(Clone, Copy)]
pub(crate) struct Refresh {
    pub(crate) mode: RefreshModeName,
    pub(crate) grace: Lifetime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshModeName {
    None,
    Reuse,
    Rotate,
    ReplaceAll,
}

#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) server_key_file: PathBuf,
    /// From the environment only: a key does not belong in a configuration file.
    pub(crate) server_key: Option<ServerKey>,
    pub(crate) algorithm: Algorithm,
}

/// How often somebody may fail; `None` is off.
#[derive(Clone, Copy)]
pub(crate) struct RateLimits {
    pub(crate) client_authentication: Option<Rate>,
    pub(crate) login: Option<Rate>,
}

#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) level: LevelFilter,
    pub(crate) file: Option<PathBuf>,
    pub(crate) format: LogFormat,
    /// The folder for replay bundles of refusals and faults; none are written if absent.
    pub(crate) bundles: Option<PathBuf>,
    /// How many of them are kept.
    pub(crate) bundles_keep: usize,
}

#[derive(Clone, Copy)]
pub(crate) struct Audit {
    /// How long an entry of the trail is kept; `None` is for ever.
    pub(crate) keep: Option<Lifetime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Json,
    Text,
}

impl Default for Config {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            issuer: None,
            listen: Listen {
                public: loopback(8080),
                admin: loopback(8081),
                admin_origin: None,
                trusted_proxies: Vec::new(),
                requests_at_once: grantor_http::Settings::default().requests_at_once,
            },
            storage: Storage {
                url: StorageUrl::Sqlite("grantor-data/grantor.db".into()),
                also: None,
                full: true,
            },
            lifetimes: Lifetimes::default(),
            session: Lifetime::seconds(12 * 3600),
            session_idle: None,
            refresh: Refresh { mode: RefreshModeName::Rotate, grace: Lifetime::seconds(10) },
            access_token_format: AccessTokenFormat::Reference,
            keys: Keys {
                server_key_file: "grantor-data/server.key".into(),
                server_key: None,
                algorithm: Algorithm::default(),
            },
            // Enough for a person who mistypes and for a fleet that restarts; too little to guess with.
            rate_limits: RateLimits {
                client_authentication: Some(Rate { count: 30, window: Lifetime::seconds(60) }),
                login: Some(Rate { count: 10, window: Lifetime::seconds(60) }),
            },
            scopes: BTreeMap::new(),
            log: Log {
                level: LevelFilter::INFO,
                file: None,
                format: LogFormat::Json,
                bundles: None,
                bundles_keep: 200,
            },
            audit: Audit { keep: grantor_ledger::Settings::default().keep },
            pages: Pages::default(),
            profiles: Vec::new(),
            in_force: Vec::new(),
        }
    }
}

impl Config {
    /// What holds: the file's values over the defaults, and the environment's over the file's.
    ///
    /// Without a name it reads `grantor.toml` in the working folder if there is one.
    pub(crate) fn load(named: Option<&Path>) -> Result<Self, Failure> {
        let mut settings = Vec::new();
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => settings.extend(file::read(path, &text)?),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::usage(format!("{}: cannot be read: {error}", path.display()))),
        }
        settings.extend(env::read(std::env::vars_os())?);
        let mut config = Self::default();
        for setting in &settings {
            keys::apply(&mut config, setting)?;
        }
        config.in_force = in_force::of(&settings);
        // Profiles on listeners of their own leave the public one as it is.
        let all_elsewhere = config.profiles.iter().all(|profile| profile.listen.is_some());
        if all_elsewhere && !config.profiles.iter().any(|profile| profile.name == "standard") {
            config.profiles.push(ProfileConfig::standard());
        }
        check::whole(&config)?;
        profile::check(&config)?;
        Ok(config)
    }

    /// The standard profile, as the sections of the configuration make it.
    pub(crate) fn to_profile(&self, issuer: Issuer) -> Profile {
        Profile {
            lifetimes: self.lifetimes.clone(),
            refresh: match self.refresh.mode {
                RefreshModeName::None => RefreshMode::None,
                RefreshModeName::Reuse => RefreshMode::Reuse,
                RefreshModeName::Rotate => RefreshMode::Rotate { grace: self.refresh.grace },
                RefreshModeName::ReplaceAll => RefreshMode::ReplaceAll,
            },
            access_token: AccessTokenRules {
                format: self.access_token_format,
                ..AccessTokenRules::default()
            },
            // Each was checked as it was read.
            scopes: ScopeCatalogue::new(self.scopes.clone()).unwrap_or_default(),
            ..Profile::standard(issuer)
        }
    }

    /// The server's name where its public listener is `public`.
    pub(crate) fn issuer_at(&self, public: SocketAddr) -> Result<Issuer, Failure> {
        match &self.issuer {
            Some(issuer) => Ok(issuer.clone()),
            None => url_of(public).parse().map_err(|_| check::issuer_needed(public)),
        }
    }

    /// What an operator should know is risky in what he chose.
    pub(crate) fn dangers(&self) -> Vec<String> {
        check::dangers(self)
    }
}

/// How a listener is reached.
pub(crate) fn url_of(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// One value, and where it comes from.
pub(crate) struct Setting {
    /// The path of names to it, as in `lifetimes`, `access_token`.
    path: Vec<String>,
    value: Value,
    origin: Origin,
}

/// A value as it was written. What it means is for its key to say.
pub(crate) enum Value {
    One(String),
    Many(Vec<String>),
    /// Of the scope catalogue, whose names are the operator's.
    Meaning(grantor_core::ScopeMeaning),
}

/// Where a value comes from.
#[derive(Clone)]
enum Origin {
    File { name: String, line: usize },
    Environment(String),
}

impl Setting {
    fn refuse(&self, why: impl fmt::Display) -> Failure {
        refuse(&self.origin, &self.path, why)
    }
}

/// One line that names file, line, key and reason.
fn refuse(origin: &Origin, path: &[String], why: impl fmt::Display) -> Failure {
    Failure::usage(match origin {
        Origin::Environment(name) => format!("{name}: {why}"),
        Origin::File { name, line } => match path {
            [] => format!("{name}:{line}: {why}"),
            [key] => format!("{name}:{line}: {key}: {why}"),
            [section @ .., key] => format!("{name}:{line}: [{}] {key}: {why}", section.join(".")),
        },
    })
}
