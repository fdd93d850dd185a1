//! Several requests at once, in every order of their steps: the races that a server meets once a year, all of them, each
//! time the tests run.

use grantor_core::flow::{self, TokenAnswer};
use grantor_core::record::Kind;
use grantor_core::request::{GrantRequest, TokenRequest};
use grantor_core::step::{Step, Stop};
use grantor_core::{Lifetime, Reason, RefreshMode, Secret};

use crate::world::{CALLBACK, VERIFIER, World, code_grant, credentials};

type Ended = Result<TokenAnswer, Stop>;

/// Answers what concerns nobody else, up to the next step that reads or writes a grant, or what a person approved. Only
/// those can race: every other key is either read alone here or fresh from entropy, so its place in the order changes
/// nothing.
fn up_to_a_race<T: 'static>(w: &mut World, mut step: Step<T>) -> Step<T> {
    loop {
        let kind = match &step {
            Step::Load(need) => Some(need.key().kind()),
            Step::Commit(need) => Some(need.put().key.kind()),
            Step::Settle(need) => Some(need.key().kind()),
            Step::Registration(_) | Step::VerifySecret(_) | Step::Sign(_) | Step::VerifyJws(_) => None,
            Step::Done(_) => return step,
        };
        let remembers = w.profile.approval.remember;
        if kind == Some(Kind::Grant) || (kind == Some(Kind::Consent) && remembers) {
            return step;
        }
        step = w.answer(step);
    }
}

/// Runs parties step by step, in every order of their steps, each time in a world of its own. `judge` sees how each
/// party ended. Gives the number of orders.
pub fn every_order<T: 'static>(
    parties: usize,
    begin: impl Fn(&mut World) -> Vec<Step<T>>,
    world: impl Fn() -> World,
    judge: impl Fn(&mut World, Vec<Result<T, Stop>>),
) -> usize {
    let mut orders = 0;
    // The order under trial: at each point, the how-manieth of the parties still running goes on.
    let mut picks: Vec<usize> = Vec::new();
    loop {
        let mut w = world();
        let started = begin(&mut w);
        let mut running: Vec<Option<Step<T>>> =
            started.into_iter().map(|step| Some(up_to_a_race(&mut w, step))).collect();
        let mut ended: Vec<Option<Result<T, Stop>>> = (0..parties).map(|_| None).collect();
        let mut choices: Vec<usize> = Vec::new();
        loop {
            let waiting: Vec<usize> = (0..parties).filter(|p| running[*p].is_some()).collect();
            if waiting.is_empty() {
                break;
            }
            let at = choices.len();
            if picks.len() == at {
                picks.push(0);
            }
            choices.push(waiting.len());
            let party = waiting[picks[at]];
            let step = w.answer(running[party].take().unwrap());
            match up_to_a_race(&mut w, step) {
                Step::Done(end) => ended[party] = Some(end),
                step => running[party] = Some(step),
            }
        }
        judge(&mut w, ended.into_iter().map(Option::unwrap).collect());
        orders += 1;
        // The next order: the last point at which another party could have gone on.
        picks.truncate(choices.len());
        while let Some(last) = picks.pop() {
            if last + 1 < choices[picks.len()] {
                picks.push(last + 1);
                break;
            }
        }
        if picks.is_empty() {
            return orders;
        }
    }
}

fn redeem(w: &mut World, client: &str, code: &Secret) -> Step<TokenAnswer> {
    let grant = code_grant(code, Some(CALLBACK), Some(VERIFIER));
    flow::token(w.context(), TokenRequest { client: credentials(client).into(), grant })
}

fn refresh(w: &mut World, token: &Secret) -> Step<TokenAnswer> {
    let grant = GrantRequest::RefreshToken { refresh_token: token.clone(), scope: None };
    flow::token(w.context(), TokenRequest { client: credentials("web").into(), grant })
}

fn reason(ended: &Ended) -> Option<Reason> {
    match ended {
        Ok(_) => None,
        Err(Stop::Refused(refusal)) => Some(refusal.reason),
        Err(Stop::Fault(fault)) => panic!("{fault}"),
    }
}

