//! The pages of whoever registers applications.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Method, Request};
use grantor_core::client::GrantType;
use grantor_core::profile::Registrants;
use grantor_core::{Description, Limits, Profile, Scope, ScopeCatalogue, ScopeMeaning};
use grantor_http::{Settings, Web};
use grantor_ledger::Ledger;
use grantor_pages::{Brand, Logo, Look};

use crate::support::{
    Answer, Browser, ISSUER, Server, VERIFIER, authorize_url, bare_server, basic, client, field,
};

const CALLBACK: &str = "https://new.test/cb";
/// A whole picture of one pixel.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0,
    1, 8, 2, 0, 0, 0, 0x90, 0x77, 0x53, 0xde,
];

fn profile() -> Profile {
    let mut profile = Profile::standard(ISSUER.parse().unwrap());
    let meaning = |text: &str| ScopeMeaning { description: Description::one(text), ..Default::default() };
    let meanings = [("read", meaning("See your media")), ("write", meaning("Change your media"))];
    let meanings: BTreeMap<String, ScopeMeaning> =
        meanings.into_iter().map(|(token, meaning)| (token.to_owned(), meaning)).collect();
    profile.scopes = ScopeCatalogue::new(meanings).unwrap();
    profile
}

/// A server with a ledger, and alice and bob.
async fn server_of(profile: Profile) -> (Server, Ledger) {
    let mut server = bare_server(profile, Settings::default()).await;
    let (store, clock) = (server.engine.store().clone(), server.clock.clone());
    let ledger = Ledger::start(store, clock, grantor_ledger::Settings::default());
    let web = Web::new(server.engine.clone()).users(server.directory.clone()).ledger(ledger.clone());
    server.router = web.router();
    (server, ledger)
}

async fn server() -> Server {
    server_of(profile()).await.0
}

/// What is entered for an application, with fields replaced (a value) or left out (an empty one).
async fn register(browser: &mut Browser<'_>, changes: &[(&str, &str)]) -> Answer {
    let page = browser.get("/apps/new").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let (csrf, id) = (field(&page.body, "csrf"), field(&page.body, "client_id"));
    let changes = [&[("client_id", &*id)], changes].concat();
    post(browser, "/apps/new", &csrf, &changes).await
}

async fn post(browser: &mut Browser<'_>, path: &str, csrf: &str, changes: &[(&str, &str)]) -> Answer {
    let mut fields = BTreeMap::from([
        ("csrf", csrf),
        ("name", "New"),
        ("description", "Shows media."),
        ("redirect_uris", CALLBACK),
        ("kind", "confidential"),
        ("grant.authorization_code", "on"),
        ("grant.refresh_token", "on"),
        ("scope.read", "on"),
    ]);
    fields.extend(changes.iter().copied());
    let fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    browser.post(path, &fields).await
}

/// The value of a field that is there to be copied.
fn shown(page: &Answer, id: &str) -> Option<String> {
    let tag = page.body.split(&format!("<input id=\"{id}\"")).nth(1)?.split('>').next()?;
    let value = tag.split(" value=\"").nth(1)?.split('"').next()?;
    Some(value.replace("&#38;", "&"))
}

