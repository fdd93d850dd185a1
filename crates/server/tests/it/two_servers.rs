//! Two servers on one database, and commands beside them (S11, L08).

use std::sync::Barrier;

use serde_json::json;

use crate::browser::Browser;
use crate::deployment::{
    PASSWORD, USER, authorize, client_credentials, code, deployment, error, introspect, is_active, pair,
    redeem, refresh, revoke,
};
use crate::http::{Answer, Request};
use crate::world::{Server, World};

const AT_ONCE: usize = 32;
const ROUNDS: usize = 6;

fn two_servers(config: &str) -> (World, Server, Server) {
    let world = deployment(config);
    let [a, b] = ["a-", "b-"].map(|name| world.serve_as(name, &[]));
    assert_ne!(a.public(), b.public());
    (world, a, b)
}

/// The answers to one request that both servers get many times at the same moment.
fn all_at_once(request: &Request, a: &Server, b: &Server) -> Vec<Answer> {
    let barrier = Barrier::new(AT_ONCE);
    std::thread::scope(|scope| {
        let send = |n: usize| {
            let (barrier, base) = (&barrier, [a.public(), b.public()][n % 2]);
            scope.spawn(move || {
                let held = request.hold(base).unwrap();
                barrier.wait();
                held.finish().unwrap()
            })
        };
        let senders: Vec<_> = (0..AT_ONCE).map(send).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    })
}

/// The one answer that granted it; all others must have refused.
fn only_one(answers: Vec<Answer>) -> Answer {
    let (mut granted, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(granted.len(), 1, "granted more than once, or never");
    for answer in refused {
        assert_eq!(error(&answer), (400, "invalid_grant".to_owned()), "{}", answer.body);
    }
    granted.pop().unwrap()
}

// B03
#[test]
fn a_code_is_redeemed_once_whichever_server_is_asked() {
    let (_world, a, b) = two_servers("");
    let mut browser = Browser::new(a.public());
    for _ in 0..ROUNDS {
        let code = code(&mut browser).unwrap();
        let (access, refresh) = pair(&only_one(all_at_once(&redeem(&code), &a, &b)));
        let worth = [&a, &b].map(|server| [&access, &refresh].map(|t| is_active(server.public(), "web", t)));
        assert_eq!(worth, [[false; 2]; 2], "those who came late replayed the code");
    }
}

// H05
#[test]
fn without_grace_a_refresh_token_is_used_once_whichever_server_is_asked() {
    let (_world, a, b) = two_servers("[refresh]\ngrace = \"0\"\n");
    let mut browser = Browser::new(b.public());
    for _ in 0..ROUNDS {
        let (access, token) = pair(&redeem(&code(&mut browser).unwrap()).send(a.public()));
        let (newer, successor) = pair(&only_one(all_at_once(&refresh(&token), &a, &b)));
        for token in [access, token, newer, successor] {
            assert!(!is_active(a.public(), "web", &token) && !is_active(b.public(), "web", &token));
        }
    }
}

#[test]
fn what_one_server_takes_back_is_worth_nothing_at_the_other_at_once() {
    let (world, a, b) = two_servers("");
    let mut browser = Browser::new(a.public());
    for (here, there) in [(&a, &b), (&b, &a)] {
        // The session, too, holds at both.
        here.public().clone_into(&mut browser.base);
        let waiting = code(&mut browser).unwrap();
        let (access, token) = pair(&redeem(&code(&mut browser).unwrap()).send(there.public()));
        assert!(is_active(there.public(), "web", &access));
        assert_eq!(revoke("web", &access).send(here.public()).status, 200);
        assert!(!is_active(there.public(), "web", &access) && is_active(there.public(), "web", &token));
        assert_eq!(revoke("web", &token).send(here.public()).status, 200);
        assert!(!is_active(there.public(), "web", &token));
        assert_eq!(error(&refresh(&token).send(there.public())), (400, "invalid_grant".to_owned()));

        let (access, _) = pair(&redeem(&waiting).send(there.public()));
        let grants = world.json(&["grant", "list", "--user", USER]);
        let live = grants.as_array().unwrap().iter().find(|grant| grant["state"] == "active").unwrap();
        world.json(&["grant", "revoke", live["id"].as_str().unwrap()]);
        for server in [here, there] {
            assert!(!is_active(server.public(), "web", &access));
        }
    }
}

#[test]
fn a_client_changed_by_command_is_changed_at_both() {
    let (world, a, b) = two_servers("");
    let token = client_credentials("svc").send(a.public()).text("access_token");
    // As a resource server sees it: the client itself may not even ask.
    let seen = |server: &Server| introspect("rs", &token).send(server.public()).json()["active"].clone();
    let refused = (401, "invalid_client".to_owned());
    assert_eq!([seen(&a), seen(&b)], [json!(true), json!(true)]);
    world.json(&["client", "update", "svc", "--disabled", "true"]);
    for server in [&a, &b] {
        assert_eq!(seen(server), false);
        assert_eq!(error(&client_credentials("svc").send(server.public())), refused);
    }
    world.json(&["client", "update", "svc", "--disabled", "false"]);
    assert_eq!([seen(&a), seen(&b)], [json!(true), json!(true)]);
    let rotated = world.json(&["client", "rotate-secret", "svc"]);
    let grant = [("grant_type", "client_credentials")];
    for server in [&a, &b] {
        assert_eq!(error(&client_credentials("svc").send(server.public())), refused);
        let renewed =
            Request::post("/oauth2/token", &grant).by("svc", rotated["client_secret"].as_str().unwrap());
        assert_eq!(renewed.send(server.public()).status, 200);
    }
    world.json(&["client", "delete", "svc"]);
    assert_eq!([seen(&a), seen(&b)], [json!(false), json!(false)]);
}

#[test]
fn a_user_suspended_by_command_is_out_at_both() {
    for (verb, back) in [("disable", true), ("delete", false)] {
        let (world, a, b) = two_servers("");
        let mut browsers = [&a, &b].map(|server| Browser::new(server.public()));
        let [one, other] = browsers.each_mut().map(|browser| code(browser).unwrap());
        let (access, token) = pair(&redeem(&one).send(a.public()));
        world.json(&["user", verb, USER]);
        for server in [&a, &b] {
            assert!(
                !is_active(server.public(), "web", &access) && !is_active(server.public(), "web", &token)
            );
            for request in [refresh(&token), redeem(&other)] {
                assert_eq!(error(&request.send(server.public())), (400, "invalid_grant".to_owned()));
            }
        }
        for browser in &mut browsers {
            let page = browser.open(&authorize("web")).unwrap();
            assert!(page.body.contains("name=\"password\""), "the session has ended");
            let page = browser.submit(&page, &[("username", USER), ("password", PASSWORD)]).unwrap();
            assert_eq!(page.status, 200, "the form again");
        }
        if back {
            world.json(&["user", "enable", USER]);
            let (access, _) = pair(&redeem(&code(&mut browsers[1]).unwrap()).send(a.public()));
            assert!(is_active(b.public(), "web", &access), "he begins anew");
            assert!(!is_active(b.public(), "web", &token), "and what ended stays so");
        }
    }
}
