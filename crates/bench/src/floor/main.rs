//! A floor: the least that a server of such an endpoint can do, and so the measure of one that does it right.
//!
//! Each endpoint reads its form, compares one SHA-256 in constant time where a secret is shown, takes random bytes for what
//! it gives, does one operation of the store (the pages one for each request), and answers. Nothing is checked that an
//! attacker would try, nothing expires, nothing is logged: there is no OAuth in it. Secrets are at rest as digests, since
//! nobody would have it otherwise.

mod endpoints;
mod page;
mod record;
mod signer;
mod store;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use axum::serve::ListenerExt as _;
use clap::Parser;

use crate::store::Store;

#[derive(Parser)]
#[command(name = "floor")]
struct Options {
    /// `memory`, `sqlite:PATH`, `sled:FOLDER` or `redis://HOST:PORT/DB`.
    #[arg(long)]
    store: String,
    #[arg(long)]
    listen: SocketAddr,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open(&options.store).await?;
        let listener = tokio::net::TcpListener::bind(options.listen).await?.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, endpoints::router(store)?).await
    })
}

#[allow(clippy::print_stderr, reason = "whoever started it reads why it ended")]
fn tell(error: &io::Error) {
    eprintln!("floor: {error}");
}
