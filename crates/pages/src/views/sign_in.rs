//! The pages of an authorization request: sign in or up, choose an account, decide.

use serde::Serialize;

use crate::page::{Page, View};
use crate::views::Wording;
use crate::words::Words;

/// The login form. Its fields are `username`, `password`, `csrf` and `request`.
#[derive(Debug, Clone, Serialize)]
pub struct Login<'a> {
    /// Where the form is posted.
    pub action: &'a str,
    /// Where to sign up, if people can.
    pub signup: Option<&'a str>,
    /// The form's token.
    pub csrf: &'a str,
    /// The authorization request to go on with, as the query it came in.
    pub request: &'a str,
    /// What was entered as the name before, or what the client says it is.
    pub username: &'a str,
    /// Why it was not accepted.
    pub problem: Option<&'a str>,
}

/// The form for signing up. Its fields are `username`, `email`, `password`, `csrf` and `request`.
#[derive(Debug, Clone, Serialize)]
pub struct SignUp<'a> {
    /// Where the form is posted.
    pub action: &'a str,
    /// Where to log in instead.
    pub login: &'a str,
    /// The form's token.
    pub csrf: &'a str,
    /// The authorization request to go on with, as the query it came in.
    pub request: &'a str,
    /// What was entered as the name before.
    pub username: &'a str,
    /// What was entered as the e-mail address before.
    pub email: &'a str,
    /// Why it was not accepted.
    pub problem: Option<&'a str>,
    /// The fewest characters of a password.
    pub least: usize,
}

/// The question for which account. The answer is the field `account`, with `csrf` and `interaction`.
#[derive(Debug, Clone, Serialize)]
pub struct Choose<'a> {
    /// Where the form is posted.
    pub action: &'a str,
    /// Where to log out, and come back as somebody else; nowhere if the application has a login of its own.
    pub logout: Option<&'a str>,
    /// The form's token.
    pub csrf: &'a str,
    /// The handle of the request that waits.
    pub interaction: &'a str,
    /// The application's name.
    pub client: &'a str,
    /// Where its picture is, at this server.
    pub logo: Option<&'a str>,
    /// Who is signed in.
    pub user: &'a str,
    /// His accounts.
    pub accounts: &'a [AccountChoice<'a>],
}

/// An account to choose.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AccountChoice<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What he is there.
    pub role: &'a str,
}

/// The question whether an application may. The answer is the field `decision`, with a `scope` for each optional permission
/// that is ticked, `csrf` and `interaction`.
#[derive(Debug, Clone, Serialize)]
pub struct Consent<'a> {
    /// Where the form is posted.
    pub action: &'a str,
    /// Where to log out, and come back as somebody else; nowhere if the application has a login of its own.
    pub logout: Option<&'a str>,
    /// The form's token.
    pub csrf: &'a str,
    /// The handle of the request that waits.
    pub interaction: &'a str,
    /// The application's name.
    pub client: &'a str,
    /// What it does, in its owner's words.
    pub description: Option<&'a str>,
    /// Where its picture is, at this server.
    pub logo: Option<&'a str>,
    /// Who registered it.
    pub owner: Option<&'a str>,
    /// Its home page: an https URL.
    pub home: Option<&'a str>,
    /// Where the browser will be taken: scheme and host.
    pub target: &'a str,
    /// Who is signed in.
    pub user: &'a str,
    /// The account that it is about.
    pub account: Option<&'a str>,
    /// What it asks for now.
    pub permissions: &'a [Permission<'a>],
    /// What it may do already, in words.
    pub already: &'a [Wording<'a>],
}

/// A permission to decide about.
#[derive(Debug, Clone, Serialize)]
pub struct Permission<'a> {
    /// Its scope token.
    pub token: &'a str,
    /// What it permits, in words.
    #[serde(flatten)]
    pub wording: Wording<'a>,
    /// Whether it may be left out.
    pub optional: bool,
}

/// The question whether to log out.
#[derive(Debug, Clone, Serialize)]
pub struct Logout<'a> {
    /// Where the form is posted.
    pub action: &'a str,
    /// The form's token.
    pub csrf: &'a str,
    /// The authorization request that somebody else is to go on with, as the query it came in; mostly none.
    pub request: &'a str,
    /// Who is signed in.
    pub user: &'a str,
}

