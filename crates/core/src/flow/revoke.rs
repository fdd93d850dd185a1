//! Taking tokens and grants back (RFC 7009).

use super::{ClientAuthenticated, Context, authenticate, inspect};
use crate::access_token::{AccessTokenClaims, Basis, ReferenceToken};
use crate::consent::Consent;
use crate::credential::{AccessToken, AnyToken, RefreshToken};
use crate::event::Event;
use crate::grant::{Grant, RevocationCause};
use crate::ids::{AccountId, ClientId, GrantId, SubjectId};
use crate::record::{Expect, Key, Put};
use crate::request::ClientCredentials;
use crate::secret::Secret;
use crate::step::{Committed, FlowFault, Step, commit, load};
use crate::time::Time;

/// Takes back a token at its client's wish (RFC 7009, section 2). A refresh token takes its whole grant with it, an access
/// token only itself.
///
/// A token that is unknown, over, or another client's is left as it is, and the answer is the same (section 2.2): so
/// nobody learns of tokens that are not his.
///
/// # Refusals
/// As for [`authenticate`](super::authenticate()).
pub fn revoke(ctx: Context, credentials: ClientCredentials, token: Secret) -> Step<()> {
    authenticate(ctx, credentials)
        .then(move |(ctx, client)| end_token(ctx, Wish::Client(Box::new(client)), &token))
        .then(|_| Step::done(()))
}

/// Takes back a token at an operator's wish, whoever's it is. Tells whether it was live. Whether he is an operator, the caller
/// has seen to; nothing is refused.
pub fn revoke_as_operator(ctx: Context, token: &Secret) -> Step<bool> {
    end_token(ctx, Wish::Operator, token)
}

/// Ends a grant and all its tokens, at the wish of whoever may: the caller has seen to that. Tells whether there was
/// such a grant and it was not over yet.
///
/// Where a person or an operator ends it, what the person approved for its client is forgotten as well: he is asked before
/// the client gets anything again. That is so whatever the profile remembers, since the grant may be another profile's.
pub fn revoke_grant(ctx: Context, grant: GrantId, cause: RevocationCause) -> Step<bool> {
    let forgets = match cause {
        RevocationCause::BySubject | RevocationCause::ByOperator | RevocationCause::SubjectSuspended => true,
        // What a client does, or somebody in its name, takes nothing back of what the person said.
        RevocationCause::CodeReplayed | RevocationCause::RefreshTokenReplayed | RevocationCause::ByClient => {
            false
        }
    };
    if !forgets {
        return end_grant(ctx, grant, Authority::Caller(cause), 0).then(|(_, ended)| Step::done(ended));
    }
    // Before, so that no grant is made on what is being taken back; and after, since he may have approved it once more in
    // between, and that grant is over now.
    forget_consent(ctx, grant)
        .then(move |ctx| end_grant(ctx, grant, Authority::Caller(cause), 0))
        .then(move |(ctx, ended)| forget_consent(ctx, grant).then(move |_| Step::done(ended)))
}

/// Forgets that a person approved what a grant is about.
fn forget_consent(ctx: Context, grant: GrantId) -> Step<Context> {
    load(Grant::key(grant)).then(move |found| {
        let Some(found) = found else { return Step::done(ctx) };
        let facts = found.record.facts();
        forget(ctx, Consent::key(&facts.subject, &facts.client, facts.account.as_ref()), 0)
            .then(|(ctx, _)| Step::done(ctx))
    })
}

/// Forgets that a person approved a client, for one account where there are accounts: he is asked before it gets anything
/// again. What it holds it keeps, so its grants have to be ended as well, after this. Tells whether he had approved it.
pub fn withdraw(
    ctx: Context,
    subject: &SubjectId,
    client: &ClientId,
    account: Option<&AccountId>,
) -> Step<bool> {
    forget(ctx, Consent::key(subject, client, account), 0).then(|(_, withdrawn)| Step::done(withdrawn))
}

/// Takes back what is remembered, also what is being approved at this moment: else a grant that was let pass on what stood
/// before, and is written after those that are to end were ended, would find that it stands.
fn forget(mut ctx: Context, key: Key<Consent>, races: u32) -> Step<(Context, bool)> {
    load(key.clone()).then(move |found| {
        let Some(found) = found.filter(|found| !found.record.withdrawn) else {
            return Step::done((ctx, false));
        };
        let consent = Consent::withdrawn(ctx.now);
        let put = Put::of(&key, Expect::Version(found.version), ctx.version(), &consent, None);
        commit(put, Vec::new()).then(move |committed| match committed {
            Committed::Yes => Step::done((ctx, true)),
            Committed::LostRace if races < ctx.profile.limits.races => forget(ctx, key, races + 1),
            Committed::LostRace => Step::stop(FlowFault::Contended(key.raw().clone())),
        })
    })
}

/// At whose wish a token ends.
#[derive(Clone)]
enum Wish {
    Client(Box<ClientAuthenticated>),
    Operator,
}

impl Wish {
    fn covers(&self, owner: &ClientId) -> bool {
        match self {
            Wish::Client(client) => client.id() == owner,
            Wish::Operator => true,
        }
    }
}

