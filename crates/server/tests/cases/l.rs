//! L: who may ask about tokens, end them, and use them.

use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::http::{Asked, Told};
use crate::judge::{Outcome, ensure, same};
use crate::place::secret;
use crate::stage::{INTROSPECT, REVOKE, Stage, by, pair};
use crate::wire::{answers, ends_nothing, instead, requests};

const RESOURCE: &str = "/demo/resource";

pub(crate) fn cases() -> Vec<Case> {
    let acknowledged =
        || instead(|asked| (asked.path() == REVOKE).then(|| Told::new(200, "application/json", "")));
    vec![
        case("L01", "nobody_introspects_without_credentials", l01).fails_if(
            "anybody may",
            instead(|asked| {
                (asked.path() == INTROSPECT).then(|| Told::json_of(200, &json!({"active": false})))
            }),
        ),
        case("L02", "a_token_that_is_not_for_him_is_inactive_and_no_more", l02)
            .fails_if(
                "everybody is told",
                requests(|asked| {
                    if asked.path() == INTROSPECT {
                        asked.drop_header("authorization");
                        *asked = asked.clone().basic("web", &secret("web"));
                    }
                }),
            )
            .fails_if(
                "more is said of it",
                answers(|_, told| {
                    told.body =
                        told.body.replace("\"active\":false", "\"active\":false,\"client_id\":\"web\"");
                }),
            ),
        case("L03", "nobody_revokes_anothers_token", l03).fails_if(
            "anybody may",
            requests(|asked| {
                if asked.path() == REVOKE {
                    asked.drop_header("authorization");
                    *asked = asked.clone().basic("web", &secret("web"));
                }
            }),
        ),
        case("L04", "an_unknown_token_is_revoked_and_a_hint_is_only_a_hint", l04)
            .fails_if(
                "an unknown one is an error",
                answers(|asked, told| {
                    if asked.path() == REVOKE && asked.field("token").is_some_and(|token| token.len() < 20) {
                        told.status = 400;
                    }
                }),
            )
            .fails_if(
                "the hint is believed",
                instead(|asked| {
                    asked.field("token_type_hint").map(|_| Told::new(200, "application/json", ""))
                }),
            ),
        case("L05", "a_public_client_revokes_its_own_by_its_name", l05)
            .fails_if("it cannot", acknowledged())
            .fails_if(
                "it revokes anothers",
                requests(|asked| {
                    if asked.path() == REVOKE {
                        asked.set_field("client_id", Some("spa"));
                    }
                }),
            ),
        case("L08", "what_ends_a_grant_ends_its_tokens_at_once", l08)
            .fails_if("it is looked at later", ends_nothing())
            .fails_if(
                "resources go by what they saw",
                answers(|asked, told| {
                    if asked.path() == RESOURCE
                        && told.status == 401
                        && asked.has_header("authorization").is_some()
                    {
                        told.status = 200;
                    }
                }),
            ),
        case("L09", "a_resource_takes_a_live_access_token_in_its_header_and_nothing_else", l09)
            .fails_if(
                "anything is taken",
                answers(|asked, told| {
                    if asked.path() == RESOURCE {
                        told.status = 200;
                    }
                }),
            )
            .fails_if("nobody is challenged", crate::wire::without("www-authenticate"))
            .fails_if(
                "too little scope is no token",
                answers(|asked, told| {
                    if asked.path() == RESOURCE && told.status == 403 {
                        told.status = 401;
                    }
                }),
            ),
        case("L13", "what_is_told_of_a_token_has_the_types_of_the_rfc", l13)
            .fails_if(
                "it is active as a text",
                answers(|_, told| told.body = told.body.replace("\"active\":true", "\"active\":\"true\"")),
            )
            .fails_if("its end is a text", answers(|_, told| stringify(told, "exp")))
            .fails_if(
                "its scope is a list",
                answers(|_, told| {
                    told.body =
                        told.body.replace("\"scope\":\"read write\"", "\"scope\":[\"read\",\"write\"]");
                }),
            ),
    ]
}

fn stringify(told: &mut Told, name: &str) {
    let mut value = told.value();
    if let Some(number) = value.get(name).filter(|number| number.is_number()).map(Value::to_string) {
        value[name] = number.into();
        told.body = value.to_string();
    }
}

fn l01(stage: &Stage) -> Outcome {
    let token = stage.grant("web")?.access;
    let fields = [("token", token.as_str())];
    for (what, asked) in [
        ("nobody", Asked::post(INTROSPECT, &fields)),
        ("a wrong secret", Asked::post(INTROSPECT, &fields).basic("web", "wrong")),
        ("an unknown client", Asked::post(INTROSPECT, &fields).basic("nobody", "wrong")),
        ("a name alone", Asked::post(INTROSPECT, &[fields[0], ("client_id", "web")])),
        (
            "the token itself",
            Asked::post(INTROSPECT, &fields).header("Authorization", &format!("Bearer {token}")),
        ),
    ] {
        stage.send(&asked)?.refused(what, &[401], &["invalid_client"])?;
    }
    Ok(())
}

fn l02(stage: &Stage) -> Outcome {
    let own = stage.grant("web")?;
    for (client, token) in
        [("web2", &own.access), ("web2", &own.refresh), ("svc", &own.access), ("rs1", &own.refresh)]
    {
        let told = stage.send(&by(client, INTROSPECT, &[("token", token)]))?.must(200)?;
        same(client, &told.body.as_str(), &"{\"active\":false}")?;
    }
    ensure!(stage.is_active("web", &own.access)?, "its own client is told nothing");
    ensure!(stage.is_active("rs1", &own.access)?, "a resource server is told nothing");
    Ok(())
}

