//! What the HTTP room needs to know of users, and nothing more.

use async_trait::async_trait;
use grantor_core::{AccountId, Lifetime, Secret, SubjectId, Time};

use crate::account::{Account, ActsFor};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::login::LoginRefused;
use crate::own_sessions::SessionList;
use crate::password_change::{PasswordChange, PasswordRefused};
use crate::session::{Session, SessionId};
use crate::signup::{SignUp, SignUpRefused};
use crate::user::User;

/// Who may log in, and whose browser this is. [`Directory`] is one; whoever has users already writes another.
///
/// The sentences to keep:
///
/// 1. A subject is one person for ever: it is never given to another.
/// 2. A refusal looks the same, and takes as long, whoever it concerns.
/// 3. A session that has ended is never found again, and [`start_session`](UserDirectory::start_session) ends the one
///    it replaces.
/// 4. What cannot be found out is an error, and never an answer.
///
/// Whoever has no accounts, session tokens or registration keys, keeps no list of sessions, or has passwords changed
/// elsewhere, leaves what speaks of them as it is: then there are none.
#[async_trait]
pub trait UserDirectory: Send + Sync + 'static {
    /// The user whom this name and this password name. Both come straight from a form.
    ///
    /// # Errors
    /// [`DirectoryError`] if that cannot be found out.
    async fn authenticate(
        &self,
        username: &str,
        password: &Secret,
        now: Time,
    ) -> Result<Result<User, LoginRefused>, DirectoryError>;

    /// Makes a person a user, with what he entered. Nobody can sign up here, unless told.
    ///
    /// # Errors
    /// [`DirectoryError`] if he may have become one or not.
    async fn sign_up(
        &self,
        _new: &SignUp<'_>,
        _now: Time,
    ) -> Result<Result<User, SignUpRefused>, DirectoryError> {
        Ok(Err(SignUpRefused::NotHere))
    }

    /// The user who is this subject, if there is one.
    ///
    /// # Errors
    /// [`DirectoryError`] if that cannot be found out.
    async fn user(&self, subject: &SubjectId) -> Result<Option<User>, DirectoryError>;

    /// The account, if there is one. A deleted account is none, and its id is never another's.
    ///
    /// # Errors
    /// [`DirectoryError`] if that cannot be found out.
    async fn account(&self, _id: &AccountId) -> Result<Option<Account>, DirectoryError> {
        Ok(None)
    }

    /// The accounts that a user may act for now, and as what: his memberships without those that name no account. Costs
    /// an [`account`](UserDirectory::account) for each.
    ///
    /// # Errors
    /// [`DirectoryError`] if that cannot be found out.
    async fn accounts_of(&self, user: &User) -> Result<Vec<ActsFor>, DirectoryError> {
        let mut found = Vec::with_capacity(user.profile.accounts.len());
        for membership in &user.profile.accounts {
            let account = self.account(&membership.id).await?;
            found.extend(account.map(|account| ActsFor { account, role: membership.role.clone() }));
        }
        Ok(found)
    }

    /// The user whom a session token acts for at a profile, as he is now. One of another profile, one that ended or ran
    /// out, or whose user may not log in, acts for nobody.
    ///
    /// # Errors
    /// [`DirectoryError`] if that cannot be found out.
    async fn session_token_user(
        &self,
        _profile: &str,
        _token: &Secret,
        _now: Time,
    ) -> Result<Option<User>, DirectoryError> {
        Ok(None)
    }

    /// Whether whoever sends this key may register applications at a profile.
    ///
    /// # Errors
    /// [`DirectoryError`] if that cannot be found out.
    async fn is_registration_key(
        &self,
        _profile: &str,
        _key: &Secret,
        _now: Time,
    ) -> Result<bool, DirectoryError> {
        Ok(false)
    }

    /// Starts a session for a user who has just logged in, in place of the one whose cookie the browser sent, and gives
    /// the new cookie's value. `user_agent` is what the browser says of itself, as it was sent.
    ///
    /// # Errors
    /// [`DirectoryError`] if it cannot.
    async fn start_session(
        &self,
        user: &User,
        replaces: Option<&Secret>,
        user_agent: Option<&str>,
        now: Time,
        lifetime: Lifetime,
    ) -> Result<(Session, Secret), DirectoryError>;

    /// The live session of a cookie.
    ///
    /// # Errors
    /// [`DirectoryError`] if that cannot be found out.
    async fn find_session(&self, cookie: &Secret, now: Time) -> Result<Option<Session>, DirectoryError>;

    /// Ends the session of a cookie, if there is one.
    ///
    /// # Errors
    /// [`DirectoryError`] if it may still be alive.
    async fn end_session(&self, cookie: &Secret) -> Result<(), DirectoryError>;

    /// A person's live sessions, the newest first.
    ///
    /// # Errors
    /// [`DirectoryError`] if they cannot be found out.
    async fn sessions(&self, _subject: &SubjectId, _now: Time) -> Result<SessionList, DirectoryError> {
        Ok(SessionList::default())
    }

    /// Ends one session of a person. Tells whether there was such a one; one that is another's is none.
    ///
    /// # Errors
    /// [`DirectoryError`] if it may still be alive.
    async fn end_session_of(&self, _subject: &SubjectId, _id: SessionId) -> Result<bool, DirectoryError> {
        Ok(false)
    }

    /// Ends all sessions of a person but the one of this cookie, those just being started included. Tells whether it did.
    ///
    /// # Errors
    /// [`DirectoryError`] if some may still be alive.
    async fn end_other_sessions(
        &self,
        _subject: &SubjectId,
        _keep: &Secret,
        _now: Time,
    ) -> Result<bool, DirectoryError> {
        Ok(false)
    }

    /// Ends all sessions of a person, those just being started included. Tells whether it did.
    ///
    /// # Errors
    /// [`DirectoryError`] if some may still be alive.
    async fn end_all_sessions(&self, _subject: &SubjectId) -> Result<bool, DirectoryError> {
        Ok(false)
    }

    /// Whether a person has a password that he can change here.
    ///
    /// # Errors
    /// [`DirectoryError`] if that cannot be found out.
    async fn has_password(&self, _subject: &SubjectId) -> Result<bool, DirectoryError> {
        Ok(false)
    }

    /// Changes a person's password on proof of the one he has, ends all his sessions, and starts one in place of the one he
    /// does it in, of which it gives the new cookie's value. How often it may be tried is for the caller to bound.
    ///
    /// # Errors
    /// [`DirectoryError`] if the password may be the new one or not.
    async fn change_password(
        &self,
        _change: &PasswordChange<'_>,
        _now: Time,
        _lifetime: Lifetime,
    ) -> Result<Result<(Session, Secret), PasswordRefused>, DirectoryError> {
        Ok(Err(PasswordRefused::NotHere))
    }
}

