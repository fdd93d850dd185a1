//! V: one kind of credential in the place of another.

use serde_json::json;

use crate::browser::field;
use crate::case::{Case, case};
use crate::http::{Asked, Told};
use crate::judge::{Outcome, ensure};
use crate::place::secret;
use crate::stage::{INTROSPECT, Stage, TOKEN, authorize, by, to};
use crate::wire::{answers, ends_nothing, grants, instead, requests};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("V01", "no_credential_is_taken_for_another", v01)
            .fails_if("whatever it is, it is redeemed", grants(|asked| asked.path() == TOKEN))
            .fails_if("whatever it is, it is active", ends_nothing())
            .fails_if(
                "whatever it is, a resource takes it",
                instead(|asked| {
                    let has = asked.path() == "/demo/resource" && asked.has_header("authorization").is_some();
                    has.then(|| Told::json_of(200, &json!({})))
                }),
            )
            .fails_if(
                "whatever it is, operators are let in by it",
                instead(|asked| {
                    (asked.path() == "/api/clients").then(|| Told::json_of(200, &json!({"items": []})))
                }),
            )
            .fails_if(
                "whatever it is, it is a session",
                answers(|asked, told| {
                    if asked.path() == "/account" && told.status == 303 {
                        *told = Told::new(200, "text/html", "");
                    }
                }),
            ),
        case("V03", "what_one_issuer_gave_is_worth_nothing_at_another", v03)
            .fails_if(
                "tokens are everybody's",
                requests(|asked| {
                    if asked.path() == INTROSPECT && asked.has_header("authorization").is_some() {
                        let body = std::mem::take(&mut asked.body);
                        *asked = by("strict", INTROSPECT, &[]);
                        asked.body = body;
                    }
                }),
            )
            .fails_if("codes are everybody's", grants(|asked| asked.path() == TOKEN)),
    ]
}

fn v01(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    let page = alice.get(&authorize("spa", &[]))?.must(200)?;
    let given = stage.grant("web")?;
    let session = stage.place().operate(
        "POST",
        "/api/session-tokens",
        Some(&json!({"profile": "admin", "user": "alice"})),
    )?;
    let all = [
        ("a code", stage.code_by(&mut alice, "web")?),
        ("an access token", given.access.clone()),
        ("a refresh token", given.refresh),
        ("a client's secret", secret("web")),
        ("a session", alice.session()),
        ("a form's token", field(&page, "csrf")?),
        ("a handle", field(&page, "interaction")?),
        ("a user's token for another profile", session.must(201)?.text("token")?),
    ];
    for (what, one) in &all {
        let is = |name: &str| what.contains(name);
        if !is("a code") {
            let fields = [
                ("grant_type", "authorization_code"),
                ("code", one),
                ("redirect_uri", to("web")),
                ("code_verifier", crate::stage::VERIFIER),
            ];
            stage.token("web", &fields)?.refused(
                &format!("{what} as a code"),
                &[400],
                &["invalid_grant", "invalid_request"],
            )?;
        }
        if !is("a refresh token") {
            let fields = [("grant_type", "refresh_token"), ("refresh_token", one.as_str())];
            stage.token("web", &fields)?.refused(
                &format!("{what} as a refresh token"),
                &[400],
                &["invalid_grant", "invalid_request"],
            )?;
        }
        if !is("access token") && !is("refresh token") {
            ensure!(!stage.is_active("web", one)?, "{what} is an active token");
        }
        if !is("access token") {
            let told = stage
                .send(&Asked::get("/demo/resource").header("Authorization", &format!("Bearer {one}")))?;
            ensure!(told.status == 401, "{what} as an access token: {told}");
        }
        if !is("secret") {
            let told = stage.send(
                &Asked::post(TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", "x")])
                    .basic("web", one),
            )?;
            told.refused(&format!("{what} as a secret"), &[401], &["invalid_client"])?;
        }
        if !is("session") {
            let mut browser = stage.browser();
            browser.cookies.insert("__Host-grantor_session".to_owned(), one.clone());
            ensure!(!browser.is_logged_in()?, "{what} is a session");
        }
        if !is("form's token") {
            let told = alice.submit(&page, &[("decision", "approve"), ("csrf", one)])?;
            ensure!(told.status == 403, "{what} as a form's token: {told}");
        }
        if !is("handle") {
            let told = alice.submit(&page, &[("decision", "approve"), ("interaction", one)])?;
            ensure!(told.parameter("code").is_none(), "{what} as a handle: {told}");
        }
        let told = Asked::get("/api/clients")
            .header("Authorization", &format!("Bearer {one}"))
            .send(&stage.admin())?;
        ensure!([401, 403].contains(&told.status), "{what} as an operator's token: {told}");
    }
    Ok(())
}

fn v03(stage: &Stage) -> Outcome {
    let given = stage.grant("strict")?;
    ensure!(stage.is_active("strict", &given.access)?, "it is worth nothing even there");
    for token in [&given.access, &given.refresh] {
        for client in ["web", "rs1"] {
            ensure!(!stage.is_active(client, token)?, "at the other issuer it is active, says {client}");
        }
    }
    let code = stage.code("strict")?;
    // The right client, but at the other issuer's endpoint.
    let mut asked = crate::stage::redemption("strict", &code);
    asked.target = TOKEN.to_owned();
    stage.send(&asked)?.refused(
        "its client at the other issuer",
        &[400, 401],
        &["invalid_client", "invalid_grant"],
    )?;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", to("strict")),
        ("code_verifier", crate::stage::VERIFIER),
    ];
    stage.token("web", &fields)?.refused("its code at the other issuer", &[400], &["invalid_grant"])?;
    let told = stage.redeem("strict", &code)?;
    ensure!(told.status == 200, "at its own it is refused: {told}");
    Ok(())
}
