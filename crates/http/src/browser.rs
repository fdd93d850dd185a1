//! The browser at the other end: who is logged in there, and whether a form is its own doing.

use axum::body::Body;
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use grantor_core::request::{Approver, ApproverAccount};
use grantor_core::wire::Parameters;
use grantor_core::{Digest, Limits, Secret};
use grantor_directory::{CsrfBinding, Session, User};

use crate::form::{self, FormFault};
use crate::multipart::Multipart;
use crate::pages::Stop;
use crate::sign_in::SignedIn;
use crate::web::Shared;

/// Whoever is logged in, and by which cookie.
#[derive(Clone)]
pub struct Visitor {
    pub(crate) session: Session,
    cookie: Secret,
}

impl Visitor {
    /// The user, as he is now.
    pub fn user(&self) -> &User {
        &self.session.user
    }

    /// Whether a form's token is this session's, for this purpose.
    pub(crate) fn posted(&self, app: &Shared, purpose: &str, fields: &Parameters) -> bool {
        self.sent(app, purpose, fields.get("csrf").unwrap_or_default())
    }

    /// The same of a token alone.
    pub(crate) fn sent(&self, app: &Shared, purpose: &str, token: &str) -> bool {
        app.csrf.check(&self.session.csrf, purpose, token)
    }

    /// What an authorization request is tied to while it waits.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.cookie.expose().as_bytes())
    }

    /// The token for this session's forms of a purpose.
    pub(crate) fn token(&self, app: &Shared, purpose: &str) -> String {
        app.csrf.token(&self.session.csrf, purpose)
    }

    pub(crate) fn cookie(&self) -> &Secret {
        &self.cookie
    }

    /// The name to greet him by.
    pub fn name(&self) -> &str {
        let user = &self.session.user;
        user.profile.name.as_deref().unwrap_or(user.subject.as_str())
    }
}

/// Who is logged in.
pub(crate) async fn visitor(app: &Shared, headers: &HeaderMap) -> Result<Option<Visitor>, Stop> {
    if let Some(sign_in) = &app.sign_in {
        let who = sign_in.who(headers).await?;
        return Ok(who.map(|SignedIn { user, session: cookie }| {
            // The application ends its sessions itself; here this one is as good as its request.
            let (now, csrf) = (app.engine.now(), CsrfBinding::of(&cookie));
            let session = Session { user, authenticated_at: now, expires_at: now, csrf };
            Visitor { session, cookie }
        }));
    }
    let Some(cookie) = app.cookies.session(headers) else { return Ok(None) };
    let session = app.users()?.find_session(&cookie, app.engine.now()).await?;
    Ok(session.map(|session| Visitor { session, cookie }))
}

/// What is known of whoever is logged in, now that he is to approve something.
pub(crate) async fn approver(app: &Shared, visitor: &Visitor) -> Result<Approver, Stop> {
    let user = &visitor.session.user;
    // Of an account that is gone nothing is left but that he belonged to it: there is nothing to approve for it.
    let accounts = app.users()?.accounts_of(user).await?.into_iter().map(|acts_for| ApproverAccount {
        id: acts_for.account.id,
        name: acts_for.account.name,
        url: acts_for.account.url,
        role: acts_for.role,
        oauth_enabled: acts_for.account.oauth_enabled,
    });
    let accounts = accounts.collect();
    let (name, email) = (user.profile.name.clone(), user.profile.email.clone());
    Ok(Approver { subject: user.subject.clone(), name, email, accounts })
}

/// A form posted by whoever is logged in, from one of our own pages, meant for this purpose.
pub(crate) async fn own_form(
    app: &Shared,
    parts: &Parts,
    body: Body,
    purpose: &str,
) -> Result<(Visitor, Parameters), Stop> {
    let fields = page_form(app, parts, body).await?;
    let visitor = visitor(app, &parts.headers).await?.ok_or(Stop::Forged)?;
    if visitor.posted(app, purpose, &fields) { Ok((visitor, fields)) } else { Err(Stop::Forged) }
}

/// A form posted from one of our own pages, as far as the browser tells. Its token is still to be checked.
pub(crate) async fn page_form(app: &Shared, parts: &Parts, body: Body) -> Result<Parameters, Stop> {
    refuse_foreign(app, &parts.headers)?;
    let bytes = form::read(app, parts, body).await?;
    let limits = app.engine.profile().limits;
    // A form can have a tick for each permission beside its own fields.
    let limits = Limits { parameters: limits.parameters.saturating_add(limits.scope_tokens), ..limits };
    Ok(Parameters::read(&bytes, &limits).faultless()?)
}

/// A form with a file in it, posted as that.
pub(crate) struct PageFile {
    /// Its token, which is still to be checked.
    pub(crate) csrf: String,
    /// What is in the file; nothing if none was chosen.
    pub(crate) file: Option<Vec<u8>>,
}

/// The same as [`page_form`] for a form whose field of that name is a file.
pub(crate) async fn page_file(app: &Shared, parts: &Parts, body: Body, name: &str) -> Result<PageFile, Stop> {
    refuse_foreign(app, &parts.headers)?;
    let boundary = Multipart::boundary(&parts.headers).ok_or(FormFault::WrongType)?;
    let bytes = form::read_any(app, body).await?;
    let form = Multipart::read(&bytes, &boundary).ok_or(FormFault::Broken)?;
    let csrf = form.text("csrf").unwrap_or_default().to_owned();
    Ok(PageFile { csrf, file: form.bytes(name).map(<[u8]>::to_vec) })
}

/// Refuses a form that was on another site's page, as far as the browser tells.
fn refuse_foreign(app: &Shared, headers: &HeaderMap) -> Result<(), Stop> {
    if is_foreign(app, headers) { Err(Stop::Forged) } else { Ok(()) }
}

/// Whether the browser says that the form was on another site's page. `same-site` is another site, too: whoever has a
/// neighbouring host. An `Origin: null` is what a sandboxed frame sends, and our own pages never do.
fn is_foreign(app: &Shared, headers: &HeaderMap) -> bool {
    let foreign_site =
        headers.get_all("sec-fetch-site").iter().any(|site| site != "same-origin" && site != "none");
    let foreign_origin = headers.get_all(ORIGIN).iter().any(|origin| {
        let named = app.origins.iter().any(|own| origin == own.as_str());
        !(named || app.origins.is_empty() && is_of_host(origin, headers))
    });
    foreign_site || foreign_origin
}

/// Whether an origin is the host that the request names. Whoever brings a name of his own to point here can make it so; but
/// under that name the browser has no cookie of ours.
fn is_of_host(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().map(str::to_ascii_lowercase).unwrap_or_default();
    let origin = text(origin);
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    host.is_some_and(|host| headers.get(HOST).is_some_and(|named| text(named) == host))
}
