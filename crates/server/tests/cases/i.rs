//! I: scope, audience and updates that would give more.

use std::sync::Arc;

use serde_json::json;

use crate::browser::{Browser, field};
use crate::case::{Case, case, with};
use crate::http::{Asked, Told};
use crate::judge::{Found, Outcome, broken, ensure, same};
use crate::stage::{AUTHORIZE, Stage, TOKEN, authorize, by, to};
use crate::wire::{Spoil, answers, grants, requests};

pub(crate) fn cases() -> Vec<Case> {
    let any_scope = || {
        requests(|asked| {
            if asked.path() == AUTHORIZE {
                asked.set_parameter("scope", Some("read"));
            } else if asked.path() == TOKEN {
                asked.set_field("scope", None);
            }
        })
    };
    vec![
        case("I01", "a_scope_that_a_client_may_not_ask_for_is_refused", i01)
            .fails_if("any may be asked for", any_scope()),
        case("I02", "a_client_gets_no_scope_of_its_own_that_it_is_not_registered_for", i02)
            .fails_if("any may be asked for", any_scope()),
        case("I05", "what_is_not_ticked_is_not_issued_and_no_tick_adds_anything", i05)
            .fails_if("ticks are not looked at", requests(|asked| asked.set_field("scope.write", Some("on"))))
            .fails_if(
                "a tick of anything counts",
                answers(|asked, told| {
                    if asked.path() == TOKEN {
                        told.body = told.body.replace("\"read\"", "\"read admin\"");
                    }
                }),
            ),
        case("I06", "who_wants_more_is_asked_about_anew_and_a_public_client_each_time", i06)
            .fails_if("who was approved once is never asked about", approved_silently(|_| true))
            .fails_if("public clients are let pass as well", approved_silently(|client| client == "spa"))
            .fails_if(
                "nothing is remembered",
                answers(|asked, told| {
                    if asked.path() == AUTHORIZE && asked.target.contains("state=again") {
                        *told = Told::new(200, "text/html", "<form>");
                    }
                }),
            ),
        case("I11", "nobody_gives_his_own_application_more_than_he_may", i11).fails_if(
            "what the form adds is taken",
            answers(|asked, told| {
                if asked.path().starts_with("/api/clients/") {
                    told.body = told
                        .body
                        .replace("\"authorization_code\"", "\"authorization_code\",\"client_credentials\"");
                }
            }),
        ),
        case("I13", "a_public_client_speaks_for_nobody_and_a_service_has_nothing_to_refresh_with", i13)
            .fails_if("public clients may", grants(|asked| asked.path() == TOKEN))
            .fails_if(
                "services get a refresh token",
                answers(|asked, told| {
                    if asked.path() == TOKEN && told.status == 200 {
                        told.body = told.body.replacen('{', "{\"refresh_token\":\"gra_rt_forged\",", 1);
                    }
                }),
            ),
    ]
}

/// A consent page of such a client is approved without being shown.
fn approved_silently(which: impl Fn(&str) -> bool + Send + Sync + 'static) -> Spoil {
    Arc::new(move |asked, server| {
        let told = server(&asked);
        let client = asked.parameter("client_id").unwrap_or_default();
        let is_first = asked.target.contains("state=first");
        if asked.path() != AUTHORIZE || told.status != 200 || is_first || !which(&client) {
            return told;
        }
        let Ok((action, mut fields)) = crate::browser::form_of(&told) else { return told };
        fields.push(("decision".to_owned(), "approve".to_owned()));
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut post = Asked::post(&action, &fields);
        post.headers.extend(asked.headers);
        server(&post)
    })
}

fn i01(stage: &Stage) -> Outcome {
    for scope in ["admin", "read admin", "read write x"] {
        stage.get(&authorize("web", &[("scope", scope)]))?.redirected(
            scope,
            to("web"),
            &["invalid_scope"],
        )?;
    }
    Ok(())
}

fn i02(stage: &Stage) -> Outcome {
    for scope in ["write", "read write", "admin"] {
        let told = stage.token("svc", &[("grant_type", "client_credentials"), ("scope", scope)])?;
        told.refused(scope, &[400], &["invalid_scope"])?;
    }
    let right = stage.token("svc", &[("grant_type", "client_credentials"), ("scope", "read")])?.must(200)?;
    same("its own", &right.text("scope")?.as_str(), &"read")
}

