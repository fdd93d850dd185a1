//! Support work on tokens and users, beside a running server.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use grantor_core::Digest;
use grantor_core::credential::RefreshToken;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::deployment::{self, USER, client_credentials, deployment, is_active, pair, redeem, refresh};
use crate::world::World;

const PREFIX: &str = RefreshToken::PREFIX;

fn by_input(world: &World, verb: &str, token: &str) -> Value {
    world.run_with(&["--json", "token", verb, "-"], token).json()
}

#[test]
fn any_token_is_looked_up_and_taken_back() {
    let world = deployment("");
    let server = world.serve(&[]);
    let base = server.public();
    let mut browser = Browser::new(base);
    let mut grant = || pair(&redeem(&deployment::code(&mut browser).unwrap()).send(base));

    for client in ["svc", "jws"] {
        let [mine, other] = [(); 2].map(|()| client_credentials(client).send(base).text("access_token"));
        let worth = by_input(&world, "introspect", &mine);
        assert_eq!((&worth["active"], &worth["client_id"]), (&json!(true), &json!(client)));
        assert_eq!(by_input(&world, "revoke", &mine), json!({"revoked": true, "grant": null}));
        assert_eq!(by_input(&world, "introspect", &mine)["active"], false);
        assert!(!is_active(base, client, &mine), "the server goes by it at once");
        assert!(is_active(base, client, &other), "a token of the same client stays");
        assert_eq!(by_input(&world, "revoke", &mine)["revoked"], false);
    }

    let (access, first) = grant();
    assert_eq!(by_input(&world, "revoke", &access), json!({"revoked": true, "grant": null}));
    assert!(!is_active(base, "web", &access) && is_active(base, "web", &first), "only itself");
    let (newer, current) = pair(&refresh(&first).send(base));
    assert_eq!(by_input(&world, "introspect", &first)["active"], false, "it was replaced");
    assert_eq!(by_input(&world, "introspect", &current)["sub"], USER);
    let ended = by_input(&world, "revoke", &first);
    assert_eq!(ended["revoked"], true, "its holder still proves the grant by it");
    let grants = world.json(&["grant", "list", "--user", USER]);
    assert_eq!((&ended["grant"], &json!("revoked")), (&grants[0]["id"], &grants[0]["state"]));
    assert!(!is_active(base, "web", &newer) && !is_active(base, "web", &current));
}

#[test]
fn a_refresh_token_that_only_names_a_grant_ends_nothing() {
    let world = deployment("");
    let server = world.serve(&[]);
    let mut browser = Browser::new(server.public());
    let [mine, other] =
        [(); 2].map(|()| pair(&redeem(&deployment::code(&mut browser).unwrap()).send(server.public())).1);
    let forged = named_after(&other, &mine);
    assert_eq!(by_input(&world, "revoke", &forged), json!({"revoked": false, "grant": null}));
    for token in [mine, other] {
        assert!(is_active(server.public(), "web", &token));
    }
}

/// A refresh token that is well-formed, names the grant of one, and has the secret of another.
fn named_after(named: &str, other: &str) -> String {
    let payload = |token: &str| BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX).unwrap()).unwrap();
    let mut forged = [&payload(named)[..16], &payload(other)[16..52]].concat();
    let digest = Digest::of(&[PREFIX.as_bytes(), &forged].concat()).to_base64url();
    forged.extend(BASE64_URL_SAFE_NO_PAD.decode(digest).unwrap().iter().take(4));
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(forged))
}

// A command that failed between the user and his grants.
#[test]
fn deleting_or_disabling_again_ends_the_grants_that_were_left() {
    for verb in ["delete", "disable"] {
        let world = deployment("");
        let server = world.serve(&[]);
        let mut browser = Browser::new(server.public());
        let (access, _) = pair(&redeem(&deployment::code(&mut browser).unwrap()).send(server.public()));
        let database = Connection::open(world.path("grantor-data/grantor.db")).unwrap();
        let grants = "kind = 'grant'";
        database
            .execute_batch(&format!("CREATE TEMP TABLE kept AS SELECT * FROM record WHERE {grants}"))
            .unwrap();
        let state = if verb == "delete" { "deleted" } else { "disabled" };
        let done = json!({"username": USER, "state": state, "grants_revoked": 1});
        assert_eq!(world.json(&["user", verb, USER]), done);
        let back = format!("DELETE FROM record WHERE {grants}; INSERT INTO record SELECT * FROM kept");
        database.execute_batch(&back).unwrap();
        assert!(is_active(server.public(), "web", &access), "as if the grants had not been reached");
        assert_eq!(world.json(&["user", verb, USER]), done);
        assert!(!is_active(server.public(), "web", &access));
    }
}
