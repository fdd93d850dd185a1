//! What went wrong, or has happened.

use serde::Serialize;

use crate::page::{Page, View};
use crate::words::Words;

/// A short text, and where to go on.
#[derive(Debug, Clone, Serialize)]
pub struct Message<'a> {
    /// What it is, in a few words.
    pub title: &'a str,
    /// What it means, and what to do now.
    pub text: &'a str,
    /// The error's name in the protocol, for whoever writes the application.
    pub code: Option<&'a str>,
    /// More for whoever writes the application: which rule refused. In English, as the protocol is.
    pub detail: Option<&'a str>,
    /// Where to go on: a path of this server, and what the link says.
    pub next: Option<(&'a str, &'a str)>,
}

impl View for Message<'_> {
    fn title(&self, _: &Words) -> String {
        self.title.to_owned()
    }
}

pub(super) fn samples() -> Vec<Page<'static>> {
    const ALL: Message<'static> = Message {
        title: "Not found",
        text: "There is nothing at this address.",
        code: Some("invalid_request"),
        detail: Some("the redirect URI is not registered"),
        next: Some(("/account", "Your account")),
    };
    const LITTLE: Message<'static> = Message { code: None, detail: None, next: None, ..ALL };
    vec![Page::Message(&ALL), Page::Message(&LITTLE)]
}
