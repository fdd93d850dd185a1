//! What a person is asked, and what he says.

use grantor_core::client::{GrantType, ResponseType};
use grantor_core::{Reason, Time};

use super::{Broken, Grant, Held, Model, Question, Waiting};
use crate::proof::Invariant;
use crate::proof::act::{Client, Person, Way, Words};
use crate::proof::ledger::Id;
use crate::proof::request::Told;

/// It must have been refused.
fn refused(told: &Told, by: Invariant, why: &str) -> Result<(), Broken> {
    if matches!(told, Told::Refused(_)) { Ok(()) } else { Err(Broken::new(by, why)) }
}

impl Model {
    /// Which promise refuses an authorization request, or what it asks for.
    fn examined(&self, client: Client, scope: Option<Words>, way: Way) -> Result<u64, Invariant> {
        let (policy, metadata) = (&self.rules.policy, self.rules.policy.metadata(client));
        let profile = policy.profile();
        let (grant_type, response_type) = match way {
            Way::Implicit => (GrantType::Implicit, ResponseType::Token),
            Way::Code | Way::WithoutChallenge | Way::Unnamed | Way::Elsewhere => {
                (GrantType::AuthorizationCode, ResponseType::Code)
            }
        };
        if self.is_off(client) {
            return Err(Invariant::SwitchedOffIsOff);
        }
        let unsaid = profile.authorization.redirect_uri_required || metadata.redirect_uris.len() != 1;
        if way == Way::Elsewhere || (way == Way::Unnamed && unsaid) || metadata.redirect_uris.is_empty() {
            return Err(Invariant::RedirectIsRegistered);
        }
        let asks = metadata.response_types.as_ref().is_none_or(|types| types.contains(&response_type));
        if !profile.response_types.contains(&response_type) || !metadata.may_use(grant_type) || !asks {
            return Err(Invariant::ClientKeepsToItsGrantTypes);
        }
        if way == Way::WithoutChallenge && metadata.needs_pkce(profile) {
            return Err(Invariant::ChallengeWhereRequired);
        }
        self.rules.scope_for(client, scope)
    }

    /// What a person approved for a client before, at the most: what was approved in a race may not be remembered. Nothing, if
    /// that does not count.
    fn before(&self, client: Client, person: Person) -> Option<u64> {
        let policy = &self.rules.policy;
        // Of any other client it is not sure that it is the one that was approved (RFC 8252, section 8.6).
        let counts =
            policy.profile().approval.remember && policy.metadata(client).is_assured(policy.callback(client));
        let mut consents = self.consents.iter().filter(|(c, p, _)| counts && (*c, *p) == (client, person));
        consents.next().map(|(_, _, given)| *given)
    }

    /// What of a scope a person is not asked for, at the most.
    fn already(&self, client: Client, person: Person, scope: u64) -> u64 {
        let Some(given) = self.before(client, person) else { return 0 };
        let permitted = |bit: &u32| scope & (1 << bit) != 0 && self.rules.permits(given, 1 << bit);
        (0..u64::BITS).filter(permitted).fold(0, |all, bit| all | 1 << bit)
    }

    /// Whether a person may have approved all of it before, so that he is not asked.
    fn remembers(&self, client: Client, person: Person, scope: u64) -> bool {
        self.before(client, person).is_some() && self.already(client, person, scope) == scope
    }

    /// What is granted of a scope where a person is asked and ticks this: all that is required, what he ticked, and what he
    /// had approved before, of which it is not known how much that is.
    fn choices(&self, client: Client, person: Person, scope: u64, ticked: u64) -> Vec<u64> {
        let left_out = scope & self.rules.optional & !ticked;
        let perhaps = self.already(client, person, scope) & left_out;
        let mut choices = vec![scope & !left_out];
        for bit in (0..u64::BITS).map(|bit| 1 << bit).filter(|bit| perhaps & bit != 0) {
            let with: Vec<u64> = choices.iter().map(|granted| granted | bit).collect();
            choices.extend(with);
        }
        choices
    }

