//! What the handlers share, and how it is put together.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use grantor_core::Lifetime;
use grantor_directory::{CsrfKey, Directory, DirectoryError, User, UserDirectory};
use grantor_engine::Engine;
use grantor_ledger::{Figures, Ledger};
use grantor_pages::Look;

use crate::authorize;
use crate::browser::Visitor;
use crate::cookies::CookieNames;
use crate::crowd::Crowd;
use crate::desk::Desk;
use crate::direct::Direct;
use crate::login;
use crate::pages::Forms;
use crate::sign_in::SignIn;
use crate::source::Network;
use crate::throttle::{LoginThrottle, Rate, Throttle};
use crate::timing::Timing;

/// What can be set about the HTTP side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a browser session lasts. Twelve hours by default: a working day.
    pub session: Lifetime,
    /// How often a client may fail to authenticate, for each source and client id. Thirty a minute by default: a client
    /// with a wrong secret gets to read its errors, and a guesser gets nowhere. `None` is without bound.
    pub client_rate: Option<Rate>,
    /// How often a login may fail, for each source and user name. Ten a minute by default. A user name from all sources
    /// together, and a source for all user names together, may fail ten times as often: so nobody is shut out by a
    /// stranger who knows his name, unless that stranger has many addresses. The page that says so comes after half a second.
    /// `None` is without bound.
    pub login_rate: Option<Rate>,
    /// How long a request may take as a whole before it is answered with 503. Ten seconds by default.
    pub request_timeout: Duration,
    /// How long a body may take to arrive before it is answered with 408. Five seconds by default: forms are small.
    pub body_timeout: Duration,
    /// How many requests for tokens, introspections and revocations are worked on at a time, beyond which they are answered with 503
    /// and `Retry-After` at once. 1024 by default: a tenth of a second's work for a store that does ten thousand a second, so that a
    /// fleet that wakes up together is served. A request counts from when its body is there.
    pub requests_at_once: usize,
    /// Peers whose `X-Forwarded-For` is believed, for rate limits and for nothing else. None by default.
    pub trusted_proxies: Vec<Network>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            session: Lifetime::seconds(12 * 3600),
            client_rate: Some(Rate { count: 30, window: Lifetime::seconds(60) }),
            login_rate: Some(Rate { count: 10, window: Lifetime::seconds(60) }),
            request_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(5),
            requests_at_once: 1024,
            trusted_proxies: Vec::new(),
        }
    }
}

/// The server as an axum router: every endpoint, the pages, and the embedded directory of users over the engine's store.
///
/// It answers unknown paths with a 404 page. An application that has a fallback of its own takes [`Web::routes`].
pub fn router(engine: Engine) -> Router {
    Web::new(engine).router()
}

/// Puts the HTTP side of a server together.
///
/// ```
/// # use std::sync::Arc;
/// # use grantor_core::{Lifetime, Profile, ServerKey};
/// # use grantor_engine::Engine;
/// # use grantor_http::{Settings, Web};
/// # use grantor_store::MemoryStore;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let profile = Profile::standard("https://auth.example.com".parse()?);
/// # let engine = Engine::builder(profile, Arc::new(MemoryStore::new()), ServerKey::from_bytes([7; 32])).open().await?;
/// let settings = Settings { session: Lifetime::seconds(3600), ..Settings::default() };
/// let router = Web::new(engine).settings(settings).router();
/// # let _ = router;
/// # Ok(()) }
/// ```
pub struct Web {
    engine: Engine,
    users: Option<Arc<dyn UserDirectory>>,
    sign_in: Option<Arc<dyn SignIn>>,
    settings: Settings,
    origins: Vec<String>,
    figures: Option<Arc<Figures>>,
    ledger: Option<Ledger>,
    look: Look,
}

