//! The authorization endpoint (RFC 6749, section 3.1): examine, have the person log in, ask, answer the client.

use axum::extract::{Request, State};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use grantor_core::client::ClientMetadata;
use grantor_core::flow::{Asked, Examined};
use grantor_core::request::{Approver, ApproverAccount, Choice, DecisionRequest};
use grantor_core::wire::{self, Parameters};
use grantor_core::{AccountId, AuthorizationRequest, PictureTag, Reason, Refusal, Scope, Secret};
use grantor_pages::{AccountChoice, Choose, Consent, Page, Permission, Wording};

use crate::browser::{self, Visitor};
use crate::guard::URI_BYTES;
use crate::pages::{self, Forms, Stop};
use crate::web::{App, Shared};
use crate::{form, login, logo, respond, signup};

/// What the consent form's token is for.
const CONSENT: &str = "consent";

/// Where the consent form is posted, below the endpoint.
const DECISION: &str = "/decision";
/// Where somebody logs out who is not meant.
const LOGOUT: &str = "/logout";

/// Where the consent form is posted.
pub(crate) fn decision_path(app: &Shared) -> String {
    format!("{}{DECISION}", app.authorize_path())
}

/// Takes a request from the query.
pub(crate) async fn get(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let query = request.uri().query().unwrap_or_default();
    let headers = request.headers();
    match examine(&app, query.as_bytes()).await? {
        Next::Answer(response) => Ok(response),
        Next::Ask(asked, client, logo) => match browser::visitor(&app, headers).await? {
            Some(visitor) => {
                let asking = Asking::new(&app, &client, logo.as_ref());
                let reader = Reader { headers, query, request: Some(&portable(query)) };
                ask(&app, asked, &asking, &visitor, reader).await
            }
            None => to_login(&app, headers, asked.page(), &portable(query)),
        },
    }
}

/// Takes a request from a form. What is wrong with it is answered here. What is right goes on as a GET: a form is mostly
/// posted by another site, and with such a post the browser sends no cookie, but it does as it follows the redirect.
pub(crate) async fn post(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let bytes = form::read(&app, &parts, body).await?;
    match examine(&app, &bytes).await? {
        Next::Answer(response) => Ok(response),
        Next::Ask(asked, client, logo) => {
            let query = reencoded(&bytes);
            let reader = Reader { headers: &parts.headers, query: &query, request: Some(&query) };
            match browser::visitor(&app, &parts.headers).await? {
                Some(visitor) => {
                    let asking = Asking::new(&app, &client, logo.as_ref());
                    ask(&app, asked, &asking, &visitor, reader).await
                }
                None if query.len() < URI_BYTES / 2 => respond::see_other(&with_query(&app, &query)),
                None => to_login(&app, &parts.headers, asked.page(), &query),
            }
        }
    }
}

/// A GET waits for a decision, which leaves a trace in the store. HEAD must not (RFC 9110, section 9.2.1).
pub(crate) async fn head() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, POST")]).into_response()
}

enum Next {
    Answer(Response),
    Ask(AuthorizationRequest, Box<ClientMetadata>, Option<PictureTag>),
}

async fn examine(app: &Shared, encoded: &[u8]) -> Result<Next, Stop> {
    let profile = app.engine.profile();
    let parameters = Parameters::read(encoded, &profile.limits).renamed(&profile.parameters);
    Ok(match app.engine.examine(wire::authorization_parameters(&parameters, profile)).await? {
        Examined::Proceed { request, client, logo } => Next::Ask(request, client, logo),
        Examined::Redirect(error) => Next::Answer(respond::see_other(&error.location(profile))?),
    })
}

/// Sends the browser to the page for logging in, or for signing up if the client asked for that, and by way of it back
/// here. If the address would be too long to come back by, the page is shown at once.
fn to_login(
    app: &Shared,
    headers: &HeaderMap,
    page: Option<grantor_core::Page>,
    query: &str,
) -> Result<Response, Stop> {
    if let Some(sign_in) = &app.sign_in {
        return respond::see_other(&sign_in.login(&with_query(app, query)));
    }
    let signs_up = match page {
        Some(grantor_core::Page::SignUp) => true,
        Some(grantor_core::Page::SignIn) | None => false,
    };
    let location = login::with_request(app, if signs_up { "/signup" } else { "/login" }, query);
    match (location.len() > URI_BYTES, signs_up) {
        (false, _) => respond::see_other(&location),
        (true, true) => signup::page(app, headers, query, &signup::Entered::default()),
        (true, false) => login::page(app, headers, query, login::Entered::Nothing),
    }
}

/// The authorization endpoint with a query that came from outside: whatever it is, it leads nowhere else.
pub(crate) fn with_query(app: &Shared, query: &str) -> String {
    format!("{}?{}", app.authorize_path(), portable(query))
}

/// A query as it can stand in a header: as it came, if it can.
fn portable(query: &str) -> String {
    let plain = |byte: u8| matches!(byte, 0x21..=0x7e) && byte != b'#';
    if query.bytes().all(plain) { query.to_owned() } else { reencoded(query.as_bytes()) }
}

