//! The token endpoint, introspection and revocation, case by case.

use grantor_core::client::{AccessTokenFormat, AuthMethod, GrantType};
use grantor_core::flow::{self, Introspection};
use grantor_core::grant::RevocationCause;
use grantor_core::profile::ClaimField;
use grantor_core::record::{Expect, Put, Version};
use grantor_core::request::{ClientCredentials, ClientProof, GrantRequest};
use grantor_core::step::{FlowFault, Step, Stop};
use grantor_core::{Entropy, Lifetime, Reason, RefreshMode, Scope, Secret, Standing, StandingState};

use crate::world::{CALLBACK, World, code_grant, credentials, secret_of};

fn world() -> World {
    World::new(|_| {})
}

fn rotating(grace: u64) -> World {
    World::new(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(grace) })
}

#[test]
fn a_code_gives_tokens_once_and_its_replay_ends_them() {
    let mut w = world();
    let code = w.approve("web", "read");
    let answer = w.redeem("web", &code).unwrap();
    let refresh_token = answer.refresh_token.unwrap();
    assert!(w.is_live(&answer.access_token));
    assert_eq!((answer.scope.as_str(), answer.subject.unwrap().as_str()), ("read", "alice"));

    assert_eq!(w.redeem("web", &code).err(), Some(Reason::CodeReplayed));
    assert!(!w.is_live(&answer.access_token));
    assert_eq!(w.refresh("web", &refresh_token, None).err(), Some(Reason::RefreshTokenRevoked));
    assert_eq!(w.redeem("web", &code).err(), Some(Reason::CodeRevoked));
}

#[test]
fn a_code_is_bound_to_its_client_uri_and_verifier() {
    let mut w = world();
    let code = w.approve("web", "read");
    let other_verifier = "a".repeat(43);
    for (client, uri, verifier, reason) in [
        ("other", Some(CALLBACK), Some(crate::world::VERIFIER), Reason::CodeOfAnotherClient),
        ("web", Some("https://app.test/other"), Some(crate::world::VERIFIER), Reason::RedirectDiffers),
        ("web", None, Some(crate::world::VERIFIER), Reason::RedirectDiffers),
        ("web", Some(CALLBACK), Some(other_verifier.as_str()), Reason::VerifierWrong),
        ("web", Some(CALLBACK), None, Reason::VerifierMissing),
    ] {
        assert_eq!(w.token(client, code_grant(&code, uri, verifier)).err(), Some(reason));
    }
    // None of that used the code up.
    let answer = w.redeem("web", &code).unwrap();
    // And none of it, as a replay, ends the grant: the one who has the code alone is not its owner.
    assert_eq!(w.redeem("other", &code).err(), Some(Reason::CodeOfAnotherClient));
    let wrong = code_grant(&code, Some(CALLBACK), Some(&other_verifier));
    assert_eq!(w.token("web", wrong).err(), Some(Reason::VerifierWrong));
    assert!(w.is_live(&answer.access_token));
}

#[test]
fn a_verifier_without_a_challenge_is_refused() {
    let mut w = world();
    w.register("legacy", |m| m.require_pkce = false);
    let query = format!("client_id=legacy&redirect_uri={CALLBACK}&response_type=code&scope=read");
    let location = w.decide(&query, grantor_core::request::Choice::Approve { scope: None }).unwrap();
    let code = Secret::new(crate::world::parameter(&location, "code").unwrap());
    assert_eq!(w.redeem("legacy", &code).err(), Some(Reason::VerifierUnexpected));
    assert!(w.token("legacy", code_grant(&code, Some(CALLBACK), None)).is_ok());
}

