//! R: HTTP that is wrong, too much, too slow, or broken off.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::case::{Case, case};
use crate::http::{Asked, FORM, Told, address, connect, exchange};
use crate::judge::{Outcome, broken, ensure, rule};
use crate::place::{Kind, Settings, secret};
use crate::stage::{AUTHORIZE, INTROSPECT, Stage, TOKEN, by, redemption};
use crate::wire::{Spoil, answers, grants, instead};
use crate::world::until;

const ASK: [(&str, &str); 1] = [("grant_type", "client_credentials")];
const ALIVE: &str = "/health/alive";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("R01", "what_could_be_read_in_two_ways_is_refused_once", r01)
            .fails_if_all_it_says_is("it is answered", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .fails_if_all_it_says_is("a second request is found in it", TWO_ANSWERS),
        case("R03", "what_is_too_large_is_refused", r03)
            .fails_if(
                "any body is taken",
                answers(|asked, told| {
                    if asked.body.len() > 60_000 {
                        told.status = 200;
                    }
                }),
            )
            .fails_if(
                "any head is taken",
                answers(|asked, told| {
                    if asked.headers.len() > 90 || asked.target.len() > 8000 {
                        told.status = 200;
                    }
                }),
            ),
        case("R04", "who_is_slow_is_let_go_and_nobody_waits_for_him", r04)
            .fails_if_all_it_says_is("he is waited for", ""),
        case("R06", "with_no_descriptors_left_it_waits_and_recovers", r06)
            .fails_if("it does not recover", dies_of_many()),
        case("R08", "no_other_method_does_anything", r08)
            .fails_if(
                "a HEAD is a GET",
                answers(|asked, told| {
                    if asked.method == "HEAD" {
                        told.status = 200;
                    }
                }),
            )
            .fails_if(
                "any method is a POST",
                instead(|asked| {
                    ["PUT", "PATCH", "DELETE"].contains(&asked.method.as_str()).then(crate::wire::token)
                }),
            )
            .fails_if(
                "it says again what it was told",
                instead(|asked| {
                    (asked.method == "TRACE").then(|| Told::new(200, "message/http", &asked.target))
                }),
            ),
        case("R11", "old_and_odd_clients_are_answered", r11)
            .fails_if_all_it_says_is("they are not", "HTTP/1.1 505 No\r\ncontent-length: 0\r\n\r\n"),
        case("R12", "only_a_known_proxy_says_where_a_request_comes_from", r12).fails_by_setting(
            "any does",
            "GRANTOR__LISTEN__TRUSTED_PROXIES",
            "127.0.0.1",
        ),
        case("R14", "a_request_broken_off_anywhere_leaves_nothing", r14)
            .on(&[Kind::Sqlite, Kind::Sled, Kind::Redis])
            .fails_if("half a request is half done", grants(|asked| asked.path() == TOKEN)),
        case("R15", "told_to_stop_it_keeps_all_it_acknowledged", r15)
            .on(&[Kind::Sqlite, Kind::Sled, Kind::Redis])
            .fails_if(
                "an acknowledged token is lost",
                answers(|asked, told| {
                    if asked.path().ends_with("introspect") {
                        told.body = told.body.replace("\"active\":true", "\"active\":false");
                    }
                }),
            )
            .fails_by_program(
                "it does not end well",
                "setpriv --pdeathsig KILL \"$0\" \"$@\" & child=$!; trap 'kill $child' TERM; wait $child; wait $child; exit 7",
            ),
        case("R16", "it_says_that_it_is_not_ready_and_that_it_lives", r16)
            .on(&[Kind::Redis])
            .fails_if(
                "it is always ready",
                instead(|asked| {
                    (asked.path() == "/health/ready").then(|| Told::new(200, "application/json", "{}"))
                }),
            )
            .fails_if(
                "it does not live without its store",
                answers(|asked, told| {
                    if asked.path() == ALIVE {
                        told.status = 503;
                    }
                }),
            )
            .fails_if(
                "it tells everybody why",
                answers(|asked, told| {
                    if asked.path() == "/health/ready" {
                        told.body += "redis://127.0.0.1";
                    }
                }),
            ),
    ]
}

