//! Q: what others wrote is text.

use serde_json::json;

use crate::case::{Case, case};
use crate::http::{Asked, Told, form};
use crate::judge::{Outcome, broken, ensure};
use crate::stage::{INTROSPECT, METADATA, REVOKE, Stage, TOKEN, authorize, by, pair};
use crate::wire::{answers, with, without};

const PAYLOAD: &str = "\"><img src=x onerror=alert(1)><script>alert(1)</script>'";

pub(crate) fn cases() -> Vec<Case> {
    let unescaped = || {
        answers(|_, told| {
            told.body = told.body.replace("&#60;", "<").replace("&#62;", ">").replace("&lt;", "<");
        })
    };
    let repeated = answers(|asked: &Asked, told: &mut Told| {
        for name in ["request", "state", "error", "login_hint"] {
            if let Some(value) =
                asked.parameter(name).filter(|_| told.header("content-type").starts_with("text/html"))
            {
                told.body += &value;
            }
        }
    });
    vec![
        case("Q01", "an_applications_name_is_text", q01).fails_if("it is not escaped", unescaped()),
        case("Q02", "what_an_address_says_is_text", q02).fails_if("it is repeated", repeated),
        case("Q04", "what_a_person_or_his_browser_says_is_text", q04)
            .fails_if("it is not escaped", unescaped()),
        case("Q06", "json_is_json_whatever_is_accepted", q06)
            .fails_if(
                "it is what is asked for",
                answers(|asked, told| {
                    if let Some(kind) = asked.has_header("accept") {
                        told.set_header("content-type", kind);
                    }
                }),
            )
            .fails_if("its type is guessed", without("x-content-type-options"))
            .fails_if("it is a page", with("content-type", "text/html")),
    ]
}

fn is_text(what: &str, told: &Told) -> Outcome {
    ensure!(
        !told.body.contains("<script>alert") && !told.body.contains("<img src=x"),
        "{what} has it as markup"
    );
    Ok(())
}

fn q01(stage: &Stage) -> Outcome {
    let named = json!({"client_name": PAYLOAD, "description": PAYLOAD, "owner": "alice"});
    let client = stage.register("web", &named)?;
    let mut alice = stage.alice()?;
    let consent = alice.get(&authorize(&client, &[]))?.must(200)?;
    let code = alice.submit(&consent, &[("decision", "approve")])?.code()?;
    pair(&stage.redeem(&client, &code)?)?;
    let mut shown = 0;
    let mut pages = vec![("consent".to_owned(), consent)];
    for path in [
        "/account".to_owned(),
        "/apps".to_owned(),
        format!("/apps/{client}"),
        format!("/apps/{client}/edit"),
        format!("/apps/{client}/delete"),
    ] {
        let page = alice.get(&path)?;
        pages.push((path, page));
    }
    for (what, page) in &pages {
        is_text(what, page)?;
        shown += usize::from(page.body.contains("&#60;script"));
    }
    if shown < 4 { Err(broken(format!("it is shown on {shown} pages only"))) } else { Ok(()) }
}

fn q02(stage: &Stage) -> Outcome {
    let on = [
        ("state", PAYLOAD),
        ("nonce", PAYLOAD),
        ("login_hint", PAYLOAD),
        ("ui_locales", PAYLOAD),
        ("error", PAYLOAD),
    ];
    let query = form(&[&on[..], &[("request", PAYLOAD), ("error_description", PAYLOAD)]].concat());
    let mut alice = stage.alice()?;
    for target in [
        authorize("spa", &on),
        authorize("nobody", &on),
        authorize("spa", &[("redirect_uri", PAYLOAD), ("error", PAYLOAD)]),
        format!("/login?{query}"),
        format!("/logout?{query}"),
        format!("/account?{query}&after={query}"),
        format!("/apps?{query}"),
        "/%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        format!("/apps/{}", form(&[("", PAYLOAD)])),
    ] {
        for told in [alice.get(&target)?, stage.browser().open(&target)?] {
            is_text(&target, &told)?;
        }
    }
    Ok(())
}

fn q04(stage: &Stage) -> Outcome {
    let name = crate::stage::unique("user");
    let user = json!({"users": [{"username": name, "password": crate::place::PASSWORD, "name": PAYLOAD,
        "email": format!("{name}@x\"><script>alert(1)</script>")}]});
    stage.operate("POST", "/api/import", Some(&user))?;
    let user = json!({"users": [{"username": name, "password": crate::place::PASSWORD, "name": PAYLOAD}]});
    stage.operate("POST", "/api/import", Some(&user))?.must(200)?;
    let mut browser = stage.browser();
    browser.headers.push(("User-Agent".to_owned(), PAYLOAD.to_owned()));
    browser.log_in(&name, crate::place::PASSWORD)?.must(303)?;
    let mut other = stage.browser();
    other.log_in(&name, crate::place::PASSWORD)?.must(303)?;
    let mut shown = 0;
    for path in ["/account", "/account/sessions", "/account/password", "/logout"] {
        let page = other.get(path)?.must(200)?;
        is_text(path, &page)?;
        shown += usize::from(page.body.contains("&#60;script"));
    }
    if shown == 0 { Err(broken("it is shown nowhere")) } else { Ok(()) }
}

fn q06(stage: &Stage) -> Outcome {
    let fields = [("grant_type", "client_credentials"), ("token", "x")];
    for accept in ["text/html", "*/*", "text/javascript", "application/xml"] {
        for (path, asked) in [
            (TOKEN, by("svc", TOKEN, &fields)),
            (TOKEN, Asked::post(TOKEN, &[("grant_type", "<script>alert(1)</script>")])),
            (INTROSPECT, by("svc", INTROSPECT, &fields)),
            (REVOKE, Asked::post(REVOKE, &fields)),
            (METADATA, Asked::get(METADATA)),
        ] {
            let told = stage.send(&asked.header("Accept", accept))?;
            let kind = told.header("content-type");
            ensure!(kind.starts_with("application/json"), "{path} for {accept}: {kind}");
            ensure!(
                told.header("x-content-type-options") == "nosniff",
                "{path} for {accept}: its type is guessed"
            );
        }
    }
    Ok(())
}
