//! Signing up: a person makes himself a user.

use grantor_core::{Secret, Time};

use crate::directory::Directory;
use crate::email::is_address;
use crate::error::DirectoryError;
use crate::name::UserName;
use crate::observer::{DirectoryEvent, DirectoryRefusal};
use crate::password::InvalidPassword;
use crate::user::{InvalidProfile, NewUser, Profile, TextProblem, User, UserRefused};

/// What a person enters to become a user. All of it comes straight from a form.
pub struct SignUp<'a> {
    /// The name he wants.
    pub username: &'a str,
    /// The password he chose.
    pub password: &'a Secret,
    /// His e-mail address. Nobody has checked that it is his own.
    pub email: &'a str,
}

/// Why a person is not made a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignUpRefused {
    /// People cannot sign up here.
    #[error("nobody can sign up here")]
    NotHere,
    /// The name is somebody's, was somebody's, or is none that one can choose: nobody is told which.
    #[error("this user name cannot be had; choose another, of letters, digits and . _ + -")]
    Name,
    /// There is no address, or it cannot be one.
    #[error("an e-mail address is needed, as in alice@example.com")]
    Email,
    /// The password has fewer than `min` characters.
    #[error("a password has at least {min} characters")]
    PasswordTooShort {
        /// The bound.
        min: usize,
    },
    /// The password cannot be one.
    #[error(transparent)]
    Password(#[from] InvalidPassword),
}

impl SignUpRefused {
    /// Its name, of a closed list.
    pub fn name(&self) -> &'static str {
        match self {
            SignUpRefused::NotHere => "not_here",
            SignUpRefused::Name => "name",
            SignUpRefused::Email => "email",
            SignUpRefused::PasswordTooShort { .. } => "password_too_short",
            SignUpRefused::Password(_) => "password",
        }
    }
}

impl Directory {
    /// Makes a person a user. Costs a hash whether or not the name is free.
    ///
    /// A name with an `@` is none that one can choose: it could be another's e-mail address, by which he logs in.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn sign_up(
        &self,
        new: &SignUp<'_>,
        now: Time,
    ) -> Result<Result<User, SignUpRefused>, DirectoryError> {
        let outcome = self.try_sign_up(new, now).await?;
        match &outcome {
            Ok(user) => self.observer.happened(&DirectoryEvent::SignedUp { user: user.subject.clone() }),
            Err(reason) => self.observer.refused(&DirectoryRefusal::SignUp { reason: *reason }),
        }
        Ok(outcome)
    }

    async fn try_sign_up(
        &self,
        new: &SignUp<'_>,
        now: Time,
    ) -> Result<Result<User, SignUpRefused>, DirectoryError> {
        let min = self.settings.limits.new_password_chars;
        if new.password.expose().chars().count() < min {
            return Ok(Err(SignUpRefused::PasswordTooShort { min }));
        }
        if !is_address(new.email) {
            return Ok(Err(SignUpRefused::Email));
        }
        let name = UserName::parse(new.username).ok().filter(|name| !name.as_str().contains('@'));
        let Some(username) = name else { return Ok(Err(SignUpRefused::Name)) };
        let profile = Profile { email: Some(new.email.to_owned()), ..Profile::default() };
        let new = NewUser { username, password: Some(new.password.clone()), profile };
        Ok(self.create_user(&new, now).await?.map_err(|refused| match refused {
            UserRefused::NameTaken
            | UserRefused::NameRetired
            | UserRefused::NoSuchUser
            | UserRefused::LastAdministrator => SignUpRefused::Name,
            UserRefused::InvalidPassword(invalid) => invalid.into(),
            UserRefused::InvalidProfile(InvalidProfile {
                field: _,
                problem: TextProblem::TooLong { .. } | TextProblem::ControlCharacter | TextProblem::Repeated,
            }) => SignUpRefused::Email,
        }))
    }
}