const TWO_ANSWERS: &str =
    "HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// After many connections nobody is answered any more.
fn dies_of_many() -> Spoil {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let seen = AtomicUsize::new(0);
    instead(move |asked| {
        let after = asked.target.contains("afterwards") && seen.fetch_add(1, Ordering::Relaxed) < usize::MAX;
        after.then(|| Told::new(503, "text/plain", ""))
    })
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

fn r01(stage: &Stage) -> Outcome {
    let head = format!("POST {TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n");
    let smuggled = "GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n";
    for (what, request) in [
        ("two lengths", format!("{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\na{smuggled}")),
        ("a signed length", format!("{head}Content-Length: +5\r\n\r\nabcde{smuggled}")),
        (
            "an unknown coding",
            format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        ("a space before the colon", format!("{head}Content-Length : 1\r\n\r\na{smuggled}")),
        ("a folded line", format!("{head}X: a\r\n b\r\nContent-Length: 0\r\n\r\n{smuggled}")),
        ("a bare line feed in a name", format!("{head}X\n: a\r\nContent-Length: 0\r\n\r\n{smuggled}")),
        (
            "a bad size of a chunk",
            format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n{smuggled}"),
        ),
    ] {
        let answer = exchange(&stage.public(), request.as_bytes())?;
        ensure!(["400", "501"].contains(&status(&answer)), "{what}: {answer}");
        ensure!(answer.matches("HTTP/1.1 ").count() == 1, "{what}: it is answered twice: {answer}");
    }
    // Chunks go before a length, and that request is the last (RFC 9112, section 6.1).
    for lengths in
        ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"]
    {
        let request = format!("{head}{lengths}\r\n\r\n0\r\n\r\n{smuggled}");
        let answer = exchange(&stage.public(), request.as_bytes())?;
        ensure!(
            answer.matches("HTTP/1.1 ").count() == 1,
            "a length and chunks: it is answered twice: {answer}"
        );
    }
    Ok(())
}

fn r03(stage: &Stage) -> Outcome {
    let large = format!("grant_type=client_credentials&x={}", "a".repeat(64 * 1024));
    let asked = Asked::new("POST", TOKEN, large).header("Content-Type", FORM).basic("svc", &secret("svc"));
    let told = stage.send(&asked)?;
    ensure!(told.status == 413, "a body of 64 KiB: {told}");
    let chunk = format!("{:x}\r\n{}\r\n", 70_000, "a".repeat(70_000));
    let head = format!("POST {TOKEN} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {FORM}\r\n");
    let answer = exchange(
        &stage.place().public(),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n").as_bytes(),
    )?;
    ensure!(status(&answer) == "413", "the same in chunks: {answer}");
    let long = stage.send(&Asked::get(&format!("/login?x={}", "a".repeat(8200))))?;
    ensure!([414, 431, 400].contains(&long.status), "an address of 8 KiB: {long}");
    let mut many = Asked::get("/login");
    many.headers.extend((0..101).map(|n| (format!("X-{n}"), "1".to_owned())));
    let told = stage.send(&many)?;
    ensure!([431, 400].contains(&told.status), "a hundred headers: {told}");
    let told = stage.send(&Asked::get("/login").header("X-Long", &"a".repeat(17_000)))?;
    ensure!([431, 400].contains(&told.status), "headers of 16 KiB: {told}");
    Ok(())
}

/// Who sends a byte now and then.
const SLOW: usize = 500;

fn r04(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    let mut slow = Vec::new();
    for n in 0..SLOW {
        let mut stream = connect(&stage.public()).ok_or_else(|| broken("nobody listens"))?;
        let part = [
            "GET /login HTTP/1.1\r\nHost: x\r\nX: ",
            "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant",
        ][n % 2];
        stream.write_all(part.as_bytes()).map_err(|e| rule(format!("cut off at once: {e}")))?;
        slow.push(stream);
    }
    // Whoever is not slow is served meanwhile.
    for _ in 0..20 {
        let told = by("svc", TOKEN, &ASK).send(&stage.place().public())?;
        ensure!(told.status == 200, "nobody is served: {told}");
    }
    let begun = Instant::now();
    for stream in &mut slow {
        let _ = stream.write_all(b"a");
        let left = Duration::from_secs(30).saturating_sub(begun.elapsed()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).map_err(|e| broken(e.to_string()))?;
        let closed = !matches!(stream.read_to_end(&mut Vec::new()), Err(e) if [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut].contains(&e.kind()));
        ensure!(closed, "after half a minute he is still waited for");
    }
    Ok(())
}

fn r06(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings { umask: "077; ulimit -n 256", ..Settings::default() })?;
    let before = stage.get(ALIVE)?.status;
    ensure!(before == 200, "it is not alive from the start");
    let many: Vec<Option<TcpStream>> = (0..1_000)
        .map(|_| {
            // A full queue puts a connection off for seconds, and there are many of these.
            let to = address(&stage.place().public()).parse().ok()?;
            TcpStream::connect_timeout(&to, Duration::from_millis(20)).ok()
        })
        .collect();
    ensure!(many.iter().flatten().count() > 256, "there were not more of them than it can have");
    drop(many);
    until(|| Asked::get(ALIVE).try_send(&stage.place().public()).filter(|told| told.status == 200));
    let told = stage.ask(&Asked::get(&format!("{ALIVE}?afterwards")))?;
    ensure!(told.status == 200, "it does not recover: {told}");
    let told = stage.ask(&by("svc", TOKEN, &ASK))?;
    ensure!(told.status == 200, "it does not recover: {told}");
    Ok(())
}

fn r08(stage: &Stage) -> Outcome {
    for path in [TOKEN, INTROSPECT, AUTHORIZE, "/login", "/account", "/logout", "/.well-known/jwks.json"] {
        for method in ["TRACE", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            let told = stage.send(&Asked::new(method, path, "").header("X-Told", "x-told-again"))?;
            ensure!([405, 204, 501].contains(&told.status), "{method} {path}: {told}");
            ensure!(!told.body.contains("x-told-again"), "{method} {path} repeats what it was told");
        }
    }
    let code = stage.code("web")?;
    for method in ["HEAD", "OPTIONS", "PUT"] {
        let asked = Asked { method: method.to_owned(), ..redemption("web", &code) };
        let told = stage.send(&asked)?;
        ensure!(told.status >= 204, "{method} of a redemption: {told}");
    }
    let head = stage.alice()?.send(Asked::new("HEAD", &crate::stage::authorize("spa", &[]), ""))?;
    ensure!(head.status == 405, "a HEAD of a request that asks a person: {head}");
    let told = stage.redeem("web", &code)?;
    ensure!(told.status == 200, "by one of these the code was spent: {told}");
    Ok(())
}

fn r11(stage: &Stage) -> Outcome {
    let host = address(&stage.place().public()).to_owned();
    let form = "grant_type=client_credentials";
    let auth = crate::http::basic("svc", &secret("svc"));
    let expecting = format!(
        "POST {TOKEN} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: {auth}\r\nContent-Type: {FORM}\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n{form}",
        form.len()
    );
    for (what, request, statuses) in [
        ("HTTP/1.0", format!("GET {ALIVE} HTTP/1.0\r\n\r\n"), &["200"][..]),
        (
            "an absolute address",
            format!("GET http://evil.test{ALIVE} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
            &["200", "400"],
        ),
        ("no host", format!("GET {ALIVE} HTTP/1.1\r\nConnection: close\r\n\r\n"), &["200", "400"]),
        (
            "two hosts",
            format!("GET {ALIVE} HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n"),
            &["200", "400"],
        ),
        ("100-continue", expecting, &["200", "100", "417"]),
    ] {
        let answer = exchange(&stage.public(), request.as_bytes())?;
        ensure!(statuses.contains(&status(&answer)), "{what}: {answer}");
        ensure!(!answer.contains("evil.test"), "{what}: it repeats the host");
    }
    Ok(())
}

fn r12(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings { limits: true, ..Settings::default() })?;
    // Whoever could say that he is another each time would never be slowed down; so the tries are at different names.
    let mut tries = 0;
    loop {
        let mut browser = stage.browser();
        browser.headers.push(("X-Forwarded-For".to_owned(), format!("10.0.{}.{}", tries / 250, tries % 250)));
        let told = browser.log_in(&format!("nobody-{tries}"), "a wrong password")?;
        tries += 1;
        if told.status == 429 {
            return Ok(());
        }
        ensure!(
            tries < 250,
            "two hundred and fifty names tried from one place, and it is believed that they are many"
        );
    }
}

fn r14(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    let spare = stage.code_by(&mut alice, "web")?;
    let asked = redemption("web", &spare);
    let bytes = asked.bytes(address(&stage.public()));
    for count in 1..bytes.len() {
        let mut stream = connect(&stage.public()).ok_or_else(|| broken("nobody listens"))?;
        stream.write_all(bytes.get(..count).unwrap_or_default()).map_err(|e| broken(e.to_string()))?;
    }
    let told = stage.redeem("web", &spare)?;
    ensure!(told.status == 200, "by half a request the code was spent: {told}");
    // And when all of it was there but nobody to be told.
    for _ in 0..20 {
        let code = stage.code_by(&mut alice, "web")?;
        let asked = redemption("web", &code);
        asked
            .hold(&stage.public())
            .and_then(crate::http::Held::abandon)
            .ok_or_else(|| broken("no answer came"))?;
        stage.send(&asked)?.refused("asked again", &[400], &["invalid_grant"])?;
    }
    Ok(())
}

fn r15(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    let (tell, told) = std::sync::mpsc::channel();
    let base = stage.public();
    let given: Vec<Vec<String>> = std::thread::scope(|scope| {
        let client = || {
            let (tell, base) = (tell.clone(), base.clone());
            scope.spawn(move || {
                let mut given = Vec::new();
                while let Some(told) = by("svc", TOKEN, &ASK).try_send(&base) {
                    let Ok(token) = told.text("access_token") else { break };
                    given.push(token);
                    let _ = tell.send(());
                }
                given
            })
        };
        let clients: Vec<_> = (0..4).map(|_| client()).collect();
        for _ in 0..40 {
            let _ = told.recv_timeout(crate::world::DEADLINE);
        }
        let ended = stage.place().stop();
        let given = clients.into_iter().map(|client| client.join().unwrap()).collect();
        (ended == Some(0)).then_some(given).ok_or_else(|| rule(format!("it ended with {ended:?}")))
    })?;
    stage.start_again()?;
    for client in &given {
        for token in client {
            ensure!(stage.is_active("svc", token)?, "a token that was given is gone");
        }
    }
    ensure!(given.iter().all(|client| !client.is_empty()), "somebody was given nothing");
    Ok(())
}

fn r16(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    let redis = |kill: bool| {
        let mut backend = crate::place::lock(&stage.place().backend);
        let Some(backend) = backend.as_mut() else { return };
        if kill {
            backend.one_redis().kill();
        } else {
            backend.one_redis().begin().unwrap();
        }
    };
    let ask = |path: &str| stage.ask(&Asked::get(path));
    ensure!(ask("/health/ready")?.status == 200, "it is not ready");
    redis(true);
    let told = ask("/health/ready")?;
    ensure!(told.status == 503, "it is ready without a store: {told}");
    ensure!(!told.body.to_lowercase().contains("redis") && told.body.len() < 200, "it tells why: {told}");
    let told = ask(ALIVE)?;
    ensure!(told.status == 200, "it does not live without a store: {told}");
    redis(false);
    let begun = Instant::now();
    while ask("/health/ready")?.status != 200 {
        ensure!(begun.elapsed() < crate::world::DEADLINE, "it does not get ready again");
    }
    Ok(())
}
