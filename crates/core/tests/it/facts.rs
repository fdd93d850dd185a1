//! Every refusal tells what its rule looked at, and which of several things it was that it found.

use std::collections::BTreeSet;

use grantor_core::client::{AccessTokenFormat, AuthMethod, Client, ClientMetadata, GrantType, ResponseType};
use grantor_core::flow::{self, Asked, Examined};
use grantor_core::profile::TokenEndpoint;
use grantor_core::replay::Call;
use grantor_core::request::{
    Approver, ApproverAccount, Choice, ClientCredentials, ClientProof, GrantRequest, Presenter, TokenRequest,
};
use grantor_core::step::{CommitOutcome, Step, Stop};
use grantor_core::wire::{self, Parameters, Shown, TokenPlaces};
use grantor_core::{
    Consent, Digest, Lifetime, Limits, Profile, Reason, RefreshMode, Refusal, Scope, Secret, SecretHash,
    SubjectId,
};

use crate::world::{
    CALLBACK, CHALLENGE, VERIFIER, World, code_grant, credentials, query, secret_of, session,
};

/// Rules that refuse in another room, where they are tried: the core reads no headers.
const ELSEWHERE: [Reason; 1] = [Reason::ContentTypeWrong];

#[test]
fn every_refusal_tells_what_its_rule_looked_at() {
    let mut told = Told::default();
    reading(&mut told);
    reading_clients(&mut told);
    reading_tokens(&mut told);
    authenticating(&mut told);
    keys(&mut told);
    allowing(&mut told);
    examining(&mut told);
    redirecting(&mut told);
    deciding(&mut told);
    choosing(&mut told);
    redeeming(&mut told);
    refreshing(&mut told);
    passing(&mut told);
    assert!(told.wrong.is_empty(), "{}", told.wrong.join("\n"));
    let untried: Vec<&Reason> = Reason::ALL.iter().filter(|reason| !told.heard.contains(reason)).collect();
    assert_eq!(untried, ELSEWHERE.iter().collect::<Vec<_>>(), "rules of which nobody knows what they tell");
}

#[derive(Default)]
struct Told {
    /// The rules that were heard so far.
    heard: BTreeSet<Reason>,
    /// What they should have said and did not.
    wrong: Vec<String>,
}

impl Told {
    /// What was refused just now, by which rule, and all that it says: the parameter and the client it is about, whether it
    /// is about a grant, and the facts.
    fn by(&mut self, refusal: Refusal, reason: Reason, expected: &str) {
        let about = [
            refusal.parameter.map(|name| format!("parameter={name}")),
            refusal.client.as_ref().map(|client| format!("client={client}")),
            refusal.grant.map(|_| "grant".to_owned()),
            refusal.told().map(|facts| facts.to_string()),
        ];
        let line = about.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if (refusal.reason, line.as_str()) != (reason, expected) {
            self.wrong
                .push(format!("{:?} told `{line}` where {reason:?} tells `{expected}`", refusal.reason));
        }
        if refusal.parameter.is_none() && refusal.looked_at.is_empty() {
            self.wrong.push(format!("{reason:?} does not say what it looked at"));
        }
        self.heard.insert(refusal.reason);
    }

    /// The same of the last call.
    fn last(&mut self, w: &mut World, reason: Reason, expected: &str) {
        let refusal = w.refusal.take().unwrap_or_else(|| panic!("{reason:?}: let pass"));
        self.by(refusal, reason, expected);
    }
}

fn refused<T>(read: Result<T, Refusal>) -> Refusal {
    read.err().expect("let pass")
}

/// A world that keeps a bundle of each call: what a refusal tells must replay.
fn world() -> World {
    World::new(|_| {}).recorded()
}

fn standard() -> Profile {
    Profile::standard("https://auth.test".parse().unwrap())
}

// ---- requests, as they are read ----

fn reading(told: &mut Told) {
    let profile = standard();
    let endpoint = TokenEndpoint::at("/token");
    let form = |body: &str| refused(wire::token_parameters(&profile, &endpoint, None, body.as_bytes()));
    told.by(form("a=1&b=2&a=3"), Reason::ParameterRepeated, "at=3");
    told.by(form("a=1&b=%00"), Reason::ParameterNotText, "at=2");
    let most = Limits::DEFAULT.parameter_bytes;
    let long = form(&format!("a={}", "x".repeat(most + 1)));
    told.by(long, Reason::ParameterInvalid, &format!("at=1 bytes={} bytes_most={most}", most + 1));
    let most = Limits::DEFAULT.parameters;
    let many: Vec<String> = (0..=most).map(|at| format!("p{at}=1")).collect();
    told.by(form(&many.join("&")), Reason::ParametersTooMany, &format!("parameters_most={most}"));

    let json = TokenEndpoint { body: grantor_core::profile::BodyKind::Json, ..endpoint.clone() };
    let of_json = refused(wire::token_parameters(&profile, &json, None, b"[]"));
    told.by(of_json, Reason::ParameterInvalid, "json_object=false");
    let both = TokenEndpoint { danger_parameters_in_url: true, ..endpoint.clone() };
    let differ = refused(wire::token_parameters(&profile, &both, Some("a=1"), b"a=2"));
    told.by(differ, Reason::ParameterRepeated, "places=2");
    let in_url = refused(wire::refuse_credentials_in_url(Some("x=1&client_secret=s")));
    told.by(in_url, Reason::CredentialInUrl, "in_url=client_secret");

    let web = "Basic d2ViOnM="; // web:s
    let request = |profile: &Profile, body: &str| {
        let parameters = Parameters::read(body.as_bytes(), &profile.limits);
        refused(wire::token_request(Some(web), &parameters, profile, &endpoint, None))
    };
    told.by(request(&profile, ""), Reason::ParameterMissing, "parameter=grant_type");
    told.by(request(&profile, "grant_type=magic"), Reason::GrantTypeUnsupported, "grant_types=3");
    let mut implicit = profile.clone();
    implicit.grant_types.insert(GrantType::Implicit);
    told.by(request(&implicit, "grant_type=implicit"), Reason::GrantTypeUnsupported, "grant_type=implicit");
    let body = "grant_type=authorization_code&code=c&code_verifier=short";
    told.by(request(&profile, body), Reason::VerifierInvalid, "bytes=5");
    let body = "grant_type=client_credentials&scope=%22";
    told.by(request(&profile, body), Reason::ScopeMalformed, "bytes=1");
    let none = refused(wire::token_parameter(&Parameters::read(b"", &profile.limits)));
    told.by(none, Reason::ParameterMissing, "parameter=token");
}

