//! One grant at most for a client, person and account: a new authorization takes the place of the old one, and nothing of
//! the old one comes back.

use std::collections::BTreeSet;

use grantor_core::client::GrantType;
use grantor_core::flow::{self, Asked, Examined, TokenAnswer};
use grantor_core::grant::{Grant, RevocationCause};
use grantor_core::record::{Kind, decode};
use grantor_core::request::{Approver, ApproverAccount, Choice, DecisionRequest, GrantRequest, TokenRequest};
use grantor_core::step::{Step, Stop};
use grantor_core::{GrantId, Lifetime, Reason, RefreshMode, Secret, Time};
use proptest::prelude::*;

use crate::interleaving::every_order;
use crate::world::{CALLBACK, VERIFIER, World, code_grant, credentials, parameter, query, session};

/// One grant each, refresh tokens that stay, and no end but revocation; `other` has no refresh tokens.
fn one_grant() -> World {
    let mut w = World::new(|p| {
        p.approval.one_grant = true;
        p.approval.remember = false;
        p.refresh = RefreshMode::Reuse;
        p.lifetimes.grant = None;
        p.lifetimes.refresh_token = None;
    });
    w.register("brief", |m| m.grant_types = [GrantType::AuthorizationCode].into());
    w
}

fn remembering() -> World {
    let mut w = one_grant();
    let mut profile = (*w.profile).clone();
    profile.approval.remember = true;
    w.profile = profile.into();
    w
}

fn grants(w: &World) -> Vec<Grant> {
    let of_grants = w.records.iter().filter(|(key, _)| key.kind() == Kind::Grant);
    of_grants.map(|(key, stored)| decode(key, &stored.body).unwrap()).collect()
}

fn only_grant(w: &World) -> GrantId {
    let all = grants(w);
    assert_eq!(all.len(), 1, "one grant for one client and person");
    all[0].facts().id
}

fn end(w: &mut World, cause: RevocationCause) -> bool {
    let id = only_grant(w);
    w.ask(|ctx| flow::revoke_grant(ctx, id, cause)).unwrap()
}

#[test]
fn until_its_code_is_redeemed_a_new_authorization_changes_nothing() {
    let mut w = one_grant();
    let code = w.approve("web", "read+write");
    let first = w.redeem("web", &code).unwrap();
    let kept = first.refresh_token.clone().unwrap();
    let code = w.approve("web", "read");
    assert!(w.is_live(&first.access_token));
    let between = w.refresh("web", &kept, None).unwrap();
    assert_eq!(between.scope.as_str(), "read write", "what was granted then");
    assert_eq!(between.refresh_token.as_ref().unwrap().expose(), kept.expose());

    let second = w.redeem("web", &code).unwrap();
    assert_eq!(second.scope.as_str(), "read");
    assert!(!w.is_live(&first.access_token) && !w.is_live(&between.access_token));
    assert_eq!(w.refresh("web", &kept, None).err(), Some(Reason::RefreshTokenUnknown));
    assert!(w.is_live(&second.access_token));
    assert_ne!(second.refresh_token.unwrap().expose(), kept.expose());
    only_grant(&w);
}

#[test]
fn a_code_that_was_never_redeemed_is_replaced_by_the_next() {
    let mut w = one_grant();
    let (first, second) = (w.approve("web", "read"), w.approve("web", "read"));
    assert_eq!(w.redeem("web", &first).err(), Some(Reason::CodeUnknown));
    assert!(w.redeem("web", &second).is_ok(), "and does it no harm");
}

#[test]
fn a_replay_ends_what_the_code_gave_though_another_is_on_its_way() {
    let mut w = one_grant();
    let code = w.approve("web", "read");
    let held = w.redeem("web", &code).unwrap();
    let next = w.approve("web", "read");
    let wrong = w.token("web", code_grant(&code, Some(CALLBACK), Some(&"x".repeat(43))));
    assert_eq!(wrong.err(), Some(Reason::CodeUnknown));
    assert!(w.is_live(&held.access_token), "whoever has the code alone ends nothing");
    assert_eq!(w.redeem("web", &code).err(), Some(Reason::CodeReplayed));
    assert!(!w.is_live(&held.access_token));
    assert_eq!(w.redeem("web", &next).err(), Some(Reason::CodeRevoked));
}

