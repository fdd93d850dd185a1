//! The authorization endpoint (RFC 6749, section 4.1; RFC 9207; RFC 9700, section 2.1): examine a request, let a person
//! decide, answer at the client's redirect URI.

use super::Context;
use super::issue::{self, Speaker};
use crate::client::{Client, ClientMetadata, GrantType, ResponseType};
use crate::credential::{AuthorizationCode, InteractionHandle};
use crate::event::Event;
use crate::grant::{CodeIssued, Grant, GrantFacts, SubjectGrant};
use crate::ids::{AccountId, ClientId, GrantId, SubjectId};
use crate::interaction::{AuthorizationRequest, Interaction};
use crate::pkce::CodeChallenge;
use crate::profile::Profile;
use crate::record::{Expect, Put};
use crate::redirect::{RedirectTrusted, ResponsePlace};
use crate::refusal::{Reason, Refusal};
use crate::request::{AuthorizationParameters, Choice, DecisionRequest, Given};
use crate::scope::Scope;
use crate::secret::{Digest, Secret};
use crate::standing::Standing;
use crate::step::{Committed, Step, commit, create, load};
use crate::time::Time;

/// What came of examining a request. A refusal that may not be sent to the redirect URI is a stop, for a page.
pub enum Examined {
    /// It is right: ask the person.
    Proceed {
        /// The request.
        request: AuthorizationRequest,
        /// Whose it is, to show to the person.
        client: Box<ClientMetadata>,
    },
    /// It is wrong, and the client is told at its redirect URI.
    Redirect(RedirectError),
}

/// A refusal that the client is told at its redirect URI (RFC 6749, section 4.1.2.1).
#[derive(Debug)]
pub struct RedirectError {
    redirect: RedirectTrusted,
    place: ResponsePlace,
    state: Option<String>,
    /// What was refused.
    pub refusal: Refusal,
}

impl RedirectError {
    /// The URI to send the browser to.
    pub fn location(&self, profile: &Profile) -> String {
        let description = self.refusal.description();
        let mut parameters =
            vec![("error", self.refusal.code().as_str()), ("error_description", &description)];
        parameters.extend(self.state.as_deref().map(|s| ("state", s)));
        parameters.push(("iss", profile.issuer.as_str()));
        self.redirect.with(self.place, &parameters)
    }
}

/// Finds out whether an authorization request is right, and whether its redirect URI can be told if not.
///
/// The order is the rule: nothing but the client and its URI is looked at until the URI is trusted.
pub fn examine(ctx: Context, params: AuthorizationParameters) -> Step<Examined> {
    let id = match required(&params.client_id, "client_id").and_then(|text| {
        ClientId::parse(text).map_err(|_| Refusal::from(Reason::ClientUnknown).of("client_id"))
    }) {
        Ok(id) => id,
        Err(refusal) => return Step::stop(refusal),
    };
    load(Client::key(&id)).then(move |found| {
        let client = match found.map(|f| f.record.metadata).filter(|c| c.profile == ctx.profile.name) {
            None => return Step::stop(Refusal::from(Reason::ClientUnknown).of("client_id")),
            Some(client) if client.disabled => {
                return Step::stop(Refusal::from(Reason::ClientDisabled).of("client_id").by(&id));
            }
            Some(client) => client,
        };
        let redirect = match trusted_redirect(&ctx, &client, &params.redirect_uri) {
            Ok(redirect) => redirect,
            Err(refusal) => return Step::stop(refusal.by(&id)),
        };
        let asked_for_token =
            matches!(&params.response_type, Ok(Some(t)) if t == ResponseType::Token.as_str());
        let place = if asked_for_token { ResponsePlace::Fragment } else { ResponsePlace::Query };
        let state = params.state.clone().ok().flatten();
        Step::done(match examine_trusted(&ctx, &client, redirect.clone(), &params) {
            Ok(request) => Examined::Proceed { request, client: Box::new(client) },
            Err(refusal) => {
                Examined::Redirect(RedirectError { redirect, place, state, refusal: refusal.by(&id) })
            }
        })
    })
}