fn reading_clients(told: &mut Told) {
    let read = |header: Option<&str>, body: &str| {
        let parameters = Parameters::read(body.as_bytes(), &Limits::DEFAULT);
        refused(wire::client_credentials(header, &parameters, &Limits::DEFAULT))
    };
    let web = Some("Basic d2ViOnM="); // web:s
    told.by(
        read(web, "client_secret=s"),
        Reason::AuthenticationTwice,
        "authorization=true client_secret=true",
    );
    told.by(
        read(web, "client_assertion=x"),
        Reason::AuthenticationTwice,
        "authorization=true client_secret=false client_assertion=true",
    );
    told.by(
        read(None, "client_assertion=x"),
        Reason::ClientMethodWrong,
        "authorization=false client_secret=false client_assertion=true",
    );
    told.by(read(Some("Basic ?"), ""), Reason::AuthorizationMalformed, "bytes=7");
    told.by(read(web, "client_id=another"), Reason::ClientIdsDiffer, "header_bytes=3 body_bytes=7");
    told.by(read(None, ""), Reason::ClientUnidentified, "authorization=false client_secret=false");
    told.by(
        read(None, "client_secret=s"),
        Reason::ClientUnidentified,
        "authorization=false client_secret=true",
    );
    told.by(read(None, "client_id=%ce%b1"), Reason::ClientUnknown, "client_id_bytes=2");
    let most = Limits::DEFAULT.client_secret_bytes;
    let long = "s".repeat(most + 1);
    let told_of = |name: &str| format!("parameter={name} bytes={} bytes_most={most}", most + 1);
    told.by(
        read(None, &format!("client_id=web&client_secret={long}")),
        Reason::ParameterInvalid,
        &told_of("client_secret"),
    );

    let profile = preset("api-video");
    let endpoint = TokenEndpoint { grant_type: Some(GrantType::ApiKey), ..TokenEndpoint::at("/auth") };
    let by_key = |header: Option<&str>, body: &str| {
        let parameters = Parameters::read(body.as_bytes(), &profile.limits);
        refused(wire::token_request(header, &parameters, &profile, &endpoint, None))
    };
    told.by(by_key(None, ""), Reason::ParameterMissing, "parameter=api_key");
    told.by(by_key(Some("Basic ?"), ""), Reason::AuthorizationMalformed, "bytes=7");
    told.by(by_key(None, &format!("api_key={long}")), Reason::ParameterInvalid, &told_of("api_key"));
    let a_key = Some("Basic a2V5Og=="); // key:
    told.by(by_key(a_key, "api_key=another"), Reason::AuthenticationTwice, "authorization=true api_key=true");
}

fn reading_tokens(told: &mut Told) {
    let (standard, wistia) = (standard(), preset("wistia"));
    let shown =
        |profile: &Profile, places, header, query| refused(wire::shown_token(profile, places, header, query));
    let all = TokenPlaces::All;
    told.by(shown(&standard, all, Some("Digest x"), None), Reason::TokenMissing, "scheme_taken=false");
    told.by(
        shown(&preset("api-video"), all, Some("Basic ?"), None),
        Reason::TokenMissing,
        "scheme_taken=false",
    );
    told.by(shown(&standard, all, Some("Bearer a b"), None), Reason::TokenInvalid, "bytes=3");
    told.by(
        shown(&wistia, all, Some("Bearer t"), Some("access_token=t")),
        Reason::TokenMisplaced,
        "in_header=1 in_query=1",
    );
    let three = Some("access_token=t&bearer_token=t&access_token=u");
    told.by(shown(&wistia, all, None, three), Reason::TokenMisplaced, "in_header=0 in_query=3");
    told.by(
        shown(&wistia, TokenPlaces::QueryOnly, Some("Bearer t"), None),
        Reason::TokenMisplaced,
        "in_header=1 in_query=0 query_only=true",
    );
    let most = Limits::DEFAULT.parameter_bytes;
    let long = format!("access_token={}", "t".repeat(most + 1));
    told.by(
        shown(&wistia, all, None, Some(&long)),
        Reason::TokenInvalid,
        &format!("bytes={} bytes_most={most}", most + 1),
    );
    told.by(refused(wire::acting_for(Some("a b"))), Reason::ActingNotAllowed, "bytes=3");
}

fn preset(name: &str) -> Profile {
    let issuer = "https://auth.test".parse().unwrap();
    Profile::from_toml(Profile::preset(name).unwrap(), &[], name, issuer).unwrap()
}

