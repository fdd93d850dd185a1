//! Users: who they are, which accounts they act for, and whether they may log in.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use grantor_core::grant::RevocationCause;
use grantor_core::{AccountId, Secret};
use grantor_directory::{Membership, NewUser, Profile, User, UserName, UserRefused};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::acts::On;
use crate::api::Rooms;
use crate::ask::{self, Asked, Given, IfMatch, Named, take_secret, take_text, typed};
use crate::caller::Caller;
use crate::list::fill;
use crate::merge::{Change, made_of};
use crate::problem::Problem;
use crate::reply::{Reply, tag};

/// The bytes of a password that is made here.
const PASSWORD: usize = 12;

/// A user, and his password the one time it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    user: &'a User,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    /// What whoever did it should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// Which users.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Of {
    after: Option<String>,
    limit: Option<usize>,
    prefix: Option<String>,
    email: Option<String>,
    account: Option<AccountId>,
}

/// All that is asked by holds of whoever is found, and the list is read by what leaves the fewest.
pub(crate) async fn list(State(rooms): State<Arc<Rooms>>, Asked(of): Asked<Of>) -> Result<Reply, Problem> {
    let (directory, prefix) = (&rooms.directory, of.prefix.as_deref().map(str::to_ascii_lowercase));
    let fits = |user: &User| {
        let acts_for = |account: &AccountId| user.profile.accounts.iter().any(|member| member.id == *account);
        prefix.as_ref().is_none_or(|prefix| user.subject.as_str().starts_with(prefix))
            && of.account.as_ref().is_none_or(acts_for)
    };
    if let Some(email) = &of.email {
        let found = directory.user_by_email(email).await?.filter(fits);
        return Reply::page(Vec::from_iter(found), None::<&str>);
    }
    let (after, limit) = (ask::after::<UserName>(of.after.as_deref())?, ask::limit(of.limit)?);
    let after = after.as_ref().map(|name| name.subject().clone());
    let (users, next) = match &of.account {
        Some(account) => {
            fill(after, limit, async |after, limit| {
                let page = directory.users_of(account, after.as_ref(), limit).await?;
                Ok((page.users.into_iter().filter(fits).collect(), page.next))
            })
            .await?
        }
        None => {
            let page = directory.users(of.prefix.as_deref(), after.as_ref(), limit).await?;
            (page.users, page.next)
        }
    };
    Reply::page(users, next)
}

pub(crate) async fn create(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Given(given): Given,
) -> Result<Reply, Problem> {
    let mut given = made_of(given);
    let password = take_secret(&mut given, "password")?;
    let minted = if password.is_none() { Some(mint()?) } else { None };
    let username: UserName = take_text(&mut given, "username")?;
    let profile: Profile = typed(Value::Object(given))?;
    let new = NewUser { username, password: password.or_else(|| minted.clone()), profile };
    rooms.note(&by, "user.create", On::User(new.username.subject())).await?;
    let user = rooms.directory.create_user(&new, rooms.engine.now()).await??;
    Ok(shown(&rooms, &user, minted.as_ref()).await?.made())
}

