//! `grantor token`: what the holder of a token may ask of an operator.

use grantor_admin::Within;
use grantor_core::Secret;
use serde_json::{Value, json};

use crate::cli::TokenCommand;
use crate::failure::Failure;
use crate::files::read_secret;
use crate::output::{Output, members, text};

pub(super) async fn run(command: TokenCommand, api: &Within, output: Output) -> Result<(), Failure> {
    match command {
        TokenCommand::Introspect { token } => {
            let body = json!({"token": given(token)?.expose()});
            let told = api.post("/api/tokens/introspect", &body).await?;
            let names = ["active", "client_id", "sub", "scope", "aud", "iat", "exp", "token_type"];
            output.result(&told, || members(&told, &names))
        }
        TokenCommand::Revoke { token } => {
            let body = json!({"token": given(token)?.expose()});
            let told = api.post("/api/tokens/revoke", &body).await?;
            output.result(&told, || revoked(&told))
        }
    }
}

fn given(token: String) -> Result<Secret, Failure> {
    if token == "-" { read_secret("-") } else { Ok(Secret::new(token)) }
}

fn revoked(told: &Value) -> String {
    match (told.get("revoked") == Some(&Value::Bool(true)), text(told, "grant")) {
        (true, Some(grant)) => format!("revoked, with the grant {grant} and all its tokens"),
        (true, None) => "revoked; others of the same grant, if there are, live on".to_owned(),
        (false, _) => "nothing to revoke: it is worth nothing already".to_owned(),
    }
}