// ---- clients ----

fn authenticating(told: &mut Told) {
    let mut w = world();
    let ask = |w: &mut World, client: &str, proof| {
        let client = ClientCredentials { client: client.parse().unwrap(), proof };
        let grant = GrantRequest::ClientCredentials { scope: None };
        w.request(TokenRequest { client: client.into(), grant }).err();
    };
    let basic = |client: &str| ClientProof::Basic(secret_of(client));
    ask(&mut w, "nobody", basic("nobody"));
    told.last(&mut w, Reason::ClientUnknown, "registered=false");
    let name = w.profile.name.clone();
    w.reconfigure(|p| p.name = "another".to_owned());
    ask(&mut w, "web", basic("web"));
    told.last(&mut w, Reason::ClientUnknown, "registered=true");
    w.reconfigure(|p| p.name = name);

    ask(&mut w, "web", ClientProof::Post(secret_of("web")));
    let methods = "method=client_secret_post token_endpoint_auth_method=client_secret_basic";
    told.last(&mut w, Reason::ClientMethodWrong, &format!("client=web {methods}"));
    ask(&mut w, "web", basic("other"));
    told.last(&mut w, Reason::ClientSecretWrong, "client=web secrets=1 secrets_valid=1");
    // One that was replaced a minute ago is kept, and is valid no more.
    let fresh = SecretHash::of_strong(&Secret::new("a fresh secret that is long enough"));
    let (now, limits) = (w.now, w.profile.limits);
    let other = Client::key(&"other".parse().unwrap());
    w.rewrite(&other, |client| client.with_new_secret(fresh, now, now + Lifetime::seconds(60), &limits));
    w.pass(60);
    ask(&mut w, "other", basic("other"));
    told.last(&mut w, Reason::ClientSecretWrong, "client=other secrets=2 secrets_valid=1");
    w.give_secret(&"other".parse().unwrap(), SecretHash::Argon2id("slow".to_owned()));
    ask(&mut w, "other", basic("other"));
    told.last(&mut w, Reason::ClientSecretWrong, "client=other secrets=1 secrets_valid=1");

    w.register("off", |m| m.disabled = true);
    ask(&mut w, "off", basic("off"));
    told.last(&mut w, Reason::ClientDisabled, "client=off deleted=false");
    w.rewrite(&Client::key(&"off".parse().unwrap()), |client| client.deleted(now));
    ask(&mut w, "off", basic("off"));
    told.last(&mut w, Reason::ClientDisabled, "client=off deleted=true");

    let (client, token) = (credentials("spa"), Secret::new("x"));
    let call = Call::Introspect { client: client.clone(), token: token.clone() };
    w.call(call, |ctx| flow::introspect(ctx, client, token)).err();
    told.last(&mut w, Reason::ClientUnidentified, "client=spa public=true");

    for client in ["nobody", "web\u{e9}", "off"] {
        let call = Call::Leave { client: client.to_owned() };
        w.call(call, |ctx| flow::leave(ctx, client)).err();
        told.last(&mut w, Reason::ClientUnknown, "parameter=client_id");
    }
}

fn keys(told: &mut Told) {
    let mut w = World::of_dialect("api-video", |_| {}).recorded();
    let key = Secret::new("a key that somebody was given once");
    let id = w.register_key(&key, |_| {});
    let present = |w: &mut World, key: &str| {
        let request =
            TokenRequest { client: Presenter::ApiKey(Secret::new(key)), grant: GrantRequest::ApiKey };
        w.request(request).ok()
    };
    let stranger = Secret::new("a key that nobody was ever given");
    let unknown = flow::api_key_client(&w.profile, &w.key, &stranger);
    assert!(present(&mut w, stranger.expose()).is_none());
    told.last(&mut w, Reason::ApiKeyWrong, &format!("client={unknown} registered=false stands=false"));

    let refresh = present(&mut w, key.expose()).unwrap().refresh_token.unwrap();
    let renew = |w: &mut World, token: &Secret| {
        let grant = GrantRequest::RefreshToken { refresh_token: token.clone(), scope: None };
        w.request(TokenRequest { client: Presenter::Bearer, grant }).err();
    };
    renew(&mut w, &Secret::new("no token"));
    told.last(&mut w, Reason::RefreshTokenMalformed, "bytes=8");
    let record = Client::key(&id);
    w.rewrite(&record, |mut client| {
        client.metadata.disabled = true;
        client
    });
    renew(&mut w, &refresh);
    told.last(&mut w, Reason::RefreshTokenUnknown, "grant client_stands=false");
    assert!(present(&mut w, key.expose()).is_none());
    told.last(&mut w, Reason::ApiKeyWrong, &format!("client={id} registered=true stands=false"));
    w.rewrite(&record, |mut client| {
        client.metadata.disabled = false;
        client
    });
    w.records.retain(|key, _| key.kind() != grantor_core::record::Kind::Grant);
    renew(&mut w, &refresh);
    told.last(&mut w, Reason::RefreshTokenUnknown, "grant found=false");
    w.give_secret(&id, SecretHash::of_strong(&stranger));
    w.pass(1);
    assert!(present(&mut w, key.expose()).is_none());
    told.last(&mut w, Reason::ApiKeyWrong, &format!("client={id} registered=true stands=true secrets=1"));

    // A bearer has nothing but a refresh token to show who he is.
    w.request(TokenRequest { client: Presenter::Bearer, grant: GrantRequest::ApiKey }).err();
    told.last(&mut w, Reason::ClientUnidentified, "presenter=bearer");
    // The tokens would speak for the client itself, whose id is nobody's name.
    w.register("two words", |m| m.grant_types = [GrantType::ApiKey].into());
    w.token("two words", GrantRequest::ApiKey).err();
    told.last(&mut w, Reason::ApiKeyWrong, "client=two words owner=false");
}

