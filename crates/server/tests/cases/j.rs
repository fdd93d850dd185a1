//! J: how clients authenticate, and the forms they send.

use serde_json::json;

use crate::case::{Case, case};
use crate::http::{Asked, FORM, basic, form};
use crate::judge::{Found, Outcome, ensure, rule, same};
use crate::place::{Settings, secret};
use crate::stage::{INTROSPECT, REVOKE, Stage, TOKEN, by, redemption};
use crate::wire::{Spoil, answers, grants, requests, without};

const ASK: [(&str, &str); 1] = [("grant_type", "client_credentials")];

pub(crate) fn cases() -> Vec<Case> {
    let at_token = |asked: &Asked| asked.path() == TOKEN;
    vec![
        case("J01", "a_wrong_secret_is_invalid_client_and_challenged", j01)
            .fails_if("secrets are not compared", grants(at_token))
            .fails_if("nobody is challenged", without("www-authenticate"))
            .fails_if(
                "it is the request's fault",
                answers(|_, told| {
                    if told.status == 401 {
                        told.status = 400;
                    }
                }),
            ),
        case("J02", "an_unknown_client_is_told_what_a_wrong_secret_is_told", j02)
            .fails_if(
                "the body tells",
                answers(|asked, told| {
                    if names(asked, "nobody") {
                        told.body = told.body.replace(
                            "invalid_client\"",
                            "invalid_client\",\"error_description\":\"unknown\"",
                        );
                    }
                }),
            )
            .fails_if(
                "a header tells",
                answers(|asked, told| {
                    if names(asked, "nobody") {
                        told.drop_header("www-authenticate");
                    }
                }),
            )
            .fails_if(
                "the status tells",
                answers(|asked, told| {
                    if names(asked, "nobody") {
                        told.status = 400;
                    }
                }),
            ),
        case("J03", "a_client_authenticates_in_one_way", j03)
            .fails_if(
                "the first is enough",
                grants(|asked| asked.path() == TOKEN && asked.has_header("authorization").is_some()),
            )
            .fails_if(
                "of two in the body one is enough",
                grants(|asked| asked.field("client_assertion").is_some()),
            ),
        case("J04", "the_body_names_no_other_client", j04).fails_if(
            "the body's client is passed over",
            requests(|asked| {
                asked.set_field("client_id", None);
            }),
        ),
        case("J05", "no_secret_is_taken_from_an_address", j05).fails_if("it is", grants(at_token)),
        case("J06", "only_a_form_is_taken", j06).fails_if(
            "any type is",
            requests(|asked| {
                asked.drop_header("content-type");
                asked.headers.push(("Content-Type".to_owned(), FORM.to_owned()));
            }),
        ),
        case("J08", "no_parameter_is_sent_twice", j08).fails_if(
            "the first is taken",
            requests(|asked| {
                let mut seen = std::collections::BTreeSet::new();
                let mut pairs = crate::http::pairs(&asked.body);
                pairs.retain(|(name, _)| seen.insert(name.clone()));
                let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                asked.body = form(&pairs).into_bytes();
            }),
        ),
        case("J09", "an_address_says_nothing_against_the_form", j09).fails_if(
            "it wins",
            requests(|asked| {
                if let Some(scope) = asked.parameter("scope") {
                    asked.set_field("scope", Some(&scope));
                    asked.target = TOKEN.to_owned();
                }
            }),
        ),
        case("J10", "id_and_secret_are_decoded_once", j10)
            .fails_if("they are not decoded", basic_changed(|pair| pair.replace('%', "%25")))
            .fails_if("they are decoded twice", basic_changed(|pair| pair.replace("%25", "%")))
            .fails_if(
                "the scheme is case-sensitive",
                answers(|asked, told| {
                    let scheme = asked.has_header("authorization").filter(|_| asked.path() == TOKEN);
                    if scheme.is_some_and(|value| !value.starts_with("Basic ")) {
                        told.status = 401;
                    }
                }),
            ),
        case("J12", "what_is_no_text_or_too_much_is_refused_calmly", j12)
            .fails_if("it is taken", grants(|_| true))
            .fails_if(
                "it is too much for the server",
                answers(|asked, told| {
                    if String::from_utf8_lossy(&asked.body).contains("%FF") {
                        told.status = 500;
                    }
                }),
            ),
        case("J13", "a_client_authenticates_as_it_is_registered_to", j13)
            .fails_if("any way will do", grants(at_token)),
        case("J20", "guessing_a_secret_is_slowed_down_and_locks_nobody_out_for_good", j20)
            .fails_by_setting("it is not", "GRANTOR__RATE_LIMITS__CLIENT_AUTHENTICATION", "off")
            .fails_if("nobody is told how long", without("retry-after"))
            .fails_if("it holds for good", held_for_good()),
        case("J21", "a_secret_is_shown_once", j21)
            .fails_if(
                "operators can look it up",
                answers(|asked, told| {
                    if asked.method == "GET" && asked.path().starts_with("/api/clients/") {
                        told.body = told.body.replacen(
                            '{',
                            &format!("{{\"client_secret\":\"{}\",", secret("shown")),
                            1,
                        );
                    }
                }),
            )
            .fails_if(
                "its owner can look it up",
                answers(|asked, told| {
                    if asked.method == "GET" && asked.path().starts_with("/apps/") {
                        told.body += &secret("shown");
                    }
                }),
            ),
        case("J24", "a_grant_type_is_known_named_and_the_clients", j24)
            .fails_if("passwords are taken", grants(|asked| asked.field("password").is_some()))
            .fails_if("whose it is is not looked at", grants(at_token)),
    ]
}

