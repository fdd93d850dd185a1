//! What is exchanged for tokens, and what comes of it.

use grantor_core::client::GrantType;
use grantor_core::{RefreshMode, Time};

use super::{AccessToken, Broken, Chain, Held, Model, RefreshToken, Verdict};
use crate::proof::Invariant;
use crate::proof::act::{Client, Person, Slip, Words};
use crate::proof::ledger::Id;
use crate::proof::policy::subject;
use crate::proof::request::Given;

impl Model {
    fn may(&self, by: Client, grant_type: GrantType, slip: Option<Slip>) -> Result<(), Invariant> {
        match self.refuses(by, slip) {
            Some(invariant) => Err(invariant),
            None if self.rules.may_use(by, grant_type) => Ok(()),
            None => Err(Invariant::ClientKeepsToItsGrantTypes),
        }
    }

    /// What must come of a code that comes back.
    pub(super) fn on_redeem(&self, code: Id, by: Client, slip: Option<Slip>, now: Time) -> Verdict {
        match self.redeem(code, by, slip, now) {
            Ok(verdict) => verdict,
            Err(invariant) => Verdict::Refused(invariant),
        }
    }

    fn redeem(&self, id: Id, by: Client, slip: Option<Slip>, now: Time) -> Result<Verdict, Invariant> {
        self.may(by, GrantType::AuthorizationCode, slip)?;
        let code = self.codes.iter().find(|code| code.id == id);
        let Some(code) = code.filter(|_| !matches!(slip, Some(Slip::Invented | Slip::Garbled))) else {
            return Err(Invariant::InventedIsWorthNothing);
        };
        if code.client != by {
            return Err(Invariant::CodeOfItsClient);
        }
        let grant = &self.grants[code.grant];
        if self.is_suspended(grant.person) {
            return Err(Invariant::SuspendedGetsNothing);
        }
        match slip {
            Some(Slip::OtherUri) => return Err(Invariant::CodeOfItsRedirectUri),
            Some(Slip::NoUri) if code.named => return Err(Invariant::CodeOfItsRedirectUri),
            Some(Slip::OtherVerifier) if code.challenged => return Err(Invariant::CodeOfItsVerifier),
            Some(Slip::OtherVerifier) => return Err(Invariant::VerifierNeedsChallenge),
            Some(Slip::NoVerifier) if code.challenged => return Err(Invariant::CodeOfItsVerifier),
            _ => {}
        }
        if let Some(waiting) = grant.waiting.as_ref().filter(|waiting| waiting.code == Some(id)) {
            return if waiting.ends > now { Ok(Verdict::Passed) } else { Err(Invariant::CodeInTime) };
        }
        if grant.held.as_ref().is_some_and(|held| held.code == Some(id)) {
            return Ok(Verdict::Replay(Invariant::CodeOnce, code.grant));
        }
        Err(grant.over.unwrap_or(Invariant::CodeOnce))
    }

    /// A code was exchanged; for what, if anybody was told.
    pub(super) fn redeemed(
        &mut self,
        id: Id,
        by: Client,
        now: Time,
        given: Option<&Given>,
    ) -> Result<(), Broken> {
        let at = self.codes.iter().find(|code| code.id == id).map_or(0, |code| code.grant);
        let Some(waiting) = self.grants[at].waiting.take() else { return Ok(()) };
        let chain = self.rules.gets_refresh_tokens(by).then(|| self.chain(at, now, given));
        let held = Held { code: Some(id), era: waiting.era, scope: waiting.scope, chain };
        self.hold(at, held, now, given)
    }

    /// A chain of refresh tokens begins.
    fn chain(&mut self, grant: usize, now: Time, given: Option<&Given>) -> Chain {
        let number = self.number();
        let ends = self.refresh_ends(grant, now);
        let first = given.and_then(|given| given.refresh);
        Chain { number, tokens: vec![first], rotated_at: None, ends }
    }

    fn refresh_ends(&self, grant: usize, now: Time) -> Option<Time> {
        let own = self.rules.policy.profile().lifetimes.refresh_token.map(|lifetime| now + lifetime);
        match (own, self.grants[grant].ends) {
            (Some(own), Some(end)) => Some(own.min(end)),
            (own, end) => own.or(end),
        }
    }

