//! Who may submit a form, and what becomes of what was entered. E01, E02.

use crate::support::{Browser, World};
use crate::walk;

// E01
#[tokio::test]
async fn a_form_is_taken_from_its_own_session_and_page_only() {
    let world = World::new().await;
    world.furnish().await;
    world.user("second", true).await;
    let mut root = Browser::signed_in(&world, "root").await;
    let (mut other, mut second) =
        (Browser::signed_in(&world, "root").await, Browser::signed_in(&world, "second").await);
    let mut ended = Browser::signed_in(&world, "root").await;
    let of = async |browser: &mut Browser<'_>, path: &str| {
        browser.get(path).await.form().fields.into_iter().find(|(name, _)| name == "csrf").unwrap().1
    };
    let before = world.api.get("/api/export").await.unwrap();
    let forms = walk::forms(&mut root).await;
    for (path, form) in &forms {
        let elsewhere = if path.starts_with("/token") { "/clients/new" } else { "/token" };
        let ended_token = of(&mut ended, path).await;
        let foreign = [
            String::new(),
            "x".repeat(43),
            of(&mut other, path).await,
            of(&mut second, path).await,
            ended_token,
            of(&mut root, elsewhere).await,
        ];
        for token in foreign {
            let filled = [("csrf".to_owned(), token), ("confirm".to_owned(), "svc".to_owned())];
            assert_eq!(root.submit_form(form.clone(), &filled).await.status, 403, "{path}");
        }
    }
    // A session that ended takes its forms with it.
    let page = ended.get("/clients/delete?id=svc").await;
    let cookies = ended.cookies.clone();
    let logout = ended.get("/logout").await;
    ended.submit(&logout, &[]).await.location();
    ended.cookies = cookies;
    assert_eq!(ended.submit(&page, &[("confirm", "svc")]).await.status, 403);
    assert_eq!(world.api.get("/api/export").await.unwrap(), before);
}

// E02
#[tokio::test]
async fn a_form_from_another_site_is_refused() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let before = world.api.get("/api/export").await.unwrap();
    for (path, form) in walk::forms(&mut root).await {
        for header in [
            ("origin", "https://evil.test"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:8080"),
            ("origin", "http://127.0.0.1"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let mut browser = root.clone();
            browser.headers = vec![(header.0, header.1.to_owned())];
            assert_eq!(browser.submit_form(form.clone(), &[]).await.status, 403, "{path} {header:?}");
        }
    }
    assert_eq!(world.api.get("/api/export").await.unwrap(), before);
    let page = root.get("/clients/delete?id=svc").await;
    root.submit(&page, &[("confirm", "svc")]).await.location();
}

#[tokio::test]
async fn what_is_refused_is_told_beside_its_field_and_what_was_entered_stays() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let page = root.get("/clients/new").await;
    let entered = [
        ("client_id", "shop"),
        ("client_name", "The \"shop\""),
        ("redirect_uris", "https://shop.test/cb\nnot a uri"),
        ("grant_types.refresh_token", "on"),
        ("token_endpoint_auth_method", "none"),
        ("require_pkce", ""),
    ];
    let answer = root.submit(&page, &entered).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.page().faults(), Vec::<String>::new());
    answer.assert_shows("href=\"#redirect_uris\"");
    let field = answer.page().all("textarea").find(|tag| tag.get("name") == "redirect_uris").unwrap().clone();
    assert_eq!(field.get("aria-invalid"), "true");
    assert!(field.get("aria-describedby").contains("redirect_uris-problem"));
    let form = answer.form();
    let kept = |name: &str| form.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.trim());
    for (name, value) in entered {
        assert_eq!(kept(name).unwrap_or_default(), value, "{name}");
    }
    assert_eq!(kept("grant_types.authorization_code"), Some("on"));
    // Mended, it is taken.
    let answer = root.submit(&answer, &[("redirect_uris", "https://shop.test/cb")]).await;
    assert_eq!(answer.location(), "/clients/show?id=shop");
    let made = world.api.get("/api/clients/shop").await.unwrap();
    assert_eq!(made["client_name"], "The \"shop\"");
    assert_eq!(made["grant_types"], serde_json::json!(["authorization_code", "refresh_token"]));
}

#[tokio::test]
async fn a_password_is_never_shown_again() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let page = root.get("/users/new").await;
    let answer = root.submit(&page, &[("username", "not a name"), ("password", "hunter2hunter2")]).await;
    assert_eq!(answer.status, 400);
    assert!(!answer.body.contains("hunter2"));
    let page = root.get("/users/set-password?id=alice").await;
    assert_eq!(root.submit(&page, &[]).await.status, 400, "one is needed");
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_not_overwritten() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let page = root.get("/accounts/change?id=35").await;
    world.api.patch("/api/accounts/35", &serde_json::json!({"url": "https://other.test"})).await.unwrap();
    let answer = root.submit(&page, &[("name", "Acme")]).await;
    assert_eq!(answer.status, 412);
    answer.assert_shows("value=\"Acme\"");
    assert_eq!(world.api.get("/api/accounts/35").await.unwrap()["url"], "https://other.test");
}
