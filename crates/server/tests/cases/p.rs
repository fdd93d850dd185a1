//! P: login, session, logout, account.

use serde_json::json;

use crate::browser::{Browser, field};
use crate::case::{Case, case, with};
use crate::http::{Asked, Told};
use crate::judge::{Found, Outcome, ensure, rule, same};
use crate::place::{PASSWORD, Settings};
use crate::stage::{Stage, authorize, pair};
use crate::wire::{answers, instead, requests, without};

pub(crate) fn cases() -> Vec<Case> {
    let cookies = |from: &'static str, to: &'static str| {
        answers(move |_, told| {
            for (name, value) in &mut told.headers {
                if name == "set-cookie" {
                    *value = value.replace(from, to);
                }
            }
        })
    };
    vec![
        case("P01", "guessing_a_password_is_slowed_down_and_locks_nobody_out_for_good", p01)
            .fails_by_setting("it is not", "GRANTOR__RATE_LIMITS__LOGIN", "off")
            .fails_if("nobody is told how long", without("retry-after"))
            .fails_if(
                "it holds for everybody",
                answers(|asked, told| {
                    if asked.field("username").as_deref() == Some("bob") {
                        told.status = 429;
                    }
                }),
            )
            .fails_if(
                "it holds for good",
                answers(|asked, told| {
                    if asked.path() == "/login" && told.status == 303 {
                        told.status = 429;
                    }
                }),
            ),
        case("P03", "an_unknown_user_is_told_what_a_wrong_password_is_told", p03)
            .fails_if(
                "the page tells",
                answers(|asked, told| {
                    if asked.field("username").is_some_and(|user| user.starts_with("nobody")) {
                        told.body = told.body.replace("wrong", "unknown");
                    }
                }),
            )
            .fails_if(
                "the status tells",
                answers(|asked, told| {
                    if asked.field("username").is_some_and(|user| user.starts_with("nobody")) {
                        told.status = 404;
                    }
                }),
            ),
        case("P04", "a_password_is_compared_whole_and_bounded", p04)
            .fails_if(
                "the first 72 bytes decide",
                requests(|asked| {
                    if let Some(password) = asked.field("password").filter(|password| password.len() > 72) {
                        let whole = format!("{}{}", password.get(..72).unwrap_or_default(), "x".repeat(28));
                        asked.set_field("password", Some(&whole));
                    }
                }),
            )
            .fails_if(
                "any length is hashed",
                answers(|asked, told| {
                    if asked.body.len() > 100_000 {
                        told.status = 200;
                    }
                }),
            ),
        case("P05", "every_login_begins_a_session_and_ends_the_old", p05)
            .fails_if("the id stays", the_id_stays())
            .fails_if(
                "the old one lives on",
                answers(|asked, told| {
                    if asked.path() == "/account" && told.header("location") == "/login" {
                        *told = Told::new(200, "text/html", "");
                    }
                }),
            ),
        case("P06", "cookies_are_this_servers_alone", p06)
            .fails_if("scripts can read them", cookies("; HttpOnly", ""))
            .fails_if("they travel in clear", cookies("; Secure", ""))
            .fails_if("they come along from other sites", cookies("; SameSite=Lax", "; SameSite=None"))
            .fails_if("other hosts can set them", cookies("__Host-", ""))
            .fails_if("other hosts get them", cookies("; Path=/", "; Path=/; Domain=example.test"))
            .fails_if("they are for a part of it", cookies("; Path=/", "; Path=/login")),
        case("P07", "a_logout_ends_the_session_on_the_server", p07).fails_if(
            "the cookie alone is taken away",
            instead(|asked| {
                asked.is("POST", "/logout").then(|| {
                    let gone = "__Host-grantor_session=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0";
                    Told::new(303, "text/html", "").with("location", "/login").with("set-cookie", gone)
                })
            }),
        ),
        case("P12", "another_user_in_the_same_browser_does_not_answer_for_the_first", p12).fails_if(
            "what was asked is for whoever is there",
            answers(|asked, told| {
                if asked.path().ends_with("/decision") && told.status >= 400 {
                    *told = Told::new(303, "text/html", "").with("location", "https://spa.test/cb?code=x");
                }
            }),
        ),
        case("P13", "a_session_ends_on_the_server_by_age_and_by_disuse", p13)
            .fails_by_setting("it lives longer", "GRANTOR__LIFETIMES__SESSION", "1h")
            .fails_by_setting("disuse does not count", "GRANTOR__LIFETIMES__SESSION_IDLE", "never"),
        case("P18", "nobody_sees_or_ends_what_is_anothers", p18)
            .fails_if(
                "whose it is is not looked at",
                answers(|asked, told| {
                    if asked.path().starts_with("/apps/") && told.status == 404 {
                        told.status = 200;
                    }
                }),
            )
            .fails_if(
                "anybody ends a grant",
                answers(|asked, told| {
                    if asked.is("POST", "/account/revoke") && told.status == 404 {
                        *told = Told::new(303, "text/html", "").with("location", "/account");
                    }
                }),
            ),
        case("P20", "operators_alone_are_let_in_and_one_remains", p20)
            .fails_if(
                "whoever has a token is let in",
                answers(|asked, told| {
                    if asked.path().starts_with("/api/") && told.status == 403 {
                        told.status = 200;
                    }
                }),
            )
            .fails_if(
                "the last can leave",
                answers(|asked, told| {
                    if asked.method == "DELETE" && told.status == 409 {
                        told.status = 204;
                    }
                }),
            )
            .fails_if(
                "nobody writes it down",
                answers(|asked, told| {
                    if asked.path() == "/api/audit" {
                        told.body = "{\"items\":[],\"next\":null}".to_owned();
                    }
                }),
            ),
        case("P22", "what_is_far_too_long_does_not_break_the_flow", p22)
            .fails_if(
                "it is kept in a cookie",
                answers(|asked, told| {
                    if asked.target.len() > 5000 && told.status < 400 {
                        told.headers
                            .push(("set-cookie".to_owned(), format!("x={}; Path=/", "y".repeat(5000))));
                    }
                }),
            )
            .fails_if(
                "it breaks the server",
                answers(|asked, told| {
                    if asked.target.len() > 5000 {
                        told.status = 502;
                    }
                }),
            ),
    ]
}

