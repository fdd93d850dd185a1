//! What a person is asked, what he may leave out, and what he need not be asked again.

use std::collections::{BTreeMap, BTreeSet};

use grantor_core::client::Client;
use grantor_core::flow::{self, Asked, Question};
use grantor_core::grant::{Grant, RevocationCause};
use grantor_core::record::{Expect, Kind, Put, Version, decode};
use grantor_core::request::{Approver, Choice, DecisionRequest};
use grantor_core::step::Step;
use grantor_core::{Consent, Reason, Scope, ScopeCatalogue, ScopeMeaning, Secret};
use proptest::prelude::*;

use crate::interleaving::every_order;
use crate::world::{CALLBACK, World, parameter, query, session};

/// Tokens `a` to `d`, of which these are optional.
fn catalogue(optional: &str) -> ScopeCatalogue {
    let meaning =
        |token: &str| ScopeMeaning { optional: optional.contains(token), ..ScopeMeaning::default() };
    let meanings: BTreeMap<_, _> = ["a", "b", "c", "d"].map(|t| (t.to_owned(), meaning(t))).into();
    ScopeCatalogue::new(meanings).unwrap()
}

/// A profile with this catalogue, and `app`, which may ask for all of it.
fn world(optional: &str) -> World {
    let mut w = World::new(|_| {});
    let mut profile = (*w.profile).clone();
    profile.scopes = catalogue(optional);
    w.profile = profile.into();
    w.register("app", |m| {
        m.scope = scope("a b c d");
        m.default_scope = None;
    });
    w
}

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

fn ticked(text: &str) -> Choice {
    Choice::Approve { scope: Some(scope(text)) }
}

fn all() -> Choice {
    Choice::Approve { scope: None }
}

/// What the client gets for a choice, or the error.
fn granted(w: &mut World, question: &Question, choice: Choice) -> Result<String, String> {
    let location = w.decide_as(&question.opened.handle, "alice", session(), choice).unwrap();
    match parameter(&location, "code") {
        Some(code) => Ok(w.redeem("app", &Secret::new(code)).unwrap().scope.to_string()),
        None => Err(parameter(&location, "error").unwrap()),
    }
}

fn is_asked(w: &mut World, query: &str) -> bool {
    match w.put_before_alice(query) {
        Asked::Decision(_) => true,
        Asked::Answered(answer) => {
            assert!(answer.refusal.is_none(), "{:?}", answer.refusal);
            false
        }
        Asked::Account(_) => panic!("there are no accounts"),
    }
}

// I05
#[test]
fn only_what_is_optional_can_be_left_out_and_nothing_is_added_by_a_tick() {
    let mut w = world("cd");
    let asked = query("app", "a+b+c");
    for (choice, gets) in [
        (ticked("c"), "a b c"),
        (ticked(""), "a b"),
        (ticked("a b"), "a b"),
        (ticked("d"), "a b"),
        (ticked("a b c d nuclear"), "a b c"),
        (all(), "a b c"),
    ] {
        let mut w = w.clone();
        let question = w.question(&asked);
        assert_eq!((question.scope.as_str(), question.optional.as_str()), ("a b c", "c"));
        assert_eq!(granted(&mut w, &question, choice.clone()).as_deref(), Ok(gets), "{choice:?}");
    }
    let question = w.question(&query("app", "c+d"));
    assert_eq!(granted(&mut w, &question, ticked("a")).unwrap_err(), "access_denied", "nothing is left");
}

