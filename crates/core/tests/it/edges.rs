//! Where the rules end: the last race that is lost, the last moment that counts, the last token that can be told from an
//! invented one, and records that changed since they were read.

use std::collections::BTreeSet;

use grantor_core::client::{AccessTokenFormat, Client, GrantType};
use grantor_core::flow::{self, Introspection, TokenAnswer};
use grantor_core::grant::{ClientGrant, Grant, RevocationCause, State, SubjectGrant};
use grantor_core::record::{Kind, decode};
use grantor_core::request::{Approver, ApproverAccount, Choice, DecisionRequest, GrantRequest, TokenRequest};
use grantor_core::step::{CommitOutcome, FlowFault, Step, Stop};
use grantor_core::{Digest, GrantId, Lifetime, Limits, Reason, RefreshMode, Scope, Secret, Time};

use crate::world::{
    CALLBACK, VERIFIER, World, code_grant, credentials, parameter, query, secret_of, session,
};

// ---- races ----

/// Runs a flow that loses so many races for a kind of record, one after another.
fn losing<T: 'static>(w: &mut World, kind: Kind, mut times: u32, mut step: Step<T>) -> Result<T, Stop> {
    loop {
        step = match step {
            Step::Done(end) => return end,
            Step::Commit(need) if need.put().key.kind() == kind && times > 0 => {
                times -= 1;
                need.answer(CommitOutcome::Conflict)
            }
            other => w.answer(other),
        }
    }
}

/// Something that writes, the kind of what it writes once, and how it ends when nobody is in its way.
struct Writer {
    name: &'static str,
    kind: Kind,
    begin: fn(&mut World) -> Step<String>,
    ends: Result<&'static str, Reason>,
}

const WRITERS: [Writer; 9] = [
    Writer { name: "redeem", kind: Kind::Grant, begin: redeem, ends: Ok("tokens") },
    Writer { name: "replay a code", kind: Kind::Grant, begin: replay_code, ends: Err(Reason::CodeReplayed) },
    Writer { name: "refresh", kind: Kind::Grant, begin: refresh, ends: Ok("tokens") },
    Writer {
        name: "replay a refresh token",
        kind: Kind::Grant,
        begin: replay_token,
        ends: Err(Reason::RefreshTokenReplayed),
    },
    Writer { name: "end a grant", kind: Kind::Grant, begin: end_grant, ends: Ok("true") },
    Writer { name: "give a refresh token back", kind: Kind::Grant, begin: give_back, ends: Ok("true") },
    Writer {
        name: "give an access token back",
        kind: Kind::AccessToken,
        begin: give_access_back,
        ends: Ok("true"),
    },
    Writer { name: "withdraw", kind: Kind::Consent, begin: withdraw, ends: Ok("true") },
    Writer { name: "approve again", kind: Kind::Grant, begin: approve, ends: Ok("code") },
];

/// One grant, so that approving writes where something is; strict, so that a replay is one at once.
fn contested() -> World {
    World::new(|p| {
        p.approval.one_grant = true;
        p.refresh = RefreshMode::Rotate { grace: Lifetime::ZERO };
        p.limits.races = 3;
    })
}

fn ask_for_tokens(w: &mut World, grant: GrantRequest) -> Step<String> {
    let request = TokenRequest { client: credentials("web").into(), grant };
    flow::token(w.context(), request).then(|_| Step::done("tokens".to_owned()))
}

fn tokens(w: &mut World) -> TokenAnswer {
    let code = w.approve("web", "read");
    w.redeem("web", &code).unwrap()
}

fn redeem(w: &mut World) -> Step<String> {
    let code = w.approve("web", "read");
    ask_for_tokens(w, code_grant(&code, Some(CALLBACK), Some(VERIFIER)))
}

fn replay_code(w: &mut World) -> Step<String> {
    let code = w.approve("web", "read");
    w.redeem("web", &code).unwrap();
    ask_for_tokens(w, code_grant(&code, Some(CALLBACK), Some(VERIFIER)))
}

fn refresh(w: &mut World) -> Step<String> {
    let refresh_token = tokens(w).refresh_token.unwrap();
    ask_for_tokens(w, GrantRequest::RefreshToken { refresh_token, scope: None })
}

