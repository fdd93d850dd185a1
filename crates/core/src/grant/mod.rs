//! The grant: what one client may do for one subject, and the one record that holds all of it that must change together.
//!
//! ```text
//!                redeem                     refresh
//!  CodeIssued ─────────────▶ Active ◀───────────────┐
//!      │                       │ └──────────────────┘
//!      │ revoke                │ revoke, or a replay
//!      └──────────▶ Revoked ◀──┘
//! ```
//!
//! **Invariant: `CodeIssued` is where a grant begins and is never returned to, and `Revoked` is never left.** A store
//! that does one compare-and-set per key thereby redeems a code at most once, on any backend.
//!
//! Where a profile lets a client hold one grant at most for a person and account, the grant's id is derived from those,
//! and a new authorization begins the same record anew, in its next *era*. Nothing of an earlier era comes back: a code
//! is known by its digest, and a token by its era.

mod code;
mod refresh;

use serde::{Deserialize, Serialize};

pub use code::{CodeBinding, CodeIssued, Redeem};
pub use refresh::{Refresh, RefreshChain, Refreshed};

use crate::access_token::is_first;
use crate::event::Event;
use crate::ids::{AccountId, ClientId, GrantId, SubjectId};
use crate::record::{Format, Hint, Key, Kind, Record, Under};
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::time::Time;

/// Who granted what to whom. It never changes while the grant lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantFacts {
    /// The grant's public name.
    pub id: GrantId,
    /// The client it was given to.
    pub client: ClientId,
    /// Whom it speaks for.
    pub subject: SubjectId,
    /// The account it is about, where the service has accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// What was granted. Tokens may carry less, never more.
    pub scope: Scope,
    /// Whom its tokens are for, where the client has an audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// When it was approved.
    pub created_at: Time,
    /// When it ends, however often it is refreshed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// Which era it is in, where only one grant may live and a new one takes the place of the old: the second in which it
    /// began, or one more than the era before. What was issued in an earlier era is worth nothing.
    #[serde(default, skip_serializing_if = "is_first")]
    pub era: u32,
}

impl GrantFacts {
    /// The moment `at`, or the grant's end if that is earlier: nothing that comes of a grant outlives it.
    pub fn capped(&self, at: Time) -> Time {
        self.expires_at.map_or(at, |end| at.min(end))
    }
}

/// A grant's record: its facts, and its [`State`], which changes by the methods here and in no other way.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    v: Format<1>,
    grant: GrantFacts,
    state: State,
    /// Until when the record matters. Garbage collection only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_until: Option<Time>,
}

/// Where a grant is in its life.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum State {
    /// Approved; a code is on its way to the client.
    CodeIssued(CodeIssued),
    /// The client holds tokens.
    Active(Active),
    /// Over.
    Revoked(Revoked),
}

/// The state of a grant whose client holds tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Active {
    /// The code it came of, kept to know a replay when it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<CodeBinding>,
    /// Its refresh tokens, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh: Option<RefreshChain>,
}

/// What a client holds tokens under while it was approved anew and the code of that is on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    active: Active,
    #[serde(default, skip_serializing_if = "is_first")]
    era: u32,
    scope: Scope,
}

/// What a client holds tokens under.
pub(crate) struct Held<'a> {
    active: &'a Active,
    pub(crate) era: u32,
    pub(crate) scope: &'a Scope,
}

/// The state of a grant that is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Since when.
    pub at: Time,
    /// Why.
    pub cause: RevocationCause,
}

/// Why a grant was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationCause {
    /// Its code came a second time (RFC 6749, section 4.1.2).
    CodeReplayed,
    /// A refresh token that had been replaced came again (RFC 9700, section 4.14.2).
    RefreshTokenReplayed,
    /// The client gave it back (RFC 7009).
    ByClient,
    /// The person took it back.
    BySubject,
    /// An operator ended it.
    ByOperator,
    /// The person or account was suspended.
    SubjectSuspended,
}

