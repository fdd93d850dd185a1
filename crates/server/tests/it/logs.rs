//! What the logs never hold, however much they are told to say (K03).

use crate::browser::Browser;
use crate::deployment::{
    PASSWORD, REDIRECT, USER, VERIFIER, authorize, client_credentials, code, deployment, is_active, pair,
    redeem, refresh, revoke, secret,
};
use crate::http::{Request, basic};

/// Those that a log holds, as they are or as they travel.
fn leaked<'a>(log: &str, secrets: &'a [String]) -> Vec<&'a String> {
    assert!(!log.is_empty() && !secrets.is_empty());
    let holds = |secret: &String| {
        assert!(secret.len() >= 8, "`{secret}` could be anywhere");
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        log.contains(secret.as_str()) || log.contains(&encoded)
    };
    secrets.iter().filter(|secret| holds(secret)).collect()
}

#[test]
fn a_secret_in_a_log_is_found_in_either_form() {
    let secrets = ["pass word one", "pass word two", "pass word three"].map(str::to_owned);
    let log = "{\"a\":\"pass word one\"}\n{\"b\":\"/x?y=pass+word+two\"}";
    assert_eq!(leaked(log, &secrets), [&secrets[0], &secrets[1]]);
}

#[test]
fn no_log_holds_a_secret_of_the_whole_flow_at_the_finest_level() {
    let world = deployment("[log]\nlevel = \"trace\"\nfile = \"log\"\n");
    let server = world.serve(&[]);
    let base = server.public();
    let mut secrets = [PASSWORD, VERIFIER].map(str::to_owned).to_vec();
    secrets.extend(["web", "post", "svc", "jws", "rs"].map(secret));
    secrets.extend(["web", "svc", "jws"].map(|client| basic(client, &secret(client))));
    let mut keep = |texts: &[&String]| secrets.extend(texts.iter().map(|text| (*text).clone()));

    // A login that fails, and one with the password in the place of the name.
    let mut browser = Browser::new(base);
    let wrong = "a wrong password".to_owned();
    let page = browser.open(&authorize("web")).unwrap();
    for fields in [[("username", USER), ("password", &wrong)], [("username", PASSWORD), ("password", USER)]] {
        assert_eq!(browser.submit(&page, &fields).unwrap().status, 200);
    }
    let [first, second, third] = [(); 3].map(|()| code(&mut browser).unwrap());
    let (access, token) = pair(&redeem(&first).send(base));
    let (newer, successor) = pair(&refresh(&token).send(base));
    assert!(is_active(base, "web", &newer));
    assert_eq!(revoke("web", &newer).send(base).status, 200);
    let jwt = client_credentials("jws").send(base).text("access_token");
    assert!(is_active(base, "jws", &jwt));
    assert_eq!(revoke("jws", &jwt).send(base).status, 200);
    keep(&[&wrong, &first, &second, &third, &access, &token, &newer, &successor, &jwt]);

    // What is refused is told of, too: a replay, a guess, secrets where none belong, and what nobody understands.
    assert_eq!(redeem(&first).send(base).status, 400);
    let guess = "a guess at the secret".to_owned();
    let fields = [("grant_type", "client_credentials")];
    assert_eq!(Request::post("/oauth2/token", &fields).by("svc", &guess).send(base).status, 401);
    let stray = format!("/oauth2/token?code={second}&client_secret={}", secret("web"));
    assert_eq!(Request::post(&stray, &fields).send(base).status, 400);
    assert_eq!(Request::get(&format!("/nowhere?access_token={access}&code={third}")).send(base).status, 404);
    assert_eq!(Request::get(&format!("/nowhere/{third}")).send(base).status, 404);
    // Id and secret in each other's place.
    assert_eq!(Request::post("/oauth2/token", &fields).by(&secret("web"), "web").send(base).status, 401);
    let misplaced = format!("/oauth2/authorize?client_id={third}&redirect_uri={REDIRECT}");
    assert_eq!(Request::get(&misplaced).send(base).status, 400);
    let odd = format!("/oauth2/authorize?client_id=nobody&redirect_uri={REDIRECT}&state={second}");
    assert_eq!(Request::get(&odd).send(base).status, 400);
    let unread = Request::new("POST", "/oauth2/token", format!("code={second}").as_bytes());
    assert_eq!(unread.header("Content-Type", "text/plain").send(base).status, 400);
    keep(&[&guess]);
    // Commands log as well.
    let revoked = world.run_with(&["--json", "token", "revoke", "-"], &successor);
    assert_eq!(revoked.code, Some(0), "{}", revoked.err);
    let rotated = world.json(&["client", "rotate-secret", "svc"]);
    let made = world.json(&["user", "create", "bob"]);
    keep(
        &[&rotated["client_secret"], &made["password"]]
            .map(|text| text.as_str().unwrap().to_owned())
            .each_ref(),
    );
    secrets.extend(browser.held.iter().cloned());
    assert_eq!(server.stop("-TERM").code(), Some(0));

    for place in ["log", "stdout", "stderr"] {
        let told = world.read(place);
        if place == "log" {
            for expected in
                ["/oauth2/token", "code_redeemed", "refresh_token_rotated", "grant_revoked", "DEBUG"]
            {
                assert!(told.contains(expected), "{expected} is not there: is everything logged at all?");
            }
        }
        let all = format!("{place}:{told}");
        assert_eq!(leaked(&all, &secrets), Vec::<&String>::new(), "in {place}");
        for prefix in ["gra_at_", "gra_rt_", "gra_cs_", "gra_in_", "Basic ", "Bearer ey"] {
            assert!(!told.contains(prefix), "{prefix} in {place}");
        }
    }
}
