//! Issuing an access token, in the format that the client or the profile asks for.

use super::{ClientAuthenticated, Context};
use crate::access_token::{AccessTokenClaims, Basis, Origin, ReferenceToken};
use crate::client::{AccessTokenFormat, ClientMetadata, GrantType};
use crate::credential::{self, RefreshToken};
use crate::event::Event;
use crate::grant::{GrantFacts, RefreshChain};
use crate::ids::GrantId;
use crate::profile::{ExpiresIn, JwtKey, Profile};
use crate::record::{Expect, Put, Write};
use crate::refusal::{Reason, Refusal};
use crate::scope::Scope;
use crate::secret::Secret;
use crate::step::{Committed, JwsHeader, SigningKey, Step, commit, create, sign};
use crate::time::Time;

/// An access token that is stored or signed, and may leave.
pub(super) struct Issued {
    pub token: Secret,
    pub scope: Scope,
    pub expires_at: Time,
    /// The name of a JWT.
    pub jti: Option<String>,
}

/// What the JWTs of a profile say in their header, and with what they are signed.
pub(super) fn jws_header(profile: &Profile) -> JwsHeader {
    let key = match profile.access_token.key {
        JwtKey::Published => SigningKey::Published,
        JwtKey::Shared => SigningKey::Shared { profile: profile.name.clone() },
    };
    JwsHeader { typ: profile.access_token.typ.clone(), key }
}

/// Whom a token is to speak for.
pub(super) enum Speaker {
    Subject(GrantFacts),
    Client,
}

/// An access token that is drawn, and leads nowhere until it is stored.
pub(super) struct Drawn {
    issued: Issued,
    /// Its record; none for a JWT, which needs none.
    put: Option<Put>,
    /// What will have happened once it is stored, where it was not told of when it was signed.
    events: Vec<Event>,
}

impl Drawn {
    /// Stores it.
    pub(super) fn stored(self) -> Step<Issued> {
        let Self { issued, put, events } = self;
        match put {
            Some(put) => create(put, events).then(move |()| Step::done(issued)),
            None => Step::done(issued),
        }
    }

    /// Stores it, and then what it goes by: the grant that it comes of, as that must stand from now on. Nobody knows the token
    /// yet, so it is worth nothing where another write of the grant came first.
    pub(super) fn stored_with(mut self, put: Put, events: Vec<Event>) -> Step<Option<Issued>> {
        self.events.extend(events);
        commit(Write { first: self.put.into_iter().collect(), put }, self.events).then(move |committed| {
            Step::done(match committed {
                Committed::Yes => Some(self.issued),
                Committed::LostRace => None,
            })
        })
    }
}

/// Issues an access token and stores it. Nobody knows it until it leaves, so if what follows fails, nothing was given away.
pub(super) fn access_token(
    ctx: Context,
    client: &ClientMetadata,
    grant_type: GrantType,
    speaker: Speaker,
    scope: Scope,
) -> Step<(Context, Issued)> {
    draw(ctx, client, grant_type, speaker, scope)
        .then(|(ctx, drawn)| drawn.stored().then(move |issued| Step::done((ctx, issued))))
}

/// Draws an access token, or signs it where it is a JWT.
pub(super) fn draw(
    mut ctx: Context,
    client: &ClientMetadata,
    grant_type: GrantType,
    speaker: Speaker,
    scope: Scope,
) -> Step<(Context, Drawn)> {
    let end = ctx.now + ctx.profile.lifetimes.access_token;
    let expires_at = match &speaker {
        Speaker::Subject(facts) => facts.capped(end),
        Speaker::Client => end,
    };
    let format = client.access_token_format.unwrap_or(ctx.profile.access_token.format);
    let expires_at = match (format, ctx.profile.token.expires_in) {
        // A JWT ends with a whole second, so less is left of it than was meant.
        (AccessTokenFormat::Jwt, ExpiresIn::Remaining) => expires_at.whole_second(),
        (
            AccessTokenFormat::Jwt | AccessTokenFormat::Reference,
            ExpiresIn::Lifetime | ExpiresIn::Remaining,
        ) => expires_at,
    };
    match format {
        AccessTokenFormat::Reference => {
            let (grant, era, basis) = match speaker {
                Speaker::Subject(facts) => (facts.id, facts.era, Basis::Grant),
                Speaker::Client => (
                    GrantId::draw(ctx.now, &mut ctx.entropy),
                    0,
                    Basis::Client {
                        client_id: client.client_id.clone(),
                        audience: client.access_token_audience.clone(),
                    },
                ),
            };
            let shape = &ctx.profile.formats.access_token;
            let (token, text) = credential::AccessToken::mint(shape, grant, &mut ctx.entropy);
            let record = ReferenceToken::new(basis, era, scope.clone(), ctx.now, expires_at);
            let event = issuance(Some(grant), client, grant_type);
            let (key, version) = (ReferenceToken::key(&token), ctx.version());
            let put = Put::of(&key, Expect::Absent, version, &record, expires_at.unless_never());
            let issued = Issued { token: text, scope, expires_at, jti: None };
            Step::done((ctx, Drawn { issued, put: Some(put), events: vec![event] }))
        }
        AccessTokenFormat::Jwt => {
            let jti = ctx.profile.formats.jwt_id.draw(&mut ctx.entropy).expose().to_owned();
            let issuer = ctx.profile.issuer.as_str();
            let (sub, audience, grant) = match speaker {
                Speaker::Subject(facts) => {
                    let origin = Origin::of(&facts);
                    (facts.subject.to_string(), facts.audience, Some(origin))
                }
                Speaker::Client => (client.client_id.to_string(), client.access_token_audience.clone(), None),
            };
            let event = issuance(grant.map(|origin| origin.grant), client, grant_type);
            let claims = AccessTokenClaims {
                iss: issuer.to_owned(),
                sub,
                aud: audience.unwrap_or_else(|| issuer.to_owned()),
                client_id: client.client_id.clone(),
                iat: ctx.now.unix_seconds(),
                exp: expires_at.unix_seconds(),
                jti: jti.clone(),
                scope: scope.clone(),
                grant,
            };
            let payload = claims.write(&ctx.profile.access_token);
            sign(jws_header(&ctx.profile), payload, vec![event]).then(move |jws| {
                let issued = Issued { token: Secret::new(jws), scope, expires_at, jti: Some(jti) };
                Step::done((ctx, Drawn { issued, put: None, events: Vec::new() }))
            })
        }
    }
}