/// Registers an application and gives its id and secret.
async fn registered(browser: &mut Browser<'_>) -> (String, String) {
    let page = register(browser, &[]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    (shown(&page, "client_id").unwrap(), shown(&page, "secret").unwrap())
}

async fn redeem(server: &Server, id: &str, secret: &str, code: &str) -> Answer {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    server.post("/oauth2/token", &[("authorization", &basic(id, secret))], &fields).await
}

/// Whether a client authenticates with a secret.
async fn knows(server: &Server, id: &str, secret: &str) -> bool {
    let headers = [("authorization", &*basic(id, secret))];
    server.post("/oauth2/introspect", &headers, &[("token", "x")]).await.status == 200
}

#[tokio::test]
async fn a_person_registers_an_application_and_its_link_secret_and_code_work() {
    let (server, _) = server_of(profile()).await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let empty = alice.get("/apps").await;
    assert!(empty.body.contains("href=\"/apps/new\"") && !empty.body.contains("client_id"), "{}", empty.body);

    let page = register(&mut alice, &[]).await;
    let (id, secret) = (shown(&page, "client_id").unwrap(), shown(&page, "secret").unwrap());
    let link = shown(&page, "link").unwrap();
    let code = alice.approve(link.strip_prefix(ISSUER).unwrap()).await.parameter("code").unwrap();
    let tokens = redeem(&server, &id, &secret, &code).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    assert_eq!(tokens.json()["scope"], "read");

    // The verifier that goes with the link is in the code beside it.
    assert!(page.body.contains(VERIFIER), "{}", page.body);
    let again = alice.get(&format!("/apps/{id}")).await;
    assert_eq!(again.status, 200);
    assert!(!again.body.contains(&secret) && shown(&again, "secret").is_none(), "it is shown once");
    assert!(again.body.contains("Authorizations in force: <bdi class=\"name\">1</bdi>"), "{}", again.body);
    let list = alice.get("/apps").await;
    assert!(list.body.contains(&format!("href=\"/apps/{id}\"")), "{}", list.body);
    assert_eq!(alice.get("/apps/new").await.status, 200, "and another");
}

// P18
#[tokio::test]
async fn what_is_somebody_elses_is_not_there() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let (id, secret) = registered(&mut alice).await;
    let before = server.engine.client(&id.parse().unwrap()).await.unwrap();
    let mut bob = Browser::logged_in(&server, "bob").await;
    let (his, _) = registered(&mut bob).await;
    let csrf = field(&bob.get(&format!("/apps/{his}/edit")).await.body, "csrf");
    let nobody = "not-a-client";
    for below in ["", "/edit", "/delete"] {
        let (theirs, none) =
            (bob.get(&format!("/apps/{id}{below}")).await, bob.get(&format!("/apps/{nobody}{below}")).await);
        assert_eq!((theirs.status.as_u16(), none.status.as_u16()), (404, 404), "{below}");
        assert_eq!(theirs.body, none.body, "it is told from nothing by nothing");
    }
    for (below, fields) in [
        ("/edit", vec![("name", "Mine")]),
        ("/secret", vec![("overlap", "0")]),
        ("/delete", vec![("name", "New")]),
    ] {
        let answer = post(&mut bob, &format!("/apps/{id}{below}"), &csrf, &fields).await;
        assert_eq!(answer.status, 404, "{below}: {}", answer.body);
    }
    let picture = upload(&server, &bob, &id, &csrf, PNG).await;
    assert_eq!(picture.status, 404);
    assert_eq!(server.engine.client(&id.parse().unwrap()).await.unwrap(), before);
    assert!(knows(&server, &id, &secret).await);
    assert!(!bob.get("/apps").await.body.contains(&id));

    let mut stranger = Browser::new(&server);
    for path in
        ["/apps".to_owned(), "/apps/new".to_owned(), format!("/apps/{id}"), format!("/apps/{id}/edit")]
    {
        assert!(stranger.get(&path).await.location().starts_with("/login?request=%2Fapps"), "{path}");
    }
}

