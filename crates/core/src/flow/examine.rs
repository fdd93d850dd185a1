//! An authorization request is examined (RFC 6749, section 4.1.1; RFC 9700, section 2.1), before anybody is asked anything.

use super::{Context, issue};
use crate::client::{ClientMetadata, ResponseType};
use crate::ids::ClientId;
use crate::interaction::{AuthorizationRequest, Page};
use crate::picture::PictureTag;
use crate::pkce::CodeChallenge;
use crate::profile::{Profile, RedirectField};
use crate::redirect::{RedirectTrusted, ResponsePlace};
use crate::refusal::{Reason, Refusal};
use crate::request::{AuthorizationParameters, Given};
use crate::scope::Scope;
use crate::step::{Step, registration};

/// What came of examining a request. A refusal that may not be sent to the redirect URI is a stop, for a page.
pub enum Examined {
    /// It is right: ask the person.
    Proceed {
        /// The request.
        request: AuthorizationRequest,
        /// Whose it is, to show to the person.
        client: Box<ClientMetadata>,
        /// Which picture it has, if it has one.
        logo: Option<PictureTag>,
    },
    /// It is wrong, and the client is told at its redirect URI.
    Redirect(RedirectError),
}

/// A refusal that the client is told at its redirect URI (RFC 6749, section 4.1.2.1).
#[derive(Debug)]
pub struct RedirectError {
    pub(super) redirect: RedirectTrusted,
    pub(super) place: ResponsePlace,
    pub(super) state: Option<String>,
    /// What was refused.
    pub refusal: Refusal,
}

impl RedirectError {
    /// Where the client is told.
    pub fn redirect(&self) -> &RedirectTrusted {
        &self.redirect
    }

    /// The URI to send the browser to.
    pub fn location(&self, profile: &Profile) -> String {
        let (code, description) = (self.refusal.code(), self.refusal.description());
        let rules = &profile.errors;
        let parameters: Vec<(&str, &str)> = profile
            .authorization
            .error_answer
            .iter()
            .filter_map(|field| {
                let value = match field.source {
                    RedirectField::Error => Some(rules.code(code)),
                    RedirectField::ErrorDescription => Some(rules.description(code).unwrap_or(&description)),
                    RedirectField::State => self.state.as_deref(),
                    RedirectField::Iss => Some(profile.issuer.as_str()),
                    RedirectField::ClientId => self.refusal.client.as_ref().map(ClientId::as_str),
                    RedirectField::Code
                    | RedirectField::AccessToken
                    | RedirectField::TokenType
                    | RedirectField::ExpiresIn
                    | RedirectField::Scope
                    | RedirectField::AccountId
                    | RedirectField::AccountName
                    | RedirectField::AccountUrl
                    | RedirectField::SubjectId
                    | RedirectField::SubjectName
                    | RedirectField::SubjectEmail => None,
                };
                value.map(|value| (field.name.as_str(), value))
            })
            .collect();
        self.redirect.with(self.place, &parameters)
    }
}

