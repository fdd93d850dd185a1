//! `grantor api-key`.

use grantor_admin::{Within, at};
use serde_json::{Value, json};

use super::{filtered, shows_all};
use crate::cli::ApiKeyCommand;
use crate::failure::Failure;
use crate::output::{Output, members, rows, text};

pub(super) async fn run(command: ApiKeyCommand, api: &Within, output: Output) -> Result<(), Failure> {
    let all = shows_all("api-key");
    match command {
        ApiKeyCommand::Create { profile, owner, name } => {
            let new = json!({"profile": profile, "owner": owner, "name": name});
            show(&api.post("/api/api-keys", &new).await?, output)
        }
        ApiKeyCommand::List { profile } => {
            let path = filtered("/api/api-keys", &[("profile", profile.as_deref())]);
            list(&api.all(&path).await?, output)
        }
        ApiKeyCommand::Show { id } => {
            show(&api.get(&at("api-keys", id.as_str())).await.map_err(all)?, output)
        }
        ApiKeyCommand::Delete { id } => {
            let gone = api.delete(&at("api-keys", id.as_str())).await.map_err(all)?;
            output.result(&gone, || format!("{id}: deleted"))
        }
    }
}

fn list(keys: &[Value], output: Output) -> Result<(), Failure> {
    output.result(&keys, || {
        rows(&["ID", "PROFILE", "OWNER", "NAME"], keys, |key| {
            ["id", "profile", "owner", "name"].map(|name| text(key, name)).into()
        })
    })
}

fn show(key: &Value, output: Output) -> Result<(), Failure> {
    output.result(key, || members(key, &["id", "key", "profile", "owner", "name"]))
}
