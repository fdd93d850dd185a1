//! `grantor account`.

use grantor_admin::{Within, at};
use serde_json::Value;

use super::{given, put, shows_all};
use crate::cli::AccountCommand;
use crate::failure::Failure;
use crate::output::{Output, members, rows, text};

pub(super) async fn run(command: AccountCommand, api: &Within, output: Output) -> Result<(), Failure> {
    let all = shows_all("account");
    match command {
        AccountCommand::Create { id, changes } => {
            let mut new = given(&changes)?;
            put(&mut new, "id", Some(id));
            show(&api.post("/api/accounts", &new).await?, output)
        }
        AccountCommand::List => list(&api.all("/api/accounts").await?, output),
        AccountCommand::Show { id } => {
            show(&api.get(&at("accounts", id.as_str())).await.map_err(all)?, output)
        }
        AccountCommand::Update { id, changes } => {
            let changed = api.patch(&at("accounts", id.as_str()), &given(&changes)?).await;
            show(&changed.map_err(all)?, output)
        }
        AccountCommand::Delete { id } => {
            let gone = api.delete(&at("accounts", id.as_str())).await.map_err(all)?;
            output.result(&gone, || format!("{id}: deleted"))
        }
    }
}

fn list(accounts: &[Value], output: Output) -> Result<(), Failure> {
    output.result(&accounts, || {
        rows(&["ID", "NAME", "URL", "OAUTH"], accounts, |account| {
            let on = account.get("oauth_enabled") == Some(&Value::Bool(true));
            let oauth = Some(if on { "on" } else { "off" }.to_owned());
            vec![text(account, "id"), text(account, "name"), text(account, "url"), oauth]
        })
    })
}

fn show(account: &Value, output: Output) -> Result<(), Failure> {
    output.result(account, || members(account, &["id", "name", "url", "oauth_enabled"]))
}
