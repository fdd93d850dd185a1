//! A person's sessions, as he sees and ends them himself.

use grantor_core::record::{Kind, Under};
use grantor_core::{Secret, SubjectId, Time};
use serde::Serialize;

use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::observer::DirectoryEvent;
use crate::session::SessionId;
use crate::user::UserRecord;

/// A live session among others of the same user, without what would let one use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionSummary {
    /// Which.
    pub id: SessionId,
    /// What the browser said of itself as the session began. It may have lied.
    pub user_agent: Option<String>,
    /// When the user gave his password.
    pub authenticated_at: Time,
    /// When it was last used, as far as that is written down: see [`Settings::idle`](crate::Settings::idle).
    pub last_seen: Time,
    /// When it ends at the latest.
    pub expires_at: Time,
}

/// The live sessions of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionList {
    /// The sessions, the newest first.
    pub sessions: Vec<SessionSummary>,
    /// Whether he may have more: he has started so many that not all were looked at.
    pub more: bool,
}

impl Directory {
    /// The live sessions of a user. Costs a read for each he started and whose record is still kept, and at most
    /// [`Limits::sessions_listed`](grantor_core::Limits::sessions_listed) of them.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn sessions(&self, subject: &SubjectId, now: Time) -> Result<SessionList, DirectoryError> {
        const PAGE: usize = 100;
        let Some(user) = self.user(subject).await? else { return Ok(SessionList::default()) };
        let under = Under::slot(Kind::UserSession, subject.as_str());
        let (mut sessions, mut after, mut left) = (Vec::new(), None, self.settings.limits.sessions_listed);
        let more = loop {
            let page = self.records.list_raw(&under, after.as_ref(), PAGE.min(left)).await?;
            for key in &page.keys {
                let id = key.second().and_then(|text| SessionId::from_stored(&text));
                let Some(id) = id else { continue };
                let read = self.session_record(id).await?;
                let live = read.filter(|(_, record)| record.is_live(&user, self.settings.idle, now));
                sessions.extend(live.map(|(_, record)| SessionSummary {
                    id,
                    user_agent: record.user_agent,
                    authenticated_at: record.authenticated_at,
                    last_seen: record.last_seen,
                    expires_at: record.expires_at,
                }));
            }
            left = left.saturating_sub(page.keys.len());
            after = page.keys.last().cloned();
            if !page.more || after.is_none() || left == 0 {
                break page.more;
            }
        };
        sessions.sort_by_key(|session| (std::cmp::Reverse(session.authenticated_at), session.id));
        Ok(SessionList { sessions, more })
    }

    /// Ends one session of a user. One that is another's is none. Tells whether there was such a one that had not ended.
    ///
    /// # Errors
    /// [`DirectoryError`]. The session may then still be alive.
    pub async fn end_session_of(
        &self,
        subject: &SubjectId,
        session: SessionId,
    ) -> Result<bool, DirectoryError> {
        self.end(session, |record| record.username == *subject).await
    }

    /// Ends all sessions of a user but the one of this cookie, those just being started included. Tells whether it was his
    /// and alive; if not, nothing has ended.
    ///
    /// # Errors
    /// [`DirectoryError`]. Some sessions may then still be alive, or all be over.
    pub async fn end_other_sessions(
        &self,
        subject: &SubjectId,
        keep: &Secret,
        now: Time,
    ) -> Result<bool, DirectoryError> {
        let kept = self.live_session(keep, now).await?.map(|(session, _)| session);
        let Some(kept) = kept.filter(|session| session.user.subject == *subject) else { return Ok(false) };
        // It is dead between the two, and dead it stays if all his sessions are ended once more meanwhile.
        let Some(user) = self.edit_within(&kept.user, UserRecord::end_sessions).await? else {
            return Ok(false);
        };
        let id = SessionId::of(keep);
        self.carry_over(id, &user).await?;
        self.observer.happened(&DirectoryEvent::OtherSessionsEnded { user: user.subject, kept: id });
        Ok(true)
    }
}
