//! Clients.

use axum::http::Method;
use grantor_admin::{Caller, at};
use serde_json::{Value, json};

use crate::checked::Ask;
use crate::world::World;

/// A picture of one pixel.
pub(crate) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=";

fn web() -> Value {
    json!({
        "client_id": "web", "client_name": "Web", "redirect_uris": ["https://app.test/cb"], "scope": "read write",
        "grant_types": ["authorization_code", "refresh_token"],
    })
}

#[tokio::test]
async fn a_client_is_made_shown_changed_and_deleted() {
    let world = World::new().await;
    let made = world.post("/api/clients", web()).await;
    assert_eq!(made.status, 201);
    assert!(made.body["client_secret"].as_str().unwrap().starts_with("gra_cs_"));
    let shown = world.get("/api/clients/web").await;
    assert_eq!((&shown.body["client_name"], &shown.body["client_secret"]), (&json!("Web"), &Value::Null));
    assert_eq!(shown.headers["etag"], made.headers["etag"]);
    let changed = world.patch("/api/clients/web", json!({"client_name": null, "scope": "read"})).await;
    assert_eq!((&changed.body["client_name"], &changed.body["scope"]), (&Value::Null, &json!("read")));
    assert_eq!(changed.body["redirect_uris"], shown.body["redirect_uris"]);
    assert_ne!(changed.headers["etag"], shown.headers["etag"]);
    let rotated = world.post("/api/clients/web/rotate-secret", json!({"overlap": "1h"})).await;
    assert_ne!(rotated.body["client_secret"], made.body["client_secret"]);
    assert_eq!(world.delete("/api/clients/web").await.body, json!({"client_id": "web", "deleted": true}));
    for ask in [
        Ask::new(Method::GET, "/api/clients/web"),
        Ask::new(Method::DELETE, "/api/clients/web"),
        Ask::new(Method::PATCH, "/api/clients/web").json(&json!({})),
        Ask::new(Method::POST, "/api/clients/web/rotate-secret"),
    ] {
        assert_eq!(world.send(ask.by(Caller::Operator)).await.status, 404);
    }
    let again = world.post("/api/clients", web()).await;
    assert_eq!((again.status.as_u16(), &again.body["field"]), (409, &json!("client_id")));
}

#[tokio::test]
async fn what_is_not_said_of_a_client_is_filled_in() {
    let world = World::new().await;
    let service = world.post("/api/clients", json!({"grant_types": ["client_credentials"]})).await;
    assert!(service.body["client_id"].as_str().unwrap().len() >= 16);
    let server = world.post("/api/clients", json!({"audience": "https://api.test"})).await;
    assert_eq!(server.body["grant_types"], json!([]));
    let given = json!({"grant_types": ["client_credentials"], "client_secret": "a secret of mine"});
    let given = world.post("/api/clients", given).await;
    assert_eq!(given.body["client_secret"], Value::Null);
}