fn names(asked: &Asked, client: &str) -> bool {
    asked.has_header("authorization") == Some(&basic(client, "wrong"))
}

fn basic_changed(change: fn(&str) -> String) -> Spoil {
    use base64::Engine as _;
    requests(move |asked| {
        let value = asked.has_header("authorization").and_then(|value| value.split_once(' '));
        let pair = value.and_then(|(_, value)| base64::prelude::BASE64_STANDARD.decode(value).ok());
        let Some(pair) = pair.and_then(|pair| String::from_utf8(pair).ok()) else { return };
        asked.drop_header("authorization");
        let value = format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(change(&pair)));
        asked.headers.push(("Authorization".to_owned(), value));
    })
}

fn held_for_good() -> Spoil {
    use std::sync::atomic::{AtomicBool, Ordering};
    let held = AtomicBool::new(false);
    answers(move |asked, told| {
        let is_held = asked
            .has_header("authorization")
            .is_some_and(|value| basic("svc", "x").get(6..12).is_some_and(|of_svc| value.contains(of_svc)));
        if told.status == 429 && is_held {
            held.store(true, Ordering::Release);
        }
        if is_held && held.load(Ordering::Acquire) {
            told.status = 429;
            told.set_header("retry-after", "60");
        }
    })
}

fn j01(stage: &Stage) -> Outcome {
    let told = stage.send(&Asked::post(TOKEN, &ASK).basic("svc", "wrong"))?;
    told.refused("a wrong secret", &[401], &["invalid_client"])?;
    ensure!(
        told.header("www-authenticate").starts_with("Basic "),
        "it is not challenged: {:?}",
        told.headers
    );
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("client_id", "post"),
        ("client_secret", "wrong"),
    ];
    stage.send(&Asked::post(TOKEN, &fields))?.refused("in the body", &[401, 400], &["invalid_client"])
}

fn j02(stage: &Stage) -> Outcome {
    for path in [TOKEN, INTROSPECT, REVOKE] {
        let tell = |id: &str| -> Result<_, Found> {
            let told = stage.send(&Asked::post(path, &[ASK[0], ("token", "x")]).basic(id, "wrong"))?;
            let mut headers = told.headers.clone();
            headers.retain(|(name, _)| name != "date");
            Ok((told.status, headers, told.body))
        };
        same(path, &tell("nobody")?, &tell("svc")?)?;
        same("the status", &tell("nobody")?.0, &401)?;
    }
    Ok(())
}

fn j03(stage: &Stage) -> Outcome {
    let secret = secret("svc");
    let both = [ASK[0], ("client_secret", secret.as_str())];
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let assertion = [ASK[0], kind, ("client_assertion", "x.y.z")];
    let all = [&assertion[..], &[("client_id", "svc"), ("client_secret", secret.as_str())]].concat();
    for (what, asked) in [
        ("Basic and a secret in the body", Asked::post(TOKEN, &both).basic("svc", &secret)),
        ("Basic and an assertion", Asked::post(TOKEN, &assertion).basic("svc", &secret)),
        ("a secret in the body and an assertion", Asked::post(TOKEN, &all)),
        ("Basic twice", Asked::post(TOKEN, &ASK).basic("svc", &secret).basic("svc", &secret)),
    ] {
        stage.send(&asked)?.refused(what, &[400, 401], &["invalid_request", "invalid_client"])?;
    }
    Ok(())
}

fn j04(stage: &Stage) -> Outcome {
    let told =
        stage.send(&Asked::post(TOKEN, &[ASK[0], ("client_id", "web")]).basic("svc", &secret("svc")))?;
    told.refused("another client in the body", &[400, 401], &["invalid_request", "invalid_client"])
}

