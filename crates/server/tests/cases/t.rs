//! T: load and concurrency. What takes minutes, or a history to be judged as a whole, is in `tests/it`: see the table.

use std::collections::BTreeSet;

use serde_json::json;

use crate::case::{Case, case, with};
use crate::http::{Asked, Told, address};
use crate::judge::{Found, Outcome, broken, ensure, same};
use crate::place::{Kind, Settings};
use crate::races::{all_at_once, only_one};
use crate::stage::{Stage, pair, redemption, refreshing};
use crate::wire::{again, answers, ends_nothing, grants};
use crate::world::until;

pub(crate) fn cases() -> Vec<Case> {
    let refreshes = |asked: &Asked| asked.field("refresh_token").is_some();
    vec![
        case("T01", "of_any_number_at_once_one_redeems_a_code", t01)
            .on(Kind::EVERY)
            .alone()
            .fails_if("two are granted it", again(|asked| asked.field("code").is_some()))
            .fails_if(
                "some are not answered well",
                answers(|asked, told| {
                    if asked.field("code").is_some() && told.status == 400 {
                        told.status = 503;
                    }
                }),
            )
            .fails_if("those who came late end nothing", ends_nothing()),
        case("T05", "all_who_refresh_at_once_are_each_served_once", t05)
            .alone()
            .on(&[Kind::Sqlite, Kind::Memory, Kind::Sled, Kind::Redis])
            .fails_if(
                "some are refused",
                answers(move |asked, told| {
                    if refreshes(asked) && asked.body.ends_with(b"A") {
                        *told = Told::json_of(503, &json!({"error": "temporarily_unavailable"}));
                    }
                }),
            )
            .fails_if("two get the same", one_for_all()),
        case("T08", "first_starts_at_once_make_one_deployment", t08)
            .on(&[Kind::Sqlite, Kind::Redis])
            .fails_if("each makes keys of its own", keys_of_their_own())
            .fails_if(
                "one makes them twice",
                answers(|asked, told| {
                    if asked.path() == KEYS {
                        let mut keys = told.value();
                        let first = keys["keys"][0].clone();
                        keys["keys"].as_array_mut().into_iter().for_each(|keys| keys.push(first.clone()));
                        told.body = keys.to_string();
                    }
                }),
            ),
        case("T10", "a_thousand_requests_broken_off_leave_nothing_open", t10)
            .on(&[Kind::Sqlite, Kind::Memory, Kind::Sled, Kind::Redis])
            .fails_if("half a redemption is a whole one", grants(|asked| asked.field("code").is_some())),
    ]
}

const KEYS: &str = "/.well-known/jwks.json";

/// Whoever refreshes gets what the first one got.
fn one_for_all() -> crate::wire::Spoil {
    let first = std::sync::Mutex::new(None::<Told>);
    answers(move |asked, told| {
        if asked.field("refresh_token").is_some() && told.status == 200 {
            *told = crate::place::lock(&first).get_or_insert_with(|| told.clone()).clone();
        }
    })
}

/// Each answer has another key.
fn keys_of_their_own() -> crate::wire::Spoil {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let count = AtomicUsize::new(0);
    answers(move |asked, told| {
        if asked.path() == KEYS {
            let mut keys = told.value();
            keys["keys"][0]["kid"] = format!("own-{}", count.fetch_add(1, Ordering::Relaxed)).into();
            told.body = keys.to_string();
        }
    })
}

const AT_ONCE: [usize; 4] = [2, 8, 32, 128];
/// As the document has it, the whole is run by `races` in `tests/it`; here as many of each as take seconds.
const ROUNDS: usize = 12;

fn t01(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    for count in AT_ONCE {
        for _ in 0..ROUNDS {
            let code = stage.code_by(&mut alice, "web")?;
            let answers = all_at_once(&vec![redemption("web", &code); count], &[stage.public()])?;
            let given = pair(&only_one(answers, "invalid_grant")?)?;
            let worth = [stage.is_active("web", &given.access)?, stage.is_active("web", &given.refresh)?];
            same("the worth of what the first got", &worth, &[false; 2])?;
        }
    }
    Ok(())
}

const CLIENTS: usize = 240;

