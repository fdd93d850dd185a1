//! G: open redirects and error answers.

use crate::case::{Case, case};
use crate::http::{Told, form};
use crate::judge::{Outcome, ensure};
use crate::place::PASSWORD;
use crate::stage::{AUTHORIZE, Stage, authorize, to};
use crate::wire::{Spoil, answers};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("G01", "of_an_unknown_client_nobody_is_told_elsewhere", g01)
            .fails_if("errors are sent on", sent_on()),
        case("G02", "a_bad_redirect_uri_is_an_error_page_whatever_else_is_wrong", g02)
            .fails_if("what else is wrong is looked at first", sent_on()),
        case("G04", "a_parameter_that_says_where_to_go_on_leads_nowhere_else", g04)
            .fails_if(
                "it does",
                answers(|asked, told| {
                    let next = asked.parameter("next").or_else(|| asked.field("next"));
                    if let (Some(next), true) = (next, told.status == 303) {
                        told.set_header("location", &next.replace(['\r', '\n'], ""));
                    }
                }),
            )
            .fails_if(
                "it is in a link",
                answers(|asked, told| {
                    if let Some(next) = asked.parameter("return").filter(|_| told.status == 200) {
                        told.body =
                            told.body.replacen("<form", &format!("<a href=\"{next}\">on</a><form"), 1);
                    }
                }),
            ),
        case("G07", "after_a_form_the_browser_gets", g07).fails_if(
            "it posts again",
            answers(|asked, told| {
                if asked.method == "POST" && told.status == 303 {
                    told.status = 307;
                }
            }),
        ),
        case("G09", "no_parameter_makes_a_header", g09).fails_if(
            "line ends are sent as they are",
            answers(|asked, told| {
                let state = asked.parameter("state").unwrap_or_default();
                if let Some((_, forged)) =
                    state.split_once("\r\n").and_then(|(_, rest)| rest.split_once(": "))
                {
                    told.headers.push(("x-forged".to_owned(), forged.to_owned()));
                }
            }),
        ),
    ]
}

/// Whatever is wrong with a request is told where it says.
fn sent_on() -> Spoil {
    answers(|asked, told| {
        if let Some(uri) =
            asked.parameter("redirect_uri").filter(|_| asked.path() == AUTHORIZE && told.status == 400)
        {
            *told = Told::new(303, "text/html", "").with("location", &format!("{uri}?error=invalid_request"));
        }
    })
}

fn g01(stage: &Stage) -> Outcome {
    for uri in ["https://evil.test/cb", "https://app.test/cb"] {
        let page = stage.get(&authorize("nobody", &[("redirect_uri", uri)]))?;
        page.error_page(uri)?;
        ensure!(!page.body.contains("href=\"https://"), "{uri}: it has a link");
    }
    Ok(())
}

fn g02(stage: &Stage) -> Outcome {
    for change in [
        ("scope", "everything"),
        ("response_type", "token"),
        ("response_type", ""),
        ("request", "x"),
        ("request_uri", "https://evil.test/r"),
        ("response_mode", "fragment"),
        ("code_challenge", ""),
        ("code_challenge_method", "plain"),
        ("state", "\0"),
    ] {
        let target = authorize("spa", &[("redirect_uri", "https://evil.test/cb"), change]);
        stage.get(&target)?.error_page(&format!("{change:?}"))?;
    }
    Ok(())
}

const EVIL: [&str; 8] = [
    "//evil.test",
    "/\\evil.test",
    "https:evil.test",
    "https://evil.test",
    "/%09/evil.test",
    "/\t/evil.test",
    "javascript:alert(1)",
    "x\r\nLocation: https://evil.test",
];

fn g04(stage: &Stage) -> Outcome {
    for evil in EVIL {
        let on = ["request", "return", "next", "continue", "return_to", "redirect"].map(|name| (name, evil));
        let query = form(&on);
        let mut browser = stage.browser();
        let page = browser.get(&format!("/login?{query}"))?;
        is_harmless("the login", evil, &page)?;
        let fields = [&on[..], &[("username", "alice"), ("password", PASSWORD)]].concat();
        let next = if page.status == 200 {
            browser.submit(&page, &fields)?
        } else {
            browser.log_in("alice", PASSWORD)?
        };
        is_harmless("logging in", evil, &next)?;
        let mut alice = stage.alice()?;
        for path in ["/login", "/account", "/account/sessions", "/logout"] {
            is_harmless(path, evil, &alice.get(&format!("{path}?{query}"))?)?;
        }
        let page = alice.get("/logout")?;
        is_harmless("logging out", evil, &alice.submit(&page, &on)?)?;
    }
    Ok(())
}

/// It leads to a path of this server, and has no link to another place.
fn is_harmless(what: &str, evil: &str, told: &Told) -> Outcome {
    let to = told.header("location");
    let second = to.chars().nth(1);
    let is_path = to.starts_with('/') && second.is_none_or(|c| c.is_ascii_alphanumeric());
    ensure!(to.is_empty() || is_path, "{what} with {evil:?} leads to {to}");
    let links = told.body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for link in links {
        ensure!(
            !link.contains("evil") && !link.contains("javascript:"),
            "{what} with {evil:?} links to {link}"
        );
    }
    Ok(())
}

fn g07(stage: &Stage) -> Outcome {
    let mut browser = stage.browser();
    let told = browser.log_in("alice", PASSWORD)?;
    ensure!([302, 303].contains(&told.status), "logging in: {told}");
    let page = browser.get(&authorize("spa", &[]))?.must(200)?;
    let told = browser.submit(&page, &[("decision", "approve")])?;
    ensure!([302, 303].contains(&told.status), "approving: {told}");
    let page = browser.get("/logout")?;
    let told = browser.submit(&page, &[])?;
    ensure!([302, 303].contains(&told.status), "logging out: {told}");
    Ok(())
}

fn g09(stage: &Stage) -> Outcome {
    let evil = "x\r\nSet-Cookie: forged=1\r\nX-Forged: 1";
    let mut alice = stage.alice()?;
    let page = alice.get(&authorize("spa", &[("state", evil)]))?.must(200)?;
    let told = [
        alice.submit(&page, &[("decision", "approve")])?,
        stage.get(&authorize("spa", &[("state", evil), ("scope", "everything")]))?,
        stage.get(&authorize("spa", &[("redirect_uri", &format!("{}{evil}", to("spa")))]))?,
        stage
            .get(&authorize("spa", &[("redirect_uri", &format!("{}{evil}", to("spa"))), ("state", evil)]))?,
        stage.get(&format!("/login?{}", form(&[("request", evil), ("state", evil)])))?,
    ];
    for told in told {
        let forged = |(name, value): &(String, String)| {
            name.eq_ignore_ascii_case("x-forged") || name == "set-cookie" && value.contains("forged=")
        };
        ensure!(!told.headers.iter().any(forged), "a header was made: {:?}", told.headers);
    }
    Ok(())
}
