//! The token endpoint: authenticate, then the flow of the grant type.

use super::authenticate::{authenticate_api_key, authenticate_bearer, authenticate_by_password};
use super::issue::Issued;
use super::{
    ClientAuthenticated, Context, api_key, authenticate, client_credentials, password, redeem, refresh,
};
use crate::client::GrantType;
use crate::grant::GrantFacts;
use crate::ids::{ClientId, GrantId, SubjectId};
use crate::profile::ScopeEncoding;
use crate::refusal::{Reason, Refusal};
use crate::request::{GrantRequest, Presenter, TokenRequest};
use crate::scope::Scope;
use crate::secret::Secret;
use crate::step::Step;
use crate::time::Time;

/// A successful answer of the token endpoint (RFC 6749, section 5.1). All it speaks of is stored.
pub struct TokenAnswer {
    /// The access token.
    pub access_token: Secret,
    /// When it ends.
    pub expires_at: Time,
    /// When this was said.
    pub now: Time,
    /// The refresh token, if there is one.
    pub refresh_token: Option<Secret>,
    /// What the access token permits.
    pub scope: Scope,
    /// By which grant type.
    pub grant_type: GrantType,
    /// Who has it.
    pub client: ClientId,
    /// For whom; none where the client speaks for itself.
    pub subject: Option<SubjectId>,
    /// The grant it came of, if there is one.
    pub grant: Option<GrantId>,
    /// The name of the access token, if it is a JWT.
    pub jti: Option<String>,
    /// How the client wants the scope written, if its registration says.
    pub scope_encoding: Option<ScopeEncoding>,
}

impl TokenAnswer {
    pub(super) fn new(now: Time, issued: Issued, grant_type: GrantType, client: ClientId) -> Self {
        Self {
            access_token: issued.token,
            expires_at: issued.expires_at,
            now,
            refresh_token: None,
            scope: issued.scope,
            grant_type,
            client,
            subject: None,
            grant: None,
            jti: issued.jti,
            scope_encoding: None,
        }
    }

    /// The answer to a client that was given a grant.
    pub(super) fn of_grant(
        now: Time,
        issued: Issued,
        grant_type: GrantType,
        facts: GrantFacts,
        refresh_token: Option<Secret>,
    ) -> Self {
        Self {
            refresh_token,
            subject: Some(facts.subject),
            grant: Some(facts.id),
            ..Self::new(now, issued, grant_type, facts.client)
        }
    }

    /// Whole seconds that the access token has to live: `expires_in`.
    pub fn expires_in(&self) -> u64 {
        self.expires_at.seconds_after(self.now)
    }
}

/// Answers a request for tokens (RFC 6749, section 3.2). The client is authenticated before what it gives for them is touched,
/// and every write is there before the answer is.
///
/// # Refusals
/// As for [`authenticate`](super::authenticate()); then `GrantType…` where the client may not ask so at all, `Scope…` for more than it may
/// have, `Code…` or `RefreshToken…` for what it gave, and [`Reason::SubjectSuspended`]. [`Reason::CodeReplayed`] and
/// [`Reason::RefreshTokenReplayed`] have ended the grant (RFC 9700, section 4.14.2).
pub fn token(ctx: Context, request: TokenRequest) -> Step<TokenAnswer> {
    let TokenRequest { client, grant } = request;
    who(ctx, client, &grant).then(move |(ctx, client)| {
        let scope_encoding = client.metadata().token_response_scope;
        answer(ctx, client, grant).then(move |answer| Step::done(TokenAnswer { scope_encoding, ..answer }))
    })
}

fn who(ctx: Context, presenter: Presenter, grant: &GrantRequest) -> Step<(Context, ClientAuthenticated)> {
    match (presenter, grant) {
        (Presenter::Client(credentials), GrantRequest::Password { .. }) => {
            authenticate_by_password(ctx, credentials)
        }
        (Presenter::Client(credentials), _) => authenticate(ctx, credentials),
        (Presenter::ApiKey(key), _) => authenticate_api_key(ctx, key),
        (Presenter::Bearer, GrantRequest::RefreshToken { refresh_token, .. }) => {
            authenticate_bearer(ctx, refresh_token)
        }
        (
            Presenter::Bearer,
            GrantRequest::AuthorizationCode { .. }
            | GrantRequest::ClientCredentials { .. }
            | GrantRequest::ApiKey
            | GrantRequest::Password { .. },
        ) => Step::stop(Refusal::from(Reason::ClientUnidentified).saw("presenter", "bearer")),
    }
}

fn answer(ctx: Context, client: ClientAuthenticated, grant: GrantRequest) -> Step<TokenAnswer> {
    match grant {
        GrantRequest::AuthorizationCode { code, redirect_uri, code_verifier } => {
            redeem::redeem(ctx, client, &code, redirect_uri, code_verifier)
        }
        GrantRequest::RefreshToken { refresh_token, scope } => {
            refresh::refresh(ctx, client, &refresh_token, scope)
        }
        GrantRequest::ClientCredentials { scope } => client_credentials::issue(ctx, &client, scope.as_ref()),
        GrantRequest::ApiKey => api_key::issue(ctx, client),
        GrantRequest::Password { subject, scope } => password::issue(ctx, client, subject, scope.as_ref()),
    }
}