// E01, E02, E06
#[tokio::test]
async fn a_form_that_is_not_ours_changes_nothing() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let (id, secret) = registered(&mut alice).await;
    let csrf = field(&alice.get(&format!("/apps/{id}/edit")).await.body, "csrf");
    let mut bob = Browser::logged_in(&server, "bob").await;
    let (his, _) = registered(&mut bob).await;
    let bobs = field(&bob.get(&format!("/apps/{his}/edit")).await.body, "csrf");
    let new = alice.get("/apps/new").await;
    let (drawn, making) = (field(&new.body, "client_id"), field(&new.body, "csrf"));
    // An id is drawn, and not chosen.
    assert_eq!(post(&mut alice, "/apps/new", &making, &[("client_id", "chosen")]).await.status, 403);
    let forms = [
        ("/apps/new".to_owned(), vec![("client_id", &*drawn)]),
        (format!("/apps/{id}/edit"), vec![("name", "Changed")]),
        (format!("/apps/{id}/secret"), vec![("overlap", "0")]),
        (format!("/apps/{id}/delete"), vec![("name", "New")]),
    ];
    for (path, fields) in &forms {
        for token in ["", "x", &bobs] {
            assert_eq!(post(&mut alice, path, token, fields).await.status, 403, "{path} {token}");
        }
        for foreign in [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")] {
            let own = std::mem::replace(&mut alice.headers, vec![(foreign.0, foreign.1.to_owned())]);
            assert_eq!(post(&mut alice, path, &csrf, fields).await.status, 403, "{path} {foreign:?}");
            alice.headers = own;
        }
    }
    for token in ["", &bobs] {
        assert_eq!(upload(&server, &alice, &id, token, PNG).await.status, 403);
    }
    for path in [format!("/apps/{id}/secret"), format!("/apps/{id}/logo")] {
        assert_eq!(alice.get(&path).await.status, 405, "{path}");
    }
    let owner = "alice".parse().unwrap();
    let owned = server.engine.clients_of(&owner, None, 10).await.unwrap().clients;
    assert_eq!((owned.len(), owned[0].client_name.as_deref()), (1, Some("New")));
    assert!(knows(&server, &id, &secret).await);
}

// Q01
#[tokio::test]
async fn hostile_names_are_text_on_every_page() {
    const EVIL: &str = "<script>alert(1)</script>\"><img src=x onerror=alert(1)>{{7*7}}";
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let page = register(&mut alice, &[("name", EVIL), ("description", EVIL)]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let id = shown(&page, "client_id").unwrap();
    let link = shown(&page, "link").unwrap();
    let mut pages = vec![page];
    for path in ["/apps", &format!("/apps/{id}"), &format!("/apps/{id}/edit"), &format!("/apps/{id}/delete")]
    {
        pages.push(alice.get(path).await);
    }
    pages.push(alice.get(link.strip_prefix(ISSUER).unwrap()).await);
    for page in &pages {
        assert_eq!(page.status, 200);
        assert!(page.body.contains("&#60;script&#62;alert(1)"), "{}", page.body);
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img src=x"), "{}", page.body);
    }
    // Typed as it is, it is confirmed.
    let csrf = field(&pages[4].body, "csrf");
    let deleted = alice.post(&format!("/apps/{id}/delete"), &[("csrf", &csrf), ("name", EVIL)]).await;
    assert_eq!(deleted.location(), "/apps");
}

// N02, A18
#[tokio::test]
async fn a_redirect_uri_that_could_do_harm_is_refused_by_its_line() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    for uri in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://new.test/1",
        "http://new.test/cb",
        "https://new.test/cb#fragment",
        "/cb",
        "no uri",
    ] {
        let answer = register(&mut alice, &[("redirect_uris", &format!("{CALLBACK}\r\n\r\n  {uri}"))]).await;
        assert_eq!(answer.status, 400, "{uri}");
        assert!(answer.body.contains("Line 3 cannot be a redirect URI"), "{uri}: {}", answer.body);
        assert!(answer.body.contains("href=\"#redirect_uris\""), "{}", answer.body);
        // What was entered is not lost.
        assert!(answer.body.contains("value=\"New\"") && answer.body.contains(CALLBACK), "{}", answer.body);
    }
    for home in ["javascript:alert(1)", "data:text/html,x"] {
        let answer = register(&mut alice, &[("home", home)]).await;
        assert_eq!(answer.status, 400, "{home}");
        assert!(answer.body.contains("href=\"#home\""), "{home}: {}", answer.body);
    }
    let owner = "alice".parse().unwrap();
    assert_eq!(server.engine.clients_of(&owner, None, 10).await.unwrap().clients.len(), 0);
}