#[test]
fn a_uri_that_no_request_named_must_be_the_clients_all_the_same() {
    let mut w = World::new(|p| p.approval.remember = false);
    w.register("legacy", |m| m.require_pkce = false);
    let query = "client_id=legacy&response_type=code&scope=read";
    for (given, fits) in [
        (None, true),
        (Some(CALLBACK), true),
        (Some("https://app.test/cb?code=x&state=y"), true),
        (Some("https://app.test/other"), false),
        (Some("https://evil.test/cb"), false),
    ] {
        let location = w.decide(query, grantor_core::request::Choice::Approve { scope: None }).unwrap();
        let code = Secret::new(crate::world::parameter(&location, "code").unwrap());
        let redeemed = w.token("legacy", code_grant(&code, given, None)).err();
        assert_eq!(redeemed, (!fits).then_some(Reason::RedirectDiffers), "{given:?}");
    }
}

#[test]
fn a_code_ends_with_its_lifetime() {
    let mut w = world();
    let code = w.approve("web", "read");
    w.pass(60);
    assert_eq!(w.redeem("web", &code).err(), Some(Reason::CodeExpired));
    let code = w.approve("web", "read");
    w.pass(59);
    assert!(w.redeem("web", &code).is_ok());
}

#[test]
fn the_client_is_authenticated_before_a_code_is_looked_at() {
    let mut w = world();
    let code = w.approve("web", "read");
    let wrong = |proof| ClientCredentials { client: "web".parse().unwrap(), proof };
    for (proof, reason) in [
        (ClientProof::None, Reason::ClientMethodWrong),
        (ClientProof::Post(secret_of("web")), Reason::ClientMethodWrong),
        (ClientProof::Basic(secret_of("other")), Reason::ClientSecretWrong),
    ] {
        let mut step = flow::token(
            w.context(),
            grantor_core::request::TokenRequest {
                client: wrong(proof).into(),
                grant: code_grant(&code, Some(CALLBACK), Some(crate::world::VERIFIER)),
            },
        );
        loop {
            if let Step::Load(need) = &step {
                assert_eq!(need.key().to_string(), "client/web", "nothing else is read");
            }
            step = match step {
                Step::Done(Err(Stop::Refused(refusal))) => break assert_eq!(refusal.reason, reason),
                Step::Done(_) => panic!("let pass"),
                other => w.answer(other),
            };
        }
    }
    assert!(w.redeem("web", &code).is_ok());
}

#[test]
fn several_secrets_overlap_while_they_are_rotated() {
    use grantor_core::client::Client;
    let mut w = world();
    let key = Client::key(&"web".parse().unwrap());
    let stored = w.records[key.raw()].clone();
    let client: Client = grantor_core::record::decode(key.raw(), &stored.body).unwrap();
    let fresh = Secret::new("another secret that is long enough to be strong");
    let hash = grantor_core::SecretHash::of_strong(&fresh);
    let client = client.with_new_secret(hash, w.now, w.now + Lifetime::seconds(60), &w.profile.limits);
    let version = Version::draw(&mut Entropy::from_seed([5; 32]));
    w.put(Put::of(&key, Expect::Version(stored.version), version, &client, None));

    let with = |w: &mut World, secret: &Secret| {
        let client =
            ClientCredentials { client: "web".parse().unwrap(), proof: ClientProof::Basic(secret.clone()) };
        w.ask(|ctx| flow::authenticate(ctx, client)).map(|_| ())
    };
    assert_eq!((with(&mut w, &fresh), with(&mut w, &secret_of("web"))), (Ok(()), Ok(())));
    w.pass(60);
    assert_eq!(
        (with(&mut w, &fresh), with(&mut w, &secret_of("web"))),
        (Ok(()), Err(Reason::ClientSecretWrong))
    );
}

