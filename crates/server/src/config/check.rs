//! What can only be judged when everything is known.

use std::net::SocketAddr;

use super::{Config, url_of};
use crate::failure::Failure;
use crate::storage::StorageUrl;

/// Refuses what cannot be served safely.
pub(super) fn whole(config: &Config) -> Result<(), Failure> {
    if config.issuer.is_none() && url_of(config.listen.public).parse::<grantor_core::Issuer>().is_err() {
        return Err(issuer_needed(config.listen.public));
    }
    if config.listen.public == config.listen.admin && config.listen.public.port() != 0 {
        return Err(Failure::usage("listen.admin: must not be the public listener's address"));
    }
    if let Some(also) = &config.storage.also
        && [also, &config.storage.url].contains(&&StorageUrl::Memory)
    {
        return Err(Failure::usage(
            "storage.also: \"memory:\" ends with its process; nothing can be moved to it, or from it",
        ));
    }
    Ok(())
}

pub(super) fn issuer_needed(public: SocketAddr) -> Failure {
    Failure::usage(format!(
        "issuer: needed, since the public listener {public} is not 127.0.0.1 or [::1]; set it to the https URL by which \
         clients reach this server"
    ))
}

/// What an operator should know is risky in what he chose.
pub(super) fn dangers(config: &Config) -> Vec<String> {
    let mut dangers = Vec::new();
    match &config.storage.url {
        StorageUrl::Memory => {
            dangers.push("storage.url = \"memory:\": everything is forgotten when the server stops".to_owned());
        }
        // Whatever `durability` says: it is not sled's to promise.
        StorageUrl::Sled(_) => dangers.push(
            "storage.url = \"sled:…\": a power cut can undo acknowledged answers, revocations too; a crash does not"
                .to_owned(),
        ),
        // What Redis promises stands in its own configuration, and is told at the start.
        StorageUrl::Redis(_) => {}
        StorageUrl::Sqlite(_) if config.storage.full => {}
        StorageUrl::Sqlite(_) => dangers.push(
            "storage.durability = \"relaxed\": a power cut can undo acknowledged answers, revocations too"
                .to_owned(),
        ),
    }
    if !config.listen.admin.ip().is_loopback() {
        dangers.push(format!(
            "listen.admin = \"{}\": operators sign in there by plain http, and anybody sees the metrics; keep it from strangers",
            config.listen.admin
        ));
    }
    if config.lifetimes.refresh_token.is_none() && config.lifetimes.grant.is_none() {
        dangers.push(
            "lifetimes.refresh_token and lifetimes.grant are \"never\": a stolen grant never ends".to_owned(),
        );
    }
    for (key, rate) in [
        ("client_authentication", config.rate_limits.client_authentication),
        ("login", config.rate_limits.login),
    ] {
        if rate.is_none() {
            dangers.push(format!("rate_limits.{key} = \"off\": nothing here slows down guessing"));
        }
    }
    for profile in &config.profiles {
        let issuer = profile.issuer_at(config, profile.listen.unwrap_or(config.listen.public));
        let Ok(profile) = issuer.and_then(|issuer| profile.load(config, issuer)) else { continue };
        let told = profile.dangers().into_iter().map(|danger| format!("profile {}: {danger}", profile.name));
        dangers.extend(told);
    }
    dangers
}