fn replay_token(w: &mut World) -> Step<String> {
    let refresh_token = tokens(w).refresh_token.unwrap();
    w.refresh("web", &refresh_token, None).unwrap();
    ask_for_tokens(w, GrantRequest::RefreshToken { refresh_token, scope: None })
}

fn end_grant(w: &mut World) -> Step<String> {
    let id = tokens(w).grant.unwrap();
    flow::revoke_grant(w.context(), id, RevocationCause::ByClient).then(|ended| Step::done(ended.to_string()))
}

fn give_back(w: &mut World) -> Step<String> {
    let token = tokens(w).refresh_token.unwrap();
    flow::revoke_as_operator(w.context(), &token).then(|ended| Step::done(ended.to_string()))
}

fn give_access_back(w: &mut World) -> Step<String> {
    let token = tokens(w).access_token;
    flow::revoke_as_operator(w.context(), &token).then(|ended| Step::done(ended.to_string()))
}

fn withdraw(w: &mut World) -> Step<String> {
    w.approve("web", "read");
    let (alice, web) = ("alice".parse().unwrap(), "web".parse().unwrap());
    flow::withdraw(w.context(), &alice, &web, None).then(|withdrawn| Step::done(withdrawn.to_string()))
}

fn approve(w: &mut World) -> Step<String> {
    tokens(w);
    let request = DecisionRequest {
        handle: w.open(&query("web", "write")),
        session: session(),
        approver: Approver::new("alice".parse().unwrap()),
        account: None,
        choice: Choice::Approve { scope: None },
    };
    flow::decide(w.context(), request).then(|answer| {
        let code = parameter(answer.location.expose(), "code");
        Step::done(code.map_or("no code", |_| "code").to_owned())
    })
}

#[test]
fn whoever_loses_a_race_reads_again_and_gives_up_after_so_many() {
    for Writer { name, kind, begin, ends } in WRITERS {
        let most = contested().profile.limits.races;
        for times in [0, 1, most] {
            let mut w = contested();
            let step = begin(&mut w);
            let ended = losing(&mut w, kind, times, step);
            let reason = |stop| match stop {
                Stop::Refused(refusal) => refusal.reason,
                Stop::Fault(fault) => panic!("{name}: {fault} after {times} races"),
            };
            let ended = ended.map_err(reason);
            assert_eq!(ended.as_deref().map_err(|reason| *reason), ends, "{name}: {times} races");
        }
        let mut w = contested();
        let step = begin(&mut w);
        match losing(&mut w, kind, most + 1, step) {
            Err(Stop::Fault(FlowFault::Contended(key))) => assert_eq!(key.kind(), kind, "{name}"),
            Err(Stop::Refused(refusal)) => panic!("{name}: it is a fault of ours, and it says {refusal}"),
            Err(Stop::Fault(fault)) => panic!("{name}: {fault}"),
            Ok(told) => panic!("{name}: {told}, though each of its writes was lost"),
        }
    }
}

/// A page is answered in two windows, and its handle is good for one: who is late is not made to wait for the other.
#[test]
fn who_comes_second_to_a_page_finds_it_answered() {
    let account = |id: &str| ApproverAccount {
        id: id.parse().unwrap(),
        name: None,
        url: None,
        role: "owner".to_owned(),
        oauth_enabled: true,
    };
    let mut w = World::of_dialect("wistia", |_| {});
    let alice =
        Approver { accounts: vec![account("1"), account("2")], ..Approver::new("alice".parse().unwrap()) };
    let Ok(flow::Examined::Proceed { request, .. }) = w.examine(&query("web", "read")) else { panic!() };
    let flow::Asked::Account(question) = w.put_before(request, alice.clone()) else {
        panic!("not asked which")
    };
    let handle = question.opened.handle;
    let step =
        flow::choose_account(w.context(), handle.clone(), session(), alice.clone(), "1".parse().unwrap());
    let over = |ended: Result<(), Stop>| match ended {
        Err(Stop::Refused(refusal)) => assert_eq!(refusal.reason, Reason::InteractionOver),
        Err(Stop::Fault(fault)) => panic!("{fault}"),
        Ok(()) => panic!("let pass"),
    };
    over(losing(&mut w, Kind::Interaction, 1, step).map(|_| ()));
    let choice = Choice::Approve { scope: None };
    let request = DecisionRequest { handle, session: session(), approver: alice, account: None, choice };
    let step = flow::decide(w.context(), request);
    over(losing(&mut w, Kind::Interaction, 1, step).map(|_| ()));
    assert!(!w.records.keys().any(|key| key.kind() == Kind::Grant), "and nothing came of it");
}