fn trusted_redirect(
    ctx: &Context,
    client: &ClientMetadata,
    given: &Given,
) -> Result<RedirectTrusted, Refusal> {
    let about = |reason: Reason| Refusal::from(reason).of("redirect_uri");
    let requested = given.as_ref().map_err(|reason| about(*reason))?.as_deref();
    if requested.is_some_and(|uri| uri.len() > ctx.profile.limits.redirect_uri_bytes) {
        return Err(about(Reason::ParameterInvalid));
    }
    let absent = if requested.is_none() { Reason::RedirectMissing } else { Reason::RedirectUnregistered };
    RedirectTrusted::establish(&client.redirect_uris, requested).ok_or_else(|| about(absent))
}

fn examine_trusted(
    ctx: &Context,
    client: &ClientMetadata,
    redirect: RedirectTrusted,
    params: &AuthorizationParameters,
) -> Result<AuthorizationRequest, Refusal> {
    if let Some(reason) = params.others {
        return Err(reason.into());
    }
    let state = optional(&params.state, "state")?;
    if state.is_some_and(|s| s.len() > ctx.profile.limits.state_bytes) {
        return Err(Refusal::from(Reason::ParameterInvalid).of("state"));
    }
    let response_type = ResponseType::from_name(required(&params.response_type, "response_type")?)
        .filter(|t| ctx.profile.response_types.contains(t))
        .ok_or(Reason::ResponseTypeUnsupported)?;
    if !client.may_ask_for(response_type) {
        return Err(Reason::ResponseTypeNotAllowed.into());
    }
    let only_mode = match response_type {
        ResponseType::Code => "query",
        ResponseType::Token => "fragment",
    };
    if optional(&params.response_mode, "response_mode")?.is_some_and(|mode| mode != only_mode) {
        return Err(Reason::ResponseModeUnsupported.into());
    }
    let requested = optional(&params.scope, "scope")?.map(Scope::parse).transpose();
    let scope = issue::scope_for(ctx, client, requested.map_err(|_| Reason::ScopeMalformed)?.as_ref())?;
    let challenge = challenge(client, response_type, params)?;
    Ok(AuthorizationRequest {
        client: client.client_id.clone(),
        redirect,
        response_type,
        scope,
        state: state.map(ToOwned::to_owned),
        challenge,
    })
}

/// The challenge, of method `S256` and no other: `plain` is what an absent method means (RFC 7636, section 4.3).
fn challenge(
    client: &ClientMetadata,
    response_type: ResponseType,
    params: &AuthorizationParameters,
) -> Result<Option<CodeChallenge>, Refusal> {
    let method = optional(&params.code_challenge_method, "code_challenge_method")?;
    match (optional(&params.code_challenge, "code_challenge")?, method) {
        (Some(text), Some("S256")) => {
            CodeChallenge::parse(text).map(Some).ok_or_else(|| Reason::ChallengeInvalid.into())
        }
        (Some(_), _) => Err(Reason::ChallengeMethodUnsupported.into()),
        (None, Some(_)) => Err(Reason::ChallengeMissing.into()),
        (None, None) if client.needs_pkce() && response_type == ResponseType::Code => {
            Err(Reason::ChallengeMissing.into())
        }
        (None, None) => Ok(None),
    }
}

fn optional<'a>(given: &'a Given, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    given.as_ref().map(Option::as_deref).map_err(|reason| Refusal::from(*reason).of(name))
}

fn required<'a>(given: &'a Given, name: &'static str) -> Result<&'a str, Refusal> {
    optional(given, name)?.ok_or_else(|| Refusal::from(Reason::ParameterMissing).of(name))
}

/// A request that waits for a person's decision.
pub struct OpenedInteraction {
    /// What the page must send back with the decision.
    pub handle: Secret,
    /// Until when.
    pub expires_at: Time,
}