// The record of a revoked grant may be gone before the access tokens it gave have expired.
#[test]
fn a_revoked_grant_that_is_approved_anew_revives_no_token_even_if_its_record_is_gone() {
    for purged in [false, true] {
        let mut w = one_grant();
        let mut profile = (*w.profile).clone();
        profile.lifetimes.access_token = Lifetime::seconds(86_400);
        w.profile = profile.into();
        let code = w.approve("brief", "read");
        let old = w.redeem("brief", &code).unwrap();
        assert!(end(&mut w, RevocationCause::BySubject));
        // Approved again, and the code is lost: now nothing in the record is of any use but its age.
        w.approve("brief", "read");
        w.pass(4 * 3600);
        if purged {
            w.purge();
            assert!(grants(&w).is_empty(), "else this shows nothing");
        }
        let code = w.approve("brief", "read");
        assert!(!w.is_live(&old.access_token));
        let new = w.redeem("brief", &code).unwrap();
        assert!(w.is_live(&new.access_token));
        assert!(!w.is_live(&old.access_token), "purged: {purged}");
    }
}

#[test]
fn clients_people_and_accounts_have_a_grant_each() {
    let mut w = one_grant();
    let web = w.approve("web", "read");
    let other = w.approve("other", "read");
    let (web, other) = (w.redeem("web", &web).unwrap(), w.redeem("other", &other).unwrap());
    w.approve("web", "read");
    assert!(w.is_live(&web.access_token) && w.is_live(&other.access_token));
    assert_eq!(grants(&w).len(), 2);
    let mut ids = BTreeSet::new();
    for account in ["35", "36"] {
        let mut profile = (*w.profile).clone();
        profile.approval.account = true;
        w.profile = profile.into();
        let approver = acting_for(&[account]);
        let asked = ask(&mut w, &query("web", "read"), approver.clone()).unwrap();
        let Asked::Decision(question) = asked else { panic!("an only account is taken as chosen") };
        let answer = decide(&mut w, question.opened.handle, approver, Choice::Approve { scope: None });
        ids.insert(answer.unwrap().grant.unwrap());
    }
    assert_eq!(ids.len(), 2);
    assert_eq!(grants(&w).len(), 4);
}

fn acting_for(accounts: &[&str]) -> Approver {
    let account = |id: &&str| ApproverAccount {
        id: id.parse().unwrap(),
        name: None,
        url: None,
        role: "owner".to_owned(),
        oauth_enabled: true,
    };
    let accounts = accounts.iter().map(account).collect();
    Approver { accounts, ..Approver::new("alice".parse().unwrap()) }
}

fn ask(w: &mut World, query: &str, approver: Approver) -> Result<Asked, Reason> {
    let Ok(Examined::Proceed { request, .. }) = w.examine(query) else { panic!("not let pass: {query}") };
    w.ask(|ctx| flow::ask(ctx, request, approver, session()))
}

fn decide(
    w: &mut World,
    handle: Secret,
    approver: Approver,
    choice: Choice,
) -> Result<flow::AuthorizationAnswer, Reason> {
    let request = DecisionRequest { handle, session: session(), approver, account: None, choice };
    w.ask(|ctx| flow::decide(ctx, request))
}

fn is_asked(w: &mut World, scope: &str) -> bool {
    match ask(w, &query("web", scope), Approver::new("alice".parse().unwrap())).unwrap() {
        Asked::Decision(_) => true,
        Asked::Answered(answer) => {
            assert!(answer.refusal.is_none(), "{:?}", answer.refusal);
            false
        }
        Asked::Account(_) => panic!("there are no accounts"),
    }
}

