//! Scopes, redirect URIs and registrations.

use grantor_core::client::{Client, ClientMetadata, KeptSecret};
use grantor_core::profile::RedirectMatch;
use grantor_core::record::{decode, encode};
use grantor_core::{RedirectUri, Scope, Secret, SecretHash, Time};
use url::Url;

use crate::lines;
use crate::profiles::presets;

/// Two texts as scopes: sets, whatever their spelling.
pub(crate) fn scope(data: &[u8]) {
    let [one, other] = lines::<2>(data).map(|line| String::from_utf8_lossy(line).into_owned());
    let (Ok(one), Ok(other)) = (Scope::parse(&one), Scope::parse(&other)) else { return };
    assert_eq!(Scope::parse(one.as_str()).unwrap(), one, "a scope reads back");
    let (both, either) = (one.intersection(&other), one.union(&other));
    assert!(both.is_within(&one) && both.is_within(&other));
    assert!(one.is_within(&either) && other.is_within(&either));
    assert_eq!(one.is_within(&other), both == one);
    for token in both.tokens() {
        assert!(one.contains(token) && other.contains(token));
    }
    for profile in presets() {
        let catalogue = &profile.scopes;
        assert!(catalogue.permits_all(&one, &both), "who holds a scope may do what is in it");
        assert!(catalogue.known_of(&one).is_within(&one));
        for token in one.tokens() {
            let alone = Scope::parse(token).unwrap();
            // A token that permits another permits what that permits.
            if catalogue.permits_all(&other, &alone) {
                assert!(
                    either.tokens().all(|t| !catalogue.permits(&alone, t) || catalogue.permits(&other, t))
                );
            }
        }
    }
}

/// A registered URI and a requested one: nothing is sent to another place than was registered.
pub(crate) fn redirect(data: &[u8]) {
    let [registered, requested] = lines::<2>(data);
    let (Ok(registered), Ok(requested)) = (std::str::from_utf8(registered), std::str::from_utf8(requested))
    else {
        return;
    };
    let Ok(uri) = RedirectUri::parse(registered) else { return };
    assert_eq!(uri.as_str(), registered, "a URI is kept as it was written");
    let own = Url::parse(registered).expect("what is registered is a URL");
    assert!(own.fragment().is_none() && own.username().is_empty() && own.password().is_none());
    let local = matches!(own.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    assert!(own.scheme() == "https" || own.scheme().contains('.') || (own.scheme() == "http" && local));
    assert!(uri.admits(registered));
    for rule in [RedirectMatch::Exact, RedirectMatch::AddedQuery] {
        if !rule.admits(&uri, requested) {
            continue;
        }
        let asked = Url::parse(requested).expect("what is admitted is a URL");
        assert_eq!(
            (asked.scheme(), asked.host_str(), asked.path()),
            (own.scheme(), own.host_str(), own.path())
        );
        assert_eq!((asked.username(), asked.password(), asked.fragment()), ("", None, None));
        let any_port = own.scheme() == "http" && own.host_str() != Some("localhost");
        assert!(asked.port() == own.port() || any_port, "another port");
        assert!(asked.query() == own.query() || rule == RedirectMatch::AddedQuery, "another query");
        assert!(!requested.contains(['\r', '\n', ' ']), "it would end a header");
    }
}

/// A registration: refused, or one that reads back, and that every profile takes or refuses calmly.
pub(crate) fn client(data: &[u8]) {
    let Ok(metadata) = serde_json::from_slice::<ClientMetadata>(data) else { return };
    let printed = serde_json::to_vec(&metadata).unwrap();
    assert_eq!(serde_json::from_slice::<ClientMetadata>(&printed).unwrap(), metadata, "it reads back");
    let now = Time::from_unix_millis(1_800_000_000_000);
    for profile in presets() {
        let kept = KeptSecret::from(SecretHash::of_strong(&Secret::new("a secret that is long enough")));
        let own = ClientMetadata { profile: profile.name.clone(), ..metadata.clone() };
        let Ok(client) = Client::register(own, Some(kept), profile, now) else { continue };
        let known = &client.metadata;
        assert_eq!(client.valid_secrets(now).count(), usize::from(!known.is_public()));
        assert!(known.grant_types.iter().all(|grant| profile.grant_types.contains(grant)));
        assert!(known.redirect_uris.len() <= profile.limits.redirect_uris);
        assert!(known.default_scope.as_ref().is_none_or(|default| default.is_within(&known.scope)));
        let stored: Client = decode(Client::key(client.id()).raw(), &encode(&client)).expect("it is kept");
        assert_eq!(stored.metadata, client.metadata);
        assert!(stored.update(client.metadata.clone(), profile).is_ok(), "what was registered may stay");
    }
}