/// Lets a request wait for the decision of `subject`, in the browser session of digest `session`.
pub fn open(
    mut ctx: Context,
    request: AuthorizationRequest,
    subject: SubjectId,
    session: Digest,
) -> Step<OpenedInteraction> {
    let id = GrantId::from_bytes(ctx.entropy.draw_half());
    let (handle, text) = InteractionHandle::mint(id, &mut ctx.entropy);
    let expires_at = ctx.now + ctx.profile.lifetimes.interaction;
    let record = Interaction::begin(&handle, request, subject, session, expires_at);
    let version = ctx.version();
    create(&Interaction::key(&handle), version, &record, Some(expires_at), Vec::new())
        .then(move |()| Step::done(OpenedInteraction { handle: text, expires_at }))
}

/// Where to send the browser now that the person decided.
pub struct AuthorizationAnswer {
    /// The URI. It may hold a code or a token.
    pub location: Secret,
    /// The grant, if one was made.
    pub grant: Option<GrantId>,
    /// Why not, if none was.
    pub refusal: Option<Refusal>,
}

/// Takes a person's decision, once, and answers the client.
pub fn decide(ctx: Context, decision: DecisionRequest) -> Step<AuthorizationAnswer> {
    let Some(handle) = InteractionHandle::parse(decision.handle.expose()) else {
        return Step::stop(Reason::InteractionOver);
    };
    let key = Interaction::key(&handle);
    load(key.clone()).then(move |found| {
        let mut ctx = ctx;
        let Some(found) = found else { return Step::stop(Reason::InteractionOver) };
        let decided = found.record.decide(&handle, &decision.session, &decision.subject, ctx.now);
        let Some((record, request)) = decided else { return Step::stop(Reason::InteractionOver) };
        let events = match decision.choice {
            Choice::Approve { .. } => Vec::new(),
            Choice::Deny => vec![Event::RequestDenied {
                client: request.client.clone(),
                subject: decision.subject.clone(),
            }],
        };
        let expect = Expect::Version(found.version);
        let put = Put::of(&key, expect, ctx.version(), &record, Some(record.expires_at()));
        commit(put, events).then(move |committed| match (committed, decision.choice) {
            (Committed::LostRace, _) => Step::stop(Reason::InteractionOver),
            (Committed::Yes, Choice::Deny) => Step::done(refuse(&ctx, request, Reason::Denied)),
            (Committed::Yes, Choice::Approve { scope }) => {
                approve(ctx, request, decision.subject, decision.account, scope)
            }
        })
    })
}

/// Looks at the client once more, since it may have changed while the person read, and makes the grant.
fn approve(
    ctx: Context,
    mut request: AuthorizationRequest,
    subject: SubjectId,
    account: Option<AccountId>,
    chosen: Option<Scope>,
) -> Step<AuthorizationAnswer> {
    load(Client::key(&request.client)).then(move |found| {
        let Some(client) = found.map(|f| f.record.metadata).filter(|c| !c.disabled) else {
            return Step::stop(Refusal::from(Reason::ClientUnknown).by(&request.client));
        };
        if !client.redirect_uris.iter().any(|r| r.admits(request.redirect.as_str())) {
            return Step::stop(Refusal::from(Reason::RedirectUnregistered).by(&request.client));
        }
        if let Some(chosen) = chosen {
            let part = request.scope.intersection(&chosen);
            if part.is_empty() && !request.scope.is_empty() {
                return Step::done(refuse(&ctx, request, Reason::Denied));
            }
            request.scope = part;
        }
        grant(ctx, request, client, subject, account)
    })
}