// ---- what changed since ----

#[test]
fn a_code_is_worth_nothing_once_its_client_may_not_use_codes() {
    let mut w = World::new(|_| {});
    let code = w.approve("web", "read");
    w.rewrite(&Client::key(&"web".parse().unwrap()), |mut client| {
        client.metadata.grant_types.remove(&GrantType::AuthorizationCode);
        client
    });
    assert_eq!(w.redeem("web", &code).err(), Some(Reason::GrantTypeNotAllowed));
}

#[test]
fn a_profile_that_has_no_refresh_any_more_gives_no_refresh_token() {
    let mut w = World::new(|_| {});
    w.reconfigure(|p| {
        p.grant_types.remove(&GrantType::RefreshToken);
    });
    assert!(tokens(&mut w).refresh_token.is_none());
}

#[test]
fn a_client_that_is_gone_takes_its_tokens_with_it_whoever_asks() {
    let inactive = Introspection::Inactive;
    for format in [AccessTokenFormat::Reference, AccessTokenFormat::Jwt] {
        for change in [(|client: &mut Client| client.metadata.disabled = true) as fn(&mut Client), |client| {
            client.metadata.profile = "another".to_owned()
        }] {
            let mut w = World::new(|p| p.access_token.format = format);
            let answer = tokens(&mut w);
            let own = w.token("web", GrantRequest::ClientCredentials { scope: None }).unwrap().access_token;
            let of_grant = [answer.access_token, own];
            let refresh_token = answer.refresh_token.unwrap();
            for token in &of_grant {
                assert_ne!(w.introspect("rs", token), inactive);
                assert!(w.is_live(token));
            }
            w.rewrite(&Client::key(&"web".parse().unwrap()), |mut client| {
                change(&mut client);
                client
            });
            for token in &of_grant {
                assert_eq!(w.introspect("rs", token), inactive);
                assert_eq!(w.ask(|ctx| flow::look_up(ctx, token)).unwrap(), inactive);
                assert!(!w.is_live(token));
            }
            assert_eq!(w.ask(|ctx| flow::look_up(ctx, &refresh_token)).unwrap(), inactive);
        }
    }
}

#[test]
fn what_was_never_there_is_not_ended_and_not_told() {
    let mut w = World::new(|_| {});
    for cause in [RevocationCause::BySubject, RevocationCause::ByClient] {
        let unknown = GrantId::from_bytes([7; 16]);
        assert!(!w.ask(|ctx| flow::revoke_grant(ctx, unknown, cause)).unwrap());
    }
    for text in ["", "garbage", "a.b.c"] {
        let token = Secret::new(text);
        for asker in ["web", "rs"] {
            assert_eq!(w.introspect(asker, &token), Introspection::Inactive);
        }
        assert_eq!(w.ask(|ctx| flow::look_up(ctx, &token)).unwrap(), Introspection::Inactive);
        assert!(!w.ask(|ctx| flow::revoke_as_operator(ctx, &token)).unwrap());
    }
}

#[test]
fn a_client_that_may_ask_for_nothing_is_granted_nothing_and_that_is_a_grant() {
    let mut w = World::new(|_| {});
    w.register("bare", |m| {
        m.scope = Scope::none();
        m.default_scope = None;
    });
    let asked = query("bare", "").replace("&scope=", "");
    let location = w.decide(&asked, Choice::Approve { scope: None }).unwrap();
    let code = Secret::new(parameter(&location, "code").expect("nothing was asked, and that is granted"));
    let answer = w.redeem("bare", &code).unwrap();
    assert!(answer.scope.is_empty() && w.is_live(&answer.access_token));
}

