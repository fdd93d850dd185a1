//! Groups E, P and Q: what a person sees and ends of his own.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use grantor_core::{Lifetime, Secret, SubjectId, Time};
use grantor_directory::{
    Directory, DirectoryError, HashCost, LoginRefused, Membership, NewUser, Session, User, UserDirectory,
    UserName,
};
use grantor_http::{Settings, Web};

use crate::support::*;

const NEW: &str = "another battery staple";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                     Version/18.0 Mobile/15E148 Safari/604.1";

/// Alice, signed in with a browser that says so of itself.
async fn signed_in<'a>(server: &'a Server, agent: &str) -> Browser<'a> {
    let mut browser = Browser::new(server);
    browser.headers.push(("user-agent", agent.to_owned()));
    assert_eq!(browser.log_in("alice", PASSWORD).await.location(), "/account");
    browser
}

async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    browser.get("/account").await.status == 200
}

/// The ids that the page offers to end, in its order.
fn offered(page: &Answer) -> Vec<String> {
    let values = page.body.split("name=\"end\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    values.filter(|value| value.len() == 64).map(str::to_owned).collect()
}

async fn change(browser: &mut Browser<'_>, current: &str, new: &str) -> Answer {
    let page = browser.get("/account/password").await;
    browser.submit(&page, &[("current_password", current), ("new_password", new)]).await
}

#[tokio::test]
async fn a_person_sees_where_he_is_signed_in() {
    let server = server().await;
    let _phone = signed_in(&server, PHONE).await;
    server.clock.pass(3600);
    let mut browser = signed_in(&server, FIREFOX).await;
    let mut bob = Browser::logged_in(&server, "bob").await;
    let page = browser.get("/account/sessions").await;
    let (here, phone) = (page.body.find("</bdi> on").unwrap(), page.body.find(">iPhone</bdi>").unwrap());
    assert!(here < phone, "the one in use comes first: {}", page.body);
    for text in [
        ">Firefox</bdi> on <bdi class=\"name\">Linux</bdi>",
        "This one",
        "2023-11-14 22:14 UTC",
        "2023-11-14 23:14",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert_eq!(offered(&page).len(), 1, "the one in use is ended by signing out");
    assert!(!bob.get("/account/sessions").await.body.contains("iPhone"));
    let mut stranger = Browser::new(&server);
    for path in ["/account/sessions", "/account/password", "/account/password/changed"] {
        assert!(stranger.get(path).await.location().starts_with("/login?request=%2Faccount%2F"), "{path}");
    }
}

// P07, P18
#[tokio::test]
async fn a_session_is_ended_by_whose_it_is_and_is_over_on_the_server() {
    let server = server().await;
    let mut phone = signed_in(&server, PHONE).await;
    let mut browser = signed_in(&server, FIREFOX).await;
    let mut bob = Browser::logged_in(&server, "bob").await;
    let page = browser.get("/account/sessions").await;
    let [id] = &offered(&page)[..] else { panic!("{}", page.body) };
    // Bob has a form and a token of his own; what is not his is not there.
    let own = bob.get("/account/sessions").await;
    let missing = bob.submit(&own, &[("end", &"0".repeat(64))]).await;
    let foreign = bob.submit(&own, &[("end", id)]).await;
    assert_eq!((foreign.status.as_u16(), &foreign.body), (404, &missing.body));
    assert_eq!(bob.submit(&own, &[("end", "no id")]).await.status, 404);
    assert!(is_signed_in(&mut phone).await);
    assert_eq!(browser.submit(&page, &[("end", id)]).await.location(), "/account/sessions");
    assert!(!is_signed_in(&mut phone).await && is_signed_in(&mut browser).await);
    assert!(offered(&browser.get("/account/sessions").await).is_empty());
}

// P07
#[tokio::test]
async fn all_others_end_or_all() {
    let server = server().await;
    let (mut phone, mut browser) = (signed_in(&server, PHONE).await, signed_in(&server, FIREFOX).await);
    let mut bob = Browser::logged_in(&server, "bob").await;
    let page = browser.get("/account/sessions").await;
    assert_eq!(browser.submit(&page, &[("end", "others")]).await.location(), "/account/sessions");
    assert!(!is_signed_in(&mut phone).await && is_signed_in(&mut browser).await);
    let page = browser.get("/account/sessions").await;
    assert!(!page.body.contains("value=\"others\""), "there are no others: {}", page.body);
    let (cookies, mut phone) = (browser.cookies.clone(), signed_in(&server, PHONE).await);
    let ended = browser.submit(&page, &[("end", "all")]).await;
    assert_eq!(ended.location(), "/login");
    assert!(!browser.cookies.keys().any(|name| name.contains("session")));
    browser.cookies = cookies;
    assert!(
        !is_signed_in(&mut browser).await && !is_signed_in(&mut phone).await,
        "a replayed cookie is nobody's"
    );
    assert!(is_signed_in(&mut bob).await);
}

// E01, E02, E09
#[tokio::test]
async fn the_forms_of_an_account_are_taken_from_its_own_session_and_page_only() {
    let server = server().await;
    let (mut phone, mut alice) = (signed_in(&server, PHONE).await, signed_in(&server, FIREFOX).await);
    let mut other = Browser::logged_in(&server, "alice").await;
    let mut bob = Browser::logged_in(&server, "bob").await;
    let password = [("current_password", PASSWORD), ("new_password", NEW)];
    for (path, filled) in [("/account/sessions", &[("end", "all")][..]), ("/account/password", &password)] {
        let page = alice.get(path).await;
        let foreign = [
            String::new(),
            "x".repeat(43),
            field(&other.get(path).await.body, "csrf"),
            field(&bob.get(path).await.body, "csrf"),
            field(&alice.get("/logout").await.body, "csrf"),
            field(
                &alice
                    .get(["/account/password", "/account/sessions"][usize::from(path.ends_with("word"))])
                    .await
                    .body,
                "csrf",
            ),
        ];
        for token in &foreign {
            let answer = alice.submit(&page, &[filled, &[("csrf", token)]].concat()).await;
            assert_eq!(answer.status, 403, "{path} {token}");
            answer.assert_error_page(token);
        }
        for header in [("origin", "https://evil.test"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
        {
            let own = std::mem::replace(&mut alice.headers, vec![(header.0, header.1.to_owned())]);
            assert_eq!(alice.submit(&page, filled).await.status, 403, "{path} {header:?}");
            alice.headers = own;
        }
    }
    // Nothing of that had an effect.
    assert!(is_signed_in(&mut alice).await && is_signed_in(&mut phone).await);
    assert_eq!(Browser::new(&server).log_in("alice", PASSWORD).await.location(), "/account");
    // Of a session that is over, nothing is taken either.
    let pages = [alice.get("/account/sessions").await, alice.get("/account/password").await];
    let cookies = alice.cookies.clone();
    let logout = alice.get("/logout").await;
    alice.submit(&logout, &[]).await;
    alice.cookies = cookies;
    assert_eq!(alice.submit(&pages[0], &[("end", "all")]).await.status, 403);
    assert_eq!(alice.submit(&pages[1], &password).await.status, 403);
    assert!(is_signed_in(&mut phone).await);
}

// E06
#[tokio::test]
async fn nothing_of_an_account_changes_by_get() {
    let server = server().await;
    let (mut phone, mut alice) = (signed_in(&server, PHONE).await, signed_in(&server, FIREFOX).await);
    let csrf = field(&alice.get("/account/sessions").await.body, "csrf");
    alice.get(&format!("/account/sessions?end=all&csrf={csrf}")).await;
    let csrf = field(&alice.get("/account/password").await.body, "csrf");
    let fields = form(&[("current_password", PASSWORD), ("new_password", NEW), ("csrf", &csrf)]);
    alice.get(&format!("/account/password?{fields}")).await;
    assert!(is_signed_in(&mut alice).await && is_signed_in(&mut phone).await);
    assert_eq!(Browser::new(&server).log_in("alice", PASSWORD).await.location(), "/account");
    for (path, allow) in [
        ("/account/sessions", "GET,HEAD,POST"),
        ("/account/password", "GET,HEAD,POST"),
        ("/account/password/changed", "GET,HEAD"),
    ] {
        for method in ["PUT", "DELETE", "PATCH"] {
            let request = axum::http::Request::builder().method(method).uri(path);
            let answer = server.send(request.body(axum::body::Body::empty()).unwrap()).await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, allow), "{method} {path}");
        }
    }
}

// E09, P05
#[tokio::test]
async fn a_password_changes_by_the_current_one_and_every_old_cookie_is_dead() {
    let server = server().await;
    let (mut phone, mut alice) = (signed_in(&server, PHONE).await, signed_in(&server, FIREFOX).await);
    let before = alice.cookies.clone();
    let answer = change(&mut alice, PASSWORD, NEW).await;
    assert_eq!(answer.location(), "/account/password/changed");
    let name = "__Host-grantor_session";
    assert_ne!(alice.cookies[name], before[name]);
    assert!(answer.header("set-cookie").ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"));
    assert!(alice.get("/account/password/changed").await.body.contains("Your password was changed"));
    let page = alice.get("/account/sessions").await;
    assert!(page.body.contains(">Firefox</bdi>") && offered(&page).is_empty(), "{}", page.body);
    let mut replayed = Browser::new(&server);
    replayed.cookies = before;
    assert!(!is_signed_in(&mut replayed).await && !is_signed_in(&mut phone).await);
    assert_eq!(
        Browser::new(&server).log_in("alice", PASSWORD).await.status,
        200,
        "the old password still works"
    );
    assert_eq!(Browser::new(&server).log_in("alice", NEW).await.location(), "/account");
}

// E09
#[tokio::test]
async fn a_password_that_is_not_changed_is_told_why_at_the_field() {
    let server = server().await;
    let mut alice = signed_in(&server, FIREFOX).await;
    let (short, long) = ("7 chars", "x".repeat(1025));
    for (current, new, field, text) in [
        ("wrong", NEW, "current_password", "The current password is wrong."),
        ("", NEW, "current_password", "The current password is wrong."),
        (PASSWORD, short, "new_password", "The new password has fewer than 8 characters."),
        (PASSWORD, "", "new_password", "The new password has fewer than 8 characters."),
        (PASSWORD, &long, "new_password", "The new password cannot be used: it is too long."),
    ] {
        let page = change(&mut alice, current, new).await;
        assert_eq!(page.status, 200);
        let summary =
            page.body.split("<div class=\"problem\"").nth(1).unwrap_or_else(|| panic!("{}", page.body));
        let summary = summary.split("</div>").next().unwrap();
        for part in ["role=\"alert\"", "tabindex=\"-1\" autofocus", &format!("href=\"#{field}\""), text] {
            assert!(summary.contains(part), "{part}: {summary}");
        }
        let input = page.body.split(&format!("id=\"{field}\"")).nth(1).unwrap().split('>').next().unwrap();
        assert!(input.contains("aria-invalid=\"true\" aria-describedby=\"problem"), "{input}");
        assert_eq!(page.body.matches("aria-invalid=\"true\"").count(), 1);
        assert!(!page.body.contains("wrong\"") && !page.body.contains(NEW), "what was entered is shown");
    }
    assert!(is_signed_in(&mut alice).await);
    assert_eq!(Browser::new(&server).log_in("alice", PASSWORD).await.location(), "/account");
}

// P01
#[tokio::test]
async fn trying_passwords_at_the_account_is_held_up_as_trying_to_log_in_is() {
    let server = server().await;
    let mut alice = signed_in(&server, FIREFOX).await;
    for _ in 0..10 {
        // What is refused without a password being compared costs nobody a try.
        assert_eq!(change(&mut alice, PASSWORD, "short").await.status, 200);
        assert_eq!(change(&mut alice, "wrong", NEW).await.status, 200);
    }
    let held = change(&mut alice, PASSWORD, NEW).await;
    assert_eq!((held.status.as_u16(), held.header("retry-after").is_empty()), (429, false));
    assert_eq!(Browser::new(&server).log_in("alice", PASSWORD).await.status, 429);
    assert_eq!(Browser::new(&server).log_in("bob", PASSWORD).await.location(), "/account");
    server.clock.pass(60);
    assert_eq!(change(&mut alice, PASSWORD, NEW).await.location(), "/account/password/changed");
}

#[tokio::test]
async fn who_has_no_password_is_offered_none_to_change() {
    let server = server().await;
    let username = UserName::parse("keyless").unwrap();
    let new = NewUser { username, password: None, profile: Default::default() };
    let user = server.directory.create_user(&new, server.engine.now()).await.unwrap().unwrap();
    let lifetime = Lifetime::seconds(60);
    let started = server.directory.start_session(&user, None, None, server.engine.now(), lifetime).await;
    let mut browser = Browser::new(&server);
    browser.cookies.insert("__Host-grantor_session".to_owned(), started.unwrap().1.expose().to_owned());
    let page = browser.get("/account").await;
    assert!(page.status == 200 && !page.body.contains("/account/password"), "{}", page.body);
    assert_eq!(browser.get("/account/password").await.status, 404);
}

// P13
#[tokio::test]
async fn an_account_is_shown_until_its_session_ends_by_age_or_disuse() {
    let server = server().await;
    let hash_cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
    let idle =
        grantor_directory::Settings { hash_cost, idle: Some(Lifetime::seconds(100)), ..Default::default() };
    let store = server.engine.store().clone();
    let directory = Arc::new(Directory::new(store, server.engine.server_key(), idle).unwrap());
    let settings = Settings { session: Lifetime::seconds(300), ..Settings::default() };
    let router = Web::new(server.engine.clone()).users(directory.clone()).settings(settings).router();
    let server = Server { router, directory, ..server };
    let paths = ["/account", "/account/sessions", "/account/password"];
    let (mut used, mut unused) = (signed_in(&server, FIREFOX).await, signed_in(&server, PHONE).await);
    for _ in 0..3 {
        server.clock.pass(99);
        for path in paths {
            assert_eq!(used.get(path).await.status, 200, "{path}");
        }
    }
    server.clock.pass(3);
    for path in paths {
        assert!(unused.get(path).await.location().starts_with("/login"), "{path} after disuse");
        assert!(used.get(path).await.location().starts_with("/login"), "{path} at its age");
    }
}

// Q01, Q04
#[tokio::test]
async fn what_a_browser_an_operator_or_an_application_says_is_text_in_an_account() {
    let server = server().await;
    let payload = "\"><img src=x onerror=alert(1)><script>alert(1)</script>'";
    let acme = grantor_directory::AccountProfile { name: Some(payload.to_owned()), ..Default::default() };
    let now = server.engine.now();
    server.directory.create_account(&"35".parse().unwrap(), &acme, now).await.unwrap().unwrap();
    let membership = Membership { id: "35".parse().unwrap(), role: payload.to_owned() };
    let alice = "alice".parse().unwrap();
    let edited = server.directory.update_user(&alice, |profile| {
        (profile.name, profile.email) =
            (Some(payload.to_owned()), Some(format!("a@{payload}").replace(' ', "")));
        profile.accounts = vec![membership.clone()];
    });
    edited.await.unwrap().unwrap();
    server
        .engine
        .update_client(&"web".parse().unwrap(), |m| m.client_name = Some(payload.to_owned()))
        .await
        .unwrap();
    let mut browser = signed_in(&server, payload).await;
    let code = match browser.get(&authorize_url("web", "https://app.test/cb", &[("account", "35")])).await {
        page if page.status == 200 => browser.submit(&page, &[("decision", "approve")]).await,
        page => page,
    };
    let code = code.parameter("code").unwrap();
    assert_eq!(server.redeem("web", &code, "https://app.test/cb").await.status, 200);
    for (path, written) in [("/account", 5), ("/account/sessions", 0), ("/account/password", 0)] {
        let page = browser.get(path).await;
        assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{path}: {}", page.body);
        assert!(
            page.body.matches("&#60;script").count() >= written,
            "{path}: the payload was there: {}",
            page.body
        );
    }
    assert!(browser.get("/account/sessions").await.body.contains("A browser"));
}

// E09, L08
#[tokio::test]
async fn an_application_is_one_however_often_it_was_let_in_and_is_taken_back_whole() {
    let server = server().await;
    let mut alice = signed_in(&server, FIREFOX).await;
    let url = authorize_url("web", "https://app.test/cb", &[]);
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let code = alice.approve(&url).await.parameter("code").unwrap();
        let answer = server.redeem("web", &code, "https://app.test/cb").await;
        tokens.push(answer.json()["refresh_token"].as_str().unwrap().to_owned());
        server.clock.pass(2 * 3600);
    }
    let page = alice.get("/account").await;
    assert_eq!(page.body.matches("name=\"client\"").count(), 1, "{}", page.body);
    assert!(page.body.contains("Since <time datetime=\"2023-11-14\">"), "{}", page.body);
    assert!(page.body.contains("Last used <time datetime=\"2023-11-15\">"), "{}", page.body);
    for token in &tokens {
        assert!(server.is_active(token).await, "else this shows nothing");
    }
    assert_eq!(alice.submit(&page, &[]).await.location(), "/account");
    for token in &tokens {
        assert!(!server.is_active(token).await);
    }
    assert!(!alice.get("/account").await.body.contains("The web app"));
    assert_eq!(alice.get(&url).await.status, 200, "he is asked again");
}

/// What he approved he will not be asked for again, whether or not anything came of it: so he sees it, and takes it back.
#[tokio::test]
async fn an_approval_without_a_grant_is_shown_and_taken_back() {
    let server = server().await;
    let mut alice = signed_in(&server, FIREFOX).await;
    let url = authorize_url("web", "https://app.test/cb", &[]);
    alice.approve(&url).await;
    server.clock.pass(3600);
    let page = alice.get("/account").await;
    assert!(page.body.contains("The web app") && page.body.contains("<li>read</li>"), "{}", page.body);
    assert!(!page.body.contains("name=\"grant\"") && !page.body.contains("Last used"), "{}", page.body);
    assert_eq!(alice.get(&url).await.status, 303, "else this shows nothing");
    assert_eq!(alice.submit(&page, &[]).await.location(), "/account");
    assert!(!alice.get("/account").await.body.contains("The web app"));
    assert_eq!(alice.get(&url).await.status, 200, "he is asked again");
}

/// Every application is on one of the pages; and no page is heavy, however much there is.
#[tokio::test]
async fn many_applications_and_sessions_are_shown_page_by_page() {
    let mut server = server().await;
    let ids: Vec<_> = (0..70).map(|n| format!("app{n}")).collect();
    for id in &ids {
        let metadata = client(id, "https://app.test/cb");
        let secret = server.engine.register_client(metadata, None).await.unwrap().unwrap();
        server.secrets.insert(id.clone(), secret.expose().to_owned());
    }
    let mut alice = signed_in(&server, FIREFOX).await;
    for id in &ids {
        let code =
            alice.approve(&authorize_url(id, "https://app.test/cb", &[])).await.parameter("code").unwrap();
        assert_eq!(server.redeem(id, &code, "https://app.test/cb").await.status, 200);
    }
    let (mut seen, mut path, mut pages) = (BTreeSet::new(), "/account".to_owned(), 0);
    loop {
        let page = alice.get(&path).await;
        assert!(page.body.len() < 50 * 1024, "{} bytes", page.body.len());
        let clients = page.body.split("name=\"client\" value=\"").skip(1);
        seen.extend(clients.map(|rest| rest.split('"').next().unwrap().to_owned()));
        pages += 1;
        let Some(more) = page.body.split("<a href=\"/account?after=").nth(1) else { break };
        path = format!("/account?after={}", more.split(['"', '#']).next().unwrap());
    }
    assert_eq!(seen, ids.into_iter().collect());
    assert!((2..=4).contains(&pages), "{pages}");
    assert_eq!(alice.get("/account?after=nonsense").await.status, 200);
    let user = server.directory.user(&"alice".parse().unwrap()).await.unwrap().unwrap();
    for _ in 0..60 {
        let (agent, now) = (Some(FIREFOX), server.engine.now());
        server.clock.pass(1);
        server.directory.start_session(&user, None, agent, now, Lifetime::seconds(3600)).await.unwrap();
    }
    let page = alice.get("/account/sessions").await;
    assert!(page.body.len() < 50 * 1024, "{} bytes", page.body.len());
    assert!(page.body.contains("This one") && page.body.contains("There are more"));
    assert_eq!(offered(&page).len(), 39);
}

#[tokio::test]
async fn an_account_says_who_he_is_for_whom_he_acts_and_since_when_and_is_told_in_his_language() {
    let server = server().await;
    let now = server.engine.now();
    let acme = grantor_directory::AccountProfile { name: Some("Acme".to_owned()), ..Default::default() };
    server.directory.create_account(&"35".parse().unwrap(), &acme, now).await.unwrap().unwrap();
    let membership = Membership { id: "35".parse().unwrap(), role: "manager".to_owned() };
    let alice = "alice".parse().unwrap();
    let edited = server.directory.update_user(&alice, |profile| {
        profile.name = Some("Alice Liddell".to_owned());
        profile.email = Some("alice@example.test".to_owned());
        profile.accounts = vec![membership.clone()];
    });
    edited.await.unwrap().unwrap();
    server.tokens().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let page = alice.get("/account").await;
    for text in [
        ">AL</span>",
        "<bdi>Alice Liddell</bdi>",
        "<dd>alice</dd>",
        "alice@example.test",
        "<bdi class=\"name\">Acme</bdi>",
        "<bdi>manager</bdi>",
        "<a href=\"/account/password\">",
        "Last used <time datetime=\"2023-11-14\">",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    for (path, english, german) in [
        ("/account", "Your account", "Ihr Konto"),
        ("/account/sessions", "Your sessions", "Ihre Sitzungen"),
        ("/account/password", "Change your password", "Passwort ändern"),
    ] {
        assert!(alice.get(path).await.body.contains(english), "{path}");
        let page = alice.get(&format!("{path}?ui_locales=de")).await;
        assert!(page.body.contains(german) && page.body.contains("lang=\"de\""), "{path}");
        assert!(!page.body.contains(english), "{path}: {english}");
    }
}

/// Each field says what it is, to a person and to what keeps his passwords.
#[tokio::test]
async fn every_field_of_the_password_page_is_labelled_and_completed() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let page = alice.get("/account/password").await;
    for (field, completed) in [("current_password", "current-password"), ("new_password", "new-password")] {
        assert!(page.body.contains(&format!("<label for=\"{field}\">")), "{field}");
        let input =
            page.body.split(&format!("<input id=\"{field}\"")).nth(1).unwrap().split('>').next().unwrap();
        assert!(
            input.contains(&format!("autocomplete=\"{completed}\"")) && input.contains("type=\"password\"")
        );
    }
    assert!(page.body.contains("value=\"alice\" autocomplete=\"username\""));
}

/// A directory that keeps sessions and nothing that an account page could show of them.
struct Plain(Arc<Directory>);

#[async_trait]
impl UserDirectory for Plain {
    async fn authenticate(
        &self,
        username: &str,
        password: &Secret,
        now: Time,
    ) -> Result<Result<User, LoginRefused>, DirectoryError> {
        self.0.authenticate(username, password, now).await
    }

    async fn user(&self, subject: &SubjectId) -> Result<Option<User>, DirectoryError> {
        self.0.user(subject).await
    }

    async fn start_session(
        &self,
        user: &User,
        replaces: Option<&Secret>,
        user_agent: Option<&str>,
        now: Time,
        lifetime: Lifetime,
    ) -> Result<(Session, Secret), DirectoryError> {
        self.0.start_session(user, replaces, user_agent, now, lifetime).await
    }

    async fn find_session(&self, cookie: &Secret, now: Time) -> Result<Option<Session>, DirectoryError> {
        self.0.find_session(cookie, now).await
    }

    async fn end_session(&self, cookie: &Secret) -> Result<(), DirectoryError> {
        self.0.end_session(cookie).await
    }
}

#[tokio::test]
async fn a_directory_that_lists_no_sessions_has_a_page_that_ends_this_one() {
    let server = server().await;
    let users = Arc::new(Plain(server.directory.clone()));
    let router = Web::new(server.engine.clone()).users(users).router();
    let server = Server { router, ..server };
    let mut alice = Browser::logged_in(&server, "alice").await;
    assert!(!alice.get("/account").await.body.contains("/account/password"));
    assert_eq!(alice.get("/account/password").await.status, 404);
    let page = alice.get("/account/sessions").await;
    assert!(
        page.body.contains("not listed here") && !page.body.contains("value=\"others\""),
        "{}",
        page.body
    );
    assert_eq!(alice.submit(&page, &[("end", "others")]).await.location(), "/account/sessions");
    assert!(is_signed_in(&mut alice).await);
    let cookies = alice.cookies.clone();
    assert_eq!(alice.submit(&page, &[("end", "all")]).await.location(), "/login");
    alice.cookies = cookies;
    assert!(!is_signed_in(&mut alice).await);
}
