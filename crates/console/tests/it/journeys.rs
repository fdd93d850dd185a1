//! What operators do, from the first page to the end of it.

use axum::http::Method;
use serde_json::json;

use crate::support::{Browser, PASSWORD, PIXEL, World, shop_asks};

/// What is shown this once.
fn secret(body: &str) -> String {
    let page = crate::html::Page::read(body);
    let value = page.all("input").find(|tag| tag.get("id") == "once").map(|tag| tag.get("value").to_owned());
    value.unwrap_or_else(|| panic!("{body}"))
}

#[tokio::test]
async fn a_client_from_its_registration_to_its_end() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let page = root.get("/clients/new").await;
    let answer = root
        .submit(
            &page,
            &[("client_name", "Shop"), ("redirect_uris", "https://shop.test/cb"), ("scope", "read")],
        )
        .await;
    assert_eq!(answer.status, 200);
    let first = secret(&answer.body);
    assert!(first.starts_with("gra_cs_"), "{first}");
    let show = answer.page().links().into_iter().find(|link| link.starts_with("/clients/show?id=")).unwrap();
    let id = show.split_once("id=").unwrap().1.to_owned();
    assert!(!root.get(&show).await.body.contains(&first), "it is shown once");

    let page = root.get(&format!("/clients/change?id={id}")).await;
    let answer = root
        .submit(&page, &[("client_name", "Shop 2"), ("redirect_uris", "https://a.test/\nhttps://b.test/")])
        .await;
    assert_eq!(answer.location(), show);
    root.get(&show).await.assert_shows("https://b.test/");

    let page = root.get(&format!("/clients/rotate-secret?id={id}")).await;
    let answer = root.submit(&page, &[("overlap", "1d")]).await;
    assert_ne!(secret(&answer.body), first);
    let details = world.api.get(&format!("/api/clients/{id}/details")).await.unwrap();
    assert_eq!(details["secrets"].as_array().unwrap().len(), 2);
    let overview = root.get("/").await;
    overview.assert_shows(&id);

    for (act, disabled) in [("disable", true), ("enable", false)] {
        let page = root.get(&format!("/clients/{act}?id={id}")).await;
        assert_eq!(root.submit(&page, &[]).await.location(), show);
        let client = world.api.get(&format!("/api/clients/{id}")).await.unwrap();
        assert_eq!(client["disabled"].as_bool().unwrap_or(false), disabled);
    }

    let page = root.get(&format!("/clients/delete?id={id}")).await;
    let answer = root.submit(&page, &[("confirm", "another")]).await;
    assert_eq!(answer.status, 400);
    answer.assert_shows("confirm-problem");
    assert_eq!(root.submit(&page, &[("confirm", &id)]).await.location(), "/clients");
    assert_eq!(root.get(&show).await.status, 404);
}

#[tokio::test]
async fn a_user_and_his_accounts() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let page = root.get("/accounts/new").await;
    let answer = root.submit(&page, &[("id", "35"), ("name", "Acme")]).await;
    assert_eq!(answer.location(), "/accounts/show?id=35");

    let page = root.get("/users/new").await;
    let entered =
        [("username", "bob"), ("email", "Bob@Example.test"), ("accounts", "35 manager\n36 the viewer")];
    let answer = root.submit(&page, &entered).await;
    assert_eq!(secret(&answer.body).len(), 24, "a password was made");
    let bob = world.api.get("/api/users/bob").await.unwrap();
    assert_eq!(bob["accounts"], json!([{"id": "35", "role": "manager"}, {"id": "36", "role": "the viewer"}]));
    root.get("/users/show?id=bob").await.assert_shows("there is no account 36");
    root.get("/users?email=bob%40example.test").await.assert_shows("/users/show?id=bob");

    let page = root.get("/users/set-password?id=bob").await;
    root.submit(&page, &[("password", PASSWORD)]).await.location();
    let page = root.get("/users/make-admin?id=bob").await;
    root.submit(&page, &[]).await.location();
    let mut bob = Browser::signed_in(&world, "bob").await;

    let user = root.get("/users/show?id=bob").await;
    let end = user.page().links().into_iter().find(|link| link.starts_with("/sessions/end")).unwrap();
    let page = root.get(&end).await;
    assert_eq!(root.submit(&page, &[]).await.location(), "/users/show?id=bob");
    assert_eq!(bob.get("/").await.location(), "/login");

    for (act, state) in [("disable", "disabled"), ("enable", "active")] {
        let page = root.get(&format!("/users/{act}?id=bob")).await;
        root.submit(&page, &[]).await.location();
        assert_eq!(world.api.get("/api/users/bob").await.unwrap()["state"], state);
    }
    let page = root.get("/users/delete?id=bob").await;
    assert_eq!(root.submit(&page, &[("confirm", "bob")]).await.location(), "/users");
    assert_eq!(root.get("/users/show?id=bob").await.status, 404);
}

