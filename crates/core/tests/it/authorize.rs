//! The authorization endpoint, case by case.

use grantor_core::client::{GrantType, ResponseType};
use grantor_core::flow::Examined;
use grantor_core::request::Choice;
use grantor_core::{Digest, Reason, Secret};

use crate::world::{CALLBACK, CHALLENGE, World, parameter, session};

/// Where alice is asked each time.
fn world() -> World {
    World::new(|p| p.approval.remember = false)
}

fn query(more: &str) -> String {
    format!("client_id=web&redirect_uri={CALLBACK}&{more}")
}

fn good() -> String {
    query(&format!(
        "response_type=code&scope=read&state=s&code_challenge={CHALLENGE}&code_challenge_method=S256"
    ))
}

#[test]
fn what_cannot_be_trusted_is_told_to_nobody_but_the_person() {
    let mut w = world();
    for (query, reason) in [
        ("", Reason::ParameterMissing),
        ("client_id=nobody&redirect_uri=https://evil.test", Reason::ClientUnknown),
        ("client_id=%22%3E&redirect_uri=https://evil.test", Reason::ClientUnknown),
        ("client_id=web&client_id=web", Reason::ParameterRepeated),
        ("client_id=web&redirect_uri=https://evil.test/cb", Reason::RedirectUnregistered),
        (
            "client_id=web&redirect_uri=https://evil.test/cb&scope=%22&response_type=x",
            Reason::RedirectUnregistered,
        ),
        (
            "client_id=web&redirect_uri=https://app.test/cb&redirect_uri=https://app.test/cb",
            Reason::ParameterRepeated,
        ),
    ] {
        assert_eq!(w.examine(query).err(), Some(reason), "{query}");
    }
}

#[test]
fn what_is_wrong_otherwise_is_told_at_the_redirect_uri() {
    let mut w = world();
    let challenge = format!("code_challenge={CHALLENGE}");
    for (more, reason) in [
        (String::new(), Reason::ParameterMissing),
        ("response_type=token".into(), Reason::ResponseTypeUnsupported),
        ("response_type=code token".into(), Reason::ResponseTypeUnsupported),
        ("response_type=none".into(), Reason::ResponseTypeUnsupported),
        ("response_type=code".into(), Reason::ChallengeMissing),
        ("response_type=code&code_challenge_method=S256".into(), Reason::ChallengeMissing),
        (format!("response_type=code&{challenge}"), Reason::ChallengeMethodUnsupported),
        (
            format!("response_type=code&{challenge}&code_challenge_method=plain"),
            Reason::ChallengeMethodUnsupported,
        ),
        (
            format!("response_type=code&{challenge}&code_challenge_method=s256"),
            Reason::ChallengeMethodUnsupported,
        ),
        (
            format!("response_type=code&{challenge}&code_challenge_method="),
            Reason::ChallengeMethodUnsupported,
        ),
        (
            "response_type=code&code_challenge=short&code_challenge_method=S256".into(),
            Reason::ChallengeInvalid,
        ),
        (
            format!("response_type=code&{challenge}&{challenge}&code_challenge_method=S256"),
            Reason::ParameterRepeated,
        ),
        ("response_type=code&scope=%22".into(), Reason::ScopeMalformed),
        ("response_type=code&scope=nuclear".into(), Reason::ScopeNotAllowed),
        ("response_type=code&response_mode=form_post".into(), Reason::ResponseModeUnsupported),
        ("response_type=code&unknown=1&unknown=2".into(), Reason::ParameterRepeated),
        ("response_type=code&request=e30.e30.".into(), Reason::RequestObjectUnsupported),
        (
            "response_type=code&request_uri=https%3A%2F%2Fclient.test%2Fr".into(),
            Reason::RequestUriUnsupported,
        ),
    ] {
        let Ok(Examined::Redirect(error)) = w.examine(&query(&format!("state=s%26t&{more}"))) else {
            panic!("not redirected: {more}");
        };
        assert_eq!(error.refusal.reason, reason, "{more}");
        let location = error.location(&w.profile);
        assert!(location.starts_with(CALLBACK));
        assert_eq!(parameter(&location, "error").as_deref(), Some(reason.code().as_str()));
        assert_eq!(parameter(&location, "state").as_deref(), Some("s&t"));
        assert_eq!(parameter(&location, "iss").as_deref(), Some("https://auth.test"));
        assert_eq!(parameter(&location, "code"), None);
    }
}

#[test]
fn the_answer_echoes_state_and_names_the_issuer() {
    let mut w = world();
    let location = w.decide(&good(), Choice::Approve { scope: None }).unwrap();
    assert_eq!(parameter(&location, "state").as_deref(), Some("s"));
    assert_eq!(parameter(&location, "iss").as_deref(), Some("https://auth.test"));
    let stateless = good().replace("&state=s&", "&state=&unknown=1&");
    let location = w.decide(&stateless, Choice::Approve { scope: None }).unwrap();
    assert_eq!(parameter(&location, "state"), None);
}

