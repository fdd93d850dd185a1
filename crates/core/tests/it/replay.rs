//! A bundle replays to what happened, and holds nothing of it that nobody may see.

use std::sync::{Arc, Mutex};

use grantor_core::client::Client;
use grantor_core::flow::{self, Asked, Question};
use grantor_core::record::{Kind, Put};
use grantor_core::replay::{Bundle, Call, End, Run};
use grantor_core::request::{
    Approver, ApproverAccount, Choice, ClientCredentials, ClientProof, GrantRequest, Presenter, TokenRequest,
};
use grantor_core::step::{CommitOutcome, Step, Stop};
use grantor_core::wire::Shown;
use grantor_core::{Digest, Lifetime, Profile, Reason, RefreshMode, Scope, Secret, SecretHash};
use serde_json::Value;

use crate::world::{
    CALLBACK, CHALLENGE, VERIFIER, World, code_grant, credentials, query, secret_of, session,
};

/// Those that stand in a text, as they are or as a digest.
pub fn leaked<'a>(text: &str, secrets: &'a [Secret]) -> Vec<&'a str> {
    assert!(!text.is_empty() && !secrets.is_empty());
    let stands = |secret: &&str| {
        assert!(secret.len() >= 8, "`{secret}` could be anywhere");
        text.contains(*secret) || text.contains(&Digest::of(secret.as_bytes()).to_base64url())
    };
    secrets.iter().map(Secret::expose).filter(stands).collect()
}

#[test]
fn a_secret_in_a_bundle_is_found_in_either_form() {
    let secrets = [Secret::new("one of some"), Secret::new("another one"), Secret::new("not there")];
    let text = format!("one of some, and {}", Digest::of(b"another one").to_base64url());
    assert_eq!(leaked(&text, &secrets), ["one of some", "another one"]);
}

/// A world that records.
fn recording(change: impl FnOnce(&mut Profile)) -> World {
    World::new(change).recorded()
}

/// One that is served as the named service is, which records.
fn dialect(name: &str) -> World {
    World::of_dialect(name, |_| {}).recorded()
}

fn last(w: &World) -> &str {
    w.bundles.as_ref().unwrap().last().unwrap()
}

/// The bundle with something else at a place of its run.
fn changed(bundle: &str, place: &str, value: Value) -> Bundle {
    let mut file: Value = serde_json::from_str(bundle).unwrap();
    *file["run"].pointer_mut(place).unwrap_or_else(|| panic!("{place} is not in {bundle}")) = value;
    Bundle::from_json(&file.to_string()).unwrap()
}

#[test]
fn every_refusal_of_a_code_and_of_a_token_has_a_bundle() {
    let mut w = recording(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(5) });
    let code = w.approve("web", "read");
    let wrong = "w".repeat(50);
    let tries = [
        (
            code_grant(&code, Some("https://app.test/else?secret=hunter2hunter2"), Some(VERIFIER)),
            Reason::RedirectDiffers,
        ),
        (code_grant(&code, Some(CALLBACK), Some(&wrong)), Reason::VerifierWrong),
        (code_grant(&code, Some(CALLBACK), None), Reason::VerifierMissing),
        (code_grant(&Secret::new("no code at all, but a secret"), None, None), Reason::CodeMalformed),
    ];
    for (grant, reason) in tries {
        assert_eq!(w.token("web", grant).err(), Some(reason));
    }
    assert_eq!(w.redeem("other", &code).err(), Some(Reason::CodeOfAnotherClient));
    let first = w.redeem("web", &code).unwrap();
    let refresh = first.refresh_token.unwrap();
    assert_eq!(
        w.refresh("web", &refresh, Some("read nuclear-secret-word")).err(),
        Some(Reason::ScopeWidened)
    );
    let second = w.refresh("web", &refresh, None).unwrap().refresh_token.unwrap();
    let third = w.refresh("web", &second, None).unwrap().refresh_token.unwrap();
    // Inside the grace the predecessor gives the same again; an ancestor is a replay, by the same derivation.
    assert!(w.refresh("web", &second, None).is_ok());
    assert_eq!(w.refresh("web", &refresh, None).err(), Some(Reason::RefreshTokenReplayed));
    assert_eq!(w.refresh("web", &third, None).err(), Some(Reason::RefreshTokenRevoked));
    assert_eq!(w.redeem("web", &code).err(), Some(Reason::CodeRevoked));
    let again = w.approve("web", "read");
    w.pass(61);
    assert_eq!(w.redeem("web", &again).err(), Some(Reason::CodeExpired));
    assert!(!w.is_live(&first.access_token));

    let mut secrets = vec![code, refresh, second, third, again, first.access_token];
    secrets.extend(["web", "other"].map(secret_of));
    secrets.extend(
        [VERIFIER, &wrong, "hunter2hunter2", "nuclear-secret-word", "no code at all"].map(Secret::new),
    );
    let bundles = w.bundles.unwrap();
    assert!(bundles.len() >= 18, "{}", bundles.len());
    for bundle in &bundles {
        assert_eq!(leaked(bundle, &secrets), Vec::<&str>::new(), "in {bundle}");
        assert!(!bundle.contains(&Digest::of(b"alice's session").to_base64url()));
    }
}