fn l03(stage: &Stage) -> Outcome {
    let own = stage.grant("web")?;
    for token in [&own.access, &own.refresh] {
        for client in ["web2", "svc", "spa"] {
            let told = stage.send(&by(client, REVOKE, &[("token", token)]))?;
            ensure!(told.status < 500, "{told}");
            ensure!(stage.is_active("web", token)?, "{client} ended it");
        }
    }
    Ok(())
}

fn l04(stage: &Stage) -> Outcome {
    for unknown in ["nonsense", "gra_at_nonsense", "a.b.c"] {
        let told = stage.revoke("web", unknown)?;
        ensure!(told.status == 200, "{unknown}: {told}");
    }
    for hint in ["refresh_token", "access_token", "unheard-of"] {
        let given = stage.grant("web")?;
        for token in [&given.access, &given.refresh] {
            stage.send(&by("web", REVOKE, &[("token", token), ("token_type_hint", hint)]))?.must(200)?;
            ensure!(!stage.is_active("web", token)?, "with the hint {hint} it is not found");
        }
    }
    Ok(())
}

fn l05(stage: &Stage) -> Outcome {
    let given = stage.grant("spa")?;
    stage.send(&by("spa2", REVOKE, &[("token", &given.refresh)]))?;
    ensure!(stage.is_active("spa", &given.refresh)?, "another public client ended it");
    stage.send(&by("spa", REVOKE, &[("token", &given.refresh)]))?.must(200)?;
    ensure!(!stage.is_active("spa", &given.refresh)?, "its own cannot end it");
    Ok(())
}

fn l08(stage: &Stage) -> Outcome {
    let user = stage.join("user")?;
    let client = stage.register("web", &json!({}))?;
    let mut browser = stage.browser().logged_in(&user)?;
    let ends: [(&str, &dyn Fn() -> Outcome); 4] = [
        ("a grant is revoked", &|| {
            let grants = stage.operate("GET", &format!("/api/grants?user={user}"), None)?.must(200)?.value();
            for grant in grants["items"].as_array().into_iter().flatten() {
                let id = grant["id"].as_str().unwrap_or_default();
                stage.operate("POST", &format!("/api/grants/{id}/revoke"), None)?.must(200)?;
            }
            Ok(())
        }),
        ("its client is disabled", &|| {
            let disabled = json!({"disabled": true});
            stage.operate("PATCH", &format!("/api/clients/{client}"), Some(&disabled))?.must(200).map(drop)
        }),
        ("its client is deleted", &|| {
            stage.operate("DELETE", &format!("/api/clients/{client}"), None).map(drop)
        }),
        ("its person is disabled", &|| {
            stage.operate("POST", &format!("/api/users/{user}/disable"), None)?.must(200).map(drop)
        }),
    ];
    for (what, end) in ends {
        // Once the client is gone, another is there for what is left.
        let client = if what.contains("person") { "web" } else { client.as_str() };
        if what.contains("deleted") {
            let enabled = json!({"disabled": false});
            stage.operate("PATCH", &format!("/api/clients/{client}"), Some(&enabled))?.must(200)?;
        }
        let given = pair(&stage.redeem(client, &stage.code_by(&mut browser, client)?)?)?;
        let bearer = format!("Bearer {}", given.access);
        let resource = || stage.send(&Asked::get(RESOURCE).header("Authorization", &bearer));
        resource()?.must(200)?;
        ensure!(stage.is_active("rs1", &given.access)?, "it is worth nothing from the start");
        end()?;
        ensure!(!stage.is_active("rs1", &given.access)?, "{what}, and introspection does not know");
        let told = resource()?;
        ensure!(told.status == 401, "{what}, and a resource does not know: {told}");
    }
    Ok(())
}

fn l09(stage: &Stage) -> Outcome {
    let given = stage.grant("web")?;
    let with = |token: &str| Asked::get(RESOURCE).header("Authorization", &format!("Bearer {token}"));
    stage.send(&with(&given.access))?.must(200)?;
    for (what, asked) in [
        ("no token", Asked::get(RESOURCE)),
        ("nonsense", with("x")),
        ("a refresh token", with(&given.refresh)),
    ] {
        let told = stage.send(&asked)?;
        ensure!(told.status == 401, "{what}: {told}");
        ensure!(told.header("www-authenticate").starts_with("Bearer"), "{what}: nobody is challenged");
    }
    let told =
        stage.send(&with(&given.access).header("Authorization", &format!("Bearer {}", given.access)))?;
    ensure!([400, 401].contains(&told.status), "shown twice: {told}");
    let narrow = stage.alice()?.approve(&crate::stage::authorize("spa", &[("scope", "write")]))?.code()?;
    let narrow = pair(&stage.redeem("spa", &narrow)?)?;
    let told = stage.send(&with(&narrow.access))?;
    ensure!(told.status == 403, "without the scope: {told}");
    ensure!(
        told.header("www-authenticate").contains("insufficient_scope"),
        "it is not told why: {:?}",
        told.headers
    );
    Ok(())
}

fn l13(stage: &Stage) -> Outcome {
    let given = stage.grant("web")?;
    for token in [&given.access, &given.refresh] {
        let told = stage.introspect("web", token)?;
        ensure!(told["active"] == Value::Bool(true), "active: {}", told["active"]);
        for name in ["exp", "iat"] {
            ensure!(told[name].is_i64(), "{name}: {}", told[name]);
        }
        for name in ["scope", "client_id", "sub"] {
            ensure!(told[name].is_string(), "{name}: {}", told[name]);
        }
        ensure!(told["scope"] == "read write", "scope: {}", told["scope"]);
    }
    Ok(())
}