#[test]
fn rotation_replaces_and_a_replay_ends_the_grant() {
    let mut w = rotating(0);
    let code = w.approve("web", "read");
    let first = w.redeem("web", &code).unwrap();
    let second = w.refresh("web", first.refresh_token.as_ref().unwrap(), None).unwrap();
    assert_ne!(
        first.refresh_token.as_ref().unwrap().expose(),
        second.refresh_token.as_ref().unwrap().expose()
    );
    let third = w.refresh("web", second.refresh_token.as_ref().unwrap(), None).unwrap();

    // The oldest one, two rotations back, is known for what it is.
    assert_eq!(
        w.refresh("web", first.refresh_token.as_ref().unwrap(), None).err(),
        Some(Reason::RefreshTokenReplayed)
    );
    for answer in [&first, &second, &third] {
        assert!(!w.is_live(&answer.access_token));
    }
    assert_eq!(
        w.refresh("web", third.refresh_token.as_ref().unwrap(), None).err(),
        Some(Reason::RefreshTokenRevoked)
    );
}

#[test]
fn a_retry_inside_the_grace_gets_the_very_same_successor() {
    let mut w = rotating(10);
    let code = w.approve("web", "read");
    let first = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    let lost = w.refresh("web", &first, None).unwrap().refresh_token.unwrap();
    w.pass(9);
    let again = w.refresh("web", &first, None).unwrap().refresh_token.unwrap();
    assert_eq!(lost.expose(), again.expose());
    w.pass(1);
    assert_eq!(w.refresh("web", &first, None).err(), Some(Reason::RefreshTokenReplayed));
    assert_eq!(w.refresh("web", &again, None).err(), Some(Reason::RefreshTokenRevoked));
}

#[test]
fn once_the_successor_was_used_there_is_no_grace() {
    let mut w = rotating(10);
    let code = w.approve("web", "read");
    let first = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    let second = w.refresh("web", &first, None).unwrap().refresh_token.unwrap();
    assert!(w.refresh("web", &second, None).is_ok());
    assert_eq!(w.refresh("web", &first, None).err(), Some(Reason::RefreshTokenReplayed));
}

#[test]
fn a_clock_set_back_does_not_widen_the_grace() {
    let mut w = rotating(10);
    w.pass(3600);
    let code = w.approve("web", "read");
    let first = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    w.refresh("web", &first, None).unwrap();
    w.now = grantor_core::Time::from_unix_millis(w.now.unix_millis() - 3_600_000);
    assert_eq!(w.refresh("web", &first, None).err(), Some(Reason::RefreshTokenReplayed));
}

#[test]
fn an_invented_ancestor_ends_nothing() {
    let mut w = rotating(0);
    let code = w.approve("web", "read");
    let first = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    let second = w.refresh("web", &first, None).unwrap();
    // Another grant's first token, re-sealed under this grant's id, is what an attacker could invent.
    let foreign = w.approve("web", "read");
    let foreign = w.redeem("web", &foreign).unwrap().refresh_token.unwrap();
    let forged = forge(foreign.expose(), first.expose());
    assert_eq!(w.refresh("web", &forged, None).err(), Some(Reason::RefreshTokenUnknown));
    assert!(w.is_live(&second.access_token));
}

/// The secret part of one token under the grant and generation of another, with a right checksum.
fn forge(secret_of: &str, grant_of: &str) -> Secret {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use sha2::Digest as _;
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.strip_prefix("gra_rt_").unwrap()).unwrap();
    let mut payload = decode(grant_of)[..20].to_vec();
    payload.extend_from_slice(&decode(secret_of)[20..52]);
    let digest = sha2::Sha256::new().chain_update("gra_rt_").chain_update(&payload).finalize();
    payload.extend_from_slice(&digest[..4]);
    Secret::new(format!("gra_rt_{}", URL_SAFE_NO_PAD.encode(payload)))
}

#[test]
fn reuse_keeps_the_token_and_writes_nothing_to_the_grant() {
    let mut w = World::new(|p| p.refresh = RefreshMode::Reuse);
    let code = w.approve("web", "read");
    let token = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    let answer = w.refresh("web", &token, None).unwrap();
    assert_eq!(answer.refresh_token.unwrap().expose(), token.expose());
    assert!(w.refresh("web", &token, None).is_ok());
}

