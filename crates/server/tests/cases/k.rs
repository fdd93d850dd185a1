//! K: where tokens and secrets must not be.

use aho_corasick::AhoCorasick;

use crate::case::{Case, case};
use crate::f::pages;
use crate::http::{Asked, SECRETS, Told};
use crate::judge::{Outcome, broken, ensure, rule};
use crate::place::{ISSUER, PASSWORD, Settings, lock};
use crate::stage::{INTROSPECT, METADATA, REVOKE, Stage, TOKEN, VERIFIER, authorize, by, pair};
use crate::wire::{answers, instead, with, without};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("K01", "no_answer_with_a_token_is_kept", k01)
            .fails_if("it may be", without("cache-control"))
            .fails_if("it may be for a while", with("cache-control", "max-age=60")),
        case("K02", "a_page_on_the_way_to_a_code_is_not_kept_and_tells_nobody", k02)
            .fails_if("it may be kept", without("cache-control"))
            .fails_if(
                "the next site is told of the code",
                answers(|_, told| {
                    if told.parameter("code").is_some() {
                        told.drop_header("referrer-policy");
                    }
                }),
            )
            .fails_if(
                "it loads from elsewhere",
                answers(|_, told| {
                    told.body = told.body.replace("</head>", "<img src=\"https://cdn.test/x.png\"></head>");
                }),
            ),
        case("K03", "no_log_has_a_secret_at_the_finest_level", k03).fails_if(
            "what is in addresses is logged",
            answers(|_, told| {
                // It is given as a code what the log has anyhow: a word so short that nobody else looks for it in logs.
                if told.parameter("code").is_some() {
                    let to = told.header("location").to_owned();
                    let (before, _) = to.split_once("code=").unwrap_or_default();
                    let state = "grantor::serve".repeat(2);
                    told.set_header("location", &format!("{before}code=listening&state={state}"));
                }
            }),
        ),
        case("K05", "an_error_says_nothing_of_the_inside", k05)
            .fails_if(
                "it has a trace",
                answers(|_, told| {
                    if told.status >= 400 {
                        told.body += "thread 'main' panicked at crates/http/src/token.rs:12";
                    }
                }),
            )
            .fails_if("the server names itself", with("server", "grantor/0.1.0")),
        case("K06", "no_token_is_taken_from_an_address", k06).fails_if(
            "it is",
            instead(|asked| {
                asked
                    .parameter("access_token")
                    .map(|_| Told::json_of(200, &serde_json::json!({"demo": true})))
            }),
        ),
        case("K09", "nothing_for_operators_is_on_the_public_listener", k09)
            .fails_if(
                "it is",
                instead(|asked| (asked.path() == "/metrics").then(|| Told::new(200, "text/plain", "x"))),
            )
            .fails_if(
                "no token is asked for",
                instead(|asked| {
                    (asked.path() == "/api/clients")
                        .then(|| Told::json_of(200, &serde_json::json!({"items": []})))
                }),
            ),
        case("K10", "what_is_kept_is_its_owners_alone_whatever_the_umask", k10).fails_by_program(
            "files are as the umask has them",
            "for n in $(seq 200); do test -f ready.json && chmod -R a+r grantor-data; sleep 0.05; done & exec \"$0\" \"$@\"",
        ),
    ]
}

fn k01(stage: &Stage) -> Outcome {
    let code = stage.code("web")?;
    let told = stage.redeem("web", &code)?.must(200)?;
    let token = pair(&told)?.access;
    for (what, told) in [
        ("a token", told),
        ("a refusal", stage.redeem("web", "nonsense")?),
        ("a client's own token", stage.send(&by("svc", TOKEN, &[("grant_type", "client_credentials")]))?),
        ("introspection", stage.send(&by("web", INTROSPECT, &[("token", &token)]))?),
        ("revocation", stage.send(&by("web", REVOKE, &[("token", &token)]))?),
    ] {
        ensure!(
            told.header("cache-control").contains("no-store"),
            "{what}: {:?}",
            told.header("cache-control")
        );
    }
    Ok(())
}

