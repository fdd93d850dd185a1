//! A: matching of redirect URIs.

use serde_json::json;

use crate::case::{Case, case};
use crate::http::Told;
use crate::judge::{Found, Outcome, ensure};
use crate::place::redirect;
use crate::stage::{AUTHORIZE, Stage, authorize};
use crate::wire::{Spoil, answers, instead, requests};

pub(crate) fn cases() -> Vec<Case> {
    let registers = || {
        instead(|asked| {
            asked.is("POST", "/api/clients").then(|| Told::json_of(201, &json!({"client_id": "x"})))
        })
    };
    vec![
        case("A01", "an_unregistered_redirect_uri_is_an_error_page", a01)
            .fails_if("any is taken", takes(|_, _| true)),
        case("A02", "what_begins_or_ends_like_a_registered_uri_is_an_error_page", a02)
            .fails_if("beginnings are compared", takes(|uri, registered| uri.starts_with(registered)))
            .fails_if("case is passed over", takes(str::eq_ignore_ascii_case))
            .fails_if("the end of the host is compared", takes(|uri, _| uri.ends_with("app.test/cb")))
            .fails_if(
                "the beginning of the host is compared",
                takes(|uri, _| uri.starts_with("https://app.test")),
            ),
        case("A04", "a_path_is_not_normalised", a04)
            .fails_if(
                "dots are resolved",
                takes(|uri, registered| uri.replace("/cb/..", "").replace("/.", "") == registered),
            )
            .fails_if("paths are decoded", takes(|uri, _| uri.contains("%2e")))
            .fails_if("paths are decoded twice", takes(|uri, _| uri.contains("%252e")))
            .fails_if(
                "slashes are merged",
                takes(|uri, registered| uri.replace("test//", "test/") == registered),
            )
            .fails_if("parameters of a path are dropped", takes(|uri, _| uri.contains("..;"))),
        case("A05", "scheme_and_host_are_not_normalised", a05)
            .fails_if("case is passed over", takes(|uri, registered| uri.eq_ignore_ascii_case(registered)))
            .fails_if(
                "the usual port is dropped",
                takes(|uri, registered| uri.replace(":443", "") == registered),
            )
            .fails_if(
                "a last dot is dropped",
                takes(|uri, registered| uri.replace("test./", "test/") == registered),
            ),
        case("A06", "a_query_is_part_of_a_redirect_uri_and_is_kept", a06)
            .fails_if(
                "queries are dropped",
                takes(|uri, registered| uri.split('?').next() == registered.split('?').next()),
            )
            .fails_if("more may be added", takes(|uri, registered| uri.starts_with(registered)))
            .fails_if(
                "the query is lost",
                answers(|_, told| {
                    let to = told.header("location").replace("tenant=a&", "");
                    told.set_header("location", &to);
                }),
            ),
        case("A07", "a_redirect_uri_has_no_fragment", a07)
            .fails_if(
                "fragments are dropped",
                takes(|uri, registered| uri.split('#').next() == Some(registered)),
            )
            .fails_if("anything is registered", registers()),
        case("A08", "a_native_client_is_answered_at_the_port_it_listens_on", a08)
            .fails_if(
                "the port must be the registered one",
                answers(|asked, told| {
                    if asked.target.contains("49152") {
                        *told = Told::new(400, "text/html", "");
                    }
                }),
            )
            .fails_if(
                "the answer goes to the registered port",
                requests(|asked| {
                    asked.target = asked.target.replace("%3A49152", "");
                }),
            ),
        case("A11", "a_web_clients_port_is_part_of_its_uri", a11).fails_if(
            "ports are passed over",
            takes(|uri, registered| uri.replace(":8443", "") == registered),
        ),
        case("A12", "what_says_where_to_answer_is_said_once", a12).fails_if(
            "the first is taken",
            requests(|asked| {
                let (uri, client) = (asked.parameter("redirect_uri"), asked.parameter("client_id"));
                asked.set_parameter("redirect_uri", uri.as_deref());
                asked.set_parameter("client_id", client.as_deref());
            }),
        ),
        case("A13", "a_client_with_several_redirect_uris_says_which", a13).fails_if(
            "the first registered is taken",
            requests(|asked| {
                if asked.parameter("redirect_uri").is_none_or(|uri| uri.is_empty()) {
                    asked.set_parameter("redirect_uri", Some(redirect("two")));
                }
            }),
        ),
        case("A15", "a_private_scheme_is_compared_to_the_letter", a15)
            .fails_if("case is passed over", takes(str::eq_ignore_ascii_case))
            .fails_if("slashes are merged", takes(|uri, registered| uri.replace("//", "/") == registered))
            .fails_if("dots are resolved", takes(|uri, registered| uri.replace("/..", "") == registered))
            .fails_if(
                "private schemes are refused",
                answers(|asked, told| {
                    if asked.parameter("redirect_uri").as_deref() == Some(redirect("native")) {
                        *told = Told::new(400, "text/html", "");
                    }
                }),
            ),
        case("A18", "a_web_page_in_clear_cannot_be_registered", a18)
            .fails_if("anything is registered", registers()),
    ]
}

