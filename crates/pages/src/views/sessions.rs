//! Where somebody is signed in.

use std::sync::LazyLock;

use serde::Serialize;

use crate::page::{Page, View};
use crate::phrase::{Filled, Phrase};
use crate::views::Moment;
use crate::words::Words;

/// The sessions of a person. The answer is the field `end`, with `csrf`: a session's id, `others` or `all`.
#[derive(Debug, Clone, Serialize)]
pub struct Sessions<'a> {
    /// Where the form is posted.
    pub action: &'a str,
    /// The form's token.
    pub csrf: &'a str,
    /// The sessions: first the one in use, then the newest. None where they are not listed.
    pub sessions: &'a [SessionRow],
    /// Whether there are more than these.
    pub more: bool,
    /// Where to change the password, if he can.
    pub password: Option<&'a str>,
}

/// One session.
#[derive(Debug, Clone, Serialize)]
pub struct SessionRow {
    /// Its public name.
    pub id: String,
    /// Which browser it says it is in.
    pub browser: Option<&'static str>,
    /// On what.
    pub system: Option<&'static str>,
    /// When he signed in.
    pub begun: Moment,
    /// When it was last used.
    pub last_seen: Moment,
    /// When it ends at the latest.
    pub ends: Moment,
    /// Whether it is the one in use.
    pub here: bool,
}

impl View for Sessions<'_> {
    fn title(&self, words: &Words) -> String {
        words.sessions.title.to_string()
    }
}

impl Sessions<'_> {
    pub(crate) fn has_others(&self) -> bool {
        self.more || self.sessions.iter().any(|session| !session.here)
    }
}

impl SessionRow {
    pub(crate) fn name(&self, words: &Words) -> Filled {
        self.phrase(words).fill(&self.gaps())
    }

    pub(crate) fn plain_name(&self, words: &Words) -> String {
        self.phrase(words).plain(&self.gaps())
    }

    fn phrase<'w>(&self, words: &'w Words) -> &'w Phrase {
        match (self.browser, self.system) {
            (Some(_), Some(_)) => &words.sessions.browser_on,
            (None, Some(_)) => &words.sessions.some_browser_on,
            (_, None) => &words.sessions.some_browser,
        }
    }

    fn gaps(&self) -> [(&'static str, &'static str); 2] {
        [("browser", self.browser.unwrap_or_default()), ("system", self.system.unwrap_or_default())]
    }
}

pub(super) fn samples() -> Vec<Page<'static>> {
    static ALL: LazyLock<Vec<SessionRow>> = LazyLock::new(|| {
        let moment =
            || Moment { machine: "2026-01-31T14:05Z".to_owned(), text: "2026-01-31 14:05 UTC".to_owned() };
        let here = SessionRow {
            id: "0".repeat(64),
            browser: Some("Firefox"),
            system: Some("Linux"),
            begun: moment(),
            last_seen: moment(),
            ends: moment(),
            here: true,
        };
        let other = SessionRow { browser: None, here: false, ..here.clone() };
        let unknown = SessionRow { system: None, ..other.clone() };
        vec![here, other, unknown]
    });
    const NONE: Sessions<'static> =
        Sessions { action: "/account/sessions", csrf: "token", sessions: &[], more: false, password: None };
    static FULL: LazyLock<Sessions<'static>> = LazyLock::new(|| Sessions {
        sessions: &ALL,
        more: true,
        password: Some("/account/password"),
        ..NONE
    });
    vec![Page::Sessions(&NONE), Page::Sessions(&FULL)]
}