/// Whatever is logged of a request may hold who was authenticated.
#[test]
fn a_client_that_is_shown_for_debugging_shows_who_it_is_and_nothing_of_its_secrets() {
    let mut w = World::new(|_| {});
    let (_, client) = w.ask(|ctx| flow::authenticate(ctx, credentials("web"))).unwrap();
    let shown = format!("{client:?}");
    assert!(shown.contains("\"web\"") && shown.contains(CALLBACK), "{shown}");
    let secret = secret_of("web");
    for kept in [secret.expose().to_owned(), Digest::of(secret.expose().as_bytes()).to_base64url()] {
        assert!(!shown.contains(&kept), "{shown}");
    }
}

// ---- moments ----

#[test]
fn nothing_that_comes_of_a_grant_outlives_it() {
    for format in [AccessTokenFormat::Reference, AccessTokenFormat::Jwt] {
        let mut w = World::new(|p| {
            p.access_token.format = format;
            p.refresh = RefreshMode::Reuse;
            p.lifetimes.grant = Some(Lifetime::seconds(5000));
            p.lifetimes.access_token = Lifetime::seconds(3600);
            p.lifetimes.refresh_token = Some(Lifetime::seconds(9000));
        });
        let end = w.now + Lifetime::seconds(5000);
        let first = tokens(&mut w);
        let refresh_token = first.refresh_token.unwrap();
        let told = match w.introspect("web", &refresh_token) {
            Introspection::RefreshToken { expires_at, .. } => expires_at,
            other => panic!("{other:?}"),
        };
        assert_eq!((first.expires_at, told), (w.now + Lifetime::seconds(3600), Some(end)));
        w.pass(3600);
        assert!(!w.is_live(&first.access_token));
        let second = w.refresh("web", &refresh_token, None).unwrap();
        assert_eq!(second.expires_at, end);
        w.now = Time::from_unix_millis(end.unix_millis() - 1);
        assert!(w.is_live(&second.access_token));
        assert_ne!(w.introspect("web", &refresh_token), Introspection::Inactive);
        w.now = end;
        assert!(!w.is_live(&second.access_token));
        assert_eq!(w.introspect("web", &refresh_token), Introspection::Inactive);
        assert_eq!(w.refresh("web", &refresh_token, None).err(), Some(Reason::RefreshTokenExpired));
    }
}

#[test]
fn a_code_ends_with_its_grant_if_that_is_sooner() {
    let mut w = World::new(|p| p.lifetimes.grant = Some(Lifetime::seconds(30)));
    let code = w.approve("web", "read");
    w.pass(30);
    assert_eq!(w.redeem("web", &code).err(), Some(Reason::CodeExpired));
}

#[test]
fn an_expired_refresh_token_is_no_replay_and_a_strangers_is_no_refresh_token() {
    let mut w = World::new(|p| {
        p.refresh = RefreshMode::Rotate { grace: Lifetime::ZERO };
        p.lifetimes.refresh_token = Some(Lifetime::seconds(60));
    });
    let first = tokens(&mut w);
    let token = first.refresh_token.unwrap();
    w.pass(59);
    let second = w.refresh("web", &token, None).unwrap();
    w.pass(60);
    // The chain has ended, so nothing is left that a replay could be after.
    assert_eq!(w.refresh("web", &token, None).err(), Some(Reason::RefreshTokenExpired));
    let current = second.refresh_token.unwrap();
    assert_eq!(w.refresh("web", &current, None).err(), Some(Reason::RefreshTokenExpired));
    assert!(w.is_live(&second.access_token), "and nothing was revoked by it");
}

#[test]
fn a_clock_that_was_set_back_by_less_than_the_grace_still_gives_it() {
    for (millis, reason) in [(9_999, None), (10_000, Some(Reason::RefreshTokenReplayed))] {
        let mut w = World::new(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(10) });
        w.pass(3600);
        let token = tokens(&mut w).refresh_token.unwrap();
        let successor = w.refresh("web", &token, None).unwrap().refresh_token.unwrap();
        w.now = Time::from_unix_millis(w.now.unix_millis() - millis);
        match w.refresh("web", &token, None) {
            Ok(again) => assert_eq!(again.refresh_token.unwrap().expose(), successor.expose()),
            Err(refused) => assert_eq!(Some(refused), reason, "{millis} ms"),
        }
        assert_eq!(w.refresh("web", &successor, None).is_err(), reason.is_some(), "{millis} ms");
    }
}

