//! W: configuration, and what is written down.

use serde_json::json;

use crate::case::{Case, case};
use crate::http::Asked;
use crate::judge::{Outcome, broken, ensure, same};
use crate::place::Settings;
use crate::stage::{Stage, TOKEN, pair};
use crate::wire::answers;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("W01", "an_unsafe_configuration_does_not_start", w01).fails_by_program(
            "it starts all the same",
            "GRANTOR__ISSUER=https://auth.example.test; export GRANTOR__ISSUER; \
                chmod 600 grantor-data/server.key 2>/dev/null; exec \"$0\" \"$@\"",
        ),
        case("W02", "an_unknown_or_wrong_key_is_named_and_ends_the_start", w02)
            .fails_by_program("it is passed over", "setpriv --pdeathsig KILL \"$0\" \"$@\" || exit 0")
            .fails_by_program("it is not said which", "exec \"$0\" \"$@\" 2>/dev/null"),
        case("W04", "the_trail_tells_who_did_what_and_no_secret", w04)
            .fails_if("logins are not in it", without_kind("login_failed"))
            .fails_if("replays are not in it", without_kind("code_replayed"))
            .fails_if("operators are not in it", without_kind("operator_acted"))
            .fails_if(
                "secrets are in it",
                answers(|asked, told| {
                    if asked.path() == "/api/audit" {
                        told.body =
                            told.body.replacen('{', &format!("{{\"x\":\"{}\",", crate::place::PASSWORD), 1);
                    }
                }),
            ),
    ]
}

/// The trail tells nothing of such a kind.
fn without_kind(kind: &'static str) -> crate::wire::Spoil {
    answers(move |asked, told| {
        if asked.path() == "/api/audit" {
            told.body = told.body.replace(kind, "x");
        }
    })
}

fn w01(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    stage.place().stop();
    let refused = |what: &str, command: &mut std::process::Command, words: &str| -> Outcome {
        let ready = stage.place().world.path("unsafe.json");
        let mut child = command.spawn().map_err(|e| broken(e.to_string()))?;
        let ended = crate::world::until(|| {
            let ended = child.try_wait().unwrap_or_default();
            ended.map(|status| status.code()).or_else(|| ready.exists().then_some(Some(0)))
        });
        let _ = child.kill();
        let _ = child.wait();
        let _ = std::fs::remove_file(&ready);
        let said = stage.place().world.read("unsafe.log");
        ensure!(matches!(ended, Some(1 | 2)), "{what}: it ends with {ended:?}");
        ensure!(said.contains(words), "{what}: it says {said}");
        Ok(())
    };
    let serve = || {
        let mut command = stage.place().command(&["serve", "--ready-file", "unsafe.json"]);
        let log = std::fs::File::create(stage.place().world.path("unsafe.log")).unwrap();
        command.stderr(log).stdout(std::process::Stdio::null());
        command
    };
    refused("an issuer in clear", serve().env("GRANTOR__ISSUER", "http://auth.example.test"), "https")?;
    let key = stage.place().world.path("grantor-data/server.key");
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644))
        .map_err(|e| broken(e.to_string()))?;
    refused("a key that everybody can read", &mut serve(), "chmod 600")?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))
        .map_err(|e| broken(e.to_string()))?;
    // There is no password that all deployments have.
    stage.start_again()?;
    for (user, password) in [
        ("admin", "admin"),
        ("root", "root"),
        ("admin", "password"),
        ("demo", "demo"),
        ("demo-admin", "demo-admin"),
    ] {
        let told = stage.browser().log_in(user, password)?;
        ensure!(told.status != 303, "{user} is let in by the password {password}");
    }
    Ok(())
}

fn w02(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    for (config, key) in [
        ("[lifetimes]\nacces_token = \"1h\"", "acces_token"),
        ("[lifetimes]\naccess_token = \"1w\"", "access_token"),
        ("[nonsense]\nx = 1", "nonsense"),
        ("[refresh]\nmode = \"twice\"", "mode"),
        ("[lifetimes]\nsession = = 1", "grantor"),
    ] {
        stage.place().world.write("grantor-wrong.toml", config);
        for command in ["check-config", "serve"] {
            let said = stage.place().run(&[command, "--config", "grantor-wrong.toml"])?;
            ensure!(said.code.is_some_and(|code| code != 0), "{command} takes {config:?}");
            ensure!(said.err.contains(key), "{command} of {config:?} says {:?}", said.err);
        }
    }
    let said = stage.place().run(&["check-config"])?;
    same("a right configuration ends the check with", &said.code, &Some(0))
}

fn w04(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    stage.browser().log_in("alice", "a wrong password")?;
    let mut alice = stage.alice()?;
    let code = stage.code_by(&mut alice, "web")?;
    let given = pair(&stage.redeem("web", &code)?)?;
    stage.redeem("web", &code)?.refused("a replay", &[400], &["invalid_grant"])?;
    stage.send(&Asked::post(TOKEN, &[("grant_type", "client_credentials")]).basic("svc", "wrong"))?;
    stage.operate("PATCH", "/api/clients/svc", Some(&json!({"client_name": "Changed"})))?.must(200)?;
    // Entries are gathered for a second; whoever stops writes them first.
    same("how it ends", &stage.place().stop(), &Some(0))?;
    stage.start_again()?;
    let told = stage.operate("GET", "/api/audit?limit=100", None)?.must(200)?;
    let expected = ["login_failed", "logged_in", "request_approved", "code_replayed", "operator_acted"];
    let kinds: std::collections::BTreeSet<_> =
        told.value()["items"].as_array().into_iter().flatten().map(|e| e["kind"].to_string()).collect();
    for kind in expected {
        ensure!(told.body.contains(kind), "{kind} is not in the trail; there are {kinds:?}");
    }
    let entries = told.value()["items"].clone();
    let replay =
        entries.as_array().into_iter().flatten().find(|entry| entry["kind"] == "code_replayed").cloned();
    let family = replay.unwrap_or_default()["grant"].clone();
    ensure!(family.as_str().is_some_and(|id| !id.is_empty()), "the replay is in the trail without its grant");
    for secret in [&code, &given.access, &given.refresh, &crate::place::PASSWORD.to_owned(), &alice.session()]
    {
        ensure!(!told.body.contains(secret.as_str()), "{secret} is in the trail");
    }
    Ok(())
}