impl View for Login<'_> {
    fn title(&self, words: &Words) -> String {
        words.login.title.to_string()
    }
}

impl View for SignUp<'_> {
    fn title(&self, words: &Words) -> String {
        words.signup.title.to_string()
    }
}

impl View for Choose<'_> {
    fn title(&self, words: &Words) -> String {
        words.choose.title.to_string()
    }
}

impl View for Consent<'_> {
    fn title(&self, words: &Words) -> String {
        words.consent.title.plain(&[("client", self.client)])
    }
}

impl View for Logout<'_> {
    fn title(&self, words: &Words) -> String {
        words.logout.title.to_string()
    }
}

impl Consent<'_> {
    pub(crate) fn required(&self) -> impl Iterator<Item = &Permission<'_>> {
        self.permissions.iter().filter(|permission| !permission.optional)
    }

    pub(crate) fn optional(&self) -> impl Iterator<Item = &Permission<'_>> {
        self.permissions.iter().filter(|permission| permission.optional)
    }

    pub(crate) fn has_required(&self) -> bool {
        self.required().next().is_some()
    }

    pub(crate) fn has_optional(&self) -> bool {
        self.optional().next().is_some()
    }
}

pub(super) fn samples() -> Vec<Page<'static>> {
    const LOGIN: Login<'static> = Login {
        action: "/login",
        signup: Some("/signup"),
        csrf: "token",
        request: "client_id=web",
        username: "alice",
        problem: Some("The user name or the password is wrong."),
    };
    const BARE_LOGIN: Login<'static> = Login { signup: None, username: "", problem: None, ..LOGIN };
    const SIGNUP: SignUp<'static> = SignUp {
        action: "/signup",
        login: "/login",
        csrf: "token",
        request: "client_id=web",
        username: "alice",
        email: "alice@example.test",
        problem: Some("The user name is taken."),
        least: 8,
    };
    const BARE_SIGNUP: SignUp<'static> = SignUp { username: "", email: "", problem: None, ..SIGNUP };
    const CHOOSE: Choose<'static> = Choose {
        action: "/oauth2/authorize/decision",
        logout: Some("/logout?request=client_id%3Dweb"),
        csrf: "token",
        interaction: "handle",
        client: "Web",
        logo: Some("/logo/web"),
        user: "Alice",
        accounts: &[
            AccountChoice { id: "35", name: "Acme", role: "manager" },
            AccountChoice { id: "36", name: "36", role: "" },
        ],
    };
    const CONSENT: Consent<'static> = Consent {
        action: "/oauth2/authorize/decision",
        logout: Some("/logout?request=client_id%3Dweb"),
        csrf: "token",
        interaction: "handle",
        client: "Web",
        description: Some("Shows your media on your site."),
        logo: Some("/logo/web"),
        owner: Some("Bob"),
        home: Some("https://app.example.test"),
        target: "https://app.example.test",
        user: "Alice",
        account: Some("Acme"),
        permissions: &[
            Permission { token: "media:read", wording: Wording::new("See your media"), optional: false },
            Permission {
                token: "media:write",
                wording: Wording::other("Ihre Medien ändern", "de"),
                optional: true,
            },
        ],
        already: &[Wording::new("See who you are"), Wording::other("Sehen, wo Sie sind", "de")],
    };
    const BARE_CONSENT: Consent<'static> = Consent {
        logout: None,
        description: None,
        logo: None,
        owner: None,
        home: None,
        account: None,
        permissions: &[],
        already: &[],
        ..CONSENT
    };
    const LOGOUT: Logout<'static> =
        Logout { action: "/logout", csrf: "token", request: "client_id=web", user: "Alice" };
    const BARE_LOGOUT: Logout<'static> = Logout { request: "", ..LOGOUT };
    vec![
        Page::Login(&LOGIN),
        Page::Login(&BARE_LOGIN),
        Page::SignUp(&SIGNUP),
        Page::SignUp(&BARE_SIGNUP),
        Page::Choose(&CHOOSE),
        Page::Consent(&CONSENT),
        Page::Consent(&BARE_CONSENT),
        Page::Logout(&LOGOUT),
        Page::Logout(&BARE_LOGOUT),
    ]
}
