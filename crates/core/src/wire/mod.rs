//! The standard dialect: from bytes to canonical requests, and from answers to JSON.
//!
//! Pure: whoever speaks HTTP hands in the query, the header and the body it got, and sends what comes out.

mod answers;
mod authorization;
mod client_auth;
mod metadata;
mod parameters;
mod token;

pub use answers::{Challenge, ErrorBody, introspection_body, token_body};
pub use authorization::authorization_parameters;
pub use client_auth::{bearer_token, client_credentials};
pub use metadata::{Metadata, metadata};
pub use parameters::Parameters;
pub use token::{refuse_credentials_in_url, token_parameter, token_request};