    /// From now on the client holds this.
    fn hold(&mut self, at: usize, held: Held, now: Time, given: Option<&Given>) -> Result<(), Broken> {
        let (era, scope) = (held.era, held.scope);
        let number = held.chain.as_ref().map(|chain| chain.number);
        let grant = &mut self.grants[at];
        let (client, person) = (grant.client, grant.person);
        if let Some(before) = grant.held.replace(held).filter(|before| before.era != era) {
            grant.past.push((before.era, Invariant::ReplacedIsOver));
        }
        let Some(given) = given else { return Ok(()) };
        if given.person != person && !given.partial && !self.rules.policy.is_keyed(client) {
            return Err(Broken::new(Invariant::NothingWithoutAPerson, "the tokens speak for another person"));
        }
        match (number, given.refresh) {
            (Some(_), None) | (None, Some(_)) => {
                let why =
                    if number.is_some() { "there is no refresh token" } else { "there is a refresh token" };
                return Err(Broken::new(Invariant::RefreshByItsMode, why));
            }
            (Some(chain), Some(id)) => self.take_refresh(id, at, chain)?,
            (None, None) => {}
        }
        self.take_access(client, Some((at, era)), scope, now, given)
    }

    fn take_refresh(&mut self, id: Id, grant: usize, chain: u32) -> Result<(), Broken> {
        if self.refresh.iter().any(|known| known.id == id) {
            return Err(Broken::new(Invariant::EachIsNew, "this refresh token was given before"));
        }
        self.refresh.push(RefreshToken { id, grant, chain });
        Ok(())
    }

    /// An access token was given.
    pub(super) fn take_access(
        &mut self,
        client: Client,
        of: Option<(usize, u32)>,
        scope: u64,
        now: Time,
        given: &Given,
    ) -> Result<(), Broken> {
        if self.access.iter().any(|known| known.id == given.access) {
            return Err(Broken::new(Invariant::EachIsNew, "this access token was given before"));
        }
        let own = now + self.rules.policy.profile().lifetimes.access_token;
        let ends = of.and_then(|(grant, _)| self.grants[grant].ends).map_or(own, |end| own.min(end));
        if !given.partial {
            if given.scope != Some(Words(scope)) {
                return Err(Broken::new(Invariant::ScopeNeverGrows, "the scope is another than was granted"));
            }
            if given.ends != ends {
                return Err(Broken::new(
                    Invariant::AccessTokenInTime,
                    format!("it ends at {} instead of {ends}", given.ends),
                ));
            }
        }
        let scope = Some(scope);
        self.access.push(AccessToken { id: given.access, client, of, scope, ends, taken_back: false });
        Ok(())
    }

    /// Whether a refresh token is the newest of its chain, and that the one its client holds.
    pub(super) fn is_current(&self, id: Id) -> bool {
        self.kin(id).is_some_and(|(_, _, back)| back == 0)
    }

    /// The grant and the chain of a refresh token, and how many came after it.
    fn kin(&self, id: Id) -> Option<(usize, &Chain, usize)> {
        let token = self.refresh.iter().find(|token| token.id == id)?;
        let chain = self.grants[token.grant].held.as_ref()?.chain.as_ref()?;
        if chain.number != token.chain {
            return None;
        }
        let back = chain.tokens.iter().rev().position(|other| *other == Some(id))?;
        Some((token.grant, chain, back))
    }

    /// What must come of a refresh token.
    pub(super) fn on_refresh(
        &self,
        token: Id,
        by: Client,
        scope: Option<Words>,
        slip: Option<Slip>,
        now: Time,
    ) -> Verdict {
        match self.refresh(token, by, scope, slip, now) {
            Ok(verdict) => verdict,
            Err(invariant) => Verdict::Refused(invariant),
        }
    }

