//! `grantor session-token`.

use grantor_admin::{Within, at};
use grantor_directory::UserName;
use serde_json::{Value, json};

use super::{filtered, shows_all};
use crate::cli::SessionTokenCommand;
use crate::failure::Failure;
use crate::output::{Output, members, rows, text};

pub(super) async fn run(command: SessionTokenCommand, api: &Within, output: Output) -> Result<(), Failure> {
    match command {
        SessionTokenCommand::Create { profile, user, expires_in } => {
            let new = json!({"profile": profile, "user": user, "expires_in": expires_in});
            let made = api.post("/api/session-tokens", &new).await?;
            output.result(&made, || members(&made, &["id", "token", "profile", "user", "expires_at"]))
        }
        SessionTokenCommand::List { user, profile } => {
            let of = [("user", user.as_ref().map(UserName::as_str)), ("profile", profile.as_deref())];
            list(&api.all(&filtered("/api/session-tokens", &of)).await?, output)
        }
        SessionTokenCommand::Delete { id } => {
            let gone = api.delete(&at("session-tokens", &id.to_string())).await;
            output.result(&gone.map_err(shows_all("session-token"))?, || format!("{id}: deleted"))
        }
    }
}

fn list(tokens: &[Value], output: Output) -> Result<(), Failure> {
    output.result(&tokens, || {
        rows(&["ID", "PROFILE", "USER", "SINCE", "UNTIL"], tokens, |token| {
            ["id", "profile", "user", "created_at", "expires_at"].map(|name| text(token, name)).into()
        })
    })
}
