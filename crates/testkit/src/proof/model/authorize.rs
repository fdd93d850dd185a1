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

    /// Whether a person approved all of it before, as far as can be known.
    fn remembers(&self, client: Client, person: Person, scope: u64) -> bool {
        let mut before = self.consents.iter().filter(|(c, p, _)| (*c, *p) == (client, person));
        self.rules.policy.profile().approval.remember
            && before.any(|(_, _, given)| self.rules.permits(*given, scope))
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

    /// A client sent a person here, and he said yes to `part` of it, or nothing yet.
    #[allow(clippy::too_many_arguments, reason = "an act and what came of it, taken apart")]
    pub(super) fn asked(
        &mut self,
        client: Client,
        person: Person,
        scope: Option<Words>,
        part: Option<u64>,
        way: Way,
        now: Time,
        told: &Told,
    ) -> Result<(), Broken> {
        let wanted = match (self.examined(client, scope, way), told) {
            (Err(_), Told::Refused(_)) => return Ok(()),
            (Err(invariant), _) => return Err(Broken::new(invariant, "it was let pass")),
            (Ok(wanted), _) => wanted,
        };
        let remembered = self.remembers(client, person, wanted);
        let approved = wanted & part.unwrap_or(u64::MAX);
        let nothing = approved == 0 && wanted != 0;
        if part.is_some() && !nothing {
            self.remember(client, person, approved);
        }
        match told {
            Told::Question(id) if part.is_none() => {
                self.put_question(*id, client, person, wanted, way, now, false);
                Ok(())
            }
            Told::Code { question: None, code, grant } if remembered => {
                self.granted(client, person, wanted, way, now, Some(*code), Some(*grant))
            }
            Told::Code { question: Some(id), code, grant } if part.is_some() && !nothing => {
                self.put_question(*id, client, person, wanted, way, now, true);
                self.granted(client, person, approved, way, now, Some(*code), Some(*grant))
            }
            Told::Code { .. } => {
                Err(Broken::new(Invariant::NothingWithoutAPerson, "he did not approve, and there is a code"))
            }
            Told::Tokens(given) if way == Way::Implicit && (remembered || part.is_some_and(|_| !nothing)) => {
                let scope = if part.is_some() { approved } else { wanted };
                if self.is_suspended(Some(person)) {
                    return Err(Broken::new(Invariant::SuspendedGetsNothing, "it was let pass"));
                }
                self.given_at_once(client, person, scope, now, given)
            }
            Told::Tokens(_) => {
                Err(Broken::new(Invariant::NothingWithoutAPerson, "he did not approve, and there is a token"))
            }
            Told::Refused(_) if way == Way::Implicit && self.is_suspended(Some(person)) => Ok(()),
            Told::Refused(_) if part.is_some() && nothing => Ok(()),
            Told::Refused(Reason::Withdrawn) if self.rules.policy.profile().approval.remember => {
                // A grant was made, and its code given to nobody.
                self.granted(client, person, wanted, way, now, None, None)
            }
            other => Err(Broken::new(Invariant::RightIsLetPass, format!("it was answered {other:?}"))),
        }
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
        self.questions.push(Question { id, client, person, scope, way, ends, decided });
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
        &mut self,
        id: Id,
        person: Person,
        same_session: bool,
        approve: bool,
        now: Time,
        told: &Told,
    ) -> Result<(), Broken> {
        let Some(at) = self.open(id, person, same_session, now) else {
            return refused(told, Invariant::DecidedOnce, "it was let pass");
        };
        self.questions[at].decided = true;
        let Question { client, scope, way, .. } = self.questions[at];
        if !approve {
            return refused(told, Invariant::NothingWithoutAPerson, "he said no, and it was let pass");
        }
        if self.is_off(client) {
            return refused(told, Invariant::SwitchedOffIsOff, "it was let pass");
        }
        match told {
            Told::Code { code, grant, .. } if way != Way::Implicit => {
                self.remember(client, person, scope);
                self.granted(client, person, scope, way, now, Some(*code), Some(*grant))
            }
            Told::Refused(_) if way == Way::Implicit && self.is_suspended(Some(person)) => Ok(()),
            Told::Tokens(given) if way == Way::Implicit => {
                if self.is_suspended(Some(person)) {
                    return Err(Broken::new(Invariant::SuspendedGetsNothing, "it was let pass"));
                }
                self.remember(client, person, scope);
                self.given_at_once(client, person, scope, now, given)
            }
            other => Err(Broken::new(Invariant::RightIsLetPass, format!("it was answered {other:?}"))),
        }
    }

    /// What may have come of an answer of which nobody heard: that it was taken, or also that there is a grant.
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
        if !approve || way == Way::Implicit {
            return vec![taken];
        }
        taken.remember(client, person, scope);
        let mut granted = taken.clone();
        let made = granted.granted(client, person, scope, way, now, None, None).is_ok();
        if made { vec![taken, granted] } else { vec![taken] }
    }

    /// What may have come of an authorization of which nobody heard.
    pub(super) fn perhaps_approved(
        &mut self,
        client: Client,
        person: Person,
        scope: Option<Words>,
        way: Way,
        now: Time,
    ) -> bool {
        let Ok(wanted) = self.examined(client, scope, way) else { return false };
        self.remember(client, person, wanted);
        way == Way::Implicit || self.granted(client, person, wanted, way, now, None, None).is_ok()
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
        for at in 0..self.grants.len() {
            if self.grants[at].person == Some(person) {
                let client = self.grants[at].client;
                self.ends_grant(at, Invariant::SuspendedGetsNothing);
                self.forget(client, Some(person));
            }
        }
    }
}