    fn refresh(
        &self,
        id: Id,
        by: Client,
        scope: Option<Words>,
        slip: Option<Slip>,
        now: Time,
    ) -> Result<Verdict, Invariant> {
        let invented = matches!(slip, Some(Slip::Invented | Slip::Garbled));
        let known = self.refresh.iter().find(|token| token.id == id).filter(|_| !invented);
        let Some(token) = known else {
            self.may(by, GrantType::RefreshToken, slip)?;
            return Err(Invariant::InventedIsWorthNothing);
        };
        let owner = self.grants[token.grant].client;
        let (by, slip) = match self.rules.policy.is_keyed(by) {
            true if self.rules.policy.is_keyed(owner) => (owner, None),
            true => return Err(Invariant::ClientProvesItself),
            false => (by, slip),
        };
        self.may(by, GrantType::RefreshToken, slip)?;
        if owner != by {
            return Err(Invariant::RefreshOfItsClient);
        }
        let grant = &self.grants[token.grant];
        if let Some(over) = grant.over {
            return Err(over);
        }
        let Some((at, chain, back)) = self.kin(id) else { return Err(Invariant::ReplacedIsOver) };
        if back > 1 && !self.rules.counts {
            return Err(Invariant::RefreshReplacedIsOver);
        }
        if chain.ends.is_some_and(|end| end <= now) {
            return Err(Invariant::RefreshInTime);
        }
        let granted = grant.held.as_ref().map_or(0, |held| held.scope);
        let asked = scope.filter(|words| words.0 != 0).map_or(granted, |words| words.0);
        let passed = || {
            if self.rules.permits(granted, asked) {
                Ok(Verdict::Passed)
            } else {
                Err(Invariant::ScopeNeverGrows)
            }
        };
        match (self.rules.policy.profile().refresh, back) {
            (RefreshMode::None, _) => Err(Invariant::RefreshByItsMode),
            (RefreshMode::Reuse | RefreshMode::Rotate { .. } | RefreshMode::ReplaceAll, 0) => passed(),
            (RefreshMode::Rotate { grace }, 1)
                if chain.rotated_at.is_some_and(|at| now < at + grace && at < now + grace) =>
            {
                passed()
            }
            (RefreshMode::Rotate { .. }, _) => Ok(Verdict::Replay(Invariant::RefreshReplacedIsOver, at)),
            (RefreshMode::Reuse | RefreshMode::ReplaceAll, _) => Err(Invariant::RefreshReplacedIsOver),
        }
    }

    /// A refresh token was used; for what, if anybody was told.
    pub(super) fn refreshed(
        &mut self,
        id: Id,
        scope: Option<Words>,
        now: Time,
        given: Option<&Given>,
    ) -> Result<(), Broken> {
        let Some((at, _, back)) = self.kin(id) else { return Ok(()) };
        let ends = self.refresh_ends(at, now);
        let mode = self.rules.policy.profile().refresh;
        let client = self.grants[at].client;
        let told = given.and_then(|given| given.refresh);
        let Some(held) = self.grants[at].held.as_mut() else { return Ok(()) };
        let (era, granted) = (held.era, held.scope);
        let Some(chain) = held.chain.as_mut() else { return Ok(()) };
        let number = chain.number;
        let mut fresh = None;
        match (mode, back) {
            (RefreshMode::None | RefreshMode::Reuse, _) => {
                if given.is_some() && told != Some(id) {
                    return Err(Broken::new(Invariant::RefreshByItsMode, "the refresh token is another"));
                }
            }
            (RefreshMode::Rotate { .. } | RefreshMode::ReplaceAll, 0) => {
                chain.tokens.push(told);
                (chain.rotated_at, chain.ends) = (Some(now), ends);
                fresh = told;
                if given.is_some() && told.is_none() {
                    return Err(Broken::new(Invariant::RefreshByItsMode, "there is no refresh token"));
                }
            }
            (RefreshMode::Rotate { .. } | RefreshMode::ReplaceAll, _) => {
                if given.is_some() {
                    let current = chain.tokens.last_mut();
                    match current {
                        // Nobody was told of the successor until now.
                        Some(current @ None) => {
                            *current = told;
                            fresh = told;
                        }
                        Some(current) if *current == told => {}
                        _ => {
                            let why = "the retry gave another refresh token than the first time";
                            return Err(Broken::new(Invariant::LostAnswerAskedAgain, why));
                        }
                    }
                }
            }
        }
        if let Some(fresh) = fresh {
            self.take_refresh(fresh, at, number)?;
        }
        let Some(given) = given else { return Ok(()) };
        let scope = scope.filter(|words| words.0 != 0).map_or(granted, |words| words.0);
        self.take_access(client, Some((at, era)), scope, now, given)
    }

    pub(super) fn on_own(&self, by: Client, scope: Option<Words>, slip: Option<Slip>) -> Verdict {
        let public = self.rules.policy.metadata(by).is_public();
        let may = self.may(by, GrantType::ClientCredentials, slip).and_then(|()| {
            if public {
                Err(Invariant::ClientProvesItself)
            } else {
                self.rules.scope_for(by, scope).map(drop)
            }
        });
        may.map_or_else(Verdict::Refused, |()| Verdict::Passed)
    }