/// Whoever logs in again keeps the session he had.
fn the_id_stays() -> crate::wire::Spoil {
    let first = std::sync::Mutex::new(None::<String>);
    answers(move |_, told| {
        for (name, value) in &mut told.headers {
            if name == "set-cookie" && value.starts_with("__Host-grantor_session=") {
                *value = crate::place::lock(&first).get_or_insert_with(|| value.clone()).clone();
            }
        }
    })
}

fn p01(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings { limits: true, by_clock: true, ..Settings::default() })?;
    let mut browser = stage.browser();
    let mut tries = 0;
    let held = loop {
        let told = browser.log_in("alice", "a wrong password")?;
        tries += 1;
        if told.status == 429 {
            break told;
        }
        ensure!(told.status == 200, "a wrong password: {told}");
        if tries > 60 {
            return Err(rule("sixty guesses, and nobody slows him down"));
        }
    };
    let wait: i64 = held.header("retry-after").parse().map_err(|_| rule("he is not told how long"))?;
    ensure!((1..=3600).contains(&wait), "he has to wait {wait} seconds");
    ensure!(browser.log_in("ALICE", PASSWORD)?.status == 429, "a name in capitals begins anew");
    let other = stage.browser().log_in("bob", PASSWORD)?;
    ensure!(other.status == 303, "another user has to wait as well: {other}");
    stage.place().set_clock(wait + 1);
    let told = browser.log_in("alice", PASSWORD)?;
    ensure!(told.status == 303, "after that time the right password is refused: {told}");
    Ok(())
}

