//! F: clickjacking and the headers of pages.

use crate::case::{Case, case};
use crate::http::Told;
use crate::judge::{Found, Outcome, ensure};
use crate::stage::{Stage, authorize};
use crate::wire::{Spoil, answers, with, without};

pub(crate) fn cases() -> Vec<Case> {
    let policy = |from: &'static str, to: &'static str| -> Spoil {
        answers(move |_, told| {
            let changed = told.header("content-security-policy").replace(from, to);
            told.set_header("content-security-policy", &changed);
        })
    };
    vec![
        case("F01", "no_page_can_be_framed", f01)
            .fails_if("the policy lets it", policy("frame-ancestors 'none'", "frame-ancestors *"))
            .fails_if("old browsers are not told", without("x-frame-options")),
        case("F02", "no_page_runs_what_is_not_its_own", f02)
            .fails_if(
                "what is inside runs",
                policy("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'"),
            )
            .fails_if("anything is loaded", policy("default-src 'none'", "default-src *"))
            .fails_if("objects are loaded", policy("object-src 'none'", "object-src *"))
            .fails_if("the base can be moved", policy("base-uri 'none'", ""))
            .fails_if("there is no policy", without("content-security-policy")),
        case("F05", "a_page_is_what_it_says_and_tells_no_other_site", f05)
            .fails_if("types are guessed", without("x-content-type-options"))
            .fails_if("no character set is named", with("content-type", "text/html"))
            .fails_if("addresses are told", with("referrer-policy", "unsafe-url"))
            .fails_if("plain connections are not ruled out", without("strict-transport-security")),
        case("F06", "a_page_has_no_foreign_opener", f06)
            .fails_if("it has", without("cross-origin-opener-policy")),
    ]
}

/// One of each page, and what it is.
pub(crate) fn pages(stage: &Stage) -> Result<Vec<(&'static str, Told)>, Found> {
    let mut alice = stage.alice()?;
    let operators = crate::browser::Browser::new(&stage.admin()).get("/login")?;
    Ok(vec![
        ("login", stage.get("/login")?),
        ("consent", alice.get(&authorize("spa", &[]))?),
        ("account", alice.get("/account")?),
        ("sessions", alice.get("/account/sessions")?),
        ("password", alice.get("/account/password")?),
        ("applications", alice.get("/apps")?),
        ("logout", alice.get("/logout")?),
        ("error", stage.get("/oauth2/authorize")?),
        ("forged", stage.browser().post("/login", &[])?),
        ("nowhere", alice.get("/account/nothing")?),
        ("console", operators),
    ])
}

fn each(stage: &Stage, judge: impl Fn(&str, &Told) -> Outcome) -> Outcome {
    pages(stage)?.iter().try_for_each(|(what, page)| {
        ensure!(page.header("content-type").starts_with("text/html"), "{what} is no page: {page}");
        judge(what, page)
    })
}

fn f01(stage: &Stage) -> Outcome {
    each(stage, |what, page| {
        let policy = page.header("content-security-policy");
        ensure!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
        ensure!(page.header("x-frame-options") == "DENY", "{what}: x-frame-options");
        Ok(())
    })
}

fn f02(stage: &Stage) -> Outcome {
    each(stage, |what, page| {
        let policy = page.header("content-security-policy");
        let directive =
            |name: &str| policy.split(';').map(str::trim).find(|d| d.starts_with(name)).unwrap_or_default();
        let default = directive("default-src");
        ensure!(["default-src 'none'", "default-src 'self'"].contains(&default), "{what}: {policy}");
        ensure!(directive("object-src") == "object-src 'none'", "{what}: {policy}");
        ensure!(directive("base-uri") == "base-uri 'none'", "{what}: {policy}");
        ensure!(!policy.contains("unsafe"), "{what}: {policy}");
        Ok(())
    })
}

fn f05(stage: &Stage) -> Outcome {
    each(stage, |what, page| {
        ensure!(page.header("x-content-type-options") == "nosniff", "{what}: nosniff");
        ensure!(page.header("content-type").contains("charset="), "{what}: {}", page.header("content-type"));
        let referrer = page.header("referrer-policy");
        ensure!(["no-referrer", "same-origin"].contains(&referrer), "{what}: referrer-policy {referrer:?}");
        // The operators' listener has no name here, and is reached in clear.
        let is_https = what != "console";
        ensure!(!is_https || page.header("strict-transport-security").contains("max-age="), "{what}: https");
        Ok(())
    })
}

fn f06(stage: &Stage) -> Outcome {
    each(stage, |what, page| {
        ensure!(page.header("cross-origin-opener-policy") == "same-origin", "{what}: opener");
        Ok(())
    })
}
