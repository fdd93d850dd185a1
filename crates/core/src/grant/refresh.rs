//! The refresh tokens of a grant (RFC 6749, section 6; RFC 9700, section 4.14.2).
//!
//! They are a chain: each token is derived from the one before it and the server's key. So one digest, that of the
//! newest, is all that is stored, and it proves everything: a presented token is the current one if its digest is that
//! digest; it is an ancestor if deriving from it arrives there. No list of used tokens is kept, and an invented token of
//! an old generation can be told from a stolen one.

use serde::{Deserialize, Serialize};

use super::{Decision, Grant, RevocationCause, State};
use crate::credential::RefreshToken;
use crate::event::Event;
use crate::flow::ClientAuthenticated;
use crate::limits::Limits;
use crate::profile::{Lifetimes, RefreshMode};
use crate::refusal::{Reason, Refusal};
use crate::secret::{Digest, Secret, ServerKey};
use crate::time::Time;

/// Where a grant's chain of refresh tokens stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshChain {
    generation: u32,
    digest: Digest,
    /// When the current token ends unless it is used; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Time>,
    /// When the current token replaced the one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotated_at: Option<Time>,
}

/// The command: give new tokens for this one.
pub struct Refresh<'a> {
    /// Who asks.
    pub client: &'a ClientAuthenticated,
    /// The refresh token.
    pub token: &'a RefreshToken,
    /// What becomes of it.
    pub mode: RefreshMode,
    /// The server's key, of which successors are derived.
    pub key: &'a ServerKey,
    /// How long a successor lives.
    pub lifetimes: &'a Lifetimes,
    /// How far back an ancestor is looked for.
    pub limits: &'a Limits,
}

/// A refresh that was let pass.
pub struct Refreshed {
    /// The refresh token to hold from now on: a successor, or the same again.
    pub refresh_token: Secret,
}

/// What a token of the chain is to the current one.
#[derive(Clone, Copy)]
enum Kinship {
    Current,
    /// Its direct predecessor.
    Predecessor,
    /// One from further back.
    Ancestor,
}

impl RefreshChain {
    /// A chain that begins with this token.
    pub fn begin(token: &RefreshToken, expires_at: Option<Time>) -> Self {
        Self { generation: token.generation(), digest: token.digest(), expires_at, rotated_at: None }
    }

    /// When the current token ends; never if `None`.
    pub fn expires_at(&self) -> Option<Time> {
        self.expires_at
    }

    /// When the current token replaced the one before it, if it did.
    pub fn rotated_at(&self) -> Option<Time> {
        self.rotated_at
    }

    /// Whether this is the current token, and has not expired: what introspection asks.
    pub fn is_current(&self, token: &RefreshToken, now: Time) -> bool {
        self.digest.matches(&token.digest()) && !self.has_expired(now)
    }

    /// Whether this token is the current one or one that it replaced: what revocation asks.
    pub(crate) fn descends_from(&self, token: &RefreshToken, key: &ServerKey, limits: &Limits) -> bool {
        self.kinship(token, key, limits).is_some()
    }

    fn has_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// What a presented token is to the chain; nothing, if it is none of it or from too far back to tell.
    fn kinship(&self, token: &RefreshToken, key: &ServerKey, limits: &Limits) -> Option<Kinship> {
        if self.digest.matches(&token.digest()) {
            return Some(Kinship::Current);
        }
        // Of its own generation only the current one is right, and its successor is of the next: so none is found for nought.
        let steps = self.generation.checked_sub(token.generation())?;
        if steps > limits.replay_proof_steps {
            return None;
        }
        let mut descendant = token.successor(key);
        for _ in 1..steps {
            descendant = descendant.successor(key);
        }
        let kinship = if steps == 1 { Kinship::Predecessor } else { Kinship::Ancestor };
        self.digest.matches(&descendant.digest()).then_some(kinship)
    }

    /// Whether the last rotation was less than `grace` ago. A clock that was set back widens nothing.
    fn rotated_within(&self, grace: crate::Lifetime, now: Time) -> bool {
        self.rotated_at.is_some_and(|at| now < at + grace && at < now + grace)
    }
}

