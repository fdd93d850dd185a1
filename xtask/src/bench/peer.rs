//! Servers of others: each a small program in `tests-external/peers`, built or installed below the target folder.

use std::path::PathBuf;
use std::process::Command;

use crate::clients::Print;
use crate::clients::tools;
use crate::failure::{Failure, Outcome};

use super::plan::Endpoint;
use super::{Bench, SERVER_CORE, built, pinned};

const FOLDER: &str = "tests-external/peers";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    OauthAs,
    OxideAuth,
    OidcProvider,
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::OauthAs => "oauth-as",
            Self::OxideAuth => "oxide-auth",
            Self::OidcProvider => "oidc-provider",
        }
    }

    /// Whether the library has it.
    pub(super) fn has(self, endpoint: Endpoint) -> bool {
        match self {
            Self::OauthAs | Self::OidcProvider => true,
            Self::OxideAuth => endpoint != Endpoint::TokenJwt,
        }
    }

    /// What the load must be told to measure it at all.
    pub(super) fn load_options(self) -> &'static [&'static str] {
        match self {
            Self::OauthAs => &["--reader", "machine"],
            Self::OxideAuth => &[],
            Self::OidcProvider => &["--own-sessions"],
        }
    }

    /// The program, on the server's core.
    pub(super) fn command(self, bench: &Bench<'_>) -> Outcome<Command> {
        let known = bench.peers.borrow().get(self.name()).cloned();
        let program = match known {
            Some(program) => program,
            None => {
                eprintln!("making {}", self.name());
                let program = self.made(bench)?;
                bench.peers.borrow_mut().insert(self.name(), program.clone());
                program
            }
        };
        Ok(match self {
            Self::OauthAs | Self::OxideAuth => pinned(SERVER_CORE, program),
            Self::OidcProvider => {
                let mut node = pinned(SERVER_CORE, "node");
                node.arg(program).env("NODE_ENV", "production");
                node
            }
        })
    }

    fn made(self, bench: &Bench<'_>) -> Outcome<PathBuf> {
        let folder = bench.workspace.path(FOLDER).join(self.name());
        let target = bench.workspace.target_folder()?.join("bench/peers");
        match self {
            Self::OauthAs | Self::OxideAuth => {
                let mut cargo = bench.workspace.cargo(["build", "--release", "--locked", "--quiet"]);
                cargo.arg("--manifest-path").arg(folder.join("Cargo.toml"));
                cargo.arg("--target-dir").arg(target);
                let program = built(cargo)?.remove(self.name());
                program.ok_or_else(|| Failure::new(format!("cargo build made no {}", self.name())))
            }
            Self::OidcProvider => {
                let copy = target.join(self.name());
                tools::copied(&folder, &copy)?;
                // The table may be asked for as JSON, and that is all that belongs on standard output then.
                tools::installed(self.name(), &copy, &Print::ASIDE)?;
                Ok(copy.join("server.mjs"))
            }
        }
    }
}
