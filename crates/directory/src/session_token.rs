//! Session tokens: with one, a user's own tool acts for him at the registration resource of one profile.
//!
//! A session token is a credential of the user, as his password is, and no browser session. It is worth nothing while he
//! is disabled and never again once he is deleted; ending his sessions, or a new password, leaves it alone, since an
//! operator made it for a tool and no password gives one. Whoever wants it to end ends it.

use grantor_core::credential::mint_session_token;
use grantor_core::record::{Expect, Format, Hint, Key, Kind, Record, Under};
use grantor_core::{Lifetime, Secret, SubjectId, Time};
use serde::{Deserialize, Serialize};

use crate::directory::{Directory, Imported};
use crate::error::DirectoryError;
use crate::kept::{CredentialId, CredentialRefused, Kept, KeptState, key_of};
use crate::records::{Written, entropy};
use crate::user::{User, UserState};

/// A session token among others, without what would let one use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionToken {
    /// What it is kept under.
    pub id: CredentialId,
    /// The one profile it is good for.
    pub profile: String,
    /// For whom it acts.
    pub user: SubjectId,
    /// Since when there is such a token.
    pub created_at: Time,
    /// When it ends by itself, if it does.
    pub expires_at: Option<Time>,
}

/// Part of a list of session tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTokenPage {
    /// The tokens, in no order that means anything.
    pub tokens: Vec<SessionToken>,
    /// Where to go on, if more may follow.
    pub next: Option<CredentialId>,
}

/// A session token as stored, under its name.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionTokenRecord {
    v: Format<1>,
    profile: String,
    username: SubjectId,
    created_at: Time,
    expires_at: Option<Time>,
    state: KeptState,
}

impl Record for SessionTokenRecord {
    const KIND: Kind = Kind::SessionToken;
}

impl Kept for SessionTokenRecord {
    fn is_live(&self, now: Time) -> bool {
        match self.state {
            KeptState::Active => self.expires_at.is_none_or(|at| now < at),
            KeptState::Ended => false,
        }
    }

    fn speaks_as(&self, other: &Self) -> bool {
        self.username == other.username
    }

    fn ended(self) -> Self {
        Self { state: KeptState::Ended, ..self }
    }

    fn keep_until(&self) -> Option<Time> {
        match self.state {
            KeptState::Active => self.expires_at,
            KeptState::Ended => None,
        }
    }
}

/// An entry in a user's list of session tokens.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct SessionTokenHint(Hint);

impl Record for SessionTokenHint {
    const KIND: Kind = Kind::UserSessionToken;
}

impl SessionTokenHint {
    fn key(subject: &SubjectId, id: CredentialId) -> Key<SessionTokenHint> {
        Key::under(subject.as_str(), &id.to_string())
    }
}