#[tokio::test]
async fn a_list_is_paged_from_its_beginning_to_its_end_and_back() {
    let world = World::new().await;
    for n in 0..120 {
        world.api.post("/api/accounts", &json!({"id": format!("a{n:03}")})).await.unwrap();
    }
    let mut root = Browser::signed_in(&world, "root").await;
    let (mut path, mut seen, mut pages) = ("/accounts?prefix=a".to_owned(), Vec::new(), 0);
    loop {
        let answer = root.get(&path).await;
        let links = answer.page();
        seen.extend(links.links().into_iter().filter(|link| link.starts_with("/accounts/show")));
        pages += 1;
        assert_eq!(links.all("a").any(|link| link.get("href") == "/accounts?prefix=a"), pages > 1, "{path}");
        let Some(next) = links.all("a").find(|link| link.get("rel") == "next") else { break };
        path = next.get("href").to_owned();
    }
    assert_eq!((seen.len(), pages), (120, 5));
    seen.dedup();
    assert_eq!(seen.len(), 120);
    assert_eq!(
        root.get("/accounts?prefix=a11").await.page().links().len(),
        10 + links_around(&mut root).await
    );
}

/// How many links there are on a list of nothing.
async fn links_around(root: &mut Browser<'_>) -> usize {
    root.get("/accounts?prefix=nothing").await.page().links().len()
}

#[tokio::test]
async fn a_token_is_looked_up_and_revoked_without_a_trace_in_an_address() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let page = root.get("/token").await;
    let answer = root.submit(&page, &[("token", ""), ("do", "find")]).await;
    assert_eq!(answer.status, 400);
    let answer = root.submit(&page, &[("token", "nonsense"), ("do", "find")]).await;
    answer.assert_shows("role=\"status\"");
    answer.assert_shows("class=\"notice plain\"");
    let answer = root.submit(&page, &[("token", "nonsense"), ("do", "end")]).await;
    answer.assert_shows("It is worth nothing");
    // One that is worth something.
    let token = world.token().await;
    let answer = root.submit(&page, &[("token", &token), ("do", "find")]).await;
    for link in ["/clients/show?id=shop", "/users/show?id=alice", "/grants?user=alice&#38;client=shop"] {
        answer.assert_shows(link);
    }
    let grants = root.get("/grants?user=alice&client=shop").await;
    let grant = grants.page().links().into_iter().find(|link| link.starts_with("/grants/show?id=")).unwrap();
    root.get(&grant).await.assert_shows("/grants/revoke?id=");
    // It is asked first whether it is to end, and it is told whose it is.
    let asked = root.submit(&answer, &[("token", &token), ("do", "end")]).await;
    asked.assert_shows("Revoke this token?");
    asked.assert_shows("/users/show?id=alice");
    root.submit(&page, &[("token", &token), ("do", "find")]).await.assert_shows("/clients/show?id=shop");
    let answer = root.submit(&asked, &[("do", "revoke")]).await;
    answer.assert_shows("It was revoked.");
    let answer = root.submit(&answer, &[("token", &token), ("do", "find")]).await;
    answer.assert_shows("It is worth nothing");
}