    /// A client got a token of its own.
    pub(super) fn own(
        &mut self,
        by: Client,
        scope: Option<Words>,
        now: Time,
        given: &Given,
    ) -> Result<(), Broken> {
        if given.refresh.is_some() {
            return Err(Broken::new(
                Invariant::RefreshByItsMode,
                "there is a refresh token for a client's own",
            ));
        }
        if given.person.is_some() {
            return Err(Broken::new(
                Invariant::NothingWithoutAPerson,
                "a client's own token speaks for a person",
            ));
        }
        let scope = self.rules.scope_for(by, scope).unwrap_or_default();
        self.take_access(by, None, scope, now, given)
    }

    pub(super) fn on_password(
        &self,
        by: Client,
        person: Person,
        right: bool,
        scope: Option<Words>,
        slip: Option<Slip>,
    ) -> Verdict {
        let may_leave_out = self.rules.policy.profile().clients.danger_password_without_secret;
        let slip = slip.filter(|slip| !(may_leave_out && *slip == Slip::NoSecret));
        let may = self.may(by, GrantType::Password, slip).and_then(|()| {
            if !right {
                return Err(Invariant::NothingWithoutAPerson);
            }
            self.rules.scope_for(by, scope)?;
            if self.is_suspended(Some(person)) { Err(Invariant::SuspendedGetsNothing) } else { Ok(()) }
        });
        may.map_or_else(Verdict::Refused, |()| Verdict::Passed)
    }

    /// The person whom an API key's tokens speak for.
    pub(super) fn owner(&self, client: Client) -> Option<Person> {
        let owner = self.rules.policy.metadata(client).owner.as_ref();
        [Person::Alice, Person::Bob].into_iter().find(|person| owner == Some(&subject(*person)))
    }

    pub(super) fn on_key(&self, by: Client, slip: Option<Slip>) -> Verdict {
        let wrong = matches!(slip, Some(Slip::WrongSecret | Slip::Invented | Slip::Garbled));
        let may = self.may(by, GrantType::ApiKey, None).and_then(|()| match self.owner(by) {
            _ if wrong => Err(Invariant::ClientProvesItself),
            owner if self.is_suspended(owner) => Err(Invariant::SuspendedGetsNothing),
            _ => Ok(()),
        });
        may.map_or_else(Verdict::Refused, |()| Verdict::Passed)
    }

    /// A grant begins with tokens, or begins again where there may be only one.
    pub(super) fn begun(
        &mut self,
        by: Client,
        person: Option<Person>,
        scope: u64,
        now: Time,
        given: Option<&Given>,
    ) -> Result<(), Broken> {
        let fresh = self.number();
        let at = self.place(by, person);
        let ends = self.rules.policy.profile().lifetimes.grant.map(|lifetime| now + lifetime);
        let grant = &mut self.grants[at];
        // What it gave before lives out its time, unless it had been ended.
        let waiting = grant.waiting.take().map(|waiting| waiting.era);
        let era = waiting.or(grant.held.as_ref().map(|held| held.era)).unwrap_or(fresh);
        (grant.ends, grant.over) = (ends, None);
        grant.name = given.and_then(|given| given.grant).or(grant.name);
        let chain = self.rules.gets_refresh_tokens(by).then(|| self.chain(at, now, given));
        self.hold(at, Held { code: None, era, scope, chain }, now, given)
    }

    /// A client gave a refresh token back: does it end its grant?
    pub(super) fn takes_its_grant(&self, id: Id) -> Option<usize> {
        let (grant, _, back) = self.kin(id)?;
        (back <= 1 || self.rules.counts).then_some(grant)
    }

    /// The client of a refresh token, and whether it is the current one and in time; else which promise ended it.
    pub(super) fn refresh_worth(&self, id: Id, now: Time) -> Result<(Client, u64), Invariant> {
        let Some(token) = self.refresh.iter().find(|token| token.id == id) else {
            return Err(Invariant::InventedIsWorthNothing);
        };
        let grant = &self.grants[token.grant];
        if let Some(over) = grant.over {
            return Err(over);
        }
        let Some((_, chain, back)) = self.kin(id) else { return Err(Invariant::ReplacedIsOver) };
        if back > 0 {
            return Err(Invariant::RefreshOneCurrent);
        }
        if chain.ends.is_some_and(|end| end <= now) {
            return Err(Invariant::RefreshInTime);
        }
        Ok((grant.client, grant.held.as_ref().map_or(0, |held| held.scope)))
    }
}