proptest! {
    #[test]
    fn what_is_granted_is_what_is_required_and_what_was_ticked(
        optional in "[a-d]{0,4}",
        asked in prop::collection::btree_set("[a-d]", 1..5),
        ticks in prop::collection::btree_set("[a-e]", 0..6),
    ) {
        let mut w = world(&optional);
        let join = |set: &BTreeSet<String>, by: &str| set.iter().cloned().collect::<Vec<_>>().join(by);
        let question = w.question(&query("app", &join(&asked, "+")));
        let kept = asked.iter().filter(|t| !optional.contains(t.as_str()) || ticks.contains(*t));
        let kept: BTreeSet<String> = kept.cloned().collect();
        let expected = if kept.is_empty() { Err("access_denied".to_owned()) } else { Ok(join(&kept, " ")) };
        prop_assert_eq!(granted(&mut w, &question, ticked(&join(&ticks, " "))), expected);
    }

    /// Whatever was approved before, in however many steps: a request asks for what is new, and gets both.
    #[test]
    fn what_was_approved_once_is_granted_and_not_asked_again(
        steps in prop::collection::vec(prop::collection::btree_set("[a-d]", 1..5), 1..5),
    ) {
        let mut w = world("");
        let mut approved = BTreeSet::new();
        for asked in steps {
            let join = |set: &BTreeSet<String>, by: &str| set.iter().cloned().collect::<Vec<_>>().join(by);
            match w.put_before_alice(&query("app", &join(&asked, "+"))) {
                Asked::Answered(answer) => {
                    prop_assert!(asked.is_subset(&approved) && answer.refusal.is_none());
                }
                Asked::Decision(question) => {
                    let new: BTreeSet<String> = asked.difference(&approved).cloned().collect();
                    let again: BTreeSet<String> = asked.intersection(&approved).cloned().collect();
                    prop_assert!(!new.is_empty());
                    prop_assert_eq!(question.scope.as_str(), join(&new, " "));
                    prop_assert_eq!(question.already.as_str(), join(&again, " "));
                    prop_assert_eq!(granted(&mut w, &question, all()), Ok(join(&asked, " ")));
                }
                Asked::Account(_) => panic!("there are no accounts"),
            }
            approved.extend(asked);
        }
    }
}

// I06
#[test]
fn a_wider_request_asks_for_what_is_new() {
    let mut w = world("c");
    let question = w.question(&query("app", "a"));
    assert!(question.already.is_empty());
    granted(&mut w, &question, all()).unwrap();
    assert!(!is_asked(&mut w, &query("app", "a")));

    let question = w.question(&query("app", "a+b+c"));
    let of = |scope: &Scope| scope.to_string();
    assert_eq!([of(&question.scope), of(&question.already), of(&question.optional)], ["b c", "a", "c"]);
    assert_eq!(granted(&mut w, &question, ticked("")).as_deref(), Ok("a b"), "what he approved before, too");
    assert!(!is_asked(&mut w, &query("app", "a+b")));
    let question = w.question(&query("app", "a+c"));
    assert_eq!(question.scope.as_str(), "c", "what he left out is not remembered");
    assert_eq!(granted(&mut w, &question, ticked("")).as_deref(), Ok("a"));
    let question = w.question(&query("app", "a+c"));
    assert_eq!(granted(&mut w, &question, Choice::Deny).unwrap_err(), "access_denied");
}

// I06, and RFC 8252, section 8.6
#[test]
fn who_may_be_somebody_else_is_approved_each_time() {
    let mut w = World::new(|_| {});
    w.register("cli", |m| m.redirect_uris = vec![serde_json::from_str("\"http://127.0.0.1/cb\"").unwrap()]);
    w.register("app", |m| m.redirect_uris = vec![serde_json::from_str("\"com.example.app:/cb\"").unwrap()]);
    for (client, uri) in
        [("spa", CALLBACK), ("cli", "http://127.0.0.1:4711/cb"), ("app", "com.example.app:/cb")]
    {
        let asked = query(client, "read").replace(CALLBACK, uri);
        for _ in 0..2 {
            let question = w.question(&asked);
            assert_eq!((question.scope.as_str(), question.already.as_str()), ("read", ""), "{client}");
            w.decide_as(&question.opened.handle, "alice", session(), all()).unwrap();
        }
    }
    assert!(!w.records.keys().any(|key| key.kind() == Kind::Consent), "it would count for nothing");
}

