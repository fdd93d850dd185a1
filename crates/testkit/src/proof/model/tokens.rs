//! What tokens are worth, and to whom that is told.

use grantor_core::Time;

use super::{AccessToken, Broken, Model};
use crate::proof::Invariant;
use crate::proof::act::{Client, Slip, Words};
use crate::proof::ledger::{Id, Kind};
use crate::proof::request::Told;

impl Model {
    /// The access token, if it is worth something; else which promise ended it.
    fn access_worth(&self, id: Id, now: Time) -> Result<&AccessToken, Invariant> {
        let Some(token) = self.access.iter().find(|token| token.id == id) else {
            return Err(Invariant::InventedIsWorthNothing);
        };
        if self.is_off(token.client) {
            return Err(Invariant::SwitchedOffIsOff);
        }
        if token.ends <= now {
            return Err(Invariant::AccessTokenInTime);
        }
        if token.taken_back {
            return Err(Invariant::TokenTakenBack);
        }
        let Some((grant, era)) = token.of else { return Ok(token) };
        let grant = &self.grants[grant];
        if grant.held.as_ref().is_some_and(|held| held.era == era) {
            return Ok(token);
        }
        let past = grant.past.iter().find(|(past, _)| *past == era).map(|(_, by)| *by);
        Err(past.unwrap_or(Invariant::ReplacedIsOver))
    }

    /// Whether what is seen of a token, by somebody who may see all, is what it must be.
    pub(crate) fn is_as_seen(&self, kind: Kind, id: Id, now: Time, seen: &Told) -> Result<(), Broken> {
        if self.unknown.contains(&id) {
            return Ok(());
        }
        let (worth, scope) = match kind {
            Kind::Access => match self.access_worth(id, now) {
                Ok(token) => (Ok(()), token.scope),
                Err(invariant) => (Err(invariant), None),
            },
            Kind::Refresh => match self.refresh_worth(id, now) {
                Ok((client, _)) if self.is_off(client) => (Err(Invariant::SwitchedOffIsOff), None),
                // What is told of it is what was granted last, which may be more than the client holds by it yet.
                Ok(_) => (Ok(()), None),
                Err(invariant) => (Err(invariant), None),
            },
            Kind::Question | Kind::Code | Kind::Grant => return Ok(()),
        };
        match (worth, seen) {
            (Ok(()), Told::Live(told)) => match (scope, told) {
                (Some(scope), told) if *told != Some(Words(scope)) => Err(Broken::new(
                    Invariant::ScopeNeverGrows,
                    "the token permits something else than was said",
                )),
                _ => Ok(()),
            },
            (Err(_), Told::Dead | Told::Refused(_)) => Ok(()),
            (Ok(()), _) => Err(Broken::new(Invariant::ToldIsSo, "the token is worth nothing")),
            (Err(invariant), _) => Err(Broken::new(invariant, "the token is still active")),
        }
    }

    /// A client gave a token back.
    pub(super) fn gave_back(
        &mut self,
        id: Id,
        by: Client,
        slip: Option<Slip>,
        now: Time,
        told: &Told,
    ) -> Result<(), Broken> {
        match (self.refuses(by, slip), told) {
            (Some(_), Told::Refused(_)) => return Ok(()),
            (Some(invariant), _) => return Err(Broken::new(invariant, "it was let pass")),
            (None, Told::Done) => {}
            (None, other) => {
                return Err(Broken::new(Invariant::RightIsLetPass, format!("it was answered {other:?}")));
            }
        }
        let jwt = self
            .access
            .iter()
            .find(|token| token.id == id)
            .is_some_and(|token| self.rules.is_jwt(token.client));
        if let Some(token) = self.access.iter_mut().find(|token| token.id == id) {
            // Of a JWT that is past nothing is kept.
            token.taken_back |= token.client == by && (!jwt || token.ends > now);
        } else if let Some(grant) = self.takes_its_grant(id).filter(|grant| self.grants[*grant].client == by)
        {
            self.ends_grant(grant, Invariant::RevokedIsOver);
        }
        Ok(())
    }

    /// A client asked what a token is worth.
    pub(super) fn looked(
        &self,
        id: Id,
        by: Client,
        slip: Option<Slip>,
        now: Time,
        told: &Told,
    ) -> Result<(), Broken> {
        let asker = self.rules.policy.metadata(by);
        let refused = self.refuses(by, slip).or(asker.is_public().then_some(Invariant::ClientProvesItself));
        match (refused, told) {
            (Some(_), Told::Refused(_)) => return Ok(()),
            (Some(invariant), _) => return Err(Broken::new(invariant, "it was told")),
            (None, Told::Live(_) | Told::Dead) => {}
            (None, other) => {
                return Err(Broken::new(Invariant::RightIsLetPass, format!("it was answered {other:?}")));
            }
        }
        let access = self.access_worth(id, now).map(|token| (token.client, token.scope));
        let worth = access.or_else(|dead| {
            let unknown = dead == Invariant::InventedIsWorthNothing;
            let refresh = self.refresh_worth(id, now);
            if unknown { refresh.map(|(client, _)| (client, None)) } else { Err(dead) }
        });
        let is_refresh = self.refresh.iter().any(|token| token.id == id);
        let may_know = |owner: Client| {
            let meant_for = self.rules.policy.metadata(owner).access_token_audience.as_ref();
            let serves = asker.audience.as_ref();
            owner == by || (!is_refresh && serves.is_some() && (meant_for.is_none() || meant_for == serves))
        };
        match (worth, told) {
            (Ok((owner, _)), Told::Dead) if may_know(owner) => {
                Err(Broken::new(Invariant::ToldIsSo, "the token is told to be worth nothing"))
            }
            (Ok((owner, _)), Told::Live(_)) if !may_know(owner) => {
                Err(Broken::new(Invariant::ToldToItsOwn, "a stranger is told of it"))
            }
            (Ok((_, Some(scope))), Told::Live(said)) if *said != Some(Words(scope)) => {
                Err(Broken::new(Invariant::ScopeNeverGrows, "it is told to permit something else"))
            }
            (Err(invariant), Told::Live(_)) => Err(Broken::new(invariant, "the token is told to be active")),
            _ => Ok(()),
        }
    }

    /// An access token was shown at a resource.
    pub(super) fn used(
        &self,
        id: Id,
        scope: Option<Words>,
        slip: Option<Slip>,
        now: Time,
        told: &Told,
    ) -> Result<(), Broken> {
        let wanted = scope.map_or(0, |words| words.0);
        let invented = matches!(slip, Some(Slip::Invented | Slip::Garbled));
        let worth =
            if invented { Err(Invariant::InventedIsWorthNothing) } else { self.access_worth(id, now) };
        let worth = worth.and_then(|token| match token.scope {
            Some(held) if !self.rules.permits(held, wanted) => Err(Invariant::ScopeNeverGrows),
            _ => Ok(()),
        });
        match (worth, told) {
            (Ok(()), Told::Live(_)) | (Err(_), Told::Refused(_)) => Ok(()),
            (Ok(()), other) => {
                Err(Broken::new(Invariant::ToldIsSo, format!("the token was answered {other:?}")))
            }
            (Err(invariant), _) => Err(Broken::new(invariant, "the token is still active")),
        }
    }
}
