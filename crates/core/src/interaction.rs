//! An authorization request on its way through the browser: validated, shown to a person, and decided once.

use serde::{Deserialize, Serialize};

use crate::client::ResponseType;
use crate::credential::InteractionHandle;
use crate::ids::{AccountId, ClientId, SubjectId};
use crate::pkce::CodeChallenge;
use crate::record::{Format, Key, Kind, Record};
use crate::redirect::RedirectTrusted;
use crate::refusal::Refusal;
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
    pub(crate) page: Option<Page>,
    /// Whether it is its client's for sure, so that what was approved before need not be asked.
    pub(crate) assured: bool,
}

/// Which page a client wants people to see first who are not logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// The one for logging in.
    SignIn,
    /// The one for signing up.
    SignUp,
}

impl AuthorizationRequest {
    /// Which page people are to see first who are not logged in, if the client says.
    pub fn page(&self) -> Option<Page> {
        self.page
    }

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

/// What a person is asked about a request, beside the request itself.
#[derive(Debug, Clone, Default)]
pub struct Asking {
    /// The account it is for, once that is chosen.
    pub account: Option<AccountId>,
    /// What of its scope he is not asked, since he approved it before.
    pub already: Scope,
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
    /// The account it is for, once that is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    assured: bool,
    /// What of the scope he is not asked, since he approved it before.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    already: Scope,
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
        asking: Asking,
        expires_at: Time,
    ) -> Self {
        let Asking { account, already } = asking;
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
            account,
            assured: request.assured,
            already,
            expires_at,
            decided: false,
        }
    }

    /// When it stops waiting.
    pub fn expires_at(&self) -> Time {
        self.expires_at
    }

    /// The request, for whoever comes with the handle, in the same session, in time, as the same person, while it is
    /// undecided; and what he is asked about it.
    pub(crate) fn waiting(
        &self,
        handle: &InteractionHandle,
        session: &Digest,
        subject: &SubjectId,
        now: Time,
    ) -> Option<(AuthorizationRequest, Asking)> {
        let same =
            self.handle.matches(handle.digest()) && self.session.matches(session) && self.subject == *subject;
        if !same || self.decided || self.expires_at <= now {
            return None;
        }
        let request = AuthorizationRequest {
            client: self.client.clone(),
            redirect: RedirectTrusted::restored(self.redirect_uri.clone(), self.redirect_asked),
            response_type: self.response_type,
            scope: self.scope.clone(),
            state: self.state.clone(),
            challenge: self.challenge.clone(),
            page: None,
            assured: self.assured,
        };
        Some((request, Asking { account: self.account.clone(), already: self.already.clone() }))
    }

    /// The same refusal, with what is not as it must be.
    pub(crate) fn told(
        &self,
        refusal: Refusal,
        handle: &InteractionHandle,
        session: &Digest,
        subject: &SubjectId,
    ) -> Refusal {
        refusal
            .saw("handle", self.handle.matches(handle.digest()))
            .saw("session", self.session.matches(session))
            .saw("subject", self.subject == *subject)
            .saw("decided", self.decided)
            .saw("expires_at", self.expires_at)
    }

    /// The same, decided: it must be written, expecting the version that was read, before the request is acted upon.
    #[must_use]
    pub(crate) fn decided(self) -> Self {
        Self { decided: true, ..self }
    }

    /// The same, where this is asked.
    #[must_use]
    pub(crate) fn asking(self, asking: Asking) -> Self {
        let Asking { account, already } = asking;
        Self { account, already, ..self }
    }
}