#[test]
fn an_approval_rests_on_what_the_client_is_by_then() {
    let mut w = world("");
    w.approve("app", "a");
    let question = w.question(&query("app", "a+b"));
    let key = Client::key(&"app".parse().unwrap());
    let stored = w.records[key.raw()].clone();
    let client: Client = decode(key.raw(), &stored.body).unwrap();
    let mut metadata = client.metadata.clone();
    metadata.token_endpoint_auth_method = grantor_core::client::AuthMethod::None;
    metadata.grant_types.remove(&grantor_core::client::GrantType::ClientCredentials);
    let public = client.update(metadata, &w.profile).unwrap();
    w.put(Put::of(&key, Expect::Version(stored.version), Version::from_bytes([7; 16]), &public, None));
    assert_eq!(granted(&mut w, &question, all()).unwrap_err(), "access_denied");
}

#[test]
fn what_was_taken_back_while_the_page_was_open_is_not_granted_by_it() {
    let mut w = world("");
    w.approve("app", "a");
    let question = w.question(&query("app", "a+b"));
    let (alice, app) = ("alice".parse().unwrap(), "app".parse().unwrap());
    assert!(w.ask(|ctx| flow::withdraw(ctx, &alice, &app, None)).unwrap());
    assert!(!w.ask(|ctx| flow::withdraw(ctx, &alice, &app, None)).unwrap(), "once");
    assert_eq!(granted(&mut w, &question, all()).unwrap_err(), "access_denied");
    let question = w.question(&query("app", "a+b"));
    assert_eq!((question.scope.as_str(), question.already.as_str()), ("a b", ""), "nothing came back by it");
}

/// He approves what is new, and takes back in another window what he had approved before.
#[test]
fn the_part_that_nobody_was_asked_about_does_not_outlive_its_approval() {
    let one_grant = || {
        let mut w = world("");
        let mut profile = (*w.profile).clone();
        profile.approval.one_grant = true;
        w.profile = profile.into();
        w
    };
    let orders = every_order(
        2,
        |w| {
            w.approve("app", "a");
            let grant = w.records.iter().find(|(key, _)| key.kind() == Kind::Grant).unwrap();
            let grant: Grant = decode(grant.0, &grant.1.body).unwrap();
            let request = DecisionRequest {
                handle: w.question(&query("app", "a+b")).opened.handle,
                session: session(),
                approver: Approver::new("alice".parse().unwrap()),
                account: None,
                choice: all(),
            };
            let decided = flow::decide(w.context(), request).then(|answer| Step::done(Some(answer.location)));
            let cause = RevocationCause::BySubject;
            let ended = flow::revoke_grant(w.context(), grant.facts().id, cause);
            vec![decided, ended.then(|_| Step::done(None))]
        },
        one_grant,
        |w, ended| {
            let Ok(Some(location)) = &ended[0] else { panic!("neither granted nor refused") };
            let code = parameter(location.expose(), "code").map(Secret::new);
            let error = parameter(location.expose(), "error");
            assert!(code.is_some() || error.as_deref() == Some("access_denied"));
            assert!(code.is_none_or(|code| w.redeem("app", &code).is_err()), "it outlived the approval");
            for scope in ["a", "b"] {
                assert!(is_asked(w, &query("app", scope)), "{scope} is remembered, though he took it back");
            }
        },
    );
    assert!(orders >= 20, "{orders} orders");
}

#[test]
fn approvals_name_their_client_and_account() {
    let (alice, account) = ("alice".parse().unwrap(), "35".parse().unwrap());
    for client in ["web", "a client with spaces", "%/"] {
        let client = client.parse().unwrap();
        for account in [None, Some(&account)] {
            let key = Consent::key(&alice, &client, account);
            assert_eq!(Consent::about(key.raw()), Some((client.clone(), account.cloned())));
        }
    }
    assert_eq!(Reason::Withdrawn.code().as_str(), "access_denied");
}