fn p03(stage: &Stage) -> Outcome {
    let tell = |user: &str| -> Result<_, Found> {
        let mut browser = stage.browser();
        let told = browser.log_in(user, "a wrong password")?;
        let mut headers = told.headers.clone();
        headers.retain(|(name, _)| name != "date");
        let token = field(&told, "csrf")?;
        Ok((told.status, headers, told.body.replace(&token, "")))
    };
    let known = tell("alice")?;
    for user in ["nobody", "nobody@example.test", "no body", ""] {
        same(user, &tell(user)?, &known)?;
    }
    Ok(())
}

fn p04(stage: &Stage) -> Outcome {
    let long = "x".repeat(100);
    let user = crate::stage::unique("long");
    let users = json!({"users": [{"username": user, "password": long}]});
    stage.operate("POST", "/api/import", Some(&users))?.must(200)?;
    ensure!(stage.browser().log_in(&user, &long)?.status == 303, "the whole password is refused");
    for wrong in [
        long.get(..72).unwrap_or_default().to_owned(),
        format!("{}y", long.get(..99).unwrap_or_default()),
        format!("{long}x"),
    ] {
        let told = stage.browser().log_in(&user, &wrong)?;
        ensure!(told.status == 200, "{} characters, of which not all are right: {told}", wrong.len());
    }
    let mut browser = stage.browser();
    let page = browser.get("/login")?;
    let (action, _) = crate::browser::form_of(&page)?;
    let token = field(&page, "csrf")?;
    let fields = [("csrf", token.as_str()), ("username", &user), ("password", &"x".repeat(1024 * 1024))];
    // The server may close before it has read all of it.
    let asked = Asked::post(&action, &fields);
    let told = asked.try_send(&stage.public());
    ensure!(
        told.as_ref().is_none_or(|told| told.status == 413),
        "a megabyte: {}",
        told.map_or(0, |told| told.status)
    );
    ensure!(stage.place().is_alive(), "the server is gone");
    Ok(())
}

fn p05(stage: &Stage) -> Outcome {
    let user = stage.join("user")?;
    let mut browser = stage.browser().logged_in(&user)?;
    let first = browser.clone();
    browser.log_in(&user, PASSWORD)?.must(303)?;
    ensure!(browser.session() != first.session(), "the session id is the same after a login");
    let mut old = first;
    ensure!(!old.is_logged_in()?, "the old session lives on");
    // What somebody planted is not adopted.
    let planted = "gra_ss_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcVa4rT";
    let mut victim = stage.browser();
    victim.cookies.insert("__Host-grantor_session".to_owned(), planted.to_owned());
    victim.log_in(&user, PASSWORD)?.must(303)?;
    ensure!(victim.session() != planted, "a planted session is adopted");
    let page = browser.get("/account/password")?.must(200)?;
    let mut before = browser.clone();
    let new = [("current_password", PASSWORD), ("new_password", "another battery staple")];
    browser.submit(&page, &new)?.must(303)?;
    ensure!(browser.session() != before.session(), "the session id is the same after a new password");
    ensure!(!before.is_logged_in()?, "the session of before the new password lives on");
    ensure!(browser.is_logged_in()?, "the new one does not");
    Ok(())
}

fn p06(stage: &Stage) -> Outcome {
    let mut browser = stage.browser();
    let page = browser.get("/login")?;
    let login = browser.submit(&page, &[("username", "alice"), ("password", PASSWORD)])?;
    let mut seen = 0;
    for told in [page, login] {
        for (_, cookie) in told.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let mut parts = cookie.split("; ");
            let name = parts.next().unwrap_or_default();
            let attributes: Vec<_> = parts.collect();
            ensure!(name.starts_with("__Host-"), "{name} can be set by other hosts");
            for attribute in ["HttpOnly", "Secure", "Path=/"] {
                ensure!(attributes.contains(&attribute), "{attribute} is not among {attributes:?}");
            }
            let same_site = attributes.iter().any(|a| ["SameSite=Lax", "SameSite=Strict"].contains(a));
            ensure!(same_site, "other sites can send it: {attributes:?}");
            ensure!(
                !attributes.iter().any(|a| a.starts_with("Domain")),
                "other hosts get it: {attributes:?}"
            );
            seen += 1;
        }
    }
    ensure!(seen >= 2, "there are {seen} cookies");
    Ok(())
}

