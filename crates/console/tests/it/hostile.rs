//! Names that are not meant well. Q01, Q04.

use crate::html::Page;
use crate::support::{Browser, HOSTILE, World};
use crate::walk;

// Q01, Q04
#[tokio::test]
async fn a_hostile_text_is_a_text_on_every_page() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let mut shown = 0;
    for path in walk::all(&mut root).await {
        let answer = root.get(&path).await;
        for payload in ["<script>alert", "<img src=x", "<b>../web"] {
            assert!(!answer.body.contains(payload), "{path}: {}", answer.body);
        }
        shown += usize::from(answer.body.contains("&#60;script&#62;alert(1)"));
        for tag in answer.page().0 {
            let is_ours = tag.name == "img" && tag.get("src").starts_with("/clients/logo/image?id=");
            assert!(is_ours || !["script", "img", "b"].contains(&tag.name.as_str()), "{path}: {tag:?}");
        }
    }
    assert!(shown > 8, "it is on {shown} pages, so little was tried");
}

#[tokio::test]
async fn what_is_asked_for_is_shown_as_a_text() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let query: String = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    for path in [
        format!("/clients?prefix={query}"),
        format!("/clients?prefix=x&name={query}"),
        format!("/clients?after={query}"),
        format!("/users/show?id={query}"),
        format!("/users/delete?id={query}"),
        format!("/sessions/end?id={query}&of={query}"),
        format!("/keys/retire?id={query}"),
        format!("/grants?user={query}"),
        format!("/nothing?{query}"),
        format!("/?live={query}&ui_locales={query}"),
    ] {
        let answer = root.get(&path).await;
        assert!(!answer.status.is_server_error(), "{path}: {}", answer.status);
        assert!(!answer.body.contains("<script>") && !answer.body.contains("<img"), "{path}");
    }
}

#[tokio::test]
async fn an_id_that_looks_like_a_path_is_an_id() {
    let world = World::new().await;
    for id in ["..", "../users/root", "a/b", "a?b=c#d", "a b&c", "%2e%2e"] {
        let client = serde_json::json!({"client_id": id, "redirect_uris": ["https://app.test/cb"]});
        world.api.post("/api/clients", &client).await.unwrap();
    }
    let mut root = Browser::signed_in(&world, "root").await;
    let list = root.get("/clients").await;
    let shown: Vec<String> =
        list.page().links().into_iter().filter(|link| link.starts_with("/clients/show")).collect();
    assert_eq!(shown.len(), 6);
    for path in shown {
        let page = root.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        let delete =
            page.page().links().into_iter().find(|link| link.starts_with("/clients/delete")).unwrap();
        let page = root.get(&delete).await;
        let id =
            form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes()).next().unwrap().1.into_owned();
        assert_eq!(root.submit(&page, &[("confirm", &id)]).await.location(), "/clients", "{id}");
    }
    assert!(world.api.all("/api/clients").await.unwrap().is_empty());
    assert_eq!(world.api.all("/api/users").await.unwrap().len(), 2);
}

#[test]
fn the_reader_sees_what_a_browser_would() {
    let tags = Page::read("<b>&#60;i&#62;</b>").0;
    assert_eq!((tags.len(), tags[0].text.as_str()), (1, "<i>"));
}
