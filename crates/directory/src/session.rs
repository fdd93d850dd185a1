//! Browser sessions.

use grantor_core::record::{Expect, Format, Hint, Key, Kind, Record, RecordKey, Under};
use grantor_core::{Digest, Lifetime, Secret, SubjectId, Time};
use serde::{Deserialize, Serialize};

use crate::cookie;
use crate::csrf::CsrfBinding;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::records::Written;
use crate::user::{User, UserState};

/// A live session: who uses this browser, as he is now.
#[derive(Debug, Clone)]
pub struct Session {
    /// The user, read along with the session.
    pub user: User,
    /// When he gave his password.
    pub authenticated_at: Time,
    /// When the session ends at the latest.
    pub expires_at: Time,
    /// What ties forms to this session.
    pub csrf: CsrfBinding,
}

/// A live session among others of the same user, without what would let one use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// When the user gave his password.
    pub authenticated_at: Time,
    /// When it was last used, as far as that is written down: see [`Settings::idle`](crate::Settings::idle).
    pub last_seen: Time,
    /// When it ends at the latest.
    pub expires_at: Time,
}

/// A session as stored, under the digest of its cookie.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionRecord {
    v: Format<1>,
    username: SubjectId,
    /// The user's generation that the session belongs to.
    generation: u64,
    authenticated_at: Time,
    last_seen: Time,
    expires_at: Time,
    state: SessionState,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SessionState {
    Active,
    Ended,
}

impl Record for SessionRecord {
    const KIND: Kind = Kind::Session;
}

/// An entry in a user's list of sessions.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct SessionHint(Hint);

impl Record for SessionHint {
    const KIND: Kind = Kind::UserSession;
}

impl SessionRecord {
    fn is_live(&self, user: &User, idle: Option<Lifetime>, now: Time) -> bool {
        let fresh = now < self.expires_at && idle.is_none_or(|idle| now < self.last_seen + idle);
        let active = match (self.state, user.state) {
            (SessionState::Active, UserState::Active) => true,
            (SessionState::Ended, _) | (_, UserState::Disabled) => false,
        };
        fresh && active && self.generation == user.generation && self.username == user.subject
    }

    fn is_stale(&self, idle: Lifetime, now: Time) -> bool {
        const MINUTE: u64 = 60_000;
        let since = now.unix_millis().saturating_sub(self.last_seen.unix_millis());
        u64::try_from(since).is_ok_and(|since| since >= MINUTE.min(idle.as_millis() / 2).max(1))
    }
}