#[test]
fn who_ends_a_grant_decides_whether_the_person_is_asked_again() {
    use RevocationCause as Cause;
    for (cause, forgets) in [
        (Cause::BySubject, true),
        (Cause::ByOperator, true),
        (Cause::SubjectSuspended, true),
        (Cause::ByClient, false),
        (Cause::CodeReplayed, false),
        (Cause::RefreshTokenReplayed, false),
    ] {
        let mut w = remembering();
        w.approve("web", "read");
        assert!(!is_asked(&mut w, "read"), "he said so before");
        assert!(is_asked(&mut w, "read+write"), "and not that");
        end(&mut w, cause);
        assert_eq!(is_asked(&mut w, "read"), forgets, "{cause:?}");
    }
}

// A grant may be ended from the pages of another profile, or by an operator whose first profile is another.
#[test]
fn consent_is_forgotten_whichever_profile_the_revocation_comes_by() {
    let mut w = remembering();
    w.approve("web", "read");
    let (profile, mut other) = (w.profile.clone(), (*w.profile).clone());
    other.approval.remember = false;
    w.profile = other.into();
    assert!(end(&mut w, RevocationCause::BySubject));
    w.profile = profile;
    assert!(is_asked(&mut w, "read"));
}

// ---- every order of steps ----

/// What a party of a race ends with: tokens, or the address that the browser is sent to, or nothing.
enum Got {
    Tokens(Box<TokenAnswer>),
    Location(Secret),
    Nothing,
}

fn redeeming(w: &mut World, code: &Secret) -> Step<Got> {
    let request = TokenRequest {
        client: credentials("web").into(),
        grant: code_grant(code, Some(CALLBACK), Some(VERIFIER)),
    };
    flow::token(w.context(), request).then(|answer| Step::done(Got::Tokens(Box::new(answer))))
}

fn refreshing(w: &mut World, token: &Secret) -> Step<Got> {
    let grant = GrantRequest::RefreshToken { refresh_token: token.clone(), scope: None };
    let request = TokenRequest { client: credentials("web").into(), grant };
    flow::token(w.context(), request).then(|answer| Step::done(Got::Tokens(Box::new(answer))))
}

fn approving(w: &mut World) -> Step<Got> {
    let handle = w.open(&query("web", "read"));
    let request = DecisionRequest {
        handle,
        session: session(),
        approver: Approver::new("alice".parse().unwrap()),
        account: None,
        choice: Choice::Approve { scope: None },
    };
    flow::decide(w.context(), request).then(|answer| Step::done(Got::Location(answer.location)))
}

fn revoking(w: &mut World) -> Step<Got> {
    let id = only_grant(w);
    flow::revoke_grant(w.context(), id, RevocationCause::BySubject).then(|_| Step::done(Got::Nothing))
}

fn sound(ended: &[Result<Got, Stop>]) {
    for end in ended {
        if let Err(Stop::Fault(fault)) = end {
            panic!("{fault}");
        }
    }
}

fn code_of(ended: &Result<Got, Stop>) -> Secret {
    match ended {
        Ok(Got::Location(location)) => Secret::new(parameter(location.expose(), "code").expect("a code")),
        _ => panic!("not approved"),
    }
}

fn tokens_of(ended: &Result<Got, Stop>) -> Option<&TokenAnswer> {
    match ended {
        Ok(Got::Tokens(answer)) => Some(answer),
        Ok(Got::Location(_) | Got::Nothing) | Err(_) => None,
    }
}

/// A client that holds tokens and a code of a later authorization.
fn held_and_next(w: &mut World) -> (TokenAnswer, Secret) {
    let code = w.approve("web", "read");
    let held = w.redeem("web", &code).unwrap();
    (held, w.approve("web", "read"))
}

/// Whatever is left is redeemed, one code after another: never are two authorizations' tokens live at once, and none is
/// that `dead` names.
fn at_most_one_lives(w: &mut World, codes: &[Secret], mut issued: Vec<Secret>, dead: &[Secret]) {
    let check = |w: &mut World, issued: &[Secret]| {
        let live: Vec<usize> = (0..issued.len()).filter(|at| w.is_live(&issued[*at])).collect();
        assert!(live.len() <= 1, "tokens of {live:?} live at once");
        assert!(dead.iter().all(|token| !w.is_live(token)), "what is over came back");
    };
    check(w, &issued);
    for code in codes {
        if let Ok(answer) = w.redeem("web", code) {
            issued.push(answer.access_token);
            assert!(w.is_live(issued.last().unwrap()));
        }
        check(w, &issued);
    }
}