fn t05(stage: &Stage) -> Outcome {
    let makers = 4;
    let tokens: Vec<Result<Vec<String>, Found>> = std::thread::scope(|scope| {
        let make = |_| {
            scope.spawn(|| {
                let mut alice = stage.alice()?;
                let mut grant =
                    |_| Ok(pair(&stage.redeem("strict", &stage.code_by(&mut alice, "strict")?)?)?.refresh);
                (0..CLIENTS / makers).map(&mut grant).collect()
            })
        };
        let makers: Vec<_> = (0..makers).map(make).collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect()
    });
    let tokens: Vec<String> = tokens.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    let requests: Vec<_> = tokens.iter().map(|token| refreshing("strict", token)).collect();
    let mut successors = BTreeSet::new();
    for told in all_at_once(&requests, &[stage.public()])? {
        ensure!(told.status == 200, "one was refused: {told}");
        ensure!(successors.insert(pair(&told)?.refresh), "two got the same");
    }
    same("successors", &successors.len(), &CLIENTS)?;
    // A part of them, as asking takes longer than the race.
    for token in tokens.iter().take(20) {
        ensure!(!stage.is_active("strict", token)?, "the one before is alive as well");
    }
    Ok(())
}

fn t08(stage: &Stage) -> Outcome {
    // Its own records, and nobody on them yet.
    let stage = stage.own(with(""))?;
    stage.place().stop();
    let fresh = match stage.kind {
        Kind::Redis => {
            let url = crate::place::lock(&stage.place().backend).as_ref().map(crate::backend::Backend::url);
            url.unwrap_or_default().replace("/0", "/1")
        }
        Kind::Sqlite | Kind::Memory | Kind::Sled | Kind::Cluster => "sqlite:fresh/grantor.db".to_owned(),
    };
    let mut servers: Vec<_> = std::thread::scope(|scope| {
        let start = |name: &'static str| {
            let (place, fresh) = (stage.place(), &fresh);
            scope.spawn(move || {
                let ready = format!("{name}ready.json");
                let mut command = place.command(&["serve", "--ready-file", &ready]);
                command.env("GRANTOR__STORAGE__URL", fresh);
                place.world.serve_by(name, command)
            })
        };
        let starts: Vec<_> = ["a-", "b-", "c-", "d-"].map(start).into();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let mut sets = Vec::new();
    for server in &servers {
        stage.lead_to(server.public());
        sets.push(stage.get(KEYS)?.must(200)?.value());
    }
    same("keys", &sets[0]["keys"].as_array().map(Vec::len), &Some(1))?;
    ensure!(sets.iter().all(|set| *set == sets[0]), "they have keys of their own: {sets:?}");
    let mut list = stage.place().command(&["--json", "user", "list"]);
    let listed = list.env("GRANTOR__STORAGE__URL", &fresh).output().map_err(|e| broken(e.to_string()))?;
    same("users", &String::from_utf8_lossy(&listed.stdout).trim(), &"[]")?;
    servers.clear();
    Ok(())
}

fn t10(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    let id = stage.place().process().ok_or_else(|| broken("no server"))?;
    let open = || std::fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count);
    let mut alice = stage.alice()?;
    let mut codes = Vec::new();
    for _ in 0..20 {
        codes.push(stage.code_by(&mut alice, "web")?);
    }
    crate::world::get(&stage.place().public(), "/health/ready");
    let before = open();
    for (n, code) in codes.iter().cycle().take(1_000).enumerate() {
        let asked = redemption("web", code);
        let bytes = asked.bytes(address(&stage.public()));
        let mut stream = crate::http::connect(&stage.public()).ok_or_else(|| broken("nobody listens"))?;
        let part = if n % 3 == 0 { bytes.len() - 1 } else { n * 7 % bytes.len() };
        let _ = std::io::Write::write_all(&mut stream, &bytes[..part]);
    }
    for code in &codes {
        redemption("web", code).hold(&stage.public()).and_then(crate::http::Held::abandon);
    }
    until(|| (open() <= before).then_some(()));
    for code in &codes {
        stage.redeem("web", code)?.refused("asked again", &[400], &["invalid_grant"])?;
    }
    stage.grant("web").map(drop)
}