/// Who ends a grant.
enum Authority {
    /// Whoever holds one of its refresh tokens, if his wish covers its client.
    RefreshToken(Wish, RefreshToken),
    /// The person, an operator, or a rule.
    Caller(RevocationCause),
}

impl Authority {
    fn over(&self, ctx: &Context, grant: &Grant) -> Option<RevocationCause> {
        match self {
            Authority::Caller(cause) => Some(*cause),
            Authority::RefreshToken(wish, token) => {
                let chain = grant.refresh_chain()?;
                let theirs = wish.covers(&grant.facts().client)
                    && chain.descends_from(token, &ctx.key, &ctx.profile.limits);
                theirs.then_some(match wish {
                    Wish::Client(_) => RevocationCause::ByClient,
                    Wish::Operator => RevocationCause::ByOperator,
                })
            }
        }
    }
}

fn end_token(ctx: Context, wish: Wish, token: &Secret) -> Step<bool> {
    let AnyToken { access, refresh, jwt } = AnyToken::parse(&ctx.profile.formats, token.expose());
    let refresh = match refresh {
        Some(token) => end_grant(ctx, token.grant(), Authority::RefreshToken(wish.clone(), token), 0),
        None => Step::done((ctx, false)),
    };
    refresh.then(move |(ctx, ended)| match (ended, access, jwt) {
        (true, _, _) | (false, None, None) => Step::done(ended),
        // Where tokens look alike, what is no refresh token may be an access token.
        (false, Some(token), _) => end_reference(ctx, wish, token, 0),
        (false, None, Some(jwt)) => end_jwt(ctx, wish, jwt),
    })
}

fn end_grant(ctx: Context, id: GrantId, authority: Authority, races: u32) -> Step<(Context, bool)> {
    let key = Grant::key(id);
    load(key.clone()).then(move |found| {
        let mut ctx = ctx;
        let Some(found) = found else { return Step::done((ctx, false)) };
        let Some(cause) = authority.over(&ctx, &found.record) else { return Step::done((ctx, false)) };
        let decision = found.record.revoke(cause, ctx.now);
        let Some(grant) = decision.write else { return Step::done((ctx, false)) };
        let put = ctx.replace(found.version, &grant);
        commit(put, decision.events).then(move |committed| match committed {
            Committed::Yes => Step::done((ctx, true)),
            Committed::LostRace if races < ctx.profile.limits.races => {
                end_grant(ctx, id, authority, races + 1)
            }
            Committed::LostRace => Step::stop(FlowFault::Contended(key.raw().clone())),
        })
    })
}

fn end_reference(ctx: Context, wish: Wish, token: AccessToken, races: u32) -> Step<bool> {
    let key = ReferenceToken::key(&token);
    load(key.clone()).then(move |found| {
        let Some(found) = found.filter(|f| f.record.revoked_at.is_none()) else { return Step::done(false) };
        let owner = match &found.record.basis {
            Basis::Client { client_id, .. } => Step::done(Some(client_id.clone())),
            Basis::Grant => load(Grant::key(token.grant()))
                .then(|grant| Step::done(grant.map(|g| g.record.facts().client.clone()))),
        };
        owner.then(move |owner| {
            let mut ctx = ctx;
            if !owner.is_some_and(|owner| wish.covers(&owner)) {
                return Step::done(false);
            }
            let record = found.record.revoked(ctx.now);
            let keep = Some(record.expires_at);
            let put = Put::of(&key, Expect::Version(found.version), ctx.version(), &record, keep);
            commit(put, vec![Event::AccessTokenRevoked { grant: token.grant() }]).then(move |done| match done
            {
                Committed::Yes => Step::done(true),
                Committed::LostRace if races < ctx.profile.limits.races => {
                    end_reference(ctx, wish, token, races + 1)
                }
                Committed::LostRace => Step::stop(FlowFault::Contended(key.raw().clone())),
            })
        })
    })
}

/// A JWT cannot be taken back from those who read it without asking; whoever asks is told from now on.
fn end_jwt(ctx: Context, wish: Wish, jwt: Secret) -> Step<bool> {
    inspect::own_claims(ctx, jwt).then(move |(mut ctx, claims)| {
        let Some(claims) = claims.filter(|claims| wish.covers(&claims.client_id)) else {
            return Step::done(false);
        };
        let AccessTokenClaims { client_id, iat, exp, scope, grant, .. } = claims.clone();
        let at = |seconds: i64| Time::from_unix_millis(seconds.saturating_mul(1000));
        let basis = match grant {
            Some(_) => Basis::Grant,
            None => Basis::Client { client_id, audience: None },
        };
        let era = grant.map_or(0, |origin| origin.era);
        let record = ReferenceToken::new(basis, era, scope, at(iat), at(exp)).revoked(ctx.now);
        let key = ReferenceToken::key_of_jwt(&claims);
        let put = Put::of(&key, Expect::Absent, ctx.version(), &record, Some(at(exp)));
        let events =
            grant.map(|origin| Event::AccessTokenRevoked { grant: origin.grant }).into_iter().collect();
        // Whoever came first has done the same.
        commit(put, events).then(|committed| Step::done(committed == Committed::Yes))
    })
}