#[test]
fn two_new_authorizations_beside_a_redemption_leave_one() {
    let mut prepared = one_grant();
    let (held, code) = held_and_next(&mut prepared);
    let orders = every_order(
        3,
        |w| vec![redeeming(w, &code), approving(w), approving(w)],
        || prepared.clone(),
        |w, ended| {
            sound(&ended);
            let mut issued = vec![held.access_token.clone()];
            let redeemed = tokens_of(&ended[0]).map(|answer| answer.access_token.clone());
            let dead = if redeemed.is_some() { issued.clone() } else { Vec::new() };
            assert!(redeemed.is_some() || w.is_live(&issued[0]), "until redemption it holds what it held");
            issued.extend(redeemed);
            let codes = [code_of(&ended[1]), code_of(&ended[2])];
            let usable = codes.iter().filter(|code| w.would_redeem(code).is_ok()).count();
            assert_eq!(usable, 1, "the later authorization, and it alone");
            at_most_one_lives(w, &codes, issued, &dead);
        },
    );
    assert!(orders >= 90, "{orders} orders");
}

#[test]
fn a_revocation_beside_a_redemption_and_an_authorization_ends_what_was_held() {
    let mut prepared = one_grant();
    let (held, code) = held_and_next(&mut prepared);
    let kept = held.refresh_token.unwrap();
    let orders = every_order(
        3,
        |w| vec![redeeming(w, &code), approving(w), revoking(w)],
        || prepared.clone(),
        |w, ended| {
            sound(&ended);
            let mut dead = vec![held.access_token.clone()];
            assert!(w.refresh("web", &kept, None).is_err(), "revoked, whatever came after");
            // It was let pass, so the revocation came later and ended that, too.
            dead.extend(tokens_of(&ended[0]).map(|answer| answer.access_token.clone()));
            at_most_one_lives(w, &[code_of(&ended[1])], dead.clone(), &dead);
        },
    );
    assert!(orders >= 300, "{orders} orders");
}

#[test]
fn a_revocation_beside_two_authorizations_leaves_one_of_them_or_none() {
    let mut prepared = one_grant();
    let (held, code) = held_and_next(&mut prepared);
    let orders = every_order(
        3,
        |w| vec![approving(w), approving(w), revoking(w)],
        || prepared.clone(),
        |w, ended| {
            sound(&ended);
            let dead = [held.access_token.clone()];
            let codes = [code.clone(), code_of(&ended[0]), code_of(&ended[1])];
            let usable = codes.iter().filter(|code| w.would_redeem(code).is_ok()).count();
            assert!(usable <= 1, "{usable} codes are good at once");
            assert!(w.would_redeem(&code).is_err(), "replaced or revoked, in every order");
            at_most_one_lives(w, &codes, dead.to_vec(), &dead);
        },
    );
    assert!(orders >= 300, "{orders} orders");
}

#[test]
fn a_refresh_beside_a_redemption_gets_nothing_that_lives_on() {
    let mut prepared = one_grant();
    let (held, code) = held_and_next(&mut prepared);
    let kept = held.refresh_token.unwrap();
    let orders = every_order(
        2,
        |w| vec![redeeming(w, &code), refreshing(w, &kept)],
        || prepared.clone(),
        |w, ended| {
            sound(&ended);
            let new = tokens_of(&ended[0]).unwrap().access_token.clone();
            assert!(w.is_live(&new));
            let mut old = vec![held.access_token.clone()];
            old.extend(tokens_of(&ended[1]).map(|answer| answer.access_token.clone()));
            assert!(old.iter().all(|token| !w.is_live(token)));
        },
    );
    assert!(orders >= 3, "{orders} orders");
}