#[test]
fn what_is_as_long_as_it_may_be_is_taken() {
    let uri = format!("{CALLBACK}?{}", "x".repeat(Limits::DEFAULT.redirect_uri_bytes - CALLBACK.len() - 1));
    let state = "s".repeat(Limits::DEFAULT.state_bytes);
    let mut w = World::new(|_| {});
    w.register("long", |m| m.redirect_uris = vec![serde_json::from_value(uri.as_str().into()).unwrap()]);
    let asked = |uri: &str, state: &str| {
        let asked = query("long", "read").replace("state=s1", &format!("state={state}"));
        asked.replace(CALLBACK, &uri.replace('?', "%3F"))
    };
    let location = w.decide(&asked(&uri, &state), Choice::Approve { scope: None }).unwrap();
    assert_eq!(parameter(&location, "state"), Some(state.clone()));
    assert_eq!(w.examine(&asked(&format!("{uri}x"), &state)).err(), Some(Reason::ParameterInvalid));
    match w.examine(&asked(&uri, &format!("{state}s"))) {
        Ok(flow::Examined::Redirect(error)) => assert_eq!(error.refusal.reason, Reason::ParameterInvalid),
        Ok(flow::Examined::Proceed { .. }) => panic!("one byte too many was let pass"),
        Err(reason) => panic!("{reason:?}: its client is not told"),
    }
}

// ---- chains ----

/// Tokens of one grant, each of which replaced the one before.
fn chain(w: &mut World, length: usize) -> Vec<Secret> {
    let mut all = vec![tokens(w).refresh_token.unwrap()];
    while all.len() < length {
        let next = w.refresh("web", all.last().unwrap(), None).unwrap().refresh_token.unwrap();
        all.push(next);
    }
    all
}

#[test]
fn an_ancestor_is_known_as_far_back_as_the_limit_says() {
    let mut w = World::new(|p| {
        p.refresh = RefreshMode::Rotate { grace: Lifetime::ZERO };
        p.limits.replay_proof_steps = 2;
    });
    let all = chain(&mut w, 4);
    assert_eq!(w.refresh("web", &all[0], None).err(), Some(Reason::RefreshTokenUnknown), "three steps back");
    w.revoke("web", &all[0]);
    assert_ne!(w.introspect("web", &all[3]), Introspection::Inactive, "nor does it end anything");
    assert_eq!(w.refresh("web", &all[1], None).err(), Some(Reason::RefreshTokenReplayed), "two steps back");
}

#[test]
fn any_token_of_the_chain_gives_the_grant_back() {
    for at in 0..3 {
        let mut w = World::new(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::ZERO });
        let all = chain(&mut w, 3);
        w.revoke("web", &all[at]);
        assert_eq!(w.refresh("web", &all[2], None).err(), Some(Reason::RefreshTokenRevoked), "the {at}th");
    }
}

#[test]
fn of_a_chain_the_newest_alone_is_live() {
    let mut w = World::new(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(10) });
    let all = chain(&mut w, 3);
    let live = |w: &mut World| {
        all.iter().map(|token| w.introspect("web", token) != Introspection::Inactive).collect::<Vec<_>>()
    };
    assert_eq!(live(&mut w), [false, false, true], "also inside the grace");
    assert_eq!(w.introspect("other", &all[2]), Introspection::Inactive);
}

#[test]
fn what_is_held_is_refreshed_while_the_next_code_is_on_its_way() {
    let mut w = World::new(|p| {
        p.approval.one_grant = true;
        p.refresh = RefreshMode::Rotate { grace: Lifetime::ZERO };
    });
    let first = tokens(&mut w).refresh_token.unwrap();
    let code = w.approve("web", "read");
    let second = w.refresh("web", &first, None).unwrap();
    let current = second.refresh_token.unwrap();
    assert_ne!(first.expose(), current.expose());
    assert!(w.is_live(&second.access_token));
    let mut replayed = w.clone();
    assert_eq!(replayed.refresh("web", &first, None).err(), Some(Reason::RefreshTokenReplayed));
    assert_eq!(
        replayed.redeem("web", &code).err(),
        Some(Reason::CodeRevoked),
        "the grant is over, all of it"
    );
    assert!(w.redeem("web", &code).is_ok());
    assert_eq!(w.refresh("web", &current, None).err(), Some(Reason::RefreshTokenUnknown));
}

