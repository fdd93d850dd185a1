//! A load on one server: so many connections that each send one request after another and check every answer.
//!
//! It speaks HTTP/1.1 with keep-alive over plain TCP, so that it costs less than what it measures, and counts the
//! processor time of the server's processes around the very requests it counts. A wrong answer ends the run: a server that
//! refuses is fast, and says nothing. Prints one line of JSON.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

mod browser;
mod http;
mod measure;
mod message;
mod processes;
mod registrations;
mod storm;
mod work;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// What was asked of the load.
#[derive(Parser)]
#[command(name = "load")]
struct Options {
    /// Where the server listens.
    #[arg(long)]
    address: SocketAddr,
    /// What each request asks for.
    #[arg(long, value_enum)]
    endpoint: Endpoint,
    /// How many connections, each with one request at a time.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// How long it is measured; endpoints that use something up end with what was made for them.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// How long it runs before it is measured.
    #[arg(long, default_value_t = 0.5)]
    warm_up: f64,
    /// Measured is this many operations, and no time.
    #[arg(long)]
    operations: Option<usize>,
    /// How many codes or tokens are made beforehand, for endpoints that use them.
    #[arg(long, default_value_t = 4000)]
    prepare: usize,
    /// Who looks tokens up: a resource server, or a client its own where a server tells nobody else.
    #[arg(long, default_value = "rs1")]
    reader: String,
    /// Each connection's browser logs in by itself, where a server ends an approval when the same person approves elsewhere.
    #[arg(long)]
    own_sessions: bool,
    /// Takes being put off, with 503 and `Retry-After`, for an answer; only of the others it is told how long they took.
    #[arg(long)]
    put_off: bool,
    /// Never sleeps: see `stay_awake`. Not for a storm that runs beside another load on the same core.
    #[arg(long)]
    awake: bool,
    /// Processes whose time and memory are the server's.
    #[arg(long = "pid")]
    pids: Vec<u32>,
}

/// What one operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Endpoint {
    /// A reference token by client credentials.
    Token,
    /// A JWT by client credentials.
    TokenJwt,
    /// A code, made beforehand, redeemed with its PKCE verifier.
    Code,
    /// A refresh token, rotated: a thousand grants take turns, each going on with what it was given last.
    Refresh,
    /// A live token, looked up.
    Introspect,
    /// A token, made beforehand, taken back.
    Revoke,
    /// Of a browser that is logged in: the authorization request, the consent, the code, the token.
    Flow,
    /// A well-formed token that nobody gave, looked up.
    Garbage,
    /// A wrong password at the page for logging in. Refusals are what is expected.
    Login,
    /// Connections that say nothing.
    Idle,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = match runtime.event_interval(EVENT_INTERVAL).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln_once(&format!("the system gave no runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let tasks = tokio::task::LocalSet::new();
    let outcome = runtime.block_on(tasks.run_until(async {
        if options.awake {
            tasks.spawn_local(stay_awake());
        }
        match options.endpoint {
            Endpoint::Idle => storm::idle(&options).await,
            Endpoint::Login => storm::login(&options).await,
            Endpoint::Token
            | Endpoint::TokenJwt
            | Endpoint::Code
            | Endpoint::Refresh
            | Endpoint::Introspect
            | Endpoint::Revoke
            | Endpoint::Flow
            | Endpoint::Garbage => measure::run(&options).await,
        }
    }));
    match outcome {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln_once(&format!("{:?} on {}: {wrong}", options.endpoint, options.address));
            ExitCode::FAILURE
        }
    }
}

/// After how many tasks it looks for what the server sent.
const EVENT_INTERVAL: u32 = 8;

/// Keeps this process from ever sleeping: the kernel would have the server pay for waking it, on another core, for each answer
/// that it waits for. That is as much as a third of a request's time, all the more the longer a server takes, and no client
/// that is a network away costs a server that.
async fn stay_awake() {
    loop {
        tokio::task::yield_now().await;
    }
}

#[allow(clippy::print_stderr, reason = "a person or a chore reads why it failed")]
fn eprintln_once(text: &str) {
    eprintln!("load: {text}");
}