/// The server takes such a URI for the one that is registered.
fn takes(alike: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Spoil {
    requests(move |asked| {
        let client = asked.parameter("client_id").unwrap_or_default();
        let Some(uri) = asked.parameter("redirect_uri").filter(|_| asked.path() == AUTHORIZE) else { return };
        if alike(&uri, redirect(&client)) {
            asked.set_parameter("redirect_uri", Some(redirect(&client)));
        }
    })
}

fn error_pages(stage: &Stage, client: &str, uris: &[&str]) -> Outcome {
    for uri in uris {
        stage.get(&authorize(client, &[("redirect_uri", uri)]))?.error_page(uri)?;
    }
    Ok(())
}

fn registration(stage: &Stage, uri: &str) -> Result<Told, Found> {
    let client = json!({"client_id": crate::stage::unique("new"), "redirect_uris": [uri], "scope": "read"});
    stage.operate("POST", "/api/clients", Some(&client))
}

fn cannot_be_registered(stage: &Stage, uri: &str) -> Outcome {
    let told = registration(stage, uri)?;
    let field = told.value()["field"].as_str().unwrap_or_default().to_owned();
    ensure!(told.status == 400 && field.contains("redirect_uris"), "{uri} was registered: {told}");
    Ok(())
}

fn a01(stage: &Stage) -> Outcome {
    error_pages(stage, "web", &["https://evil.test/cb", "https://app2.test/cb", "javascript:alert(1)"])
}

fn a02(stage: &Stage) -> Outcome {
    let uris = [
        "https://app.test/cb/",
        "https://app.test/cbx",
        "https://app.test/cb/x",
        "https://app.test/CB",
        "https://app.test.evil.test/cb",
        "https://xapp.test/cb",
    ];
    error_pages(stage, "web", &uris)
}

fn a04(stage: &Stage) -> Outcome {
    let uris = [
        "https://app.test/cb/../cb",
        "https://app.test/x/%2e%2e/cb",
        "https://app.test/x/%252e%252e/cb",
        "https://app.test/cb/..;/evil",
        "https://app.test//cb",
        "https://app.test/./cb",
    ];
    error_pages(stage, "web", &uris)
}

fn a05(stage: &Stage) -> Outcome {
    let uris =
        ["HTTPS://app.test/cb", "https://APP.test/cb", "https://app.test:443/cb", "https://app.test./cb"];
    error_pages(stage, "web", &uris)
}

fn a06(stage: &Stage) -> Outcome {
    let bad = ["?tenant=a&x=1", "?x=1&tenant=a", "?tenant=A", "", "?tenant=a&"]
        .map(|q| format!("https://app.test/cb{q}"));
    error_pages(stage, "tenant", &bad.each_ref().map(String::as_str))?;
    let back = stage.alice()?.approve(&authorize("tenant", &[]))?;
    let both = (back.parameter("tenant"), back.parameter("code").is_some());
    ensure!(both == (Some("a".to_owned()), true), "the query is not as it was registered: {back}");
    Ok(())
}

fn a07(stage: &Stage) -> Outcome {
    error_pages(stage, "web", &["https://app.test/cb#f", "https://app.test/cb#"])?;
    cannot_be_registered(stage, "https://app.test/cb#f")
}

fn a08(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    for (client, uri) in [("cli", "http://127.0.0.1:49152/cb"), ("cli6", "http://[::1]:49152/cb")] {
        let back = alice.approve(&authorize(client, &[("redirect_uri", uri)]))?;
        let is_there =
            back.header("location").starts_with(&format!("{uri}?")) && back.parameter("code").is_some();
        ensure!(is_there, "the code does not go to {uri}: {back}");
    }
    Ok(())
}

fn a11(stage: &Stage) -> Outcome {
    error_pages(stage, "web", &["https://app.test:8443/cb"])
}

fn a12(stage: &Stage) -> Outcome {
    let right = authorize("web", &[]);
    for more in [
        "redirect_uri=https%3A%2F%2Fapp.test%2Fcb",
        "redirect_uri=https%3A%2F%2Fevil.test%2Fcb",
        "client_id=web",
        "client_id=web2",
    ] {
        stage.get(&format!("{right}&{more}"))?.error_page(more)?;
    }
    Ok(())
}

fn a13(stage: &Stage) -> Outcome {
    let without = authorize("two", &[("redirect_uri", "")]);
    for target in [&without, &format!("{without}&redirect_uri=")] {
        stage.get(target)?.error_page("which of two it is was not said")?;
    }
    let only = stage.alice()?.approve(&authorize("web", &[("redirect_uri", "")]))?;
    ensure!(
        only.header("location").starts_with(redirect("web")),
        "the only one there is was not taken: {only}"
    );
    Ok(())
}

fn a15(stage: &Stage) -> Outcome {
    error_pages(stage, "native", &["com.example.app://cb", "com.example.app:/cb/..", "COM.example.app:/cb"])?;
    let back = stage.alice()?.approve(&authorize("native", &[]))?;
    ensure!(
        back.header("location").starts_with("com.example.app:/cb?code="),
        "the exact one is refused: {back}"
    );
    Ok(())
}

fn a18(stage: &Stage) -> Outcome {
    cannot_be_registered(stage, "http://app.test/cb")?;
    cannot_be_registered(stage, "http://10.0.0.1/cb")?;
    let loopback = registration(stage, "http://127.0.0.1/cb")?;
    ensure!(loopback.status == 201, "a loopback address cannot be registered: {loopback}");
    Ok(())
}