fn allowing(told: &mut Told) {
    let mut w = world();
    let password = |who: Option<&str>, scope: Option<&str>| GrantRequest::Password {
        subject: who.map(|name| name.parse().unwrap()),
        scope: scope.map(|scope| scope.parse().unwrap()),
    };
    let itself = |scope: &str| GrantRequest::ClientCredentials { scope: Some(scope.parse().unwrap()) };
    w.token("web", password(Some("alice"), None)).err();
    told.last(&mut w, Reason::GrantTypeUnsupported, "client=web grant_type=password grant_types=3");
    w.token("spa", itself("read")).err();
    told.last(&mut w, Reason::GrantTypeNotAllowed, "client=spa grant_type=client_credentials grant_types=2");
    w.token("web", itself("read nuclear fusion")).err();
    told.last(
        &mut w,
        Reason::ScopeNotAllowed,
        r#"client=web scope="admin read write" asked=3 asked_beyond=2"#,
    );
    // No registration is like this; a record of an older one could be.
    w.rewrite(&Client::key(&"spa".parse().unwrap()), |mut client| {
        client.metadata.grant_types.insert(GrantType::ClientCredentials);
        client
    });
    w.token("spa", itself("read")).err();
    told.last(&mut w, Reason::ClientNotConfidential, "client=spa public=true");

    w.reconfigure(|p| p.authorization.scope_required = true);
    w.token("web", GrantRequest::ClientCredentials { scope: None }).err();
    told.last(&mut w, Reason::ScopeMissing, "client=web scope_required=true");

    let mut w = World::new(|p| {
        p.grant_types.insert(GrantType::Password);
    })
    .recorded();
    w.token("web", password(None, None)).err();
    told.last(&mut w, Reason::PasswordWrong, "client=web proven=false");
    w.suspend("alice");
    w.token("web", password(Some("alice"), None)).err();
    told.last(&mut w, Reason::SubjectSuspended, "client=web grant since=2027-01-15T08:00:00.000Z");
}

// ---- the authorization endpoint ----

fn examining(told: &mut Told) {
    let mut w = world();
    w.register("off", |m| m.disabled = true);
    w.register("two", |m| m.redirect_uris.push(serde_json::from_value("https://app.test/2".into()).unwrap()));
    let most = Limits::DEFAULT.redirect_uri_bytes;
    let long = format!("{CALLBACK}?{}", "x".repeat(most));
    for (query, reason, facts) in [
        ("", Reason::ParameterMissing, "parameter=client_id"),
        ("client_id=a&client_id=b", Reason::ParameterRepeated, "parameter=client_id"),
        ("client_id=nobody", Reason::ClientUnknown, "parameter=client_id registered=false"),
        ("client_id=%00", Reason::ParameterNotText, "parameter=client_id"),
        ("client_id=%ce%b1", Reason::ClientUnknown, "parameter=client_id"),
        ("client_id=off", Reason::ClientDisabled, "parameter=client_id client=off"),
        (
            "client_id=web&redirect_uri=https://evil.test",
            Reason::RedirectUnregistered,
            "parameter=redirect_uri client=web redirect_uris=1 must_be_given=false",
        ),
        (
            "client_id=two",
            Reason::RedirectMissing,
            "parameter=redirect_uri client=two redirect_uris=2 must_be_given=false",
        ),
        (
            &format!("client_id=web&redirect_uri={long}"),
            Reason::ParameterInvalid,
            &format!("parameter=redirect_uri client=web bytes={} bytes_most={most}", long.len()),
        ),
    ] {
        w.examine(query).err();
        told.last(&mut w, reason, facts);
    }
    w.reconfigure(|p| p.authorization.redirect_uri_required = true);
    w.examine("client_id=web").err();
    told.last(
        &mut w,
        Reason::RedirectMissing,
        "parameter=redirect_uri client=web redirect_uris=1 must_be_given=true",
    );
    w.reconfigure(|p| p.name = "another".to_owned());
    w.examine("client_id=web").err();
    told.last(&mut w, Reason::ClientUnknown, "parameter=client_id registered=true");
}

