//! `grantor client`.

use grantor_admin::{Within, at};
use serde_json::{Value, json};

use super::{given, put, shows_all};
use crate::cli::{ClientChanges, ClientCommand};
use crate::failure::Failure;
use crate::files::read_secret;
use crate::output::{Output, members, rows, text};

pub(super) async fn run(command: ClientCommand, api: &Within, output: Output) -> Result<(), Failure> {
    let all = shows_all("client");
    match command {
        ClientCommand::Create { id, profile, changes, secret_file } => {
            let mut new = asked(&changes)?;
            put(&mut new, "client_id", id);
            put(&mut new, "profile", profile);
            let secret = secret_file.as_deref().map(read_secret).transpose()?;
            put(&mut new, "client_secret", secret.as_ref().map(|secret| secret.expose()));
            show(&api.post("/api/clients", &new).await?, output)
        }
        ClientCommand::List => list(&api.all("/api/clients").await?, output),
        ClientCommand::Show { id } => show(&api.get(&at("clients", id.as_str())).await.map_err(all)?, output),
        ClientCommand::Update { id, changes } => {
            let changed = api.patch(&at("clients", id.as_str()), &asked(&changes)?).await;
            show(&changed.map_err(all)?, output)
        }
        ClientCommand::RotateSecret { id, overlap } => {
            let path = format!("{}/rotate-secret", at("clients", id.as_str()));
            let rotated = api.post(&path, &json!({"overlap": overlap})).await.map_err(all)?;
            output.result(&rotated, || members(&rotated, &["client_id", "client_secret"]))
        }
        ClientCommand::Delete { id } => {
            let gone = api.delete(&at("clients", id.as_str())).await.map_err(all)?;
            output.result(&gone, || format!("{id}: deleted"))
        }
    }
}

fn asked(changes: &ClientChanges) -> Result<Value, Failure> {
    let mut asked = given(changes)?;
    put(&mut asked, "token_endpoint_auth_method", changes.public.then_some("none"));
    Ok(asked)
}

fn list(clients: &[Value], output: Output) -> Result<(), Failure> {
    output.result(&clients, || {
        rows(&["ID", "NAME", "STATE", "GRANT TYPES", "SCOPE"], clients, |client| {
            let name = text(client, "client_name").or_else(|| text(client, "client_id"));
            let state = if client.get("disabled") == Some(&Value::Bool(true)) { "disabled" } else { "on" };
            let state = Some(state.to_owned());
            vec![text(client, "client_id"), name, state, text(client, "grant_types"), text(client, "scope")]
        })
    })
}

fn show(client: &Value, output: Output) -> Result<(), Failure> {
    output.result(client, || {
        members(
            &with_defaults(client),
            &[
                "client_id",
                "client_secret",
                "client_name",
                "description",
                "client_uri",
                "logo_uri",
                "profile",
                "redirect_uris",
                "grant_types",
                "scope",
                "default_scope",
                "token_endpoint_auth_method",
                "require_pkce",
                "access_token_format",
                "token_response_scope",
                "access_token_audience",
                "audience",
                "owner",
                "disabled",
            ],
        )
    })
}

/// What JSON leaves out since it is as it mostly is, people are told.
fn with_defaults(client: &Value) -> Value {
    let mut whole = client.clone();
    if let Some(members) = whole.as_object_mut() {
        let defaults =
            [("profile", json!("standard")), ("require_pkce", json!(true)), ("disabled", json!(false))];
        for (name, value) in defaults {
            members.entry(name).or_insert(value);
        }
        if members.get("token_endpoint_auth_method") == Some(&json!("none")) {
            // A public client must, whatever stands there.
            members.insert("require_pkce".to_owned(), json!(true));
        }
    }
    whole
}