fn k02(stage: &Stage) -> Outcome {
    for (what, page) in pages(stage)? {
        ensure!(page.header("cache-control").contains("no-store"), "{what} is kept");
        for place in ["src=\"http", "src=\"//", "url(http", "<link rel=\"stylesheet\" href=\"http", "@import"]
        {
            ensure!(!page.body.contains(place), "{what} loads from elsewhere: {place}");
        }
    }
    let mut alice = stage.alice()?;
    let page = alice.get(&authorize("spa", &[]))?.must(200)?;
    let back = alice.submit(&page, &[("decision", "approve")])?;
    back.code()?;
    ensure!(back.header("cache-control").contains("no-store"), "the way back is kept");
    ensure!(back.header("referrer-policy") == "no-referrer", "the way back is told to the next site");
    Ok(())
}

fn k03(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    let mut alice = stage.browser();
    alice.log_in("alice", "a wrong password")?;
    alice.log_in(PASSWORD, "alice")?;
    alice.log_in("alice", PASSWORD)?;
    let mut secrets = vec![PASSWORD.to_owned(), VERIFIER.to_owned(), "a wrong password".to_owned()];
    let codes = [stage.code_by(&mut alice, "web")?, stage.code_by(&mut alice, "web")?];
    let told = stage.redeem("web", &codes[0])?;
    if let Ok(given) = pair(&told) {
        let next = pair(&stage.refresh("web", &given.refresh)?)?;
        stage.is_active("web", &next.access)?;
        stage.revoke("web", &next.access)?;
        secrets.extend([given.access, given.refresh, next.access, next.refresh]);
    }
    stage.redeem("web", &codes[0])?;
    // And where none of it belongs.
    stage.get(&format!("/nowhere/{}?access_token={}&code={}", codes[1], codes[1], codes[1]))?;
    stage.get(&format!("/oauth2/authorize?client_id={}&state={}", codes[1], codes[1]))?;
    stage.send(
        &Asked::post(TOKEN, &[("grant_type", &codes[1]), ("scope", &codes[1])]).basic(&codes[1], &codes[1]),
    )?;
    secrets.extend(codes);
    secrets.extend(alice.cookies.into_values());
    secrets.extend(["web", "svc"].map(crate::place::secret));
    let logs = stage.place().logs();
    for expected in ["/oauth2/token", "a profile is served", "DEBUG"] {
        if !logs.contains(expected) {
            return Err(broken(format!("{expected} is not in the log: is everything logged at all?")));
        }
    }
    leaks(&logs, &secrets)
}

/// Fails if a log holds one of these, as it is or as it travels. One pass over the log, however many they are: a run holds
/// tens of thousands.
fn leaks(logs: &str, secrets: &[String]) -> Outcome {
    let travelling = |secret: &String| form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
    let both: Vec<String> = secrets.iter().flat_map(|secret| [secret.clone(), travelling(secret)]).collect();
    let any = AhoCorasick::new(&both).map_err(|why| broken(format!("{} secrets: {why}", both.len())))?;
    match any.find(logs) {
        Some(found) => Err(rule(format!("{} is in the log", logs.get(found.range()).unwrap_or_default()))),
        None => Ok(()),
    }
}

/// The same of everything that any party of any case held, and of the servers that all shared. That is for the end.
pub(crate) fn nothing_leaked(logs: &str) -> Outcome {
    let secrets: Vec<_> = lock(&SECRETS).iter().cloned().collect();
    leaks(logs, &secrets)
}

const INSIDE: [&str; 11] = [
    "panicked",
    "backtrace",
    "crates/",
    ".rs:",
    "axum",
    "hyper",
    "grantor-store",
    "grantor/",
    "0.1.0",
    "sqlite",
    "select ",
];

