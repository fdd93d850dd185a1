//! Every security case, by its number, against the running binary: `cargo test -p grantor --test cases b03`.
//!
//! A [case](case::Case) is a function that judges a server from outside. It is tried on a good one, where it must hold,
//! on each backend it is for, and on flawed ones, where it must not: something on the [way](wire) that spoils what is
//! asked or told as a real defect would, a setting that breaks the rule, or another program in the binary's place. A case
//! that holds in spite of a flaw has failed. See `docs/security-cases.md`.

#![cfg(test)]

#[path = "../it/backend.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "the tests beside these use the rest")]
mod backend;
#[path = "../../../store-redis/tests/support/server.rs"]
mod redis_server;
#[path = "../it/tools.rs"]
#[allow(dead_code, reason = "the tests beside these use the rest")]
mod tools;
#[path = "../it/world.rs"]
#[allow(dead_code, reason = "the tests beside these use the rest")]
mod world;

mod a;
mod b;
mod browser;
mod c;
mod case;
mod d;
mod e;
mod f;
mod g;
mod h;
mod http;
mod i;
mod j;
mod judge;
mod k;
mod l;
mod m;
mod n;
mod p;
mod place;
mod q;
mod r;
mod races;
mod s;
mod stage;
mod t;
mod table;
mod v;
mod w;
mod wire;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};

use case::Case;
use place::{Kind, Place, Settings};

/// All there are, in the order of the document.
fn all() -> Vec<Case> {
    [
        a::cases(),
        b::cases(),
        c::cases(),
        d::cases(),
        e::cases(),
        f::cases(),
        g::cases(),
        h::cases(),
        i::cases(),
        j::cases(),
        k::cases(),
        l::cases(),
        m::cases(),
        n::cases(),
        p::cases(),
        q::cases(),
        r::cases(),
        s::cases(),
        t::cases(),
        v::cases(),
        w::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They wait for processes more than they work.
    arguments.test_threads.get_or_insert(8);
    if std::env::var_os("GRANTOR_CASES_TABLE").is_some() {
        table::print(&all());
        return ExitCode::SUCCESS;
    }
    let tell = arguments.nocapture;
    let shared = Arc::new(Shared::default());
    let table = || table::check(&all()).map_err(Failed::from);
    let mut trials = vec![
        Trial::test("every_number_is_a_case_or_has_a_reason", table),
        Trial::test("a_table_that_is_wrong_is_found_out", || table::known_bad(all).map_err(Failed::from)),
        known_bad(&shared),
    ];
    for case in all().into_iter().map(Arc::new) {
        trials.extend(case.on.iter().map(|kind| trial(&case, *kind, &shared, tell)));
    }
    // What a flawed server is found out by is no failure, and is told by the runner where it is one.
    std::panic::set_hook(Box::new(|_| {}));
    let conclusion = libtest_mimic::run(&arguments, trials);
    let afterwards = shared.check();
    for found in &afterwards {
        println!("afterwards: {found}");
    }
    if afterwards.is_empty() { conclusion.exit_code() } else { ExitCode::FAILURE }
}

/// The runner itself, on cases that prove nothing.
fn known_bad(shared: &Arc<Shared>) -> Trial {
    let shared = shared.clone();
    Trial::test("a_case_that_proves_nothing_is_found_out", move || {
        let Some(place) = shared.place(Kind::Sqlite)? else { return Ok(()) };
        case::known_bad(&place).map_err(Failed::from)
    })
}

fn trial(case: &Arc<Case>, kind: Kind, shared: &Arc<Shared>, tell: bool) -> Trial {
    let (case, shared) = (case.clone(), shared.clone());
    Trial::test(case.name(kind), move || {
        let Some(place) = shared.place(kind)? else { return Ok(()) };
        case.run(kind, &place, tell).map_err(Failed::from)
    })
}

/// One server of each kind, for all cases that need none of their own; started by the first.
#[derive(Default)]
struct Shared(Mutex<BTreeMap<&'static str, Arc<Started>>>);

/// A server once it was started; none where its kind is left out, and why it did not start.
type Started = OnceLock<Result<Option<Arc<Place>>, String>>;

impl Shared {
    fn place(&self, kind: Kind) -> Result<Option<Arc<Place>>, String> {
        let cell = place::lock(&self.0).entry(kind.name()).or_default().clone();
        let open = || match Place::open(kind, Settings::default()) {
            Ok(place) => Ok(place.map(Arc::new)),
            Err(found) => Err(format!("{found:?}")),
        };
        cell.get_or_init(open).clone()
    }

    /// What must hold of these servers when all is done: they are the processes that were started, nothing in them
    /// panicked, and their logs, at the finest level, hold nothing that any party was given (K03).
    fn check(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (kind, cell) in &*place::lock(&self.0) {
            let Some(Ok(Some(place))) = cell.get() else { continue };
            if !place.is_running() {
                found.push(format!("{kind}: the server is gone"));
            }
            let logs = place.logs();
            if logs.contains("panicked") {
                found.push(format!("{kind}: something in the server panicked"));
            }
            if let Err(leak) = k::nothing_leaked(&logs) {
                found.push(format!("{kind}: {leak:?}"));
            }
        }
        found
    }
}
