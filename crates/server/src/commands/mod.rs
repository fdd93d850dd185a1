//! The commands: each opens the house, does one thing, says what came of it, and closes the house.

pub(crate) mod account;
pub(crate) mod api_key;
pub(crate) mod client;
mod grant;
mod key;
mod profile;
mod registration_key;
mod session_token;
mod store;
mod token;
pub(crate) mod user;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;
use crate::serve::Serve;
use crate::wiring::House;
use crate::{export, import, logs, serve};

/// Does what the command line says.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let config = Config::load(cli.config.as_deref())?;
    let output = Output { json: cli.json };
    match cli.command {
        Command::Serve { ready_file, demo } => serve::run(config, Serve { ready_file, demo }, output).await,
        Command::CheckConfig => check_config(&config, output),
        Command::Import { file } => {
            in_house(&config, async |house| import::run(house, &file, output).await).await
        }
        Command::Export => in_house(&config, async |house| export::run(house).await).await,
        Command::Client(command) => {
            in_house(&config, async |house| client::run(command, house, output).await).await
        }
        Command::User(command) => {
            in_house(&config, async |house| user::run(command, house, output).await).await
        }
        Command::Grant(command) => {
            in_house(&config, async |house| grant::run(command, house, output).await).await
        }
        Command::Token(command) => {
            in_house(&config, async |house| token::run(command, house, output).await).await
        }
        Command::Key(command) => {
            in_house(&config, async |house| key::run(command, house, output).await).await
        }
        Command::Account(command) => {
            in_house(&config, async |house| account::run(command, house, output).await).await
        }
        Command::Profile(command) => profile::run(command, &config, output),
        Command::SessionToken(command) => {
            in_house(&config, async |house| session_token::run(command, house, output).await).await
        }
        Command::RegistrationKey(command) => {
            in_house(&config, async |house| registration_key::run(command, house, output).await).await
        }
        Command::ApiKey(command) => {
            in_house(&config, async |house| api_key::run(command, house, output).await).await
        }
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

fn check_config(config: &Config, output: Output) -> Result<(), Failure> {
    let dangers = config.dangers();
    output.result(&serde_json::json!({"ok": true, "dangers": dangers}), || {
        let dangers = dangers.iter().map(|danger| format!("\ndanger: {danger}"));
        format!("the configuration can be served{}", dangers.collect::<String>())
    })
}
