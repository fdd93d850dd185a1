//! The time of day jumps under a running server (S27), and what is over is over though nobody cleans up (S31).

use std::process::Command;

use crate::backend::{Backend, on};
use crate::browser::Browser;
use crate::deployment::{
    authorize, client_credentials, code, deployment_on, error, introspect, is_active, pair, redeem, refresh,
    revoke,
};
use crate::world::{Server, World, get};
use crate::{tools, world};

const HOUR: i64 = 3_600;

/// A server whose time of day is that of the machine, and so much more or less as the file says.
fn serve_by_clock(world: &World) -> Server {
    set_clock(world, 0);
    let mut command: Command = world.command(&["serve", "--ready-file", "ready.json"]);
    command.env("LD_PRELOAD", tools::faketime()).env("FAKETIME_TIMESTAMP_FILE", world.path("clock"));
    // Read at each look; and only the time of day jumps, as it does when somebody sets it.
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    world.serve_by("", command.env("DONT_FAKE_MONOTONIC", "1"))
}

fn set_clock(world: &World, seconds: i64) {
    world.write("clock.new", &format!("{seconds:+}"));
    // At once, so that nobody reads half of it.
    std::fs::rename(world.path("clock.new"), world.path("clock")).unwrap();
}

/// When a server says that it is.
fn time_at(base: &str) -> i64 {
    let token = client_credentials("svc").send(base).text("access_token");
    introspect("svc", &token).send(base).json()["iat"].as_i64().unwrap()
}

// S27
on!(a_clock_set_back_revives_nothing: sqlite, sled, redis);

fn a_clock_set_back_revives_nothing(backend: Backend) {
    let world = deployment_on(&backend, "[refresh]\ngrace = \"0\"\n");
    let server = serve_by_clock(&world);
    let base = server.public();
    let mut browser = Browser::new(base);
    let mut grant = || {
        let code = code(&mut browser).unwrap();
        let (access, refresh) = pair(&redeem(&code).send(base));
        (code, access, refresh)
    };
    let (kept_code, kept_access, kept_refresh) = grant();
    let (used_code, _, _) = grant();
    let (_, revoked_access, _) = grant();
    let (_, ended_access, ended_refresh) = grant();
    let (_, _, replaced) = grant();
    let revoked_jwt = client_credentials("jws").send(base).text("access_token");
    assert_eq!(redeem(&used_code).send(base).status, 400);
    for (client, token) in [("web", &revoked_access), ("web", &ended_refresh), ("jws", &revoked_jwt)] {
        assert_eq!(revoke(client, token).send(base).status, 200);
    }
    let (newer, successor) = pair(&refresh(&replaced).send(base));
    let before = time_at(base);

    set_clock(&world, -HOUR);
    assert!(time_at(base) <= before - HOUR + 60, "the clock was not set back");
    for (client, token) in [
        ("web", &revoked_access),
        ("web", &ended_access),
        ("web", &ended_refresh),
        ("web", &replaced),
        ("jws", &revoked_jwt),
    ] {
        assert!(!is_active(base, client, token), "{client}");
    }
    assert!(is_active(base, "web", &kept_access) && is_active(base, "web", &successor), "these live on");
    for request in [refresh(&ended_refresh), redeem(&used_code)] {
        assert_eq!(error(&request.send(base)), (400, "invalid_grant".to_owned()));
    }
    // What is issued now lives as long as ever, by this clock, and what it says of time is no nonsense.
    for answer in [refresh(&kept_refresh).send(base), client_credentials("jws").send(base)] {
        assert_eq!(
            (answer.status, answer.json()["expires_in"].as_i64()),
            (200, Some(HOUR)),
            "{}",
            answer.body
        );
    }
    let old = introspect("web", &kept_access).send(base).json();
    assert!(old["exp"].as_i64().unwrap() > old["iat"].as_i64().unwrap());
    assert_eq!(error(&redeem(&kept_code).send(base)), (400, "invalid_grant".to_owned()), "a replay, as ever");
    assert!(!is_active(base, "web", &kept_access), "and it ends what it gave");
    assert_eq!(error(&refresh(&replaced).send(base)), (400, "invalid_grant".to_owned()));
    assert!(!is_active(base, "web", &newer) && !is_active(base, "web", &successor));
    assert_eq!(get(base, "/health/ready").0, 200);

    set_clock(&world, 0);
    for token in [&revoked_access, &ended_access, &ended_refresh, &replaced, &kept_access, &newer] {
        assert!(!is_active(base, "web", token), "set right again");
    }
    assert!(!is_active(base, "jws", &revoked_jwt));
    assert_eq!(server.stop("-TERM").code(), Some(0));
    assert!(!world.read("stderr").contains("panicked"), "{}", world.read("stderr"));
}

// S31
on!(what_is_over_is_refused_though_it_is_still_there: sqlite, sled, redis);

fn what_is_over_is_refused_though_it_is_still_there(backend: Backend) {
    let short =
        "authorization_code = \"60s\"\naccess_token = \"60s\"\nrefresh_token = \"60s\"\nsession = \"60s\"\n";
    let world = deployment_on(&backend, &format!("[lifetimes]\n{short}"));
    let server = serve_by_clock(&world);
    let base = server.public();
    let mut browser = Browser::new(base);
    let waiting = code(&mut browser).unwrap();
    let (access, token) = pair(&redeem(&code(&mut browser).unwrap()).send(base));
    let own =
        ["svc", "jws"].map(|client| (client, client_credentials(client).send(base).text("access_token")));
    let asked = browser.open(&authorize("web")).unwrap();
    assert!(asked.parameter("code").is_some(), "he is logged in, and approved it before");
    assert!(is_active(base, "web", &access) && is_active(base, "web", &token));

    // More than any lifetime, and much less than the time after which anything is cleaned up.
    set_clock(&world, 120);
    for request in [redeem(&waiting), refresh(&token)] {
        assert_eq!(error(&request.send(base)), (400, "invalid_grant".to_owned()));
    }
    for (client, token) in own.iter().map(|(c, t)| (*c, t)).chain([("web", &access), ("web", &token)]) {
        assert!(!is_active(base, client, token), "{client}");
    }
    let asked = browser.open(&authorize("web")).unwrap();
    assert!(asked.body.contains("name=\"password\""), "his session is over");
    // Nothing of that was cleaned up, so it was by its own time that it was refused: set back, it is good again.
    let purged = world::get(server.admin(), "/metrics").1;
    let purged = purged.lines().find_map(|line| line.strip_prefix("grantor_records_purged_total "));
    assert_eq!(purged, Some("0"));
    set_clock(&world, 0);
    assert!(is_active(base, "web", &access) && is_active(base, "web", &token));
    assert_eq!(redeem(&waiting).send(base).status, 200);
}