#[test]
fn the_story_says_what_was_looked_at() {
    let mut w = recording(|_| {});
    let code = w.approve("web", "read");
    w.pass(61);
    assert_eq!(w.redeem("web", &code).err(), Some(Reason::CodeExpired));
    let story = Bundle::from_json(last(&w)).unwrap().replay().unwrap().to_string();
    for said in [
        "token of profile standard",
        "look up client/web",
        "load standing/alice\n     nothing is there",
        "refused: CodeExpired (invalid_grant)",
        "[RFC 6749, 4.1.2]",
        "found: expires_at = 2027-01-15T08:01:00.000Z",
        "found: now = 2027-01-15T08:01:01.000Z",
        "the same answer as was recorded",
    ] {
        assert!(story.contains(said), "`{said}` is not said:\n{story}");
    }
}

#[test]
fn what_was_registered_may_be_seen_and_what_was_sent_may_not() {
    let mut w = recording(|_| {});
    let code = w.approve("web", "read");
    let long = "p".repeat(5000);
    let requests = [
        // A code in the place of the client.
        (format!("client_id={}&redirect_uri={CALLBACK}", code.expose()), Reason::ClientUnknown),
        (
            query("web", "read").replace(CALLBACK, "https://app.test/cb%3Ftoken=hunter2hunter2"),
            Reason::RedirectUnregistered,
        ),
        (
            query("web", "read").replace(CALLBACK, "https://evil.test/steal-the-secret"),
            Reason::RedirectUnregistered,
        ),
    ];
    for (query, reason) in requests {
        assert_eq!(w.examine(&query).err(), Some(reason), "{query}");
    }
    let told_the_client = [
        query("web", "read+correct-horse"),
        query("web", "read").replace("state=s1", &format!("state={long}")),
        query("web", "read").replace(CHALLENGE, "battery-staple"),
        query("web", "read").replace("S256", "plainhunter2"),
        query("web", "read").replace("response_type=code", "response_type=hunter2hunter2"),
    ];
    for query in told_the_client {
        assert!(w.examine(&query).is_ok(), "{query}");
        assert!(last(&w).contains("\"refused\""), "{query}");
    }
    let secrets =
        [code.expose(), "hunter2hunter2", "steal-the-secret", "correct-horse", "battery-staple", &long];
    let secrets = secrets.map(Secret::new);
    let bundles = w.bundles.unwrap();
    for bundle in &bundles {
        assert_eq!(leaked(bundle, &secrets), Vec::<&str>::new(), "in {bundle}");
    }
    let unregistered = bundles.iter().find(|bundle| bundle.contains("cb?aaaaa=")).unwrap();
    assert!(unregistered.contains("\"https://app.test/cb\"") && unregistered.contains("\"web\""));
}

