//! D: mix-up, issuer, response parameters, echo of the state.

use serde_json::json;

use crate::case::{Case, case};
use crate::http::{Asked, FORM, Told};
use crate::judge::{Outcome, broken, ensure, same};
use crate::place::ISSUER;
use crate::stage::{AUTHORIZE, METADATA, Stage, authorize, authorize_query, to};
use crate::wire::{answers, requests};

pub(crate) fn cases() -> Vec<Case> {
    let metadata = |from: &'static str, to: &'static str| {
        answers(move |asked, told| {
            if asked.path() == METADATA {
                told.body = told.body.replace(from, to);
            }
        })
    };
    let located = |change: fn(&str) -> String| {
        answers(move |_, told| {
            let to = told.header("location").to_owned();
            if to.contains("state=") || to.contains("code=") {
                told.set_header("location", &change(&to));
            }
        })
    };
    vec![
        case("D01", "every_answer_to_a_client_names_the_issuer", d01)
            .fails_if("it is not named", located(|to| to.replace("iss=", "issuer=")))
            .fails_if("another one is named", located(|to| to.replace("auth.example", "other.example")))
            .fails_if(
                "the metadata do not say so",
                metadata("iss_parameter_supported\":true", "iss_parameter_supported\":false"),
            ),
        case("D02", "what_a_request_says_of_its_host_changes_nothing", d02)
            .fails_if(
                "the forwarded host is believed",
                answers(|asked, told| {
                    if asked.has_header("x-forwarded-host").is_some() {
                        told.body = told.body.replace("auth.example.test", "evil.test");
                    }
                }),
            )
            .fails_if(
                "the forwarded scheme is believed",
                answers(|asked, told| {
                    if asked.has_header("x-forwarded-proto").is_some() {
                        let cookie = told.header("set-cookie").replace("; Secure", "");
                        told.set_header("set-cookie", &cookie);
                    }
                }),
            )
            .fails_if(
                "the host is believed",
                answers(|asked, told| {
                    if asked.has_header("host") == Some("evil.test") && !told.header("location").is_empty() {
                        let to = format!("https://evil.test{}", told.header("location"));
                        told.set_header("location", &to);
                    }
                }),
            ),
        case("D04", "the_state_comes_back_to_the_letter", d04)
            .fails_if("it is cut", located(|to| to.chars().take(2000).collect()))
            .fails_if("plus is taken for space", located(|to| to.replace("%2B", "+")))
            .fails_if("it is decoded once more", located(|to| to.replace("%25", "%"))),
        case("D05", "no_state_is_none_and_what_is_unknown_is_passed_over", d05)
            .fails_if("an empty one is made up", located(|to| format!("{to}&state=")))
            .fails_if(
                "unknown parameters are refused",
                answers(|asked, told| {
                    if asked.parameter("unknown").is_some() {
                        *told = Told::new(400, "text/html", "");
                    }
                }),
            ),
        case("D06", "no_response_type_but_code_is_taken", d06).fails_if(
            "any is taken",
            requests(|asked| {
                if asked.path() == AUTHORIZE {
                    asked.set_parameter("response_type", Some("code"));
                }
            }),
        ),
        case("D09", "a_posted_request_is_answered_as_any_other", d09)
            .fails_if(
                "it is not answered",
                answers(|asked, told| {
                    if asked.is("POST", AUTHORIZE) {
                        told.status = 405;
                    }
                }),
            )
            .fails_if(
                "the browser posts on",
                answers(|asked, told| {
                    if asked.method == "POST" && told.status == 303 {
                        told.status = 307;
                    }
                }),
            ),
    ]
}

fn d01(stage: &Stage) -> Outcome {
    let metadata = stage.get(METADATA)?.must(200)?.value();
    let issuer = metadata["issuer"].as_str().ok_or_else(|| broken("no issuer"))?.to_owned();
    same("the issuer", &issuer.as_str(), &ISSUER)?;
    same("iss is announced", &metadata["authorization_response_iss_parameter_supported"], &json!(true))?;
    let mut alice = stage.alice()?;
    let page = alice.get(&authorize("spa", &[]))?.must(200)?;
    let denied = alice.submit(&page, &[("decision", "deny")])?;
    denied.redirected("he denies", to("spa"), &["access_denied"])?;
    let approved = alice.approve(&authorize("spa", &[]))?;
    approved.code()?;
    let wrong = stage.get(&authorize("spa", &[("scope", "everything")]))?;
    for told in [denied, approved, wrong] {
        same("iss", &told.parameter("iss"), &Some(issuer.clone()))?;
    }
    Ok(())
}

