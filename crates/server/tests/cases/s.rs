//! S: faults of the store. Those that take a storm to show, a disk of their own or a tracer are in `tests/it`: see the
//! table.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;

use crate::b::WITH_CLOCK;
use crate::backend::Backend;
use crate::case::{Case, case, small_disk, with};
use crate::http::{Asked, Told};
use crate::judge::{Found, Outcome, broken, ensure, rule, same};
use crate::place::{Kind, Place, Settings, lock};
use crate::races::{all_at_once, only_one};
use crate::stage::{INTROSPECT, REVOKE, Stage, TOKEN, authorize, by, pair, redemption, refreshing, unique};
use crate::wire::{Spoil, again, answers, ends_nothing, grants, instead, without};
use crate::world::until;

const PERSISTENT: &[Kind] = &[Kind::Sqlite, Kind::Sled, Kind::Redis];
const ASK: [(&str, &str); 1] = [("grant_type", "client_credentials")];
/// Whoever asks has an answer by then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whoever should be put off is told that he is wrong.
fn blames() -> Spoil {
    answers(|_, told| {
        if told.status == 503 {
            *told = Told::json_of(400, &json!({"error": "invalid_grant"}));
        }
    })
}

/// Whoever should be put off is told that it was done.
fn pretends() -> Spoil {
    answers(|asked, told| {
        if told.status == 503 {
            *told = if asked.path() == TOKEN {
                crate::wire::token()
            } else {
                Told::new(200, "application/json", "")
            };
        }
    })
}

pub(crate) fn cases() -> Vec<Case> {
    let acknowledged =
        || instead(|asked| (asked.path() == REVOKE).then(|| Told::new(200, "application/json", "")));
    let put_off = |case: Case| {
        case.fails_if("the client is told that it is wrong", blames())
            .fails_if("it is told that it was done", pretends())
            .fails_if("nobody is told to come again", without("retry-after"))
    };
    vec![
        case("S02", "what_was_committed_without_an_answer_is_committed_once", s02)
            .on(&[Kind::Sqlite, Kind::Sled])
            .fails_if("a code is given twice", grants(|asked| asked.field("code").is_some()))
            .fails_if("a lost answer is not given again", answers(|asked, told| {
                if asked.field("refresh_token").is_some() {
                    *told = Told::json_of(400, &json!({"error": "invalid_grant"}));
                }
            })),
        case("S04", "what_was_taken_back_just_before_the_end_stays_so", s04)
            .on(PERSISTENT)
            .fails_if("it was only said", acknowledged())
            .fails_if("a logout was only said", instead(|asked| {
                asked.is("POST", "/logout").then(|| Told::new(303, "text/html", "").with("location", "/login"))
            })),
        put_off(
            case("S07", "a_full_disk_puts_writes_off_and_is_got_over", s07)
                .on(&[Kind::Sqlite, Kind::Sled])
                .on_a_small_disk(),
        ),
        put_off(case("S10", "while_another_holds_the_database_writes_are_put_off", s10)),
        case("S11", "of_two_servers_on_one_store_one_redeems_and_one_refreshes", s11)
            .on(&[Kind::Sqlite, Kind::Redis, Kind::Cluster])
            .fails_if("each redeems", grants(|asked| asked.field("code").is_some()))
            .fails_if("each refreshes", again(|asked| asked.field("refresh_token").is_some()))
            .fails_if("what one ends lives on at the other", ends_nothing()),
        case("S14", "records_that_are_damaged_are_refused_and_never_taken_for_none", s14)
            .on(&[Kind::Sqlite, Kind::Sled])
            .fails_by_program("it begins anew", "\"$0\" store check >/dev/null 2>&1 || rm -rf grantor-data/grantor.db* grantor-data/sled; exec \"$0\" \"$@\"")
            .fails_by_program("it says nothing", "exec \"$0\" \"$@\" 2>/dev/null"),
        case("S16", "a_folder_that_another_process_has_is_refused", s16)
            .on(&[Kind::Sled])
            .fails_by_program("it is taken all the same", "if test -f ready.json; then cp -a grantor-data other; \
                GRANTOR__STORAGE__URL=sled:other/sled; export GRANTOR__STORAGE__URL; fi; exec \"$0\" \"$@\""),
        put_off(case("S18", "a_store_that_is_away_at_the_start_is_waited_for", s18).on(&[Kind::Redis])),
        case("S20", "records_that_came_back_empty_revive_nothing", s20)
            .on(&[Kind::Redis])
            .fails_if("what was revoked is alive again", ends_nothing())
            .fails_if("anything is redeemed", grants(|asked| asked.path() == TOKEN)),
        put_off(case("S22", "a_redis_that_takes_no_writes_or_forgets_scripts_is_nobodys_fault", s22).on(&[Kind::Redis])),
        put_off(case("S23", "a_full_redis_puts_writes_off_and_is_read", s23).on(&[Kind::Redis])),
        case("S27", "a_clock_set_back_revives_nothing", s27)
            .on(WITH_CLOCK)
            .fails_if("it does", ends_nothing())
            .fails_if("a used code is redeemed", grants(|asked| asked.field("code").is_some()))
            .fails_if("what is left of a token is less than nothing", answers(|_, told| {
                told.body = told.body.replace("\"expires_in\":3600", "\"expires_in\":-1");
            })),
        case("S31", "what_is_over_is_refused_though_nobody_cleaned_up", s31)
            .on(WITH_CLOCK)
            .fails_if("ends are not looked at", ends_nothing())
            .fails_if("a code lives on", grants(|asked| asked.field("code").is_some()))
            .fails_by_setting("sessions live on", "GRANTOR__LIFETIMES__SESSION", "1h"),
        case("S32", "what_a_newer_version_wrote_is_refused_and_left_as_it_is", s32)
            .on(PERSISTENT)
            .fails_by_program("it is passed over", "GRANTOR__STORAGE__URL=sqlite:other/grantor.db; \
                if test -f newer; then export GRANTOR__STORAGE__URL; fi; exec \"$0\" \"$@\""),
    ]
}

