//! Two servers on one set of records, and commands beside them (S11, L08). Their races are in `races`.

use serde_json::json;

use crate::backend::{Backend, on};
use crate::browser::Browser;
use crate::deployment::{
    PASSWORD, USER, authorize, client_credentials, code, deployment_on, error, introspect, is_active, pair,
    redeem, refresh, revoke,
};
use crate::http::Request;
use crate::world::{Server, World, until};

fn two_servers(backend: &Backend) -> (World, Server, Server) {
    let world = deployment_on(backend, "");
    let [a, b] = ["a-", "b-"].map(|name| world.serve_as(name, &[]));
    assert_ne!(a.public(), b.public());
    (world, a, b)
}

on!(what_one_server_takes_back_is_worth_nothing_at_the_other_at_once: sqlite, redis, redis_cluster);

fn what_one_server_takes_back_is_worth_nothing_at_the_other_at_once(backend: Backend) {
    let (world, a, b) = two_servers(&backend);
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

on!(a_client_changed_by_command_is_changed_at_both: sqlite, redis, redis_cluster);

fn a_client_changed_by_command_is_changed_at_both(backend: Backend) {
    let (world, a, b) = two_servers(&backend);
    let token = client_credentials("svc").send(a.public()).text("access_token");
    // As a resource server sees it: the client itself may not even ask.
    let seen = |server: &Server| introspect("rs", &token).send(server.public()).json()["active"].clone();
    let refused = (401, "invalid_client".to_owned());
    // At once, or where registrations are a network away within the moment that they are gone by.
    let holds = |what: &dyn Fn() -> bool| match backend {
        Backend::Sqlite | Backend::Sled => assert!(what()),
        Backend::Redis(_) | Backend::Cluster(_) => until(|| what().then_some(())),
    };
    let is_refused = |server: &Server| error(&client_credentials("svc").send(server.public())) == refused;
    assert_eq!([seen(&a), seen(&b)], [json!(true), json!(true)]);
    world.json(&["client", "update", "svc", "--disabled", "true"]);
    for server in [&a, &b] {
        holds(&|| seen(server) == false);
        holds(&|| is_refused(server));
    }
    world.json(&["client", "update", "svc", "--disabled", "false"]);
    [&a, &b].into_iter().for_each(|server| holds(&|| seen(server) == true));
    let rotated = world.json(&["client", "rotate-secret", "svc"]);
    let grant = [("grant_type", "client_credentials")];
    for server in [&a, &b] {
        holds(&|| is_refused(server));
        let renewed =
            Request::post("/oauth2/token", &grant).by("svc", rotated["client_secret"].as_str().unwrap());
        assert_eq!(renewed.send(server.public()).status, 200);
    }
    world.json(&["client", "delete", "svc"]);
    [&a, &b].into_iter().for_each(|server| holds(&|| seen(server) == false));
}

on!(a_user_disabled_by_command_is_out_at_both: sqlite, redis, redis_cluster);

fn a_user_disabled_by_command_is_out_at_both(backend: Backend) {
    out_at_both(&backend, "disable", true);
}

on!(a_user_deleted_by_command_is_out_at_both: sqlite, redis, redis_cluster);

fn a_user_deleted_by_command_is_out_at_both(backend: Backend) {
    out_at_both(&backend, "delete", false);
}

fn out_at_both(backend: &Backend, verb: &str, back: bool) {
    let (world, a, b) = two_servers(backend);
    let mut browsers = [&a, &b].map(|server| Browser::new(server.public()));
    let [one, other] = browsers.each_mut().map(|browser| code(browser).unwrap());
    let (access, token) = pair(&redeem(&one).send(a.public()));
    world.json(&["user", verb, USER]);
    for server in [&a, &b] {
        assert!(!is_active(server.public(), "web", &access) && !is_active(server.public(), "web", &token));
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
