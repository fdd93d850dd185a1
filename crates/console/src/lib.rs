//! **Invariant: the console shows what the API answers and asks of it what was entered; it knows nothing else and can do
//! nothing else.** It has no store, no engine and no directory: what is refused to a program is refused here, by the same
//! sentence.
//!
//! [`Console`] is the pages of operators as an axum router, for a listener that only they can reach. Who may see them is for
//! the [`Desk`] to say, which signs administrators in:
//!
//! ```
//! use std::sync::Arc;
//! use grantor_admin::Api;
//! use grantor_console::Console;
//! use grantor_core::{Profile, ServerKey};
//! use grantor_directory::{Directory, Settings};
//! use grantor_engine::Engine;
//! use grantor_http::Web;
//! use grantor_store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, key) = (Arc::new(MemoryStore::new()), ServerKey::from_bytes([7; 32]));
//! let directory = Arc::new(Directory::new(store.clone(), &key, Settings::default())?);
//! let profile = Profile::standard("https://auth.example.com".parse()?);
//! let engine = Engine::builder(profile, store, key).open().await?;
//!
//! let desk = Web::new(engine.clone()).users(directory.clone()).desk(None);
//! let api = Api::new(engine, directory);
//! let router: axum::Router = Console::new(api.clone(), desk).router().merge(api.router());
//! # let _ = router;
//! # Ok(()) }
//! ```
//!
//! # Why the pages are rows of tables
//!
//! There are a dozen things that operators look after, and each wants the same: a list that can be searched, a page of one, a
//! form for a new one, another to change it, and questions whether something really should be done. So there is one list, one
//! page, one form and one question, and what differs is data.

mod catalogue;
mod chart;
mod figures;
mod form;
mod here;
mod link;
mod list;
mod logo;
mod one;
mod overview;
mod server;
mod sure;
mod thing;
mod token;
mod value;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use grantor_admin::Api;
use grantor_http::Desk;
use grantor_pages::Languages;

use crate::catalogue::THINGS;
use crate::thing::Thing;
use crate::words::Words;

/// The operators' pages.
#[derive(Clone)]
pub struct Console(App);

type App = Arc<Shared>;

/// What every page is made of.
struct Shared {
    api: Api,
    desk: Desk,
    languages: Languages<Words>,
}

impl Console {
    /// The pages of this API, for those whom this desk lets in.
    pub fn new(api: Api, desk: Desk) -> Self {
        Self(Arc::new(Shared { api, desk, languages: Words::ours() }))
    }

    /// The pages, beginning at `/`, with `/login` and `/logout`. Other paths are answered with a page that says so, unless
    /// they are merged with it.
    pub fn router(&self) -> Router {
        let pages = THINGS.iter().fold(Router::new(), |router, thing| pages_of(thing, router));
        let pages = pages
            .route("/", get(overview::show))
            .route("/clients/logo", get(logo::show).post(logo::submit))
            .route("/clients/logo/image", get(logo::image))
            .route("/token", get(token::show).post(token::submit))
            .route("/server", get(server::show));
        self.0.desk.router(pages.with_state(Arc::clone(&self.0)))
    }
}

/// The pages of one sort of thing.
fn pages_of(thing: &'static Thing, mut router: Router<App>) -> Router<App> {
    let at = |page: &str| format!("/{}/{page}", thing.name);
    if thing.list.is_some() {
        router = router.route(&format!("/{}", thing.name), get(move |here| list::show(thing, here)));
    }
    if thing.has_page() {
        router = router.route(&at("show"), get(move |here| one::show(thing, here)));
    }
    if !thing.make.is_empty() {
        let page = get(move |here| form::show_new(thing, here));
        router = router.route(&at("new"), page.post(move |here, request| form::make(thing, here, request)));
    }
    if !thing.change.is_empty() {
        let page = get(move |here| form::show_change(thing, here));
        router =
            router.route(&at("change"), page.post(move |here, request| form::change(thing, here, request)));
    }
    for act in thing.acts {
        let page = get(move |here| sure::ask(thing, act, here));
        router =
            router.route(&at(act.name), page.post(move |here, request| sure::act(thing, act, here, request)));
    }
    router
}
