//! **Invariant: whoever administers a grantor does so here, and it is told who did what.** The command line, the console
//! and a program of an operator's own send the same requests to the same router; none of them has a way around it.
//!
//! [`Api`] is that router: JSON under `/api/`, over the engines, the directory and what else a deployment tells
//! ([`Deployment`]). What it takes and answers is described by the OpenAPI document that it serves,
//! [`DOCUMENT`], and the tests hold the one to the other in both directions.
//!
//! Who asks is a [`Caller`]. Over the network that is an administrator, by a session token of his at the profile of the
//! name [`PROFILE`]; nothing else lets anybody in. Within the process it is whoever the code says, by [`Api::within`]:
//!
//! ```
//! use std::sync::Arc;
//! use grantor_admin::{Api, Caller};
//! use grantor_core::{Profile, ServerKey};
//! use grantor_directory::{Directory, Settings};
//! use grantor_engine::Engine;
//! use grantor_store::MemoryStore;
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, key) = (Arc::new(MemoryStore::new()), ServerKey::from_bytes([7; 32]));
//! let directory = Arc::new(Directory::new(store.clone(), &key, Settings::default())?);
//! let profile = Profile::standard("https://auth.example.com".parse()?);
//! let api = Api::new(Engine::builder(profile, store, key).open().await?, directory);
//!
//! let operator = api.within(Caller::Operator);
//! let service = json!({"client_id": "service", "grant_types": ["client_credentials"]});
//! let made = operator.post("/api/clients", &service).await?;
//! assert!(made["client_secret"].is_string());
//! assert_eq!(operator.all("/api/clients").await?.len(), 1);
//!
//! let router: axum::Router = axum::Router::new().merge(api.router());
//! # let _ = router;
//! # Ok(()) }
//! ```
//!
//! What the API does not do: it decides nothing that concerns OAuth. A rule about a client is the core's, one about a user
//! the directory's; here is only what concerns administering itself, such as that no administrator can put himself out.

mod accounts;
mod acts;
mod api;
mod api_keys;
mod ask;
mod caller;
mod clients;
mod credentials;
mod deployment;
mod export;
mod grants;
mod import;
mod keys;
mod ledger;
mod list;
mod merge;
mod operations;
mod problem;
mod profiles;
mod reply;
mod sessions;
mod tokens;
mod users;
mod within;

pub use api::Api;
pub use caller::Caller;
pub use deployment::{Deployment, Moving, SettingInForce, StoreStatus};
pub use operations::{Operation, operations, put_off};
pub use problem::{Code, Problem, too_many};
pub use profiles::{ProfileDetails, ProfileEntry};
pub use within::{Answer, Within, at};

/// The OpenAPI document of the API, as it is served at `/api/openapi.json`.
pub const DOCUMENT: &str = include_str!("../openapi.json");

/// The name of no profile that can be configured: session tokens of this name are for the API.
pub const PROFILE: &str = "admin";