// I11
#[tokio::test]
async fn nobody_gives_himself_more_than_the_profile_lets_him() {
    let mut profile = profile();
    profile.registration_by_users.scope = "read".parse().unwrap();
    let (server, _) = server_of(profile).await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let more = [("scope.write", "on"), ("grant.client_credentials", "on"), ("scope.admin", "on")];
    let page = register(&mut alice, &more).await;
    let id = shown(&page, "client_id").unwrap();
    let edit = alice.get(&format!("/apps/{id}/edit")).await;
    assert!(!edit.body.contains("scope.write") && !edit.body.contains("client_credentials"), "{}", edit.body);
    let csrf = field(&edit.body, "csrf");
    let forged = [&more[..], &[("kind", "public"), ("client_id", "other"), ("owner", "bob")]].concat();
    let changed = post(&mut alice, &format!("/apps/{id}/edit"), &csrf, &forged).await;
    assert_eq!(changed.location(), format!("/apps/{id}"));
    let client = server.engine.client(&id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(client.scope, Scope::parse("read").unwrap());
    assert!(!client.may_use(GrantType::ClientCredentials) && !client.is_public());
    assert_eq!(client.owner.as_ref().unwrap().as_str(), "alice");
}

#[tokio::test]
async fn an_application_is_changed_and_what_an_operator_gave_it_stays() {
    let server = server().await;
    let mut given = client("given", CALLBACK);
    given.owner = Some("alice".parse().unwrap());
    given.grant_types.insert(GrantType::ClientCredentials);
    server.engine.register_client(given, None).await.unwrap();
    let mut alice = Browser::logged_in(&server, "alice").await;
    let edit = alice.get("/apps/given/edit").await;
    assert!(edit.body.contains("name=\"grant.client_credentials\" value=\"on\" checked"), "{}", edit.body);
    let csrf = field(&edit.body, "csrf");
    let fields = [
        ("name", "Renamed"),
        ("description", ""),
        ("redirect_uris", "https://new.test/cb\r\nhttp://127.0.0.1/cb"),
        ("grant.client_credentials", "on"),
        ("scope.write", "on"),
        ("scope.read", ""),
    ];
    let changed = post(&mut alice, "/apps/given/edit", &csrf, &fields).await;
    assert_eq!(changed.location(), "/apps/given", "{}", changed.body);
    let client = server.engine.client(&"given".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((client.client_name.as_deref(), client.description), (Some("Renamed"), None));
    assert_eq!((client.redirect_uris.len(), client.scope.as_str()), (2, "write"));
    assert!(client.grant_types.contains(&GrantType::ClientCredentials));
}

#[tokio::test]
async fn a_new_secret_lets_the_old_one_be_valid_as_long_as_is_chosen() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let (id, first) = registered(&mut alice).await;
    let path = format!("/apps/{id}/secret");
    let page = alice.get(&format!("/apps/{id}")).await;
    let (csrf, newest) = (field(&page.body, "csrf"), field(&page.body, "newest"));
    server.clock.pass(1);
    let rotated = alice.post(&path, &[("csrf", &csrf), ("newest", &newest), ("overlap", "1h")]).await;
    let newest = field(&rotated.body, "newest");
    let second = shown(&rotated, "secret").unwrap();
    assert!(first != second && rotated.body.contains("no end"), "{}", rotated.body);
    assert!(knows(&server, &id, &first).await && knows(&server, &id, &second).await);
    server.clock.pass(3_601);
    assert!(!knows(&server, &id, &first).await && knows(&server, &id, &second).await);
    let rotated = alice.post(&path, &[("csrf", &csrf), ("newest", &newest), ("overlap", "0")]).await;
    let newest = field(&rotated.body, "newest");
    let third = shown(&rotated, "secret").unwrap();
    assert!(!knows(&server, &id, &second).await && knows(&server, &id, &third).await);
    for odd in ["", "never", "100d", "-1s"] {
        assert_eq!(
            alice.post(&path, &[("csrf", &csrf), ("newest", &newest), ("overlap", odd)]).await.status,
            404,
            "{odd}"
        );
    }
    assert!(knows(&server, &id, &third).await);
}

#[tokio::test]
async fn who_loads_the_page_of_a_fresh_secret_again_makes_nothing_again() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let form = alice.get("/apps/new").await;
    let (csrf, drawn) = (field(&form.body, "csrf"), field(&form.body, "client_id"));
    // What is put right is still the same one.
    let wrong = post(&mut alice, "/apps/new", &csrf, &[("client_id", &drawn), ("name", "")]).await;
    assert_eq!((wrong.status.as_u16(), field(&wrong.body, "client_id")), (400, drawn.clone()));
    let made = post(&mut alice, "/apps/new", &csrf, &[("client_id", &drawn)]).await;
    let secret = shown(&made, "secret").unwrap();
    let again = post(&mut alice, "/apps/new", &csrf, &[("client_id", &drawn)]).await;
    assert_eq!(again.status, 409);
    assert!(
        again.body.contains("This was done already") && again.body.contains("<a href=\"/apps\">"),
        "{}",
        again.body
    );
    assert!(!again.body.contains(&secret));
    let owner = "alice".parse().unwrap();
    assert_eq!(server.engine.clients_of(&owner, None, 10).await.unwrap().clients.len(), 1);

    server.clock.pass(1);
    let fields =
        [("csrf", &*field(&made.body, "csrf")), ("newest", &field(&made.body, "newest")), ("overlap", "0")];
    let path = format!("/apps/{drawn}/secret");
    let second = shown(&alice.post(&path, &fields).await, "secret").unwrap();
    let again = alice.post(&path, &fields).await;
    assert_eq!((again.status.as_u16(), shown(&again, "secret")), (409, None));
    assert!(knows(&server, &drawn, &second).await);
}