fn is_put_off(what: &str, told: &Told) -> Outcome {
    ensure!(told.status == 503 && told.error() == "temporarily_unavailable", "{what}: not put off: {told}");
    ensure!(told.header("retry-after").parse::<u64>().is_ok(), "{what}: nobody is told to come again");
    Ok(())
}

/// Asked within the time that anybody waits.
fn in_time(stage: &Stage, what: &str, asked: &Asked) -> Result<Told, Found> {
    let begun = Instant::now();
    let told = stage.ask(asked)?;
    // Twice as much: what is judged is that nobody hangs, and this machine does more than one thing.
    ensure!(begun.elapsed() < 2 * PATIENCE, "{what}: it took {:?}", begun.elapsed());
    Ok(told)
}

/// A code that waits, a grant, and a client's own token.
struct Held {
    waiting: String,
    grant: crate::stage::Pair,
    own: String,
}

impl Held {
    fn new(stage: &Stage) -> Result<Self, Found> {
        let mut alice = stage.alice()?;
        let waiting = stage.code_by(&mut alice, "web")?;
        let grant = pair(&stage.redeem("web", &stage.code_by(&mut alice, "web")?)?)?;
        Ok(Self { waiting, grant, own: stage.own_token("svc")? })
    }

    /// What writes: all of it is to be done, once.
    fn writes(&self) -> [(&'static str, Asked); 4] {
        [
            ("a redemption", redemption("web", &self.waiting)),
            ("a refresh", refreshing("web", &self.grant.refresh)),
            ("a client's own token", by("svc", TOKEN, &ASK)),
            ("a revocation", by("svc", REVOKE, &[("token", &self.own)])),
        ]
    }

    /// All is put off, what can be read is read, and nothing has happened.
    fn are_put_off(&self, stage: &Stage) -> Outcome {
        for (what, asked) in self.writes() {
            is_put_off(what, &in_time(stage, what, &asked)?)?;
        }
        ensure!(stage.is_active("web", &self.grant.access)?, "what can be read is not");
        ensure!(stage.is_active("svc", &self.own)?, "a revocation that was put off has happened");
        let keys = stage.ask(&Asked::get("/.well-known/jwks.json"))?;
        ensure!(keys.status == 200, "the keys: {keys}");
        Ok(())
    }

    /// The very same requests go through.
    fn are_done(&self, stage: &Stage) -> Outcome {
        for (what, asked) in self.writes() {
            let begun = Instant::now();
            let told = loop {
                let told = stage.ask(&asked)?;
                if told.status != 503 || begun.elapsed() > crate::world::DEADLINE {
                    break told;
                }
            };
            ensure!(told.status == 200, "{what}, once it can be done: {told}");
        }
        ensure!(!stage.is_active("svc", &self.own)?, "it is not revoked");
        Ok(())
    }
}

/// Kills the server as it begins to write its first answer, which is to this.
fn ask_and_lose(stage: &Stage, asked: &Asked) -> Outcome {
    let mut traced = Command::new(crate::tools::strace());
    let kill = "inject=writev:error=EPIPE:signal=SIGKILL:when=1";
    let world = &stage.place().world;
    world.at_home(&mut traced).args(["-D", "-f", "-o", "calls", "-e", "trace=writev", "-e", kill]);
    traced.arg(env!("CARGO_BIN_EXE_grantor")).args(["serve", "--ready-file", "ready.json"]);
    let server = world.serve_by("", traced);
    let told = asked.try_send(server.public());
    server.kill();
    told.map_or(Ok(()), |told| Err(broken(format!("it was to die before it answered: {told}"))))
}

fn s02(stage: &Stage) -> Outcome {
    let stage = stage.own(with("[refresh]\ngrace = \"1h\"\n[lifetimes]\nauthorization_code = \"10m\"\n"))?;
    let held = Held::new(&stage)?;
    stage.place().kill();
    ask_and_lose(&stage, &refreshing("web", &held.grant.refresh))?;
    ask_and_lose(&stage, &redemption("web", &held.waiting))?;
    ask_and_lose(&stage, &by("svc", REVOKE, &[("token", &held.own)]))?;
    stage.start_again()?;
    ensure!(!stage.is_active("svc", &held.own)?, "a revocation that was committed is gone");
    let told = [stage.refresh("web", &held.grant.refresh)?, stage.refresh("web", &held.grant.refresh)?];
    for told in &told {
        ensure!(told.status == 200, "whoever lost the answer is refused: {told}");
    }
    let tokens = [pair(&told[0])?, pair(&told[1])?];
    same("the successor, asked for twice", &tokens[0].refresh, &tokens[1].refresh)?;
    stage.redeem("web", &held.waiting)?.refused(
        "a code of which the answer was lost",
        &[400],
        &["invalid_grant"],
    )
}

fn s04(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    for round in 0..4 {
        let mut alice = stage.alice()?;
        let given = pair(&stage.redeem("web", &stage.code_by(&mut alice, "web")?)?)?;
        let jwt = stage.own_token("jws")?;
        // The last word before the end is another one each time.
        match round {
            0 => stage.revoke("web", &given.refresh)?.must(200)?,
            1 => stage.revoke("web", &given.access)?.must(200)?,
            2 => stage.revoke("jws", &jwt)?.must(200)?,
            _ => {
                let page = alice.get("/logout")?.must(200)?;
                let before = alice.clone();
                let told = alice.submit(&page, &[])?.must(303)?;
                alice = before;
                told
            }
        };
        stage.place().kill();
        stage.start_again()?;
        alice.move_to(&stage.public());
        let (client, token) =
            [("web", &given.refresh), ("web", &given.access), ("jws", &jwt), ("", &jwt)][round];
        if client.is_empty() {
            ensure!(!alice.is_logged_in()?, "after the end he is logged in again");
        } else {
            ensure!(!stage.is_active(client, token)?, "after the end a token of {client} lives again");
        }
    }
    Ok(())
}

/// Fills the disk but for a little, by this file.
fn fill(ballast: &Path) -> std::io::Result<()> {
    let mut file = File::options().append(true).create(true).open(ballast)?;
    for size in [65_536, 4_096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
    let full = file.metadata()?.len();
    file.set_len(full - 256 * 1024)
}

/// More tokens than fit into what a store has allocated before the disk is full.
const MOST_ON_A_FULL_DISK: usize = 5_000;

fn s07(stage: &Stage) -> Outcome {
    let disk = small_disk().ok_or_else(|| broken("there is no small disk"))?;
    // What an earlier run of it, which broke off, has left.
    for left in std::fs::read_dir(&disk).map_err(|e| broken(e.to_string()))?.flatten() {
        std::fs::remove_dir_all(left.path()).map_err(|e| broken(e.to_string()))?;
    }
    let folder = disk.join(unique("records"));
    std::fs::create_dir(&folder).map_err(|e| broken(e.to_string()))?;
    let scheme = if stage.kind == Kind::Sled { "sled" } else { "sqlite" };
    let url = format!("{scheme}:{}/grantor", folder.display());
    // As long as the process: there are a few of these.
    let environment = vec![("GRANTOR__STORAGE__URL", &*url.leak())];
    let stage = stage.own(Settings { environment, ..Settings::default() })?;
    let ballast = folder.join("ballast");
    let mut given = vec![stage.own_token("svc")?];
    fill(&ballast).map_err(|e| broken(e.to_string()))?;
    let mut refused = 0;
    while refused < 5 {
        let told = stage.ask(&by("svc", TOKEN, &ASK))?;
        if told.status == 200 {
            given.push(told.text("access_token")?);
            ensure!(given.len() < MOST_ON_A_FULL_DISK, "a full disk takes everything");
        } else {
            is_put_off("a token", &told)?;
            refused += 1;
        }
    }
    // What needs no write goes on.
    for token in &given {
        let told = stage.ask(&by("svc", INTROSPECT, &[("token", token)]))?;
        let is_live = told.status == 200 && told.value()["active"] == true;
        ensure!(is_live || told.status == 503, "a token that was given is gone: {told}");
    }
    ensure!(stage.ask(&Asked::get("/.well-known/jwks.json"))?.status == 200, "the keys are gone");
    std::fs::remove_file(&ballast).map_err(|e| broken(e.to_string()))?;
    // And without a restart.
    given.push(until(|| {
        let told = by("svc", TOKEN, &ASK).try_send(&stage.place().public())?;
        told.text("access_token").ok()
    }));
    for token in &given {
        ensure!(stage.is_active("svc", token)?, "a token that was given is gone");
    }
    std::fs::remove_dir_all(&folder).map_err(|e| broken(e.to_string()))
}

fn s10(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    let held = Held::new(&stage)?;
    let other = Connection::open(stage.place().world.path("grantor-data/grantor.db"));
    let other = other.map_err(|e| broken(e.to_string()))?;
    let say = |words: &str| other.execute_batch(words).map_err(|e| broken(e.to_string()));
    other.busy_timeout(Duration::from_secs(10)).map_err(|e| broken(e.to_string()))?;
    say("BEGIN EXCLUSIVE")?;
    let judged = held.are_put_off(&stage);
    say("ROLLBACK")?;
    judged?;
    held.are_done(&stage)
}

fn s11(stage: &Stage) -> Outcome {
    let beside = stage.place().serve_as("beside-", &[])?;
    let bases = [stage.public(), beside.public().to_owned()];
    let mut alice = stage.alice()?;
    for _ in 0..20 {
        let code = stage.code_by(&mut alice, "strict")?;
        let told = only_one(all_at_once(&vec![redemption("strict", &code); 16], &bases)?, "invalid_grant")?;
        let given = pair(&told)?;
        ensure!(!stage.is_active("strict", &given.access)?, "those who came late end nothing");
        let old = pair(&stage.redeem("strict", &stage.code_by(&mut alice, "strict")?)?)?;
        let answers = all_at_once(&vec![refreshing("strict", &old.refresh); 16], &bases)?;
        let new = pair(&only_one(answers, "invalid_grant")?)?;
        ensure!(!stage.is_active("strict", &new.refresh)?, "those who came late end nothing");
    }
    // What one takes back is worth nothing at the other.
    let given = stage.grant("web")?;
    by("web", REVOKE, &[("token", &given.refresh)]).send(beside.public())?.must(200)?;
    ensure!(!stage.is_active("web", &given.access)?, "it lives on at the other");
    Ok(())
}

/// The file that all depends on.
fn main_file(stage: &Stage) -> &'static str {
    if stage.kind == Kind::Sled { "grantor-data/sled/records/db" } else { "grantor-data/grantor.db" }
}

fn s14(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    for _ in 0..20 {
        stage.own_token("svc")?;
    }
    same("how it ends", &stage.place().stop(), &Some(0))?;
    let path = stage.place().world.path(main_file(&stage));
    let io = |e: std::io::Error| broken(e.to_string());
    let whole = std::fs::read(&path).map_err(io)?;
    let count = whole.len();
    let head = [&vec![0; 512], whole.get(512..).unwrap_or_default()].concat();
    for (what, bytes) in [
        ("an empty file", Vec::new()),
        ("half of it", whole[..count / 2].to_vec()),
        ("its head gone", head),
        ("something else", b"dear diary\n".repeat(500)),
    ] {
        // Other files of it, such as a log, are as they were.
        std::fs::write(&path, &bytes).map_err(io)?;
        let said = stage.place().run(&["client", "list"])?;
        ensure!(said.code == Some(1), "{what}: it ends with {:?}: {}", said.code, said.out);
        ensure!(
            !said.err.trim().is_empty() && !said.err.contains("panicked"),
            "{what}: it says {:?}",
            said.err
        );
        let served = stage.place().serve_as("damaged-", &[]);
        ensure!(served.is_err(), "{what}: it serves");
    }
    std::fs::write(&path, &whole).map_err(io)?;
    stage.start_again()?;
    let told = stage.ask(&by("svc", TOKEN, &ASK))?;
    ensure!(told.status == 200, "whole, it is not taken again: {told}");
    Ok(())
}

fn s16(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    let token = stage.own_token("svc")?;
    let second = stage.place().serve_as("second-", &[]);
    ensure!(second.is_err(), "a second server has it as well");
    let said = stage.place().world.read("second-stderr");
    ensure!(said.contains("is in use") && !said.contains("panicked"), "the second says {said}");
    ensure!(stage.is_active("svc", &token)?, "the first does not know its tokens any more");
    stage.own_token("svc").map(drop)
}

fn with_redis<T>(place: &Place, act: impl FnOnce(&mut crate::redis_server::RedisServer) -> T) -> T {
    act(lock(&place.backend).as_mut().unwrap().one_redis())
}

fn is_ready_again(stage: &Stage) {
    until(|| (crate::world::get(&stage.place().public(), "/health/ready").0 == 200).then_some(()));
}

fn s18(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    let held = Held::new(&stage)?;
    same("how it ends", &stage.place().stop(), &Some(0))?;
    with_redis(stage.place(), crate::redis_server::RedisServer::kill);
    stage.start_again()?;
    for (what, asked) in held.writes() {
        let told = in_time(&stage, what, &asked)?;
        is_put_off(what, &told)?;
    }
    ensure!(stage.ask(&Asked::get("/health/alive"))?.status == 200, "it does not live");
    with_redis(stage.place(), crate::redis_server::RedisServer::begin).map_err(broken)?;
    is_ready_again(&stage);
    held.are_done(&stage)
}

fn s20(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    let held = Held::new(&stage)?;
    let jwt = stage.own_token("jws")?;
    stage.revoke("jws", &jwt)?.must(200)?;
    with_redis(stage.place(), |redis| {
        redis.kill();
        redis.wipe().map_err(|e| broken(e.to_string()))?;
        redis.begin().map_err(broken)
    })?;
    is_ready_again(&stage);
    // The operators are gone as well: the same registrations again, by command.
    stage.place().world.write("parties.json", &crate::place::parties().to_string());
    let said = stage.place().run(&["import", "parties.json"])?;
    ensure!(said.code == Some(0), "{}", said.err);
    for (what, asked) in held.writes().into_iter().take(2) {
        stage.send(&asked)?.refused(what, &[400], &["invalid_grant"])?;
    }
    for (client, token) in
        [("web", &held.grant.access), ("web", &held.grant.refresh), ("svc", &held.own), ("jws", &jwt)]
    {
        ensure!(!stage.is_active(client, token)?, "a token of {client} is alive");
    }
    let fresh = stage.own_token("jws")?;
    ensure!(stage.is_active("jws", &fresh)?, "what is begun anew is worth nothing");
    Ok(())
}

/// While Redis takes no writes.
fn without_writes(stage: &Stage, begin: &[&str], end: &[&str]) -> Outcome {
    let held = Held::new(stage)?;
    let say = |words: &[&str]| {
        let said = with_redis(stage.place(), |redis| redis.say(words)).map_err(|e| broken(e.to_string()))?;
        if said == "OK" { Ok(()) } else { Err(broken(said)) }
    };
    say(begin)?;
    let judged = held.are_put_off(stage);
    say(end)?;
    judged?;
    held.are_done(stage)
}

fn s22(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    for words in [&["SCRIPT", "FLUSH"][..], &["CLIENT", "KILL", "TYPE", "normal"]] {
        with_redis(stage.place(), |redis| redis.say(words)).map_err(|e| broken(e.to_string()))?;
        let begun = Instant::now();
        loop {
            let told = stage.ask(&by("svc", TOKEN, &ASK))?;
            if told.status == 200 {
                break;
            }
            is_put_off(&format!("{words:?}"), &told)?;
            ensure!(begun.elapsed() < crate::world::DEADLINE, "after {words:?} it does not recover");
        }
    }
    without_writes(&stage, &["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"])
}

fn s23(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    without_writes(&stage, &["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"])
}

fn s27(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings { by_clock: true, ..Settings::default() })?;
    let mut alice = stage.alice()?;
    let code = stage.code_by(&mut alice, "strict")?;
    let kept = stage.grant("strict")?;
    pair(&stage.redeem("strict", &code)?)?;
    let ended = stage.grant("strict")?;
    stage.revoke("strict", &ended.refresh)?.must(200)?;
    let jwt = stage.own_token("jws")?;
    stage.revoke("jws", &jwt)?.must(200)?;
    let next = pair(&stage.refresh("strict", &kept.refresh)?)?;
    stage.place().set_clock(-3600);
    for (client, token) in
        [("strict", &ended.access), ("strict", &ended.refresh), ("jws", &jwt), ("strict", &kept.refresh)]
    {
        ensure!(!stage.is_active(client, token)?, "a token of {client} is alive again");
    }
    stage.redeem("strict", &code)?.refused("the used code", &[400], &["invalid_grant"])?;
    let told = stage.refresh("strict", &next.refresh)?;
    ensure!(told.status == 200, "what is alive is refused: {told}");
    let left = told.value()["expires_in"].as_i64().unwrap_or_default();
    ensure!((1..=3600).contains(&left), "a token lives for {left} seconds");
    stage.refresh("strict", &kept.refresh)?.refused("the replaced one", &[400], &["invalid_grant"])?;
    stage.place().set_clock(0);
    ensure!(!stage.is_active("jws", &jwt)?, "set right again, it is alive");
    ensure!(!stage.place().logs().contains("panicked"), "something panicked");
    Ok(())
}

