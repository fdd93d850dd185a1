//! `cargo xtask external`: clients that are not ours, against the real binary.

use crate::cli::ExternalOptions;
use crate::failure::{Failure, Outcome};
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, options: &ExternalOptions) -> Outcome {
    let folder = workspace.target_folder()?.join("external");
    Err(Failure::new(format!("no client is wired up yet in {} for {options:?}", folder.display())))
}