#[tokio::test]
async fn a_refused_field_is_named_and_nothing_secret_is_repeated() {
    let world = World::new().await;
    world.post("/api/clients", web()).await;
    for (changes, field) in [
        (json!({"client_secret": {"a-secret": 1}}), "client_secret"),
        (json!({"redirect_uris": ["https://app.test/cb", "http://app.test/cb"]}), "redirect_uris[1]"),
        (json!({"redirect_uris": []}), "redirect_uris"),
        (json!({"grant_types": ["a-secret"]}), "grant_types[0]"),
        (json!({"logo_uri": "http://app.test/"}), "logo_uri"),
        (json!({"default_scope": "admin"}), "default_scope"),
        (json!({"client_id": "other"}), "client_id"),
        (json!({"token_endpoint_auth_method": "api_key"}), "token_endpoint_auth_method"),
    ] {
        let ask = Ask::new(Method::PATCH, "/api/clients/web").json(&changes).by(Caller::Operator).wrong();
        let sent = world.send(ask).await;
        assert_eq!((sent.status.as_u16(), &sent.body["field"]), (400, &json!(field)), "{}", sent.body);
    }
    let unknown = Ask::new(Method::POST, "/api/clients").json(&json!({"name": "x"})).by(Caller::Operator);
    let unknown = world.send(unknown.wrong()).await;
    assert!(unknown.body["detail"].as_str().unwrap().contains("unknown field `name`"), "{}", unknown.body);
    let broken = Ask::new(Method::POST, "/api/clients").text("{\"client_secret\": \"a-secret\" oops");
    let broken =
        world.send(broken.header("content-type", "application/json").by(Caller::Operator).wrong()).await;
    assert!(broken.body["detail"].as_str().unwrap().contains("line 1, column "), "{}", broken.body);
    assert!(!broken.body.to_string().contains("a-secret"));
    let profile = world.post("/api/clients", json!({"profile": "flex"})).await;
    assert_eq!((profile.status.as_u16(), &profile.body["field"]), (400, &json!("profile")));
}

#[tokio::test]
async fn a_client_is_given_a_picture_within_the_bounds_that_hold_for_everybody() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let world = World::new().await;
    world.post("/api/clients", web()).await;
    let path = "/api/clients/web/logo";
    let put = |body: Value| Ask::new(Method::PUT, path).json(&body).by(Caller::Operator);
    assert_eq!(world.send(Ask::new(Method::GET, path).by(Caller::Operator)).await.status, 404);
    let set = world.send(put(json!({"picture": PIXEL}))).await;
    assert_eq!(set.body, json!({"client_id": "web", "has_logo": true}));
    let shown = world.get(path).await.body;
    let pixel = json!({"client_id": "web", "type": "image/png", "width": 1, "height": 1, "picture": PIXEL});
    assert_eq!(shown, pixel);
    let too_large = [STANDARD.decode(PIXEL).unwrap(), vec![0; 32 * 1024]].concat();
    for (picture, why) in [
        ("?", "base64"),
        (&STANDARD.encode("<svg xmlns='http://www.w3.org/2000/svg'/>"), "not a PNG, a JPEG or a WebP"),
        (&STANDARD.encode(too_large), "too large"),
    ] {
        let sent = world.send(put(json!({"picture": picture}))).await;
        assert_eq!((sent.status.as_u16(), &sent.body["field"]), (400, &json!("picture")));
        assert!(sent.body["detail"].as_str().unwrap().contains(why), "{}", sent.body);
    }
    for wrong in [json!({}), json!({"picture": 1}), json!({"picture": PIXEL, "url": "https://a.test"})] {
        assert_eq!(world.send(put(wrong).wrong()).await.status, 400);
    }
    assert_eq!(world.get(path).await.body, pixel, "what was refused changed nothing");
    assert_eq!(world.delete(path).await.body, json!({"client_id": "web", "has_logo": false}));
    assert_eq!(world.send(Ask::new(Method::GET, path).by(Caller::Operator)).await.status, 404);
    let nobody = Ask::new(Method::PUT, "/api/clients/nobody/logo").json(&json!({"picture": PIXEL}));
    assert_eq!(world.send(nobody.by(Caller::Operator)).await.status, 404);
}

#[tokio::test]
async fn who_changes_what_another_changed_meanwhile_is_told() {
    let world = World::new().await;
    let made = world.post("/api/clients", web()).await;
    let tag = made.headers["etag"].to_str().unwrap();
    let change = |name: &str, tag: &str| {
        let ask = Ask::new(Method::PATCH, "/api/clients/web").json(&json!({"client_name": name}));
        ask.header("if-match", tag).by(Caller::Operator)
    };
    let first = world.send(change("First", tag)).await;
    assert_eq!(first.status, 200);
    assert_eq!(world.send(change("Second", tag)).await.status, 412);
    assert_eq!(world.get("/api/clients/web").await.body["client_name"], "First");
    assert_eq!(world.send(change("Second", first.headers["etag"].to_str().unwrap())).await.status, 200);
    assert_eq!(world.send(change("Third", "*")).await.status, 200);
}

