//! The sections `registration_keys` and `session_tokens`: credentials that guard the registration resource of a profile.

use grantor_directory::{CredentialRefused, UserName};

use super::file::{Parsed, RegistrationKeyEntry, SessionTokenEntry};
use super::{Report, done};
use crate::failure::Failure;
use crate::profiles;
use crate::wiring::House;

/// The directory's own rules. A user whom the same file makes counts as there.
pub(super) async fn check(house: &House, parsed: &Parsed) -> Result<(), String> {
    let (directory, now) = (&house.directory, house.engine.now());
    for RegistrationKeyEntry { place, profile, key } in &parsed.registration_keys {
        profiles::check_name(house, profile).map_err(|why| format!("{place}.profile: {why}"))?;
        let checked = directory.check_registration_key(profile, key, now).await;
        checked.map_err(|e| e.to_string())?.map_err(|e| format!("{place}.key: {e}"))?;
    }
    for SessionTokenEntry { place, profile, user, token } in &parsed.session_tokens {
        profiles::check_name(house, profile).map_err(|why| format!("{place}.profile: {why}"))?;
        let checked = directory.check_session_token(profile, user.subject(), token, now).await;
        match checked.map_err(|e| e.to_string())? {
            Ok(()) => {}
            Err(CredentialRefused::NoSuchUser)
                if parsed.users.iter().any(|made| made.new.username == *user) => {}
            Err(refused) => return Err(refusal(place, user, refused)),
        }
    }
    Ok(())
}

pub(super) async fn apply(
    house: &House,
    keys: Vec<RegistrationKeyEntry>,
    tokens: Vec<SessionTokenEntry>,
    report: &mut Report,
) -> Result<(), Failure> {
    let (directory, now) = (&house.directory, house.engine.now());
    for RegistrationKeyEntry { place, profile, key } in keys {
        let put = directory.put_registration_key(&profile, &key, now).await?;
        let put = put.map_err(|e| Failure::failed(format!("{place}.key: {e}")))?;
        report.registration_keys.add(done(put));
    }
    for SessionTokenEntry { place, profile, user, token } in tokens {
        let put = directory.put_session_token(&profile, user.subject(), &token, now).await?;
        let put = put.map_err(|e| Failure::failed(refusal(&place, &user, e)))?;
        report.session_tokens.add(done(put));
    }
    Ok(())
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