impl Directory {
    /// Makes a session token for a user at a profile; its text is given this once. That there is such a profile is for
    /// the caller to know.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn create_session_token(
        &self,
        profile: &str,
        user: &SubjectId,
        now: Time,
        lifetime: Option<Lifetime>,
    ) -> Result<Result<(SessionToken, Secret), CredentialRefused>, DirectoryError> {
        let token = mint_session_token(&mut entropy()?);
        let record = record(profile, user, now, lifetime.map(|lifetime| now + lifetime));
        let id = match self.name_of::<SessionTokenRecord>(profile, &token) {
            Ok(id) => id,
            Err(refused) => return Ok(Err(refused)),
        };
        let kept = self.keep_token(id, &record, now).await?;
        Ok(kept.map(|_| (shown(id, record), token)))
    }

    /// Takes a session token as it is given. The same again changes nothing; one that has ended, or is another user's at
    /// this profile, is refused.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn put_session_token(
        &self,
        profile: &str,
        user: &SubjectId,
        token: &Secret,
        now: Time,
    ) -> Result<Result<Imported, CredentialRefused>, DirectoryError> {
        match self.name_of::<SessionTokenRecord>(profile, token) {
            Ok(id) => self.keep_token(id, &record(profile, user, now, None), now).await,
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Whether [`put_session_token`](Directory::put_session_token) would be refused, and why. That there is no such user
    /// is found last.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn check_session_token(
        &self,
        profile: &str,
        user: &SubjectId,
        token: &Secret,
        now: Time,
    ) -> Result<Result<(), CredentialRefused>, DirectoryError> {
        match self.name_of::<SessionTokenRecord>(profile, token) {
            Ok(id) => Ok(self.rehearse_token(id, &record(profile, user, now, None), now).await?.map(|_| ())),
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// The user whom a session token acts for at a profile. One of another profile, one that ended or ran out, or whose
    /// user is gone or disabled, acts for nobody. Costs two reads.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn session_token_user(
        &self,
        profile: &str,
        token: &Secret,
        now: Time,
    ) -> Result<Option<User>, DirectoryError> {
        let found = self.recognise::<SessionTokenRecord>(profile, token, now).await?;
        let Some(record) = found else { return Ok(None) };
        let user = self.user(&record.username).await?;
        Ok(user.filter(|user| match user.state {
            UserState::Active => true,
            UserState::Disabled => false,
        }))
    }

    /// Live session tokens, of one user or of all, at most `limit` of them; those of deleted users are left out, and
    /// those of disabled ones are not. Costs two reads for each.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn session_tokens(
        &self,
        of: Option<&SubjectId>,
        after: Option<CredentialId>,
        limit: usize,
        now: Time,
    ) -> Result<SessionTokenPage, DirectoryError> {
        let (found, next) = match of {
            Some(user) => {
                let under = Under::slot(Kind::UserSessionToken, user.as_str());
                let after = after.map(|id| SessionTokenHint::key(user, id));
                self.kept_page::<SessionTokenRecord, _>(&under, after.as_ref(), limit, now).await?
            }
            None => {
                let after = after.map(key_of::<SessionTokenRecord>);
                self.kept_page(&Under::Kind(Kind::SessionToken), after.as_ref(), limit, now).await?
            }
        };
        let mut tokens = Vec::with_capacity(found.len());
        for (id, record) in found {
            // A hint may dangle: the token was never kept, or is another's.
            let is_his = of.is_none_or(|user| *user == record.username);
            if is_his && self.user(&record.username).await?.is_some() {
                tokens.push(shown(id, record));
            }
        }
        Ok(SessionTokenPage { tokens, next })
    }

    /// Ends a session token for good. Tells whether there was such a token and it had not ended yet.
    ///
    /// # Errors
    /// [`DirectoryError`]. It may then still be good.
    pub async fn end_session_token(&self, id: CredentialId, now: Time) -> Result<bool, DirectoryError> {
        self.end_kept::<SessionTokenRecord>(id, now).await
    }

    async fn keep_token(
        &self,
        id: CredentialId,
        record: &SessionTokenRecord,
        now: Time,
    ) -> Result<Result<Imported, CredentialRefused>, DirectoryError> {
        match self.rehearse_token(id, record, now).await? {
            Ok(Imported::Created) => {}
            settled => return Ok(settled),
        }
        self.note(&SessionTokenHint::key(&record.username, id), record.keep_until()).await?;
        self.keep(id, record, now).await
    }

    async fn rehearse_token(
        &self,
        id: CredentialId,
        record: &SessionTokenRecord,
        now: Time,
    ) -> Result<Result<Imported, CredentialRefused>, DirectoryError> {
        let rehearsed = self.rehearse(id, record, now).await?;
        if rehearsed.is_ok() && self.user(&record.username).await?.is_none() {
            return Ok(Err(CredentialRefused::NoSuchUser));
        }
        Ok(rehearsed)
    }

    /// Writes a hint anew even where one is left from an earlier token of that name: that one may be about to be swept
    /// away, and this must be kept as long as what it points at.
    async fn note(&self, key: &Key<SessionTokenHint>, keep: Option<Time>) -> Result<(), DirectoryError> {
        for _ in 0..self.settings.limits.races {
            let expect = self.records.read(key).await?.map_or(Expect::Absent, |(v, _)| Expect::Version(v));
            if self.records.write(key, expect, &SessionTokenHint::default(), keep).await? == Written::Applied
            {
                return Ok(());
            }
        }
        Err(DirectoryError::Contended)
    }
}

fn record(profile: &str, user: &SubjectId, now: Time, expires_at: Option<Time>) -> SessionTokenRecord {
    SessionTokenRecord {
        v: Format,
        profile: profile.to_owned(),
        username: user.clone(),
        created_at: now,
        expires_at,
        state: KeptState::Active,
    }
}

fn shown(id: CredentialId, record: SessionTokenRecord) -> SessionToken {
    let SessionTokenRecord { v: _, profile, username: user, created_at, expires_at, state: _ } = record;
    SessionToken { id, profile, user, created_at, expires_at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::record::{decode, encode};

    #[test]
    fn the_records_are_as_they_were() {
        let (user, at) = (SubjectId::parse("alice").unwrap(), Time::from_unix_millis);
        let token = record("brightcove", &user, at(1_700_000_000_000), Some(at(1_700_000_000_001)));
        let text = |record: &SessionTokenRecord| String::from_utf8(encode(record)).unwrap();
        let active = concat!(
            r#"{"v":1,"profile":"brightcove","username":"alice","created_at":1700000000000,"#,
            r#""expires_at":1700000000001,"state":"active"}"#
        );
        assert_eq!(text(&token), active);
        let id: CredentialId = "000102030405060708090a0b0c0d0e0f".parse().unwrap();
        let key = key_of::<SessionTokenRecord>(id);
        assert_eq!(key.raw().to_string(), "session-token/000102030405060708090a0b0c0d0e0f");
        assert_eq!(text(&decode(key.raw(), active.as_bytes()).unwrap()), active);
        assert_eq!(text(&token.ended()), active.replace("active", "ended"));
        let hint = SessionTokenHint::key(&user, id);
        assert_eq!(hint.raw().to_string(), "user-session-token/alice/000102030405060708090a0b0c0d0e0f");
        assert_eq!(encode(&SessionTokenHint::default()), br#"{"v":1}"#);
    }
}