fn s31(stage: &Stage) -> Outcome {
    let short = "[lifetimes]\nauthorization_code = \"60s\"\naccess_token = \"60s\"\nrefresh_token = \"60s\"\nsession = \"60s\"\n";
    let stage = stage.own(Settings { by_clock: true, ..with(short) })?;
    let held = Held::new(&stage)?;
    let mut alice = stage.alice()?;
    let jwt = stage.own_token("jws")?;
    // More than any of these, and much less than the time after which anything is cleaned up.
    stage.place().set_clock(120);
    for (what, asked) in held.writes().into_iter().take(2) {
        stage.send(&asked)?.refused(what, &[400], &["invalid_grant"])?;
    }
    for (client, token) in
        [("web", &held.grant.access), ("web", &held.grant.refresh), ("svc", &held.own), ("jws", &jwt)]
    {
        ensure!(!stage.is_active(client, token)?, "a token of {client} lives on");
    }
    ensure!(!alice.is_logged_in()?, "a session lives on");
    let told = alice.get(&authorize("web", &[]))?;
    ensure!(told.parameter("code").is_none(), "a session lives on: {told}");
    // It was there all the time: set back, it is good again.
    stage.place().set_clock(0);
    if !stage.is_active("web", &held.grant.access)? {
        return Err(broken("it was cleaned up"));
    }
    Ok(())
}

