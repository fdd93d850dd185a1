//! The server dies between a commit and its answer (S02, B15, H09), and at once after an answer (S04).

use std::process::Command;

use crate::backend::{Backend, on};
use crate::browser::Browser;
use crate::deployment::{
    authorize, client_credentials, code, deployment_on, error, is_active, pair, redeem, refresh, revoke,
};
use crate::http::Request;
use crate::tools;
use crate::world::{Server, World};

/// A server that is killed as it begins to write its first answer.
fn serve_until_the_first_answer(world: &World) -> Server {
    let mut traced = Command::new(tools::strace());
    let kill = "inject=writev:error=EPIPE:signal=SIGKILL:when=1";
    let options = ["-D", "-f", "-o", "calls", "-e", "trace=writev", "-e", kill];
    world.at_home(&mut traced).args(options).arg(env!("CARGO_BIN_EXE_grantor"));
    traced.args(["serve", "--ready-file", "ready.json"]);
    world.serve_by("", traced)
}

fn ask_and_lose(world: &World, request: &Request) {
    let server = serve_until_the_first_answer(world);
    assert!(request.try_send(server.public()).is_none(), "it was to die before it answered");
    server.kill();
}

// S02. What is said to Redis goes out by the same call as what is said to clients, so on Redis it is for chance to hit the
// moment: the storms count how often it did.
on!(what_was_committed_without_an_answer_is_committed_once: sqlite, sled);

fn what_was_committed_without_an_answer_is_committed_once(backend: Backend) {
    let world =
        deployment_on(&backend, "[refresh]\ngrace = \"1h\"\n[lifetimes]\nauthorization_code = \"10m\"\n");
    let server = world.serve(&[]);
    let mut browser = Browser::new(server.public());
    let unanswered = code(&mut browser).unwrap();
    let (access, token) = pair(&redeem(&code(&mut browser).unwrap()).send(server.public()));
    let own = client_credentials("svc").send(server.public()).text("access_token");
    server.kill();

    ask_and_lose(&world, &refresh(&token));
    ask_and_lose(&world, &redeem(&unanswered));
    ask_and_lose(&world, &revoke("svc", &own));
    let server = world.serve(&[]);
    let base = server.public();
    assert!(!is_active(base, "svc", &own), "that was committed");
    assert!(!is_active(base, "web", &token), "and that");
    // H09: whoever lost the answer gets it by asking again, and the same again.
    let (newer, successor) = pair(&refresh(&token).send(base));
    let (_, again) = pair(&refresh(&token).send(base));
    assert_eq!(successor, again);
    assert!([&access, &newer, &successor].iter().all(|token| is_active(base, "web", token)));
    // B15: a code is not given twice, though nobody had what it gave.
    assert_eq!(error(&redeem(&unanswered).send(base)), (400, "invalid_grant".to_owned()));
}

/// How often what was acknowledged is followed by the end.
const ENDS: usize = 10;

// S04
on!(what_was_taken_back_just_before_the_end_stays_so: sqlite, sled, redis);

fn what_was_taken_back_just_before_the_end_stays_so(backend: Backend) {
    let world = deployment_on(&backend, "");
    let mut server = world.serve(&[]);
    let mut browser = Browser::new("");
    for end in 0..ENDS {
        let base = server.public().to_owned();
        base.clone_into(&mut browser.base);
        let (access, token) = pair(&redeem(&code(&mut browser).unwrap()).send(&base));
        let own = ["svc", "jws"]
            .map(|client| (client, client_credentials(client).send(&base).text("access_token")));
        // The last word before the end is another one each time.
        let ended: Vec<(&str, &String)> = match end % 4 {
            0 => vec![("web", &token), ("web", &access)],
            1 => vec![("web", &access)],
            2 => vec![("svc", &own[0].1)],
            _ => vec![("jws", &own[1].1)],
        };
        let out = (end % 2 == 0).then(|| browser.open("/logout").unwrap());
        if let Some(page) = &out {
            assert_eq!(browser.submit(page, &[]).unwrap().status, 303, "logged out");
        }
        let (client, token) = ended[0];
        assert_eq!(revoke(client, token).send(&base).status, 200);
        server.kill();
        server = world.serve(&[]);
        for (client, token) in ended {
            assert!(!is_active(server.public(), client, token), "{client} lives again, after end {end}");
        }
        server.public().clone_into(&mut browser.base);
        let page = browser.open(&authorize("web")).unwrap();
        let is_out = page.body.contains("name=\"password\"");
        assert_eq!(is_out, out.is_some(), "his session, after end {end}");
    }
}
