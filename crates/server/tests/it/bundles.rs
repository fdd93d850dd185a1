//! Replay bundles: what a running server writes of its refusals, and `grantor replay`.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::browser::Browser;
use crate::deployment::{
    PASSWORD, REDIRECT, VERIFIER, authorize, client_credentials, code, deployment, pair, redeem, refresh,
    secret, token,
};
use crate::http::{Request, basic};
use crate::world::World;

const CONFIG: &str = "[log]\nfile = \"log\"\nbundles = \"kept/bundles\"\n";

/// The bundles there are, by name, oldest first.
fn bundles(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.path("kept/bundles")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.map(|name| format!("kept/bundles/{name}")).collect();
    names.sort();
    names
}

/// A server that refuses in every way that one can come by easily; all the secrets that passed through it.
fn refusals(world: &World) -> Vec<String> {
    let server = world.serve(&[]);
    let base = server.public();
    let mut secrets = [PASSWORD, VERIFIER].map(str::to_owned).to_vec();
    secrets.extend(["web", "post", "svc", "jws", "rs"].map(secret));
    secrets.extend(["web", "svc", "jws"].map(|client| basic(client, &secret(client))));
    let mut keep = |texts: &[&String]| secrets.extend(texts.iter().map(|text| (*text).clone()));
    let status = |request: Request| request.send(base).status;

    let mut browser = Browser::new(base);
    let [first, second, third] = [(); 3].map(|()| code(&mut browser).unwrap());
    let (access, old) = pair(&redeem(&first).send(base));
    let (newer, successor) = pair(&refresh(&old).send(base));
    keep(&[&first, &second, &third, &access, &old, &newer, &successor]);
    // Another verifier, another URI, another client, another scope; a replay, and what it ended.
    let wrong = "a-wrong-verifier-of-more-than-43-characters-as-well".to_owned();
    let redeemed = |verifier: &str, uri: &str| {
        let grant = [("grant_type", "authorization_code"), ("code", &second), ("redirect_uri", uri)];
        token("web", &[&grant[..], &[("code_verifier", verifier)]].concat())
    };
    assert_eq!(status(redeemed(&wrong, REDIRECT)), 400);
    let elsewhere = format!("{REDIRECT}?key=a-secret-in-a-query");
    assert_eq!(status(redeemed(VERIFIER, &elsewhere)), 400);
    let by_another = [("grant_type", "refresh_token"), ("refresh_token", &successor)];
    assert_eq!(status(token("post", &by_another)), 401);
    let wider = [&by_another[..], &[("scope", "read a-secret-as-a-scope")]].concat();
    assert_eq!(status(token("web", &wider)), 400);
    assert_eq!(status(redeem(&first)), 400);
    assert_eq!(status(refresh(&successor)), 400);
    assert_eq!(status(redeem("not a code but a secret")), 400);
    keep(&[&wrong, &"a-secret-in-a-query".to_owned(), &"a-secret-as-a-scope".to_owned()]);
    keep(&[&"not a code but a secret".to_owned()]);
    // Guesses, strangers, and secrets where none belong.
    let guess = "a guess at the secret".to_owned();
    let fields = [("grant_type", "client_credentials")];
    assert_eq!(status(Request::post("/oauth2/token", &fields).by("svc", &guess)), 401);
    assert_eq!(status(Request::post("/oauth2/token", &fields).by(&secret("web"), "web")), 401);
    let about = |path: &str, token: &str| Request::post(path, &[("token", token)]);
    assert_eq!(status(about("/oauth2/introspect", &access).by("nobody", &guess)), 401);
    assert_eq!(status(about("/oauth2/revoke", &third).by("web", &guess)), 401);
    let misplaced = format!("/oauth2/authorize?client_id={third}&redirect_uri={REDIRECT}");
    assert_eq!(status(Request::get(&misplaced)), 400);
    let unregistered = authorize("web").replace("app.test", "evil.test").replace("the-state", &third);
    assert_eq!(status(Request::get(&unregistered)), 400);
    let told = browser.open(&authorize("web").replace("read+write", "the-nuclear-codes")).unwrap();
    assert_eq!(told.parameter("error").as_deref(), Some("invalid_scope"));
    let jwt = client_credentials("jws").send(base).text("access_token");
    keep(&[&guess, &jwt, &"the-nuclear-codes".to_owned(), &"the-state".to_owned()]);
    secrets.extend(browser.held.iter().cloned());
    assert_eq!(server.stop("-TERM").code(), Some(0));
    secrets
}