#[tokio::test]
async fn an_application_has_its_pages_whatever_an_operator_called_it() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    for id in ["new", ".", "..", "~new", "a/b c+d", "https://app.test/?x=1#y"] {
        let mut client = client(id, CALLBACK);
        client.owner = Some("alice".parse().unwrap());
        server.engine.register_client(client, None).await.unwrap();
        let name = format!("The {id} app");
        let list = alice.get("/apps").await;
        let line =
            list.body.split("<h2><a href=\"").find(|line| line.contains(&format!(">{name}<"))).unwrap();
        let path = line.split('"').next().unwrap().to_owned();
        assert!(!path.split('/').any(|part| [".", ".."].contains(&part)), "a browser takes {path} away");
        let page = alice.get(&path).await;
        assert_eq!((page.status.as_u16(), shown(&page, "client_id").as_deref()), (200, Some(id)), "{path}");
        let edit = alice.get(&format!("{path}/edit")).await;
        let csrf = field(&edit.body, "csrf");
        let changed = post(&mut alice, &format!("{path}/edit"), &csrf, &[("name", &name)]).await;
        assert_eq!(changed.location(), path);
    }
    assert!(alice.get("/apps/new").await.body.contains("Register an application"));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_ones_language_at_the_top_and_beside_its_field() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    for (wrong, field, said) in [
        (
            ("redirect_uris", "http://new.test/cb"),
            "redirect_uris",
            "Line 1 cannot be a redirect URI: it uses http,",
        ),
        (("redirect_uris", ""), "redirect_uris", "needs a redirect URI"),
        (("home", "http://new.test"), "home", "write an https address"),
        (("name", ""), "name", "Give it a name"),
    ] {
        let page = register(&mut alice, &[wrong]).await;
        assert_eq!(page.body.matches(said).count(), 2, "{field}: {}", page.body);
        let main = page.body.split("<main").nth(1).unwrap();
        assert!(!main.contains("lang=\"en\"") && !main.contains("client_name:"), "{}", page.body);
        assert!(main.find("id=\"problem-box\"") < main.find("<h1>"), "{}", page.body);
        assert!(
            main.contains(&format!("aria-invalid=\"true\" aria-describedby=\"{field}-problem")),
            "{}",
            page.body
        );
        assert!(main.contains(&format!("<p class=\"problem\" id=\"{field}-problem\">")), "{}", page.body);
    }
}