fn redirecting(told: &mut Told) {
    let mut w = World::new(|p| {
        p.authorization.page_parameter = Some("action".to_owned());
        p.authorization.state_required = [ResponseType::Code].into();
    })
    .recorded();
    let good = query("web", "read");
    let without = |part: &str| good.replace(part, "");
    let instead = |part: &str, other: &str| good.replace(part, other);
    let challenge = format!("&code_challenge={CHALLENGE}");
    let method = "&code_challenge_method=S256";
    let most = Limits::DEFAULT.state_bytes;
    let long = "s".repeat(most + 1);
    for (query, reason, facts) in [
        (format!("{good}&x=1&x=2"), Reason::ParameterRepeated, "client=web parameter=another".to_owned()),
        (
            format!("{good}&request=e30"),
            Reason::RequestObjectUnsupported,
            "client=web parameter=request".into(),
        ),
        (
            format!("{good}&request_uri=https://a.test"),
            Reason::RequestUriUnsupported,
            "client=web parameter=request_uri".into(),
        ),
        (
            instead("state=s1", &format!("state={long}")),
            Reason::ParameterInvalid,
            format!("parameter=state client=web bytes={} bytes_most={most}", long.len()),
        ),
        (without("&state=s1"), Reason::ParameterMissing, "parameter=state client=web".into()),
        (format!("{good}&action=dance"), Reason::ParameterInvalid, "parameter=action client=web".into()),
        (
            instead("response_type=code", "response_type=token"),
            Reason::ResponseTypeUnsupported,
            "client=web response_types=1".into(),
        ),
        (
            format!("{good}&response_mode=fragment"),
            Reason::ResponseModeUnsupported,
            "client=web response_mode_of_type=query".into(),
        ),
        (instead("scope=read", "scope=%22"), Reason::ScopeMalformed, "client=web bytes=1".into()),
        (
            instead("scope=read", "scope=read+nuclear"),
            Reason::ScopeNotAllowed,
            r#"client=web scope="admin read write" asked=2 asked_beyond=1"#.into(),
        ),
        (instead(CHALLENGE, "short"), Reason::ChallengeInvalid, "client=web bytes=5".into()),
        (
            without(method),
            Reason::ChallengeMethodUnsupported,
            "client=web code_challenge_method=false".into(),
        ),
        (
            instead("S256", "plain"),
            Reason::ChallengeMethodUnsupported,
            "client=web code_challenge_method=true".into(),
        ),
        (without(&challenge), Reason::ChallengeMissing, "client=web code_challenge_method=true".into()),
        (
            without(&challenge).replace(method, ""),
            Reason::ChallengeMissing,
            "client=web public=false require_pkce=true".into(),
        ),
    ] {
        assert!(matches!(w.examine(&query), Ok(Examined::Redirect(_))), "{query}");
        told.last(&mut w, reason, &facts);
    }
    w.register("service", |m| {
        m.grant_types = [GrantType::ClientCredentials].into();
        m.response_types = Some(BTreeSet::new());
    });
    w.examine(&query("service", "read")).unwrap();
    told.last(&mut w, Reason::ResponseTypeNotAllowed, "client=service response_type=code grant_types=1");
}

fn deciding(told: &mut Told) {
    let mut w = World::new(|p| p.approval.remember = false).recorded();
    let approve = || Choice::Approve { scope: None };
    let waiting = |w: &mut World| w.open(&query("web", "read"));
    let of = |handle, session, subject, decided, now: &str| {
        format!(
            "handle={handle} session={session} subject={subject} decided={decided} \
             expires_at=2027-01-15T08:10:00.000Z now=2027-01-15T{now}.000Z"
        )
    };
    let handle = waiting(&mut w);
    w.decide_as(&handle, "bob", session(), approve()).err();
    told.last(&mut w, Reason::InteractionOver, &of(true, true, false, false, "08:00:00"));
    w.decide_as(&handle, "alice", Digest::of(b"another"), approve()).err();
    told.last(&mut w, Reason::InteractionOver, &of(true, false, true, false, "08:00:00"));
    w.decide_as(&Secret::new("no handle"), "alice", session(), approve()).err();
    told.last(&mut w, Reason::InteractionOver, "handle=false");
    w.decide_as(&handle, "alice", session(), Choice::Deny).unwrap();
    told.last(&mut w, Reason::Denied, "client=web choice=deny");
    w.decide_as(&handle, "alice", session(), approve()).err();
    told.last(&mut w, Reason::InteractionOver, &of(true, true, true, true, "08:00:00"));
    let handle = waiting(&mut w);
    w.pass(600);
    w.decide_as(&handle, "alice", session(), approve()).err();
    told.last(&mut w, Reason::InteractionOver, &of(true, true, true, false, "08:10:00"));
    w.records.retain(|key, _| key.kind() != grantor_core::record::Kind::Interaction);
    w.decide_as(&handle, "alice", session(), approve()).err();
    told.last(&mut w, Reason::InteractionOver, "found=false");
    overtaken(told);

    // What changed while he read.
    let handle = waiting(&mut w);
    let (web, elsewhere) =
        ("web".parse().unwrap(), serde_json::from_value("https://app.test/2".into()).unwrap());
    w.rewrite(&Client::key(&web), |mut client| {
        client.metadata.redirect_uris = vec![elsewhere];
        client
    });
    w.decide_as(&handle, "alice", session(), approve()).err();
    told.last(&mut w, Reason::RedirectUnregistered, "client=web redirect_uris=1");
    let handle = w.open(&query("other", "read"));
    w.rewrite(&Client::key(&"other".parse().unwrap()), |mut client| {
        client.metadata.disabled = true;
        client
    });
    w.decide_as(&handle, "alice", session(), approve()).err();
    told.last(&mut w, Reason::ClientUnknown, "client=other client_stands=false");

    // What he did not tick, and what he took back.
    let mut w = world();
    w.reconfigure(|p| {
        let optional = grantor_core::ScopeMeaning { optional: true, ..Default::default() };
        let meanings = ["read", "write", "admin"].map(|token| (token.to_owned(), optional.clone()));
        p.scopes = grantor_core::ScopeCatalogue::new(meanings.into()).unwrap();
    });
    let handle = w.open(&query("web", "read+write"));
    w.decide_as(&handle, "alice", session(), Choice::Approve { scope: Some(Scope::none()) }).unwrap();
    told.last(&mut w, Reason::Denied, "client=web asked=2 approved=0");
    w.approve("web", "read");
    let handle = w.open(&query("web", "read+write"));
    let consent = Consent::key(&"alice".parse().unwrap(), &"web".parse().unwrap(), None);
    let now = w.now;
    w.rewrite(&consent, |_| Consent::withdrawn(now));
    w.decide_as(&handle, "alice", session(), approve()).unwrap();
    told.last(&mut w, Reason::Withdrawn, "client=web consent_stands=false");
}

