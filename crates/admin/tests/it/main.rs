//! The API as whoever uses it meets it, each request and answer held to the OpenAPI document.
#![cfg(test)]

mod access;
mod checked;
mod clients;
mod credentials;
mod directory;
mod document;
mod everything;
mod import;
mod support;
mod world;