#[tokio::test]
async fn it_is_deleted_by_its_name_and_its_tokens_end() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let page = register(&mut alice, &[]).await;
    let (id, secret) = (shown(&page, "client_id").unwrap(), shown(&page, "secret").unwrap());
    let link = shown(&page, "link").unwrap();
    let code = alice.approve(link.strip_prefix(ISSUER).unwrap()).await.parameter("code").unwrap();
    let token =
        redeem(&server, &id, &secret, &code).await.json()["access_token"].as_str().unwrap().to_owned();
    let is_live = async || {
        let token = grantor_core::Secret::new(&*token);
        server.engine.check(Some(token), Scope::none()).await.is_ok()
    };
    assert!(is_live().await);
    let path = format!("/apps/{id}/delete");
    let ask = alice.get(&path).await;
    assert!(ask.body.contains("Authorizations in force: <bdi class=\"name\">1</bdi>"), "{}", ask.body);
    let csrf = field(&ask.body, "csrf");
    for wrong in ["", "new", "New!"] {
        let answer = alice.post(&path, &[("csrf", &csrf), ("name", wrong)]).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(answer.body.contains("role=\"alert\""), "{}", answer.body);
    }
    assert!(is_live().await);
    assert_eq!(alice.post(&path, &[("csrf", &csrf), ("name", "New")]).await.location(), "/apps");
    assert!(!is_live().await);
    assert_eq!(alice.get(&format!("/apps/{id}")).await.status, 404);
    assert!(!alice.get("/apps").await.body.contains(&id));
}

async fn upload(server: &Server, browser: &Browser<'_>, id: &str, csrf: &str, picture: &[u8]) -> Answer {
    let cookies = browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; ");
    let mut body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--b\r\nContent-Disposition: form-data; \
         name=\"picture\"; filename=\"x.html\"\r\nContent-Type: text/html\r\n\r\n"
    )
    .into_bytes();
    body.extend(picture);
    body.extend(b"\r\n--b--\r\n");
    let request =
        Request::builder().method(Method::POST).uri(format!("/apps/{id}/logo")).header("cookie", cookies);
    let request = request.header("content-type", "multipart/form-data; boundary=b").header("origin", ISSUER);
    server.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_picture_is_served_as_a_picture_and_nothing_else() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let (id, _) = registered(&mut alice).await;
    let csrf = field(&alice.get(&format!("/apps/{id}/edit")).await.body, "csrf");
    for (bytes, why) in [
        (&b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"[..], "SVG"),
        (b"<html>", "HTML"),
        (b"GIF89a", "GIF"),
        (&[PNG, &vec![0; Limits::DEFAULT.picture_bytes]].concat(), "too large"),
    ] {
        let refused = upload(&server, &alice, &id, &csrf, bytes).await;
        assert_eq!(refused.status, 400, "{why}");
        assert!(refused.body.contains("This picture cannot be taken"), "{why}: {}", refused.body);
    }
    let huge = upload(&server, &alice, &id, &csrf, &vec![0; Limits::DEFAULT.body_bytes]).await;
    assert_eq!(huge.status, 413);
    assert_eq!(upload(&server, &alice, &id, &csrf, PNG).await.location(), format!("/apps/{id}/edit"));

    let page = alice.get(&format!("/apps/{id}")).await;
    let src = page.body.split("<img class=\"logo\" src=\"").nth(1).unwrap().split('"').next().unwrap();
    let picture = server.bytes(src).await;
    assert_eq!(picture.0, 200);
    for (name, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "private, max-age=31536000, immutable"),
    ] {
        assert_eq!(picture.1.get(name).map(|v| v.to_str().unwrap()), Some(value), "{name}");
    }
    assert_eq!(picture.2, PNG);
    assert_eq!(server.bytes(&format!("/logo/{id}?v=x")).await.1["cache-control"], "no-store");
    assert_eq!(server.get("/logo/nobody").await.status, 404);
    // Without a file it is taken away.
    assert_eq!(upload(&server, &alice, &id, &csrf, b"").await.location(), format!("/apps/{id}/edit"));
    assert!(!alice.get(&format!("/apps/{id}")).await.body.contains("/logo/"));
    assert_eq!(server.get(src).await.status, 404);
}