// The browser follows a link of the client's while the person, in another window, takes his approval back.
#[test]
fn what_nobody_was_asked_about_does_not_outlive_the_approval() {
    let orders = every_order(
        2,
        |w| {
            w.approve("web", "read");
            let Ok(Examined::Proceed { request, .. }) = w.examine(&query("web", "read")) else { panic!() };
            let approver = Approver::new("alice".parse().unwrap());
            let asked = flow::ask(w.context(), request, approver, session()).then(|asked| {
                Step::done(match asked {
                    Asked::Answered(answer) => Got::Location(answer.location),
                    Asked::Decision(_) => Got::Nothing,
                    Asked::Account(_) => panic!("there are no accounts"),
                })
            });
            vec![asked, revoking(w)]
        },
        remembering,
        |w, ended| {
            sound(&ended);
            if let Ok(Got::Location(location)) = &ended[0] {
                let code = parameter(location.expose(), "code").map(Secret::new);
                let error = parameter(location.expose(), "error");
                assert!(code.is_some() || error.as_deref() == Some("access_denied"));
                assert!(code.is_none_or(|code| w.redeem("web", &code).is_err()), "it outlived the approval");
            }
            assert!(is_asked(w, "read"));
        },
    );
    assert!(orders >= 20, "{orders} orders");
}

// He approves and takes back at the same time: either may be the last word, but both say the same.
#[test]
fn an_approval_beside_a_revocation_is_remembered_only_if_it_stands() {
    let orders = every_order(
        2,
        |w| {
            w.approve("web", "read");
            let again = w.open(&query("web", "write"));
            let request = DecisionRequest {
                handle: again,
                session: session(),
                approver: Approver::new("alice".parse().unwrap()),
                account: None,
                choice: Choice::Approve { scope: None },
            };
            let decided = flow::decide(w.context(), request);
            vec![decided.then(|answer| Step::done(Got::Location(answer.location))), revoking(w)]
        },
        remembering,
        |w, ended| {
            sound(&ended);
            let stands = w.would_redeem(&code_of(&ended[0])).is_ok();
            assert!(stands || is_asked(w, "write"), "revoked, and yet nobody is asked");
            assert!(is_asked(w, "read"), "what he approved before is taken back in any case");
        },
    );
    assert!(orders >= 20, "{orders} orders");
}

// ---- whatever is asked, in whatever order ----

/// Something that somebody does. Numbers pick among what there is by then.
#[derive(Debug, Clone)]
enum Act {
    Approve { client: &'static str, scope: &'static str },
    Redeem { code: usize, right: bool },
    Refresh { token: usize },
    GiveBack { token: usize },
    End { client: &'static str, cause: RevocationCause },
    Pass { seconds: u64 },
    Purge,
}

fn act() -> impl Strategy<Value = Act> {
    let client = || prop_oneof![Just("web"), Just("brief")];
    let scope = prop_oneof![Just("read"), Just("write"), Just("read+write")];
    let cause = prop_oneof![Just(RevocationCause::BySubject), Just(RevocationCause::ByOperator)];
    prop_oneof![
        6 => (client(), scope).prop_map(|(client, scope)| Act::Approve { client, scope }),
        8 => (any::<usize>(), prop::bool::weighted(0.9)).prop_map(|(code, right)| Act::Redeem { code, right }),
        4 => any::<usize>().prop_map(|token| Act::Refresh { token }),
        1 => any::<usize>().prop_map(|token| Act::GiveBack { token }),
        2 => (client(), cause).prop_map(|(client, cause)| Act::End { client, cause }),
        3 => prop_oneof![Just(1_u64), Just(61), Just(1801), Just(7201)].prop_map(|seconds| Act::Pass { seconds }),
        2 => Just(Act::Purge),
    ]
}

/// One authorization: whose, its code, and until when that is good.
struct Authorization {
    client: &'static str,
    code: Secret,
    ends_at: Time,
}

/// What one client has, by the rules as a person would say them.
#[derive(Default)]
struct Has {
    /// The authorization whose code is on its way.
    next: Option<usize>,
    /// The one it holds tokens of.
    held: Option<usize>,
}

#[derive(Default)]
struct Model {
    authorizations: Vec<Authorization>,
    refresh_tokens: Vec<(Secret, usize)>,
    access_tokens: Vec<(Secret, usize, Time)>,
    web: Has,
    brief: Has,
}

impl Model {
    fn of(&mut self, client: &str) -> &mut Has {
        if client == "web" { &mut self.web } else { &mut self.brief }
    }