fn issuance(grant: Option<GrantId>, client: &ClientMetadata, grant_type: GrantType) -> Event {
    Event::AccessTokenIssued { grant, client: client.client_id.clone(), grant_type }
}

/// What a client gets for what it asked: that, if its registration permits it; its default, if it did not say.
pub(super) fn scope_for(
    ctx: &Context,
    client: &ClientMetadata,
    requested: Option<&Scope>,
) -> Result<Scope, Refusal> {
    // Where the profile passes over what it does not know, something known must be left.
    let known = requested
        .filter(|_| ctx.profile.authorization.ignore_unknown_scope)
        .map(|scope| ctx.profile.scopes.known_of(scope))
        .filter(|known| !known.is_empty());
    match known.as_ref().or(requested) {
        None if ctx.profile.authorization.scope_required => {
            Err(Refusal::from(Reason::ScopeMissing).by(&client.client_id).saw("scope_required", true))
        }
        None => Ok(client.default_scope.clone().unwrap_or_else(|| client.scope.clone())),
        Some(scope) if ctx.profile.scopes.permits_all(&client.scope, scope) => Ok(scope.clone()),
        Some(scope) => {
            let refusal = Refusal::from(Reason::ScopeNotAllowed).by(&client.client_id);
            Err(beyond(refusal, ctx, &client.scope, scope))
        }
    }
}

/// What of a scope that was asked for goes beyond one that is held: how much of it, since a text that somebody sent can be
/// a secret in the wrong place.
pub(super) fn beyond(refusal: Refusal, ctx: &Context, held: &Scope, asked: &Scope) -> Refusal {
    let beyond = asked.tokens().filter(|token| !ctx.profile.scopes.permits(held, token)).count();
    refusal.saw("scope", held).saw("asked", asked.tokens().count()).saw("asked_beyond", beyond)
}

/// Whether a client's grants come with a refresh token.
pub(super) fn has_refresh_token(ctx: &Context, client: &ClientAuthenticated) -> bool {
    client.metadata().may_use(GrantType::RefreshToken)
        && ctx.profile.grant_types.contains(&GrantType::RefreshToken)
        && ctx.profile.refresh != crate::profile::RefreshMode::None
}

/// The first refresh token of a grant that begins with tokens, the chain that begins with it, and until when the grant
/// must be kept.
pub(super) fn first_refresh_token(
    ctx: &mut Context,
    client: &ClientAuthenticated,
    facts: &GrantFacts,
) -> (Option<RefreshToken>, Option<RefreshChain>, Option<Time>) {
    let profile = ctx.profile.clone();
    let lifetimes = &profile.lifetimes;
    let access_end = facts.capped(ctx.now + lifetimes.access_token);
    if !has_refresh_token(ctx, client) {
        return (None, None, access_end.unless_never());
    }
    let refresh_end = facts.refresh_token_end(lifetimes, ctx.now);
    let token = RefreshToken::mint(&profile.formats.refresh_token, facts.id, &mut ctx.entropy);
    let chain = RefreshChain::begin(&token, refresh_end);
    let keep_until = refresh_end.map(|at| at + lifetimes.access_token).and_then(Time::unless_never);
    (Some(token), Some(chain), keep_until)
}