#[test]
fn accounts_and_only_grants_have_bundles() {
    let mut w = dialect("wistia");
    let account = |id: &str, role: &str, oauth_enabled| ApproverAccount {
        id: id.parse().unwrap(),
        name: Some("The name of an account".to_owned()),
        url: None,
        role: role.to_owned(),
        oauth_enabled,
    };
    let alice = Approver {
        email: Some("alice@private.test".to_owned()),
        accounts: vec![
            account("1", "manager", true),
            account("2", "viewer", true),
            account("3", "owner", false),
        ],
        ..Approver::new("alice".parse().unwrap())
    };
    for (chosen, reason) in [
        ("2", Some(Reason::RoleNotEnough)),
        ("3", Some(Reason::AccountClosed)),
        ("4-of-somebody-else", Some(Reason::AccountMissing)),
        ("1", None),
    ] {
        let request = match w.examine(&query("web", "read")).unwrap() {
            flow::Examined::Proceed { request, .. } => request,
            flow::Examined::Redirect(error) => panic!("{error:?}"),
        };
        let Asked::Account(Question { opened, .. }) = w.put_before(request, alice.clone()) else {
            panic!("not asked for an account")
        };
        let (handle, account) = (opened.handle, chosen.parse().unwrap());
        let call = Call::ChooseAccount {
            handle: handle.clone(),
            session: session(),
            approver: alice.clone(),
            account,
        };
        let account = chosen.parse().unwrap();
        let asked = w
            .call(call, |ctx| flow::choose_account(ctx, handle.clone(), session(), alice.clone(), account))
            .unwrap();
        match (asked, reason) {
            (Asked::Answered(answer), Some(reason)) => assert_eq!(answer.refusal.unwrap().reason, reason),
            (Asked::Decision(_), None) => {
                let decided = decide(&mut w, &handle, &alice);
                assert!(decided.contains("code="), "{decided}");
                // Decided once.
                let request = decision(&handle, &alice);
                let call = Call::Decide(request.clone());
                let again = w.call(call, |ctx| flow::decide(ctx, request));
                assert_eq!(again.err(), Some(Reason::InteractionOver));
            }
            (_, _) => panic!("{chosen}: not as it should be"),
        }
    }
    let secrets = ["The name of an account", "alice@private.test", "4-of-somebody-else"].map(Secret::new);
    for bundle in w.bundles.as_ref().unwrap() {
        assert_eq!(leaked(bundle, &secrets), Vec::<&str>::new(), "in {bundle}");
    }
    // Of all who approve again, each finds the one grant there is, under another name in the bundle.
    assert!(w.bundles.unwrap().iter().any(|bundle| bundle.contains("\"load\"") && bundle.contains("grant/")));
}

fn decision(handle: &Secret, approver: &Approver) -> grantor_core::request::DecisionRequest {
    grantor_core::request::DecisionRequest {
        handle: handle.clone(),
        session: session(),
        approver: approver.clone(),
        account: None,
        choice: Choice::Approve { scope: None },
    }
}

fn decide(w: &mut World, handle: &Secret, approver: &Approver) -> String {
    let request = decision(handle, approver);
    let call = Call::Decide(request.clone());
    let answer = w.call(call, |ctx| flow::decide(ctx, request)).unwrap();
    answer.location.expose().to_owned()
}

#[test]
fn keys_that_name_their_client_have_bundles() {
    let mut w = dialect("api-video");
    let key = Secret::new("a key that somebody was given once");
    w.register_key(&key, |_| {});
    let ask = |presenter, grant| TokenRequest { client: presenter, grant };
    let first = w.request(ask(Presenter::ApiKey(key.clone()), GrantRequest::ApiKey)).unwrap();
    let refresh = first.refresh_token.unwrap();
    let renew = |token: &Secret| GrantRequest::RefreshToken { refresh_token: token.clone(), scope: None };
    let second = w.request(ask(Presenter::Bearer, renew(&refresh))).unwrap();
    // One grant for each key: a new pair ends the one before.
    w.request(ask(Presenter::ApiKey(key.clone()), GrantRequest::ApiKey)).unwrap();
    let late = w.request(ask(Presenter::Bearer, renew(&second.refresh_token.clone().unwrap())));
    assert!(late.is_err());
    let wrong = Secret::new("a key that nobody was ever given");
    let refused = w.request(ask(Presenter::ApiKey(wrong.clone()), GrantRequest::ApiKey));
    assert_eq!(refused.err(), Some(Reason::ApiKeyWrong));
    let shown = Shown::ApiKey(key.clone());
    let call = Call::Check { shown, required: Scope::none().into(), act_as: None };
    w.call(call, |ctx| flow::check_api_key(ctx, key.clone(), Scope::none(), None)).unwrap();

    let secrets =
        [key, wrong, refresh, second.access_token, second.refresh_token.unwrap(), first.access_token];
    for bundle in w.bundles.as_ref().unwrap() {
        assert_eq!(leaked(bundle, &secrets), Vec::<&str>::new(), "in {bundle}");
    }
}