#[tokio::test]
async fn a_list_comes_in_parts() {
    let world = World::new().await;
    for n in 0..7 {
        let client = json!({"client_id": format!("c{n}"), "grant_types": ["client_credentials"]});
        world.post("/api/clients", client).await;
    }
    let (mut ids, mut path) = (Vec::new(), "/api/clients?limit=3".to_owned());
    loop {
        let page = world.get(&path).await.body;
        ids.extend(
            page["items"].as_array().unwrap().iter().map(|c| c["client_id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/clients?limit=3&after={next}");
    }
    assert_eq!(ids, ["c0", "c1", "c2", "c3", "c4", "c5", "c6"]);
    assert_eq!(world.api.within(Caller::Operator).all("/api/clients").await.unwrap().len(), 7);
    for query in
        ["limit=0", "limit=501", "limit=-1", "limit=x", "limit=1&limit=2", "before=c", "after=%C3%A9"]
    {
        let ask = Ask::new(Method::GET, &format!("/api/clients?{query}")).by(Caller::Operator).wrong();
        assert_eq!(world.send(ask).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn any_id_that_a_client_can_have_can_be_asked_for() {
    let world = World::new().await;
    for id in
        ["a b", "a/b", "a+b%2F?x=1#y", "{a}", "~!@$&'()*,;=:\"<>[]\\^`|", "https://app.test/client.json"]
    {
        let client = json!({"client_id": id, "grant_types": ["client_credentials"]});
        assert_eq!(world.post("/api/clients", client).await.status, 201);
        assert_eq!(world.get(&at("clients", id)).await.body["client_id"], id);
        assert_eq!(world.delete(&at("clients", id)).await.status, 200);
    }
}

#[tokio::test]
async fn a_body_is_json_and_no_larger_than_it_may_be() {
    let world = World::new().await;
    let ask = || Ask::new(Method::POST, "/api/clients").by(Caller::Operator).wrong();
    let form = ask().text("client_id=web").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(world.send(form).await.status, 415);
    assert_eq!(world.send(ask().text("{}")).await.status, 415);
    let large = format!("{{\"client_name\": \"{}\"}}", "a".repeat(64 * 1024));
    let large = ask().text(&large).header("content-type", "application/json");
    assert_eq!(world.send(large).await.status, 413);
    let list = ask().text("[]").header("content-type", "application/json");
    assert_eq!(world.send(list).await.status, 400);
}

#[tokio::test]
async fn of_several_things_that_are_asked_by_all_must_hold() {
    let world = World::new().await;
    world.post("/api/users", json!({"username": "alice"})).await;
    for (id, name, owner) in [
        ("a1", "Acme Video", "alice"),
        ("a2", "Acme Audio", "alice"),
        ("b1", "Acme Video", "alice"),
        ("a3", "Acme Video", ""),
    ] {
        let mut client =
            json!({"client_id": id, "client_name": name, "redirect_uris": ["https://a.test/cb"]});
        if !owner.is_empty() {
            client["owner"] = owner.into();
        }
        world.post("/api/clients", client).await;
    }
    let ids = async |query: &str| -> Vec<String> {
        let page = world.get(&format!("/api/clients?{query}")).await.body;
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["client_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("owner=alice&name=video").await, ["a1", "b1"]);
    assert_eq!(ids("owner=alice&name=video&prefix=a").await, ["a1"]);
    assert_eq!(ids("owner=alice&prefix=a&limit=1").await, ["a1"]);
    assert_eq!(ids("owner=alice&prefix=a&after=a1").await, ["a2"]);
    assert_eq!(ids("name=video&prefix=a").await, ["a1", "a3"]);
    assert!(ids("owner=alice&name=nothing").await.is_empty());
}