#[test]
fn each_refusal_is_kept_for_its_owner_alone_holds_no_secret_and_replays_anywhere() {
    let world = deployment(CONFIG);
    let secrets = refusals(&world);
    let key = world.read("grantor-data/server.key");
    let names = bundles(&world);
    // Somewhere else, with nothing there.
    let elsewhere = World::new();
    let mut rules = Vec::new();
    for name in &names {
        let mode = std::fs::metadata(world.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let bundle = world.read(name);
        assert!(!bundle.contains(key.trim()), "the server's key is in {name}");
        for secret in &secrets {
            assert!(secret.len() >= 8, "`{secret}` could be anywhere");
            let digest = grantor_core::Digest::of(secret.as_bytes()).to_base64url();
            assert!(!bundle.contains(secret.as_str()) && !bundle.contains(&digest), "{secret} in {bundle}");
        }
        let replayed = elsewhere.run_with(&["--json", "replay", "-"], &bundle).json();
        assert_eq!(replayed["same"], true, "{replayed}");
        assert_eq!(replayed["differences"], Value::Array(Vec::new()), "{replayed}");
        let rule = replayed["end"]["refused"]["reason"].as_str().unwrap().to_owned();
        assert!(name.contains(&rule), "{name} is {rule}");
        rules.push(rule);
    }
    let mode = std::fs::metadata(world.path("kept/bundles")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    for expected in [
        "VerifierWrong",
        "RedirectDiffers",
        "ClientMethodWrong",
        "ScopeWidened",
        "CodeReplayed",
        "RefreshTokenRevoked",
        "CodeMalformed",
        "ClientSecretWrong",
        "ClientUnknown",
        "RedirectUnregistered",
        "ScopeNotAllowed",
    ] {
        assert!(rules.iter().any(|rule| rule == expected), "{expected} is not among {rules:?}");
        let log = world.read("log");
        assert!(log.contains(&format!("\"reason\":\"{expected}\"")), "{expected} is not in the log");
    }
    assert!(world.read("log").contains("\"looked_at\":\"secrets=1 secrets_valid=1\""));
}

#[test]
fn what_was_changed_or_is_no_bundle_ends_with_1_and_says_why() {
    let world = deployment(CONFIG);
    let server = world.serve(&[]);
    let fields = [("grant_type", "client_credentials")];
    assert_eq!(
        Request::post("/oauth2/token", &fields).by("svc", "a guess").send(server.public()).status,
        401
    );
    assert_eq!(server.stop("-TERM").code(), Some(0));
    let name = bundles(&world).remove(0);
    let bundle = world.read(&name);

    // A broken configuration is no hindrance.
    world.write("grantor.toml", "this is no TOML");
    let told = world.run(&["replay", &name]);
    assert_eq!(told.code, Some(0), "{}", told.err);
    for said in
        ["1. look up client/svc", "refused: ClientSecretWrong (invalid_client)", "found: secrets_valid = 1"]
    {
        assert!(told.out.contains(said), "`{said}` is not said: {}", told.out);
    }
    // The client that was switched off is refused by another rule.
    let mut file: Value = serde_json::from_str(&bundle).unwrap();
    file["run"]["steps"][0]["registration"]["found"]["metadata"]["disabled"] = true.into();
    world.write("changed.json", &file.to_string());
    let told = world.run(&["replay", "changed.json"]);
    assert_eq!(told.code, Some(1));
    assert!(
        told.out.contains("refused: ClientDisabled") && told.out.contains("ANOTHER answer"),
        "{}",
        told.out
    );
    assert!(told.out.contains("was changed since it was recorded"), "{}", told.out);
    assert!(told.err.contains("this is not what was recorded"), "{}", told.err);

    world.write("half.json", bundle.get(..bundle.len() / 2).unwrap());
    for (file, why) in [("half.json", "not a replay bundle"), ("no-such-file", "cannot be read")] {
        let told = world.run(&["replay", file]);
        assert_eq!(told.code, Some(1));
        assert!(told.err.contains(why) && told.err.trim_end().lines().count() == 1, "{}", told.err);
        assert_eq!(told.out, "");
    }
}

#[test]
fn nothing_is_recorded_unless_a_folder_is_named_and_no_more_than_is_to_be_kept() {
    let fields = [("grant_type", "client_credentials")];
    let guess = |base: &str, times| {
        for _ in 0..times {
            assert_eq!(Request::post("/oauth2/token", &fields).by("svc", "a guess").send(base).status, 401);
            assert_eq!(Request::post("/oauth2/token", &fields).by("web", "a guess").send(base).status, 401);
        }
    };
    let world = deployment("");
    let server = world.serve(&[]);
    guess(server.public(), 1);
    assert_eq!(server.stop("-TERM").code(), Some(0));
    assert!(!world.path("kept").exists());

    let world = deployment(&format!("{CONFIG}bundles_keep = 3\n"));
    let server = world.serve(&[]);
    guess(server.public(), 4);
    assert_eq!(server.stop("-TERM").code(), Some(0));
    assert_eq!(bundles(&world).len(), 3);

    let wrong = world.write("wrong.toml", "[log]\nbundles_keep = 0\n");
    let told = world.run(&["--config", wrong.to_str().unwrap(), "check-config"]);
    assert_eq!(told.code, Some(2));
    assert!(told.err.contains("bundles_keep: expected a number from 1 to 10000"), "{}", told.err);
}
