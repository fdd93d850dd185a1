//! Logging in by user name and password.

use std::fmt;

use grantor_core::record::Expect;
use grantor_core::{Secret, Time};

use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::name::UserName;
use crate::observer::{DirectoryEvent, DirectoryRefusal};
use crate::user::{User, UserRecord, UserState};

/// A login that is refused. What it displays is one sentence for every reason, so that it can be shown; the reason is
/// for logs alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginRefused(LoginReason);

impl LoginRefused {
    /// A refusal for that reason.
    pub fn new(reason: LoginReason) -> Self {
        Self(reason)
    }

    /// The exact reason. Telling it to whoever logs in would tell him who exists.
    pub fn reason(&self) -> LoginReason {
        self.0
    }
}

impl fmt::Display for LoginRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the user name or the password is wrong")
    }
}

impl std::error::Error for LoginRefused {}

/// Why a login is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginReason {
    /// Nobody has that name, or can have it.
    UnknownUser,
    /// The user has no password.
    NoPassword,
    /// The password is another.
    WrongPassword,
    /// The password is right and the user is disabled.
    Disabled,
    /// There is no password, or one longer than any may be. Nothing was hashed, whoever the user is.
    ImpossiblePassword,
}

impl LoginReason {
    /// Its name, of a closed list.
    pub fn name(self) -> &'static str {
        match self {
            LoginReason::UnknownUser => "unknown_user",
            LoginReason::NoPassword => "no_password",
            LoginReason::WrongPassword => "wrong_password",
            LoginReason::Disabled => "disabled",
            LoginReason::ImpossiblePassword => "impossible_password",
        }
    }
}

impl fmt::Display for LoginReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LoginReason::UnknownUser => "unknown user",
            LoginReason::NoPassword => "the user has no password",
            LoginReason::WrongPassword => "wrong password",
            LoginReason::Disabled => "the user is disabled",
            LoginReason::ImpossiblePassword => "empty or overlong password",
        })
    }
}

impl Directory {
    /// The user of that name, or of that e-mail address where nobody has the name, if that is his password. Costs one hash whether or not the name exists. The first login
    /// with the right password after a change of [`HashCost`](crate::HashCost) costs a hash and a write more.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn authenticate(
        &self,
        username: &str,
        password: &Secret,
        _now: Time,
    ) -> Result<Result<User, LoginRefused>, DirectoryError> {
        let refuse_user = |user, reason| {
            self.observer.refused(&DirectoryRefusal::Login { user, reason });
            Ok(Err(LoginRefused(reason)))
        };
        let refuse = |reason| refuse_user(None, reason);
        if self.passwords.check(password).is_err() {
            return refuse(LoginReason::ImpossiblePassword);
        }
        let key = UserName::parse(username).ok().map(|name| UserRecord::key(name.subject()));
        let named = match &key {
            Some(key) => {
                self.records.read(key).await?.map(|(version, record)| (key.clone(), version, record))
            }
            None => None,
        };
        let found = match named {
            Some(named) => Some(named),
            None => match self.user_by_email(username).await? {
                Some(user) => {
                    let key = UserRecord::key(&user.subject);
                    self.records.read(&key).await?.map(|(version, record)| (key, version, record))
                }
                None => None,
            },
        };
        let hash = found.as_ref().and_then(|(_, _, record)| record.password.as_deref());
        let verified = self.passwords.verify(password, hash).await?;

        let Some((key, version, mut record)) = found else { return refuse(LoginReason::UnknownUser) };
        let Some(user) = record.user() else { return refuse(LoginReason::UnknownUser) };
        let refuse = |reason| refuse_user(Some(user.subject.clone()), reason);
        if record.password.is_none() {
            return refuse(LoginReason::NoPassword);
        }
        if !verified.matches {
            return refuse(LoginReason::WrongPassword);
        }
        match user.state {
            UserState::Disabled => return refuse(LoginReason::Disabled),
            UserState::Active => {}
        }
        if verified.outdated {
            record.password = Some(self.passwords.hash(password).await?);
            // If it fails, or somebody changes the user meanwhile, the old hash stays good until the next login.
            let _ = self.records.write(&key, Expect::Version(version), &record, None).await;
        }
        self.observer.happened(&DirectoryEvent::LoggedIn { user: user.subject.clone() });
        Ok(Ok(user))
    }
}