fn d02(stage: &Stage) -> Outcome {
    let lies = [
        ("Host", "evil.test"),
        ("X-Forwarded-Host", "evil.test"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Port", "81"),
        ("Forwarded", "host=evil.test;proto=http"),
    ];
    let unknown = authorize("web", &[("scope", "everything")]);
    for target in [METADATA, "/login", "/account", &authorize("web", &[]), &unknown] {
        let plain = stage.get(target)?;
        for lie in lies {
            let lied = stage.send(&Asked::get(target).header(lie.0, lie.1))?;
            let said = format!("{:?}{}", lied.headers, lied.body);
            ensure!(!said.contains("evil"), "{target} repeats {lie:?}");
            ensure!(lied.status == plain.status, "{target} is another thing by {lie:?}: {lied}");
            let attributes =
                |told: &Told| told.header("set-cookie").split_once(';').map(|(_, a)| a.to_owned());
            same("cookie", &attributes(&lied), &attributes(&plain))?;
            let place = |told: &Told| told.header("location").split('?').next().map(str::to_owned);
            same("location", &place(&lied), &place(&plain))?;
            if target == METADATA {
                same("metadata", &lied.value(), &plain.value())?;
            }
        }
    }
    Ok(())
}

fn d04(stage: &Stage) -> Outcome {
    let long = "0123456789abcdef".repeat(128);
    let states = ["+ %20&#=\"'<>", "grüße 日本", "a\r\nSet-Cookie: x=y", "%0d%0a", "%2B", &long];
    let mut alice = stage.alice()?;
    for state in states {
        let page = alice.get(&authorize("spa", &[("state", state)]))?.must(200)?;
        let denied = alice.submit(&page, &[("decision", "deny")])?;
        let approved = alice.approve(&authorize("spa", &[("state", state)]))?;
        let wrong = stage.get(&authorize("spa", &[("state", state), ("scope", "everything")]))?;
        for told in [denied, approved, wrong] {
            same("the state", &told.parameter("state").as_deref(), &Some(state))?;
        }
    }
    Ok(())
}

fn d05(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    for more in ["", "&unknown=1", "&state=", "&scope=&unknown="] {
        let scope = if more.contains("scope") { "" } else { "read" };
        let target = authorize("spa", &[("state", ""), ("scope", scope)]);
        let back = alice.approve(&format!("{target}{more}"))?;
        ensure!(back.parameter("code").is_some(), "refused for {more:?}: {back}");
        same("the state", &back.parameter("state"), &None)?;
    }
    Ok(())
}

fn d06(stage: &Stage) -> Outcome {
    for kind in ["token", "id_token token", "code token", "token code", "none", "code id_token", "CODE"] {
        let told = stage.get(&authorize("spa", &[("response_type", kind)]))?;
        let to = told.header("location").replace('#', "?");
        let told = Told { headers: Vec::new(), ..told }.with("location", &to);
        told.redirected(
            kind,
            crate::stage::to("spa"),
            &["unsupported_response_type", "unauthorized_client"],
        )?;
    }
    Ok(())
}

fn d09(stage: &Stage) -> Outcome {
    let post = |changes: &[(&str, &str)]| {
        let asked =
            Asked::new("POST", AUTHORIZE, authorize_query("web", changes)).header("Content-Type", FORM);
        stage.send(&asked.header("Origin", "https://app.test").header("Sec-Fetch-Site", "cross-site"))
    };
    post(&[("redirect_uri", "https://evil.test/cb")])?.error_page("a posted redirect URI")?;
    post(&[("scope", "everything")])?.redirected("a posted scope", to("web"), &["invalid_scope"])?;
    let onward = post(&[])?;
    ensure!([302, 303].contains(&onward.status), "a right one is not answered by a page to get: {onward}");
    let back = stage.alice()?.approve(onward.header("location"))?;
    ensure!(back.parameter("code").is_some(), "it leads to no code: {back}");
    Ok(())
}