fn grant(
    mut ctx: Context,
    request: AuthorizationRequest,
    client: ClientMetadata,
    subject: SubjectId,
    account: Option<AccountId>,
) -> Step<AuthorizationAnswer> {
    let facts = GrantFacts {
        id: GrantId::from_bytes(ctx.entropy.draw_half()),
        client: request.client.clone(),
        subject,
        account,
        scope: request.scope.clone(),
        audience: client.access_token_audience.clone(),
        created_at: ctx.now,
        expires_at: ctx.profile.lifetimes.grant.map(|lifetime| ctx.now + lifetime),
    };
    let event = Event::RequestApproved {
        grant: facts.id,
        client: facts.client.clone(),
        subject: facts.subject.clone(),
        scope: facts.scope.clone(),
    };
    match request.response_type {
        ResponseType::Code => {
            let (code, text) = AuthorizationCode::mint(facts.id, &mut ctx.entropy);
            let expires_at = facts.capped(ctx.now + ctx.profile.lifetimes.authorization_code);
            let issued = CodeIssued::new(&code, &request.redirect, request.challenge.clone(), expires_at);
            let id = facts.id;
            store_grant(ctx, Grant::with_code(facts, issued), event).then(move |ctx| {
                let parameters = [("code", text.expose())];
                Step::done(answer(&ctx, &request, ResponsePlace::Query, &parameters, id))
            })
        }
        ResponseType::Token => {
            let end = facts.capped(ctx.now + ctx.profile.lifetimes.access_token);
            let record = Grant::with_tokens(facts.clone(), None, Some(end));
            store_grant(ctx, record, event).then(move |ctx| require_good_standing(ctx, facts)).then(
                move |(ctx, facts)| {
                    let (id, scope) = (facts.id, facts.scope.clone());
                    issue::access_token(ctx, &client, GrantType::Implicit, Speaker::Subject(facts), scope)
                        .then(move |(ctx, issued)| {
                            let expires_in = issued.expires_at.seconds_after(ctx.now).to_string();
                            let mut parameters = vec![
                                ("access_token", issued.token.expose()),
                                ("token_type", "Bearer"),
                                ("expires_in", &expires_in),
                            ];
                            if !issued.scope.is_empty() {
                                parameters.push(("scope", issued.scope.as_str()));
                            }
                            Step::done(answer(&ctx, &request, ResponsePlace::Fragment, &parameters, id))
                        })
                },
            )
        }
    }
}

/// Writes the hint, then the grant: whoever looks for a subject's grants misses none.
pub(super) fn store_grant(mut ctx: Context, grant: Grant, event: Event) -> Step<Context> {
    let facts = grant.facts();
    let hint = SubjectGrant::key(&facts.subject, facts.id);
    let version = ctx.version();
    create(&hint, version, &SubjectGrant::default(), facts.expires_at, Vec::new()).then(move |()| {
        let version = ctx.version();
        create(&Grant::key(grant.facts().id), version, &grant, grant.keep_until(), vec![event])
            .then(move |()| Step::done(ctx))
    })
}

/// Refuses a suspended subject. To be asked after the grant became findable (see [`Standing`]).
pub(super) fn require_good_standing(ctx: Context, facts: GrantFacts) -> Step<(Context, GrantFacts)> {
    load(Standing::key(&facts.subject)).then(move |found| {
        if found.is_some_and(|s| s.record.is_suspended()) {
            return Step::stop(Refusal::from(Reason::SubjectSuspended).by(&facts.client).on(facts.id));
        }
        Step::done((ctx, facts))
    })
}

fn answer(
    ctx: &Context,
    request: &AuthorizationRequest,
    place: ResponsePlace,
    parameters: &[(&str, &str)],
    grant: GrantId,
) -> AuthorizationAnswer {
    let mut parameters = parameters.to_vec();
    parameters.extend(request.state.as_deref().map(|s| ("state", s)));
    parameters.push(("iss", ctx.profile.issuer.as_str()));
    let location = Secret::new(request.redirect.with(place, &parameters));
    AuthorizationAnswer { location, grant: Some(grant), refusal: None }
}

fn refuse(ctx: &Context, request: AuthorizationRequest, reason: Reason) -> AuthorizationAnswer {
    let place = match request.response_type {
        ResponseType::Code => ResponsePlace::Query,
        ResponseType::Token => ResponsePlace::Fragment,
    };
    let refusal = Refusal::from(reason).by(&request.client);
    let error = RedirectError { redirect: request.redirect, place, state: request.state, refusal };
    let location = Secret::new(error.location(&ctx.profile));
    AuthorizationAnswer { location, grant: None, refusal: Some(error.refusal) }
}