impl RevocationCause {
    /// The cause as records and the audit trail name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            RevocationCause::CodeReplayed => "code_replayed",
            RevocationCause::RefreshTokenReplayed => "refresh_token_replayed",
            RevocationCause::ByClient => "by_client",
            RevocationCause::BySubject => "by_subject",
            RevocationCause::ByOperator => "by_operator",
            RevocationCause::SubjectSuspended => "subject_suspended",
        }
    }
}

impl Revoked {
    /// The same refusal, with since when and why.
    fn told(&self, refusal: Refusal) -> Refusal {
        refusal.saw("revoked_at", self.at).saw("cause", self.cause.as_str())
    }
}

impl Record for Grant {
    const KIND: Kind = Kind::Grant;
}

/// The hint that a subject has a grant, under `SUBJECT/GRANT`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubjectGrant(Hint);

impl Record for SubjectGrant {
    const KIND: Kind = Kind::SubjectGrant;
}

impl SubjectGrant {
    /// Where the hint of one grant lies.
    pub fn key(subject: &SubjectId, grant: GrantId) -> Key<SubjectGrant> {
        Key::under(subject.as_str(), &grant.to_string())
    }

    /// Where the hints of all grants of a subject lie.
    pub fn under(subject: &SubjectId) -> Under {
        Under::slot(Kind::SubjectGrant, subject.as_str())
    }
}

/// The hint that a client has a grant, under `CLIENT/GRANT`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientGrant(Hint);

impl Record for ClientGrant {
    const KIND: Kind = Kind::ClientGrant;
}

impl ClientGrant {
    /// Where the hint of one grant lies.
    pub fn key(client: &ClientId, grant: GrantId) -> Key<ClientGrant> {
        Key::under(client.as_str(), &grant.to_string())
    }

    /// Where the hints of all grants of a client lie.
    pub fn under(client: &ClientId) -> Under {
        Under::slot(Kind::ClientGrant, client.as_str())
    }
}

/// What a command does to a grant: perhaps a write, always a verdict. A refusal may write, too: a replay revokes.
#[derive(Debug)]
#[must_use]
pub struct Decision<T> {
    /// The grant as it must stand before the verdict leaves the server.
    pub write: Option<Grant>,
    /// What the client is told.
    pub verdict: Result<T, Refusal>,
    /// What will have happened once the write stands.
    pub events: Vec<Event>,
}

impl<T> Decision<T> {
    fn refuse(refusal: Refusal) -> Self {
        Self { write: None, verdict: Err(refusal), events: Vec::new() }
    }

    fn answer(value: T) -> Self {
        Self { write: None, verdict: Ok(value), events: Vec::new() }
    }
}

impl Grant {
    /// Where a grant lies.
    pub fn key(id: GrantId) -> Key<Grant> {
        Key::of(&id.to_string())
    }

    /// A grant that begins with a code.
    pub fn with_code(facts: GrantFacts, code: CodeIssued) -> Self {
        let keep_until = Some(code.expires_at());
        Self { v: Format, grant: facts, state: State::CodeIssued(code), keep_until }
    }

    /// A grant that begins with tokens: implicit and password, which have no code.
    pub fn with_tokens(facts: GrantFacts, refresh: Option<RefreshChain>, keep_until: Option<Time>) -> Self {
        let state = State::Active(Active { code: None, refresh });
        Self { v: Format, grant: facts, state, keep_until }
    }

    /// Who granted what to whom.
    pub fn facts(&self) -> &GrantFacts {
        &self.grant
    }

    /// Where it is in its life.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Until when the record matters.
    pub fn keep_until(&self) -> Option<Time> {
        self.keep_until
    }

    /// Whether its client holds tokens that are worth something, until they expire.
    pub fn is_active(&self) -> bool {
        self.held().is_some()
    }

    /// Whether access tokens that were issued in `era` are worth something, until they expire.
    pub fn holds(&self, era: u32) -> bool {
        self.held().is_some_and(|held| held.era == era)
    }