#[test]
fn slow_hashes_have_bundles_and_stay_where_they_are() {
    let mut w = recording(|_| {});
    // The world's slow hash is the secret itself.
    let weak = "weak password of a client";
    w.give_secret(&"web".parse().unwrap(), SecretHash::Argon2id(weak.to_owned()));
    let ask = |secret: &str| TokenRequest {
        client: ClientCredentials {
            client: "web".parse().unwrap(),
            proof: ClientProof::Basic(Secret::new(secret)),
        }
        .into(),
        grant: GrantRequest::ClientCredentials { scope: None },
    };
    w.request(ask(weak)).unwrap();
    assert_eq!(w.request(ask("another password")).err(), Some(Reason::ClientSecretWrong));
    assert!(last(&w).contains("verify_secret"));
    let secrets = [weak, "another password"].map(Secret::new);
    for bundle in w.bundles.unwrap() {
        assert_eq!(leaked(&bundle, &secrets), Vec::<&str>::new(), "in {bundle}");
    }
}

#[test]
fn acting_for_somebody_has_bundles() {
    let mut w = dialect("flex");
    w.register("tool", |m| m.act_as = Some(["bob".parse().unwrap()].into()));
    let token = w.token("tool", GrantRequest::ClientCredentials { scope: None }).unwrap().access_token;
    assert!(w.check(&token, Scope::none(), Some("bob".parse().unwrap())).is_ok());
    let stranger = Some("password-in-the-wrong-place".parse().unwrap());
    assert_eq!(w.check(&token, Scope::none(), stranger).err(), Some(Reason::ActingNotAllowed));
    assert_eq!(leaked(last(&w), &[token, Secret::new("password-in-the-wrong-place")]), Vec::<&str>::new());
    assert!(last(&w).contains("bob"));
}

/// Runs a redemption in which each write of a grant is answered by `answer`, as many times as it has something to say.
fn trouble(mut answer: impl FnMut(&mut World, &Put) -> Option<CommitOutcome>) -> Value {
    let mut w = recording(|_| {});
    let code = w.approve("web", "read");
    let request = TokenRequest {
        client: credentials("web").into(),
        grant: code_grant(&code, Some(CALLBACK), Some(VERIFIER)),
    };
    let answers = Arc::new(Mutex::new(Vec::new()));
    let noted = answers.clone();
    let flow = flow::token(w.context(), request.clone());
    let mut step = flow.watched(move |answer| noted.lock().unwrap().push(answer));
    let end = loop {
        step = match step {
            Step::Commit(need) if need.put().key.kind() == Kind::Grant => match answer(&mut w, need.put()) {
                Some(outcome) => need.answer(outcome),
                None => break End::Cut("store"),
            },
            Step::Done(Ok(_)) => break End::Answered,
            Step::Done(Err(Stop::Refused(refusal))) => break End::Refused(refusal),
            Step::Done(Err(Stop::Fault(fault))) => break End::Fault(fault.word()),
            other => w.answer(other),
        };
    };
    let answers = std::mem::take(&mut *answers.lock().unwrap());
    let bundle = w.record(Call::Token(request), answers, end).to_json();
    assert_eq!(leaked(&bundle, &[code]), Vec::<&str>::new());
    let file: Value = serde_json::from_str(&bundle).unwrap();
    file["run"]["end"].clone()
}

