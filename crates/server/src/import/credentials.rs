//! The sections `registration_keys` and `session_tokens`: credentials that guard the registration resource of a profile.

use std::collections::BTreeSet;

use grantor_core::{Digest, Secret};
use grantor_directory::{CredentialRefused, UserName};
use serde::Deserialize;
use serde_json::Value;

use super::{Report, UserEntry, done, take_secret, typed};
use crate::failure::Failure;
use crate::profiles;
use crate::wiring::House;

/// What a file says of them.
pub(super) struct Credentials {
    keys: Vec<RegistrationKeyEntry>,
    tokens: Vec<SessionTokenEntry>,
}

struct RegistrationKeyEntry {
    place: String,
    profile: String,
    key: Secret,
}

struct SessionTokenEntry {
    place: String,
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
    pub(super) fn parse(keys: Vec<Value>, tokens: Vec<Value>) -> Result<Self, String> {
        let parse = |(at, mut entry)| {
            let place = format!("registration_keys[{at}]");
            let key = required(&mut entry, "key", &place)?;
            let OfProfile { profile } = typed(&place, entry)?;
            Ok(RegistrationKeyEntry { place, profile, key })
        };
        let keys = keys.into_iter().enumerate().map(parse).collect::<Result<Vec<_>, String>>()?;
        let parse = |(at, mut entry)| {
            let place = format!("session_tokens[{at}]");
            let token = required(&mut entry, "token", &place)?;
            let OfUser { profile, user } = typed(&place, entry)?;
            Ok(SessionTokenEntry { place, profile, user, token })
        };
        let tokens = tokens.into_iter().enumerate().map(parse).collect::<Result<Vec<_>, String>>()?;
        once(keys.iter().map(|entry| (&entry.place, &entry.profile, &entry.key)), "key")?;
        once(tokens.iter().map(|entry| (&entry.place, &entry.profile, &entry.token)), "token")?;
        Ok(Self { keys, tokens })
    }

    /// The directory's own rules. A user whom the same file makes counts as there.
    pub(super) async fn check(&self, house: &House, users: &[UserEntry]) -> Result<(), String> {
        let (directory, now) = (&house.directory, house.engine.now());
        for RegistrationKeyEntry { place, profile, key } in &self.keys {
            profiles::check_name(house, profile).map_err(|why| format!("{place}.profile: {why}"))?;
            let checked = directory.check_registration_key(profile, key, now).await;
            checked.map_err(|e| e.to_string())?.map_err(|e| format!("{place}.key: {e}"))?;
        }
        for SessionTokenEntry { place, profile, user, token } in &self.tokens {
            profiles::check_name(house, profile).map_err(|why| format!("{place}.profile: {why}"))?;
            let checked = directory.check_session_token(profile, user.subject(), token, now).await;
            match checked.map_err(|e| e.to_string())? {
                Ok(()) => {}
                Err(CredentialRefused::NoSuchUser) if users.iter().any(|made| made.new.username == *user) => {
                }
                Err(refused) => return Err(refusal(place, user, refused)),
            }
        }
        Ok(())
    }

    pub(super) async fn apply(self, house: &House, report: &mut Report) -> Result<(), Failure> {
        let (directory, now) = (&house.directory, house.engine.now());
        for RegistrationKeyEntry { place, profile, key } in self.keys {
            let put = directory.put_registration_key(&profile, &key, now).await?;
            let put = put.map_err(|e| Failure::failed(format!("{place}.key: {e}")))?;
            report.registration_keys.add(done(put));
        }
        for SessionTokenEntry { place, profile, user, token } in self.tokens {
            let put = directory.put_session_token(&profile, user.subject(), &token, now).await?;
            let put = put.map_err(|e| Failure::failed(refusal(&place, &user, e)))?;
            report.session_tokens.add(done(put));
        }
        Ok(())
    }
}

fn required(entry: &mut Value, field: &str, place: &str) -> Result<Secret, String> {
    take_secret(entry, field, place)?.ok_or_else(|| format!("{place}.{field}: missing"))
}

fn refusal(place: &str, user: &UserName, refused: CredentialRefused) -> String {
    match refused {
        CredentialRefused::NoSuchUser => format!("{place}.user: there is no user {user}"),
        CredentialRefused::Empty
        | CredentialRefused::TooLong { .. }
        | CredentialRefused::ForbiddenCharacter
        | CredentialRefused::BelongsToAnother
        | CredentialRefused::Ended => format!("{place}.token: {refused}"),
    }
}

/// One credential of a profile twice in a file is a slip, and with two users no order of them would be right.
fn once<'a>(
    entries: impl Iterator<Item = (&'a String, &'a String, &'a Secret)>,
    field: &str,
) -> Result<(), String> {
    let mut known = BTreeSet::new();
    for (place, profile, credential) in entries {
        let digest = Digest::of(credential.expose().as_bytes()).to_base64url();
        if !known.insert((profile, digest)) {
            return Err(format!("{place}.{field}: it is in the file twice"));
        }
    }
    Ok(())
}
