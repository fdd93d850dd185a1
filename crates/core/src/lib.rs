//! **Invariant: everything here is a function of its arguments.** No clock, no randomness, no I/O, no `async`: `now` and
//! entropy are given, and what a rule needs from a store, it asks for as a value.
//!
//! A request comes in by [`wire`] and becomes one of the canonical [`request`]s. A [`flow`] takes it and says, step by
//! step ([`step`]), what it needs: a record, a write, a signature. In between, the aggregates decide: [`grant`] above
//! all. Whoever drives the steps, an engine, a simulation or a test by hand, gives the answers.
//!
//! What a flow was asked and answered can be written down without its secrets, and run again: [`replay`].
//!
//! What a rule refuses is a [`Refusal`], a value with an exact [`Reason`]; what goes wrong on our side is a
//! [`step::FlowFault`].

pub mod client;
pub mod credential;
pub mod flow;
pub mod grant;
pub mod profile;
pub mod record;
pub mod replay;
pub mod request;
pub mod step;
pub mod wire;

mod access_token;
mod application;
mod consent;
mod description;
mod draft;
mod entropy;
mod event;
mod fact;
mod finding;
mod ids;
mod interaction;
mod limits;
mod permission;
mod picture;
mod pkce;
mod redirect;
mod refusal;
mod required;
mod scope;
mod secret;
mod shape;
mod standing;
mod time;

pub use access_token::{ACCESS_TOKEN_TYP, AccessTokenClaims, Basis, LiveAccessToken, Origin, ReferenceToken};
pub use application::Application;
pub use consent::Consent;
pub use description::{Description, InLanguage, InvalidDescription};
pub use draft::ClientDraft;
pub use entropy::Entropy;
pub use event::{Actor, Event};
pub use fact::{Fact, Found};
pub use finding::{ClientName, OwnerClient};
pub use ids::{AccountId, ClientId, GrantId, InvalidId, SubjectId};
pub use interaction::{Asking, AuthorizationRequest, Interaction, Page};
pub use limits::Limits;
pub use permission::{AccountClient, AccountRef, InvalidPermission, Operation, Permission, Permissions};
pub use picture::{ClientLogo, InvalidPicture, Picture, PictureFormat, PictureTag};
pub use pkce::{CodeChallenge, CodeVerifier};
pub use profile::{Endpoints, InvalidIssuer, InvalidProfile, Issuer, Lifetimes, Profile, RefreshMode};
pub use redirect::{InvalidRedirectUri, RedirectTrusted, RedirectUri, ResponsePlace};
pub use refusal::{ErrorCode, Reason, Refusal};
pub use required::Required;
pub use scope::{InvalidScope, Scope, ScopeCatalogue, ScopeMeaning};
pub use secret::{Digest, Secret, SecretHash, ServerKey};
pub use shape::{InvalidShape, Shape};
pub use standing::{Standing, StandingState};
pub use time::{InvalidLifetime, Lifetime, Time};
