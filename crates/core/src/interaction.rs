//! An authorization request on its way through the browser: validated, shown to a person, and decided once.

use serde::{Deserialize, Serialize};

use crate::client::ResponseType;
use crate::credential::InteractionHandle;
use crate::ids::{ClientId, SubjectId};
use crate::pkce::CodeChallenge;
use crate::record::{Format, Key, Kind, Record};
use crate::redirect::RedirectTrusted;
use crate::scope::Scope;
use crate::secret::Digest;
use crate::time::Time;

/// An authorization request that was found right. Only `examine` makes one, so whoever holds one may trust its URI.
#[derive(Debug, Clone)]
pub struct AuthorizationRequest {
    pub(crate) client: ClientId,
    pub(crate) redirect: RedirectTrusted,
    pub(crate) response_type: ResponseType,
    pub(crate) scope: Scope,
    pub(crate) state: Option<String>,
    pub(crate) challenge: Option<CodeChallenge>,
}

impl AuthorizationRequest {
    /// Whose it is.
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// What it asks for.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Where its answer goes.
    pub fn redirect(&self) -> &RedirectTrusted {
        &self.redirect
    }
}

/// The record of a request that waits for a person's decision. What the person sees and what is granted both come from
/// here, so nothing in the page's form can change them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interaction {
    v: Format<1>,
    handle: Digest,
    /// The session of the browser that made the request.
    session: Digest,
    subject: SubjectId,
    client: ClientId,
    redirect_uri: String,
    redirect_asked: bool,
    response_type: ResponseType,
    scope: Scope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<CodeChallenge>,
    expires_at: Time,
    decided: bool,
}

impl Record for Interaction {
    const KIND: Kind = Kind::Interaction;
}

impl Interaction {
    /// Where the request of this handle waits.
    pub fn key(handle: &InteractionHandle) -> Key<Interaction> {
        Key::of(&handle.grant().to_string())
    }

    /// A request that begins to wait for `subject`, in the browser session of this digest.
    pub fn begin(
        handle: &InteractionHandle,
        request: AuthorizationRequest,
        subject: SubjectId,
        session: Digest,
        expires_at: Time,
    ) -> Self {
        Self {
            v: Format,
            handle: *handle.digest(),
            session,
            subject,
            client: request.client,
            redirect_asked: request.redirect.to_repeat().is_some(),
            redirect_uri: request.redirect.as_str().to_owned(),
            response_type: request.response_type,
            scope: request.scope,
            state: request.state,
            challenge: request.challenge,
            expires_at,
            decided: false,
        }
    }

    /// When it stops waiting.
    pub fn expires_at(&self) -> Time {
        self.expires_at
    }

    /// Takes the decision of whoever comes with the handle, in the same session, in time, as the same person. `None`
    /// if any of it does not hold, or if the decision was taken before. The record must be written, expecting this
    /// version, before the request is acted upon.
    pub(crate) fn decide(
        mut self,
        handle: &InteractionHandle,
        session: &Digest,
        subject: &SubjectId,
        now: Time,
    ) -> Option<(Interaction, AuthorizationRequest)> {
        let same =
            self.handle.matches(handle.digest()) && self.session.matches(session) && self.subject == *subject;
        if !same || self.decided || self.expires_at <= now {
            return None;
        }
        self.decided = true;
        let request = AuthorizationRequest {
            client: self.client.clone(),
            redirect: RedirectTrusted::restored(self.redirect_uri.clone(), self.redirect_asked),
            response_type: self.response_type,
            scope: self.scope.clone(),
            state: self.state.clone(),
            challenge: self.challenge.clone(),
        };
        Some((self, request))
    }
}
