//! `grantor key`.

use crate::cli::KeyCommand;
use crate::failure::Failure;
use crate::output::{Output, table};
use crate::wiring::House;

/// Each verb ends with the keys as they are now.
pub(super) async fn run(command: KeyCommand, house: &House, output: Output) -> Result<(), Failure> {
    match command {
        KeyCommand::List => {}
        KeyCommand::Rotate { algorithm, ahead } => house.engine.rotate_keys(algorithm, ahead).await?,
        KeyCommand::Retire { kid } => house.engine.retire_key(&kid).await?,
    }
    let keys = house.engine.keys().await?;
    output.result(&keys, || {
        let rows: Vec<_> = keys
            .iter()
            .map(|key| {
                let until = key.until.map_or_else(|| "-".to_owned(), |at| at.to_string());
                let (alg, state) = (key.alg.to_string(), key.state.to_string());
                vec![key.kid.clone(), alg, state, key.since.to_string(), until]
            })
            .collect();
        table(&["KID", "ALG", "STATE", "SINCE", "UNTIL"], &rows)
    })
}
