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
    /// The page that gives a client a picture.
    pub(crate) logo: Logo,
    /// The page where a token is looked up.
    pub(crate) token: Token,
    /// The page of what is in force.
    pub(crate) server: Server,
    /// What belongs together in the menu.
    groups: BTreeMap<String, Phrase>,
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
        overview, sign_out, nothing, no_more, more, all, beginning, search, change, save, acts, yes, no, problem, missing, not_same,
        cancel, once_title, once_text, copy, copied, not_copied, go_on, since_until, since_only, choose_any, choose_none, value,
        usage, usage_said, tokens, day, as_table,
    }
    Overview {
        title, dangers, no_dangers, of_server, of_profile, expiring, nothing_expires, all_expiring, live_on, live_off,
        along, each, issued, issued_said, refused, refused_said, refusals, other_rules, rules, none_refused, faults,
        faults_said, requests, requests_said, took, p50, p99, at_most, store, store_said, failures, health_said, there,
        away, away_then,
    }
    Logo { name, title, text, now, file, hint, save, too_large, }
    Token { title, text, look_up, revoke, ask, ask_text, revoked, not_revoked, worthless, live, grants, }
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

    /// What a group of the menu is called; nothing, where that need not be said.
    pub(crate) fn group(&self, name: &str) -> &str {
        self.groups.get(name).map_or("", Phrase::as_str)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::catalogue::THINGS;
    use crate::thing::{Field, Kind};

    /// Every text of a file, by its place, with the gaps it has.
    fn texts(file: &str) -> BTreeMap<String, Vec<String>> {
        fn walk(value: &toml::Value, place: &str, into: &mut BTreeMap<String, Vec<String>>) {
            match value.as_table() {
                Some(inner) => {
                    inner.iter().for_each(|(key, value)| walk(value, &format!("{place}.{key}"), into));
                }
                None => {
                    let phrase: Phrase = value.as_str().unwrap().parse().unwrap();
                    let mut gaps: Vec<_> = phrase.gaps().map(str::to_owned).collect();
                    gaps.sort();
                    into.insert(place.to_owned(), gaps);
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(&toml::Value::Table(file.parse().unwrap()), "", &mut found);
        found
    }

    #[test]
    fn every_language_says_the_same_things() {
        assert_eq!(texts(GERMAN), texts(ENGLISH));
        assert_eq!(Words::ours().iter().map(|l| l.tag().to_owned()).collect::<Vec<_>>(), ["en", "de"]);
    }

    #[test]
    fn there_are_words_for_everything_in_the_tables_and_for_nothing_else() {
        let languages = Words::ours();
        let words = languages.pick(None, None).words();
        let (mut labels, mut acts) = (BTreeSet::new(), BTreeSet::new());
        let mut fields: Vec<&Field> = Vec::new();
        for thing in THINGS {
            assert!(words.thing(thing.name).is_some(), "{}", thing.name);
            let lists =
                [thing.list.unwrap_or_default(), thing.columns, thing.shown, thing.make, thing.change];
            fields.extend(lists.into_iter().flatten());
            for act in thing.acts {
                fields.extend(act.fields);
                acts.insert(format!("{}-{}", thing.name, act.name));
            }
            if thing.has_page() || !thing.make.is_empty() {
                labels.insert(thing.id);
            }
            labels.extend(Some(thing.once).filter(|once| !once.is_empty()));
        }
        fields.extend(crate::sure::ASKED.iter().chain(crate::token::ASKED).chain(crate::token::SHOWN));
        fields.extend(crate::server::STORE);
        labels.extend(fields.iter().map(|field| field.name));
        for field in fields {
            let (Kind::One(all) | Kind::Some(all)) = field.kind else { continue };
            // Names of algorithms are the same in every language.
            for word in all.iter().filter(|word| !word.chars().any(|c| c.is_ascii_uppercase())) {
                assert!(words.values.contains_key(*word), "{word}");
            }
        }
        labels.extend(["key", "from"]);
        let of = |map: &BTreeMap<String, Phrase>| map.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(of(&words.labels), labels.iter().map(|name| (*name).to_owned()).collect());
        assert!(of(&words.hints).iter().all(|name| labels.contains(name.as_str())), "a hint of no field");
        assert_eq!(words.acts.keys().cloned().collect::<BTreeSet<_>>(), acts);
        assert_eq!(words.things.len(), THINGS.len());
    }
}
