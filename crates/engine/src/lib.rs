//! **Invariant: nothing leaves before it is stored, and nothing is retried whose outcome is unknown.** The engine answers
//! what the core's flows ask for, from a store, a clock, a source of randomness and the signing keys; it decides nothing
//! itself.
//!
//! An embedder holds an [`Engine`] and calls it with canonical requests; no HTTP is needed.
//!
//! ```
//! use std::sync::Arc;
//! use grantor_core::client::{ClientMetadata, GrantType};
//! use grantor_core::request::{ClientCredentials, ClientProof, GrantRequest, TokenRequest};
//! use grantor_core::{Profile, Scope, ServerKey};
//! use grantor_engine::Engine;
//! use grantor_store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let profile = Profile::standard("https://auth.example.com".parse()?);
//! let engine = Engine::builder(profile, Arc::new(MemoryStore::new()), ServerKey::from_bytes([7; 32])).open().await?;
//!
//! let mut service = ClientMetadata::new("service".parse()?);
//! service.grant_types = [GrantType::ClientCredentials].into();
//! service.scope = "read write".parse()?;
//! let secret = engine.register_client(service, None).await?.ok_or("a confidential client has a secret")?;
//!
//! let answer = engine
//!     .token(TokenRequest {
//!         client: ClientCredentials { client: "service".parse()?, proof: ClientProof::Basic(secret) }.into(),
//!         grant: GrantRequest::ClientCredentials { scope: Some("read".parse()?) },
//!     })
//!     .await?;
//! let live = engine.check(Some(answer.access_token), Scope::parse("read")?).await?;
//! assert_eq!(live.client.as_str(), "service");
//! # Ok(()) }
//! ```

mod applications;
mod clients;
mod drive;
mod engine;
mod error;
mod finding;
mod grants;
mod keys;
mod logos;
mod observer;
mod owned;
mod recorder;
mod registrations;
mod secrets;
mod surroundings;

pub use applications::NumberedClient;
pub use clients::{Imported, Registered};
pub use engine::{Engine, EngineBuilder};
pub use error::{EngineError, Fault};
pub use finding::{ClientPage, NamedClientPage};
pub use grantor_jose::{Algorithm, KeyError, KeyState, KeyStatus};
pub use grantor_store::StoreInfo;
pub use grants::{Approval, ApprovalPage, GrantPage, GrantsOf};
pub use observer::{All, Observer, Operation, Tracing};
pub use recorder::{Ending, Recorder};
pub use surroundings::{Clock, SystemClock};
