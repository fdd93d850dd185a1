//! **Invariant: no OAuth rule lives here, and nothing a browser or a client is told depends on what it claims about
//! where it is.** This room reads a request once, calls the [`Engine`](grantor_engine::Engine), and renders the answer.
//! Names, links and cookies come from the issuer, never from `Host` or a forwarding header.
//!
//! The whole server as an axum router:
//!
//! ```
//! use std::sync::Arc;
//! use grantor_core::{Profile, ServerKey};
//! use grantor_engine::Engine;
//! use grantor_store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let profile = Profile::standard("https://auth.example.com".parse()?);
//! let engine = Engine::builder(profile, Arc::new(MemoryStore::new()), ServerKey::from_bytes([7; 32])).open().await?;
//! let app: axum::Router = axum::Router::new()
//!     .route("/hello", axum::routing::get(|| async { "hello" }))
//!     .merge(grantor_http::router(engine));
//! # let _ = app;
//! # Ok(()) }
//! ```
//!
//! [`Web`] takes users of your own, [logins](SignIn) of your own, [pages](Web::look) of your own and other [`Settings`]. [`serve`] runs a router on a listener with bounds on what a
//! connection may cost and a graceful end; a router also runs under any other server.
//!
//! [`Guard`] is the other side: it lets only live access tokens reach the routes of your own.
//!
//! # Why the pages are as they are
//!
//! - **No script, but for one.** Pages with something to copy have a script of a few lines, by its hash, and work without it.
//!   On all others the content security policy allows none, and nothing but the one style sheet, by its hash.
//! - **No `form-action` on the login and consent pages.** Chromium applies it to every redirect that follows a submit:
//!   to the client's redirect URI, which may have a scheme of its own, and to wherever the client sends the browser
//!   next, which we cannot know. The pages have no place for foreign markup, so a foreign form cannot be in them.
//! - **`Referrer-Policy: same-origin` on pages.** Nothing is told to other sites. With `no-referrer` Chromium would send
//!   `Origin: null` with our own forms, which must be refused: a sandboxed frame of an attacker sends just that.
//! - **`SameSite=Lax`, and a token in each form.** `Strict` would forget the person whenever an application sends him
//!   here. A form that another site posts is refused by `Sec-Fetch-Site`, by `Origin`, and by its token.

mod account;
mod api;
mod apps;
mod authorize;
mod browser;
mod cookies;
mod cors;
mod crowd;
mod deadline;
mod desk;
mod direct;
mod discovery;
mod form;
mod guard;
mod health;
mod introspect;
mod login;
mod logo;
mod logout;
mod multipart;
mod named;
mod pages;
mod password;
mod registration;
mod resource;
mod respond;
mod revoke;
mod router;
mod serve;
mod sign_in;
mod signup;
mod source;
mod throttle;
mod timing;
mod token;
mod userinfo;
mod web;

pub use browser::Visitor;
pub use cors::with_cors;
pub use desk::{Desk, DeskPage};
pub use direct::Direct;
pub use pages::Stop;
pub use resource::{Caller, Guard, GuardLayer, Guarded};
pub use serve::{Answerer, Arriving, Timeouts, serve, serve_with};
pub use sign_in::{SignIn, SignedIn};
pub use source::{InvalidNetwork, Network};
pub use throttle::Rate;
pub use web::{Settings, Web, router};

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