#[test]
fn replace_all_ends_the_old_token_without_ending_the_grant() {
    let mut w = World::new(|p| p.refresh = RefreshMode::ReplaceAll);
    let code = w.approve("web", "read");
    let old = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    let new = w.refresh("web", &old, None).unwrap();
    assert_eq!(w.refresh("web", &old, None).err(), Some(Reason::RefreshTokenReplaced));
    assert!(w.is_live(&new.access_token));
    assert!(w.refresh("web", new.refresh_token.as_ref().unwrap(), None).is_ok());
}

#[test]
fn without_refresh_there_is_no_refresh_token() {
    let mut w = World::new(|p| p.refresh = RefreshMode::None);
    let code = w.approve("web", "read");
    assert!(w.redeem("web", &code).unwrap().refresh_token.is_none());

    let mut w = world();
    w.register("short", |m| m.grant_types = [GrantType::AuthorizationCode].into());
    let code = w.approve("short", "read");
    assert!(w.redeem("short", &code).unwrap().refresh_token.is_none());
    let code = w.approve("web", "read");
    let token = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    assert_eq!(w.refresh("short", &token, None).err(), Some(Reason::GrantTypeNotAllowed));
}

#[test]
fn a_refresh_may_narrow_the_scope_and_never_widens_it() {
    let mut w = rotating(0);
    let code = w.approve("web", "read write");
    let token = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    assert_eq!(w.refresh("web", &token, Some("read admin")).err(), Some(Reason::ScopeWidened));
    // The token was not used up by that.
    let narrow = w.refresh("web", &token, Some("read")).unwrap();
    assert_eq!(narrow.scope.as_str(), "read");
    let back = w.refresh("web", narrow.refresh_token.as_ref().unwrap(), Some("read write")).unwrap();
    assert_eq!(back.scope.as_str(), "read write");
}

#[test]
fn a_replay_ends_the_grant_whatever_scope_it_asks_for() {
    let mut w = rotating(0);
    let code = w.approve("web", "read");
    let first = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    w.refresh("web", &first, None).unwrap();
    assert_eq!(w.refresh("web", &first, Some("admin")).err(), Some(Reason::RefreshTokenReplayed));
}

#[test]
fn a_refresh_token_is_its_clients_alone() {
    let mut w = rotating(0);
    let code = w.approve("web", "read");
    let token = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    assert_eq!(w.refresh("other", &token, None).err(), Some(Reason::RefreshTokenOfAnotherClient));
    assert!(w.refresh("web", &token, None).is_ok());
}

#[test]
fn idle_and_absolute_lifetimes_both_end_a_grant() {
    let mut w = World::new(|p| {
        p.lifetimes.refresh_token = Some(Lifetime::seconds(100));
        p.lifetimes.grant = Some(Lifetime::seconds(150));
    });
    let code = w.approve("web", "read");
    let first = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    w.pass(99);
    let second = w.refresh("web", &first, None).unwrap();
    assert_eq!(second.expires_in(), 51, "an access token does not outlive its grant");
    w.pass(50);
    let third = w.refresh("web", second.refresh_token.as_ref().unwrap(), None).unwrap();
    w.pass(1);
    assert_eq!(
        w.refresh("web", third.refresh_token.as_ref().unwrap(), None).err(),
        Some(Reason::RefreshTokenExpired)
    );
    assert!(!w.is_live(&third.access_token));

    let code = w.approve("web", "read");
    let idle = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    w.pass(100);
    assert_eq!(w.refresh("web", &idle, None).err(), Some(Reason::RefreshTokenExpired));
}

#[test]
fn a_client_speaks_for_itself() {
    let mut w = world();
    let ask =
        |scope: Option<&str>| GrantRequest::ClientCredentials { scope: scope.map(|s| s.parse().unwrap()) };
    let answer = w.token("web", ask(None)).unwrap();
    assert_eq!((answer.scope.as_str(), answer.refresh_token.is_none()), ("read write", true));
    assert_eq!(w.token("web", ask(Some("admin"))).unwrap().scope.as_str(), "admin");
    assert_eq!(w.token("web", ask(Some("nuclear"))).err(), Some(Reason::ScopeNotAllowed));
    assert_eq!(w.token("spa", ask(None)).err(), Some(Reason::GrantTypeNotAllowed));
    let live = match w.introspect("web", &answer.access_token) {
        Introspection::AccessToken(live) => live,
        other => panic!("{other:?}"),
    };
    assert_eq!((live.subject, live.grant), (None, None));
}

