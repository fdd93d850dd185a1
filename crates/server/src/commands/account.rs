//! `grantor account`.

use std::collections::BTreeSet;

use grantor_core::AccountId;
use grantor_directory::{Account, AccountProfile, AccountRefused, Membership};
use serde_json::json;

use crate::cli::{AccountChanges, AccountCommand};
use crate::failure::Failure;
use crate::output::{Output, fields, message, table};
use crate::wiring::House;

const PAGE: usize = 200;

pub(super) async fn run(command: AccountCommand, house: &House, output: Output) -> Result<(), Failure> {
    let (directory, now) = (&house.directory, house.engine.now());
    match command {
        AccountCommand::Create { id, changes } => {
            let mut profile = AccountProfile::default();
            apply(&changes, &mut profile);
            let made = directory.create_account(&id, &profile, now).await?;
            show(&made.map_err(|e| refused(&id, e))?, output)
        }
        AccountCommand::List => list(house, output).await,
        AccountCommand::Show { id } => {
            let none =
                || Failure::failed(format!("there is no account {id}; `grantor account list` shows all"));
            show(&directory.account(&id).await?.ok_or_else(none)?, output)
        }
        AccountCommand::Update { id, changes } => {
            let changed = directory.update_account(&id, |profile| apply(&changes, profile)).await?;
            show(&changed.map_err(|e| refused(&id, e))?, output)
        }
        AccountCommand::Delete { id } => {
            directory.delete_account(&id, now).await?.map_err(|e| refused(&id, e))?;
            output.result(&json!({"id": id, "deleted": true}), || format!("{id}: deleted"))
        }
    }
}

fn refused(id: &AccountId, refused: AccountRefused) -> Failure {
    Failure::failed(format!("{id}: {refused}"))
}

fn apply(changes: &AccountChanges, to: &mut AccountProfile) {
    let text = |given: &Option<String>, place: &mut Option<String>| {
        if let Some(given) = given {
            *place = Some(given.clone()).filter(|text| !text.is_empty());
        }
    };
    text(&changes.name, &mut to.name);
    text(&changes.url, &mut to.url);
    if let Some(enabled) = changes.oauth_enabled {
        to.oauth_enabled = enabled;
    }
}

async fn list(house: &House, output: Output) -> Result<(), Failure> {
    let accounts = all(house).await?;
    output.result(&accounts, || {
        let rows: Vec<_> = accounts
            .iter()
            .map(|account| {
                let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                let oauth = if account.oauth_enabled { "on" } else { "off" };
                vec![account.id.to_string(), text(&account.name), text(&account.url), oauth.to_owned()]
            })
            .collect();
        table(&["ID", "NAME", "URL", "OAUTH"], &rows)
    })
}

/// Every account.
pub(crate) async fn all(house: &House) -> Result<Vec<Account>, Failure> {
    let (mut accounts, mut after) = (Vec::new(), None);
    loop {
        let page = house.directory.accounts(None, after.as_ref(), PAGE).await?;
        accounts.extend(page.accounts);
        after = page.next;
        if after.is_none() {
            return Ok(accounts);
        }
    }
}

/// Says which of these accounts are not there. A membership in one is kept, and silence would pass it off as one that
/// gives something.
pub(crate) async fn tell_missing<'a>(
    house: &House,
    memberships: impl Iterator<Item = &'a Membership>,
) -> Result<(), Failure> {
    let named: BTreeSet<&AccountId> = memberships.map(|membership| &membership.id).collect();
    for id in named {
        if house.directory.account(id).await?.is_none() {
            message(&format!("there is no account {id}: until there is, membership in it gives nothing"));
        }
    }
    Ok(())
}

fn show(account: &Account, output: Output) -> Result<(), Failure> {
    output.result(account, || {
        fields(&[
            ("id", Some(account.id.to_string())),
            ("name", account.name.clone()),
            ("url", account.url.clone()),
            ("oauth_enabled", Some(account.oauth_enabled.to_string())),
        ])
    })
}
