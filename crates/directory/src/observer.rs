//! Who is told what happened to users and their sessions.

use grantor_core::SubjectId;
use serde::Serialize;

use crate::login::LoginReason;
use crate::password_change::PasswordRefused;
use crate::session::SessionId;
use crate::signup::SignUpRefused;

/// A fact for audit trails and figures. It holds names of users who exist, never secrets, and nothing that somebody
/// typed: what stands where a name should may be a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum DirectoryEvent {
    /// Somebody gave a user's name and password, wherever that is asked for.
    LoggedIn {
        /// Who.
        user: SubjectId,
    },
    /// A person made himself a user.
    SignedUp {
        /// Who.
        user: SubjectId,
    },
    /// A session was started in a browser.
    SessionStarted {
        /// Whose.
        user: SubjectId,
        /// Which.
        session: SessionId,
    },
    /// One session was ended.
    SessionEnded {
        /// Whose.
        user: SubjectId,
        /// Which.
        session: SessionId,
    },
    /// All sessions of a user but one were ended.
    OtherSessionsEnded {
        /// Whose.
        user: SubjectId,
        /// The one that goes on.
        kept: SessionId,
    },
    /// All sessions of a user were ended.
    AllSessionsEnded {
        /// Whose.
        user: SubjectId,
    },
    /// A person changed his own password. All his sessions ended.
    PasswordChanged {
        /// Who.
        user: SubjectId,
    },
    /// A user was given another password. All his sessions ended.
    PasswordSet {
        /// Who.
        user: SubjectId,
    },
}

impl DirectoryEvent {
    /// Its name, of a closed list: for figures.
    pub fn name(&self) -> &'static str {
        match self {
            DirectoryEvent::LoggedIn { .. } => "logged_in",
            DirectoryEvent::SignedUp { .. } => "signed_up",
            DirectoryEvent::SessionStarted { .. } => "session_started",
            DirectoryEvent::SessionEnded { .. } => "session_ended",
            DirectoryEvent::OtherSessionsEnded { .. } => "other_sessions_ended",
            DirectoryEvent::AllSessionsEnded { .. } => "all_sessions_ended",
            DirectoryEvent::PasswordChanged { .. } => "password_changed",
            DirectoryEvent::PasswordSet { .. } => "password_set",
        }
    }

    /// Whom it concerns.
    pub fn user(&self) -> &SubjectId {
        match self {
            DirectoryEvent::LoggedIn { user }
            | DirectoryEvent::SignedUp { user }
            | DirectoryEvent::SessionStarted { user, .. }
            | DirectoryEvent::SessionEnded { user, .. }
            | DirectoryEvent::OtherSessionsEnded { user, .. }
            | DirectoryEvent::AllSessionsEnded { user }
            | DirectoryEvent::PasswordChanged { user }
            | DirectoryEvent::PasswordSet { user } => user,
        }
    }
}

/// What a person asked for and was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryRefusal {
    /// A login.
    Login {
        /// The user who was named, if there is such a user.
        user: Option<SubjectId>,
        /// Why.
        reason: LoginReason,
    },
    /// To become a user.
    SignUp {
        /// Why.
        reason: SignUpRefused,
    },
    /// A change of his own password.
    PasswordChange {
        /// Who asked.
        user: SubjectId,
        /// Why.
        reason: PasswordRefused,
    },
}

impl DirectoryRefusal {
    /// What was asked for, of a closed list: for figures.
    pub fn operation(&self) -> &'static str {
        match self {
            DirectoryRefusal::Login { .. } => "login",
            DirectoryRefusal::SignUp { .. } => "sign_up",
            DirectoryRefusal::PasswordChange { .. } => "password_change",
        }
    }

    /// Why, as one word of a closed list: for figures and filters.
    pub fn reason(&self) -> &'static str {
        match self {
            DirectoryRefusal::Login { user: _, reason } => reason.name(),
            DirectoryRefusal::SignUp { reason } => reason.name(),
            DirectoryRefusal::PasswordChange { user: _, reason } => reason.name(),
        }
    }

    /// Whom it concerns, as far as there is such a user.
    pub fn user(&self) -> Option<&SubjectId> {
        match self {
            DirectoryRefusal::Login { user, .. } => user.as_ref(),
            DirectoryRefusal::SignUp { .. } => None,
            DirectoryRefusal::PasswordChange { user, .. } => Some(user),
        }
    }
}

/// Is told what happened, once it stands. It must not block: a login that took longer for one who exists would tell so.
pub trait DirectoryObserver: Send + Sync + 'static {
    /// Something was found right, or was written.
    fn happened(&self, event: &DirectoryEvent);

    /// A person was refused.
    fn refused(&self, refusal: &DirectoryRefusal);
}

/// Nobody is told.
impl DirectoryObserver for () {
    fn happened(&self, _event: &DirectoryEvent) {}

    fn refused(&self, _refusal: &DirectoryRefusal) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_as_it_is_named_and_names_whom_it_concerns() {
        let user = SubjectId::parse("alice").unwrap();
        let session = SessionId::of(&grantor_core::Secret::new("gra_ss_x"));
        for event in [
            DirectoryEvent::LoggedIn { user: user.clone() },
            DirectoryEvent::SignedUp { user: user.clone() },
            DirectoryEvent::SessionStarted { user: user.clone(), session },
            DirectoryEvent::SessionEnded { user: user.clone(), session },
            DirectoryEvent::OtherSessionsEnded { user: user.clone(), kept: session },
            DirectoryEvent::AllSessionsEnded { user: user.clone() },
            DirectoryEvent::PasswordChanged { user: user.clone() },
            DirectoryEvent::PasswordSet { user: user.clone() },
        ] {
            let told = serde_json::to_value(&event).unwrap();
            assert_eq!((&told["event"], &told["user"]), (&event.name().into(), &"alice".into()));
            assert_eq!(event.user(), &user);
        }
    }
}
