//! Who gets in. P20, K09.

use axum::http::{Method, StatusCode};
use grantor_admin::{Caller, PROFILE, operations};
use grantor_core::SubjectId;
use serde_json::json;

use crate::checked::Ask;
use crate::world::World;

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"];

/// Every path there is, and some that are none, by every method.
fn everything() -> Vec<(Method, String)> {
    let known = operations().into_iter().map(|operation| operation.path.replace(['{', '}'], ""));
    let paths = known.chain(["/api", "/api/", "/api/nothing", "/api/clients/a/b/c"].map(str::to_owned));
    let with = |path: String| METHODS.map(|method| (method.parse().unwrap(), path.clone()));
    paths.flat_map(with).collect()
}

#[tokio::test]
async fn without_a_token_every_method_of_every_path_is_refused_with_a_challenge() {
    let world = World::new().await;
    let elsewhere = world.user("root", true, "standard").await;
    for (method, path) in everything() {
        // HEAD has no body to look at.
        if method == Method::HEAD {
            continue;
        }
        for header in [None, Some("Bearer gra_st_nonsense"), Some("Basic cm9vdDpyb290"), Some("Bearer")] {
            let ask = Ask::new(method.clone(), &path).wrong();
            let ask = header.into_iter().fold(ask, |ask, value| ask.header("authorization", value));
            let sent = world.send(ask).await;
            assert_eq!(sent.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert!(sent.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer realm="));
        }
        let sent = world.send(Ask::new(method, &path).token(elsewhere.expose()).wrong()).await;
        assert_eq!(sent.status, StatusCode::UNAUTHORIZED, "an admin's token of another profile");
    }
}

// P20
#[tokio::test]
async fn who_is_no_administrator_is_refused_by_every_method_of_every_path() {
    let world = World::new().await;
    let alice = world.user("alice", false, PROFILE).await;
    let subject = SubjectId::parse("alice").unwrap();
    for (method, path) in everything() {
        if method == Method::HEAD {
            continue;
        }
        let sent = world.send(Ask::new(method.clone(), &path).token(alice.expose()).wrong()).await;
        assert_eq!(sent.status, StatusCode::FORBIDDEN, "{method} {path}");
        let within = Ask::new(method, &path).by(Caller::Admin(subject.clone())).wrong();
        assert_eq!(world.send(within).await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn an_administrator_gets_in_until_he_is_none() {
    let world = World::new().await;
    let root = world.user("root", true, PROFILE).await;
    world.user("other", true, PROFILE).await;
    let subject = SubjectId::parse("root").unwrap();
    let list = || Ask::new(Method::GET, "/api/clients");
    let both = async || {
        let token = world.send(list().token(root.expose())).await.status.as_u16();
        (token, world.send(list().by(Caller::Admin(subject.clone()))).await.status.as_u16())
    };
    assert_eq!(both().await, (200, 200));
    world.directory.update_user(&subject, |profile| profile.admin = false).await.unwrap().unwrap();
    assert_eq!(both().await, (403, 403));
    world.directory.update_user(&subject, |profile| profile.admin = true).await.unwrap().unwrap();
    world.directory.disable_user(&subject, world.engine.now()).await.unwrap().unwrap();
    assert_eq!(both().await, (401, 401));
    world.directory.delete_user(&subject, world.engine.now()).await.unwrap().unwrap();
    assert_eq!(both().await, (401, 401));
}

#[tokio::test]
async fn what_is_not_there_is_told_by_a_problem() {
    let world = World::new().await;
    let sent = world.send(Ask::new(Method::GET, "/api/nothing").by(Caller::Operator).wrong()).await;
    assert_eq!((sent.status.as_u16(), &sent.body["code"]), (404, &json!("not_found")));
    let sent = world.send(Ask::new(Method::PUT, "/api/clients/web").by(Caller::Operator).wrong()).await;
    assert_eq!((sent.status.as_u16(), &sent.body["code"]), (405, &json!("method_not_allowed")));
    assert_eq!(sent.headers["allow"], "GET,HEAD,PATCH,DELETE");
}
