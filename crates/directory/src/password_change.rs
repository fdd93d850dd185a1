//! A person changes his own password.

use grantor_core::{Lifetime, Secret, SubjectId, Time};

use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::observer::{DirectoryEvent, DirectoryRefusal};
use crate::password::InvalidPassword;
use crate::session::Session;
use crate::user::{User, UserRecord};

/// What a person enters to change his password, and where.
pub struct PasswordChange<'a> {
    /// Who he is.
    pub user: &'a SubjectId,
    /// The password he has.
    pub current: &'a Secret,
    /// The password he wants.
    pub new: &'a Secret,
    /// The cookie of the session he does it in.
    pub cookie: &'a Secret,
}

/// Why a person's password is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// Passwords are not changed here.
    #[error("passwords cannot be changed here")]
    NotHere,
    /// He has none that could be given as the current one.
    #[error("there is no password to change")]
    NoPassword,
    /// The current password is another.
    #[error("the current password is wrong")]
    WrongPassword,
    /// The new password has fewer than `min` characters.
    #[error("a password has at least {min} characters")]
    TooShort {
        /// The bound.
        min: usize,
    },
    /// The new password cannot be one.
    #[error(transparent)]
    Invalid(#[from] InvalidPassword),
    /// His session has ended, and so has what let him ask.
    #[error("the session has ended")]
    SessionEnded,
}

impl PasswordRefused {
    /// Its name, of a closed list.
    pub fn name(&self) -> &'static str {
        match self {
            PasswordRefused::NotHere => "not_here",
            PasswordRefused::NoPassword => "no_password",
            PasswordRefused::WrongPassword => "wrong_password",
            PasswordRefused::TooShort { .. } => "password_too_short",
            PasswordRefused::Invalid(_) => "password",
            PasswordRefused::SessionEnded => "session_ended",
        }
    }
}

impl Directory {
    /// Whether a user has a password.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn has_password(&self, subject: &SubjectId) -> Result<bool, DirectoryError> {
        let record = self.records.read(&UserRecord::key(subject)).await?;
        Ok(record.is_some_and(|(_, record)| record.password.is_some()))
    }

    /// Changes a person's password on proof of the one he has, ends all his sessions, those just being started included, and
    /// starts one in place of the one he does it in: its old cookie is worth nothing afterwards, be it stolen or fixed.
    /// Trying passwords by this costs a hash each, and how often it may be tried is for the caller to bound.
    ///
    /// # Errors
    /// [`DirectoryError`]. The password may be the new one then, and all his sessions over.
    pub async fn change_password(
        &self,
        change: &PasswordChange<'_>,
        now: Time,
        lifetime: Lifetime,
    ) -> Result<Result<(Session, Secret), PasswordRefused>, DirectoryError> {
        let Some((session, agent)) = self.live_session(change.cookie, now).await? else {
            return Ok(Err(self.refuse_change(change, PasswordRefused::SessionEnded)));
        };
        let user = match self.write_new_password(change, &session.user).await? {
            Ok(user) => user,
            Err(refused) => return Ok(Err(self.refuse_change(change, refused))),
        };
        self.observer.happened(&DirectoryEvent::PasswordChanged { user: user.subject.clone() });
        self.start_session(&user, Some(change.cookie), agent.as_deref(), now, lifetime).await.map(Ok)
    }

    async fn write_new_password(
        &self,
        change: &PasswordChange<'_>,
        user: &User,
    ) -> Result<Result<User, PasswordRefused>, DirectoryError> {
        let min = self.settings.limits.new_password_chars;
        if user.subject != *change.user {
            return Ok(Err(PasswordRefused::SessionEnded));
        }
        if change.new.expose().chars().count() < min {
            return Ok(Err(PasswordRefused::TooShort { min }));
        }
        if let Err(invalid) = self.passwords.check(change.new) {
            return Ok(Err(invalid.into()));
        }
        let record = self.records.read(&UserRecord::key(change.user)).await?;
        let Some(hash) = record.and_then(|(_, record)| record.password) else {
            return Ok(Err(PasswordRefused::NoPassword));
        };
        let possible = self.passwords.check(change.current).is_ok();
        if !possible || !self.passwords.verify(change.current, Some(&hash)).await?.matches {
            return Ok(Err(PasswordRefused::WrongPassword));
        }
        let hash = self.passwords.hash(change.new).await?;
        // Another password, since that one was compared, would be another generation.
        let edited = self.edit_within(user, |record| record.set_password(hash.clone())).await?;
        Ok(edited.ok_or(PasswordRefused::SessionEnded))
    }

    fn refuse_change(&self, change: &PasswordChange<'_>, reason: PasswordRefused) -> PasswordRefused {
        self.observer.refused(&DirectoryRefusal::PasswordChange { user: change.user.clone(), reason });
        reason
    }
}