#[test]
fn a_password_gives_tokens_where_the_profile_has_it() {
    let mut w = World::new(|p| {
        p.grant_types.insert(GrantType::Password);
    });
    let ask =
        |who: Option<&str>| GrantRequest::Password { subject: who.map(|s| s.parse().unwrap()), scope: None };
    assert!(w.token("web", ask(Some("alice"))).is_ok());
    assert_eq!(w.token("web", ask(None)).err(), Some(Reason::PasswordWrong));
    let mut w = world();
    assert_eq!(w.token("web", ask(Some("alice"))).err(), Some(Reason::GrantTypeUnsupported));
}

#[test]
fn revoking_a_refresh_token_ends_its_grant_and_an_access_token_itself() {
    let mut w = rotating(0);
    let code = w.approve("web", "read");
    let first = w.redeem("web", &code).unwrap();
    let second = w.refresh("web", first.refresh_token.as_ref().unwrap(), None).unwrap();
    w.revoke("other", &first.access_token);
    w.revoke("other", second.refresh_token.as_ref().unwrap());
    assert!(w.is_live(&first.access_token) && w.is_live(&second.access_token), "not the other's to revoke");
    w.revoke("web", &first.access_token);
    assert!(!w.is_live(&first.access_token) && w.is_live(&second.access_token));
    w.revoke("web", second.refresh_token.as_ref().unwrap());
    assert!(!w.is_live(&second.access_token));
    // Unknown tokens, codes and garbage are all the same to revoke.
    for text in ["", "x", "gra_at_x", "a.b.c"] {
        w.revoke("web", &Secret::new(text));
    }
}

#[test]
fn introspection_tells_each_asker_only_what_is_its_own() {
    let mut w = world();
    w.register("aud", |m| m.access_token_audience = Some("https://api.test".to_owned()));
    w.register("elsewhere", |m| m.access_token_audience = Some("https://elsewhere.test".to_owned()));
    for (client, seen_by_rs) in [("web", true), ("aud", true), ("elsewhere", false)] {
        let code = w.approve(client, "read");
        let answer = w.redeem(client, &code).unwrap();
        let is_told = |w: &mut World, asker, token| w.introspect(asker, token) != Introspection::Inactive;
        assert!(is_told(&mut w, client, &answer.access_token));
        assert!(!is_told(&mut w, "other", &answer.access_token));
        assert_eq!(is_told(&mut w, "rs", &answer.access_token), seen_by_rs, "{client}");
        let refresh_token = answer.refresh_token.unwrap();
        assert!(is_told(&mut w, client, &refresh_token));
        assert!(!is_told(&mut w, "rs", &refresh_token) && !is_told(&mut w, "other", &refresh_token));
    }
    let spa = credentials("spa");
    assert_eq!(
        w.ask(|ctx| flow::introspect(ctx, spa, Secret::new("x"))).err(),
        Some(Reason::ClientUnidentified)
    );
}

#[test]
fn a_token_that_does_not_say_whom_it_is_for_is_for_whom_its_client_is_registered() {
    let mut w = World::new(|p| {
        p.access_token.format = AccessTokenFormat::Jwt;
        p.access_token.claims.retain(|field| field.source != ClaimField::Aud);
    });
    w.register("aud", |m| m.access_token_audience = Some("https://api.test".to_owned()));
    w.register("elsewhere", |m| m.access_token_audience = Some("https://elsewhere.test".to_owned()));
    for (client, seen_by_rs) in [("web", true), ("aud", true), ("elsewhere", false)] {
        let own = w.token(client, GrantRequest::ClientCredentials { scope: None }).unwrap();
        assert_ne!(w.introspect(client, &own.access_token), Introspection::Inactive);
        assert_eq!(w.introspect("rs", &own.access_token) != Introspection::Inactive, seen_by_rs, "{client}");
    }
}

