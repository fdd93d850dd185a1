//! The reference model: what an authorization server owes to whom, as a person would say it.
//!
//! It knows nothing of records, digests or versions. A grant is a thing that has at most one code on its way and at most
//! one chain of refresh tokens; a token is worth something as long as nothing that ends it has happened. Every rule names
//! the promise that wants it, so that whoever breaks the rule is told which promise he broke.

mod authorize;
mod grants;
mod tokens;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use grantor_core::client::{AccessTokenFormat, GrantType};
use grantor_core::{Reason, RefreshMode, Time};

use super::Invariant;
use super::act::{Act, Client, Person, Slip, Words};
use super::ledger::{Asked, Id};
use super::policy::{Policy, closures};
use super::request::{Given, Told};

/// A promise that was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) invariant: Invariant,
    pub(crate) why: String,
}

impl Broken {
    pub(crate) fn new(invariant: Invariant, why: impl Into<String>) -> Self {
        Self { invariant, why: why.into() }
    }
}

/// What must come of a request.
pub(crate) enum Verdict {
    /// It is refused, by this promise, and nothing changes.
    Refused(Invariant),
    /// It is refused, and ends a grant.
    Replay(Invariant, usize),
    /// It is let pass.
    Passed,
}

/// What never changes while a proof runs.
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    /// What each word permits.
    closures: Vec<u64>,
    /// Which words a person may leave out of what he approves.
    optional: u64,
    /// Whether a refresh token says which of its chain it is.
    counts: bool,
}

/// What is so.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Model {
    rules: Arc<Rules>,
    questions: Vec<Question>,
    grants: Vec<Grant>,
    codes: Vec<Code>,
    refresh: Vec<RefreshToken>,
    access: Vec<AccessToken>,
    /// What each person may have approved before, at the most.
    consents: Vec<(Client, Person, u64)>,
    suspended: [bool; 2],
    /// A bit for each client that is switched off.
    off: u32,
    numbers: u32,
    purged: bool,
    /// What was given by a server that was shown something old: nobody can say what it is worth.
    unknown: Vec<Id>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    id: Id,
    client: Client,
    person: Person,
    scope: u64,
    /// What of it he had approved before, at the most: that he is not asked.
    already: u64,
    way: super::act::Way,
    ends: Time,
    decided: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Grant {
    client: Client,
    person: Option<Person>,
    name: Option<Id>,
    /// When it ends, however often it is refreshed.
    ends: Option<Time>,
    waiting: Option<Waiting>,
    held: Option<Held>,
    /// Which promise ended it, if it is over.
    over: Option<Invariant>,
    /// What became of earlier eras.
    past: Vec<(u32, Invariant)>,
}

/// The code that is on its way; which one, if anybody was told.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Waiting {
    code: Option<Id>,
    era: u32,
    scope: u64,
    ends: Time,
}

/// What the client holds tokens under.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Held {
    code: Option<Id>,
    era: u32,
    scope: u64,
    chain: Option<Chain>,
}