    fn remember(&mut self, client: Client, person: Person, scope: u64) {
        match self.consents.iter_mut().find(|(c, p, _)| (*c, *p) == (client, person)) {
            Some((_, _, given)) => *given |= scope,
            None => self.consents.push((client, person, scope)),
        }
    }

    fn forget(&mut self, client: Client, person: Option<Person>) {
        // Of a grant that is gone nobody knows what it was about.
        if !self.purged {
            self.consents.retain(|(c, p, _)| *c != client || Some(*p) != person);
        }
    }

    /// A client sent a person here, and he said yes and ticked this, or nothing yet.
    #[allow(clippy::too_many_arguments, reason = "an act and what came of it, taken apart")]
    pub(super) fn asked(
        &self,
        client: Client,
        person: Person,
        scope: Option<Words>,
        ticked: Option<u64>,
        way: Way,
        now: Time,
        told: &Told,
    ) -> Result<Vec<Model>, Broken> {
        let wanted = match (self.examined(client, scope, way), told) {
            (Err(_), Told::Refused(_)) => return Ok(vec![self.clone()]),
            (Err(invariant), _) => return Err(Broken::new(invariant, "it was let pass")),
            (Ok(wanted), _) => wanted,
        };
        let remembered = self.remembers(client, person, wanted);
        let choices = ticked.map(|ticked| self.choices(client, person, wanted, ticked)).unwrap_or_default();
        let is_nothing = |granted: &u64| *granted == 0 && wanted != 0;
        let suspended = way == Way::Implicit && self.is_suspended(Some(person));
        let said: Vec<u64> = choices.iter().copied().filter(|granted| !is_nothing(granted)).collect();
        match told {
            Told::Question(id) if ticked.is_none() => {
                let mut after = self.clone();
                after.put_question(*id, client, person, wanted, way, now, false);
                Ok(vec![after])
            }
            Told::Code { question: None, code, grant } if remembered => {
                let mut after = self.clone();
                after.granted(client, person, wanted, way, now, Some(*code), Some(*grant))?;
                Ok(vec![after])
            }
            Told::Code { question: Some(id), code, grant } if !said.is_empty() => {
                self.each(said, |after, granted| {
                    after.put_question(*id, client, person, wanted, way, now, true);
                    after.remember(client, person, granted);
                    after.granted(client, person, granted, way, now, Some(*code), Some(*grant))
                })
            }
            Told::Code { .. } => {
                Err(Broken::new(Invariant::NothingWithoutAPerson, "he did not approve, and there is a code"))
            }
            Told::Tokens(_) if suspended => {
                Err(Broken::new(Invariant::SuspendedGetsNothing, "it was let pass"))
            }
            Told::Tokens(given) if way == Way::Implicit && (remembered || !said.is_empty()) => {
                // What is granted stands in no answer of this kind.
                let mut ways = self.each(said, |after, granted| {
                    after.remember(client, person, granted);
                    after.given_at_once(client, person, granted, now, given)
                })?;
                if remembered {
                    let mut after = self.clone();
                    after.given_at_once(client, person, wanted, now, given)?;
                    ways.push(after);
                }
                Ok(ways)
            }
            Told::Tokens(_) => {
                Err(Broken::new(Invariant::NothingWithoutAPerson, "he did not approve, and there is a token"))
            }
            Told::Refused(_) if suspended => {
                // What he said is remembered all the same.
                self.each(if said.is_empty() { vec![0] } else { said }, |after, granted| {
                    after.remember(client, person, granted);
                    Ok(())
                })
            }
            Told::Refused(Reason::Denied) if choices.iter().any(is_nothing) => Ok(vec![self.clone()]),
            Told::Refused(Reason::Withdrawn) if remembered || self.already(client, person, wanted) != 0 => {
                self.taken_back_meanwhile(
                    client,
                    person,
                    if remembered { vec![wanted] } else { said },
                    way,
                    now,
                )
            }
            Told::Question(_)
            | Told::Live(_)
            | Told::Dead
            | Told::Done
            | Told::Refused(_)
            | Told::Wrong(..)
            | Told::Nothing => {
                Err(Broken::new(Invariant::RightIsLetPass, format!("it was answered {told:?}")))
            }
        }
    }

