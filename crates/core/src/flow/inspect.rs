//! What is this token worth? For resource servers that ask (RFC 7662), and for resources of our own (RFC 6750).

use super::{ClientAuthenticated, Context, authenticate};
use crate::access_token::{ACCESS_TOKEN_TYP, AccessTokenClaims, Basis, LiveAccessToken, ReferenceToken};
use crate::client::Client;
use crate::credential::{AccessToken, AnyToken, RefreshToken};
use crate::grant::{Grant, GrantFacts};
use crate::ids::ClientId;
use crate::refusal::{Reason, Refusal};
use crate::request::ClientCredentials;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::step::{Step, load, verify_jws};
use crate::time::Time;

/// What an introspection found (RFC 7662, section 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Introspection {
    /// Worth nothing, or not for this asker to know: the two cannot be told apart.
    Inactive,
    /// A live access token.
    AccessToken(LiveAccessToken),
    /// A live refresh token of the asking client.
    RefreshToken {
        /// The grant it belongs to.
        grant: GrantFacts,
        /// When it ends; never if `None`.
        expires_at: Option<Time>,
    },
}

/// Tells a client about its own tokens, and a resource server about tokens made for it or for nobody in particular.
pub fn introspect(ctx: Context, credentials: ClientCredentials, token: Secret) -> Step<Introspection> {
    authenticate(ctx, credentials).then(move |(ctx, asker)| {
        if asker.metadata().is_public() {
            // It has proven nothing: section 2.1 wants the asker authorized.
            return Step::stop(Refusal::from(Reason::ClientUnidentified).by(asker.id()));
        }
        match AnyToken::parse(token.expose()) {
            None => Step::done(Introspection::Inactive),
            Some(AnyToken::Refresh(token)) => live_refresh_token(ctx, Some(asker), token),
            Some(AnyToken::Access(token)) => live_reference(ctx, token).then(move |(_, l)| reveal(asker, l)),
            Some(AnyToken::Jwt(jwt)) => live_jwt(ctx, jwt).then(move |(_, l)| reveal(asker, l)),
        }
    })
}

/// What a token is worth, for an operator, who may know of every one.
pub fn look_up(ctx: Context, token: &Secret) -> Step<Introspection> {
    match AnyToken::parse(token.expose()) {
        None => Step::done(Introspection::Inactive),
        Some(AnyToken::Refresh(token)) => live_refresh_token(ctx, None, token).then(while_client_stands),
        Some(AnyToken::Access(token)) => live_reference(ctx, token).then(|(_, live)| of_access(live)),
        Some(AnyToken::Jwt(jwt)) => live_jwt(ctx, jwt).then(|(_, live)| of_access(live)),
    }
}

fn of_access(live: Option<LiveAccessToken>) -> Step<Introspection> {
    while_client_stands(live.map_or(Introspection::Inactive, Introspection::AccessToken))
}

/// What was found, if its client is still there and switched on. Its tokens end with it.
fn while_client_stands(found: Introspection) -> Step<Introspection> {
    let client = match &found {
        Introspection::Inactive => return Step::done(found),
        Introspection::AccessToken(live) => live.client.clone(),
        Introspection::RefreshToken { grant, .. } => grant.client.clone(),
    };
    require_client(client)
        .then(move |stands| Step::done(if stands { found } else { Introspection::Inactive }))
}

fn reveal(asker: ClientAuthenticated, live: Option<LiveAccessToken>) -> Step<Introspection> {
    let Some(live) = live else { return Step::done(Introspection::Inactive) };
    let own = live.client == *asker.id();
    let served = asker.metadata().audience.as_ref();
    let addressed =
        served.is_some_and(|served| live.audience.as_ref().is_none_or(|audience| audience == served));
    if !own && !addressed {
        return Step::done(Introspection::Inactive);
    }
    let found = Introspection::AccessToken(live);
    // Its own client has just authenticated, so it stands.
    if own { Step::done(found) } else { while_client_stands(found) }
}

/// Whether a client is still there and switched on. Its tokens end with it.
fn require_client(id: ClientId) -> Step<bool> {
    load(Client::key(&id)).then(|found| Step::done(found.is_some_and(|c| !c.record.metadata.disabled)))
}

