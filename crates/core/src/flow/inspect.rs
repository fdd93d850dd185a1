//! What is this token worth? For resource servers that ask (RFC 7662), and for resources of our own (RFC 6750).

use std::sync::Arc;

use super::authenticate::holder_of_api_key;
use super::issue::jws_header;
use super::{ClientAuthenticated, Context, authenticate};
use crate::access_token::{AccessTokenClaims, Basis, LiveAccessToken, ReferenceToken};
use crate::client::Client;
use crate::credential::{AccessToken, AnyToken, RefreshToken};
use crate::grant::{Grant, GrantFacts};
use crate::ids::{ClientId, SubjectId};
use crate::permission::Permissions;
use crate::profile::{ClaimField, Profile};
use crate::refusal::{Reason, Refusal};
use crate::request::ClientCredentials;
use crate::required::Required;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::standing::Standing;
use crate::step::{Step, load, registration, verify_jws};
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

/// Why an access token is worth nothing.
#[derive(Clone, Copy)]
pub(super) enum Dead {
    /// Nothing that we could have given anybody, or not signed by us.
    NotOurs,
    /// There is no such token.
    Unknown,
    Revoked(Option<Time>),
    Expired(Time),
    /// Its grant is over, or began anew since.
    GrantOver,
}

impl Dead {
    /// The same refusal, with this.
    fn told(self, refusal: Refusal) -> Refusal {
        let told = |word: &'static str, at: Option<(&'static str, Time)>| {
            let refusal = refusal.saw("token", word);
            match at {
                Some((what, at)) => refusal.saw(what, at),
                None => refusal,
            }
        };
        match self {
            Dead::NotOurs => told("not ours", None),
            Dead::Unknown => told("unknown", None),
            Dead::Revoked(at) => told("revoked", at.map(|at| ("revoked_at", at))),
            Dead::Expired(at) => told("expired", Some(("expires_at", at))),
            Dead::GrantOver => told("its grant is over", None),
        }
    }
}

/// Tells a client about its own tokens, and a resource server about tokens made for it or for nobody in particular
/// (RFC 7662, section 2). Nothing is written.
///
/// # Refusals
/// As for [`authenticate`], and [`Reason::ClientUnidentified`] for a public client. A token that is worth nothing, or that the
/// asker may not know of, is no refusal: it is [`Introspection::Inactive`].
pub fn introspect(ctx: Context, credentials: ClientCredentials, token: Secret) -> Step<Introspection> {
    authenticate(ctx, credentials).then(move |(ctx, asker)| {
        if asker.metadata().is_public() {
            // It has proven nothing: section 2.1 wants the asker authorized.
            return Step::stop(Refusal::from(Reason::ClientUnidentified).by(asker.id()).saw("public", true));
        }
        let AnyToken { access, refresh, jwt } = AnyToken::parse(&ctx.profile.formats, token.expose());
        live_access(ctx, access, jwt).then(move |(ctx, live)| match (live.ok(), refresh) {
            (None, Some(token)) => live_refresh_token(ctx, Some(asker), token),
            (live, _) => reveal(ctx, asker, live),
        })
    })
}

/// What a token is worth, for an operator, who may know of every one. Whether he is one, the caller has seen to. Nothing is
/// refused, and nothing is written.
pub fn look_up(ctx: Context, token: &Secret) -> Step<Introspection> {
    let AnyToken { access, refresh, jwt } = AnyToken::parse(&ctx.profile.formats, token.expose());
    let profile = ctx.profile.clone();
    let found = live_access(ctx, access, jwt).then(move |(ctx, live)| match (live.ok(), refresh) {
        (Some(live), _) => Step::done(Introspection::AccessToken(live)),
        (None, Some(token)) => live_refresh_token(ctx, None, token),
        (None, None) => Step::done(Introspection::Inactive),
    });
    found.then(move |found| while_client_stands(&profile, found))
}

/// Reads an access token of either format. What looks like both is one of them at most.
fn live_access(
    ctx: Context,
    access: Option<AccessToken>,
    jwt: Option<Secret>,
) -> Step<(Context, Result<LiveAccessToken, Dead>)> {
    match (access, jwt) {
        (Some(token), _) => live_reference(ctx, token),
        (None, Some(jwt)) => live_jwt(ctx, jwt),
        (None, None) => Step::done((ctx, Err(Dead::NotOurs))),
    }
}

/// What was found, if its client is still there and switched on. Its tokens end with it.
fn while_client_stands(profile: &Profile, found: Introspection) -> Step<Introspection> {
    let client = match &found {
        Introspection::Inactive => return Step::done(found),
        Introspection::AccessToken(live) => live.client.clone(),
        Introspection::RefreshToken { grant, .. } => grant.client.clone(),
    };
    standing_client(profile, &client).then(move |client| {
        Step::done(match (client, found) {
            (None, _) => Introspection::Inactive,
            (Some(client), Introspection::AccessToken(live)) => {
                Introspection::AccessToken(live.with_permissions_of(&client.metadata))
            }
            (Some(_), found) => found,
        })
    })
}