impl Directory {
    /// Starts a session for a user as [`authenticate`](Directory::authenticate) returned him, and gives the secret of its
    /// cookie. If he has changed his password, been disabled or lost his sessions since, it is dead from the start.
    ///
    /// `replaces` is the session cookie that the browser sent along, if it did; that session ends first, whosever it is.
    /// So no session outlives a login, and one that somebody planted in the browser is worth nothing afterwards.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn start_session(
        &self,
        user: &User,
        replaces: Option<&Secret>,
        now: Time,
        lifetime: Lifetime,
    ) -> Result<(Session, Secret), DirectoryError> {
        if let Some(old) = replaces {
            self.end_session(old).await?;
        }
        let cookie = cookie::mint(cookie::SESSION)?;
        let digest = digest(&cookie);
        let expires_at = now + lifetime;
        let record = SessionRecord {
            v: Format,
            username: user.subject.clone(),
            generation: user.generation,
            authenticated_at: now,
            last_seen: now,
            expires_at,
            state: SessionState::Active,
        };
        let hint = Key::under(user.subject.as_str(), &digest);
        self.create(&hint, &SessionHint::default(), expires_at).await?;
        self.create(&Key::of(&digest), &record, expires_at).await?;
        let csrf = CsrfBinding::of(&cookie);
        Ok((Session { user: user.clone(), authenticated_at: now, expires_at, csrf }, cookie))
    }

    /// The live session of a cookie. One that ended, ran out, went unused for too long, or whose user is gone, disabled
    /// or has another password, is none. Costs two reads; garbage costs none.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn find_session(&self, cookie: &Secret, now: Time) -> Result<Option<Session>, DirectoryError> {
        let Some(key) = key_of(cookie) else { return Ok(None) };
        for _ in 0..self.settings.limits.races {
            let Some((version, record)) = self.records.read(&key).await? else { return Ok(None) };
            let user = self.user(&record.username).await?;
            let Some(user) = user.filter(|user| record.is_live(user, self.settings.idle, now)) else {
                return Ok(None);
            };
            let SessionRecord { authenticated_at, expires_at, .. } = record;
            let session = Session { user, authenticated_at, expires_at, csrf: CsrfBinding::of(cookie) };
            if !self.settings.idle.is_some_and(|idle| record.is_stale(idle, now)) {
                return Ok(Some(session));
            }
            let seen = SessionRecord { last_seen: now, ..record };
            match self.records.write(&key, Expect::Version(version), &seen, Some(expires_at)).await? {
                Written::Applied => return Ok(Some(session)),
                // Seen by another request, or ended: read which.
                Written::Lost => {}
            }
        }
        Err(DirectoryError::Contended)
    }

    /// Ends the session of a cookie, if there is one.
    ///
    /// # Errors
    /// [`DirectoryError`]. The session may then still be alive.
    pub async fn end_session(&self, cookie: &Secret) -> Result<(), DirectoryError> {
        let Some(key) = key_of(cookie) else { return Ok(()) };
        for _ in 0..self.settings.limits.races {
            let Some((version, record)) = self.records.read(&key).await? else { return Ok(()) };
            match record.state {
                SessionState::Ended => return Ok(()),
                SessionState::Active => {}
            }
            let (keep, ended) = (record.expires_at, SessionRecord { state: SessionState::Ended, ..record });
            match self.records.write(&key, Expect::Version(version), &ended, Some(keep)).await? {
                Written::Applied => return Ok(()),
                Written::Lost => {}
            }
        }
        Err(DirectoryError::Contended)
    }

    /// The live sessions of a user. Costs a read for each he started and whose record is still kept.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn sessions(
        &self,
        subject: &SubjectId,
        now: Time,
    ) -> Result<Vec<SessionSummary>, DirectoryError> {
        const PAGE: usize = 100;
        let Some(user) = self.user(subject).await? else { return Ok(Vec::new()) };
        let under = Under::slot(Kind::UserSession, subject.as_str());
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.records.list::<SessionHint>(&under, after.as_ref(), PAGE).await?;
            for digest in page.keys.iter().filter_map(RecordKey::second) {
                let read = self.records.read(&Key::<SessionRecord>::of(&digest)).await?;
                let live = read.filter(|(_, record)| record.is_live(&user, self.settings.idle, now));
                found.extend(live.map(|(_, record)| SessionSummary {
                    authenticated_at: record.authenticated_at,
                    last_seen: record.last_seen,
                    expires_at: record.expires_at,
                }));
                after = Some(Key::under(subject.as_str(), &digest));
            }
            if !page.more || page.keys.is_empty() {
                return Ok(found);
            }
        }
    }

    async fn create<R: Record>(&self, key: &Key<R>, record: &R, keep: Time) -> Result<(), DirectoryError> {
        match self.records.write(key, Expect::Absent, record, Some(keep)).await? {
            Written::Applied => Ok(()),
            // Its key is the digest of 256 fresh random bits: nobody else can have written there.
            Written::Lost => Err(DirectoryError::Contended),
        }
    }
}

fn digest(cookie: &Secret) -> String {
    Digest::of(cookie.expose().as_bytes()).to_base64url()
}

fn key_of(cookie: &Secret) -> Option<Key<SessionRecord>> {
    cookie::is_well_formed(cookie::SESSION, cookie.expose()).then(|| Key::of(&digest(cookie)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::record::{decode, encode};

    #[test]
    fn the_records_are_as_they_were() {
        let at = Time::from_unix_millis;
        let record = SessionRecord {
            v: Format,
            username: SubjectId::parse("alice").unwrap(),
            generation: 3,
            authenticated_at: at(1_700_000_000_000),
            last_seen: at(1_700_000_000_001),
            expires_at: at(1_700_000_000_002),
            state: SessionState::Active,
        };
        let text = |record: &SessionRecord| String::from_utf8(encode(record)).unwrap();
        let active = concat!(
            r#"{"v":1,"username":"alice","generation":3,"authenticated_at":1700000000000,"#,
            r#""last_seen":1700000000001,"expires_at":1700000000002,"state":"active"}"#
        );
        assert_eq!(text(&record), active);
        let key = Key::<SessionRecord>::of("digest");
        assert_eq!(key.raw().to_string(), "session/digest");
        assert_eq!(text(&decode(key.raw(), active.as_bytes()).unwrap()), active);
        let ended = SessionRecord { state: SessionState::Ended, ..record };
        assert_eq!(text(&ended), active.replace("active", "ended"));
        assert_eq!(encode(&SessionHint::default()), br#"{"v":1}"#);
        assert_eq!(
            Key::<SessionHint>::under("alice", "digest").raw().to_string(),
            "user-session/alice/digest"
        );
    }
}