// W04, P20
#[tokio::test]
async fn what_operators_do_is_in_the_audit_trail_and_can_be_found_there() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let page = root.get("/clients/new").await;
    let answer =
        root.submit(&page, &[("client_id", "shop"), ("redirect_uris", "https://shop.test/cb")]).await;
    let secret = secret(&answer.body);
    let page = root.get("/users/set-password?id=alice").await;
    root.submit(&page, &[("password", "a new password of hers")]).await.location();
    let trail = async |root: &mut Browser<'_>, query: &str| {
        let answer = root.get(&format!("/audit?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        assert!(!answer.body.contains(&secret) && !answer.body.contains("a new password"));
        answer
    };
    let all = trail(&mut root, "").await;
    for told in [
        "client.create",
        "user.update",
        "/clients/show?id=shop",
        "/users/show?id=alice",
        "/users/show?id=root",
    ] {
        all.assert_shows(told);
    }
    for (query, finds) in [
        ("kind=operator_acted&by=operator%3Aroot&client=shop", true),
        ("kind=logged_in&client=shop", false),
        ("by=operator%3Aalice", false),
        ("subject=alice", true),
        ("since=2023-11-14T22%3A14", true),
        ("since=2023-11-14T22%3A15", false),
        ("until=2023-11-14T22%3A14", false),
    ] {
        let answer = trail(&mut root, query).await;
        assert_eq!(answer.body.contains("operator acted</span>"), finds, "{query}");
    }
    let answer = root.get("/audit?since=yesterday").await;
    assert_eq!(answer.status, 400);
    answer.assert_shows("role=\"alert\"");
    assert_eq!(root.get("/audit?by=nonsense").await.status, 400);
}

#[tokio::test]
async fn the_first_page_plots_what_goes_on() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let overview = root.get("/").await;
    assert_eq!(overview.page().all("svg").count(), 5, "nothing was refused, so that is no chart");
    overview.assert_shows("<strong>2 ms at most</strong>");
    for said in ["p99: 99 of 100", "p50: half", "Time (UTC)", "As a table", "The store was away"] {
        overview.assert_shows(said);
    }
    assert_eq!(root.get("/clients/show?id=shop").await.page().all("svg").count(), 1);
}

#[tokio::test]
async fn credentials_are_shown_once_and_ended_for_good() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    for (thing, entered) in [
        ("session-tokens", &[("user", "alice"), ("profile", "admin"), ("expires_in", "7d")][..]),
        ("registration-keys", &[("profile", "standard")]),
    ] {
        let page = root.get(&format!("/{thing}/new")).await;
        let answer = root.submit(&page, entered).await;
        assert!(secret(&answer.body).starts_with("gra_"), "{thing}");
        let list = root.get(&format!("/{thing}")).await;
        assert!(!list.body.contains(&secret(&answer.body)));
        let delete = list.page().links().into_iter().find(|link| link.contains("/delete?id=")).unwrap();
        let page = root.get(&delete).await;
        assert_eq!(root.submit(&page, &[]).await.location(), format!("/{thing}"));
        assert!(!root.get(&format!("/{thing}")).await.body.contains("/delete?id="), "{thing}");
    }
}

#[tokio::test]
async fn signing_keys_are_rotated_and_retired() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let keys = async || world.api.get("/api/keys").await.unwrap()["items"].as_array().unwrap().clone();
    let before = keys().await;
    let page = root.get("/keys/rotate").await;
    assert_eq!(root.submit(&page, &[]).await.location(), "/keys");
    assert_eq!(keys().await.len(), before.len() + 1);
    // The one that signs cannot go; the new one does not sign yet.
    let all = keys().await;
    let kid = all.iter().find(|key| !before.iter().any(|old| old["kid"] == key["kid"])).unwrap()["kid"]
        .as_str()
        .unwrap();
    let page = root.get(&format!("/keys/retire?id={kid}")).await;
    assert_eq!(root.submit(&page, &[]).await.status, 400, "its id is to be typed");
    let answer = root.submit(&page, &[("confirm", kid)]).await;
    assert_eq!(answer.location(), "/keys");
    assert!(keys().await.iter().all(|key| key["kid"] != kid || key["state"] == "retired"));
}