fn reveal(ctx: Context, asker: ClientAuthenticated, live: Option<LiveAccessToken>) -> Step<Introspection> {
    let Some(live) = live else { return Step::done(Introspection::Inactive) };
    let own = live.client == *asker.id();
    let served = asker.metadata().audience.as_ref();
    let addressed =
        served.is_some_and(|served| live.audience.as_ref().is_none_or(|audience| audience == served));
    if !own && !addressed {
        return Step::done(Introspection::Inactive);
    }
    if own {
        // It has just authenticated, so it stands.
        return Step::done(Introspection::AccessToken(live.with_permissions_of(asker.metadata())));
    }
    while_client_stands(&ctx.profile, Introspection::AccessToken(live))
}

/// A client, if it is still there, switched on, and this profile's. Its tokens end with it, and are worth nothing to any
/// other profile.
fn standing_client(profile: &Profile, id: &ClientId) -> Step<Option<Arc<Client>>> {
    let name = profile.name.clone();
    registration(id).then(move |found| {
        Step::done(found.filter(|client| !client.metadata.disabled && client.metadata.profile == name))
    })
}

/// Lets a request pass at a resource: the token must be live and permit all of `required`. `act_as` is the person for
/// whom the client says that it acts, where it says so (RFC 6750, section 3.1). Nothing is written.
///
/// # Refusals
/// [`Reason::TokenMissing`]; [`Reason::TokenInvalid`] for what is unknown, over, not this profile's, or of a client, a person
/// or a grant that is; [`Reason::ScopeInsufficient`]; [`Reason::ActingNotAllowed`].
pub fn check(
    ctx: Context,
    token: Option<Secret>,
    required: impl Into<Required>,
    act_as: Option<SubjectId>,
) -> Step<LiveAccessToken> {
    let required = required.into();
    let Some(token) = token else {
        return Step::stop(Refusal::from(Reason::TokenMissing).saw("shown", false));
    };
    let AnyToken { access, jwt, .. } = AnyToken::parse(&ctx.profile.formats, token.expose());
    live_access(ctx, access, jwt).then(move |(ctx, live)| {
        let live = match live {
            Ok(live) => live,
            Err(dead) => return Step::stop(dead.told(Reason::TokenInvalid.into()).saw("now", ctx.now)),
        };
        pass(&ctx, live, required, act_as)
    })
}

/// Lets a request pass that shows an API key in the place of an access token, where the profile has that
/// (`resource.danger_api_key_as_token`).
///
/// # Refusals
/// As for [`check`]; in a profile without API keys, a key is no token at all: [`Reason::TokenMissing`].
pub fn check_api_key(
    ctx: Context,
    key: Secret,
    required: impl Into<Required>,
    act_as: Option<SubjectId>,
) -> Step<LiveAccessToken> {
    let required = required.into();
    if !ctx.profile.resource.danger_api_key_as_token {
        let refusal = Refusal::from(Reason::TokenMissing);
        return Step::stop(refusal.saw("danger_api_key_as_token", false));
    }
    holder_of_api_key(ctx, key, Reason::TokenInvalid).then(move |(ctx, client)| {
        let metadata = client.metadata();
        let live = LiveAccessToken {
            client: client.id().clone(),
            subject: metadata.owner.clone(),
            account: None,
            grant: None,
            scope: metadata.scope.clone(),
            audience: None,
            issued_at: ctx.now,
            expires_at: Time::NEVER,
            permissions: Permissions::none(),
            acting_as: None,
        };
        while_owner_stands(ctx, live).then(move |(ctx, live)| pass(&ctx, live, required, act_as))
    })
}

/// Refuses what speaks for a suspended person. Tokens end with their grants; a key has none that could have ended.
fn while_owner_stands(ctx: Context, live: LiveAccessToken) -> Step<(Context, LiveAccessToken)> {
    let Some(owner) = live.subject.clone() else { return Step::done((ctx, live)) };
    load(Standing::key(&owner)).then(move |found| {
        if let Some(suspended) = found.filter(|standing| standing.record.is_suspended()) {
            let refusal = Refusal::from(Reason::TokenInvalid).by(&live.client);
            return Step::stop(refusal.saw("suspended_since", suspended.record.since()));
        }
        Step::done((ctx, live))
    })
}

fn pass(
    ctx: &Context,
    live: LiveAccessToken,
    required: Required,
    act_as: Option<SubjectId>,
) -> Step<LiveAccessToken> {
    let profile = ctx.profile.clone();
    standing_client(&profile, &live.client).then(move |client| {
        let refused = |reason: Reason| Refusal::from(reason).by(&live.client);
        let Some(client) = client else {
            return Step::stop(refused(Reason::TokenInvalid).saw("client_stands", false));
        };
        if !required.is_met(&live.scope, &profile.scopes) {
            let refusal = refused(Reason::ScopeInsufficient).saw("scope", &live.scope);
            return Step::stop(refusal.saw("required", required.scope()));
        }
        let profile_has = profile.resource.act_as_header.is_some();
        if let Some(person) = &act_as
            && !(profile_has && client.metadata.may_act_as(person))
        {
            return Step::stop(refused(Reason::ActingNotAllowed).saw("profile_has", profile_has));
        }
        Step::done(LiveAccessToken { acting_as: act_as, ..live.with_permissions_of(&client.metadata) })
    })
}