/// The same parameters, encoded anew. What is no text becomes U+FFFD, and is refused as that.
fn reencoded(encoded: &[u8]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form_urlencoded::parse(encoded)).finish()
}

/// Puts the request before the person.
async fn ask(
    app: &Shared,
    request: AuthorizationRequest,
    asking: &Asking<'_>,
    visitor: &Visitor,
    reader: Reader<'_>,
) -> Result<Response, Stop> {
    let approver = browser::approver(app, visitor).await?;
    let asked = app.engine.ask(request, approver.clone(), visitor.digest()).await?;
    show(app, asked, asking, visitor, &approver, reader).await
}

/// The application that asks, as the person is shown it.
struct Asking<'a> {
    client: &'a ClientMetadata,
    logo: Option<String>,
}

impl<'a> Asking<'a> {
    fn new(app: &Shared, client: &'a ClientMetadata, logo: Option<&PictureTag>) -> Self {
        Self { client, logo: logo.map(|tag| logo::path(app, &client.client_id, tag)) }
    }
}

/// Who reads the page: by what he accepts, and by what the application says of his languages.
#[derive(Clone, Copy)]
struct Reader<'a> {
    headers: &'a HeaderMap,
    query: &'a str,
    /// The authorization request, to go on with as somebody else. It comes from the browser and is used for nothing but that.
    request: Option<&'a str>,
}

impl Reader<'_> {
    /// A page with the authorization request, if it is not too long to be carried there.
    fn carrying(self, app: &Shared, page: &str) -> Option<String> {
        let carrying = login::with_request(app, page, self.request?);
        (carrying.len() <= URI_BYTES).then_some(carrying)
    }

    /// Where to log out, and sign in as somebody else. Whoever signs in at an application's own pages does so there.
    fn logout(self, app: &Shared) -> Option<String> {
        let is_here = app.sign_in.is_none();
        is_here.then(|| self.carrying(app, LOGOUT).unwrap_or_else(|| app.path(LOGOUT)))
    }

    /// Where the forms of his pages are posted: the request goes along, or at least the languages that it asked for.
    fn action(self, app: &Shared) -> String {
        if let Some(action) =
            self.carrying(app, &format!("{}{DECISION}", app.engine.profile().endpoints.authorize))
        {
            return action;
        }
        let limits = &app.engine.profile().limits;
        let parameters = Parameters::read(self.query.as_bytes(), limits);
        match parameters.get("ui_locales") {
            Some(locales) => {
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("ui_locales", locales)
                    .finish();
                format!("{}?{query}", decision_path(app))
            }
            None => decision_path(app),
        }
    }
}

/// Shows what the person is asked, or sends him on if it is nothing.
async fn show(
    app: &Shared,
    asked: Asked,
    asking: &Asking<'_>,
    visitor: &Visitor,
    approver: &Approver,
    reader: Reader<'_>,
) -> Result<Response, Stop> {
    let client = asking.client;
    let (action, logout, csrf) = (reader.action(app), reader.logout(app), visitor.token(app, CONSENT));
    let frame = pages::frame(app, reader.headers, reader.query);
    let page = match asked {
        Asked::Answered(answer) => return respond::see_other(answer.location.expose()),
        Asked::Account(question) => {
            let accounts: Vec<AccountChoice<'_>> = approver.accounts.iter().map(choice).collect();
            let view = Choose {
                action: &action,
                logout: logout.as_deref(),
                csrf: &csrf,
                interaction: question.opened.handle.expose(),
                client: client.display_name(),
                logo: asking.logo.as_deref(),
                user: visitor.name(),
                accounts: &accounts,
            };
            pages::page(app, StatusCode::OK, &Page::Choose(&view), &frame, Forms::Onward)
        }
        Asked::Decision(question) => {
            let catalogue = &app.engine.profile().scopes;
            let language = frame.language.tag();
            let in_words = |token| pages::wording(catalogue.describe(token, language));
            let permission = |token| {
                let optional = question.optional.contains(token);
                Permission { token, wording: in_words(token), optional }
            };
            let permissions: Vec<Permission<'_>> = question.scope.tokens().map(permission).collect();
            let already: Vec<Wording<'_>> = question.already.tokens().map(in_words).collect();
            let account = question.account.as_ref().and_then(|id| approver.account(id));
            let owner = owner(app, client).await?;
            let view = Consent {
                action: &action,
                logout: logout.as_deref(),
                csrf: &csrf,
                interaction: question.opened.handle.expose(),
                client: client.display_name(),
                description: client.description.as_deref(),
                logo: asking.logo.as_deref(),
                owner: owner.as_deref(),
                home: client.client_uri.as_deref(),
                target: place(question.redirect.as_str()),
                user: visitor.name(),
                account: account.map(|account| choice(account).name),
                permissions: &permissions,
                already: &already,
            };
            pages::page(app, StatusCode::OK, &Page::Consent(&view), &frame, Forms::Onward)
        }
    };
    Ok(page)
}