#[tokio::test]
async fn who_acts_for_an_account_is_told_on_its_page() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    root.get("/accounts/show?id=36").await.assert_shows("/users/show?id=alice");
    assert!(!root.get("/accounts/show?id=36").await.body.contains("/users/show?id=root"));
    root.get("/users?account=36&prefix=al").await.assert_shows("/users/show?id=alice");
    assert!(!root.get("/users?account=36&prefix=b").await.body.contains("/users/show?id=alice"));
}

#[tokio::test]
async fn several_fields_of_a_search_are_asked_together() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    for (query, finds) in
        [("prefix=sh&name=Shop", true), ("prefix=x&name=Shop", false), ("name=Shop&owner=alice", false)]
    {
        let answer = root.get(&format!("/clients?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        assert_eq!(answer.body.contains("/clients/show?id=shop"), finds, "{query}");
    }
}

#[tokio::test]
async fn a_profile_is_chosen_among_those_there_are() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    for (path, chosen) in [("/clients/new", ""), ("/session-tokens/new", "admin")] {
        let page = root.get(path).await;
        let names: Vec<_> = page.page().all("select").map(|tag| tag.get("name").to_owned()).collect();
        assert!(names.contains(&"profile".to_owned()), "{path}: {names:?}");
        page.assert_shows("<option value=\"standard\"");
        let profile = page.form().fields.into_iter().find(|(name, _)| name == "profile");
        assert_eq!(profile.map(|(_, value)| value).unwrap_or_default(), chosen, "{path}");
    }
}

#[tokio::test]
async fn what_ends_something_is_red_and_a_new_secret_leaves_time_to_change_over() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let grants = root.get("/grants").await;
    let grant = grants.page().links().into_iter().find(|link| link.starts_with("/grants/show?id=")).unwrap();
    root.get(&grant).await.assert_shows("class=\"button danger\" href=\"/grants/revoke?id=");
    for (path, class) in [
        (grant.replace("show", "revoke"), "danger"),
        ("/users/disable?id=alice".to_owned(), "danger"),
        ("/users/make-admin?id=alice".to_owned(), "primary"),
    ] {
        root.get(&path).await.assert_shows(&format!("<button type=\"submit\" class=\"{class}\">"));
    }
    let page = root.get("/clients/rotate-secret?id=svc").await;
    let overlap = page.form().fields.into_iter().find(|(name, _)| name == "overlap").unwrap().1;
    assert_eq!(overlap, "7d");
}

#[tokio::test]
async fn the_trail_tells_which_operator_revoked() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    let grants = root.get("/grants").await;
    let grant = grants.page().links().into_iter().find(|link| link.starts_with("/grants/show?id=")).unwrap();
    let page = root.get(&grant.replace("show", "revoke")).await;
    root.submit(&page, &[]).await.location();
    let trail = root.get("/audit?kind=grant_revoked&by=operator%3Aroot").await;
    trail.assert_shows("grant revoked</span>");
    trail.assert_shows("/users/show?id=root");
}

#[tokio::test]
async fn every_value_of_a_row_says_what_it_is_where_there_is_no_heading() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    for path in ["/clients", "/users", "/grants", "/audit", "/keys"] {
        let page = root.get(path).await.page();
        let cells: Vec<_> = page.all("td").filter(|cell| !cell.has("class")).collect();
        assert!(!cells.is_empty(), "{path}");
        let named = cells.iter().filter(|cell| !cell.get("data-label").is_empty()).count();
        let inner = page.0.windows(2).filter(|two| two[0].name == "td" && two[1].name == "div").count();
        let acts = page
            .0
            .windows(3)
            .filter(|three| three[0].name == "td" && !three[0].has("data-label") && three[2].name == "a");
        assert_eq!(named + acts.count(), inner, "{path}");
    }
}