    /// The same with each of several scopes.
    fn each(
        &self,
        scopes: Vec<u64>,
        take: impl Fn(&mut Model, u64) -> Result<(), Broken>,
    ) -> Result<Vec<Model>, Broken> {
        let way = |scope| {
            let mut after = self.clone();
            take(&mut after, scope).map(|()| after)
        };
        scopes.into_iter().map(way).collect()
    }

    /// What he approved before was taken back while the server went by it: it noticed before there was a grant, or there is
    /// one, and its code was given to nobody.
    fn taken_back_meanwhile(
        &self,
        client: Client,
        person: Person,
        scopes: Vec<u64>,
        way: Way,
        now: Time,
    ) -> Result<Vec<Model>, Broken> {
        let mut ways = vec![self.clone()];
        if way != Way::Implicit {
            ways.extend(self.each(scopes, |after, granted| {
                after.remember(client, person, granted);
                after.granted(client, person, granted, way, now, None, None)
            })?);
        }
        Ok(ways)
    }

    #[allow(clippy::too_many_arguments, reason = "a question has so many parts")]
    fn put_question(
        &mut self,
        id: Id,
        client: Client,
        person: Person,
        scope: u64,
        way: Way,
        now: Time,
        decided: bool,
    ) {
        let ends = now + self.rules.policy.profile().lifetimes.interaction;
        let already = self.already(client, person, scope);
        self.questions.push(Question { id, client, person, scope, already, way, ends, decided });
    }

    /// The question, if this person may decide it here and now.
    fn open(&self, id: Id, person: Person, same_session: bool, now: Time) -> Option<usize> {
        let at = self.questions.iter().position(|question| question.id == id)?;
        let question = &self.questions[at];
        let may = same_session && question.person == person && !question.decided && question.ends > now;
        may.then_some(at)
    }

    /// A person answered a question.
    pub(super) fn decided(
        &self,
        id: Id,
        person: Person,
        same_session: bool,
        approve: bool,
        now: Time,
        told: &Told,
    ) -> Result<Vec<Model>, Broken> {
        let mut after = self.clone();
        let Some(at) = self.open(id, person, same_session, now) else {
            return refused(told, Invariant::DecidedOnce, "it was let pass").map(|()| vec![after]);
        };
        after.questions[at].decided = true;
        let Question { client, scope, already, way, .. } = self.questions[at];
        if !approve {
            let why = "he said no, and it was let pass";
            return refused(told, Invariant::NothingWithoutAPerson, why).map(|()| vec![after]);
        }
        if self.is_off(client) {
            return refused(told, Invariant::SwitchedOffIsOff, "it was let pass").map(|()| vec![after]);
        }
        let suspended = way == Way::Implicit && self.is_suspended(Some(person));
        // What of `already` stands no more cannot be relied upon, and he was not asked for it.
        let gone = already & !self.already(client, person, already) != 0;
        match told {
            Told::Refused(Reason::Withdrawn) if already != 0 => {
                after.taken_back_meanwhile(client, person, vec![scope], way, now)
            }
            Told::Code { .. } | Told::Tokens(_) if gone => {
                let why = "what he had approved before was taken back, and it was let pass";
                Err(Broken::new(Invariant::NothingWithoutAPerson, why))
            }
            Told::Code { code, grant, .. } if way != Way::Implicit => {
                after.remember(client, person, scope);
                after.granted(client, person, scope, way, now, Some(*code), Some(*grant))?;
                Ok(vec![after])
            }
            Told::Refused(_) if suspended => {
                after.remember(client, person, scope);
                Ok(vec![after])
            }
            Told::Tokens(_) if suspended => {
                Err(Broken::new(Invariant::SuspendedGetsNothing, "it was let pass"))
            }
            Told::Tokens(given) if way == Way::Implicit => {
                after.remember(client, person, scope);
                after.given_at_once(client, person, scope, now, given)?;
                Ok(vec![after])
            }
            Told::Question(_)
            | Told::Code { .. }
            | Told::Tokens(_)
            | Told::Live(_)
            | Told::Dead
            | Told::Done
            | Told::Refused(_)
            | Told::Wrong(..)
            | Told::Nothing => {
                Err(Broken::new(Invariant::RightIsLetPass, format!("it was answered {told:?}")))
            }
        }
    }