/// Refresh tokens, each of which replaced the one before; nobody was told of some.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Chain {
    number: u32,
    tokens: Vec<Option<Id>>,
    rotated_at: Option<Time>,
    ends: Option<Time>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Code {
    id: Id,
    grant: usize,
    client: Client,
    named: bool,
    challenged: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct RefreshToken {
    id: Id,
    grant: usize,
    chain: u32,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct AccessToken {
    id: Id,
    client: Client,
    /// The grant and its era, where it speaks for a person.
    of: Option<(usize, u32)>,
    /// What it permits; unknown where nobody said.
    scope: Option<u64>,
    ends: Time,
    taken_back: bool,
}

/// Of one proof there are one set of rules: two states of it never differ in them.
impl PartialEq for Rules {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Rules {}

impl Hash for Rules {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Rules {
    pub(crate) fn new(policy: &Policy) -> Arc<Self> {
        let profile = policy.profile();
        Arc::new(Self {
            policy: policy.clone(),
            closures: closures(policy.words(), &profile.scopes),
            optional: policy
                .words_of(&profile.scopes.optional_of(&profile.scopes.all()))
                .unwrap_or(Words(0))
                .0,
            counts: profile.formats.counts_refreshes(),
        })
    }

    /// Whether whoever holds `held` may do all of `asked`.
    fn permits(&self, held: u64, asked: u64) -> bool {
        let bits = self.closures.iter().enumerate().filter(|(bit, _)| held & (1 << bit) != 0);
        let reach = bits.fold(held, |all, (_, closure)| all | closure);
        asked & !reach == 0
    }

    /// Whether the profile has a grant type and the client is registered for it.
    fn may_use(&self, client: Client, grant_type: GrantType) -> bool {
        self.policy.profile().grant_types.contains(&grant_type)
            && self.policy.metadata(client).may_use(grant_type)
    }

    fn gets_refresh_tokens(&self, client: Client) -> bool {
        self.may_use(client, GrantType::RefreshToken) && self.policy.profile().refresh != RefreshMode::None
    }

    fn is_jwt(&self, client: Client) -> bool {
        let own = self.policy.metadata(client).access_token_format;
        own.unwrap_or(self.policy.profile().access_token.format) == AccessTokenFormat::Jwt
    }

    /// What a client gets for what it asked.
    fn scope_for(&self, client: Client, asked: Option<Words>) -> Result<u64, Invariant> {
        let profile = self.policy.profile();
        let Some(Words(asked)) = asked.filter(|words| words.0 != 0) else {
            let default = self.policy.default_scope(client).0;
            return if profile.authorization.scope_required {
                Err(Invariant::ScopeNeverGrows)
            } else {
                Ok(default)
            };
        };
        let unknown = 1 << (self.policy.words().len() - 1);
        let known = if profile.scopes.is_empty() { asked } else { asked & !unknown };
        let asked = if profile.authorization.ignore_unknown_scope && known != 0 { known } else { asked };
        if self.permits(self.policy.most(client).0, asked) {
            Ok(asked)
        } else {
            Err(Invariant::ScopeNeverGrows)
        }
    }
}

impl Model {
    pub(crate) fn new(rules: Arc<Rules>) -> Self {
        Self {
            rules,
            questions: Vec::new(),
            grants: Vec::new(),
            codes: Vec::new(),
            refresh: Vec::new(),
            access: Vec::new(),
            consents: Vec::new(),
            suspended: [false; 2],
            off: 0,
            numbers: 0,
            purged: false,
            unknown: Vec::new(),
        }
    }

    fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    fn is_off(&self, client: Client) -> bool {
        self.off & (1 << client.0) != 0
    }

    fn is_suspended(&self, person: Option<Person>) -> bool {
        person.is_some_and(|person| self.suspended[person as usize])
    }

    /// Which promise refuses a client, if one does.
    fn refuses(&self, client: Client, slip: Option<Slip>) -> Option<Invariant> {
        let public = self.rules.policy.metadata(client).is_public();
        if self.is_off(client) {
            return Some(Invariant::SwitchedOffIsOff);
        }
        match slip {
            Some(Slip::WrongSecret | Slip::NoSecret) if !public => Some(Invariant::ClientProvesItself),
            _ => None,
        }
    }

    fn ends_grant(&mut self, grant: usize, by: Invariant) {
        let grant = &mut self.grants[grant];
        if grant.over.is_some() {
            return;
        }
        grant.past.extend(grant.held.take().map(|held| (held.era, by)));
        grant.waiting = None;
        grant.over = Some(by);
    }

    /// What is so after a party was told this: one state, or several where it cannot be known which.
    pub(crate) fn apply(&self, asked: Asked, now: Time, told: &Told) -> Result<Vec<Model>, Broken> {
        if let Told::Wrong(invariant, why) = told {
            return Err(Broken::new(*invariant, why.clone()));
        }
        let mut after = self.clone();
        if asked.on.is_some_and(|on| self.unknown.contains(&on)) {
            return Ok(vec![after]);
        }
        match (asked.act, asked.on) {
            (Act::Ask { client, person, scope, way }, _) => {
                return self.asked(client, person, scope, None, way, now, told);
            }
            (Act::Approve { client, person, scope, part, way }, _) => {
                let ticked = Some(part.map_or(u64::MAX, |part| part.0));
                return self.asked(client, person, scope, ticked, way, now, told);
            }
            (Act::Decide { person, same_session, approve, .. }, Some(question)) => {
                return self.decided(question, person, same_session, approve, now, told);
            }
            (Act::Redeem { by, slip, .. }, Some(code)) => {
                let verdict = self.on_redeem(code, by, slip, now);
                if let Some(given) = after.judged(&verdict, told, Invariant::RightIsLetPass)? {
                    after.redeemed(code, by, now, Some(given))?;
                }
            }
            (Act::Refresh { by, scope, slip, .. }, Some(token)) => {
                let verdict = self.on_refresh(token, by, scope, slip, now);
                let right = if self.is_current(token) {
                    Invariant::RightIsLetPass
                } else {
                    Invariant::LostAnswerAskedAgain
                };
                if let Some(given) = after.judged(&verdict, told, right)? {
                    after.refreshed(token, scope, now, Some(given))?;
                }
            }
            (Act::Own { by, scope, slip }, _) => {
                let verdict = self.on_own(by, scope, slip);
                if let Some(given) = after.judged(&verdict, told, Invariant::RightIsLetPass)? {
                    after.own(by, scope, now, given)?;
                }
            }
            (Act::Password { by, person, right, scope, slip }, _) => {
                let verdict = self.on_password(by, person, right, scope, slip);
                if let Some(given) = after.judged(&verdict, told, Invariant::RightIsLetPass)? {
                    let scope = self.rules.scope_for(by, scope).unwrap_or_default();
                    after.begun(by, Some(person), scope, now, Some(given))?;
                }
            }
            (Act::Key { by, slip }, _) => {
                let verdict = self.on_key(by, slip);
                if let Some(given) = after.judged(&verdict, told, Invariant::RightIsLetPass)? {
                    after.begun(by, self.owner(by), self.rules.policy.most(by).0, now, Some(given))?;
                }
            }
            (Act::GiveBack { by, slip, .. }, Some(token)) => after.gave_back(token, by, slip, now, told)?,
            (Act::Look { by, slip, .. }, Some(token)) => self.looked(token, by, slip, now, told)?,
            (Act::Use { scope, slip, .. }, Some(token)) => self.used(token, scope, slip, now, told)?,
            (Act::EndGrant { .. }, Some(name)) => after.end_named(name)?,
            (Act::Suspend { person }, _) => after.suspend(person),
            (Act::Reinstate { person }, _) => after.suspended[person as usize] = false,
            (Act::SwitchOff { client }, _) if *told == Told::Done => after.off |= 1 << client.0,
            (Act::SwitchOn { client }, _) if *told == Told::Done => after.off &= !(1 << client.0),
            (Act::SwitchOff { .. } | Act::SwitchOn { .. }, _) => {}
            (Act::Purge, _) => after.purged = true,
            (Act::Pass { .. } | Act::SetBack { .. }, _) => {}
            (
                Act::Decide { .. }
                | Act::Redeem { .. }
                | Act::Refresh { .. }
                | Act::GiveBack { .. }
                | Act::Look { .. }
                | Act::Use { .. }
                | Act::EndGrant { .. },
                None,
            ) => {}
        }
        Ok(vec![after])
    }

    /// What may be so after a request of which nobody was told what became of it, besides that it never happened.
    pub(crate) fn might(&self, asked: Asked, now: Time) -> Vec<Model> {
        let mut after = self.clone();
        let changed = match (asked.act, asked.on) {
            (Act::Ask { client, person, scope, way }, _) => {
                return self.perhaps_approved(client, person, scope, None, way, now);
            }
            (Act::Approve { client, person, scope, part, way }, _) => {
                let ticked = Some(part.map_or(u64::MAX, |part| part.0));
                return self.perhaps_approved(client, person, scope, ticked, way, now);
            }
            (Act::Decide { person, same_session, approve, .. }, Some(question)) => {
                return self.perhaps_decided(question, person, same_session, approve, now);
            }
            (Act::Redeem { by, slip, .. }, Some(code)) => match self.on_redeem(code, by, slip, now) {
                Verdict::Refused(_) => false,
                Verdict::Replay(by, grant) => {
                    after.ends_grant(grant, replay_ends(by));
                    true
                }
                Verdict::Passed => after.redeemed(code, by, now, None).is_ok(),
            },
            (Act::Refresh { by, scope, slip, .. }, Some(token)) => {
                match self.on_refresh(token, by, scope, slip, now) {
                    Verdict::Refused(_) => false,
                    Verdict::Replay(by, grant) => {
                        after.ends_grant(grant, replay_ends(by));
                        true
                    }
                    Verdict::Passed => after.refreshed(token, scope, now, None).is_ok(),
                }
            }
            (Act::Password { by, person, right, scope, slip }, _) => {
                let passed = matches!(self.on_password(by, person, right, scope, slip), Verdict::Passed);
                let scope = self.rules.scope_for(by, scope).unwrap_or_default();
                passed && after.begun(by, Some(person), scope, now, None).is_ok()
            }
            (Act::Key { by, slip }, _) => {
                matches!(self.on_key(by, slip), Verdict::Passed)
                    && after.begun(by, self.owner(by), self.rules.policy.most(by).0, now, None).is_ok()
            }
            (Act::GiveBack { by, slip, .. }, Some(token)) => {
                after.gave_back(token, by, slip, now, &Told::Done).is_ok()
            }
            (Act::EndGrant { .. }, Some(name)) => after.end_named(name).is_ok(),
            _ => false,
        };
        if changed { vec![after] } else { Vec::new() }
    }

    /// What may be so of a request that is on its way still, where that makes a difference.
    pub(crate) fn in_part(&self, asked: Asked, now: Time, told: &Told) -> Vec<Model> {
        match (asked.act, asked.on) {
            (Act::Approve { client, person, scope, part, way }, _) => {
                let ticked = part.map_or(u64::MAX, |part| part.0);
                self.approval_remembered(client, person, scope, ticked, way)
            }
            (Act::Decide { person, same_session, approve: true, .. }, Some(question)) => {
                self.decision_remembered(question, person, same_session, now)
            }
            (Act::Suspend { person }, _) => {
                let mut after = self.clone();
                after.suspended[person as usize] = true;
                vec![after]
            }
            (Act::Password { .. } | Act::Key { .. }, _)
                if *told == Told::Refused(Reason::SubjectSuspended) =>
            {
                self.might(asked, now)
            }
            _ => Vec::new(),
        }
    }

    /// The same, where nobody can say what these tokens are worth.
    pub(crate) fn without_knowing(&self, told: &Told) -> Model {
        let mut after = self.clone();
        if let Told::Tokens(given) = told {
            let known = |id: &Id| self.refresh.iter().any(|token| token.id == *id);
            after.unknown.push(given.access);
            after.unknown.extend(given.refresh.filter(|id| !known(id)));
        }
        after
    }

    /// Holds what was told against a verdict; gives the tokens, if there must be some.
    fn judged<'a>(
        &mut self,
        verdict: &Verdict,
        told: &'a Told,
        right: Invariant,
    ) -> Result<Option<&'a Given>, Broken> {
        match (verdict, told) {
            (Verdict::Refused(_), Told::Refused(_)) => Ok(None),
            (Verdict::Replay(by, grant), Told::Refused(_)) => {
                self.ends_grant(*grant, replay_ends(*by));
                Ok(None)
            }
            (Verdict::Passed, Told::Tokens(given)) => Ok(Some(given)),
            (Verdict::Passed, Told::Refused(reason)) => {
                Err(Broken::new(right, format!("it was refused, as {reason:?}")))
            }
            (Verdict::Refused(invariant) | Verdict::Replay(invariant, _), _) => {
                Err(Broken::new(*invariant, "it was let pass"))
            }
            (Verdict::Passed, other) => Err(Broken::new(right, format!("it was answered {other:?}"))),
        }
    }
}

/// What is broken if a grant lives on after it was used this way.
fn replay_ends(by: Invariant) -> Invariant {
    if by == Invariant::CodeOnce {
        Invariant::CodeReplayEndsTheGrant
    } else {
        Invariant::RefreshReplayEndsTheGrant
    }
}