#[tokio::test]
async fn it_speaks_the_browsers_language() {
    let world = World::new().await;
    world.furnish().await;
    let mut root = Browser::signed_in(&world, "root").await;
    root.headers.push(("accept-language", "de-CH, en;q=0.5".to_owned()));
    let answer = root.get("/users").await;
    answer.assert_shows("<html lang=\"de\"");
    answer.assert_shows("<h1>Benutzer</h1>");
    answer.assert_shows("aria-current=\"page\">Benutzer</a>");
    root.headers.pop();
    root.headers.push(("accept-language", "fr".to_owned()));
    root.get("/users").await.assert_shows("<h1>Users</h1>");
}

#[tokio::test]
async fn the_first_page_asks_again_only_if_told() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    assert_eq!(root.get("/").await.header("refresh"), "");
    assert_eq!(root.get("/?live=on").await.header("refresh"), "10");
}

#[tokio::test]
async fn a_client_is_given_a_picture_that_people_see() {
    use base64::Engine as _;

    let pixel = base64::engine::general_purpose::STANDARD.decode(PIXEL).unwrap();
    let world = World::new().await;
    let shop = json!({"client_id": "shop", "redirect_uris": ["https://shop.test/cb"], "scope": "read"});
    world.api.post("/api/clients", &shop).await.unwrap();
    let mut root = Browser::signed_in(&world, "root").await;
    let show = "/clients/show?id=shop";
    let page = root.get(show).await;
    page.assert_shows("href=\"/clients/logo?id=shop\"");
    assert!(!page.body.contains("<img") && !page.body.contains("delete-logo"), "{}", page.body);
    let form = root.get("/clients/logo?id=shop").await;
    let csrf = form.form().fields.into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    let upload = async |root: &mut Browser<'_>, csrf: &str, picture: &[u8]| {
        let head = |name| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x.html\"\r\n\r\n")
        };
        let before = format!("{}{csrf}\r\n{}", head("csrf"), head("picture"));
        let body = [before.as_bytes(), picture, b"\r\n--b--"];
        let of = "multipart/form-data; boundary=b";
        root.send_as(Method::POST, "/clients/logo?id=shop", of, body.concat()).await
    };
    let large = [&pixel[..], &vec![0; 60 * 1024]].concat();
    for (picture, why) in [
        (&b""[..], "This is needed."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG, a JPEG or a WebP picture"),
        (&large[..40 * 1024], "the file is too large"),
        (&large, "The file is too large."),
    ] {
        let told = upload(&mut root, &csrf, picture).await;
        assert_eq!(told.status, 400, "{why}");
        told.assert_shows(why);
        told.assert_shows("id=\"picture-problem\"");
        assert_eq!(told.page().faults(), Vec::<String>::new());
    }
    assert_eq!(upload(&mut root, "x", &pixel).await.status, 403);
    assert_eq!(upload(&mut root, &csrf, &pixel).await.location(), show);
    let page = root.get(show).await;
    page.assert_shows("<img class=\"logo\" src=\"/clients/logo/image?id=shop\"");
    let image = root.get("/clients/logo/image?id=shop").await;
    assert_eq!((image.status.as_u16(), image.header("content-type")), (200, "image/png"));
    assert_eq!(image.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(image.header("x-content-type-options"), "nosniff");
    // Who is asked sees it.
    let mut alice = Browser::new(&world.public);
    alice.headers.push(("origin", "https://auth.test".to_owned()));
    alice.sign_in("alice", PASSWORD).await.location();
    let consent = alice.get(&shop_asks()).await;
    consent.assert_shows("<img class=\"logo\" src=\"/logo/shop?v=");

    let ask = root.get("/clients/delete-logo?id=shop").await;
    assert_eq!(root.submit(&ask, &[]).await.location(), show);
    assert!(!root.get(show).await.body.contains("<img"));
    assert_eq!(root.get("/clients/logo/image?id=shop").await.status, 404);
}
