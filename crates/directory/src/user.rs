//! A user: what is known of him, what is stored, and why a change of it is refused.

use grantor_core::record::{Format, Key, Kind, Record};
use grantor_core::{AccountId, Limits, Secret, SubjectId, Time};
use serde::{Deserialize, Serialize};

use crate::name::UserName;
use crate::password::InvalidPassword;

/// A person who can log in. Of his password it holds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// Who: the `sub` of his tokens, and in the embedded directory his user name.
    #[serde(rename = "username")]
    pub subject: SubjectId,
    /// What is known of him.
    #[serde(flatten)]
    pub profile: Profile,
    /// Whether he may log in.
    pub state: UserState,
    /// Since when he exists.
    pub created_at: Time,
    #[serde(skip)]
    pub(crate) generation: u64,
}

impl User {
    pub(crate) fn is_active_admin(&self) -> bool {
        self.profile.admin && self.state == UserState::Active
    }

    /// An active user of an embedder's own directory.
    pub fn new(subject: SubjectId, profile: Profile, created_at: Time) -> Self {
        Self { subject, profile, state: UserState::Active, created_at, generation: 0 }
    }
}

/// What is known of a user and may change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// His e-mail address.
    pub email: Option<String>,
    /// His name, for people to read.
    pub name: Option<String>,
    /// Where his picture is.
    pub avatar: Option<String>,
    /// Whether he administers this server.
    pub admin: bool,
    /// The accounts he may act for. That there are such accounts nobody has checked: see [`Membership`].
    pub accounts: Vec<Membership>,
}

impl Profile {
    /// What an old session must not carry over into.
    pub(crate) fn privileges(&self) -> (bool, &[Membership]) {
        (self.admin, &self.accounts)
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), InvalidProfile> {
        let roles = self.accounts.iter().map(|m| ("role", Some(&m.role)));
        let texts = [("email", &self.email), ("name", &self.name), ("avatar", &self.avatar)];
        for (field, text) in texts.map(|(field, text)| (field, text.as_ref())).into_iter().chain(roles) {
            check_text(field, text, limits)?;
        }
        let mut ids: Vec<_> = self.accounts.iter().map(|m| &m.id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(InvalidProfile { field: "accounts", problem: TextProblem::Repeated });
        }
        Ok(())
    }
}

/// The bounds of a text that people read.
pub(crate) fn check_text(
    field: &'static str,
    text: Option<&String>,
    limits: &Limits,
) -> Result<(), InvalidProfile> {
    let Some(text) = text else { return Ok(()) };
    let max = limits.display_text_bytes;
    if text.len() > max {
        return Err(InvalidProfile { field, problem: TextProblem::TooLong { max } });
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidProfile { field, problem: TextProblem::ControlCharacter });
    }
    Ok(())
}

/// That a user may act for an account, and as what, **if there is such an account**: one that names none, or a deleted
/// one, is kept and gives nothing. It is not refused, since users and accounts come in any order, and an embedder may
/// keep either elsewhere. [`UserDirectory::accounts_of`](crate::UserDirectory::accounts_of) leaves such out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The account.
    pub id: AccountId,
    /// His role there.
    pub role: String,
}

/// Whether a user may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// He may.
    Active,
    /// He may not until he is enabled again.
    Disabled,
}

/// A user to create or import.
#[derive(Clone)]
pub struct NewUser {
    /// His name, once and for all.
    pub username: UserName,
    /// His password; without one he cannot log in by password.
    pub password: Option<Secret>,
    /// What is known of him.
    pub profile: Profile,
}

/// Why a change of a user is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserRefused {
    /// There is no user of that name.
    #[error("there is no user of that name")]
    NoSuchUser,
    /// Somebody has that name.
    #[error("the user name is taken")]
    NameTaken,
    /// Somebody had that name.
    #[error(
        "the user name belonged to a deleted user and is not given again: old tokens and log lines that name it would \
         speak of the new user"
    )]
    NameRetired,
    /// Without him nobody could administer this server.
    #[error("this is the last administrator; make another user one first")]
    LastAdministrator,
    /// The password cannot be one.
    #[error(transparent)]
    InvalidPassword(#[from] InvalidPassword),
    /// The profile cannot be one.
    #[error(transparent)]
    InvalidProfile(#[from] InvalidProfile),
}

/// What is wrong with a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct InvalidProfile {
    /// The field, by its name in the import file.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: TextProblem,
}