/// Lets a request pass at a resource: the token must be live and permit all of `required`.
pub fn check(ctx: Context, token: Option<Secret>, required: Scope) -> Step<LiveAccessToken> {
    let Some(token) = token else { return Step::stop(Reason::TokenMissing) };
    let found = match AnyToken::parse(token.expose()) {
        Some(AnyToken::Access(token)) => live_reference(ctx, token),
        Some(AnyToken::Jwt(jwt)) => live_jwt(ctx, jwt),
        Some(AnyToken::Refresh(_)) | None => return Step::stop(Reason::TokenInvalid),
    };
    found.then(move |(ctx, live)| {
        let Some(live) = live else { return Step::stop(Reason::TokenInvalid) };
        require_client(live.client.clone()).then(move |stands| {
            if !stands {
                return Step::stop(Refusal::from(Reason::TokenInvalid).by(&live.client));
            }
            if !ctx.profile.scopes.permits_all(&live.scope, &required) {
                return Step::stop(Refusal::from(Reason::ScopeInsufficient).by(&live.client));
            }
            Step::done(live)
        })
    })
}

/// Reads a reference token, and its grant if it came of one.
pub(super) fn live_reference(ctx: Context, token: AccessToken) -> Step<(Context, Option<LiveAccessToken>)> {
    load(ReferenceToken::key(&token)).then(move |found| {
        let record = found.map(|f| f.record).filter(|r| r.revoked_at.is_none() && r.expires_at > ctx.now);
        let Some(record) = record else { return Step::done((ctx, None)) };
        match record.basis {
            Basis::Client { client_id, audience } => {
                let live = LiveAccessToken {
                    client: client_id,
                    subject: None,
                    account: None,
                    grant: None,
                    scope: record.scope,
                    audience,
                    issued_at: record.issued_at,
                    expires_at: record.expires_at,
                };
                Step::done((ctx, Some(live)))
            }
            Basis::Grant => load(Grant::key(token.grant())).then(move |found| {
                let grant = found.map(|f| f.record).filter(Grant::is_active);
                let live =
                    grant.map(|g| of_grant(g.facts(), record.scope, record.issued_at, record.expires_at));
                Step::done((ctx, live))
            }),
        }
    })
}

fn of_grant(facts: &GrantFacts, scope: Scope, issued_at: Time, expires_at: Time) -> LiveAccessToken {
    LiveAccessToken {
        client: facts.client.clone(),
        subject: Some(facts.subject.clone()),
        account: facts.account.clone(),
        grant: Some(facts.id),
        scope,
        audience: facts.audience.clone(),
        issued_at,
        expires_at,
    }
}

/// Reads the claims of a JWT that we signed for this issuer.
pub(super) fn own_claims(ctx: Context, jwt: Secret) -> Step<(Context, Option<AccessTokenClaims>)> {
    verify_jws(jwt, ACCESS_TOKEN_TYP).then(move |payload| {
        let claims = payload.and_then(|json| serde_json::from_slice::<AccessTokenClaims>(&json).ok()).filter(
            |claims| claims.iss == ctx.profile.issuer.as_str() && claims.exp > ctx.now.unix_seconds(),
        );
        Step::done((ctx, claims))
    })
}

/// Reads a JWT, its own revocation, and its grant if it came of one.
fn live_jwt(ctx: Context, jwt: Secret) -> Step<(Context, Option<LiveAccessToken>)> {
    own_claims(ctx, jwt).then(|(ctx, claims)| {
        let Some(claims) = claims else { return Step::done((ctx, None)) };
        load(ReferenceToken::key_of_jwt(&claims)).then(move |revocation| {
            if revocation.is_some() {
                return Step::done((ctx, None));
            }
            let at = |seconds: i64| Time::from_unix_millis(seconds.saturating_mul(1000));
            let (issued_at, expires_at) = (at(claims.iat), at(claims.exp));
            let Some(id) = claims.grant else {
                let audience = (claims.aud != ctx.profile.issuer.as_str()).then_some(claims.aud);
                let live = LiveAccessToken {
                    client: claims.client_id,
                    subject: None,
                    account: None,
                    grant: None,
                    scope: claims.scope,
                    audience,
                    issued_at,
                    expires_at,
                };
                return Step::done((ctx, Some(live)));
            };
            load(Grant::key(id)).then(move |found| {
                let grant = found.map(|f| f.record).filter(Grant::is_active);
                Step::done((ctx, grant.map(|g| of_grant(g.facts(), claims.scope, issued_at, expires_at))))
            })
        })
    })
}

fn live_refresh_token(
    ctx: Context,
    asker: Option<ClientAuthenticated>,
    token: RefreshToken,
) -> Step<Introspection> {
    load(Grant::key(token.grant())).then(move |found| {
        let live = found.map(|f| f.record).filter(|grant| {
            asker.as_ref().is_none_or(|asker| grant.facts().client == *asker.id())
                && grant.refresh_chain().is_some_and(|chain| chain.is_current(&token, ctx.now))
        });
        Step::done(live.map_or(Introspection::Inactive, |grant| Introspection::RefreshToken {
            expires_at: grant.refresh_chain().and_then(crate::grant::RefreshChain::expires_at),
            grant: grant.facts().clone(),
        }))
    })
}