#[test]
fn trouble_with_the_store_replays() {
    // It stands, and the answer gets lost; it does not stand, and the answer gets lost; and no answer at all.
    let told = trouble(|w, put| {
        w.put(put.clone());
        Some(CommitOutcome::Unknown)
    });
    assert!(told.get("answered").is_some(), "{told}");
    let told = trouble(|_, _| Some(CommitOutcome::Unknown));
    assert_eq!(told["fault"], "unsettled");
    assert_eq!(trouble(|_, _| None)["fault"], "store");
    // Another came first, once and always.
    let mut before = 0;
    let told = trouble(|w, put| {
        before += 1;
        Some(if before == 1 { CommitOutcome::Conflict } else { w.put(put.clone()) })
    });
    assert!(told.get("answered").is_some(), "{told}");
    assert_eq!(trouble(|_, _| Some(CommitOutcome::Conflict))["fault"], "contended");
}

#[test]
fn a_record_that_cannot_be_read_replays_as_one() {
    let mut w = recording(|_| {});
    let code = w.approve("web", "read");
    for body in [&b"not JSON, but a secret"[..], br#"{"v":99,"of":"a secret of the future"}"#] {
        let key = w.records.keys().find(|key| key.kind() == Kind::Grant).unwrap().clone();
        w.records.get_mut(&key).unwrap().body = body.to_vec();
        let request = TokenRequest {
            client: credentials("web").into(),
            grant: code_grant(&code, Some(CALLBACK), Some(VERIFIER)),
        };
        let answers = Arc::new(Mutex::new(Vec::new()));
        let noted = answers.clone();
        let ended = w.run(|ctx| {
            flow::token(ctx, request.clone()).watched(move |answer| noted.lock().unwrap().push(answer))
        });
        assert!(matches!(ended, Err(Stop::Fault(_))));
        let answers = std::mem::take(&mut *answers.lock().unwrap());
        let bundle = w.record(Call::Token(request), answers, End::Fault("corrupt")).to_json();
        assert_eq!(
            leaked(&bundle, &[Secret::new("but a secret"), Secret::new("secret of the future")]),
            [""; 0]
        );
    }
}

#[test]
fn what_was_changed_is_noticed() {
    let mut w = recording(|_| {});
    let code = w.approve("web", "read");
    w.pass(61);
    assert_eq!(w.redeem("web", &code).err(), Some(Reason::CodeExpired));
    let bundle = last(&w).to_owned();
    assert!(Bundle::from_json(&bundle).unwrap().replay().unwrap().is_same());

    // Had the code lived longer, it would have been redeemed, which the bundle cannot answer.
    let place = "/steps/1/load/found/body/state/code_issued/expires_at";
    let replayed = changed(&bundle, place, 1_900_000_000_000_i64.into()).replay().unwrap();
    assert!(!replayed.is_same() && replayed.reason().is_none(), "{replayed}");
    assert!(replayed.to_string().contains("ANOTHER answer"), "{replayed}");
    // Had it been for another client, another rule would have refused.
    let place = "/steps/1/load/found/body/grant/client";
    let replayed = changed(&bundle, place, "other".into()).replay().unwrap();
    assert_eq!(replayed.reason(), Some(Reason::CodeOfAnotherClient));
    assert!(!replayed.is_same());
    // Another end, and what no rule looks at.
    for (place, value) in [
        ("/end/refused/reason", Value::from("CodeReplayed")),
        ("/end/refused/looked_at/now", 5.into()),
        ("/happened/refused/client", "nobody".into()),
        ("/steps/1/load/found/version", "AAAAAAAAAAAAAAAAAAAAAA".into()),
    ] {
        let replayed = changed(&bundle, place, value).replay().unwrap();
        assert!(!replayed.is_same(), "{place}: {replayed}");
    }
}

