//! `grantor store`.

use grantor_admin::{Moving, StoreStatus};
use grantor_store::{Contents, CopyState, contents, copy, marks};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::cli::StoreCommand;
use crate::config::Config;
use crate::failure::Failure;
use crate::logs;
use crate::moving;
use crate::output::{Output, fields};
use crate::storage::{Storage, StorageUrl};
use crate::wiring::House;

/// How many records one batch of a purge removes: few, so that no request of a running server waits long behind it.
const PURGE_BATCH: usize = 500;

pub(super) async fn run(command: StoreCommand, config: &Config, output: Output) -> Result<(), Failure> {
    match command {
        StoreCommand::Info => look(config, async |storage| info(config, storage, output).await).await,
        StoreCommand::Check => look(config, async |storage| check(storage, output).await).await,
        StoreCommand::Purge => super::in_house(config, async |house| purge(house, output).await).await,
        StoreCommand::Copy { from, to, overwrite } => move_over(&from, &to, overwrite, output).await,
        StoreCommand::GiveUp { danger_copy_is_lost } => {
            let storage = &config.storage;
            moving::give_up(storage, danger_copy_is_lost).await?;
            output.result(&json!({"given_up": true}), || {
                format!("the move is given up; remove storage.also, and go on with {}", storage.url)
            })
        }
    }
}

/// Opens the store in whatever state it is.
async fn look(
    config: &Config,
    work: impl AsyncFnOnce(&Storage) -> Result<(), Failure>,
) -> Result<(), Failure> {
    logs::begin_for_command(&config.log)?;
    let storage = House::open_to_look(config).await?;
    let done = work(&storage).await;
    storage.close().await;
    done
}

async fn info(config: &Config, storage: &Storage, output: Output) -> Result<(), Failure> {
    let info = storage.store.info().await.map_err(failed)?;
    let moving = match storage.moving() {
        Some(both) => Some(moving::status(&both.copying(), &config.storage).await.map_err(failed)?),
        None => {
            let here = marks(&*storage.store).await.map_err(failed)?.here.map(|here| here.state);
            let copy = here.filter(|state| *state != CopyState::Leading);
            copy.map(|state| Moving { state: state.as_str(), to: None, copied: info.records })
        }
    };
    let value = StoreStatus::new(info, moving);
    output.result(&value, || {
        let moving = value.moving.as_ref();
        fields(&[
            ("backend", Some(value.backend.clone())),
            ("an acknowledged answer survives", Some(value.survives.clone())),
            ("records", value.records.map(|n| n.to_string())),
            ("moving to", moving.and_then(|moving| moving.to.clone())),
            ("the copy is", moving.map(|moving| moving.state.to_owned())),
            ("records in the copy", moving.and_then(|moving| moving.copied).map(|n| n.to_string())),
        ])
    })
}

async fn check(storage: &Storage, output: Output) -> Result<(), Failure> {
    let problems = storage.problems().await.map_err(failed)?;
    let found = contents(&*storage.store).await.map_err(failed)?;
    let value = json!({"records": found.records, "digest": digest(&found), "problems": problems});
    output.result(&value, || {
        let problems = problems.iter().map(|problem| format!("\nproblem: {problem}"));
        format!("{found}{}", problems.collect::<String>())
    })?;
    if problems.is_empty() { Ok(()) } else { Err(Failure::failed("the store is damaged; restore a backup")) }
}

async fn purge(house: &House, output: Output) -> Result<(), Failure> {
    let mut removed = 0;
    loop {
        let batch = house.engine.maintain(PURGE_BATCH).await?;
        removed += batch;
        if batch < PURGE_BATCH {
            break;
        }
    }
    output.result(&json!({"removed": removed}), || format!("{removed} records removed"))
}

async fn move_over(
    from: &StorageUrl,
    to: &StorageUrl,
    overwrite: bool,
    output: Output,
) -> Result<(), Failure> {
    if from == to {
        return Err(Failure::usage("--from and --to are the same store"));
    }
    if [from, to].contains(&&StorageUrl::Memory) {
        return Err(Failure::usage("memory: is inside a server's process, where no command can reach it"));
    }
    if !from.may_exist() {
        return Err(Failure::failed(format!("{from}: there is nothing to copy")));
    }
    let (from_url, to_url) = (from, to);
    let from = Storage::open_for_command(from, true).await?;
    let to = Storage::open_for_command(to, true).await?;
    let ends = moving::check_ends((&from, from_url), (&to, to_url)).await;
    if let Err(failure) = ends {
        from.close().await;
        to.close().await;
        return Err(failure);
    }
    // On standard error, and only where somebody looks at it.
    let bar = ProgressBar::new_spinner().with_style(
        ProgressStyle::with_template("{spinner} {pos} records, {per_sec}, {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    let copied = copy(&*from.store, &*to.store, overwrite, |seen| bar.set_position(seen)).await;
    bar.finish_and_clear();
    from.close().await;
    to.close().await;
    let copied = copied.map_err(|e| Failure::failed(e.to_string()))?;
    let value = json!({"records": copied.records, "digest": digest(&copied)});
    output.result(&value, || format!("copied and compared: {copied}"))
}

fn digest(contents: &Contents) -> String {
    contents.digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failed(error: grantor_store::StoreError) -> Failure {
    Failure::failed(error.to_string())
}
