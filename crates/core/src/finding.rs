//! Finding clients: by who owns them, and by the words of their names.

use serde::{Deserialize, Serialize};

use crate::client::ClientMetadata;
use crate::ids::{ClientId, SubjectId};
use crate::limits::Limits;
use crate::record::{Hint, Key, Kind, Prefix, Record, RecordKey, Under};

/// The hint that a user owns a client, under `OWNER/CLIENT`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnerClient(Hint);

impl Record for OwnerClient {
    const KIND: Kind = Kind::OwnerClient;
}

impl OwnerClient {
    /// Where the hint of one client lies.
    pub fn key(owner: &SubjectId, client: &ClientId) -> Key<OwnerClient> {
        Key::under(owner.as_str(), client.as_str())
    }

    /// Where the hints of all clients of a user lie.
    pub fn under(owner: &SubjectId) -> Under {
        Under::slot(Kind::OwnerClient, owner.as_str())
    }
}

/// The hint that a client has a name, under `WORDS/CLIENT`: one for each word of it, with the words that follow. So whoever
/// types the beginning of any word finds it, in one stretch of a list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientName(Hint);

impl Record for ClientName {
    const KIND: Kind = Kind::ClientName;
}

impl ClientName {
    /// Where the hints of one client lie.
    pub fn keys(client: &ClientMetadata, limits: &Limits) -> Vec<Key<ClientName>> {
        let words = beginnings(client, limits);
        words.iter().map(|words| Key::under(words, client.client_id.as_str())).collect()
    }

    /// Where the hints lie of the clients whose name has what was typed at the beginning of a word. They may be of more
    /// clients than are meant: each has to be looked at.
    pub fn search(typed: &str, limits: &Limits) -> Prefix {
        Prefix::of(Kind::ClientName, cut(&folded(typed), limits))
    }

    /// Whether a client has what was typed at the beginning of a word of its name.
    pub fn means(client: &ClientMetadata, typed: &str) -> bool {
        let typed = folded(typed);
        let name = folded(client.client_name.as_deref().unwrap_or_default());
        word_starts(&name).any(|words| words.starts_with(&typed))
    }

    /// Whether a hint, which was found by what was typed, is the one by which its client is to be shown: of several that
    /// were found the first in the list, and none if the client has another name by now.
    pub fn shows(key: &RecordKey, client: &ClientMetadata, typed: &str, limits: &Limits) -> bool {
        let is_meant = Self::means(client, typed);
        let typed = folded(typed);
        let found = Self::search(&typed, limits);
        let mut keys = Self::keys(client, limits);
        keys.sort_by(|a, b| a.raw().cmp(b.raw()));
        let first = keys.iter().find(|own| found.holds(own.raw()));
        is_meant && first.is_some_and(|first| first.raw() == key)
    }
}

/// A name as it is searched for: lower case, words parted by one space.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A name from each of its words on.
fn word_starts(name: &str) -> impl Iterator<Item = &str> {
    let behind_spaces = name.match_indices(' ').filter_map(|(at, _)| name.get(at + 1..));
    std::iter::once(name).chain(behind_spaces).filter(|words| !words.is_empty())
}

fn beginnings(client: &ClientMetadata, limits: &Limits) -> Vec<String> {
    let name = folded(client.client_name.as_deref().unwrap_or_default());
    word_starts(&name).take(limits.name_words).map(|words| cut(words, limits).to_owned()).collect()
}

/// As much of it as is kept, to a whole character.
fn cut<'a>(text: &'a str, limits: &Limits) -> &'a str {
    let end = (0..=limits.name_prefix_bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(name: &str) -> ClientMetadata {
        let client_name = Some(name.to_owned());
        ClientMetadata { client_name, ..ClientMetadata::new("c".parse().unwrap()) }
    }

    fn shown(client: &ClientMetadata, typed: &str) -> usize {
        let found = ClientName::search(typed, &Limits::DEFAULT);
        let keys = ClientName::keys(client, &Limits::DEFAULT);
        let shows = |key: &&Key<ClientName>| {
            found.holds(key.raw()) && ClientName::shows(key.raw(), client, typed, &Limits::DEFAULT)
        };
        keys.iter().filter(shows).count()
    }

    #[test]
    fn a_client_is_found_by_the_beginning_of_any_word() {
        let acme = named("  Acme\u{a0} Vidéo player ");
        for typed in ["a", "ACME", "acme vid", " Acme  VIDÉO ", "vidéo p", "play", "player"] {
            assert_eq!(shown(&acme, typed), 1, "{typed}");
        }
        for typed in ["cme", "acme player", "players", "video"] {
            assert_eq!(shown(&acme, typed), 0, "{typed}");
        }
    }

    #[test]
    fn one_that_has_a_word_twice_is_shown_once() {
        assert_eq!(shown(&named("acme acme ACMETON"), "acme"), 1);
    }

    #[test]
    fn of_a_long_name_the_beginning_counts_and_what_was_typed_decides() {
        let name = "é".repeat(200);
        assert_eq!(shown(&named(&name), &"é".repeat(150)), 1);
        assert_eq!(
            shown(&named(&name), &format!("{}x", "é".repeat(150))),
            0,
            "found by the hint, and not meant"
        );
        let many = "a ".repeat(2000);
        assert_eq!(ClientName::keys(&named(&many), &Limits::DEFAULT).len(), Limits::DEFAULT.name_words);
    }

    #[test]
    fn a_name_that_is_gone_shows_nothing() {
        let was = named("Acme");
        let key = ClientName::keys(&was, &Limits::DEFAULT).remove(0);
        assert!(ClientName::shows(key.raw(), &was, "ac", &Limits::DEFAULT));
        assert!(!ClientName::shows(key.raw(), &named("Other"), "ac", &Limits::DEFAULT));
    }

    proptest! {
        #[test]
        fn whoever_types_the_beginning_of_a_word_finds_the_client_once(
            words in prop::collection::vec("[a-bA-Bäé%/]{1,5}", 1..8),
            word in any::<prop::sample::Index>(),
            chars in 1..5_usize,
        ) {
            let client = named(&words.join(" "));
            let typed: String = words[word.index(words.len())].chars().take(chars).collect();
            prop_assert_eq!(shown(&client, &typed), 1);
        }
    }
}