fn p07(stage: &Stage) -> Outcome {
    let mut browser = stage.alice()?;
    let mut replayed = browser.clone();
    let page = browser.get("/logout")?.must(200)?;
    browser.submit(&page, &[])?.must(303)?;
    ensure!(!browser.is_logged_in()?, "he is still logged in");
    ensure!(!replayed.is_logged_in()?, "the cookie of before is somebody's");
    let told = replayed.get(&authorize("web", &[]))?;
    ensure!(told.parameter("code").is_none(), "by the cookie of before a code is given");
    Ok(())
}

fn p12(stage: &Stage) -> Outcome {
    let mut browser = stage.alice()?;
    let page = browser.get(&authorize("spa", &[]))?.must(200)?;
    browser.log_in("bob", PASSWORD)?.must(303)?;
    let told = browser.submit(&page, &[("decision", "approve")])?;
    ensure!([400, 403].contains(&told.status), "bob answers what alice was asked: {told}");
    let token = field(&browser.get(&authorize("spa", &[]))?.must(200)?, "csrf")?;
    let told = browser.submit(&page, &[("decision", "approve"), ("csrf", &token)])?;
    told.error_page("bob answers by a token of his own what alice was asked")
}

fn p13(stage: &Stage) -> Outcome {
    let lifetimes = "[lifetimes]\nsession = \"100s\"\nsession_idle = \"60s\"\n";
    let stage = stage.own(Settings { by_clock: true, ..with(lifetimes) })?;
    let (mut browser, mut unused) = (stage.alice()?, stage.alice()?);
    // Half a minute before its end a session may be taken for unused.
    for seconds in [25, 50, 75, 96] {
        stage.place().set_clock(seconds);
        ensure!(browser.is_logged_in()?, "it is over before its time");
    }
    ensure!(!unused.is_logged_in()?, "one that nobody used lives on");
    stage.place().set_clock(101);
    ensure!(!browser.is_logged_in()?, "it lives on after its time");
    let told = browser.get(&authorize("web", &[]))?;
    ensure!(told.header("location").starts_with("/login"), "a request is taken after its time: {told}");
    Ok(())
}

fn p18(stage: &Stage) -> Outcome {
    let (user, other) = (stage.join("user")?, stage.join("user")?);
    let client = stage.register("web", &json!({"owner": user}))?;
    let mut owner = stage.browser().logged_in(&user)?;
    let mut stranger = stage.browser().logged_in(&other)?;
    let given = pair(&stage.redeem(&client, &stage.code_by(&mut owner, &client)?)?)?;
    pair(&stage.redeem("web", &stage.code_by(&mut stranger, "web")?)?)?;
    let grants = stage.operate("GET", &format!("/api/grants?user={user}"), None)?.must(200)?.value();
    let grant = grants["items"][0]["id"].as_str().unwrap_or_default().to_owned();
    let own = stranger.get("/account")?.must(200)?;
    ensure!(!own.body.contains(&client), "he sees another's");
    let told = stranger.submit(&own, &[("grant", &grant), ("client", &client)])?;
    ensure!([403, 404].contains(&told.status), "he ends another's grant: {told}");
    ensure!(stage.is_active(&client, &given.access)?, "he ended another's grant");
    for below in ["", "/edit", "/delete"] {
        let told = stranger.get(&format!("/apps/{client}{below}"))?;
        ensure!(told.status == 404, "he sees another's application: {below} {told}");
        ensure!(owner.get(&format!("/apps/{client}{below}"))?.status == 200, "its owner does not see it");
    }
    let his = stage.register("web", &json!({"owner": other}))?;
    let token = field(&stranger.get(&format!("/apps/{his}/edit"))?, "csrf")?;
    for below in ["/edit", "/secret", "/delete"] {
        let told = stranger.post(&format!("/apps/{client}{below}"), &[("csrf", &token), ("name", "Mine")])?;
        ensure!(told.status == 404, "he changes another's application: {below} {told}");
    }
    ends_no_session(stage, &user, &mut owner, &mut stranger)
}

