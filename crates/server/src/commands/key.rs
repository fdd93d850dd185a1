//! `grantor key`.

use grantor_admin::Within;
use serde_json::{Value, json};

use crate::cli::KeyCommand;
use crate::failure::Failure;
use crate::output::{Output, rows, text};

/// Each verb ends with the keys as they are now.
pub(super) async fn run(command: KeyCommand, api: &Within, output: Output) -> Result<(), Failure> {
    let told = match command {
        KeyCommand::List => api.get("/api/keys").await?,
        KeyCommand::Rotate { algorithm, ahead } => {
            let algorithm = algorithm.map(|algorithm| algorithm.to_string());
            api.post("/api/keys/rotate", &json!({"algorithm": algorithm, "ahead": ahead})).await?
        }
        KeyCommand::Retire { kid } => {
            let path = format!("{}/retire", grantor_admin::at("keys", &kid));
            api.post(&path, &json!({})).await?
        }
    };
    let keys = told.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    output.result(&keys, || {
        rows(&["KID", "ALG", "STATE", "SINCE", "UNTIL"], &keys, |key| {
            ["kid", "alg", "state", "since", "until"].map(|name| text(key, name)).into()
        })
    })
}