#[tokio::test]
async fn who_may_register_is_the_profiles_to_say() {
    for (who, offered) in
        [(Registrants::Nobody, false), (Registrants::Admins, false), (Registrants::Users, true)]
    {
        let mut profile = profile();
        profile.registration_by_users.who = who;
        let (server, _) = server_of(profile).await;
        let mut alice = Browser::logged_in(&server, "alice").await;
        let form = alice.get("/apps/new").await;
        assert_eq!(form.status, if offered { 200 } else { 404 }, "{who}");
        assert_eq!(alice.get("/account").await.body.contains("href=\"/apps\""), offered, "{who}");
        let list = alice.get("/apps").await;
        assert_eq!((list.status.as_u16(), list.body.contains("href=\"/apps/new\"")), (200, offered), "{who}");
    }
}

#[tokio::test]
async fn usage_is_drawn_and_stands_in_a_table() {
    let (server, ledger) = server_of(profile()).await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let (id, _) = registered(&mut alice).await;
    for _ in 0..7 {
        let (client, grant_type) = (id.parse().unwrap(), GrantType::AuthorizationCode);
        let event = grantor_core::Event::AccessTokenIssued { grant: None, client, grant_type };
        grantor_engine::Observer::happened(&ledger, &event);
    }
    let page = alice.get(&format!("/apps/{id}")).await;
    assert!(
        page.body.contains("Tokens issued in the last 30 days: <bdi class=\"name\">7</bdi>"),
        "{}",
        page.body
    );
    assert!(
        page.body.contains("<figure class=\"plot\"") && page.body.contains("height=\"100\""),
        "{}",
        page.body
    );
    assert!(page.body.contains("<td class=\"number\">7</td>"), "{}", page.body);
    assert_eq!(page.body.matches("<rect ").count(), 30);
}

// Q08
#[tokio::test]
async fn the_pages_are_light_and_only_what_has_something_to_copy_has_a_script() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let (id, _) = registered(&mut alice).await;
    for (path, copies) in [
        ("/apps".to_owned(), false),
        ("/apps/new".to_owned(), false),
        (format!("/apps/{id}"), true),
        (format!("/apps/{id}/edit"), false),
        (format!("/apps/{id}/delete"), false),
    ] {
        let page = alice.get(&path).await;
        assert!(page.body.len() < 50_000, "{path}: {} bytes", page.body.len());
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
        assert_eq!(policy.contains("script-src 'sha256-"), copies, "{path}: {policy}");
        assert_eq!(page.body.contains("<script"), copies, "{path}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(!page.body.contains(" style=") && !page.body.contains(" onclick"), "{path}");
    }
}

#[tokio::test]
async fn the_pages_speak_german_to_who_wants_it() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let cookies = alice.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; ");
    let request = Request::get("/apps/new").header("cookie", cookies).header("accept-language", "de");
    let page = server.send(request.body(Body::empty()).unwrap()).await;
    assert!(
        page.body.contains("Anwendung registrieren") && page.body.contains("lang=\"de\""),
        "{}",
        page.body
    );
    assert!(alice.get("/apps/new").await.body.contains("Register an application"));
}

