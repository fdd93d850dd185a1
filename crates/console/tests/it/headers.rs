//! The headers of pages, those of errors among them. F01, F02, F05, F06.

use crate::support::{Answer, Browser, World};
use crate::walk;

fn check(what: &str, answer: &Answer) {
    let policy = answer.header("content-security-policy");
    for directive in [
        "default-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(directive), "{what}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("content-type", "text/html; charset=utf-8"),
    ] {
        assert_eq!(answer.header(name), value, "{what}: {name}");
    }
    assert_eq!(answer.header("access-control-allow-origin"), "", "{what}");
    assert_eq!(answer.body.contains("<script"), policy.contains("script-src"), "{what}");
}

#[tokio::test]
async fn every_page_forbids_frames_and_scripts() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    for path in walk::all(&mut root).await {
        check(&path, &root.get(&path).await);
    }
    check("not found", &root.get("/nothing").await);
    check("forged", &root.post("/clients/new", &[]).await);
    let page = root.get("/users/new").await;
    check("refused", &root.submit(&page, &[]).await);
    check("once", &root.submit(&page, &[("username", "bob")]).await);
    check("not allowed", &Browser::smuggled(&world, "alice").await.get("/clients").await);
    check("login", &Browser::at_desk(&world).get("/login").await);
}
