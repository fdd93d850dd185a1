//! The wire: from bytes to canonical requests, and from answers to JSON, by the names, places and orders that a profile
//! has for them. The flows know of none of it.
//!
//! Pure: whoever speaks HTTP hands in the query, the header and the body it got, and sends what comes out.

mod answers;
mod authorization;
mod client_auth;
mod metadata;
mod parameters;
mod resource;
mod token;
mod userinfo;

pub use answers::{Challenge, ErrorAnswer, introspection_body, token_body};
pub use authorization::authorization_parameters;
pub use client_auth::client_credentials;
pub use metadata::{Metadata, metadata};
pub use parameters::Parameters;
pub use resource::{Shown, TokenPlaces, acting_for, at_resource, challenges, shown_parameter, shown_token};
pub use token::{refuse_credentials_in_url, token_parameter, token_parameters, token_request};
pub use userinfo::{Person, userinfo_body, userinfo_scope};