/// The name of who registered an application, as far as he is known.
async fn owner(app: &Shared, client: &ClientMetadata) -> Result<Option<String>, Stop> {
    let Some(owner) = &client.owner else { return Ok(None) };
    let user = app.users()?.user(owner).await?;
    Ok(user.map(|user| user.profile.name.unwrap_or_else(|| owner.to_string())))
}

fn choice(account: &ApproverAccount) -> AccountChoice<'_> {
    AccountChoice { id: account.id.as_str(), name: display_name(account), role: &account.role }
}

/// The account's name for people: its own, or its id.
pub(crate) fn display_name(account: &ApproverAccount) -> &str {
    account.name.as_deref().unwrap_or(account.id.as_str())
}

/// The part of a redirect URI that tells a person where he will be taken: scheme and host.
fn place(uri: &str) -> &str {
    let (scheme, rest) = uri.split_once("://").unwrap_or((uri.split(':').next().unwrap_or_default(), ""));
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    uri.get(..scheme.len() + "://".len() + host.len()).filter(|_| !host.is_empty()).unwrap_or(scheme)
}

/// Takes the person's decision. Of the form only the handle, the account and the choice are looked at: all else stands in
/// the record of the request.
pub(crate) async fn decide(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let (visitor, fields) = browser::own_form(&app, &parts, body, CONSENT).await?;
    let handle = Secret::new(fields.required("interaction")?);
    let account = fields.get("account").map(AccountId::parse).transpose();
    let account = account.map_err(|_| Refusal::from(Reason::ParameterInvalid).of("account"))?;
    let (session, approver) = (visitor.digest(), browser::approver(&app, &visitor).await?);
    // The page offers nothing but his own.
    if account.as_ref().is_some_and(|id| !approver.accounts.iter().any(|own| own.id == *id)) {
        return Err(Stop::Refused(Refusal::from(Reason::ParameterInvalid).of("account")));
    }
    let choice = match (fields.get("decision"), account.clone()) {
        (Some("approve"), _) => Choice::Approve { scope: Some(ticked(&app, &fields)) },
        (Some("deny"), _) => Choice::Deny,
        (None, Some(account)) => {
            let query = parts.uri.query().unwrap_or_default();
            let carried = Parameters::read(query.as_bytes(), &app.engine.profile().limits);
            let reader = Reader { headers: &parts.headers, query, request: carried.get("request") };
            return choose(&app, handle, &visitor, approver, account, reader).await;
        }
        (Some(_), _) => return Err(Stop::Refused(Refusal::from(Reason::ParameterInvalid).of("decision"))),
        (None, None) => return Err(Stop::Refused(Refusal::from(Reason::ParameterMissing).of("decision"))),
    };
    let decision = DecisionRequest { handle, session, approver, account, choice };
    let answer = app.engine.decide(decision).await?;
    respond::see_other(answer.location.expose())
}

/// The permissions that are ticked. Which of them were asked for, and may be left out, the core knows.
fn ticked(app: &Shared, fields: &Parameters) -> Scope {
    let catalogue = &app.engine.profile().scopes;
    let tokens = catalogue.names().filter(|token| fields.contains(&format!("scope.{token}")));
    tokens.filter_map(|token| Scope::parse(token).ok()).fold(Scope::none(), |all, token| all.union(&token))
}

/// Takes the choice of an account, and asks what is to be asked for it.
async fn choose(
    app: &Shared,
    handle: Secret,
    visitor: &Visitor,
    approver: Approver,
    account: AccountId,
    reader: Reader<'_>,
) -> Result<Response, Stop> {
    let asked = app.engine.choose_account(handle, visitor.digest(), approver.clone(), account).await?;
    let id = match &asked {
        Asked::Answered(answer) => return respond::see_other(answer.location.expose()),
        Asked::Account(question) | Asked::Decision(question) => question.client.clone(),
    };
    let client = app.engine.registered(&id).await?.ok_or(Stop::NotFound)?;
    let asking = Asking::new(app, &client.metadata, client.logo.as_ref());
    show(app, asked, &asking, visitor, &approver, reader).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_what_a_person_can_judge() {
        for (uri, shown) in [
            ("https://app.test/cb?x=1", "https://app.test"),
            ("https://app.test:8443?x", "https://app.test:8443"),
            ("http://[::1]:1/cb", "http://[::1]:1"),
            ("com.example.app:/cb", "com.example.app"),
            ("com.example.app://cb", "com.example.app://cb"),
        ] {
            assert_eq!(place(uri), shown);
        }
    }

    // G04, G09
    #[test]
    fn a_carried_query_is_one_line_of_plain_text() {
        for query in ["a=b\r\nSet-Cookie: x=y", "a=é", "a=1 2", "a#b", "\u{0}"] {
            assert!(portable(query).bytes().all(|b| b.is_ascii_graphic() && b != b'#'), "{query:?}");
        }
        assert_eq!(portable("state=%2B+%26'\"&a=1&a=1"), "state=%2B+%26'\"&a=1&a=1");
    }
}
