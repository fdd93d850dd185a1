//! `grantor grant`.

use grantor_admin::{Within, at};
use grantor_core::ClientId;
use grantor_directory::UserName;
use serde_json::{Value, json};

use super::filtered;
use crate::cli::GrantCommand;
use crate::failure::Failure;
use crate::output::{Output, rows, text};

pub(super) async fn run(command: GrantCommand, api: &Within, output: Output) -> Result<(), Failure> {
    match command {
        GrantCommand::List { user, client } => {
            let of = [
                ("user", user.as_ref().map(UserName::as_str)),
                ("client", client.as_ref().map(ClientId::as_str)),
            ];
            list(&api.all(&filtered("/api/grants", &of)).await?, output)
        }
        GrantCommand::Revoke { id } => {
            let path = format!("{}/revoke", at("grants", &id.to_string()));
            let done = api.post(&path, &json!({})).await?;
            output.result(&done, || {
                let ended = done.get("revoked") == Some(&Value::Bool(true));
                format!("{id}: {}", if ended { "revoked" } else { "it was over already" })
            })
        }
    }
}

fn list(grants: &[Value], output: Output) -> Result<(), Failure> {
    output.result(&grants, || {
        rows(&["ID", "CLIENT", "SUBJECT", "STATE", "SINCE", "SCOPE"], grants, |grant| {
            ["id", "client", "subject", "state", "created_at", "scope"].map(|name| text(grant, name)).into()
        })
    })
}