// ---- a grant that begins anew with tokens ----

fn password(w: &mut World) -> TokenAnswer {
    let subject = Some("alice".parse().unwrap());
    w.token("web", GrantRequest::Password { subject, scope: None }).unwrap()
}

fn one_grant_with_passwords() -> World {
    World::new(|p| {
        p.approval.one_grant = true;
        p.grant_types.insert(GrantType::Password);
        p.refresh = RefreshMode::Reuse;
    })
}

#[test]
fn new_tokens_take_the_place_of_the_refresh_token_and_leave_the_access_tokens_their_time() {
    let mut w = one_grant_with_passwords();
    let first = password(&mut w);
    w.pass(10);
    let second = password(&mut w);
    assert_eq!(first.grant, second.grant);
    assert!(w.is_live(&first.access_token) && w.is_live(&second.access_token));
    let old = w.refresh("web", first.refresh_token.as_ref().unwrap(), None);
    assert_eq!(old.err(), Some(Reason::RefreshTokenUnknown));
    assert!(w.refresh("web", second.refresh_token.as_ref().unwrap(), None).is_ok());
    // A code that was on its way is none any more.
    let code = w.approve("web", "read");
    let third = password(&mut w);
    assert_eq!(w.redeem("web", &code).err(), Some(Reason::CodeUnknown));
    assert!(w.is_live(&third.access_token));
}

#[test]
fn new_tokens_of_a_revoked_grant_bring_nothing_back() {
    let mut w = one_grant_with_passwords();
    let first = password(&mut w);
    assert!(w.ask(|ctx| flow::revoke_grant(ctx, first.grant.unwrap(), RevocationCause::ByOperator)).unwrap());
    let second = password(&mut w);
    assert_eq!(first.grant, second.grant);
    assert!(w.is_live(&second.access_token) && !w.is_live(&first.access_token));
    assert!(w.refresh("web", first.refresh_token.as_ref().unwrap(), None).is_err());
}

// ---- what a grant tells ----

fn only_grant(w: &World) -> Grant {
    let mut grants = w.records.iter().filter(|(key, _)| key.kind() == Kind::Grant);
    let (key, stored) = grants.next().expect("a grant");
    assert!(grants.next().is_none(), "one grant");
    decode(key, &stored.body).unwrap()
}

#[test]
fn a_grant_tells_where_it_is_in_its_life() {
    let mut w = World::new(|p| {
        p.approval.one_grant = true;
        p.refresh = RefreshMode::Rotate { grace: Lifetime::ZERO };
    });
    let approved_at = w.now;
    let code = w.approve("web", "read");
    let issued = only_grant(&w);
    assert!(
        matches!(issued.state(), State::CodeIssued(code) if code.expires_at() == w.now + Lifetime::seconds(60))
    );
    assert_eq!((issued.is_active(), issued.last_used_at()), (false, approved_at));
    assert_eq!(issued.keep_until(), Some(w.now + Lifetime::seconds(60)));

    w.pass(10);
    let token = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    let active = only_grant(&w);
    assert!(matches!(active.state(), State::Active(_)));
    assert_eq!((active.is_active(), active.last_used_at()), (true, approved_at));
    assert_eq!(active.refresh_chain().unwrap().rotated_at(), None);

    w.pass(10);
    let rotated_at = w.now;
    w.refresh("web", &token, None).unwrap();
    let rotated = only_grant(&w);
    assert_eq!(rotated.last_used_at(), rotated_at);
    assert_eq!(rotated.refresh_chain().unwrap().rotated_at(), Some(rotated_at));

    // Approved anew, it is active still, by what it held before; and was last used when that was approved, if later.
    w.pass(10);
    w.approve("web", "read+write");
    let again = only_grant(&w);
    assert!(matches!(again.state(), State::CodeIssued(_)));
    assert_eq!((again.is_active(), again.last_used_at()), (true, w.now));

    let id = again.facts().id;
    w.ask(|ctx| flow::revoke_grant(ctx, id, RevocationCause::BySubject)).unwrap();
    let over = only_grant(&w);
    let State::Revoked(revoked) = over.state() else { panic!("not revoked") };
    assert_eq!((revoked.at, revoked.cause), (w.now, RevocationCause::BySubject));
    assert!(!over.is_active() && over.refresh_chain().is_none());
}