fn k05(stage: &Stage) -> Outcome {
    let mut told = pages(stage)?;
    told.retain(|(what, _)| *what != "console");
    told.extend([
        ("no such page", stage.get("/nothing")?),
        ("no form", stage.send(&Asked::new("POST", TOKEN, "{}"))?),
        ("nobody", stage.send(&Asked::post(TOKEN, &[]))?),
        ("nonsense", stage.send(&by("web", TOKEN, &[("grant_type", "authorization_code"), ("code", "x")]))?),
        ("a method", stage.send(&Asked::new("DELETE", TOKEN, ""))?),
        (
            "an operator's problem",
            stage.operate("POST", "/api/clients", Some(&serde_json::json!({"client_id": 7})))?,
        ),
        ("health", stage.get("/health/alive")?),
        ("a long address", stage.get(&format!("/login?x={}", "a".repeat(9000)))?),
    ]);
    for (what, told) in &told {
        let all = format!("{:?} {}", told.headers, told.body).to_lowercase();
        for inside in INSIDE {
            ensure!(!all.contains(inside), "{what}: {inside}: {told}");
        }
    }
    Ok(())
}

fn k06(stage: &Stage) -> Outcome {
    let token = stage.own_token("svc")?;
    let shown =
        stage.send(&Asked::get("/demo/resource").header("Authorization", &format!("Bearer {token}")))?;
    if shown.status != 200 {
        return Err(broken(format!("there is nothing to be had with a token: {shown}")));
    }
    let told = stage.get(&format!("/demo/resource?access_token={token}"))?;
    ensure!([400, 401].contains(&told.status), "it is taken: {told}");
    Ok(())
}

fn k09(stage: &Stage) -> Outcome {
    let bearer = format!("Bearer {}", stage.place().operator);
    for path in [
        "/metrics",
        "/version",
        "/debug",
        "/debug/pprof",
        "/api/clients",
        "/api/openapi.json",
        "/api/settings",
    ] {
        let told = stage.send(&Asked::get(path).header("Authorization", &bearer))?;
        ensure!(told.status == 404, "{path} is on the public listener: {told}");
    }
    for wrong in ["", "Bearer x", "Bearer gra_st_nonsense", "Basic YWxpY2U6eA=="] {
        for path in ["/api/clients", "/api/settings", "/api/nothing"] {
            let told = Asked::get(path).header("Authorization", wrong).send(&stage.admin())?;
            ensure!(told.status == 401, "{path} by {wrong:?}: {told}");
        }
    }
    ensure!(stage.get(METADATA)?.body.contains(ISSUER), "the public listener says nothing at all");
    stage.operate("GET", "/api/clients", None)?.must(200).map(drop)
}

fn k10(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings { umask: "000", ..Settings::default() })?;
    let mode = |name: &str| crate::world::mode(&stage.place().world.path(name));
    ensure!(mode("grantor-data") == 0o700, "the folder: {:o}", mode("grantor-data"));
    let mut seen = 0;
    let folder =
        std::fs::read_dir(stage.place().world.path("grantor-data")).map_err(|e| broken(e.to_string()))?;
    for entry in folder.flatten() {
        let mode = crate::world::mode(&entry.path());
        ensure!(mode == 0o600, "{}: {mode:o}", entry.path().display());
        seen += 1;
    }
    ensure!(seen >= 2 && mode("log") == 0o600, "key, database and log: {seen}, {:o}", mode("log"));
    // A secret need not be on a command line.
    let file = stage.place().world.write("secret", "a-secret-out-of-a-file-of-its-own");
    let id = crate::stage::unique("from-file");
    let said = stage.place().run(&[
        "client",
        "create",
        &id,
        "--grant-type",
        "client_credentials",
        "--scope",
        "read",
        "--secret-file",
        &file.display().to_string(),
    ])?;
    ensure!(said.code == Some(0), "{}", said.err);
    let asked = Asked::post(TOKEN, &[("grant_type", "client_credentials")]);
    let told = stage.send(&asked.basic(&id, "a-secret-out-of-a-file-of-its-own"))?;
    ensure!(told.status == 200, "the secret of the file is not taken: {told}");
    Ok(())
}