fn i05(stage: &Stage) -> Outcome {
    let catalogue = "[scopes]\nread = { description = \"Read\" }\nwrite = { description = \"Write\", optional = true }\n\
                     admin = { description = \"All\", optional = true }\n";
    let stage = stage.own(with(catalogue))?;
    let mut alice = stage.alice()?;
    let mut granted = |ticks: &[(&str, &str)]| -> Result<String, Found> {
        let page = alice.get(&authorize("spa", &[]))?.must(200)?;
        if !page.body.contains("name=\"scope.write\"") {
            return Err(broken(format!("there is nothing to tick: {page}")));
        }
        // As a browser sends a page of which nothing is ticked, and then with these.
        let (action, mut fields) = crate::browser::form_of(&page)?;
        fields.retain(|(name, _)| !name.starts_with("scope."));
        fields.extend(ticks.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        fields.push(("decision".to_owned(), "approve".to_owned()));
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let code = alice.post(&action, &fields)?.code()?;
        stage.redeem("spa", &code)?.must(200)?.text("scope")
    };
    same("nothing ticked", &granted(&[])?.as_str(), &"read")?;
    same("a scope ticked that was not asked for", &granted(&[("scope.admin", "on")])?.as_str(), &"read")?;
    same("all ticked", &granted(&[("scope.write", "on")])?.as_str(), &"read write")
}

fn i06(stage: &Stage) -> Outcome {
    let client = stage.register("web", &json!({}))?;
    let mut alice = stage.alice()?;
    let ask = |alice: &mut Browser, client: &str, scope: &str, state: &str| {
        alice.get(&authorize(client, &[("scope", scope), ("state", state)]))
    };
    let approve = [("decision", "approve")];
    let first = ask(&mut alice, &client, "read", "first")?.must(200)?;
    alice.submit(&first, &approve)?.code()?;
    let again = ask(&mut alice, &client, "read", "again")?;
    ensure!(again.parameter("code").is_some(), "he is asked the same again: {again}");
    let more = ask(&mut alice, &client, "read write", "more")?;
    ensure!(more.parameter("code").is_none(), "more is given without asking");
    let first = ask(&mut alice, "spa", "read", "first")?.must(200)?;
    alice.submit(&first, &approve)?.code()?;
    let again = ask(&mut alice, "spa", "read", "once-more")?;
    ensure!(again.parameter("code").is_none(), "a public client is approved without asking");
    Ok(())
}

fn i11(stage: &Stage) -> Outcome {
    let client = stage.register("web", &json!({"owner": "alice", "scope": "read", "client_name": "Mine"}))?;
    let mut alice = stage.alice()?;
    let edit = format!("/apps/{client}/edit");
    let page = alice.get(&edit)?.must(200)?;
    let token = field(&page, "csrf")?;
    let forged = [
        ("csrf", token.as_str()),
        ("name", "Mine"),
        ("redirect_uris", "https://app.test/cb"),
        ("scope.read", "on"),
        ("scope.admin", "on"),
        ("grant.client_credentials", "on"),
        ("grant.password", "on"),
        ("grant.implicit", "on"),
        ("kind", "public"),
        ("token_endpoint_auth_method", "none"),
        ("require_pkce", ""),
        ("owner", "bob"),
        ("client_id", "web"),
    ];
    alice.post(&edit, &forged)?;
    let is = stage.operate("GET", &format!("/api/clients/{client}"), None)?.must(200)?.value();
    same("whose it is", &is["owner"], &json!("alice"))?;
    same("how it authenticates", &is["token_endpoint_auth_method"], &json!("client_secret_basic"))?;
    let grants = is["grant_types"].to_string();
    for more in ["client_credentials", "password", "implicit"] {
        ensure!(!grants.contains(more), "it may use {grants} now");
    }
    let scope = is["scope"].as_str().unwrap_or_default();
    ensure!(!scope.contains("admin"), "it may ask for {scope} now");
    Ok(())
}

fn i13(stage: &Stage) -> Outcome {
    let fields = [("grant_type", "client_credentials")];
    let told = stage.token("spa", &fields)?;
    told.refused("a public client", &[400, 401], &["unauthorized_client", "invalid_client"])?;
    let told = stage.send(&by("svc", TOKEN, &fields))?.must(200)?;
    ensure!(told.value().get("refresh_token").is_none(), "a service gets a refresh token: {told}");
    Ok(())
}
