//! What may be registered: of redirect URIs and secrets, and where a service has permissions or shows secrets again.

use grantor_core::client::{AuthMethod, Client, ClientMetadata, GrantType, KeptSecret, SealedSecret};
use grantor_core::record::{decode, encode};
use grantor_core::{Lifetime, Permissions, Profile, RedirectUri, Secret, SecretHash, Time};

fn now() -> Time {
    Time::from_unix_millis(1_700_000_000_000)
}

fn preset(name: &str, overrides: &[(&str, toml::Value)]) -> Result<Profile, String> {
    let overrides: Vec<_> = overrides.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let issuer = "https://auth.test".parse().unwrap();
    Profile::from_toml(Profile::preset(name).unwrap(), &overrides, name, issuer).map_err(|e| e.to_string())
}

fn client(profile: &str, accounts: usize) -> ClientMetadata {
    let permission = |id| format!(r#"{{"type":"t","identifier":{id},"actions":["a/all"]}}"#);
    let all = (0..accounts).map(permission).collect::<Vec<_>>().join(",");
    let mut client = ClientMetadata::new("c".parse().unwrap());
    client.profile = profile.to_owned();
    client.grant_types = [GrantType::ClientCredentials].into();
    client.permissions = serde_json::from_str::<Permissions>(&format!("[{all}]")).unwrap();
    client
}

fn kept() -> KeptSecret {
    let hash = SecretHash::of_strong(&Secret::new("a secret that is long enough to be strong"));
    KeptSecret { hash, sealed: Some(SealedSecret::new("sealed".to_owned())) }
}

#[test]
fn permissions_reach_no_further_than_the_profile_allows() {
    let profile = preset("brightcove", &[]).unwrap();
    let register = |accounts| Client::register(client("brightcove", accounts), Some(kept()), &profile, now());
    assert!(register(30).is_ok());
    let refused = register(31).err().unwrap();
    assert_eq!(refused.field, "permissions");
    assert!(refused.why.contains("31") && refused.why.contains("30"), "{refused}");
}

/// An operator must be able to switch off what was registered before the bound was lowered.
#[test]
fn what_was_allowed_once_can_be_changed_but_not_widened() {
    let wide = preset("brightcove", &[("clients.accounts", 40.into())]).unwrap();
    let narrow = preset("brightcove", &[]).unwrap();
    let before = Client::register(client("brightcove", 35), Some(kept()), &wide, now()).unwrap();
    let off = ClientMetadata { disabled: true, ..client("brightcove", 35) };
    assert!(before.clone().update(off, &narrow).is_ok());
    assert!(before.clone().update(client("brightcove", 34), &narrow).is_err());
    assert!(before.update(client("brightcove", 30), &narrow).is_ok());
}

#[test]
fn an_account_without_actions_is_no_permission() {
    let profile = preset("brightcove", &[]).unwrap();
    let mut client = client("brightcove", 0);
    client.permissions = serde_json::from_str(r#"[{"type":"t","identifier":1,"actions":[]}]"#).unwrap();
    let refused = Client::register(client, Some(kept()), &profile, now()).err().unwrap();
    assert_eq!(refused.field, "permissions");
}

#[test]
fn a_seal_is_kept_only_where_secrets_are_shown_again() {
    let (flex, brightcove) = (preset("flex", &[]).unwrap(), preset("brightcove", &[]).unwrap());
    let sealed = Client::register(client("flex", 0), Some(kept()), &flex, now()).unwrap();
    assert!(sealed.sealed_secret().is_some());
    let hashed = Client::register(client("brightcove", 0), Some(kept()), &brightcove, now()).unwrap();
    assert!(hashed.sealed_secret().is_none());
    // The newest secret is the one that is shown.
    let hash = SecretHash::of_strong(&Secret::new("another"));
    let fresh = KeptSecret { hash, sealed: Some(SealedSecret::new("fresh".to_owned())) };
    let rotated = sealed.with_new_secret(fresh, now(), now() + Lifetime::seconds(60), &flex.limits);
    assert_eq!(rotated.sealed_secret().map(SealedSecret::as_str), Some("fresh"));
    assert!(rotated.deleted(now()).sealed_secret().is_none());
}

#[test]
fn a_profile_that_cannot_answer_as_it_says_is_refused() {
    let hashed = preset("flex", &[("clients.danger_secrets_shown_again", false.into())]);
    assert!(hashed.unwrap_err().contains("registration.style"));
    assert!(
        preset("flex", &[("registration.scope", "other".into())]).unwrap_err().contains("registration.scope")
    );
    assert!(preset("flex", &[("registration.path", "x".into())]).unwrap_err().contains("slash"));
    assert!(preset("flex", &[("formats.jwt_id", "{alnum:4}".into())]).unwrap_err().contains("jwt_id"));
}

#[test]
fn who_is_answered_at_a_uri_has_registered_one() {
    let mut profile = Profile::standard("https://auth.test".parse().unwrap());
    profile.grant_types.insert(GrantType::Implicit);
    let redirect = RedirectUri::parse("https://app.test/cb").unwrap();
    for (grant, method) in [
        (GrantType::AuthorizationCode, AuthMethod::None),
        (GrantType::AuthorizationCode, AuthMethod::ClientSecretBasic),
        (GrantType::Implicit, AuthMethod::None),
        (GrantType::Implicit, AuthMethod::ClientSecretBasic),
    ] {
        let mut client = ClientMetadata::new("c".parse().unwrap());
        client.grant_types = [grant].into();
        client.token_endpoint_auth_method = method;
        let refused = Client::register(client.clone(), Some(kept()), &profile, now()).err().unwrap();
        assert_eq!(refused.field, "redirect_uris", "{grant} {method}");
        client.redirect_uris = vec![redirect.clone()];
        let registered = Client::register(client.clone(), Some(kept()), &profile, now()).unwrap();
        client.redirect_uris.clear();
        assert!(registered.update(client, &profile).is_err(), "nor can it be taken away: {grant} {method}");
    }
}

#[test]
fn a_public_client_is_recorded_as_one_and_keeps_no_secret() {
    let profile = Profile::standard("https://auth.test".parse().unwrap());
    let mut client = ClientMetadata::new("c".parse().unwrap());
    client.redirect_uris = vec![RedirectUri::parse("com.example.app:/cb").unwrap()];
    for (method, public) in [
        (AuthMethod::None, true),
        (AuthMethod::ClientSecretBasic, false),
        (AuthMethod::ClientSecretPost, false),
    ] {
        client.token_endpoint_auth_method = method;
        let registered = Client::register(client.clone(), Some(kept()), &profile, now()).unwrap();
        let stored: Client = decode(Client::key(registered.id()).raw(), &encode(&registered)).unwrap();
        assert_eq!(stored.metadata.is_public(), public, "{method}");
        assert_eq!(stored.valid_secrets(now()).count(), usize::from(!public), "{method}");
        let without = Client::register(client.clone(), None::<KeptSecret>, &profile, now());
        assert_eq!(without.is_ok(), public, "{method}");
        // A client that becomes public has no secret from then on.
        client.token_endpoint_auth_method = AuthMethod::None;
        let made_public = stored.update(client.clone(), &profile).unwrap();
        assert_eq!(made_public.valid_secrets(now()).count(), 0, "{method}");
    }
}