/// Another answer of the same page comes first, between the read and the write.
fn overtaken(told: &mut Told) {
    let mut w = world();
    let handle = w.open(&query("web", "read"));
    let request = grantor_core::request::DecisionRequest {
        handle,
        session: session(),
        approver: Approver::new("alice".parse().unwrap()),
        account: None,
        choice: Choice::Deny,
    };
    let mut step = flow::decide(w.context(), request);
    let refusal = loop {
        step = match step {
            Step::Commit(need) => need.answer(CommitOutcome::Conflict),
            Step::Done(Err(Stop::Refused(refusal))) => break refusal,
            Step::Done(_) => panic!("not refused"),
            other => w.answer(other),
        };
    };
    told.by(refusal, Reason::InteractionOver, "overtaken=true");
}

fn choosing(told: &mut Told) {
    let account = |id: &str, role: &str, oauth_enabled| ApproverAccount {
        id: id.parse().unwrap(),
        name: None,
        url: None,
        role: role.to_owned(),
        oauth_enabled,
    };
    let mut w = World::of_dialect("wistia", |_| {}).recorded();
    let ask = |w: &mut World, accounts: Vec<ApproverAccount>| {
        let Ok(Examined::Proceed { request, .. }) = w.examine(&query("web", "read")) else { panic!() };
        w.put_before(request, Approver { accounts, ..Approver::new("alice".parse().unwrap()) })
    };
    ask(&mut w, Vec::new());
    told.last(&mut w, Reason::AccountMissing, "client=web accounts=0 named=false");
    ask(&mut w, vec![account("1", "owner", false)]);
    told.last(&mut w, Reason::AccountClosed, "client=web oauth_enabled=false");
    ask(&mut w, vec![account("1", "viewer", true)]);
    told.last(&mut w, Reason::RoleNotEnough, "client=web roles=2");
    let two = vec![account("1", "owner", true), account("2", "owner", true)];
    let Asked::Account(question) = ask(&mut w, two.clone()) else { panic!("not asked which") };
    let (handle, account) = (question.opened.handle, "3".parse::<grantor_core::AccountId>().unwrap());
    let approver = Approver { accounts: two, ..Approver::new("alice".parse().unwrap()) };
    let call = Call::ChooseAccount {
        handle: handle.clone(),
        session: session(),
        approver: approver.clone(),
        account: account.clone(),
    };
    w.call(call, |ctx| flow::choose_account(ctx, handle, session(), approver, account)).unwrap();
    told.last(&mut w, Reason::AccountMissing, "client=web accounts=2 named=true");
}

// ---- codes and tokens ----

fn redeeming(told: &mut Told) {
    let mut w = world();
    let code = w.approve("web", "read");
    w.token("web", code_grant(&Secret::new("no code of ours"), None, None)).err();
    told.last(&mut w, Reason::CodeMalformed, "client=web bytes=15");
    w.redeem("other", &code).err();
    told.last(&mut w, Reason::CodeOfAnotherClient, "client=other grant issued_to=web");
    let bound = |uri, verifier| {
        format!(
            "client=web grant code=true redirect_uri_asked=true redirect_uri_given={uri} \
             code_challenge=true code_verifier={verifier}"
        )
    };
    w.token("web", code_grant(&code, Some("https://app.test/2"), Some(VERIFIER))).err();
    told.last(&mut w, Reason::RedirectDiffers, &bound(true, true));
    w.token("web", code_grant(&code, None, Some(VERIFIER))).err();
    told.last(&mut w, Reason::RedirectDiffers, &bound(false, true));
    w.token("web", code_grant(&code, Some(CALLBACK), None)).err();
    told.last(&mut w, Reason::VerifierMissing, &bound(true, false));
    w.token("web", code_grant(&code, Some(CALLBACK), Some(&"x".repeat(43)))).err();
    told.last(&mut w, Reason::VerifierWrong, &bound(true, true));
    w.redeem("web", &code).unwrap();
    w.token("web", code_grant(&code, Some(CALLBACK), Some(&"x".repeat(43)))).err();
    told.last(&mut w, Reason::VerifierWrong, &bound(true, true));
    w.redeem("web", &code).err();
    told.last(&mut w, Reason::CodeReplayed, "client=web grant state=active");
    w.redeem("web", &code).err();
    let since = "revoked_at=2027-01-15T08:00:00.000Z cause=code_replayed";
    told.last(&mut w, Reason::CodeRevoked, &format!("client=web grant {since}"));
    let code = w.approve("web", "read");
    w.pass(60);
    w.redeem("web", &code).err();
    let late = "expires_at=2027-01-15T08:01:00.000Z now=2027-01-15T08:01:00.000Z";
    told.last(&mut w, Reason::CodeExpired, &format!("client=web grant {late}"));
    w.suspend("alice");
    w.redeem("web", &code).err();
    told.last(&mut w, Reason::SubjectSuspended, "client=web grant since=2027-01-15T08:01:00.000Z");
    w.records.retain(|key, _| key.kind() != grantor_core::record::Kind::Grant);
    w.redeem("web", &code).err();
    told.last(&mut w, Reason::CodeUnknown, "client=web grant found=false");

    let mut w = world();
    w.register("legacy", |m| m.require_pkce = false);
    let asked = format!("client_id=legacy&redirect_uri={CALLBACK}&response_type=code&scope=read");
    let location = w.decide(&asked, Choice::Approve { scope: None }).unwrap();
    let code = Secret::new(crate::world::parameter(&location, "code").unwrap());
    w.redeem("legacy", &code).err();
    told.last(
        &mut w,
        Reason::VerifierUnexpected,
        "client=legacy grant code=true redirect_uri_asked=true redirect_uri_given=true code_challenge=false \
         code_verifier=true",
    );

    // Where there is one grant, a code is replaced by the next, and that of what it holds is known.
    let mut w = World::new(|p| p.approval.one_grant = true).recorded();
    let (first, second) = (w.approve("web", "read"), w.approve("web", "read"));
    w.redeem("web", &first).err();
    told.last(
        &mut w,
        Reason::CodeUnknown,
        "client=web grant code=false redirect_uri_asked=true redirect_uri_given=true code_challenge=true \
         code_verifier=true",
    );
    w.redeem("web", &second).unwrap();
    w.approve("web", "read");
    w.redeem("web", &second).err();
    told.last(&mut w, Reason::CodeReplayed, "client=web grant state=code_issued");

    // A grant that came of a password never had a code.
    let mut w = World::new(|p| {
        p.approval.one_grant = true;
        p.grant_types.insert(GrantType::Password);
    })
    .recorded();
    let code = w.approve("web", "read");
    let password = GrantRequest::Password { subject: Some("alice".parse().unwrap()), scope: None };
    w.token("web", password).unwrap();
    w.redeem("web", &code).err();
    told.last(&mut w, Reason::CodeUnknown, "client=web grant code=false");
}

