//! Whoever administers the demo: a user of his own, and what lets him into the console and the API.

use std::fmt::Write as _;

use grantor_core::Lifetime;
use grantor_directory::{NewUser, Profile, UserName};
use serde::Serialize;

use super::{PERSON, random};
use crate::failure::Failure;
use crate::wiring::House;

/// By this name he goes.
const NAME: &str = "demo-admin";
/// How long his token for the API is good: a demo is no longer, and each makes one.
const DAY: Lifetime = Lifetime::seconds(86_400);

/// What was made for him, and lines for the shell.
#[derive(Serialize)]
pub(crate) struct Operators {
    /// Where the console is.
    console: String,
    username: String,
    password: String,
    /// Puts his token where the other line looks for it.
    export: String,
    /// Asks the API for the clients.
    clients: String,
}

/// Makes him, or gives him a new password: nobody has kept the old one.
pub(super) async fn prepare(house: &House, admin: &str) -> Result<Operators, Failure> {
    let (password, now) = (random(9)?, house.engine.now());
    let username = UserName::parse(NAME).map_err(|e| Failure::failed(e.to_string()))?;
    if let Some(found) = house.directory.user(username.subject()).await?
        && found.profile.name.as_deref() != Some(PERSON)
    {
        return Err(Failure::failed(format!(
            "there is a user `{NAME}` whom --demo did not make; start without --demo"
        )));
    }
    let profile = Profile { name: Some(PERSON.to_owned()), admin: true, ..Profile::default() };
    let new = NewUser { username: username.clone(), password: Some(password.clone()), profile };
    house.directory.put_user(&new, now).await??;
    let token = house
        .directory
        .create_session_token(grantor_admin::PROFILE, username.subject(), now, Some(DAY))
        .await?;
    let (_, token) = token.map_err(|refused| Failure::failed(format!("{NAME}: {refused}")))?;
    Ok(Operators {
        console: format!("{admin}/"),
        username: NAME.to_owned(),
        password: password.expose().to_owned(),
        export: format!("export ADMIN_TOKEN='{}'", token.expose()),
        clients: format!("curl -sS -H \"Authorization: Bearer $ADMIN_TOKEN\" {admin}/api/clients"),
    })
}

impl Operators {
    /// The same for a person to read and paste.
    pub(super) fn explained(&self) -> String {
        let Self { console, username, password, export, clients } = self;
        let mut text = String::new();
        let _ = write!(text, "# ===== to administer it\n\n");
        let _ =
            write!(text, "# In a browser, log in as {username} with the password {password}:\n{console}\n\n");
        let _ = write!(
            text,
            "# The same by the API, with a token that is good for a day:\n{export}\n{clients}\n"
        );
        text
    }
}
