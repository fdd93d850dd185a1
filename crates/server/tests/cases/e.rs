//! E: CSRF and the binding of requests.

use std::sync::Arc;

use crate::browser::{field, form_of};
use crate::case::{Case, case};
use crate::http::{Asked, FORM, Told, form};
use crate::judge::{Found, Outcome, ensure, same};
use crate::place::PASSWORD;
use crate::stage::{AUTHORIZE, METADATA, Stage, authorize, to};
use crate::wire::{Server, Spoil, answers, requests, with};

const NEW: &str = "another battery staple";
const DECISION: &str = "/oauth2/authorize/decision";

pub(crate) fn cases() -> Vec<Case> {
    let own_site = || {
        requests(|asked| {
            for (name, value) in [("Origin", crate::place::ISSUER), ("Sec-Fetch-Site", "same-origin")] {
                if asked.has_header(name).is_some() {
                    asked.drop_header(name);
                    asked.headers.push((name.to_owned(), value.to_owned()));
                }
            }
        })
    };
    vec![
        case("E01", "a_form_is_taken_with_the_token_of_its_own_session_only", e01)
            .fails_if("tokens are not looked at", token_filled_in())
            .fails_if(
                "a decision needs none",
                answers(|asked, told| {
                    if asked.path() == DECISION && told.status == 403 {
                        *told =
                            Told::new(303, "text/html", "").with("location", "https://spa.test/cb?code=x");
                    }
                }),
            ),
        case("E02", "a_form_that_another_site_sends_is_refused", e02)
            .fails_if("who sends it is not looked at", own_site()),
        case("E04", "what_a_form_says_beyond_the_choice_is_ignored", e04)
            .fails_if(
                "the form says where to",
                answers(|asked, told| {
                    if let Some(uri) = asked.field("redirect_uri").filter(|_| asked.path() == DECISION) {
                        let query =
                            told.header("location").split_once('?').map_or("", |(_, query)| query).to_owned();
                        told.set_header("location", &format!("{uri}?{query}"));
                    }
                }),
            )
            .fails_if(
                "the form says the state",
                answers(|asked, told| {
                    if asked.field("state").is_some() {
                        let to = told.header("location").replace("the-state", "another");
                        told.set_header("location", &to);
                    }
                }),
            )
            .fails_if(
                "the form says who",
                answers(|asked, told| {
                    if asked.path().ends_with("introspect") {
                        told.body = told.body.replace("\"alice\"", "\"bob\"");
                    }
                }),
            )
            .fails_if(
                "the form says what for",
                answers(|asked, told| {
                    if asked.path().ends_with("introspect") {
                        told.body = told.body.replace("\"read\"", "\"read write\"");
                    }
                }),
            ),
        case("E06", "nothing_changes_by_a_get", e06).fails_if(
            "a GET is as good as a POST",
            requests(|asked| {
                if asked.method == "GET" && asked.parameter("csrf").is_some() {
                    asked.method = "POST".to_owned();
                    asked.body = asked.query().as_bytes().to_vec();
                    asked.target = asked.path().to_owned();
                    asked.headers.push(("Content-Type".to_owned(), FORM.to_owned()));
                }
            }),
        ),
        case("E08", "nobody_is_logged_in_by_another_site", e08)
            .fails_if("a login needs no form", logs_in_anybody()),
        case("E09", "a_password_changes_by_the_current_one_and_a_grant_ends_by_its_own_form", e09)
            .fails_if(
                "the current one is not asked for",
                requests(|asked| {
                    if asked.is("POST", "/account/password") {
                        asked.set_field("current_password", Some(PASSWORD));
                    }
                }),
            )
            .fails_if("tokens are not looked at", token_filled_in()),
        case("E11", "no_page_can_be_read_by_another_site", e11)
            .fails_if("any origin may read", with("access-control-allow-origin", "*"))
            .fails_if(
                "origins are repeated, with credentials",
                answers(|asked, told| {
                    if let Some(origin) = asked.has_header("origin").filter(|_| asked.path() == METADATA) {
                        told.set_header("access-control-allow-origin", origin);
                        told.set_header("access-control-allow-credentials", "true");
                    }
                }),
            ),
        case("E12", "a_logout_is_asked_for_before_it_is_done", e12).fails_if(
            "a GET logs out",
            Arc::new(|asked, server| {
                let told = server(&asked);
                if asked.is("GET", "/logout") && told.status == 200 {
                    server(&with_its_token(&Asked { method: "POST".to_owned(), ..asked }, server));
                }
                told
            }),
        ),
    ]
}

