//! A grant whose code is on its way, and what becomes of it when the code comes back (RFC 6749, section 4.1.3).

use serde::{Deserialize, Serialize};

use super::{Active, Before, Decision, Grant, RefreshChain, RevocationCause, State};
use crate::credential::AuthorizationCode;
use crate::event::Event;
use crate::flow::ClientAuthenticated;
use crate::pkce::{CodeChallenge, CodeVerifier};
use crate::profile::RedirectMatch;
use crate::redirect::RedirectTrusted;
use crate::refusal::{Reason, Refusal};
use crate::secret::Digest;
use crate::time::Time;

/// What a code is bound to, beside its client.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeBinding {
    digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redirect_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<CodeChallenge>,
}

/// The state of a grant whose code is on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeIssued {
    code: CodeBinding,
    expires_at: Time,
    /// What the client holds until then, where it was approved before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Box<Before>>,
}

/// Proof that a code came with all it is bound to: what `redeem` and a replay's revocation both need.
struct CodeProven;

/// The command: exchange this code.
pub struct Redeem<'a> {
    /// Who asks.
    pub client: &'a ClientAuthenticated,
    /// The code.
    pub code: &'a AuthorizationCode,
    /// The URI, which must be the one the authorization request named, if it named one; else, if it is given at all, one
    /// of the client's own.
    pub redirect_uri: Option<&'a str>,
    /// How the two are compared.
    pub redirect_match: RedirectMatch,
    /// The verifier, which must meet the challenge, if there was one.
    pub verifier: Option<&'a CodeVerifier>,
    /// The chain that begins, if the client gets a refresh token.
    pub refresh: Option<RefreshChain>,
    /// Until when the record matters once tokens are out.
    pub keep_until: Option<Time>,
}

impl CodeIssued {
    /// A code bound to where it is sent and to the client's challenge.
    pub fn new(
        code: &AuthorizationCode,
        redirect: &RedirectTrusted,
        challenge: Option<CodeChallenge>,
        expires_at: Time,
    ) -> Self {
        let redirect_uri = redirect.to_repeat().map(ToOwned::to_owned);
        let code = CodeBinding { digest: *code.digest(), redirect_uri, challenge };
        Self { code, expires_at, before: None }
    }

    /// When the code ends.
    pub fn expires_at(&self) -> Time {
        self.expires_at
    }

    /// Whether this is the code, right in all else, that gave what the client holds until this one is redeemed.
    fn holds_tokens_of(&self, redeem: &Redeem<'_>) -> bool {
        let code = self.before.as_deref().and_then(|before| before.active.code.as_ref());
        code.is_some_and(|binding| binding.prove(redeem).is_ok())
    }
}

impl CodeBinding {
    /// The same refusal, with what the code is bound to and what came with it.
    fn told(&self, refusal: Refusal, redeem: &Redeem<'_>) -> Refusal {
        refusal
            .saw("code", self.digest.matches(redeem.code.digest()))
            .saw("redirect_uri_asked", self.redirect_uri.is_some())
            .saw("redirect_uri_given", redeem.redirect_uri.is_some())
            .saw("code_challenge", self.challenge.is_some())
            .saw("code_verifier", redeem.verifier.is_some())
    }

    fn prove(&self, redeem: &Redeem<'_>) -> Result<CodeProven, Reason> {
        if !self.digest.matches(redeem.code.digest()) {
            return Err(Reason::CodeUnknown);
        }
        let same_uri = match (self.redirect_uri.as_deref(), redeem.redirect_uri) {
            (Some(asked), Some(repeated)) => redeem.redirect_match.same(asked, repeated),
            (Some(_), None) => false,
            // There is nothing to repeat, but clients that always send one do so here, too.
            (None, Some(given)) => {
                redeem.client.metadata().redirect_uris.iter().any(|own| own.leads_to(given))
            }
            (None, None) => true,
        };
        if !same_uri {
            return Err(Reason::RedirectDiffers);
        }
        match (&self.challenge, redeem.verifier) {
            (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => Ok(CodeProven),
            (Some(_), Some(_)) => Err(Reason::VerifierWrong),
            (Some(_), None) => Err(Reason::VerifierMissing),
            (None, Some(_)) => Err(Reason::VerifierUnexpected),
            (None, None) => Ok(CodeProven),
        }
    }
}

impl Grant {
    /// Exchanges the code, once. The same code a second time, right in all else, ends the grant; whoever has the code
    /// alone, without the client's secret or verifier, can neither use it nor end the grant with it.
    pub fn redeem(self, redeem: &Redeem<'_>, now: Time) -> Decision<()> {
        let about = |reason: Reason| Refusal::from(reason).by(redeem.client.id()).on(self.grant.id);
        if self.grant.client != *redeem.client.id() {
            return Decision::refuse(about(Reason::CodeOfAnotherClient).saw("issued_to", &self.grant.client));
        }
        match &self.state {
            State::CodeIssued(issued) => match issued.code.prove(redeem) {
                // The code of what it holds meanwhile: used, and used again.
                Err(_) if issued.holds_tokens_of(redeem) => {
                    let refusal = about(Reason::CodeReplayed).saw("state", "code_issued");
                    self.replayed(refusal, RevocationCause::CodeReplayed, now)
                }
                Err(reason) => Decision::refuse(issued.code.told(about(reason), redeem)),
                Ok(CodeProven) if issued.expires_at <= now => {
                    let refusal = about(Reason::CodeExpired).saw("expires_at", issued.expires_at);
                    Decision::refuse(refusal.saw("now", now))
                }
                Ok(proven) => {
                    let binding = issued.code.clone();
                    self.redeemed(proven, binding, redeem)
                }
            },
            State::Active(active) => {
                match active.code.as_ref().map(|binding| (binding, binding.prove(redeem))) {
                    Some((_, Ok(CodeProven))) => {
                        let refusal = about(Reason::CodeReplayed).saw("state", "active");
                        self.replayed(refusal, RevocationCause::CodeReplayed, now)
                    }
                    Some((binding, Err(reason))) => Decision::refuse(binding.told(about(reason), redeem)),
                    None => Decision::refuse(about(Reason::CodeUnknown).saw("code", false)),
                }
            }
            State::Revoked(revoked) => Decision::refuse(revoked.told(about(Reason::CodeRevoked))),
        }
    }

    fn redeemed(mut self, _: CodeProven, code: CodeBinding, redeem: &Redeem<'_>) -> Decision<()> {
        self.state = State::Active(Active { code: Some(code), refresh: redeem.refresh.clone() });
        self.keep_until = redeem.keep_until;
        let events = vec![Event::CodeRedeemed { grant: self.grant.id, client: self.grant.client.clone() }];
        Decision { write: Some(self), verdict: Ok(()), events }
    }
}
