//! `grantor registration-key`.

use grantor_admin::{Within, at};
use serde_json::{Value, json};

use super::{filtered, shows_all};
use crate::cli::RegistrationKeyCommand;
use crate::failure::Failure;
use crate::output::{Output, members, rows, text};

pub(super) async fn run(
    command: RegistrationKeyCommand,
    api: &Within,
    output: Output,
) -> Result<(), Failure> {
    match command {
        RegistrationKeyCommand::Create { profile } => {
            let made = api.post("/api/registration-keys", &json!({"profile": profile})).await?;
            output.result(&made, || members(&made, &["id", "key", "profile"]))
        }
        RegistrationKeyCommand::List { profile } => {
            let path = filtered("/api/registration-keys", &[("profile", profile.as_deref())]);
            list(&api.all(&path).await?, output)
        }
        RegistrationKeyCommand::Delete { id } => {
            let gone = api.delete(&at("registration-keys", &id.to_string())).await;
            output.result(&gone.map_err(shows_all("registration-key"))?, || format!("{id}: deleted"))
        }
    }
}

fn list(keys: &[Value], output: Output) -> Result<(), Failure> {
    output.result(&keys, || {
        rows(&["ID", "PROFILE", "SINCE"], keys, |key| {
            ["id", "profile", "created_at"].map(|name| text(key, name)).into()
        })
    })
}
