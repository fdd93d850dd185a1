//! The commands: each opens the house, does one thing, says what came of it, and closes the house. What it does is for the
//! operators' API to say: a command makes a request of what stands on the command line, and prints the answer.

mod account;
mod api_key;
mod client;
mod grant;
mod import;
mod key;
mod profile;
mod registration_key;
mod replay;
mod session_token;
mod store;
mod token;
mod user;

use grantor_admin::{Code, Problem};
use serde::Serialize;
use serde_json::Value;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{Output, message};
use crate::serve::Serve;
use crate::wiring::House;
use crate::{logs, serve};

/// Does what the command line says.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let output = Output { json: cli.json };
    if let Command::Replay { file } = &cli.command {
        return replay::run(file, output);
    }
    let config = Config::load(cli.config.as_deref())?;
    match cli.command {
        Command::Serve { ready_file, demo } => serve::run(config, Serve { ready_file, demo }, output).await,
        Command::CheckConfig => check_config(&config, output),
        Command::Import { file } => {
            in_house(&config, async |house| import::import(&file, &house.operator(), output).await).await
        }
        Command::Export => in_house(&config, async |house| import::export(&house.operator()).await).await,
        Command::Client(command) => {
            in_house(&config, async |house| client::run(command, &house.operator(), output).await).await
        }
        Command::User(command) => {
            in_house(&config, async |house| user::run(command, &house.operator(), output).await).await
        }
        Command::Grant(command) => {
            in_house(&config, async |house| grant::run(command, &house.operator(), output).await).await
        }
        Command::Token(command) => {
            in_house(&config, async |house| token::run(command, &house.operator(), output).await).await
        }
        Command::Key(command) => {
            in_house(&config, async |house| key::run(command, &house.operator(), output).await).await
        }
        Command::Account(command) => {
            in_house(&config, async |house| account::run(command, &house.operator(), output).await).await
        }
        Command::Profile(command) => profile::run(command, &config, output),
        Command::SessionToken(command) => {
            in_house(&config, async |house| session_token::run(command, &house.operator(), output).await)
                .await
        }
        Command::RegistrationKey(command) => {
            in_house(&config, async |house| registration_key::run(command, &house.operator(), output).await)
                .await
        }
        Command::ApiKey(command) => {
            in_house(&config, async |house| api_key::run(command, &house.operator(), output).await).await
        }
        Command::Replay { file } => replay::run(&file, output),
        Command::Store(command) => store::run(command, &config, output).await,
    }
}

async fn in_house(
    config: &Config,
    work: impl AsyncFnOnce(&House) -> Result<(), Failure>,
) -> Result<(), Failure> {
    logs::begin_for_command(&config.log)?;
    let house = House::open_for_command(config).await?;
    let done = work(&house).await;
    house.close().await;
    done
}

/// What was given on the command line, as the API takes it: nothing of what was not, and null for an empty text, which
/// takes away.
fn given(changes: &impl Serialize) -> Result<Value, Failure> {
    let whole = serde_json::to_value(changes).map_err(|e| Failure::failed(e.to_string()))?;
    let Value::Object(members) = whole else { return Ok(whole) };
    let said = |value: &Value| !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty());
    let members = members.into_iter().filter(|(_, value)| said(value));
    Ok(members.map(|(name, value)| (name, if value == "" { Value::Null } else { value })).collect())
}

fn put(body: &mut Value, name: &str, value: Option<impl Serialize>) {
    if let (Some(members), Some(value)) = (body.as_object_mut(), value) {
        // A name or a text always is one.
        members.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
    }
}

/// A path with those of these filters that are given.
fn filtered(path: &str, filters: &[(&str, Option<&str>)]) -> String {
    let given = filters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Whoever names what is not there is told what tells what is.
fn shows_all(noun: &str) -> impl Fn(Problem) -> Failure + Copy {
    move |problem| match problem.code == Code::NotFound {
        true => Failure::failed(format!("{problem}; `grantor {noun} list` shows all")),
        false => problem.into(),
    }
}

/// Tells what whoever did something should know, and is no part of what was asked for.
fn take_notes(told: &mut Value) {
    let notes = told.as_object_mut().and_then(|members| members.remove("notes"));
    for note in notes.as_ref().and_then(Value::as_array).into_iter().flatten() {
        message(note.as_str().unwrap_or_default());
    }
}

fn check_config(config: &Config, output: Output) -> Result<(), Failure> {
    let dangers = config.dangers();
    output.result(&serde_json::json!({"ok": true, "dangers": dangers}), || {
        let dangers = dangers.iter().map(|danger| format!("\ndanger: {danger}"));
        format!("the configuration can be served{}", dangers.collect::<String>())
    })
}