/// Reads a reference token, and its grant if it came of one.
fn live_reference(ctx: Context, token: AccessToken) -> Step<(Context, Result<LiveAccessToken, Dead>)> {
    load(ReferenceToken::key(&token)).then(move |found| {
        let record = match found.map(|f| f.record) {
            None => return Step::done((ctx, Err(Dead::Unknown))),
            Some(record) if record.revoked_at.is_some() => {
                return Step::done((ctx, Err(Dead::Revoked(record.revoked_at))));
            }
            Some(record) if record.expires_at <= ctx.now => {
                return Step::done((ctx, Err(Dead::Expired(record.expires_at))));
            }
            Some(record) => record,
        };
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
                    permissions: Permissions::none(),
                    acting_as: None,
                };
                Step::done((ctx, Ok(live)))
            }
            Basis::Grant => load(Grant::key(token.grant())).then(move |found| {
                let grant = found.map(|f| f.record).filter(|grant| grant.holds(record.era));
                let live =
                    grant.map(|g| of_grant(g.facts(), record.scope, record.issued_at, record.expires_at));
                Step::done((ctx, live.ok_or(Dead::GrantOver)))
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
        permissions: Permissions::none(),
        acting_as: None,
    }
}

/// Reads the claims of a JWT that we signed for this profile.
pub(super) fn own_claims(ctx: Context, jwt: Secret) -> Step<(Context, Option<AccessTokenClaims>)> {
    signed_claims(ctx, jwt).then(|(ctx, claims)| Step::done((ctx, claims.ok())))
}

fn signed_claims(ctx: Context, jwt: Secret) -> Step<(Context, Result<AccessTokenClaims, Dead>)> {
    verify_jws(jwt, jws_header(&ctx.profile)).then(move |payload| {
        let claims = payload.and_then(|json| AccessTokenClaims::read(&json, &ctx.profile));
        let claims = match claims {
            None => Err(Dead::NotOurs),
            Some(claims) if claims.exp <= ctx.now.unix_seconds() => {
                Err(Dead::Expired(Time::from_unix_millis(claims.exp.saturating_mul(1000))))
            }
            Some(claims) => Ok(claims),
        };
        Step::done((ctx, claims))
    })
}

/// Reads a JWT, its own revocation, and its grant if it came of one.
fn live_jwt(ctx: Context, jwt: Secret) -> Step<(Context, Result<LiveAccessToken, Dead>)> {
    signed_claims(ctx, jwt).then(|(ctx, claims)| {
        let claims = match claims {
            Ok(claims) => claims,
            Err(dead) => return Step::done((ctx, Err(dead))),
        };
        load(ReferenceToken::key_of_jwt(&claims)).then(move |revocation| {
            if let Some(revocation) = revocation {
                return Step::done((ctx, Err(Dead::Revoked(revocation.record.revoked_at))));
            }
            let at = |seconds: i64| Time::from_unix_millis(seconds.saturating_mul(1000));
            let (issued_at, expires_at) = (at(claims.iat), at(claims.exp));
            let Some(origin) = claims.grant else {
                return audience_of(ctx, &claims).then(move |(ctx, audience)| {
                    let live = LiveAccessToken {
                        client: claims.client_id,
                        subject: None,
                        account: None,
                        grant: None,
                        scope: claims.scope,
                        audience,
                        issued_at,
                        expires_at,
                        permissions: Permissions::none(),
                        acting_as: None,
                    };
                    Step::done((ctx, Ok(live)))
                });
            };
            load(Grant::key(origin.grant)).then(move |found| {
                let grant = found.map(|f| f.record).filter(|grant| grant.holds(origin.era));
                let live = grant.map(|g| of_grant(g.facts(), claims.scope, issued_at, expires_at));
                Step::done((ctx, live.ok_or(Dead::GrantOver)))
            })
        })
    })
}

/// Whom a client's own token is for. Where the profile's tokens do not say, its registration does: else one that is meant for
/// one resource server would be told to every other (RFC 7662, section 4).
fn audience_of(ctx: Context, claims: &AccessTokenClaims) -> Step<(Context, Option<String>)> {
    if ctx.profile.access_token.claims.iter().any(|field| field.source == ClaimField::Aud) {
        let said = (claims.aud != ctx.profile.issuer.as_str()).then(|| claims.aud.clone());
        return Step::done((ctx, said));
    }
    standing_client(&ctx.profile, &claims.client_id).then(move |client| {
        Step::done((ctx, client.and_then(|client| client.metadata.access_token_audience.clone())))
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
