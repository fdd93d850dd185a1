//! `grantor store`.

use serde_json::json;

use crate::cli::StoreCommand;
use crate::failure::Failure;
use crate::output::{Output, fields};
use crate::wiring::House;

pub(super) async fn run(command: &StoreCommand, house: &House, output: Output) -> Result<(), Failure> {
    match command {
        StoreCommand::Info => {
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
    }
}