impl Web {
    /// The HTTP side of an engine, with the embedded directory over the engine's store.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            users: None,
            sign_in: None,
            settings: Settings::default(),
            origins: Vec::new(),
            figures: None,
            ledger: None,
            look: Look::default(),
        }
    }

    /// Brings other users than those of the embedded directory, or the embedded directory with settings of its own.
    #[must_use]
    pub fn users(mut self, users: Arc<dyn UserDirectory>) -> Self {
        self.users = Some(users);
        self
    }

    /// Brings logins and sessions of one's own, in the place of the pages for that.
    #[must_use]
    pub fn sign_in(mut self, sign_in: Arc<dyn SignIn>) -> Self {
        self.sign_in = Some(sign_in);
        self
    }

    /// Brings other settings.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Brings another look: a brand, languages, pages of one's own.
    #[must_use]
    pub fn look(mut self, look: Look) -> Self {
        self.look = look;
        self
    }

    /// Names the origins by which browsers reach it, beside the issuer's: forms that come from them are its own.
    #[must_use]
    pub fn origins(mut self, origins: Vec<String>) -> Self {
        self.origins = origins;
        self
    }

    /// Has the time that each request takes counted.
    #[must_use]
    pub fn figures(mut self, figures: Arc<Figures>) -> Self {
        self.figures = Some(figures);
        self
    }

    /// Shows developers how much their applications are used.
    #[must_use]
    pub fn ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// The router, with answers for paths that do not exist.
    pub fn router(self) -> Router {
        crate::router::complete(Arc::new(self.shared())).0
    }

    /// The same, for [`serve`](crate::serve()) alone: what programs ask all day does without the router, to which `more` may add.
    pub fn direct(self, more: impl FnOnce(Router) -> Router) -> Direct {
        let app = Arc::new(self.shared());
        let (router, ways) = crate::router::complete(app.clone());
        Direct::new(app, more(router), ways)
    }

    /// The router without a fallback, to be merged into an application that has one.
    pub fn routes(self) -> Router {
        crate::router::routes(Arc::new(self.shared())).0
    }

    /// `/health/alive` and `/health/ready` alone: for a second listener, or beside the routes of an issuer with a path,
    /// which have their own under that path.
    pub fn health(engine: Engine) -> Router {
        crate::router::health(&Arc::new(Self::new(engine).shared()), "")
    }

    /// The same for pages of another room, on a listener of its own that administrators alone may use. `origin` is where
    /// browsers reach it, as in `https://admin.example.com`; if that is not known, a form's origin must be the host that its
    /// request names.
    pub fn desk(self, origin: Option<&str>) -> Desk {
        let https = origin.is_some_and(|origin| origin.starts_with("https:"));
        let origins = origin.into_iter().map(str::to_owned).collect();
        let (cookies, prefix) = (CookieNames::desk(https), String::new());
        let whose = Whose::Administrators;
        Desk::new(Arc::new(Shared {
            cookies,
            origins,
            prefix,
            whose,
            sign_in: None,
            timing: None,
            ..self.shared()
        }))
    }

    fn shared(self) -> Shared {
        let Self { engine, users, sign_in, settings, mut origins, figures, ledger, look } = self;
        let issuer = &engine.profile().issuer;
        let origin = issuer.origin();
        let prefix = issuer.as_str().strip_prefix(&origin).unwrap_or_default().to_owned();
        origins.push(origin);
        let users = users.or_else(|| {
            let settings = grantor_directory::Settings::default();
            let embedded = Directory::new(engine.store().clone(), engine.server_key(), settings);
            embedded.ok().map(|directory| Arc::new(directory) as Arc<dyn UserDirectory>)
        });
        Shared {
            csrf: CsrfKey::new(engine.server_key()),
            cookies: CookieNames::new(issuer.is_https()),
            crowd: Crowd::new(settings.requests_at_once),
            clients: settings.client_rate.map(Throttle::new),
            logins: settings.login_rate.map(LoginThrottle::new),
            timing: figures.map(|figures| Timing::new(figures, engine.profile(), &prefix)),
            origins,
            prefix,
            whose: Whose::Everybody,
            users,
            sign_in,
            settings,
            look,
            ledger,
            engine,
        }
    }
}

