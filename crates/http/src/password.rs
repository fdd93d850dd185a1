//! User names and passwords, wherever they come in.

use grantor_core::{Secret, SubjectId};
use grantor_directory::{DirectoryError, PasswordChange, PasswordRefused, User};

use crate::api::{ApiRequest, ApiStop};
use crate::source::Source;
use crate::throttle::Wait;
use crate::web::Shared;

/// What became of a login.
pub(crate) enum Verified {
    /// It is this user.
    Yes(User),
    /// The name or the password is wrong, and nobody is told which.
    No,
    /// It comes too soon after too many failures.
    TooMany(Wait),
}

/// Verifies a user name and a password. The try is counted before it is made, and taken back if it is none to count.
pub(crate) async fn check(
    app: &Shared,
    source: Source,
    username: &str,
    password: &Secret,
) -> Result<Verified, DirectoryError> {
    let now = app.engine.now();
    if let Some(throttle) = &app.logins
        && let Err(wait) = throttle.begin(source, username, now)
    {
        return Ok(Verified::TooMany(wait));
    }
    let verified = app.users()?.authenticate(username, password, now).await;
    let failed = matches!(verified, Ok(Err(_)));
    if let (Some(throttle), false) = (&app.logins, failed) {
        throttle.forgive(source, username, now);
    }
    Ok(match verified? {
        Ok(user) => Verified::Yes(user),
        Err(refused) => {
            // No name: what stands in its place may be a password.
            tracing::info!(reason = %refused.reason(), "a login was refused");
            Verified::No
        }
    })
}

/// What became of a change of a password.
pub(crate) enum Changed {
    /// It is the new one. The cookie is that of the session that goes on.
    Yes(Secret),
    /// It is what it was.
    No(PasswordRefused),
    /// It comes too soon after too many failures.
    TooMany(Wait),
}

/// Changes a person's password. To try current ones here is to try logins, so they are counted together.
pub(crate) async fn change(
    app: &Shared,
    source: Source,
    change: &PasswordChange<'_>,
) -> Result<Changed, DirectoryError> {
    let (now, lifetime, username) = (app.engine.now(), app.settings.session, change.user.as_str());
    if let Some(throttle) = &app.logins
        && let Err(wait) = throttle.begin(source, username, now)
    {
        return Ok(Changed::TooMany(wait));
    }
    let changed = app.users()?.change_password(change, now, lifetime).await;
    let failed = matches!(changed, Ok(Err(PasswordRefused::WrongPassword)));
    if let (Some(throttle), false) = (&app.logins, failed) {
        throttle.forgive(source, username, now);
    }
    Ok(match changed? {
        Ok((_, cookie)) => Changed::Yes(cookie),
        Err(refused) => Changed::No(refused),
    })
}

/// Verifies the resource owner's password of a token request (RFC 6749, section 4.3), for profiles that have that grant.
pub(crate) async fn verify(app: &Shared, request: &ApiRequest) -> Result<Option<SubjectId>, ApiStop> {
    let parameters = &request.parameters;
    let (username, password) =
        (parameters.required("username")?, Secret::new(parameters.required("password")?));
    match check(app, request.source, username, &password).await? {
        Verified::Yes(user) => Ok(Some(user.subject)),
        Verified::No => Ok(None),
        Verified::TooMany(wait) => Err(wait.into()),
    }
}