/// Finds out whether an authorization request is right, and whether its redirect URI can be told if not.
///
/// The order is the rule: nothing but the client and its URI is looked at until the URI is trusted (RFC 6749, sections
/// 3.1.2.4 and 4.1.2.1). Nothing is written.
///
/// # Refusals
/// Only what must not be redirected stops the flow: [`Reason::ClientUnknown`], [`Reason::ClientDisabled`],
/// [`Reason::RedirectMissing`], [`Reason::RedirectUnregistered`], and what is wrong with the form of `client_id` or
/// `redirect_uri`. All else is [`Examined::Redirect`].
pub fn examine(ctx: Context, params: AuthorizationParameters) -> Step<Examined> {
    let id = match required(&params.client_id, "client_id").and_then(|text| {
        ClientId::parse(text).map_err(|_| Refusal::from(Reason::ClientUnknown).of("client_id"))
    }) {
        Ok(id) => id,
        Err(refusal) => return Step::stop(refusal),
    };
    registration(&id).then(move |found| {
        let registered = found.is_some();
        let logo = found.as_ref().and_then(|client| client.logo().cloned());
        let metadata = found.map(|client| client.metadata.clone());
        let client = match metadata.filter(|c| c.profile == ctx.profile.name) {
            None => {
                let refusal = Refusal::from(Reason::ClientUnknown).of("client_id");
                return Step::stop(refusal.saw("registered", registered));
            }
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
            Ok(request) => Examined::Proceed { request, client: Box::new(client), logo },
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
    let most = ctx.profile.limits.redirect_uri_bytes;
    if let Some(long) = requested.map(str::len).filter(|bytes| *bytes > most) {
        return Err(about(Reason::ParameterInvalid).saw("bytes", long).saw("bytes_most", most));
    }
    let absent = if requested.is_none() { Reason::RedirectMissing } else { Reason::RedirectUnregistered };
    let rules = &ctx.profile.authorization;
    let refused = |reason: Reason| {
        let refusal = about(reason).saw("redirect_uris", client.redirect_uris.len());
        refusal.saw("must_be_given", rules.redirect_uri_required)
    };
    if requested.is_none() && rules.redirect_uri_required {
        return Err(refused(Reason::RedirectMissing));
    }
    RedirectTrusted::establish(&client.redirect_uris, requested, rules.redirect_match)
        .ok_or_else(|| refused(absent))
}

fn examine_trusted(
    ctx: &Context,
    client: &ClientMetadata,
    redirect: RedirectTrusted,
    params: &AuthorizationParameters,
) -> Result<AuthorizationRequest, Refusal> {
    if let Some(reason) = params.others {
        return Err(of_another(reason));
    }
    let state = optional(&params.state, "state")?;
    let most = ctx.profile.limits.state_bytes;
    if let Some(long) = state.map(str::len).filter(|bytes| *bytes > most) {
        let refusal = Refusal::from(Reason::ParameterInvalid).of("state");
        return Err(refusal.saw("bytes", long).saw("bytes_most", most));
    }
    let page = match optional(&params.page, "action")? {
        None => None,
        Some("signin") => Some(Page::SignIn),
        Some("signup") => Some(Page::SignUp),
        Some(_) => return Err(Refusal::from(Reason::ParameterInvalid).of("action")),
    };
    let response_type = ResponseType::from_name(required(&params.response_type, "response_type")?)
        .filter(|t| ctx.profile.response_types.contains(t))
        .ok_or_else(|| {
            let types = ctx.profile.response_types.len();
            Refusal::from(Reason::ResponseTypeUnsupported).saw("response_types", types)
        })?;
    if state.is_none() && ctx.profile.authorization.state_required.contains(&response_type) {
        return Err(Refusal::from(Reason::ParameterMissing).of("state"));
    }
    if !client.may_ask_for(response_type) {
        let refusal =
            Refusal::from(Reason::ResponseTypeNotAllowed).saw("response_type", response_type.as_str());
        return Err(refusal.saw("grant_types", client.grant_types.len()));
    }
    let only_mode = match response_type {
        ResponseType::Code => "query",
        ResponseType::Token => "fragment",
    };
    if optional(&params.response_mode, "response_mode")?.is_some_and(|mode| mode != only_mode) {
        return Err(Refusal::from(Reason::ResponseModeUnsupported).saw("response_mode_of_type", only_mode));
    }
    let requested = match optional(&params.scope, "scope")? {
        None => None,
        Some(text) => Some(
            Scope::parse(text).map_err(|_| Refusal::from(Reason::ScopeMalformed).saw("bytes", text.len()))?,
        ),
    };
    let scope = issue::scope_for(ctx, client, requested.as_ref())?;
    let challenge = challenge(ctx, client, response_type, params)?;
    Ok(AuthorizationRequest {
        client: client.client_id.clone(),
        assured: client.is_assured(redirect.as_str()),
        redirect,
        response_type,
        scope,
        state: state.map(ToOwned::to_owned),
        challenge,
        page,
    })
}

/// The challenge, of method `S256` and no other: `plain` is what an absent method means (RFC 7636, section 4.3).
fn challenge(
    ctx: &Context,
    client: &ClientMetadata,
    response_type: ResponseType,
    params: &AuthorizationParameters,
) -> Result<Option<CodeChallenge>, Refusal> {
    let method = optional(&params.code_challenge_method, "code_challenge_method")?;
    match (optional(&params.code_challenge, "code_challenge")?, method) {
        (Some(text), Some("S256")) => {
            let invalid = || Refusal::from(Reason::ChallengeInvalid).saw("bytes", text.len());
            CodeChallenge::parse(text).map(Some).ok_or_else(invalid)
        }
        (Some(_), given) => {
            let refusal = Refusal::from(Reason::ChallengeMethodUnsupported);
            Err(refusal.saw("code_challenge_method", given.is_some()))
        }
        (None, Some(_)) => Err(Refusal::from(Reason::ChallengeMissing).saw("code_challenge_method", true)),
        (None, None) if client.needs_pkce(&ctx.profile) && response_type == ResponseType::Code => {
            let refusal = Refusal::from(Reason::ChallengeMissing).saw("public", client.is_public());
            Err(refusal.saw("require_pkce", client.require_pkce))
        }
        (None, None) => Ok(None),
    }
}

/// About a parameter that no other rule here looks at, or the request as a whole.
fn of_another(reason: Reason) -> Refusal {
    let parameter = if reason == Reason::RequestObjectUnsupported {
        "request"
    } else if reason == Reason::RequestUriUnsupported {
        "request_uri"
    } else {
        "another"
    };
    Refusal::from(reason).saw("parameter", parameter)
}

fn optional<'a>(given: &'a Given, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    given.as_ref().map(Option::as_deref).map_err(|reason| Refusal::from(*reason).of(name))
}

fn required<'a>(given: &'a Given, name: &'static str) -> Result<&'a str, Refusal> {
    optional(given, name)?.ok_or_else(|| Refusal::from(Reason::ParameterMissing).of(name))
}