/// Whom the pages are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Whoever has an account.
    Everybody,
    /// Those who administer the server.
    Administrators,
}

/// What every handler is given.
pub(crate) type App = Arc<Shared>;

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    users: Option<Arc<dyn UserDirectory>>,
    pub(crate) sign_in: Option<Arc<dyn SignIn>>,
    pub(crate) settings: Settings,
    pub(crate) look: Look,
    pub(crate) csrf: CsrfKey,
    pub(crate) cookies: CookieNames,
    pub(crate) crowd: Crowd,
    pub(crate) clients: Option<Throttle>,
    pub(crate) logins: Option<LoginThrottle>,
    pub(crate) timing: Option<Timing>,
    pub(crate) ledger: Option<Ledger>,
    /// Scheme, host and port of the issuer, and of the other names it is reached by: no other `Origin` is our forms'.
    pub(crate) origins: Vec<String>,
    /// The issuer's path, under which everything is; mostly empty.
    pub(crate) prefix: String,
    pub(crate) whose: Whose,
}

/// Where whoever signed in for nothing else goes.
pub(crate) const ACCOUNT: &str = "/account";
/// Pages that are different for everybody, and so ask who is there. Nowhere else does signing in lead of itself.
const PERSONAL: [&str; 5] = [ACCOUNT, "/account/sessions", "/account/password", "/apps", "/apps/new"];

impl Shared {
    /// The users.
    pub(crate) fn users(&self) -> Result<&dyn UserDirectory, DirectoryError> {
        self.users.as_deref().ok_or_else(|| DirectoryError::Elsewhere("there is none".into()))
    }

    /// A path of this server.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Where whoever has signed in goes on: with what was carried along, if there is anything. That is the query of an
    /// authorization request, or a page of ours that asked who is there.
    pub(crate) fn after_login(&self, request: &str) -> String {
        match self.whose {
            Whose::Everybody if request.is_empty() => self.path(ACCOUNT),
            Whose::Everybody if PERSONAL.contains(&request) => self.path(request),
            Whose::Everybody => authorize::with_query(self, request),
            Whose::Administrators => self.path("/"),
        }
    }

    /// Where the form of the login page may lead.
    pub(crate) fn login_leads(&self) -> Forms {
        match self.whose {
            Whose::Everybody => Forms::Onward,
            Whose::Administrators => Forms::Here,
        }
    }

    /// Whether the pages are for this person.
    pub(crate) fn admits(&self, user: &User) -> bool {
        match self.whose {
            Whose::Everybody => true,
            Whose::Administrators => user.profile.admin,
        }
    }

    /// Whether people can sign up here.
    pub(crate) fn has_signup(&self) -> bool {
        match self.whose {
            Whose::Everybody => {
                self.sign_in.is_none() && self.engine.profile().authorization.page_parameter.is_some()
            }
            Whose::Administrators => false,
        }
    }

    /// Whether a person can register applications of his own here.
    pub(crate) fn may_register(&self, visitor: &Visitor) -> bool {
        let profile = self.engine.profile();
        profile.registration_by_users.permits(profile, visitor.session.user.profile.admin)
    }

    /// Where to send a browser to sign in that wants one of the [`PERSONAL`] pages.
    pub(crate) fn login_for(&self, page: &str) -> String {
        match &self.sign_in {
            Some(sign_in) => sign_in.login(&self.path(page)),
            None if page == ACCOUNT => self.path("/login"),
            None => login::with_request(self, "/login", page),
        }
    }

    /// The authorization endpoint's path.
    pub(crate) fn authorize_path(&self) -> String {
        self.path(&self.engine.profile().endpoints.authorize)
    }
}