/// The same with the token that the page at its address has for this browser.
fn with_its_token(asked: &Asked, server: Server<'_>) -> Asked {
    let mut page = Asked::get(asked.path());
    page.headers
        .extend(asked.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie")).cloned());
    let mut asked = asked.clone();
    if let Ok(token) = field(&server(&page), "csrf") {
        asked.set_field("csrf", Some(&token));
        asked.drop_header("content-type");
        asked.headers.push(("Content-Type".to_owned(), FORM.to_owned()));
    }
    asked
}

/// The right token is in the place of any other.
pub(crate) fn token_filled_in() -> Spoil {
    Arc::new(|asked, server| {
        if asked.method == "POST" && ["/account", "/logout"].iter().any(|page| asked.path().starts_with(page))
        {
            return server(&with_its_token(&asked, server));
        }
        server(&asked)
    })
}

/// A browser that has no form, or another's, is given one and takes it.
fn logs_in_anybody() -> Spoil {
    Arc::new(|asked, server| {
        let told = server(&asked);
        if !asked.is("POST", "/login") || told.status != 403 {
            return told;
        }
        let page = server(&Asked::get("/login"));
        let cookie = page.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        let (user, password) =
            (asked.field("username").unwrap_or_default(), asked.field("password").unwrap_or_default());
        let token = field(&page, "csrf").unwrap_or_default();
        let fields = [("username", user.as_str()), ("password", &password), ("csrf", &token)];
        server(&Asked::post("/login", &fields).header("Cookie", &cookie))
    })
}

/// A form that a person can send, and by what it is seen that it was taken.
struct Form {
    page: &'static str,
    filled: &'static [(&'static str, &'static str)],
}

const FORMS: [Form; 3] = [
    Form { page: "/logout", filled: &[] },
    Form { page: "/account/password", filled: &[("current_password", PASSWORD), ("new_password", NEW)] },
    Form { page: "/account/sessions", filled: &[("end", "all")] },
];

fn forbidden(what: &str, told: &Told) -> Outcome {
    ensure!([400, 403].contains(&told.status), "{what}: it was taken: {told}");
    ensure!(told.header("location").is_empty(), "{what}: {told}");
    Ok(())
}

/// The tokens of everybody else, and none.
fn foreign_tokens(stage: &Stage, user: &str, page: &str) -> Result<Vec<(&'static str, String)>, Found> {
    let mut other = stage.browser().logged_in(user)?;
    let mut bob = stage.browser().logged_in("bob")?;
    let mut left = stage.browser().logged_in(user)?;
    let of_left = field(&left.get(page)?, "csrf")?;
    let logout = left.get("/logout")?;
    left.submit(&logout, &[])?.must(303)?;
    Ok(vec![
        ("no token", String::new()),
        ("nonsense", "x".repeat(43)),
        ("the token of another session", field(&other.get(page)?, "csrf")?),
        ("the token of another user", field(&bob.get(page)?, "csrf")?),
        ("the token of a session that is over", of_left),
    ])
}

fn e01(stage: &Stage) -> Outcome {
    let user = stage.join("user")?;
    let mut browser = stage.browser().logged_in(&user)?;
    for form in FORMS {
        let page = browser.get(form.page)?.must(200)?;
        for (what, token) in foreign_tokens(stage, &user, form.page)? {
            let told = browser.submit(&page, &[form.filled, &[("csrf", &token)]].concat())?;
            forbidden(&format!("{} with {what}", form.page), &told)?;
            ensure!(browser.is_logged_in()?, "{} with {what} had an effect", form.page);
        }
    }
    ensure!(stage.browser().log_in(&user, PASSWORD)?.status == 303, "the password is another one now");
    let page = browser.get(&authorize("spa", &[]))?.must(200)?;
    for (what, token) in foreign_tokens(stage, &user, "/account/password")? {
        let told = browser.submit(&page, &[("decision", "approve"), ("csrf", &token)])?;
        forbidden(&format!("a decision with {what}"), &told)?;
    }
    browser.submit(&page, &[("decision", "approve")])?.code().map(drop)
}

fn e02(stage: &Stage) -> Outcome {
    let user = stage.join("user")?;
    let mut browser = stage.browser().logged_in(&user)?;
    let own = browser.headers.clone();
    let page = browser.get(&authorize("spa", &[]))?.must(200)?;
    let sites = [("Origin", "https://evil.test"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")];
    for (name, value) in sites {
        browser.headers = vec![(name.to_owned(), value.to_owned())];
        forbidden(
            &format!("a decision, {name}: {value}"),
            &browser.submit(&page, &[("decision", "approve")])?,
        )?;
        for form in FORMS {
            let page = browser.get(form.page)?.must(200)?;
            forbidden(&format!("{}, {name}: {value}", form.page), &browser.submit(&page, form.filled)?)?;
        }
    }
    browser.headers = own;
    ensure!(browser.is_logged_in()?, "something of that had an effect");
    browser.submit(&page, &[("decision", "approve")])?.code().map(drop)
}

fn e04(stage: &Stage) -> Outcome {
    let client = stage.register("web", &serde_json::json!({}))?;
    let mut alice = stage.alice()?;
    let page = alice.get(&authorize(&client, &[("scope", "read")]))?.must(200)?;
    let tampered = [
        ("decision", "approve"),
        ("client_id", "web2"),
        ("scope", "read write"),
        ("redirect_uri", "https://evil.test/cb"),
        ("username", "bob"),
        ("state", "another"),
    ];
    let back = alice.submit(&page, &tampered)?;
    ensure!(back.header("location").starts_with(&format!("{}?", to("web"))), "it leads to {back}");
    same("the state", &back.parameter("state").as_deref(), &Some("the-state"))?;
    let given = crate::stage::pair(&stage.redeem(&client, &back.code()?)?)?;
    let told = stage.introspect(&client, &given.access)?;
    same("who", &told["sub"], &"alice".into())?;
    same("what for", &told["scope"], &"read".into())
}

fn e06(stage: &Stage) -> Outcome {
    let user = stage.join("user")?;
    let mut browser = stage.browser().logged_in(&user)?;
    for one in FORMS {
        let page = browser.get(one.page)?.must(200)?;
        let token = field(&page, "csrf")?;
        let fields = form(&[one.filled, &[("csrf", &token)]].concat());
        for method in ["GET", "HEAD"] {
            browser.send(Asked::new(method, &format!("{}?{fields}", one.page), ""))?;
            ensure!(browser.is_logged_in()?, "{method} {} had an effect", one.page);
        }
    }
    ensure!(stage.browser().log_in(&user, PASSWORD)?.status == 303, "the password is another one now");
    let page = browser.get(&authorize("spa", &[]))?.must(200)?;
    let (action, mut fields) = form_of(&page)?;
    fields.push(("decision".to_owned(), "approve".to_owned()));
    let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    for method in ["GET", "HEAD"] {
        let told = browser.send(Asked::new(method, &format!("{action}?{}", form(&fields)), ""))?;
        ensure!(told.status == 405, "{method} {action}: {told}");
    }
    let head = browser.send(Asked::new("HEAD", &authorize("spa", &[]), ""))?;
    ensure!(head.status == 405 || head.header("location").is_empty(), "HEAD {AUTHORIZE}: {head}");
    browser.submit(&page, &[("decision", "approve")])?.code().map(drop)
}

fn e08(stage: &Stage) -> Outcome {
    let mut attacker = stage.browser();
    let token = field(&attacker.get("/login")?, "csrf")?;
    let fields = [("csrf", token.as_str()), ("username", "bob"), ("password", PASSWORD)];
    for visited in [false, true] {
        let mut victim = stage.browser();
        if visited {
            victim.get("/login")?;
        }
        let told = victim.post("/login", &fields)?;
        forbidden(&format!("another's form, visited before: {visited}"), &told)?;
        ensure!(victim.session().is_empty() && !victim.is_logged_in()?, "he is logged in as somebody else");
    }
    let mut crossing = attacker.clone();
    crossing.headers = vec![("Sec-Fetch-Site".to_owned(), "cross-site".to_owned())];
    forbidden("his own form, from another site", &crossing.post("/login", &fields)?)?;
    let told = attacker.post("/login", &fields)?;
    ensure!(told.status == 303, "his own form is refused: {told}");
    Ok(())
}

fn e09(stage: &Stage) -> Outcome {
    let user = stage.join("user")?;
    let mut browser = stage.browser().logged_in(&user)?;
    let page = browser.get("/account/password")?.must(200)?;
    for current in ["", "a wrong password", NEW] {
        let told = browser.submit(&page, &[("current_password", current), ("new_password", NEW)])?;
        ensure!(told.status != 303, "changed by the password {current:?}: {told}");
    }
    let given = crate::stage::pair(&stage.redeem("web", &stage.code_by(&mut browser, "web")?)?)?;
    let account = browser.get("/account")?.must(200)?;
    let forged = browser.submit(&account, &[("csrf", "")])?;
    forbidden("a grant ended without a token", &forged)?;
    ensure!(stage.is_active("web", &given.access)?, "it had an effect");
    browser.submit(&account, &[])?.must(303)?;
    ensure!(!stage.is_active("web", &given.access)?, "with its form it has none");
    let page = browser.get("/account/password")?.must(200)?;
    forbidden(
        "no token",
        &browser.submit(&page, &[("current_password", PASSWORD), ("new_password", NEW), ("csrf", "")])?,
    )?;
    let told = browser.submit(&page, &[("current_password", PASSWORD), ("new_password", NEW)])?;
    ensure!(told.status == 303, "with all that is asked for it is not changed: {told}");
    ensure!(stage.browser().log_in(&user, NEW)?.status == 303, "the new one is not taken");
    Ok(())
}

fn e11(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    let from = |target: &str| Asked::get(target).header("Origin", "https://evil.test");
    let header = |told: &Told, name: &str| told.header(&format!("access-control-allow-{name}")).to_owned();
    for target in
        ["/login", "/account", "/account/password", "/logout", "/apps", "/nothing", &authorize("spa", &[])]
    {
        let told = alice.send(from(target))?;
        ensure!(header(&told, "origin").is_empty(), "{target} can be read by {}", header(&told, "origin"));
    }
    for target in [
        METADATA,
        "/.well-known/jwks.json",
        "/oauth2/token",
        "/oauth2/introspect",
        "/oauth2/revoke",
        "/login",
    ] {
        for asked in [from(target), Asked { method: "OPTIONS".to_owned(), ..from(target) }] {
            let told = stage.send(&asked)?;
            ensure!(
                header(&told, "credentials").is_empty(),
                "{target} takes credentials from {}",
                header(&told, "origin")
            );
        }
    }
    Ok(())
}

fn e12(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    let page = alice.get("/logout")?.must(200)?;
    ensure!(page.body.contains("<form"), "nothing is asked");
    ensure!(alice.is_logged_in()?, "the session is over before he confirmed");
    alice.submit(&page, &[])?.must(303)?;
    ensure!(!alice.is_logged_in()?, "it lives on after he did");
    Ok(())
}
