//! What it costs a request that somebody counts: run with `cargo run --release -p grantor-ledger --example cost`.
#![allow(clippy::print_stdout, reason = "it is what the example is for")]

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use grantor_core::client::GrantType;
use grantor_core::{Event, Reason, Refusal};
use grantor_engine::{Observer, Operation, SystemClock};
use grantor_ledger::{Endpoint, Figures, Ledger, Settings};
use grantor_store::{MemoryStore, Meter as _, Method};

const ROUNDS: u32 = 1_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let figures = Figures::new();
    let ledger = Ledger::start(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Settings::default());
    let client = "web".parse()?;
    let issued = Event::AccessTokenIssued { grant: None, client, grant_type: GrantType::RefreshToken };
    let refusal = Refusal::new(Reason::TokenInvalid);
    let took = Duration::from_micros(123);
    measure("a request is timed", || figures.answered(Endpoint::Token, black_box(took)));
    measure("an operation of the store is timed", || figures.took(Method::Get, black_box(took), true));
    measure("a refusal is counted", || figures.refused(Operation::Check, black_box(&refusal)));
    measure("a refusal is no entry", || Observer::refused(&ledger, Operation::Check, black_box(&refusal)));
    measure("a token is counted", || Observer::happened(&ledger, black_box(&issued)));
    Ok(())
}

fn measure(what: &str, mut work: impl FnMut()) {
    let begun = Instant::now();
    (0..ROUNDS).for_each(|_| work());
    println!("{what:36} {:4} ns", begun.elapsed().as_nanos() / u128::from(ROUNDS));
}