#[test]
fn a_write_that_comes_out_otherwise_is_told_and_the_answer_is_the_same() {
    let mut w = recording(|_| {});
    let code = w.approve("web", "read");
    w.redeem("web", &code).unwrap();
    assert_eq!(w.redeem("web", &code).err(), Some(Reason::CodeReplayed));
    let place = "/steps/3/commit/write/body/state/revoked/cause";
    let replayed = changed(last(&w), place, "by_client".into()).replay().unwrap();
    let [difference] = replayed.differences() else { panic!("{replayed}") };
    assert!(
        difference.contains("state.revoked.cause (\"by_client\" where \"code_replayed\""),
        "{difference}"
    );
    assert!(replayed.to_string().contains("the same answer"), "{replayed}");
}

#[test]
fn what_is_no_bundle_is_refused_in_one_line() {
    let mut w = recording(|_| {});
    assert!(w.examine("client_id=nobody").is_err());
    let bundle = last(&w).to_owned();
    let long = "x".repeat(Bundle::LARGEST + 1);
    let other_format = bundle.replace("\"grantor_bundle\": 1", "\"grantor_bundle\": 2");
    let unknown = bundle.replace("\"recorded_by\"", "\"recorded_bi\"");
    for (text, why) in [
        ("", "EOF"),
        ("{}", "grantor_bundle"),
        (&bundle[..bundle.len() / 2], "EOF"),
        (&other_format, "format 2 where 1 is read"),
        (&unknown, "recorded_bi"),
        (&long, "too long"),
    ] {
        let Err(invalid) = Bundle::from_json(text) else { panic!("{why}: taken") };
        let told = invalid.to_string();
        assert!(
            told.starts_with("not a replay bundle") && told.contains(why) && !told.contains('\n'),
            "{told}"
        );
    }
    for (place, value) in [
        ("/profile/issuer", Value::from("not a URL")),
        ("/profile/values", serde_json::json!({"refresh": {"mode": "no such mode"}})),
    ] {
        assert!(changed(&bundle, place, value).replay().is_err(), "{place}");
    }
}

/// The check of bundles, on runs that are told wrong.
#[test]
fn a_run_that_did_not_happen_so_has_no_bundle() {
    let mut w = World::new(|_| {});
    let run = |w: &mut World, answers, end| {
        let grant = GrantRequest::ClientCredentials { scope: None };
        let call = Call::Token(TokenRequest { client: credentials("web").into(), grant });
        let (profile, key, now) = (w.profile.clone(), w.key.clone(), w.now);
        Run { profile, key, now, call, answers, end }.bundle(w.context().entropy)
    };
    let found = || {
        let (answers, key) = (Vec::new(), Client::key(&"web".parse().unwrap()));
        (answers, key.raw().clone())
    };
    let (mut answers, key) = found();
    answers.push(grantor_core::step::Answered::Load(key.clone(), w.records.get(&key).cloned()));
    // It would go on to write, and did not; it asks for the client first, and not for its own token.
    assert!(run(&mut w, answers, End::Refused(Reason::ClientUnknown.into())).is_err());
    assert!(run(&mut w, vec![grantor_core::step::Answered::Settle(key, None)], End::Answered).is_err());
    assert!(run(&mut w, Vec::new(), End::Answered).is_err());
}

/// The page for operators, held against the rules there are.
#[test]
fn every_rule_is_on_the_page_of_rules_and_no_other() {
    let page = include_str!("../../../../docs/RULES.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<String> = Reason::ALL
        .iter()
        .map(|reason| {
            let (name, code) = (reason.name(), reason.code().as_str());
            let (clause, meaning, looks_at) = (reason.clause(), reason.meaning(), reason.looks_at());
            format!("| `{name}` | `{code}` | {clause} | {meaning} | {looks_at} |")
        })
        .collect();
    assert!(rows == expected, "the table of docs/RULES.md should be\n{}", expected.join("\n"));
    for reason in Reason::ALL {
        assert_eq!(format!("{reason:?}"), reason.name());
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        let cited = reason.clause().starts_with("RFC ") || reason.clause().starts_with("OAuth 2.0 ");
        assert!(cited || reason.clause() == "of our own", "{reason:?}");
        assert!(reason.looks_at().is_ascii() && !reason.looks_at().is_empty(), "{reason:?}");
    }
}