#[test]
fn jwt_access_tokens_follow_their_grant_and_their_own_revocation() {
    let mut w = World::new(|p| p.access_token.format = AccessTokenFormat::Jwt);
    let code = w.approve("web", "read");
    let first = w.redeem("web", &code).unwrap();
    let second = w.refresh("web", first.refresh_token.as_ref().unwrap(), None).unwrap();
    assert!(first.access_token.expose().starts_with("at+jwt."));
    assert!(w.is_live(&first.access_token) && w.is_live(&second.access_token));
    w.revoke("other", &first.access_token);
    assert!(w.is_live(&first.access_token));
    w.revoke("web", &first.access_token);
    assert!(!w.is_live(&first.access_token) && w.is_live(&second.access_token));
    w.revoke("web", second.refresh_token.as_ref().unwrap());
    assert!(!w.is_live(&second.access_token));

    let own = w.token("web", GrantRequest::ClientCredentials { scope: None }).unwrap();
    assert!(w.is_live(&own.access_token));
    w.revoke("web", &own.access_token);
    assert!(!w.is_live(&own.access_token));

    // Another issuer's token, though signed with the same key, is worth nothing here.
    let own = w.token("web", GrantRequest::ClientCredentials { scope: None }).unwrap();
    let mut elsewhere = w.profile.as_ref().clone();
    elsewhere.issuer = "https://else.test".parse().unwrap();
    w.profile = elsewhere.into();
    assert!(!w.is_live(&own.access_token));
}

#[test]
fn a_resource_asks_for_the_scope_it_needs() {
    let mut w = world();
    let code = w.approve("web", "read");
    let token = w.redeem("web", &code).unwrap().access_token;
    let check = |w: &mut World, token: Option<&Secret>, scope: &str| {
        let required: Scope = scope.parse().unwrap();
        w.ask(|ctx| flow::check(ctx, token.cloned(), required, None)).map(|_| ())
    };
    assert_eq!(check(&mut w, Some(&token), "read"), Ok(()));
    assert_eq!(check(&mut w, Some(&token), "read write"), Err(Reason::ScopeInsufficient));
    assert_eq!(check(&mut w, None, "read"), Err(Reason::TokenMissing));
    assert_eq!(check(&mut w, Some(&Secret::new("garbage")), ""), Err(Reason::TokenInvalid));
    w.pass(3600);
    assert_eq!(check(&mut w, Some(&token), "read"), Err(Reason::TokenInvalid));
}

#[test]
fn a_suspended_subject_gets_no_first_tokens() {
    let mut w = world();
    let code = w.approve("web", "read");
    let subject = "alice".parse().unwrap();
    let standing = Standing::new(StandingState::Suspended, w.now);
    let version = Version::draw(&mut Entropy::from_seed([5; 32]));
    w.put(Put::of(&Standing::key(&subject), Expect::Absent, version, &standing, None));
    assert_eq!(w.redeem("web", &code).err(), Some(Reason::SubjectSuspended));
}

#[test]
fn an_operator_ends_a_grant_once() {
    let mut w = world();
    let code = w.approve("web", "read");
    let answer = w.redeem("web", &code).unwrap();
    let id = answer.grant.unwrap();
    let end = |w: &mut World| w.ask(|ctx| flow::revoke_grant(ctx, id, RevocationCause::ByOperator)).unwrap();
    assert_eq!((end(&mut w), end(&mut w)), (true, false));
    assert!(!w.is_live(&answer.access_token));
}

