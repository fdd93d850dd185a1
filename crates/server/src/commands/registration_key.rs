//! `grantor registration-key`.

use grantor_directory::RegistrationKey;
use serde::Serialize;
use serde_json::json;

use crate::cli::RegistrationKeyCommand;
use crate::failure::Failure;
use crate::output::{Output, fields, table};
use crate::profiles;
use crate::wiring::House;

const PAGE: usize = 200;

/// A key's record, and the key, which is shown this one time.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    made: &'a RegistrationKey,
    key: &'a str,
}

pub(super) async fn run(
    command: RegistrationKeyCommand,
    house: &House,
    output: Output,
) -> Result<(), Failure> {
    match command {
        RegistrationKeyCommand::Create { profile } => create(house, &profile, output).await,
        RegistrationKeyCommand::List { profile } => list(house, profile, output).await,
        RegistrationKeyCommand::Delete { id } => {
            if !house.directory.end_registration_key(id, house.engine.now()).await? {
                return Err(Failure::failed(format!(
                    "there is no registration key {id}; `grantor registration-key list` shows all"
                )));
            }
            output.result(&json!({"id": id, "deleted": true}), || format!("{id}: deleted"))
        }
    }
}

async fn create(house: &House, profile: &str, output: Output) -> Result<(), Failure> {
    profiles::check_name(house, profile).map_err(|why| Failure::failed(format!("{profile}: {why}")))?;
    let made = house.directory.create_registration_key(profile, house.engine.now()).await?;
    let (made, key) = made.map_err(|e| Failure::failed(format!("{profile}: {e}")))?;
    output.result(&Shown { made: &made, key: key.expose() }, || {
        fields(&[
            ("id", Some(made.id.to_string())),
            ("key (shown this once)", Some(key.expose().to_owned())),
            ("profile", Some(made.profile.clone())),
        ])
    })
}

async fn list(house: &House, profile: Option<String>, output: Output) -> Result<(), Failure> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = house.directory.registration_keys(after, PAGE, house.engine.now()).await?;
        keys.extend(page.keys);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    keys.retain(|key| profile.as_ref().is_none_or(|profile| key.profile == *profile));
    output.result(&keys, || {
        let row =
            |key: &RegistrationKey| vec![key.id.to_string(), key.profile.clone(), key.created_at.to_string()];
        let rows: Vec<_> = keys.iter().map(row).collect();
        table(&["ID", "PROFILE", "SINCE"], &rows)
    })
}