#[test]
fn a_decision_is_taken_once_by_the_person_who_was_asked_in_time() {
    let mut w = world();
    let approve = || Choice::Approve { scope: None };
    let handle = w.open(&good());
    let over = Some(Reason::InteractionOver);
    assert_eq!(w.decide_as(&handle, "bob", session(), approve()).err(), over);
    assert_eq!(w.decide_as(&handle, "alice", Digest::of(b"another session"), approve()).err(), over);
    assert_eq!(w.decide_as(&Secret::new("gra_in_x"), "alice", session(), approve()).err(), over);
    assert!(w.decide_as(&handle, "alice", session(), approve()).is_ok());
    assert_eq!(w.decide_as(&handle, "alice", session(), approve()).err(), over);
    assert_eq!(w.decide_as(&handle, "alice", session(), Choice::Deny).err(), over);

    let handle = w.open(&good());
    w.pass(600);
    assert_eq!(w.decide_as(&handle, "alice", session(), approve()).err(), over);
}

#[test]
fn a_refusal_by_the_person_reaches_the_client() {
    let mut w = world();
    let location = w.decide(&good(), Choice::Deny).unwrap();
    assert_eq!(parameter(&location, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&location, "state").as_deref(), Some("s"));
}

#[test]
fn a_client_that_changed_meanwhile_is_looked_at_again() {
    use grantor_core::client::Client;
    use grantor_core::record::{Expect, Put, Version, decode};
    let mut w = world();
    let handle = w.open(&good());
    let key = Client::key(&"web".parse().unwrap());
    let stored = w.records[key.raw()].clone();
    let client: Client = decode(key.raw(), &stored.body).unwrap();
    let gone = client.deleted(w.now);
    w.put(Put::of(&key, Expect::Version(stored.version), Version::from_bytes([7; 16]), &gone, None));
    let answer = w.decide_as(&handle, "alice", session(), Choice::Approve { scope: None });
    assert_eq!(answer.err(), Some(Reason::ClientUnknown));
}

#[test]
fn the_uri_may_be_left_out_where_there_is_only_one() {
    let mut w = world();
    let without = good().replace(&format!("&redirect_uri={CALLBACK}"), "");
    let location = w.decide(&without, Choice::Approve { scope: None }).unwrap();
    let code = Secret::new(parameter(&location, "code").unwrap());
    // What was not said need not be repeated (RFC 6749, section 4.1.3).
    let grant = crate::world::code_grant(&code, None, Some(crate::world::VERIFIER));
    assert!(w.token("web", grant).is_ok());

    w.register("two", |m| m.redirect_uris.push(serde_json::from_value("https://app.test/2".into()).unwrap()));
    let without = without.replace("client_id=web", "client_id=two");
    assert_eq!(w.examine(&without).err(), Some(Reason::RedirectMissing));
}

#[test]
fn implicit_answers_in_the_fragment_where_the_profile_has_it() {
    let mut w = World::new(|p| {
        p.approval.remember = false;
        p.grant_types.insert(GrantType::Implicit);
        p.response_types.insert(ResponseType::Token);
    });
    let ask = query("response_type=token&scope=read&state=s");
    let location = w.decide(&ask, Choice::Approve { scope: None }).unwrap();
    assert!(location.starts_with(&format!("{CALLBACK}#access_token=")));
    assert_eq!(parameter(&location, "token_type").as_deref(), Some("Bearer"));
    assert_eq!(parameter(&location, "expires_in").as_deref(), Some("3600"));
    assert_eq!(parameter(&location, "scope").as_deref(), Some("read"));
    assert_eq!(parameter(&location, "state").as_deref(), Some("s"));
    assert_eq!(parameter(&location, "refresh_token"), None);
    assert!(w.is_live(&Secret::new(parameter(&location, "access_token").unwrap())));
    let denied = w.decide(&ask, Choice::Deny).unwrap();
    assert!(denied.starts_with(&format!("{CALLBACK}#error=access_denied")));
}

#[test]
fn what_a_profile_wants_said_must_be_said() {
    let code = good();
    let without = |part: &str| code.replace(part, "");
    let mut w = World::new(|p| p.authorization.state_required = [ResponseType::Code].into());
    assert!(matches!(w.examine(&code), Ok(Examined::Proceed { .. })));
    let refused = |w: &mut World, query: &str| match w.examine(query) {
        Ok(Examined::Redirect(error)) => error.refusal.reason,
        Ok(Examined::Proceed { .. }) => panic!("it was let pass: {query}"),
        Err(reason) => reason,
    };
    assert_eq!(refused(&mut w, &without("&state=s")), Reason::ParameterMissing);
    let mut w = World::new(|p| p.authorization.state_required = [ResponseType::Token].into());
    assert!(matches!(w.examine(&without("&state=s")), Ok(Examined::Proceed { .. })));
    let mut w = World::new(|p| p.authorization.scope_required = true);
    assert!(matches!(w.examine(&code), Ok(Examined::Proceed { .. })));
    assert_eq!(refused(&mut w, &without("&scope=read")), Reason::ScopeMissing);
}

#[test]
fn a_refused_challenge_is_told_what_is_wrong_with_it() {
    let mut w = world();
    for (more, told) in [
        ("response_type=code".to_owned(), "code_challenge is required"),
        (
            format!("response_type=code&code_challenge={CHALLENGE}&code_challenge_method=plain"),
            "must be S256",
        ),
        (
            "response_type=code&code_challenge=x&code_challenge_method=S256".to_owned(),
            "code_challenge is invalid",
        ),
    ] {
        let Ok(Examined::Redirect(error)) = w.examine(&query(&more)) else {
            panic!("not redirected: {more}")
        };
        let description = parameter(&error.location(&w.profile), "error_description").unwrap();
        assert!(description.contains(told), "{more}: {description}");
    }
}