#[test]
fn a_thousand_credentials_have_in_common_only_their_prefix_and_their_moment() {
    let mut w = world();
    let mut texts: [Vec<String>; 3] = Default::default();
    for _ in 0..1000 {
        let code = w.approve("web", "read");
        let answer = w.redeem("web", &code).unwrap();
        let three = [&code, &answer.access_token, answer.refresh_token.as_ref().unwrap()];
        for (texts, text) in texts.iter_mut().zip(three) {
            texts.push(text.expose().to_owned());
        }
    }
    for mut texts in texts {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        assert!(texts.iter().all(|text| text.bytes().all(unreserved)));
        // The last character of 52 bytes in base64 has two bits left to say.
        // And the first eight are when the grant began.
        for at in "gra_xx_".len() + 8..texts[0].len() - 1 {
            let seen: std::collections::BTreeSet<u8> = texts.iter().map(|text| text.as_bytes()[at]).collect();
            // A refresh token says which of its chain it is: four bytes that are nought in the first.
            let generation = texts[0].starts_with("gra_rt_") && (7 + 21..7 + 27).contains(&at);
            assert!(seen.len() > 15 || generation, "position {at} has only {} values", seen.len());
        }
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 1000);
    }
}

#[test]
fn a_client_that_is_switched_off_gets_nothing() {
    let mut w = world();
    w.register("off", |m| m.disabled = true);
    let ask = GrantRequest::ClientCredentials { scope: None };
    assert_eq!(w.token("off", ask).err(), Some(Reason::ClientDisabled));
    let query = format!("client_id=off&redirect_uri={CALLBACK}&response_type=code");
    assert_eq!(w.examine(&query).err(), Some(Reason::ClientDisabled));
}

#[test]
fn an_operator_looks_up_and_takes_back_any_token() {
    for format in [AccessTokenFormat::Reference, AccessTokenFormat::Jwt] {
        let mut w = World::new(|p| p.access_token.format = format);
        let code = w.approve("web", "read");
        let answer = w.redeem("web", &code).unwrap();
        let own = w.token("web", GrantRequest::ClientCredentials { scope: None }).unwrap().access_token;
        let refresh_token = answer.refresh_token.unwrap();
        for token in [&own, &answer.access_token, &refresh_token] {
            assert_ne!(w.ask(|ctx| flow::look_up(ctx, token)).unwrap(), Introspection::Inactive);
            assert!(w.ask(|ctx| flow::revoke_as_operator(ctx, token)).unwrap());
            assert_eq!(w.ask(|ctx| flow::look_up(ctx, token)).unwrap(), Introspection::Inactive);
            assert!(!w.ask(|ctx| flow::revoke_as_operator(ctx, token)).unwrap());
        }
    }
}