fn ends_no_session(stage: &Stage, user: &str, owner: &mut Browser, stranger: &mut Browser) -> Outcome {
    // The owner is signed in twice, so that his page has a session to end.
    let mut twice = stage.browser().logged_in(user)?;
    let page = owner.get("/account/sessions")?.must(200)?;
    let mut ids = page.body.split("name=\"end\" value=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let id = ids.find(|id| id.len() == 64).unwrap_or_default().to_owned();
    ensure!(!id.is_empty(), "there is no session to end: {page}");
    let own = stranger.get("/account/sessions")?.must(200)?;
    let told = stranger.submit(&own, &[("end", &id)])?;
    ensure!(told.status == 404, "he ends another's session: {told}");
    ensure!(twice.is_logged_in()? && owner.is_logged_in()?, "he ended another's session");
    Ok(())
}

fn p20(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    let token = |user: &str| -> Result<String, Found> {
        let made = json!({"profile": "admin", "user": user});
        stage.place().operate("POST", "/api/session-tokens", Some(&made))?.must(201)?.text("token")
    };
    let alices = token("alice")?;
    for path in ["/api/clients", "/api/users", "/api/settings", "/api/keys/rotate", "/api/nothing"] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let asked = Asked::new(method, path, "").header("Authorization", &format!("Bearer {alices}"));
            let told = asked.send(&stage.admin())?;
            ensure!(told.status == 403, "{method} {path} by alice: {told}");
        }
    }
    // The console lets her in no further.
    let mut console = Browser::new(&stage.admin());
    console.headers.clear();
    let page = console.get("/login")?;
    console.submit(&page, &[("username", "alice"), ("password", PASSWORD)])?;
    let told = console.get("/clients")?;
    ensure!(told.status != 200, "she sees the console: {told}");
    for (method, path) in [("DELETE", "/api/users/demo-admin"), ("POST", "/api/users/demo-admin/disable")] {
        let told = stage.operate(method, path, None)?;
        ensure!((400..500).contains(&told.status), "the last operator is gone: {method} {path}: {told}");
    }
    let told = stage.operate("PATCH", "/api/users/demo-admin", Some(&json!({"admin": false})))?;
    ensure!((400..500).contains(&told.status), "the last operator is none: {told}");
    stage.operate("POST", "/api/users/bob/disable", None)?.must(200)?;
    let trail = stage.operate("GET", "/api/audit?kind=operator_acted", None)?.must(200)?;
    ensure!(
        trail.body.contains("user.disable") && trail.body.contains("demo-admin"),
        "it is not in the trail: {trail}"
    );
    Ok(())
}

fn p22(stage: &Stage) -> Outcome {
    let long = "x".repeat(20_000);
    for name in ["login_hint", "ui_locales", "acr_values"] {
        for length in [2_000, 6_000, 20_000] {
            let value = long.get(..length).unwrap_or_default();
            let mut browser = stage.browser();
            // Whoever refuses a head that is too long may close while it is still being sent, and its answer be lost with that.
            let asked = authorize("spa", &[(name, value)]);
            let told =
                (0..5).find_map(|_| browser.get(&asked).ok()).map_or_else(|| browser.get(&asked), Ok)?;
            ensure!([200, 303, 400, 414, 431].contains(&told.status), "{name} of {length}: {told}");
            let cookies: usize = browser.cookies.iter().map(|(name, value)| name.len() + value.len()).sum();
            ensure!(cookies < 4_000, "{name} of {length} is kept in a cookie");
            let page = if told.status == 303 { browser.open(told.header("location"))? } else { told };
            if page.status == 200 {
                let back = browser.submit(&page, &[("username", "alice"), ("password", PASSWORD)])?;
                let page = browser.open(back.header("location"))?.must(200)?;
                browser.submit(&page, &[("decision", "approve")])?.code()?;
            }
        }
    }
    let mut browser = stage.browser().logged_in("alice")?;
    browser.approve(&authorize("spa", &[]))?.code().map(drop)
}
