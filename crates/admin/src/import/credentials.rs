//! The sections `registration_keys` and `session_tokens`: credentials that guard the registration resource of a profile.

use std::collections::BTreeSet;

use grantor_core::{Digest, Secret};
use grantor_directory::{CredentialRefused, UserName};
use serde::Deserialize;
use serde_json::Value;

use super::{Place, Report, UserEntry, done, take_secret, typed};
use crate::api::Rooms;
use crate::problem::Problem;

/// What a file says of them.
pub(super) struct Credentials {
    keys: Vec<RegistrationKeyEntry>,
    tokens: Vec<SessionTokenEntry>,
}

struct RegistrationKeyEntry {
    place: Place,
    profile: String,
    key: Secret,
}

struct SessionTokenEntry {
    place: Place,
    profile: String,
    user: UserName,
    token: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfProfile {
    profile: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfUser {
    profile: String,
    user: UserName,
}

impl Credentials {
    pub(super) fn parse(keys: Vec<Value>, tokens: Vec<Value>) -> Result<Self, Problem> {
        let parse = |(at, mut entry)| {
            let place = Place::new("registration_keys", at);
            let key = required(&mut entry, "key", &place)?;
            let OfProfile { profile } = typed(&place, entry)?;
            Ok(RegistrationKeyEntry { place, profile, key })
        };
        let keys = keys.into_iter().enumerate().map(parse).collect::<Result<Vec<_>, Problem>>()?;
        let parse = |(at, mut entry)| {
            let place = Place::new("session_tokens", at);
            let token = required(&mut entry, "token", &place)?;
            let OfUser { profile, user } = typed(&place, entry)?;
            Ok(SessionTokenEntry { place, profile, user, token })
        };
        let tokens = tokens.into_iter().enumerate().map(parse).collect::<Result<Vec<_>, Problem>>()?;
        once(keys.iter().map(|entry| (&entry.place, &entry.profile, &entry.key)), "key")?;
        once(tokens.iter().map(|entry| (&entry.place, &entry.profile, &entry.token)), "token")?;
        Ok(Self { keys, tokens })
    }

    /// The directory's own rules. A user whom the same file makes counts as there.
    pub(super) async fn check(&self, rooms: &Rooms, users: &[UserEntry]) -> Result<(), Problem> {
        let (directory, now) = (&rooms.directory, rooms.engine.now());
        for RegistrationKeyEntry { place, profile, key } in &self.keys {
            rooms.of_profile(profile).map_err(|problem| place.of(problem))?;
            let checked = directory.check_registration_key(profile, key, now).await?;
            checked.map_err(|refused| place.wrong("key", refused))?;
        }
        for SessionTokenEntry { place, profile, user, token } in &self.tokens {
            rooms.check_token_profile(profile).map_err(|problem| place.of(problem))?;
            match directory.check_session_token(profile, user.subject(), token, now).await? {
                Ok(()) => {}
                Err(CredentialRefused::NoSuchUser) if users.iter().any(|made| made.new.username == *user) => {
                }
                Err(refused) => return Err(refusal(place, user, refused)),
            }
        }
        Ok(())
    }

    pub(super) async fn apply(self, rooms: &Rooms, report: &mut Report) -> Result<(), Problem> {
        let (directory, now) = (&rooms.directory, rooms.engine.now());
        for RegistrationKeyEntry { place, profile, key } in self.keys {
            let put = directory.put_registration_key(&profile, &key, now).await?;
            report.registration_keys.add(done(put.map_err(|refused| place.wrong("key", refused))?));
        }
        for SessionTokenEntry { place, profile, user, token } in self.tokens {
            let put = directory.put_session_token(&profile, user.subject(), &token, now).await?;
            report.session_tokens.add(done(put.map_err(|refused| refusal(&place, &user, refused))?));
        }
        Ok(())
    }
}

fn required(entry: &mut Value, field: &str, place: &Place) -> Result<Secret, Problem> {
    take_secret(entry, field, place)?.ok_or_else(|| place.wrong(field, "missing"))
}

fn refusal(place: &Place, user: &UserName, refused: CredentialRefused) -> Problem {
    match refused {
        CredentialRefused::NoSuchUser => place.wrong("user", format!("there is no user {user}")),
        CredentialRefused::Empty
        | CredentialRefused::TooLong { .. }
        | CredentialRefused::ForbiddenCharacter
        | CredentialRefused::BelongsToAnother
        | CredentialRefused::Ended => place.wrong("token", refused),
    }
}

/// One credential of a profile twice in a file is a slip, and with two users no order of them would be right.
fn once<'a>(
    entries: impl Iterator<Item = (&'a Place, &'a String, &'a Secret)>,
    field: &str,
) -> Result<(), Problem> {
    let mut known = BTreeSet::new();
    for (place, profile, credential) in entries {
        let digest = Digest::of(credential.expose().as_bytes()).to_base64url();
        if !known.insert((profile, digest)) {
            return Err(place.wrong(field, "it is in the file twice"));
        }
    }
    Ok(())
}