#[test]
fn a_lost_answer_is_settled_by_reading_it_back() {
    use grantor_core::step::CommitOutcome;
    for applied in [true, false] {
        let mut w = world();
        let code = w.approve("web", "read");
        let grant = code_grant(&code, Some(CALLBACK), Some(crate::world::VERIFIER));
        let request = grantor_core::request::TokenRequest { client: credentials("web").into(), grant };
        let mut step = flow::token(w.context(), request);
        let mut settled = 0;
        let end = loop {
            step = match step {
                Step::Done(end) => break end,
                Step::Commit(need) if need.put().key.to_string().starts_with("grant/") => {
                    let (write, _, need) = need.into_parts();
                    if applied {
                        for first in write.first {
                            assert_eq!(w.put(first), CommitOutcome::Applied);
                        }
                        assert_eq!(w.put(write.put), CommitOutcome::Applied);
                    }
                    need.answer(CommitOutcome::Unknown)
                }
                Step::Settle(need) => {
                    settled += 1;
                    w.answer(Step::Settle(need))
                }
                other => w.answer(other),
            };
        };
        assert_eq!(settled, 1);
        match end {
            Ok(answer) => assert!(applied && w.is_live(&answer.access_token)),
            Err(Stop::Fault(FlowFault::Unsettled(_))) => assert!(!applied),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_a_public_client_was_given_is_its_own() {
    let mut w = rotating(0);
    w.register("spa2", |m| m.token_endpoint_auth_method = AuthMethod::None);
    let ask = |w: &mut World, client: &str, grant: GrantRequest| {
        let client = ClientCredentials { client: client.parse().unwrap(), proof: ClientProof::None };
        let request = grantor_core::request::TokenRequest { client: client.into(), grant };
        w.ask(|ctx| flow::token(ctx, request))
    };
    let redeem = |code: &Secret| code_grant(code, Some(CALLBACK), Some(crate::world::VERIFIER));
    let code = w.approve("spa", "read");
    assert_eq!(ask(&mut w, "spa2", redeem(&code)).err(), Some(Reason::CodeOfAnotherClient));
    let first = ask(&mut w, "spa", redeem(&code)).unwrap().refresh_token.unwrap();
    let refresh = |token: &Secret| GrantRequest::RefreshToken { refresh_token: token.clone(), scope: None };
    assert_eq!(ask(&mut w, "spa2", refresh(&first)).err(), Some(Reason::RefreshTokenOfAnotherClient));
    let second = ask(&mut w, "spa", refresh(&first)).unwrap();
    // It cannot prove itself, so of two holders of one token neither is believed.
    assert_eq!(ask(&mut w, "spa", refresh(&first)).err(), Some(Reason::RefreshTokenReplayed));
    assert!(!w.is_live(&second.access_token));
    assert_eq!(
        ask(&mut w, "spa", refresh(second.refresh_token.as_ref().unwrap())).err(),
        Some(Reason::RefreshTokenRevoked)
    );
}

#[test]
fn a_public_client_that_shows_a_secret_is_refused() {
    let mut w = world();
    for proof in [ClientProof::Basic(secret_of("spa")), ClientProof::Post(secret_of("spa"))] {
        let code = w.approve("spa", "read");
        let client = ClientCredentials { client: "spa".parse().unwrap(), proof };
        let grant = code_grant(&code, Some(CALLBACK), Some(crate::world::VERIFIER));
        let request = grantor_core::request::TokenRequest { client: client.into(), grant };
        assert_eq!(w.ask(|ctx| flow::token(ctx, request)).err(), Some(Reason::ClientMethodWrong));
        assert!(w.redeem("spa", &code).is_ok(), "and nothing was used up by it");
    }
}

#[test]
fn a_refresh_needs_what_the_client_is_registered_for() {
    let mut w = rotating(0);
    let code = w.approve("web", "read");
    let token = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    for (proof, reason) in [
        (ClientProof::None, Reason::ClientMethodWrong),
        (ClientProof::Post(secret_of("web")), Reason::ClientMethodWrong),
        (ClientProof::Basic(secret_of("other")), Reason::ClientSecretWrong),
    ] {
        let client = ClientCredentials { client: "web".parse().unwrap(), proof };
        let grant = GrantRequest::RefreshToken { refresh_token: token.clone(), scope: None };
        let request = grantor_core::request::TokenRequest { client: client.into(), grant };
        assert_eq!(w.ask(|ctx| flow::token(ctx, request)).err(), Some(reason));
    }
    assert!(w.refresh("web", &token, None).is_ok(), "and the token was not used up by that");
}

#[test]
fn a_refresh_keeps_the_audience_that_was_granted() {
    for format in [AccessTokenFormat::Reference, AccessTokenFormat::Jwt] {
        let mut w = World::new(|p| p.access_token.format = format);
        w.register("aud", |m| m.access_token_audience = Some("https://api.test".to_owned()));
        let code = w.approve("aud", "read");
        let first = w.redeem("aud", &code).unwrap();
        let second = w.refresh("aud", first.refresh_token.as_ref().unwrap(), None).unwrap();
        for token in [&first.access_token, &second.access_token] {
            let live = w.ask(|ctx| flow::check(ctx, Some(token.clone()), Scope::none(), None)).unwrap();
            assert_eq!(live.audience.as_deref(), Some("https://api.test"));
        }
    }
}
