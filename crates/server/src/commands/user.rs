//! `grantor user`.

use grantor_core::grant::RevocationCause;
use grantor_core::{AccountId, Secret};
use grantor_directory::{NewUser, Profile, User, UserName, UserRefused, UserState};
use serde::Serialize;
use serde_json::json;

use crate::cli::{UserChanges, UserCommand};
use crate::commands::account;
use crate::failure::Failure;
use crate::files::{random_hex, read_secret};
use crate::output::{Output, fields, table};
use crate::wiring::House;

const PAGE: usize = 200;

/// A user, and his password the one time it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    user: &'a User,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

pub(super) async fn run(command: UserCommand, house: &House, output: Output) -> Result<(), Failure> {
    let (directory, now) = (&house.directory, house.engine.now());
    match command {
        UserCommand::Create { username: name, changes } => create(house, name, &changes, output).await,
        UserCommand::List => list(house, output).await,
        UserCommand::Show { username: name } => {
            let user = directory.user(name.subject()).await?.ok_or_else(|| none(&name))?;
            show(&user, None, output)
        }
        UserCommand::Update { username: name, changes } => update(house, &name, &changes, output).await,
        UserCommand::Disable { username: name } => {
            let suspended = directory.disable_user(name.subject(), now).await?.map(|_| ());
            ended(house, &name, "disabled", suspended, output).await
        }
        UserCommand::Enable { username: name } => {
            let user = directory.enable_user(name.subject(), now).await?.map_err(|e| refused(&name, e))?;
            show(&user, None, output)
        }
        UserCommand::Delete { username: name } => {
            let suspended = directory.delete_user(name.subject(), now).await?;
            ended(house, &name, "deleted", suspended, output).await
        }
    }
}

fn none(name: &UserName) -> Failure {
    Failure::failed(format!("there is no user {name}; `grantor user list` shows all"))
}

fn refused(name: &UserName, refused: UserRefused) -> Failure {
    Failure::failed(format!("{name}: {refused}"))
}

/// Ends the grants of a user who is suspended by now, so that none can begin that this does not find. Where there is no
/// such user, it ends what an earlier deletion did not get to: that one may have failed between the two.
async fn ended(
    house: &House,
    name: &UserName,
    how: &str,
    suspended: Result<(), UserRefused>,
    output: Output,
) -> Result<(), Failure> {
    match suspended {
        Ok(()) | Err(UserRefused::NoSuchUser) => {}
        Err(other) => return Err(refused(name, other)),
    }
    let cause = RevocationCause::SubjectSuspended;
    let revoked = house.engine.revoke_grants_of(name.subject(), cause).await?;
    let how = match suspended {
        Err(missing) if revoked == 0 => return Err(refused(name, missing)),
        Err(_) => "deleted",
        Ok(()) => how,
    };
    output.result(&json!({"username": name, "state": how, "grants_revoked": revoked}), || {
        format!("{name}: {how}; sessions ended, grants revoked: {revoked}")
    })
}

async fn create(house: &House, name: UserName, changes: &UserChanges, output: Output) -> Result<(), Failure> {
    let minted = match &changes.password_file {
        Some(_) => None,
        None => Some(Secret::new(random_hex(12).map_err(|e| Failure::failed(e.to_string()))?)),
    };
    let given = changes.password_file.as_deref().map(read_secret).transpose()?;
    let mut profile = Profile::default();
    apply(changes, &mut profile);
    let new = NewUser { username: name.clone(), password: given.or_else(|| minted.clone()), profile };
    let made = house.directory.create_user(&new, house.engine.now()).await?;
    let user = made.map_err(|e| refused(&name, e))?;
    account::tell_missing(house, user.profile.accounts.iter()).await?;
    show(&user, minted.as_ref(), output)
}

async fn update(
    house: &House,
    name: &UserName,
    changes: &UserChanges,
    output: Output,
) -> Result<(), Failure> {
    let (directory, subject) = (&house.directory, name.subject());
    let password = changes.password_file.as_deref().map(read_secret).transpose()?;
    let changed = directory.update_user(subject, |profile| apply(changes, profile)).await?;
    let mut user = changed.map_err(|e| refused(name, e))?;
    if let Some(password) = password {
        user = directory.set_password(subject, &password).await?.map_err(|e| refused(name, e))?;
    }
    account::tell_missing(house, user.profile.accounts.iter()).await?;
    show(&user, None, output)
}

fn apply(changes: &UserChanges, to: &mut Profile) {
    let text = |given: &Option<String>, place: &mut Option<String>| {
        if let Some(given) = given {
            *place = Some(given.clone()).filter(|text| !text.is_empty());
        }
    };
    text(&changes.email, &mut to.email);
    text(&changes.name, &mut to.name);
    text(&changes.avatar, &mut to.avatar);
    if let Some(admin) = changes.admin {
        to.admin = admin;
    }
    if !changes.account.is_empty() {
        to.accounts.clone_from(&changes.account);
    }
    // Each account is named once, or which role holds could not be told.
    let named = |id: &AccountId| {
        changes.remove_account.contains(id) || changes.add_account.iter().any(|m| m.id == *id)
    };
    to.accounts.retain(|membership| !named(&membership.id));
    to.accounts.extend(changes.add_account.iter().cloned());
}

async fn list(house: &House, output: Output) -> Result<(), Failure> {
    let users = all(house).await?;
    output.result(&users, || {
        let rows: Vec<_> = users
            .iter()
            .map(|user| {
                let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                let (name, email) = (text(&user.profile.name), text(&user.profile.email));
                vec![user.subject.to_string(), name, email, state(user).to_owned()]
            })
            .collect();
        table(&["USERNAME", "NAME", "EMAIL", "STATE"], &rows)
    })
}

/// Every user.
pub(crate) async fn all(house: &House) -> Result<Vec<User>, Failure> {
    let (mut users, mut after) = (Vec::new(), None);
    loop {
        let page = house.directory.users(None, after.as_ref(), PAGE).await?;
        users.extend(page.users);
        after = page.next;
        if after.is_none() {
            return Ok(users);
        }
    }
}

fn state(user: &User) -> &'static str {
    match user.state {
        UserState::Active => "active",
        UserState::Disabled => "disabled",
    }
}

fn show(user: &User, password: Option<&Secret>, output: Output) -> Result<(), Failure> {
    let password = password.map(Secret::expose);
    output.result(&Shown { user, password }, || {
        let accounts = user.profile.accounts.iter().map(|m| format!("{}:{}", m.id, m.role));
        let accounts = accounts.collect::<Vec<_>>().join(" ");
        fields(&[
            ("username", Some(user.subject.to_string())),
            ("password (shown this once)", password.map(str::to_owned)),
            ("state", Some(state(user).to_owned())),
            ("email", user.profile.email.clone()),
            ("name", user.profile.name.clone()),
            ("avatar", user.profile.avatar.clone()),
            ("admin", Some(user.profile.admin.to_string())),
            ("accounts", Some(accounts).filter(|accounts| !accounts.is_empty())),
        ])
    })
}
