//! The demo's user, and the account he acts for.

use grantor_core::{AccountId, Secret};
use grantor_directory::{AccountProfile, Membership, NewUser, Profile, UserName};

use super::{NAME, PERSON, random};
use crate::failure::Failure;
use crate::wiring::House;

pub(super) const ACCOUNT: &str = "35";

/// Makes both, or gives the user a new password: nobody has kept the old one.
pub(super) async fn prepare(house: &House) -> Result<Secret, Failure> {
    let (password, now) = (random(9)?, house.engine.now());
    let username = UserName::parse(NAME).map_err(|e| Failure::failed(e.to_string()))?;
    if let Some(found) = house.directory.user(username.subject()).await?
        && found.profile.name.as_deref() != Some(PERSON)
    {
        return Err(Failure::failed("there is a user `demo` whom --demo did not make; start without --demo"));
    }
    let profile = Profile {
        name: Some(PERSON.to_owned()),
        email: Some("demo@example.test".to_owned()),
        accounts: account(house).await?.into_iter().collect(),
        ..Profile::default()
    };
    let new = NewUser { username, password: Some(password.clone()), profile };
    house.directory.put_user(&new, now).await??;
    Ok(password)
}

/// An account that applications are open to, in a role that may approve: for profiles that ask for one.
async fn account(house: &House) -> Result<Option<Membership>, Failure> {
    let mut rules =
        house.engines.iter().map(|engine| &engine.profile().approval).filter(|rules| rules.account);
    let Some(first) = rules.next() else { return Ok(None) };
    let role = first.roles.iter().next_back().map_or("owner", String::as_str).to_owned();
    let id = AccountId::parse(ACCOUNT).map_err(|e| Failure::failed(e.to_string()))?;
    // An account of this id that is there already is somebody's own: it is used as it is.
    if house.directory.account(&id).await?.is_none() {
        let profile = AccountProfile {
            name: Some(PERSON.to_owned()),
            url: Some("https://demo.example.test".to_owned()),
            oauth_enabled: true,
        };
        let put = house.directory.put_account(&id, &profile, house.engine.now()).await?;
        put.map_err(|e| Failure::failed(format!("account {id}: {e}")))?;
    }
    Ok(Some(Membership { id, role }))
}