fn refreshing(told: &mut Told) {
    let mut w = World::new(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(5) }).recorded();
    let first = first_refresh_token(&mut w);
    w.refresh("web", &Secret::new("no token of ours"), None).err();
    told.last(&mut w, Reason::RefreshTokenMalformed, "client=web bytes=16");
    // Somebody tries it with an access token.
    w.refresh("web", &Secret::new("a.jwt.perhaps"), None).err();
    told.last(&mut w, Reason::RefreshTokenMalformed, "client=web bytes=13");
    w.refresh("other", &first, None).err();
    told.last(&mut w, Reason::RefreshTokenOfAnotherClient, "client=other grant issued_to=web");
    w.refresh("web", &first, Some("read admin nuclear")).err();
    told.last(&mut w, Reason::ScopeWidened, r#"client=web grant scope="read" asked=3 asked_beyond=2"#);
    w.reconfigure(|p| p.refresh = RefreshMode::None);
    w.refresh("web", &first, None).err();
    told.last(&mut w, Reason::GrantTypeUnsupported, "client=web grant refresh=none");
    w.reconfigure(|p| p.refresh = RefreshMode::ReplaceAll);
    let second = w.refresh("web", &first, None).unwrap().refresh_token.unwrap();
    w.refresh("web", &first, None).err();
    told.last(
        &mut w,
        Reason::RefreshTokenReplaced,
        "client=web grant generation=0 generation_current=1 rotated_at=2027-01-15T08:00:00.000Z",
    );
    w.reconfigure(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(5) });
    let (mut forgotten, mut elsewhere) = (w.clone(), w.clone());
    forgotten.records.retain(|key, _| key.kind() != grantor_core::record::Kind::Grant);
    forgotten.refresh("web", &second, None).err();
    told.last(&mut forgotten, Reason::RefreshTokenUnknown, "client=web grant found=false");
    // Another server's key derives another successor, so what was an ancestor is a stranger.
    elsewhere.key = grantor_core::ServerKey::from_bytes([2; 32]).into();
    elsewhere.refresh("web", &first, None).err();
    told.last(
        &mut elsewhere,
        Reason::RefreshTokenUnknown,
        "client=web grant generation=0 generation_current=1 rotated_at=2027-01-15T08:00:00.000Z",
    );
    w.pass(5);
    w.refresh("web", &first, None).err();
    told.last(
        &mut w,
        Reason::RefreshTokenReplayed,
        "client=web grant generation=0 generation_current=1 rotated_at=2027-01-15T08:00:00.000Z \
         grace=5s now=2027-01-15T08:00:05.000Z",
    );
    w.refresh("web", &second, None).err();
    let since = "revoked_at=2027-01-15T08:00:05.000Z cause=refresh_token_replayed";
    told.last(&mut w, Reason::RefreshTokenRevoked, &format!("client=web grant {since}"));

    let mut w = World::new(|p| p.lifetimes.refresh_token = Some(Lifetime::seconds(60))).recorded();
    let token = first_refresh_token(&mut w);
    w.pass(60);
    w.refresh("web", &token, None).err();
    let late = "expires_at=2027-01-15T08:01:00.000Z now=2027-01-15T08:01:00.000Z";
    told.last(&mut w, Reason::RefreshTokenExpired, &format!("client=web grant {late}"));

    // A grant that has no refresh tokens any more, since the profile had none when it was approved anew.
    let mut w = World::new(|p| p.approval.one_grant = true).recorded();
    let token = first_refresh_token(&mut w);
    w.reconfigure(|p| p.refresh = RefreshMode::None);
    let code = w.approve("web", "read");
    w.redeem("web", &code).unwrap();
    w.reconfigure(|p| p.refresh = RefreshMode::Reuse);
    w.refresh("web", &token, None).err();
    told.last(&mut w, Reason::RefreshTokenUnknown, "client=web grant chain=false");
}