#[test]
fn a_record_is_kept_until_the_last_token_of_it_has_ended() {
    let keeps = |access: Lifetime, refresh: Option<Lifetime>, has_refresh: bool| {
        let mut w = World::new(|p| {
            p.lifetimes.access_token = access;
            p.lifetimes.refresh_token = refresh;
            p.lifetimes.grant = None;
            p.refresh = RefreshMode::Rotate { grace: Lifetime::ZERO };
        });
        w.register("brief", |m| m.grant_types = [GrantType::AuthorizationCode].into());
        let client = if has_refresh { "web" } else { "brief" };
        let code = w.approve(client, "read");
        let answer = w.redeem(client, &code).unwrap();
        let first = only_grant(&w).keep_until();
        if let Some(token) = answer.refresh_token {
            w.refresh(client, &token, None).unwrap();
            assert_eq!(only_grant(&w).keep_until(), first, "a moment later it is no other");
        }
        first.map(|at| at.seconds_after(w.now))
    };
    let seconds = Lifetime::seconds;
    assert_eq!(keeps(seconds(100), Some(seconds(1000)), true), Some(1100), "the last refresh gives one more");
    assert_eq!(keeps(seconds(100), Some(seconds(1000)), false), Some(100));
    assert_eq!(keeps(seconds(100), None, true), None, "as long as it can be refreshed");
    assert_eq!(keeps(Lifetime::FOREVER, Some(seconds(1000)), false), None);
}

#[test]
fn a_grant_that_is_approved_anew_is_kept_as_long_as_either_needs() {
    let mut w = World::new(|p| {
        p.approval.one_grant = true;
        p.lifetimes.grant = None;
        p.lifetimes.refresh_token = Some(Lifetime::seconds(1000));
        p.lifetimes.access_token = Lifetime::seconds(100);
    });
    tokens(&mut w);
    let held = only_grant(&w).keep_until().unwrap();
    w.approve("web", "read");
    assert_eq!(only_grant(&w).keep_until(), Some(held), "what it holds outlives the code");
    w.pass(1090);
    w.approve("web", "read");
    let code = w.now + Lifetime::seconds(60);
    assert_eq!(only_grant(&w).keep_until(), Some(code), "the code outlives what it holds");
}

#[test]
fn the_grants_of_a_person_and_of_a_client_lie_under_their_names() {
    let mut w = World::new(|_| {});
    let answer = tokens(&mut w);
    let id = answer.grant.unwrap();
    let (alice, web) = ("alice".parse().unwrap(), "web".parse().unwrap());
    let (of_subject, of_client) = (SubjectGrant::under(&alice), ClientGrant::under(&web));
    for (under, key) in [
        (of_subject, SubjectGrant::key(&alice, id).raw().clone()),
        (of_client, ClientGrant::key(&web, id).raw().clone()),
    ] {
        assert_eq!(under.kind(), key.kind());
        assert!(key.id().starts_with(&under.prefix()), "{key}");
        assert!(w.records.contains_key(&key), "{key}");
    }
}

#[test]
fn each_cause_of_a_revocation_has_the_name_that_records_have() {
    use RevocationCause as Cause;
    let all = [
        Cause::CodeReplayed,
        Cause::RefreshTokenReplayed,
        Cause::ByClient,
        Cause::BySubject,
        Cause::ByOperator,
        Cause::SubjectSuspended,
    ];
    for cause in all {
        assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
    }
    assert_eq!(all.map(Cause::as_str).into_iter().collect::<BTreeSet<_>>().len(), all.len());
}
