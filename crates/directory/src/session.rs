//! Browser sessions: one of them, started, found and ended. How a person sees his own is in
//! [`own_sessions`](crate::own_sessions).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::record::{Expect, Format, Hint, Key, Kind, Record, Version};
use grantor_core::{InvalidId, Lifetime, Secret, SubjectId, Time};
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::cookie;
use crate::csrf::CsrfBinding;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::hex;
use crate::observer::DirectoryEvent;
use crate::records::Written;
use crate::user::{User, UserState};

/// The public name of a session: what it is kept under, in hexadecimal. It is the SHA-256 digest of the cookie, whose 256
/// bits are random, so it leads nobody to the cookie, and is worth nothing in its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 32]);

impl SessionId {
    /// The name of the session whose cookie this is.
    pub fn of(cookie: &Secret) -> Self {
        Self(Sha256::digest(cookie.expose()).into())
    }

    fn key(self) -> Key<SessionRecord> {
        Key::of(&self.stored())
    }

    /// As keys spell it.
    pub(crate) fn stored(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub(crate) fn from_stored(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        hex::read(text).map(Self)
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

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

/// A session as stored, under the digest of its cookie.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionRecord {
    v: Format<1>,
    pub(crate) username: SubjectId,
    /// The user's generation that the session belongs to.
    generation: u64,
    pub(crate) authenticated_at: Time,
    pub(crate) last_seen: Time,
    pub(crate) expires_at: Time,
    state: SessionState,
    /// What the browser said of itself as the session began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user_agent: Option<String>,
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
    pub(crate) fn is_live(&self, user: &User, idle: Option<Lifetime>, now: Time) -> bool {
        let fresh = now < self.expires_at && idle.is_none_or(|idle| now < self.last_seen + idle);
        let active = match (self.state, user.state) {
            (SessionState::Active, UserState::Active) => true,
            (SessionState::Ended, _) | (_, UserState::Disabled) => false,
        };
        fresh && active && self.generation == user.generation && self.username == user.subject
    }

    /// Whether it has to be written down anew when it was last seen.
    fn is_stale(&self, idle: Option<Lifetime>, now: Time) -> bool {
        const MINUTE: u64 = 60_000;
        let since = now.unix_millis().saturating_sub(self.last_seen.unix_millis());
        let bound = idle.map_or(15 * MINUTE, |idle| MINUTE.min(idle.as_millis() / 2).max(1));
        u64::try_from(since).is_ok_and(|since| since >= bound)
    }

    /// The same in a later generation of its user.
    pub(crate) fn carried_over(self, user: &User) -> Self {
        Self { generation: user.generation, ..self }
    }
}

impl Directory {
    /// Starts a session for a user as [`authenticate`](Directory::authenticate) returned him, and gives the secret of its
    /// cookie. If he has changed his password, been disabled or lost his sessions since, it is dead from the start.
    ///
    /// `replaces` is the session cookie that the browser sent along, if it did; that session ends first, whosever it is.
    /// So no session outlives a login, and one that somebody planted in the browser is worth nothing afterwards.
    /// `user_agent` is what the browser says of itself, as it was sent; it is kept for its user to read, and nothing
    /// depends on it.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn start_session(
        &self,
        user: &User,
        replaces: Option<&Secret>,
        user_agent: Option<&str>,
        now: Time,
        lifetime: Lifetime,
    ) -> Result<(Session, Secret), DirectoryError> {
        if let Some(old) = replaces {
            self.end_session(old).await?;
        }
        let cookie = cookie::mint(cookie::SESSION)?;
        let session = SessionId::of(&cookie);
        let expires_at = now + lifetime;
        let record = SessionRecord {
            v: Format,
            username: user.subject.clone(),
            generation: user.generation,
            authenticated_at: now,
            last_seen: now,
            expires_at,
            state: SessionState::Active,
            user_agent: user_agent.and_then(|text| readable(text, self.settings.limits.user_agent_bytes)),
        };
        let hint = Key::under(user.subject.as_str(), &session.stored());
        self.create(&hint, &SessionHint::default(), expires_at).await?;
        self.create(&session.key(), &record, expires_at).await?;
        self.observer.happened(&DirectoryEvent::SessionStarted { user: user.subject.clone(), session });
        let csrf = CsrfBinding::of(&cookie);
        Ok((Session { user: user.clone(), authenticated_at: now, expires_at, csrf }, cookie))
    }

    /// The live session of a cookie. One that ended, ran out, went unused for too long, or whose user is gone, disabled
    /// or has another password, is none. Costs two reads; garbage costs none.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn find_session(&self, cookie: &Secret, now: Time) -> Result<Option<Session>, DirectoryError> {
        Ok(self.live_session(cookie, now).await?.map(|(session, _)| session))
    }