impl Grant {
    /// Lets a refresh token be used, by the rule of `mode`. In every mode at most one token of a grant is current, and a
    /// retry inside the grace gives the same successor again: no history of calls makes two.
    pub fn refresh(self, refresh: &Refresh<'_>, now: Time) -> Decision<Refreshed> {
        let (id, token) = (self.grant.id, refresh.token);
        let about = |reason: Reason| Refusal::from(reason).by(refresh.client.id()).on(id);
        if self.grant.client != *refresh.client.id() {
            let refusal = about(Reason::RefreshTokenOfAnotherClient).saw("issued_to", &self.grant.client);
            return Decision::refuse(refusal);
        }
        if let State::Revoked(revoked) = &self.state {
            return Decision::refuse(revoked.told(about(Reason::RefreshTokenRevoked)));
        }
        let Some(chain) = self.refresh_chain().cloned() else {
            return Decision::refuse(about(Reason::RefreshTokenUnknown).saw("chain", false));
        };
        let placed = |reason: Reason| {
            let refusal = about(reason).saw("generation", token.generation());
            let refusal = refusal.saw("generation_current", chain.generation);
            match chain.rotated_at {
                Some(at) => refusal.saw("rotated_at", at),
                None => refusal,
            }
        };
        let Some(kinship) = chain.kinship(token, refresh.key, refresh.limits) else {
            return Decision::refuse(placed(Reason::RefreshTokenUnknown));
        };
        if let Some(ended) = chain.expires_at.filter(|_| chain.has_expired(now)) {
            let refusal = about(Reason::RefreshTokenExpired).saw("expires_at", ended);
            return Decision::refuse(refusal.saw("now", now));
        }
        let again = || Decision::answer(Refreshed { refresh_token: token.text() });
        let successor = || token.successor(refresh.key);
        match (refresh.mode, kinship) {
            (RefreshMode::None, _) => {
                Decision::refuse(about(Reason::GrantTypeUnsupported).saw("refresh", "none"))
            }
            (RefreshMode::Reuse, Kinship::Current) => again(),
            (RefreshMode::Rotate { .. } | RefreshMode::ReplaceAll, Kinship::Current) => {
                self.rotate(&successor(), refresh.lifetimes, now)
            }
            (RefreshMode::Rotate { grace }, Kinship::Predecessor) if chain.rotated_within(grace, now) => {
                Decision::answer(Refreshed { refresh_token: successor().text() })
            }
            (RefreshMode::Rotate { grace }, Kinship::Predecessor | Kinship::Ancestor) => {
                let refusal = placed(Reason::RefreshTokenReplayed).saw("grace", grace).saw("now", now);
                self.replayed(refusal, RevocationCause::RefreshTokenReplayed, now)
            }
            (RefreshMode::Reuse | RefreshMode::ReplaceAll, Kinship::Predecessor | Kinship::Ancestor) => {
                Decision::refuse(placed(Reason::RefreshTokenReplaced))
            }
        }
    }

    fn rotate(mut self, successor: &RefreshToken, lifetimes: &Lifetimes, now: Time) -> Decision<Refreshed> {
        let next = RefreshChain {
            generation: successor.generation(),
            digest: successor.digest(),
            expires_at: self.grant.refresh_token_end(lifetimes, now),
            rotated_at: Some(now),
        };
        let events = vec![Event::RefreshTokenRotated {
            grant: self.grant.id,
            client: self.grant.client.clone(),
            generation: next.generation,
        }];
        // What is kept must outlive the last access token of the last refresh token, in either order of settings.
        self.keep_until = next.expires_at.map(|at| at + lifetimes.access_token);
        if let Some(active) = self.active_mut() {
            active.refresh = Some(next);
        }
        Decision { write: Some(self), verdict: Ok(Refreshed { refresh_token: successor.text() }), events }
    }
}

impl super::GrantFacts {
    /// When a refresh token issued now ends: by its own lifetime, or with the grant.
    pub fn refresh_token_end(&self, lifetimes: &Lifetimes, now: Time) -> Option<Time> {
        match (lifetimes.refresh_token, self.expires_at) {
            (Some(lifetime), _) => Some(self.capped(now + lifetime)),
            (None, end) => end,
        }
    }
}
