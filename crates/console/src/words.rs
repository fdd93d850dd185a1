//! What the console says, by language.

use std::collections::BTreeMap;

use grantor_pages::{Languages, Phrase};
use serde::Deserialize;

const ENGLISH: &str = include_str!("../messages/en.toml");
const GERMAN: &str = include_str!("../messages/de.toml");

/// The texts of one language. What the tables of this room name is looked up by that name; that it is there in every
/// language is what the tests show.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    /// What stands on pages of every kind.
    pub(crate) page: Page,
    /// The first page.
    pub(crate) overview: Overview,
    /// The page where a token is looked up.
    pub(crate) token: Token,
    /// The page of what is in force.
    pub(crate) server: Server,
    /// By what they are.
    things: BTreeMap<String, ThingWords>,
    /// By the thing and the act.
    acts: BTreeMap<String, ActWords>,
    /// By field.
    labels: BTreeMap<String, Phrase>,
    /// What a field is for, by the same.
    hints: BTreeMap<String, Phrase>,
    /// What the API says in one word.
    values: BTreeMap<String, Phrase>,
}

macro_rules! phrases {
    ($($name:ident { $($field:ident,)* })*) => {
        $(#[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $(pub(crate) $field: Phrase,)*
        })*
    };
}

phrases! {
    Page {
        overview, sign_out, nothing, more, beginning, search, change, save, acts, yes, no, problem, missing, not_same,
        cancel, once_title, once_text, copy, copied, go_on, since_until, since_only, choose_none, value,
    }
    Overview { title, dangers, no_dangers, expiring, nothing_expires, live_on, live_off, }
    Token { title, text, look_up, revoke, revoked, not_revoked, worthless, grants, }
    Server { title, version, store, settings, default, dangers, }
    ThingWords { many, new, change, about, }
    ActWords { name, ask, text, }
}

impl Words {
    pub(crate) fn ours() -> Languages<Words> {
        // That they can be read is what the tests of this crate show.
        #[allow(clippy::expect_used, reason = "two files of this crate, which its tests read")]
        Languages::new(ENGLISH, &[GERMAN]).expect("our own message files")
    }

    pub(crate) fn thing(&self, name: &str) -> Option<&ThingWords> {
        self.things.get(name)
    }

    pub(crate) fn act(&self, thing: &str, act: &str) -> Option<&ActWords> {
        self.acts.get(&format!("{thing}-{act}"))
    }

    /// What a field is called: as the API has it, where nobody said otherwise.
    pub(crate) fn label<'a>(&'a self, field: &'a str) -> &'a str {
        self.labels.get(field).map_or(field, Phrase::as_str)
    }

    pub(crate) fn hint(&self, field: &str) -> Option<&str> {
        self.hints.get(field).map(Phrase::as_str)
    }

    /// A word of the API's: as it is there, where nobody said otherwise.
    pub(crate) fn value<'a>(&'a self, word: &'a str) -> &'a str {
        self.values.get(word).map_or(word, Phrase::as_str)
    }
}
