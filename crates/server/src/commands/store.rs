//! `grantor store`.

use grantor_store::{Contents, contents, copy};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::cli::StoreCommand;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{Output, fields};
use crate::storage::{Storage, StorageUrl};
use crate::wiring::House;

/// How many records one batch of a purge removes: few, so that no request of a running server waits long behind it.
const PURGE_BATCH: usize = 500;

pub(super) async fn run(command: StoreCommand, config: &Config, output: Output) -> Result<(), Failure> {
    match command {
        StoreCommand::Info => super::in_house(config, async |house| info(house, output).await).await,
        StoreCommand::Check => super::in_house(config, async |house| check(house, output).await).await,
        StoreCommand::Purge => super::in_house(config, async |house| purge(house, output).await).await,
        StoreCommand::Copy { from, to, overwrite } => move_over(&from, &to, overwrite, output).await,
    }
}

async fn info(house: &House, output: Output) -> Result<(), Failure> {
    let info = house.engine.store_info().await?;
    let survives = info.durability.to_string();
    let value = json!({"backend": info.backend, "survives": survives, "records": info.records});
    output.result(&value, || {
        fields(&[
            ("backend", Some(info.backend)),
            ("an acknowledged answer survives", Some(survives)),
            ("records", info.records.map(|n| n.to_string())),
        ])
    })
}

async fn check(house: &House, output: Output) -> Result<(), Failure> {
    let storage = house.storage();
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
    let from = Storage::open_for_command(from, true).await?;
    let to = Storage::open_for_command(to, true).await?;
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