    /// What may have come of an answer of which nobody heard: that it was taken, that it is remembered, or also that there is
    /// a grant.
    pub(super) fn perhaps_decided(
        &self,
        id: Id,
        person: Person,
        same_session: bool,
        approve: bool,
        now: Time,
    ) -> Vec<Model> {
        let Some(at) = self.open(id, person, same_session, now) else { return Vec::new() };
        let mut taken = self.clone();
        taken.questions[at].decided = true;
        let Question { client, scope, way, .. } = self.questions[at];
        if !approve {
            return vec![taken];
        }
        let more = taken.perhaps_granted(client, person, scope, way, now);
        std::iter::once(taken).chain(more).collect()
    }

    /// What may have come of an authorization of which nobody heard.
    pub(super) fn perhaps_approved(
        &self,
        client: Client,
        person: Person,
        scope: Option<Words>,
        ticked: Option<u64>,
        way: Way,
        now: Time,
    ) -> Vec<Model> {
        let Ok(wanted) = self.examined(client, scope, way) else { return Vec::new() };
        let mut scopes =
            ticked.map(|ticked| self.choices(client, person, wanted, ticked)).unwrap_or_default();
        if self.remembers(client, person, wanted) && !scopes.contains(&wanted) {
            scopes.push(wanted);
        }
        scopes.into_iter().flat_map(|scope| self.perhaps_granted(client, person, scope, way, now)).collect()
    }

    /// What he approves is remembered first, and then there is a grant.
    fn perhaps_granted(&self, client: Client, person: Person, scope: u64, way: Way, now: Time) -> Vec<Model> {
        let mut remembered = self.clone();
        remembered.remember(client, person, scope);
        let mut ways = Vec::new();
        if way != Way::Implicit {
            let mut granted = remembered.clone();
            ways.extend(
                granted.granted(client, person, scope, way, now, None, None).is_ok().then_some(granted),
            );
        }
        if self.rules.policy.profile().approval.remember || ways.is_empty() {
            ways.push(remembered);
        }
        ways
    }

    /// What a person approves now, remembered before there is a grant.
    pub(super) fn approval_remembered(
        &self,
        client: Client,
        person: Person,
        scope: Option<Words>,
        ticked: u64,
        way: Way,
    ) -> Vec<Model> {
        let Ok(wanted) = self.examined(client, scope, way) else { return Vec::new() };
        let choices = self.choices(client, person, wanted, ticked);
        choices.into_iter().filter_map(|scope| self.with_more_remembered(client, person, scope)).collect()
    }

    /// The same of an answer to a question.
    pub(super) fn decision_remembered(
        &self,
        id: Id,
        person: Person,
        same_session: bool,
        now: Time,
    ) -> Vec<Model> {
        let Some(at) = self.open(id, person, same_session, now) else { return Vec::new() };
        let Question { client, scope, .. } = self.questions[at];
        self.with_more_remembered(client, person, scope).into_iter().collect()
    }

    fn with_more_remembered(&self, client: Client, person: Person, scope: u64) -> Option<Model> {
        let mut after = self.clone();
        after.remember(client, person, scope);
        (after.before(client, person) != self.before(client, person)).then_some(after)
    }