#[tokio::test]
async fn permissions_are_said_in_the_language_of_the_page_and_marked_where_they_are_not() {
    let mut profile = profile();
    let by_language = |texts: &[(&str, &str)]| {
        let texts = texts.iter().map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned()));
        let description = Description::in_languages(texts.collect()).unwrap();
        ScopeMeaning { description, optional: true, ..Default::default() }
    };
    let mut meanings = profile.scopes.meanings().clone();
    meanings.insert("both".to_owned(), by_language(&[("en", "See both"), ("de", "Beides sehen")]));
    meanings.insert("other".to_owned(), by_language(&[("en", "See others")]));
    profile.scopes = ScopeCatalogue::new(meanings).unwrap();
    let (server, _ledger) = server_of(profile).await;
    let mut client = client("web", "https://app.test/cb");
    client.scope = "read both other".parse().unwrap();
    client.owner = Some("alice".parse().unwrap());
    server.engine.register_client(client, None).await.unwrap();
    let mut alice = Browser::logged_in(&server, "alice").await;
    let wanted = [("scope", "read both other"), ("ui_locales", "de")];
    let consent = alice.get(&authorize_url("web", "https://app.test/cb", &wanted)).await;
    alice.submit(&consent, &[("decision", "approve")]).await.parameter("code").unwrap();
    let cookies = alice.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; ");
    let german = async |path: &str| {
        let request = Request::get(path).header("cookie", &cookies).header("accept-language", "de");
        server.send(request.body(Body::empty()).unwrap()).await
    };
    let pages = [("/account", german("/account").await), ("/apps", german("/apps/web").await)];
    let form = german("/apps/web/edit").await;
    for (name, page) in [("consent", consent), ("form", form)].into_iter().chain(pages) {
        for said in [
            "lang=\"de\" dir=\"ltr\"",
            ">Beides sehen<",
            " lang=\"en\" dir=\"auto\">See others<",
            ">See your media<",
        ] {
            assert!(page.body.contains(said), "{name}: {said}: {}", page.body);
        }
        // In the page's language nothing is marked, and of a text without a language nobody knows.
        for marked in ["\">Beides sehen", "\">See your media"] {
            assert!(!page.body.contains(&format!("dir=\"auto{marked}")), "{name}: {}", page.body);
        }
    }
    let english = alice.get("/apps/web").await;
    assert!(
        english.body.contains(">See both<") && !english.body.contains("dir=\"auto\""),
        "{}",
        english.body
    );
}

#[tokio::test]
async fn a_store_that_is_away_is_said_and_nothing_is_shown_as_done() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let csrf = field(&alice.get("/apps/new").await.body, "csrf");
    server.faults.always(grantor_store::Fault::Refuse);
    assert_eq!(post(&mut alice, "/apps/new", &csrf, &[]).await.status, 503);
    assert_eq!(alice.get("/apps").await.status, 503);
    server.faults.none();
    assert!(!alice.get("/apps").await.body.contains("<h2>"));
}

// What a brand and an application can bring is bounded so that it all fits.
#[tokio::test]
async fn a_page_with_the_largest_brand_and_the_largest_texts_stays_light() {
    const LIGHT: usize = 50_000;
    let (mut server, ledger) = server_of(profile()).await;
    let mut picture = vec![0; Logo::BYTES];
    picture[..PNG.len()].copy_from_slice(PNG);
    let brand = Brand::new(&"\"".repeat(60)).unwrap().logo(Logo::read(&picture).unwrap()).unwrap();
    let rest = (1..Brand::BYTES).rev().find_map(|n| brand.clone().css(&" ".repeat(n)).ok()).unwrap();
    let look = Look::builder().brand(rest).build();
    let web =
        Web::new(server.engine.clone()).users(server.directory.clone()).ledger(ledger.clone()).look(look);
    server.router = web.router();
    let mut alice = Browser::logged_in(&server, "alice").await;
    let (name, description) = ("\"".repeat(100), "\"".repeat(500));
    let page = register(&mut alice, &[("name", &name), ("description", &description)]).await;
    let id = shown(&page, "client_id").unwrap();
    let event = grantor_core::Event::AccessTokenIssued {
        grant: None,
        client: id.parse().unwrap(),
        grant_type: GrantType::AuthorizationCode,
    };
    grantor_engine::Observer::happened(&ledger, &event);
    let mut bob = Browser::logged_in(&server, "bob").await;
    let (app, edit) = (format!("/apps/{id}"), format!("/apps/{id}/edit"));
    let consent = authorize_url(&id, CALLBACK, &[]);
    let picture = Limits::DEFAULT.picture_bytes;
    let mut weights = vec![("/apps/new", page.body.len() + picture)];
    for (path, more) in
        [(app.as_str(), picture), (&edit, picture), ("/apps", 0), ("/account", 0), (&consent, picture)]
    {
        let page = if path == consent { bob.get(path).await } else { alice.get(path).await };
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        assert!(page.body.contains("base64"), "{path} shows the logo");
        weights.push((path, page.body.len() + more));
    }
    assert!(weights.iter().all(|(_, bytes)| *bytes < LIGHT), "{weights:?}");
}