#[test]
fn two_redemptions_of_one_code_never_both_succeed() {
    let orders = every_order(
        2,
        |w| {
            let code = w.approve("web", "read");
            vec![redeem(w, "web", &code), redeem(w, "web", &code)]
        },
        || World::new(|_| {}),
        |w, ended| {
            let winners: Vec<&TokenAnswer> = ended.iter().filter_map(|e| e.as_ref().ok()).collect();
            assert_eq!(winners.len(), 1);
            assert!(ended.iter().filter_map(reason).all(|r| r == Reason::CodeReplayed));
            assert!(!w.is_live(&winners[0].access_token), "a replay ends what the first one got");
        },
    );
    assert!(orders >= 6, "{orders} orders");
}

#[test]
fn a_strangers_attempt_never_spoils_the_owners() {
    every_order(
        2,
        |w| {
            let code = w.approve("web", "read");
            vec![redeem(w, "web", &code), redeem(w, "other", &code)]
        },
        || World::new(|_| {}),
        |w, ended| {
            assert_eq!(reason(&ended[1]), Some(Reason::CodeOfAnotherClient));
            assert!(w.is_live(&ended[0].as_ref().unwrap().access_token));
        },
    );
}

#[test]
fn without_grace_two_refreshes_never_both_succeed() {
    every_order(
        2,
        |w| {
            let code = w.approve("web", "read");
            let token = w.redeem("web", &code).unwrap().refresh_token.unwrap();
            vec![refresh(w, &token), refresh(w, &token)]
        },
        || World::new(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::ZERO }),
        |w, ended| {
            let winners: Vec<&TokenAnswer> = ended.iter().filter_map(|e| e.as_ref().ok()).collect();
            assert_eq!(winners.len(), 1);
            assert!(!w.is_live(&winners[0].access_token), "the family is dead");
        },
    );
}

#[test]
fn with_grace_all_refreshes_give_one_successor() {
    every_order(
        2,
        |w| {
            let code = w.approve("web", "read");
            let token = w.redeem("web", &code).unwrap().refresh_token.unwrap();
            vec![refresh(w, &token), refresh(w, &token)]
        },
        || World::new(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(10) }),
        |w, ended| {
            let answers: Vec<TokenAnswer> = ended.into_iter().map(|e| e.map_err(|_| ()).unwrap()).collect();
            let successors: Vec<&Secret> =
                answers.iter().map(|a| a.refresh_token.as_ref().unwrap()).collect();
            assert_eq!(successors[0].expose(), successors[1].expose());
            assert!(answers.iter().all(|a| w.is_live(&a.access_token)));
        },
    );
}

#[test]
fn after_a_revocation_nothing_is_live_whatever_ran_beside_it() {
    every_order(
        2,
        |w| {
            let code = w.approve("web", "read");
            let token = w.redeem("web", &code).unwrap().refresh_token.unwrap();
            let answer = || TokenAnswer {
                access_token: Secret::new(""),
                expires_at: grantor_core::Time::from_unix_millis(0),
                now: grantor_core::Time::from_unix_millis(0),
                refresh_token: None,
                scope: grantor_core::Scope::none(),
                grant_type: grantor_core::client::GrantType::RefreshToken,
                client: "web".parse().unwrap(),
                subject: None,
                grant: None,
                jti: None,
                scope_encoding: None,
            };
            let revoke = flow::revoke(w.context(), credentials("web"), token.clone());
            vec![refresh(w, &token), revoke.then(move |()| Step::done(answer()))]
        },
        || World::new(|_| {}),
        |w, ended| {
            if let Ok(answer) = &ended[0] {
                assert!(!w.is_live(&answer.access_token));
                let successor = answer.refresh_token.as_ref().unwrap();
                assert_eq!(w.refresh("web", successor, None).err(), Some(Reason::RefreshTokenRevoked));
            }
        },
    );
}

#[test]
fn three_redemptions_of_one_code_never_succeed_twice() {
    let orders = every_order(
        3,
        |w| {
            let code = w.approve("web", "read");
            (0..3).map(|_| redeem(w, "web", &code)).collect()
        },
        || World::new(|_| {}),
        |_, ended| assert_eq!(ended.iter().filter(|e| e.is_ok()).count(), 1),
    );
    assert!(orders >= 90, "{orders} orders");
}