    /// The store says of every token what the model says.
    fn check(&self, w: &mut World) {
        for (token, of, ends_at) in &self.access_tokens {
            let client = self.authorizations[*of].client;
            let has = if client == "web" { &self.web } else { &self.brief };
            let expected = has.held == Some(*of) && *ends_at > w.now;
            assert_eq!(w.is_live(token), expected, "an access token of authorization {of}");
        }
    }

    fn take(&mut self, answer: TokenAnswer, of: usize) {
        self.refresh_tokens.extend(answer.refresh_token.map(|token| (token, of)));
        self.access_tokens.push((answer.access_token, of, answer.expires_at));
    }

    fn run(&mut self, w: &mut World, act: &Act) {
        match act {
            Act::Approve { client, scope } => {
                let code = w.approve(client, scope);
                let ends_at = w.now + w.profile.lifetimes.authorization_code;
                self.authorizations.push(Authorization { client, code, ends_at });
                let newest = self.authorizations.len() - 1;
                self.of(client).next = Some(newest);
            }
            Act::Redeem { code, right } if !self.authorizations.is_empty() => {
                let at = code % self.authorizations.len();
                let Authorization { client, code, ends_at } = &self.authorizations[at];
                let (client, in_time) = (*client, *ends_at > w.now);
                let verifier = if *right { VERIFIER.to_owned() } else { "x".repeat(43) };
                let answer = w.token(client, code_grant(code, Some(CALLBACK), Some(&verifier)));
                let has = self.of(client);
                let expected = *right && in_time && has.next == Some(at);
                assert_eq!(answer.is_ok(), expected, "authorization {at}: {:?}", answer.err());
                match answer {
                    Ok(answer) => {
                        *has = Has { next: None, held: Some(at) };
                        self.take(answer, at);
                    }
                    // A replay of what it holds ends that, as long as the record is there.
                    Err(Reason::CodeReplayed) => {
                        assert!(*right && has.held == Some(at));
                        *has = Has::default();
                    }
                    Err(_) => {}
                }
            }
            Act::Refresh { token } if !self.refresh_tokens.is_empty() => {
                let (token, of) = &self.refresh_tokens[token % self.refresh_tokens.len()];
                let (client, of, token) = (self.authorizations[*of].client, *of, token.clone());
                let answer = w.refresh(client, &token, None);
                assert_eq!(answer.is_ok(), self.of(client).held == Some(of), "of authorization {of}");
                if let Ok(answer) = answer {
                    assert_eq!(answer.refresh_token.as_ref().unwrap().expose(), token.expose());
                    self.take(answer, of);
                }
            }
            Act::GiveBack { token } if !self.refresh_tokens.is_empty() => {
                let (token, of) = &self.refresh_tokens[token % self.refresh_tokens.len()];
                let (client, of) = (self.authorizations[*of].client, *of);
                w.revoke(client, token);
                let has = self.of(client);
                if has.held == Some(of) {
                    *has = Has::default();
                }
            }
            Act::End { client, cause } => {
                let of = grants(w).into_iter().find(|grant| grant.facts().client.as_str() == *client);
                if let Some(grant) = of {
                    w.ask(|ctx| flow::revoke_grant(ctx, grant.facts().id, *cause)).unwrap();
                    *self.of(client) = Has::default();
                }
            }
            Act::Pass { seconds } => w.pass(*seconds),
            Act::Purge => w.purge(),
            Act::Redeem { .. } | Act::Refresh { .. } | Act::GiveBack { .. } => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_nothing_of_an_earlier_authorization_comes_back(acts in prop::collection::vec(act(), 1..80)) {
        let (mut w, mut model) = (one_grant(), Model::default());
        for act in &acts {
            model.run(&mut w, act);
            model.check(&mut w);
            let of_web = grants(&w).into_iter().filter(|grant| grant.facts().client.as_str() == "web").count();
            prop_assert!(of_web <= 1, "two grants for one client and person");
        }
    }
}
