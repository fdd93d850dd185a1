//! Logs: where they go, and what must never be in them.

use std::sync::Mutex;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};
use crate::failure::Failure;
use crate::{files, output};

/// Begins to log for a server, to a file or standard error.
pub(crate) fn begin(log: &Log) -> Result<(), Failure> {
    match &log.file {
        Some(path) => {
            let opened = files::append(path);
            let file = opened.map_err(|e| {
                Failure::failed(format!("the log file {} cannot be opened: {e}", path.display()))
            })?;
            install(log, Mutex::new(file))
        }
        None => install(log, std::io::stderr),
    }
}

/// Begins to log for a command: to the file if there is one. Standard error is for its messages.
pub(crate) fn begin_for_command(log: &Log) -> Result<(), Failure> {
    if log.file.is_some() { begin(log) } else { Ok(()) }
}

fn install<W>(log: &Log, writer: W) -> Result<(), Failure>
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    // What a library tells at its finer levels can hold what passes through it, secrets too: only ours may.
    let filter =
        Targets::new().with_default(log.level.min(LevelFilter::WARN)).with_target("grantor", log.level);
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    let lines = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.boxed(),
    };
    let begun = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    begun.map_err(|e| Failure::failed(format!("logging cannot begin: {e}")))
}

/// Lets a panic be told as one line that says where, and not with what words: they could quote a secret.
pub(crate) fn hide_panic_payloads() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        if tracing::enabled!(tracing::Level::ERROR) {
            tracing::error!(target: "grantor::panic", place, "a task panicked: this is a defect in grantor");
        } else {
            output::message(&format!("panicked at {place}: this is a defect in grantor"));
        }
    }));
}
