//! The pages of who is signed in.

use std::sync::LazyLock;

use serde::Serialize;

use crate::page::{Page, View};
use crate::words::Words;

/// Who I am, and the applications I authorized.
#[derive(Debug, Clone, Serialize)]
pub struct Account<'a> {
    /// Where the forms for taking an authorization back are posted: `grant`, with `csrf`.
    pub revoke: &'a str,
    /// The forms' token.
    pub csrf: &'a str,
    /// The name to greet him by.
    pub user: &'a str,
    /// The name he signs in by.
    pub username: &'a str,
    /// His e-mail address.
    pub email: Option<&'a str>,
    /// What he authorized.
    pub applications: &'a [Authorized],
}

/// An application that may act for somebody.
#[derive(Debug, Clone, Serialize)]
pub struct Authorized {
    /// The grant's id.
    pub grant: String,
    /// The application's name.
    pub client: String,
    /// The account that it is about.
    pub account: Option<String>,
    /// What it may do, in words.
    pub scopes: Vec<String>,
    /// Since when, as in `2026-01-31`.
    pub since: String,
}

impl View for Account<'_> {
    fn title(&self, words: &Words) -> String {
        words.account.title.to_string()
    }
}

pub(super) fn samples() -> Vec<Page<'static>> {
    const NOTHING: Account<'static> = Account {
        revoke: "/account/revoke",
        csrf: "token",
        user: "Alice",
        username: "alice",
        email: None,
        applications: &[],
    };
    static ALL: LazyLock<Vec<Authorized>> = LazyLock::new(|| {
        let web = Authorized {
            grant: "grant".to_owned(),
            client: "Web".to_owned(),
            account: Some("Acme".to_owned()),
            scopes: vec!["See your media".to_owned()],
            since: "2026-01-31".to_owned(),
        };
        let plain = Authorized { account: None, scopes: Vec::new(), ..web.clone() };
        vec![web, plain]
    });
    static FULL: LazyLock<Account<'static>> =
        LazyLock::new(|| Account { email: Some("alice@example.test"), applications: &ALL, ..NOTHING });
    vec![Page::Account(&NOTHING), Page::Account(&FULL)]
}