fn j05(stage: &Stage) -> Outcome {
    let secret = secret("post");
    let query = form(&[("client_id", "post"), ("client_secret", &secret)]);
    for target in [format!("{TOKEN}?{query}"), format!("{TOKEN}?client_secret={secret}")] {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", "post")];
        let told = stage.send(&Asked::post(&target, &fields))?;
        told.refused("a secret in the address", &[400, 401], &["invalid_request", "invalid_client"])?;
    }
    Ok(())
}

fn j06(stage: &Stage) -> Outcome {
    for path in [TOKEN, INTROSPECT, REVOKE] {
        let kinds = ["application/json", "multipart/form-data; boundary=x", "text/plain", ""];
        for kind in kinds {
            let mut asked = Asked::new("POST", path, form(&[ASK[0], ("token", "x")]));
            if !kind.is_empty() {
                asked = asked.header("Content-Type", kind);
            }
            let told = stage.send(&asked.basic("svc", &secret("svc")))?;
            ensure!([400, 415].contains(&told.status), "{path} takes {kind:?}: {told}");
        }
    }
    Ok(())
}

fn j08(stage: &Stage) -> Outcome {
    let code = stage.code("web")?;
    let right = redemption("web", &code);
    for name in ["grant_type", "code", "redirect_uri", "code_verifier"] {
        let mut asked = right.clone();
        let value = asked.field(name).unwrap_or_default();
        asked.body.extend_from_slice(format!("&{}", form(&[(name, &value)])).as_bytes());
        stage.send(&asked)?.refused(&format!("{name} twice"), &[400], &["invalid_request"])?;
    }
    for twice in [
        "scope=read&scope=read",
        "scope=read&scope=write",
        "client_id=svc&client_id=svc",
        "unknown=1&unknown=1",
    ] {
        let asked = Asked::new("POST", TOKEN, format!("grant_type=client_credentials&{twice}"));
        let told = stage.send(&asked.header("Content-Type", FORM).basic("svc", &secret("svc")))?;
        told.refused(twice, &[400], &["invalid_request"])?;
    }
    for path in [INTROSPECT, REVOKE] {
        let asked = Asked::new("POST", path, "token=x&token=y").header("Content-Type", FORM);
        let told = stage.send(&asked.basic("svc", &secret("svc")))?;
        told.refused(&format!("{path}: token twice"), &[400], &["invalid_request"])?;
    }
    Ok(())
}

fn j09(stage: &Stage) -> Outcome {
    let client =
        stage.register("web", &json!({"grant_types": ["client_credentials"], "redirect_uris": []}))?;
    let asked = Asked::post(&format!("{TOKEN}?scope=write"), &[ASK[0], ("scope", "read")])
        .basic(&client, &secret("web"));
    let told = stage.send(&asked)?;
    ensure!(told.status == 400 || told.value()["scope"] == "read", "the address wins: {told}");
    let asked = Asked::post(TOKEN, &[ASK[0], ("scope", "read")]).basic(&client, &secret("web"));
    same("without it", &stage.send(&asked)?.must(200)?.text("scope")?.as_str(), &"read")
}

fn j10(stage: &Stage) -> Outcome {
    let odd = "c: +%/é %41-and-long-enough";
    let (id, other) = (crate::stage::unique("id:+%/ x"), crate::stage::unique("plain"));
    for id in [&id, &other] {
        let client = json!({"client_id": id, "client_secret": odd, "grant_types": ["client_credentials"], "scope": "read"});
        stage.operate("POST", "/api/import", Some(&json!({"clients": [client]})))?.must(200)?;
        let value = basic(id, odd);
        for scheme in ["Basic", "basic", "BASIC"] {
            let asked = Asked::post(TOKEN, &ASK).header("Authorization", &value.replacen("Basic", scheme, 1));
            let told = stage.send(&asked)?;
            ensure!(told.status == 200, "{scheme} of {id:?}: {told}");
        }
    }
    Ok(())
}

fn j12(stage: &Stage) -> Outcome {
    let long = "a".repeat(1024 * 1024);
    let names = [
        "grant_type",
        "code",
        "refresh_token",
        "scope",
        "redirect_uri",
        "code_verifier",
        "client_id",
        "token",
    ];
    for path in [TOKEN, INTROSPECT, REVOKE] {
        for name in names {
            for value in ["%00", "%FF", "a%00b", "%C3%28", &long] {
                let rest = if name == "grant_type" { "" } else { "grant_type=client_credentials&" };
                let rest = if name == "token" { rest.to_owned() } else { format!("{rest}token=x&") };
                let asked =
                    Asked::new("POST", path, format!("{rest}{name}={value}")).header("Content-Type", FORM);
                // The server may close before it has read all of what is too much.
                let Some(told) = asked.basic("svc", &secret("svc")).try_send(&stage.public()) else {
                    ensure!(value.len() > 100, "{path} {name}={value} was not answered");
                    continue;
                };
                ensure!([400, 401, 413].contains(&told.status), "{path} {name}={value:.20}: {told}");
            }
        }
    }
    ensure!(stage.place().is_alive(), "the server is gone");
    Ok(())
}

