//! `grantor user`.

use grantor_admin::{Within, at};
use grantor_directory::UserName;
use serde_json::{Value, json};

use super::{given, put, shows_all, take_notes};
use crate::cli::{UserChanges, UserCommand};
use crate::failure::Failure;
use crate::files::read_secret;
use crate::output::{Output, members, rows, text};

pub(super) async fn run(command: UserCommand, api: &Within, output: Output) -> Result<(), Failure> {
    let all = shows_all("user");
    match command {
        UserCommand::Create { username, changes } => {
            let mut new = asked(&changes)?;
            put(&mut new, "username", Some(username));
            show(api.post("/api/users", &new).await?, output)
        }
        UserCommand::List => list(&api.all("/api/users").await?, output),
        UserCommand::Show { username } => show(api.get(&path(&username, "")).await.map_err(all)?, output),
        UserCommand::Update { username, changes } => {
            show(api.patch(&path(&username, ""), &asked(&changes)?).await.map_err(all)?, output)
        }
        UserCommand::Disable { username } => {
            ended(&api.post(&path(&username, "/disable"), &json!({})).await.map_err(all)?, output)
        }
        UserCommand::Enable { username } => {
            show(api.post(&path(&username, "/enable"), &json!({})).await.map_err(all)?, output)
        }
        UserCommand::Delete { username } => {
            ended(&api.delete(&path(&username, "")).await.map_err(all)?, output)
        }
    }
}

fn path(username: &UserName, verb: &str) -> String {
    format!("{}{verb}", at("users", username.as_str()))
}

fn asked(changes: &UserChanges) -> Result<Value, Failure> {
    let mut asked = given(changes)?;
    let password = changes.password_file.as_deref().map(read_secret).transpose()?;
    put(&mut asked, "password", password.as_ref().map(|password| password.expose()));
    Ok(asked)
}

fn ended(user: &Value, output: Output) -> Result<(), Failure> {
    output.result(user, || {
        let of = |name| text(user, name).unwrap_or_default();
        let (name, state, revoked) = (of("username"), of("state"), of("grants_revoked"));
        format!("{name}: {state}; sessions ended, grants revoked: {revoked}")
    })
}

fn list(users: &[Value], output: Output) -> Result<(), Failure> {
    output.result(&users, || {
        rows(&["USERNAME", "NAME", "EMAIL", "STATE"], users, |user| {
            ["username", "name", "email", "state"].map(|name| text(user, name)).into()
        })
    })
}

fn show(mut user: Value, output: Output) -> Result<(), Failure> {
    take_notes(&mut user);
    output.result(&user, || {
        members(&user, &["username", "password", "state", "email", "name", "avatar", "admin", "accounts"])
    })
}