/// What is wrong with a text of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextProblem {
    /// It is longer than `max` bytes.
    #[error("has more than {max} bytes")]
    TooLong {
        /// The bound.
        max: usize,
    },
    /// It has a line break or another control character.
    #[error("has a control character")]
    ControlCharacter,
    /// One account is named twice, so which role holds cannot be told.
    #[error("names an account twice")]
    Repeated,
}

/// A user as stored. It is the only type here that holds a password's hash, and it has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserRecord {
    v: Format<1>,
    username: UserName,
    pub(crate) password: Option<String>,
    email: Option<String>,
    name: Option<String>,
    avatar: Option<String>,
    admin: bool,
    accounts: Vec<Membership>,
    created_at: Time,
    state: StoredState,
    /// Counts what ends all sessions. A session is alive only in the generation it was started in, so one
    /// compare-and-set here ends every one of them, those just being started included.
    generation: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredState {
    Active,
    Disabled,
    Deleted,
}

impl Record for UserRecord {
    const KIND: Kind = Kind::User;
}

impl UserRecord {
    pub(crate) fn key(subject: &SubjectId) -> Key<UserRecord> {
        Key::of(subject.as_str())
    }

    pub(crate) fn new(
        username: UserName,
        password: Option<String>,
        profile: Profile,
        created_at: Time,
    ) -> Self {
        let Profile { email, name, avatar, admin, accounts } = profile;
        let (state, generation) = (StoredState::Active, 0);
        Self {
            v: Format,
            username,
            password,
            email,
            name,
            avatar,
            admin,
            accounts,
            created_at,
            state,
            generation,
        }
    }

    /// The user, unless only his tombstone is left.
    pub(crate) fn user(&self) -> Option<User> {
        let state = match self.state {
            StoredState::Active => UserState::Active,
            StoredState::Disabled => UserState::Disabled,
            StoredState::Deleted => return None,
        };
        Some(User {
            subject: self.username.subject().clone(),
            profile: self.profile(),
            state,
            created_at: self.created_at,
            generation: self.generation,
        })
    }

    pub(crate) fn subject(&self) -> &SubjectId {
        self.username.subject()
    }

    pub(crate) fn is_active_admin(&self) -> bool {
        self.admin && self.state == StoredState::Active
    }

    /// Whether he may log in and no session of that generation has been ended with all others.
    pub(crate) fn is_active_in(&self, generation: u64) -> bool {
        self.state == StoredState::Active && self.generation == generation
    }

    pub(crate) fn profile(&self) -> Profile {
        Profile {
            email: self.email.clone(),
            name: self.name.clone(),
            avatar: self.avatar.clone(),
            admin: self.admin,
            accounts: self.accounts.clone(),
        }
    }

    /// Replaces the profile. A change of privileges ends all sessions: one that was stolen, or fixed in a browser,
    /// while it was worth little must not become worth much.
    pub(crate) fn set_profile(&mut self, profile: Profile) {
        if self.profile().privileges() != profile.privileges() {
            self.end_sessions();
        }
        let Profile { email, name, avatar, admin, accounts } = profile;
        (self.email, self.name, self.avatar, self.admin, self.accounts) =
            (email, name, avatar, admin, accounts);
    }

    pub(crate) fn set_password(&mut self, hash: String) {
        self.password = Some(hash);
        self.end_sessions();
    }

    pub(crate) fn set_state(&mut self, state: UserState) {
        let state = match state {
            UserState::Active => StoredState::Active,
            UserState::Disabled => StoredState::Disabled,
        };
        if self.state != state {
            self.state = state;
            self.end_sessions();
        }
    }