    /// A code is on its way.
    #[allow(clippy::too_many_arguments, reason = "a grant has so many parts")]
    fn granted(
        &mut self,
        client: Client,
        person: Person,
        scope: u64,
        way: Way,
        now: Time,
        code: Option<Id>,
        name: Option<Id>,
    ) -> Result<(), Broken> {
        let lifetimes = self.rules.policy.profile().lifetimes.clone();
        let ends = lifetimes.grant.map(|lifetime| now + lifetime);
        let code_ends = now + lifetimes.authorization_code;
        let era = self.number();
        let at = self.place(client, Some(person));
        let grant = &mut self.grants[at];
        grant.ends = ends;
        grant.over = None;
        grant.name = name.or(grant.name);
        let ends = ends.map_or(code_ends, |end| end.min(code_ends));
        grant.waiting = Some(Waiting { code, era, scope, ends });
        if let Some(id) = code {
            if self.codes.iter().any(|known| known.id == id) {
                return Err(Broken::new(Invariant::EachIsNew, "this code was given before"));
            }
            let (named, challenged) = (way != Way::Unnamed, way != Way::WithoutChallenge);
            self.codes.push(super::Code { id, grant: at, client, named, challenged });
        }
        Ok(())
    }

    /// The grant that a new authorization is about: a new one, or the only one there may be.
    pub(super) fn place(&mut self, client: Client, person: Option<Person>) -> usize {
        let only = self.rules.policy.profile().approval.one_grant;
        let same = |grant: &Grant| grant.client == client && grant.person == person;
        if let Some(at) = self.grants.iter().position(same).filter(|_| only) {
            return at;
        }
        self.grants.push(Grant {
            client,
            person,
            name: None,
            ends: None,
            waiting: None,
            held: None,
            over: None,
            past: Vec::new(),
        });
        self.grants.len() - 1
    }

    /// An access token came with the answer itself.
    fn given_at_once(
        &mut self,
        client: Client,
        person: Person,
        scope: u64,
        now: Time,
        given: &crate::proof::request::Given,
    ) -> Result<(), Broken> {
        let lifetimes = self.rules.policy.profile().lifetimes.clone();
        let ends = lifetimes.grant.map(|lifetime| now + lifetime);
        let era = self.number();
        self.grants.push(Grant {
            client,
            person: Some(person),
            name: given.grant,
            ends,
            waiting: None,
            held: Some(Held { code: None, era, scope, chain: None }),
            over: None,
            past: Vec::new(),
        });
        let at = self.grants.len() - 1;
        self.take_access(client, Some((at, era)), scope, now, given)
    }

    /// A grant was ended, whoever ended it.
    pub(super) fn end_named(&mut self, name: Id) -> Result<(), Broken> {
        let Some(at) = self.grants.iter().position(|grant| grant.name == Some(name)) else {
            return Err(Broken::new(Invariant::ToldIsSo, "a grant was ended that was not made"));
        };
        let (client, person) = (self.grants[at].client, self.grants[at].person);
        self.ends_grant(at, Invariant::RevokedIsOver);
        self.forget(client, person);
        Ok(())
    }

    /// A person was suspended.
    pub(super) fn suspend(&mut self, person: Person) {
        self.suspended[person as usize] = true;
        self.end_all_of(person);
    }

    /// The same, where it was known already that he is, and only his grants are still to be ended.
    pub(in crate::proof) fn with_grants_ended(&self, person: Person) -> Model {
        let mut after = self.clone();
        after.end_all_of(person);
        after
    }

    fn end_all_of(&mut self, person: Person) {
        for at in 0..self.grants.len() {
            if self.grants[at].person == Some(person) {
                let client = self.grants[at].client;
                self.ends_grant(at, Invariant::SuspendedGetsNothing);
                self.forget(client, Some(person));
            }
        }
    }
}