#[async_trait]
impl UserDirectory for Directory {
    async fn authenticate(
        &self,
        username: &str,
        password: &Secret,
        now: Time,
    ) -> Result<Result<User, LoginRefused>, DirectoryError> {
        Directory::authenticate(self, username, password, now).await
    }

    async fn sign_up(
        &self,
        new: &SignUp<'_>,
        now: Time,
    ) -> Result<Result<User, SignUpRefused>, DirectoryError> {
        Directory::sign_up(self, new, now).await
    }

    async fn user(&self, subject: &SubjectId) -> Result<Option<User>, DirectoryError> {
        Directory::user(self, subject).await
    }

    async fn account(&self, id: &AccountId) -> Result<Option<Account>, DirectoryError> {
        Directory::account(self, id).await
    }

    async fn session_token_user(
        &self,
        profile: &str,
        token: &Secret,
        now: Time,
    ) -> Result<Option<User>, DirectoryError> {
        Directory::session_token_user(self, profile, token, now).await
    }

    async fn is_registration_key(
        &self,
        profile: &str,
        key: &Secret,
        now: Time,
    ) -> Result<bool, DirectoryError> {
        Directory::is_registration_key(self, profile, key, now).await
    }

    async fn start_session(
        &self,
        user: &User,
        replaces: Option<&Secret>,
        user_agent: Option<&str>,
        now: Time,
        lifetime: Lifetime,
    ) -> Result<(Session, Secret), DirectoryError> {
        Directory::start_session(self, user, replaces, user_agent, now, lifetime).await
    }

    async fn find_session(&self, cookie: &Secret, now: Time) -> Result<Option<Session>, DirectoryError> {
        Directory::find_session(self, cookie, now).await
    }

    async fn end_session(&self, cookie: &Secret) -> Result<(), DirectoryError> {
        Directory::end_session(self, cookie).await
    }

    async fn sessions(&self, subject: &SubjectId, now: Time) -> Result<SessionList, DirectoryError> {
        Directory::sessions(self, subject, now).await
    }

    async fn end_session_of(&self, subject: &SubjectId, id: SessionId) -> Result<bool, DirectoryError> {
        Directory::end_session_of(self, subject, id).await
    }

    async fn end_other_sessions(
        &self,
        subject: &SubjectId,
        keep: &Secret,
        now: Time,
    ) -> Result<bool, DirectoryError> {
        Directory::end_other_sessions(self, subject, keep, now).await
    }

    async fn end_all_sessions(&self, subject: &SubjectId) -> Result<bool, DirectoryError> {
        Ok(Directory::end_all_sessions(self, subject).await?.is_ok())
    }

    async fn has_password(&self, subject: &SubjectId) -> Result<bool, DirectoryError> {
        Directory::has_password(self, subject).await
    }

    async fn change_password(
        &self,
        change: &PasswordChange<'_>,
        now: Time,
        lifetime: Lifetime,
    ) -> Result<Result<(Session, Secret), PasswordRefused>, DirectoryError> {
        Directory::change_password(self, change, now, lifetime).await
    }
}
