//! Issuing an access token, in the format that the client or the profile asks for.

use super::{ClientAuthenticated, Context};
use crate::access_token::{ACCESS_TOKEN_TYP, AccessTokenClaims, Basis, ReferenceToken};
use crate::client::{AccessTokenFormat, ClientMetadata, GrantType};
use crate::credential;
use crate::event::Event;
use crate::grant::GrantFacts;
use crate::ids::GrantId;
use crate::refusal::{Reason, Refusal};
use crate::scope::Scope;
use crate::secret::Secret;
use crate::step::{Step, create, sign};
use crate::time::Time;

/// An access token that is stored or signed, and may leave once all else that must be written is.
pub(super) struct Issued {
    pub token: Secret,
    pub scope: Scope,
    pub expires_at: Time,
}

/// Whom a token is to speak for.
pub(super) enum Speaker {
    Subject(GrantFacts),
    Client,
}

/// Issues an access token. Nobody knows it until it leaves, so if what follows fails, nothing was given away.
pub(super) fn access_token(
    mut ctx: Context,
    client: &ClientMetadata,
    grant_type: GrantType,
    speaker: Speaker,
    scope: Scope,
) -> Step<(Context, Issued)> {
    let end = ctx.now + ctx.profile.lifetimes.access_token;
    let expires_at = match &speaker {
        Speaker::Subject(facts) => facts.capped(end),
        Speaker::Client => end,
    };
    match client.access_token_format.unwrap_or(ctx.profile.access_token_format) {
        AccessTokenFormat::Reference => {
            let (grant, basis) = match speaker {
                Speaker::Subject(facts) => (facts.id, Basis::Grant),
                Speaker::Client => (
                    GrantId::from_bytes(ctx.entropy.draw_half()),
                    Basis::Client {
                        client_id: client.client_id.clone(),
                        audience: client.access_token_audience.clone(),
                    },
                ),
            };
            let (token, text) = credential::AccessToken::mint(grant, &mut ctx.entropy);
            let record = ReferenceToken::new(basis, scope.clone(), ctx.now, expires_at);
            let event = Event::AccessTokenIssued { grant, client: client.client_id.clone(), grant_type };
            let version = ctx.version();
            create(&ReferenceToken::key(&token), version, &record, Some(expires_at), vec![event])
                .then(move |()| Step::done((ctx, Issued { token: text, scope, expires_at })))
        }
        AccessTokenFormat::Jwt => {
            let jti = GrantId::from_bytes(ctx.entropy.draw_half()).to_string();
            let issuer = ctx.profile.issuer.as_str();
            let (sub, audience, grant) = match speaker {
                Speaker::Subject(facts) => (facts.subject.to_string(), facts.audience, Some(facts.id)),
                Speaker::Client => (client.client_id.to_string(), client.access_token_audience.clone(), None),
            };
            let claims = AccessTokenClaims {
                iss: issuer.to_owned(),
                sub,
                aud: audience.unwrap_or_else(|| issuer.to_owned()),
                client_id: client.client_id.clone(),
                iat: ctx.now.unix_seconds(),
                exp: expires_at.unix_seconds(),
                jti,
                scope: scope.clone(),
                grant,
            };
            // A struct of texts and numbers: serde_json has no reason to refuse it.
            let payload = serde_json::to_vec(&claims).unwrap_or_default();
            sign(ACCESS_TOKEN_TYP, payload)
                .then(move |jws| Step::done((ctx, Issued { token: Secret::new(jws), scope, expires_at })))
        }
    }
}

/// What a client gets for what it asked: that, if its registration permits it; its default, if it did not say.
pub(super) fn scope_for(
    ctx: &Context,
    client: &ClientMetadata,
    requested: Option<&Scope>,
) -> Result<Scope, Refusal> {
    match requested {
        None => Ok(client.default_scope.clone().unwrap_or_else(|| client.scope.clone())),
        Some(scope) if ctx.profile.scopes.permits_all(&client.scope, scope) => Ok(scope.clone()),
        Some(_) => Err(Refusal::from(Reason::ScopeNotAllowed).by(&client.client_id)),
    }
}

/// Whether a client's grants come with a refresh token.
pub(super) fn has_refresh_token(ctx: &Context, client: &ClientAuthenticated) -> bool {
    client.metadata().may_use(GrantType::RefreshToken)
        && ctx.profile.grant_types.contains(&GrantType::RefreshToken)
        && ctx.profile.refresh != crate::profile::RefreshMode::None
}