fn first_refresh_token(w: &mut World) -> Secret {
    let code = w.approve("web", "read");
    w.redeem("web", &code).unwrap().refresh_token.unwrap()
}

// ---- at a resource ----

fn passing(told: &mut Told) {
    let mut w = world();
    let check = |w: &mut World, token: Option<&Secret>, required: &str, act_as: Option<&str>| {
        let required: Scope = required.parse().unwrap();
        let act_as: Option<SubjectId> = act_as.map(|name| name.parse().unwrap());
        let shown = token.map_or(Shown::Nothing, |token| Shown::Token(token.clone()));
        let call = Call::Check { shown, required: required.clone().into(), act_as: act_as.clone() };
        w.call(call, |ctx| flow::check(ctx, token.cloned(), required, act_as)).err();
    };
    let own = |w: &mut World, format| {
        w.reconfigure(|p| p.access_token.format = format);
        w.token("web", GrantRequest::ClientCredentials { scope: None }).unwrap().access_token
    };
    check(&mut w, None, "", None);
    told.last(&mut w, Reason::TokenMissing, "shown=false");
    check(&mut w, Some(&Secret::new("garbage")), "", None);
    told.last(&mut w, Reason::TokenInvalid, "token=not ours now=2027-01-15T08:00:00.000Z");
    check(&mut w, Some(&Secret::new("a.b.c")), "", None);
    told.last(&mut w, Reason::TokenInvalid, "token=not ours now=2027-01-15T08:00:00.000Z");
    let token = own(&mut w, AccessTokenFormat::Reference);
    check(&mut w, Some(&token), "nuclear", None);
    let scopes = r#"scope="read write" required="nuclear""#;
    told.last(&mut w, Reason::ScopeInsufficient, &format!("client=web {scopes}"));
    check(&mut w, Some(&token), "", Some("bob"));
    told.last(&mut w, Reason::ActingNotAllowed, "client=web profile_has=false");
    for format in [AccessTokenFormat::Reference, AccessTokenFormat::Jwt] {
        let (token, back) = (own(&mut w, format), own(&mut w, format));
        w.revoke("web", &back);
        check(&mut w, Some(&back), "", None);
        let since = "revoked_at=2027-01-15T08:00:00.000Z now=2027-01-15T08:00:00.000Z";
        told.last(&mut w, Reason::TokenInvalid, &format!("token=revoked {since}"));
        let mut later = w.clone();
        later.pass(3600);
        check(&mut later, Some(&token), "", None);
        let late = "expires_at=2027-01-15T09:00:00.000Z now=2027-01-15T09:00:00.000Z";
        told.last(&mut later, Reason::TokenInvalid, &format!("token=expired {late}"));

        let code = w.approve("other", "read");
        let of_grant = w.redeem("other", &code).unwrap().access_token;
        w.redeem("other", &code).err();
        check(&mut w, Some(&of_grant), "", None);
        told.last(&mut w, Reason::TokenInvalid, "token=its grant is over now=2027-01-15T08:00:00.000Z");
    }
    let mut gone = w.clone();
    gone.records.retain(|key, _| key.kind() != grantor_core::record::Kind::AccessToken);
    check(&mut gone, Some(&token), "", None);
    told.last(&mut gone, Reason::TokenInvalid, "token=unknown now=2027-01-15T08:00:00.000Z");
    w.rewrite(&Client::key(&"web".parse().unwrap()), |mut client| {
        client.metadata.disabled = true;
        client
    });
    check(&mut w, Some(&token), "", None);
    told.last(&mut w, Reason::TokenInvalid, "client=web client_stands=false");

    let mut w = World::of_dialect("flex", |_| {}).recorded();
    w.register("tool", |m: &mut ClientMetadata| {
        m.act_as = Some(["bob".parse().unwrap()].into());
        m.token_endpoint_auth_method = AuthMethod::ClientSecretBasic;
    });
    let token = w.token("tool", GrantRequest::ClientCredentials { scope: None }).unwrap().access_token;
    check(&mut w, Some(&token), "", Some("carol"));
    told.last(&mut w, Reason::ActingNotAllowed, "client=tool profile_has=true");

    // An API key in the place of a token.
    let mut w = World::of_dialect("api-video", |_| {}).recorded();
    let key = Secret::new("a key that somebody was given once");
    let id = w.register_key(&key, |_| {});
    let show = |w: &mut World, key: &Secret| {
        let shown = Shown::ApiKey(key.clone());
        let call = Call::Check { shown, required: Scope::none().into(), act_as: None };
        w.call(call, |ctx| flow::check_api_key(ctx, key.clone(), Scope::none(), None)).err();
    };
    w.suspend("alice");
    show(&mut w, &key);
    let since = "suspended_since=2027-01-15T08:00:00.000Z";
    told.last(&mut w, Reason::TokenInvalid, &format!("client={id} {since}"));
    let stranger = Secret::new("a key that nobody was ever given");
    let unknown = flow::api_key_client(&w.profile, &w.key, &stranger);
    show(&mut w, &stranger);
    told.last(&mut w, Reason::TokenInvalid, &format!("client={unknown} registered=false stands=false"));
    w.reconfigure(|p| p.resource.danger_api_key_as_token = false);
    show(&mut w, &key);
    told.last(&mut w, Reason::TokenMissing, "danger_api_key_as_token=false");
}