fn s32(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    same("how it ends", &stage.place().stop(), &Some(0))?;
    let this = set_version(&stage, None)?;
    stage.place().world.write("newer", "");
    for command in [&["client", "list"][..], &["store", "check"]] {
        let said = stage.place().run(command)?;
        ensure!(
            said.code == Some(1) && said.out.is_empty(),
            "{command:?} ends with {:?}: {}",
            said.code,
            said.out
        );
        ensure!(
            said.err.contains("newer") || said.err.contains("another version"),
            "{command:?} says {}",
            said.err
        );
    }
    ensure!(stage.place().serve_as("newer-", &[]).is_err(), "it serves");
    let _ = std::fs::remove_file(stage.place().world.path("newer"));
    set_version(&stage, Some(&this))?;
    stage.start_again()?;
    let told = stage.ask(&by("svc", TOKEN, &ASK))?;
    ensure!(told.status == 200, "something was done to it: {told}");
    Ok(())
}

/// Marks the records as those of this version, or else of the next one; tells which they were of.
fn set_version(stage: &Stage, version: Option<&str>) -> Result<String, Found> {
    let world = &stage.place().world;
    match lock(&stage.place().backend).as_mut() {
        Some(Backend::Sqlite) => {
            let database =
                Connection::open(world.path("grantor-data/grantor.db")).map_err(|e| broken(e.to_string()))?;
            let is: i64 = database
                .pragma_query_value(None, "user_version", |row| row.get(0))
                .map_err(|e| broken(e.to_string()))?;
            let next = version.map_or(is + 1, |version| version.parse().unwrap_or(is));
            database.pragma_update(None, "user_version", next).map_err(|e| broken(e.to_string()))?;
            Ok(is.to_string())
        }
        Some(Backend::Sled) => {
            let is = world.read("grantor-data/sled/format");
            world.write("grantor-data/sled/format", version.unwrap_or("grantor-store-sled 2\n"));
            Ok(is)
        }
        Some(Backend::Redis(redis)) => {
            let is = redis.say(&["GET", "grantor:{00}#layout"]).map_err(|e| broken(e.to_string()))?;
            redis
                .say(&["SET", "grantor:{00}#layout", version.unwrap_or("3")])
                .map_err(|e| broken(e.to_string()))?;
            Ok(is)
        }
        Some(Backend::Cluster(_)) | None => {
            Err(rule("one Redis says it for a cluster, and memory has no version"))
        }
    }
}