    /// What the client holds tokens under: while the code of a new authorization is on its way, still the old one.
    pub(crate) fn held(&self) -> Option<Held<'_>> {
        match &self.state {
            State::Active(active) => Some(Held { active, era: self.grant.era, scope: &self.grant.scope }),
            State::CodeIssued(issued) => issued.before.as_deref().map(|before| Held {
                active: &before.active,
                era: before.era,
                scope: &before.scope,
            }),
            State::Revoked(_) => None,
        }
    }

    /// The facts of what the client holds tokens under; the grant's own where it holds none.
    pub(crate) fn held_facts(&self) -> GrantFacts {
        let facts = self.grant.clone();
        match self.held() {
            Some(held) => GrantFacts { era: held.era, scope: held.scope.clone(), ..facts },
            None => facts,
        }
    }

    fn active_mut(&mut self) -> Option<&mut Active> {
        match &mut self.state {
            State::Active(active) => Some(active),
            State::CodeIssued(issued) => issued.before.as_deref_mut().map(|before| &mut before.active),
            State::Revoked(_) => None,
        }
    }

    /// The chain of its refresh tokens, while its client holds any.
    pub fn refresh_chain(&self) -> Option<&RefreshChain> {
        self.held().and_then(|held| held.active.refresh.as_ref())
    }

    /// When its client last got a token by it, as far as its record tells: when its refresh token was last replaced, else
    /// when it was approved, which comes before the first token by no more than a code lives.
    ///
    /// What writes nothing here is not seen: a refresh that leaves the refresh token as it is, and a retry inside the grace.
    pub fn last_used_at(&self) -> Time {
        let rotated = self.refresh_chain().and_then(RefreshChain::rotated_at);
        rotated.map_or(self.grant.created_at, |at| at.max(self.grant.created_at))
    }

    /// The same grant, approved anew, with a new code. Until that is redeemed, the client holds what it held.
    #[must_use]
    pub(crate) fn approved_again(self, facts: GrantFacts, mut code: CodeIssued) -> Self {
        let keep_until = match self.held() {
            Some(_) => self.keep_until.map(|at| at.max(code.expires_at())),
            None => Some(code.expires_at()),
        };
        code.before = self.held().map(|held| {
            Box::new(Before { active: held.active.clone(), era: held.era, scope: held.scope.clone() })
        });
        let facts = GrantFacts { era: self.next_era(&facts), ..facts };
        Self { v: Format, grant: facts, state: State::CodeIssued(code), keep_until }
    }

    /// An era that is later than this one, wherever the clock stands.
    fn next_era(&self, facts: &GrantFacts) -> u32 {
        facts.era.max(self.grant.era.saturating_add(1))
    }

    /// The same grant with new tokens. Those that it had refresh no more; its access tokens live out their time, unless the
    /// grant had been revoked: then nothing of it comes back.
    #[must_use]
    pub(crate) fn tokens_given_again(
        self,
        facts: GrantFacts,
        refresh: Option<RefreshChain>,
        keep_until: Option<Time>,
    ) -> Self {
        let era = match self.state {
            State::Active(_) | State::CodeIssued(_) => self.grant.era,
            State::Revoked(_) => self.next_era(&facts),
        };
        Self::with_tokens(GrantFacts { era, ..facts }, refresh, keep_until)
    }

    /// Ends it. Nothing to write if it is over already: the first cause stands.
    pub fn revoke(self, cause: RevocationCause, now: Time) -> Decision<()> {
        match self.state {
            State::Revoked(_) => Decision::answer(()),
            State::CodeIssued(_) | State::Active(_) => {
                let events = vec![self.revoked_event(cause)];
                Decision { write: Some(self.revoked(cause, now)), verdict: Ok(()), events }
            }
        }
    }

    fn revoked(mut self, cause: RevocationCause, now: Time) -> Self {
        self.state = State::Revoked(Revoked { at: now, cause });
        self
    }

    fn revoked_event(&self, cause: RevocationCause) -> Event {
        let GrantFacts { id: grant, client, subject, .. } = &self.grant;
        Event::GrantRevoked { grant: *grant, client: client.clone(), subject: subject.clone(), cause }
    }

    /// A replay: refused, and the end of the grant.
    fn replayed<T>(self, refusal: Refusal, cause: RevocationCause, now: Time) -> Decision<T> {
        let events = vec![self.revoked_event(cause)];
        Decision { write: Some(self.revoked(cause, now)), verdict: Err(refusal), events }
    }
}