fn j13(stage: &Stage) -> Outcome {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let with = |more: &[(&'static str, String)]| {
        let more: Vec<_> = more.iter().map(|(n, v)| (*n, v.as_str())).collect();
        Asked::post(TOKEN, &[&fields[..], &more].concat())
    };
    for (what, asked) in [
        ("nothing, of a client with a secret", with(&[("client_id", "web".to_owned())])),
        (
            "the body instead of Basic",
            with(&[("client_id", "web".to_owned()), ("client_secret", secret("web"))]),
        ),
        ("Basic instead of the body", with(&[]).basic("post", &secret("post"))),
        ("a secret of a client that has none", with(&[]).basic("spa", &secret("spa"))),
        ("nobody", with(&[])),
    ] {
        stage.send(&asked)?.refused(what, &[400, 401], &["invalid_client", "invalid_request"])?;
    }
    Ok(())
}

fn j20(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings { limits: true, by_clock: true, ..Settings::default() })?;
    let guess = || stage.send(&Asked::post(TOKEN, &ASK).basic("svc", "wrong"));
    let mut tries = 0;
    let held = loop {
        let told = guess()?;
        tries += 1;
        if told.status == 429 {
            break told;
        }
        told.refused("a guess", &[401], &["invalid_client"])?;
        if tries > 60 {
            return Err(rule("sixty guesses, and nobody slows him down"));
        }
    };
    let wait: i64 = held.header("retry-after").parse().map_err(|_| rule("he is not told how long"))?;
    ensure!((1..=3600).contains(&wait), "he has to wait {wait} seconds");
    let other = stage.send(&by("jws", TOKEN, &ASK))?;
    ensure!(other.status == 200, "another client has to wait as well: {other}");
    stage.place().set_clock(wait + 1);
    let told = stage.send(&by("svc", TOKEN, &ASK))?;
    ensure!(told.status == 200, "after that time the right secret is refused: {told}");
    Ok(())
}

fn j21(stage: &Stage) -> Outcome {
    let client = stage.register("shown", &json!({"owner": "alice"}))?;
    let mut alice = stage.alice()?;
    let mut told = vec![
        alice.get("/apps")?,
        alice.get(&format!("/apps/{client}"))?,
        alice.get(&format!("/apps/{client}/edit"))?,
    ];
    ensure!(told[0].body.contains(&client), "the list has nothing in it");
    for path in [
        "/api/clients",
        &format!("/api/clients/{client}"),
        &format!("/api/clients/{client}/details"),
        "/api/export",
    ] {
        told.push(stage.operate("GET", path, None)?.must(200)?);
    }
    for told in &told {
        ensure!(!told.body.contains(&secret("shown")), "the secret is in {told}");
    }
    let made = json!({"client_id": crate::stage::unique("made"), "redirect_uris": ["https://app.test/cb"]});
    let made = stage.operate("POST", "/api/clients", Some(&made))?.must(201)?;
    let (id, once) = (made.text("client_id")?, made.text("client_secret")?);
    let later = stage.operate("GET", &format!("/api/clients/{id}"), None)?.must(200)?;
    ensure!(!later.body.contains(&once), "the secret is shown again: {later}");
    Ok(())
}

fn j24(stage: &Stage) -> Outcome {
    let password = [("username", "alice"), ("password", crate::place::PASSWORD)];
    let ask = |client: &str, kind: &str, more: &[(&str, &str)]| {
        let kind = Some(("grant_type", kind)).filter(|(_, kind)| !kind.is_empty());
        stage.token(client, &kind.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    ask("svc", "", &[])?.refused("none", &[400], &["invalid_request"])?;
    ask("svc", "unheard-of", &[])?.refused("an unknown one", &[400], &["unsupported_grant_type"])?;
    ask("web", "password", &password)?.refused("a password", &[400], &["unsupported_grant_type"])?;
    ask("web", "implicit", &[])?.refused("implicit", &[400], &["unsupported_grant_type"])?;
    ask("web", "client_credentials", &[])?.refused(
        "of another kind of client",
        &[400],
        &["unauthorized_client"],
    )?;
    ask("svc", "authorization_code", &[("code", "x")])?.refused(
        "and the other way",
        &[400],
        &["unauthorized_client"],
    )?;
    Ok(())
}
