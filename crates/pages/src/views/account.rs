//! Who is signed in, what he authorized, and his password.

use std::sync::LazyLock;

use serde::Serialize;

use crate::page::{Page, View};
use crate::views::{Problem, Wording};
use crate::words::Words;

/// Who I am, and the applications I authorized.
#[derive(Debug, Clone, Serialize)]
pub struct Account<'a> {
    /// Where the forms for taking an authorization back are posted: `client`, or one of its grants as `grant`, with `csrf`.
    pub revoke: &'a str,
    /// The forms' token.
    pub csrf: &'a str,
    /// The name to greet him by.
    pub user: &'a str,
    /// One or two letters of it, in the place of a picture: no picture is fetched from another site.
    pub initials: &'a str,
    /// The name he signs in by.
    pub username: &'a str,
    /// His e-mail address.
    pub email: Option<&'a str>,
    /// Where to change the password, if he can.
    pub password: Option<&'a str>,
    /// The accounts he may act for.
    pub accounts: &'a [ActsFor],
    /// What he authorized.
    pub applications: &'a [Authorized],
    /// Where there is more of it.
    pub more: Option<&'a str>,
}

/// An account that somebody may act for.
#[derive(Debug, Clone, Serialize)]
pub struct ActsFor {
    /// Its name.
    pub name: String,
    /// What he is there.
    pub role: String,
}

/// An application that may act for somebody, with all that he authorized it for.
#[derive(Debug, Clone, Serialize)]
pub struct Authorized {
    /// Its `client_id`.
    pub client_id: String,
    /// One of the grants it has, if it has one at present.
    pub grant: Option<String>,
    /// Its name.
    pub client: String,
    /// For what: once, or once for each account.
    pub parts: Vec<AuthorizedFor>,
    /// Since when, as in `2026-01-31`.
    pub since: String,
    /// When it last got a token by a grant that it still has, as in `2026-01-31`.
    pub last_used: Option<String>,
}

/// What an application may do, on one account where it is about accounts.
#[derive(Debug, Clone, Serialize)]
pub struct AuthorizedFor {
    /// The account.
    pub account: Option<String>,
    /// What it may do there, in words.
    pub scopes: Vec<Wording<'static>>,
}

/// The form for another password. Its fields are `current_password`, `new_password` and `csrf`.
#[derive(Debug, Clone, Serialize)]
pub struct ChangePassword<'a> {
    /// Where the form is posted.
    pub action: &'a str,
    /// The form's token.
    pub csrf: &'a str,
    /// The name he signs in by, for what keeps passwords in his browser.
    pub username: &'a str,
    /// The fewest characters of a password.
    pub least: usize,
    /// Why it was not accepted.
    pub problem: Option<Problem<'a>>,
}

impl View for Account<'_> {
    fn title(&self, words: &Words) -> String {
        words.account.title.to_string()
    }
}

impl View for ChangePassword<'_> {
    fn title(&self, words: &Words) -> String {
        words.password.title.to_string()
    }
}

impl ChangePassword<'_> {
    pub(crate) fn is_wrong(&self, field: &str) -> bool {
        self.problem.is_some_and(|problem| problem.field == field)
    }
}

pub(super) fn samples() -> Vec<Page<'static>> {
    const NOTHING: Account<'static> = Account {
        revoke: "/account/revoke",
        csrf: "token",
        user: "Alice",
        initials: "A",
        username: "alice",
        email: None,
        password: None,
        accounts: &[],
        applications: &[],
        more: None,
    };
    static ACCOUNTS: LazyLock<Vec<ActsFor>> = LazyLock::new(|| {
        let acme = ActsFor { name: "Acme".to_owned(), role: "manager".to_owned() };
        let other = ActsFor { name: "36".to_owned(), role: String::new() };
        vec![acme, other]
    });
    static ALL: LazyLock<Vec<Authorized>> = LazyLock::new(|| {
        let acme = AuthorizedFor {
            account: Some("Acme".to_owned()),
            scopes: vec![Wording::new("See your media"), Wording::other("Ihre Medien ändern", "de")],
        };
        let web = Authorized {
            client_id: "web".to_owned(),
            grant: Some("grant".to_owned()),
            client: "Web".to_owned(),
            parts: vec![acme],
            since: "2026-01-31".to_owned(),
            last_used: Some("2026-02-01".to_owned()),
        };
        let nothing = AuthorizedFor { account: None, scopes: Vec::new() };
        let plain = Authorized { grant: None, parts: vec![nothing], last_used: None, ..web.clone() };
        vec![web, plain]
    });
    static FULL: LazyLock<Account<'static>> = LazyLock::new(|| Account {
        email: Some("alice@example.test"),
        password: Some("/account/password"),
        accounts: &ACCOUNTS,
        applications: &ALL,
        more: Some("/account?after=grant"),
        ..NOTHING
    });
    const PASSWORD: ChangePassword<'static> = ChangePassword {
        action: "/account/password",
        csrf: "token",
        username: "alice",
        least: 8,
        problem: Some(Problem { field: "current_password", text: "The current password is wrong." }),
    };
    const BARE_PASSWORD: ChangePassword<'static> = ChangePassword { problem: None, ..PASSWORD };
    vec![
        Page::Account(&NOTHING),
        Page::Account(&FULL),
        Page::ChangePassword(&PASSWORD),
        Page::ChangePassword(&BARE_PASSWORD),
    ]
}