    /// Leaves the name and no personal data, for ever.
    pub(crate) fn bury(&mut self) {
        let bare = Self::new(self.username.clone(), None, Profile::default(), self.created_at);
        *self = Self { state: StoredState::Deleted, generation: self.generation, ..bare };
        self.end_sessions();
    }

    pub(crate) fn end_sessions(&mut self) {
        self.generation += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::record::{decode, encode};

    fn alice() -> UserRecord {
        let membership = Membership { id: AccountId::parse("35").unwrap(), role: "manager".to_owned() };
        let profile = Profile {
            email: Some("alice@example.test".to_owned()),
            name: Some("Alice".to_owned()),
            avatar: None,
            admin: false,
            accounts: vec![membership],
        };
        let at = Time::from_unix_millis(1_700_000_000_000);
        UserRecord::new(UserName::parse("alice").unwrap(), Some("$argon2id$hash".to_owned()), profile, at)
    }

    #[test]
    fn the_record_is_as_it_was() {
        let text = |record: &UserRecord| String::from_utf8(encode(record)).unwrap();
        let active = concat!(
            r#"{"v":1,"username":"alice","password":"$argon2id$hash","email":"alice@example.test","name":"Alice","#,
            r#""avatar":null,"admin":false,"accounts":[{"id":"35","role":"manager"}],"created_at":1700000000000,"#,
            r#""state":"active","generation":0}"#
        );
        let tombstone = concat!(
            r#"{"v":1,"username":"alice","password":null,"email":null,"name":null,"avatar":null,"admin":false,"#,
            r#""accounts":[],"created_at":1700000000000,"state":"deleted","generation":1}"#
        );
        let key = UserRecord::key(UserName::parse("ALICE").unwrap().subject());
        assert_eq!(key.raw().to_string(), "user/alice");
        let mut record = alice();
        assert_eq!(text(&record), active);
        assert_eq!(text(&decode(key.raw(), active.as_bytes()).unwrap()), active);
        record.bury();
        assert_eq!(text(&record), tombstone);
        assert!(decode::<UserRecord>(key.raw(), tombstone.as_bytes()).unwrap().user().is_none());
    }

    #[test]
    fn whoever_sees_a_user_sees_no_hash() {
        let user = alice().user().unwrap();
        let shown = format!("{user:?} {}", serde_json::to_string(&user).unwrap());
        assert!(shown.contains("alice@example.test") && !shown.contains("argon2"), "{shown}");
    }

    #[test]
    fn privileges_end_sessions_and_a_new_picture_does_not() {
        let mut record = alice();
        let mut profile = record.profile();
        profile.avatar = Some("https://example.test/a.png".to_owned());
        record.set_profile(profile.clone());
        assert_eq!((record.generation, record.profile() == profile), (0, true));
        profile.admin = true;
        record.set_profile(profile.clone());
        assert_eq!(record.generation, 1);
        profile.accounts.clear();
        record.set_profile(profile);
        assert_eq!(record.generation, 2);
    }

    #[test]
    fn a_profile_that_cannot_be_one_is_refused_by_field() {
        let refused = |change: fn(&mut Profile)| {
            let mut profile = alice().profile();
            assert_eq!(profile.check(&Limits::DEFAULT), Ok(()));
            change(&mut profile);
            profile.check(&Limits::DEFAULT).unwrap_err()
        };
        let max = Limits::DEFAULT.display_text_bytes;
        let too_long = InvalidProfile { field: "name", problem: TextProblem::TooLong { max } };
        assert_eq!(refused(|p| p.name = Some("x".repeat(2049))), too_long);
        let control = TextProblem::ControlCharacter;
        assert_eq!(
            refused(|p| p.email = Some("a\r\nb".to_owned())),
            InvalidProfile { field: "email", problem: control }
        );
        assert_eq!(
            refused(|p| p.accounts[0].role = "\0".to_owned()),
            InvalidProfile { field: "role", problem: control }
        );
        let twice = InvalidProfile { field: "accounts", problem: TextProblem::Repeated };
        assert_eq!(refused(|p| p.accounts.push(p.accounts[0].clone())), twice);
    }
}