/// A password that nobody has chosen, of 96 bits.
fn mint() -> Result<Secret, Problem> {
    let mut random = [0; PASSWORD];
    getrandom::fill(&mut random).map_err(|e| Problem::unavailable(e.to_string()))?;
    Ok(Secret::new(random.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

pub(crate) async fn show(
    State(rooms): State<Arc<Rooms>>,
    Named(name): Named<UserName>,
) -> Result<Reply, Problem> {
    let user = rooms.directory.user(name.subject()).await?.ok_or_else(|| none(&name))?;
    shown(&rooms, &user, None).await
}

/// What changes beside what a merge of the profile says: single accounts, so that two who each give him one do not take
/// away each other's.
#[derive(Deserialize)]
struct Memberships {
    #[serde(default)]
    add_accounts: Vec<Membership>,
    #[serde(default)]
    remove_accounts: Vec<AccountId>,
}

impl Memberships {
    fn take(changes: &mut Map<String, Value>) -> Result<Self, Problem> {
        let named = ["add_accounts", "remove_accounts"];
        let taken = named.iter().filter_map(|name| Some(((*name).to_owned(), changes.remove(*name)?)));
        typed(Value::Object(taken.collect()))
    }

    /// Each account is named once, or which role holds could not be told.
    fn change(&self, accounts: &mut Vec<Membership>) {
        let named = |id: &AccountId| {
            self.remove_accounts.contains(id) || self.add_accounts.iter().any(|m| m.id == *id)
        };
        accounts.retain(|membership| !named(&membership.id));
        accounts.extend(self.add_accounts.iter().cloned());
    }
}

pub(crate) async fn update(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(name): Named<UserName>,
    expected: IfMatch,
    Given(mut changes): Given,
) -> Result<Reply, Problem> {
    let password = take_secret(&mut changes, "password")?;
    let memberships = Memberships::take(&mut changes)?;
    let (directory, subject) = (&rooms.directory, name.subject());
    if password.is_some() {
        // Before anything is changed: the password is written after all else.
        let tried =
            NewUser { username: name.clone(), password: password.clone(), profile: Profile::default() };
        if let Err(refused @ UserRefused::InvalidPassword(_)) = directory.check_user(&tried).await? {
            return Err(refused.into());
        }
    }
    rooms.note(&by, "user.update", On::User(subject)).await?;
    let change = Change::new(&expected, &changes);
    let changed = directory.update_user(subject, |profile| {
        if change.make(profile) {
            memberships.change(&mut profile.accounts);
        }
    });
    let changed = changed.await?;
    change.made()?;
    let mut user = changed?;
    if let Some(password) = password {
        user = directory.set_password(subject, &password).await??;
    }
    shown(&rooms, &user, None).await
}

pub(crate) async fn disable(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(name): Named<UserName>,
) -> Result<Reply, Problem> {
    rooms.note(&by, "user.disable", On::User(name.subject())).await?;
    let suspended = rooms.directory.disable_user(name.subject(), rooms.engine.now()).await?.map(|_| ());
    ended(&rooms, &name, "disabled", suspended).await
}

pub(crate) async fn enable(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(name): Named<UserName>,
) -> Result<Reply, Problem> {
    rooms.note(&by, "user.enable", On::User(name.subject())).await?;
    let user = rooms.directory.enable_user(name.subject(), rooms.engine.now()).await??;
    shown(&rooms, &user, None).await
}

pub(crate) async fn end(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(name): Named<UserName>,
) -> Result<Reply, Problem> {
    rooms.note(&by, "user.delete", On::User(name.subject())).await?;
    let suspended = rooms.directory.delete_user(name.subject(), rooms.engine.now()).await?;
    ended(&rooms, &name, "deleted", suspended).await
}

/// Ends the grants of a user who is suspended by now, so that none can begin that this does not find. Where there is no
/// such user, it ends what an earlier deletion did not get to: that one may have failed between the two.
async fn ended(
    rooms: &Rooms,
    name: &UserName,
    how: &str,
    suspended: Result<(), UserRefused>,
) -> Result<Reply, Problem> {
    match suspended {
        Ok(()) | Err(UserRefused::NoSuchUser) => {}
        Err(other) => return Err(other.into()),
    }
    let cause = RevocationCause::SubjectSuspended;
    let revoked = rooms.engine.revoke_grants_of(name.subject(), cause).await?;
    let state = match suspended {
        Err(_) if revoked == 0 => return Err(none(name)),
        Err(_) => "deleted",
        Ok(()) => how,
    };
    Reply::of(&json!({"username": name, "state": state, "grants_revoked": revoked}))
}

async fn shown(rooms: &Rooms, user: &User, password: Option<&Secret>) -> Result<Reply, Problem> {
    let notes = missing_accounts(rooms, &user.profile.accounts).await?;
    let shown = Shown { user, password: password.map(Secret::expose), notes };
    Ok(Reply::of(&shown)?.tagged(&tag(&user.profile)))
}

/// Says which of these accounts are not there. A membership in one is kept, and silence would pass it off as one that
/// gives something.
pub(crate) async fn missing_accounts<'a>(
    rooms: &Rooms,
    memberships: impl IntoIterator<Item = &'a Membership>,
) -> Result<Vec<String>, Problem> {
    let named: BTreeSet<&AccountId> = memberships.into_iter().map(|membership| &membership.id).collect();
    let mut missing = Vec::new();
    for id in named {
        if rooms.directory.account(id).await?.is_none() {
            missing.push(format!("there is no account {id}: until there is, membership in it gives nothing"));
        }
    }
    Ok(missing)
}

pub(crate) fn none(name: &UserName) -> Problem {
    Problem::not_found(format!("there is no user {name}"))
}

/// Refuses an owner who is no user.
pub(crate) async fn check_owner(rooms: &Rooms, owner: &UserName) -> Result<(), Problem> {
    match rooms.directory.user(owner.subject()).await? {
        Some(_) => Ok(()),
        None => Err(Problem::invalid("owner", format!("there is no user {owner}"))),
    }
}