    /// The live session of a cookie, and what its browser said of itself.
    pub(crate) async fn live_session(
        &self,
        cookie: &Secret,
        now: Time,
    ) -> Result<Option<(Session, Option<String>)>, DirectoryError> {
        let Some(key) = key_of(cookie) else { return Ok(None) };
        for _ in 0..self.settings.limits.races {
            let Some((version, record)) = self.records.read(&key).await? else { return Ok(None) };
            let user = self.user(&record.username).await?;
            let Some(user) = user.filter(|user| record.is_live(user, self.settings.idle, now)) else {
                return Ok(None);
            };
            let SessionRecord { authenticated_at, expires_at, .. } = record;
            let session = Session { user, authenticated_at, expires_at, csrf: CsrfBinding::of(cookie) };
            let agent = record.user_agent.clone();
            if !record.is_stale(self.settings.idle, now) {
                return Ok(Some((session, agent)));
            }
            let seen = SessionRecord { last_seen: now, ..record };
            match self.write_session(&key, version, &seen).await? {
                Written::Applied => return Ok(Some((session, agent))),
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
        match key_of(cookie) {
            Some(_) => self.end(SessionId::of(cookie), |_| true).await.map(drop),
            None => Ok(()),
        }
    }

    /// Ends a session whose record is as demanded. Tells whether there was such a one that had not ended.
    pub(crate) async fn end(
        &self,
        session: SessionId,
        demanded: impl Fn(&SessionRecord) -> bool + Send,
    ) -> Result<bool, DirectoryError> {
        let key = session.key();
        for _ in 0..self.settings.limits.races {
            let found = self.records.read(&key).await?.filter(|(_, record)| demanded(record));
            let Some((version, record)) = found else { return Ok(false) };
            match record.state {
                SessionState::Ended => return Ok(false),
                SessionState::Active => {}
            }
            let user = record.username.clone();
            let ended = SessionRecord { state: SessionState::Ended, ..record };
            match self.write_session(&key, version, &ended).await? {
                Written::Applied => {
                    self.observer.happened(&DirectoryEvent::SessionEnded { user, session });
                    return Ok(true);
                }
                Written::Lost => {}
            }
        }
        Err(DirectoryError::Contended)
    }

    /// A session as it is stored.
    pub(crate) async fn session_record(
        &self,
        session: SessionId,
    ) -> Result<Option<(Version, SessionRecord)>, DirectoryError> {
        self.records.read(&session.key()).await
    }

    /// Carries a session over into the generation that its user is in after all his others have ended. If it ended
    /// meanwhile, it stays so.
    pub(crate) async fn carry_over(&self, session: SessionId, user: &User) -> Result<(), DirectoryError> {
        for _ in 0..self.settings.limits.races {
            let Some((version, record)) = self.session_record(session).await? else { return Ok(()) };
            let carried = record.carried_over(user);
            if self.write_session(&session.key(), version, &carried).await? == Written::Applied {
                return Ok(());
            }
        }
        Err(DirectoryError::Contended)
    }

    async fn write_session(
        &self,
        key: &Key<SessionRecord>,
        version: Version,
        record: &SessionRecord,
    ) -> Result<Written, DirectoryError> {
        self.records.write(key, Expect::Version(version), record, Some(record.expires_at)).await
    }

    async fn create<R: Record>(&self, key: &Key<R>, record: &R, keep: Time) -> Result<(), DirectoryError> {
        match self.records.write(key, Expect::Absent, record, Some(keep)).await? {
            Written::Applied => Ok(()),
            // Its key is the digest of 256 fresh random bits: nobody else can have written there.
            Written::Lost => Err(DirectoryError::Contended),
        }
    }
}

fn key_of(cookie: &Secret) -> Option<Key<SessionRecord>> {
    cookie::is_well_formed(cookie::SESSION, cookie.expose()).then(|| SessionId::of(cookie).key())
}

/// A text from outside as people may see it: without control characters, cut where it gets too long.
fn readable(text: &str, max: usize) -> Option<String> {
    let mut kept = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if kept.len() + c.len_utf8() > max {
            break;
        }
        kept.push(c);
    }
    Some(kept).filter(|kept| !kept.trim().is_empty())
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
            user_agent: None,
        };
        let text = |record: &SessionRecord| String::from_utf8(encode(record)).unwrap();
        let active = concat!(
            r#"{"v":1,"username":"alice","generation":3,"authenticated_at":1700000000000,"#,
            r#""last_seen":1700000000001,"expires_at":1700000000002,"state":"active"}"#
        );
        assert_eq!(text(&record), active);
        let id: SessionId = "00".repeat(32).parse().unwrap();
        let key = id.key();
        assert_eq!(key.raw().to_string(), format!("session/{}", "A".repeat(43)));
        assert_eq!(SessionId::from_stored(&id.stored()), Some(id));
        assert_eq!(text(&decode(key.raw(), active.as_bytes()).unwrap()), active);
        let named = SessionRecord { user_agent: Some("Browser/1".to_owned()), ..record.clone() };
        let with_agent = active.replace("\"active\"", "\"active\",\"user_agent\":\"Browser/1\"");
        assert_eq!(text(&named), with_agent);
        assert_eq!(text(&decode(key.raw(), with_agent.as_bytes()).unwrap()), with_agent);
        let ended = SessionRecord { state: SessionState::Ended, ..record };
        assert_eq!(text(&ended), active.replace("active", "ended"));
        assert_eq!(encode(&SessionHint::default()), br#"{"v":1}"#);
        assert_eq!(
            Key::<SessionHint>::under("alice", "digest").raw().to_string(),
            "user-session/alice/digest"
        );
    }

    /// Were it to change, every session that is kept would be lost.
    #[test]
    fn a_session_is_kept_under_what_it_was() {
        let id = SessionId::of(&Secret::new("cookie"));
        assert_eq!(id.stored(), grantor_core::Digest::of(b"cookie").to_base64url());
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
    }

    #[test]
    fn what_a_browser_says_of_itself_is_cut_to_what_people_may_see() {
        assert_eq!(readable("Mozilla/5.0\r\n\u{1b}[31m é", 256).as_deref(), Some("Mozilla/5.0[31m é"));
        assert_eq!(readable(&"é".repeat(200), 256).map(|text| text.len()), Some(256));
        assert_eq!(readable(&"é".repeat(200), 255).map(|text| text.len()), Some(254));
        assert_eq!([readable("", 9), readable(" \n", 9)], [None, None]);
    }
}
