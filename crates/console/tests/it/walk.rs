//! Every link and every form of the console, from the first page on.

use std::collections::{BTreeSet, VecDeque};

use axum::http::Method;

use crate::html::Form;
use crate::support::{Answer, Browser, World};

/// What one page weighs at most over the wire.
const HEAVY: usize = 50 * 1024;

/// Every page that can be come to, by links and by forms that only ask.
async fn walk(browser: &mut Browser<'_>, mut see: impl FnMut(&str, &Answer)) {
    let mut found = BTreeSet::from(["/".to_owned()]);
    let mut next = VecDeque::from(["/".to_owned()]);
    while let Some(path) = next.pop_front() {
        let answer = browser.get(&path).await;
        see(&path, &answer);
        let page = answer.page();
        let asking = page.forms().into_iter().filter(|form| form.method == "get").map(|form| form.action);
        for path in page.links().into_iter().chain(asking) {
            if found.insert(path.clone()) {
                next.push_back(path);
            }
        }
    }
}

/// The paths of all of them.
pub(crate) async fn all(browser: &mut Browser<'_>) -> Vec<String> {
    let mut paths = Vec::new();
    walk(browser, |path, _| paths.push(path.to_owned())).await;
    paths
}

/// Every form that changes something, by the page it is on.
pub(crate) async fn forms(browser: &mut Browser<'_>) -> Vec<(String, Form)> {
    let mut forms = Vec::new();
    walk(browser, |path, answer| {
        let posting = answer.page().forms().into_iter().filter(|form| form.method == "post");
        forms.extend(posting.map(|form| (path.to_owned(), form)));
    })
    .await;
    forms
}

#[tokio::test]
async fn every_link_leads_somewhere_and_every_page_can_be_used() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let (mut count, mut kinds) = (0, BTreeSet::new());
    walk(&mut root, |path, answer| {
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.body.len() < HEAVY, "{path} has {} bytes", answer.body.len());
        assert_eq!(answer.page().faults(), Vec::<String>::new(), "{path}");
        kinds.insert(path.split('?').next().unwrap().to_owned());
        count += 1;
    })
    .await;
    for kind in [
        "/clients/show",
        "/clients/new",
        "/clients/change",
        "/clients/delete",
        "/clients/logo",
        "/clients/delete-logo",
        "/users/show",
        "/users/disable",
        "/sessions/end",
        "/accounts/show",
        "/session-tokens/delete",
        "/registration-keys/delete",
        "/keys/retire",
        "/keys/rotate",
        "/profiles/show",
        "/grants/show",
        "/grants/revoke",
        "/audit",
        "/token",
        "/server",
        "/expiring",
        "/logout",
    ] {
        assert!(kinds.contains(kind), "nothing leads to {kind}: {kinds:?}");
    }
    assert!(count > 60, "{count}");
}

#[tokio::test]
async fn every_form_is_answered_as_it_stands_and_empty() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let forms = forms(&mut root).await;
    assert!(forms.len() > 30, "{}", forms.len());
    // What would end the walker's own session is last.
    let ends = |form: &Form| form.action == "/logout" || form.action.ends_with("id=root");
    let (own, others): (Vec<_>, Vec<_>) = forms.into_iter().partition(|(_, form)| ends(form));
    for (path, form) in others.into_iter().chain(own.into_iter().filter(|(path, _)| path != "/logout")) {
        let visible: Vec<_> = form.names.iter().map(|name| (name.clone(), String::new())).collect();
        for filled in [&visible[..], &[]] {
            let answer = root.submit_form(form.clone(), filled).await;
            if answer.status == 403 && !answer.body.contains("role=\"alert\"") {
                // The session ended with what was done.
                root = Browser::signed_in(&world, "root").await;
                continue;
            }
            let told = answer.status.is_client_error() && answer.body.contains("role=\"alert\"");
            let gone = answer.status == 404 && filled.is_empty();
            let fine = [200, 303].contains(&answer.status.as_u16());
            assert!(fine || told || gone, "{path}: {} {}", answer.status, answer.body);
        }
    }
}

// E06
#[tokio::test]
async fn to_look_at_a_page_changes_nothing() {
    let world = World::new().await;
    world.furnish().await;
    let everything = async || {
        let mut all = vec![world.api.get("/api/export").await.unwrap()];
        for path in [
            "grants",
            "keys",
            "session-tokens",
            "registration-keys",
            "users/root/sessions",
            "users/alice/sessions",
        ] {
            all.push(world.api.get(&format!("/api/{path}")).await.unwrap());
        }
        all
    };
    let mut root = Browser::signed_in(&world, "root").await;
    let before = everything().await;
    let paths = all(&mut root).await;
    for path in &paths {
        let answer = root.send(Method::HEAD, path, String::new()).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""), "{path}");
    }
    assert_eq!(everything().await, before);
    let page = root.get("/clients/delete?id=svc").await;
    root.submit(&page, &[("confirm", "svc")]).await.location();
    assert_ne!(everything().await, before, "else the line above shows nothing");
}
