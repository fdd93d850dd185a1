//! Which language a page speaks.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::phrase::Phrase;

/// How a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From left to right.
    Ltr,
    /// From right to left.
    Rtl,
}

impl Direction {
    /// As HTML has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::Ltr => "ltr",
            Direction::Rtl => "rtl",
        }
    }
}

/// One language, and all that is said in it.
#[derive(Debug, Clone)]
pub struct Language<W> {
    tag: String,
    name: String,
    direction: Direction,
    words: W,
}

impl<W> Language<W> {
    /// Its tag (RFC 5646), as in `de`.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Its name, in itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How its script runs.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// What is said in it.
    pub fn words(&self) -> &W {
        &self.words
    }
}

/// The languages there are. The first is the one that is spoken to who wants none of them, and what a message file leaves
/// out is said in it.
///
/// A message file is TOML: `language`, `name` and `direction`, then sections of [phrases](crate::Phrase). `W` is their type, so
/// a text that is not there does not compile, and a file that says what nobody asks for is refused.
#[derive(Debug, Clone)]
pub struct Languages<W> {
    first: Language<W>,
    others: Vec<Language<W>>,
    /// What the first says, for files that leave something out.
    base: Table,
}

/// A message file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessages {
    /// It is no TOML, or has a key of the wrong type or of an unknown name.
    #[error("{0}")]
    Malformed(String),
    /// It does not say which language it is.
    #[error("a message file begins with language = \"…\"")]
    NoLanguage,
    /// It has a gap that nothing will fill.
    #[error("{key}: nothing fills the gap {{{gap}}}")]
    UnknownGap {
        /// The text, by its place in the file.
        key: String,
        /// The gap.
        gap: String,
    },
}

impl<W: DeserializeOwned> Languages<W> {
    /// The languages of these files, the first being the complete one.
    ///
    /// # Errors
    /// [`InvalidMessages`] if one of them cannot be used.
    pub fn new(first: &str, others: &[&str]) -> Result<Self, InvalidMessages> {
        let base = parse(first)?;
        let first = language(&base, base.clone())?;
        let mut languages = Self { first, others: Vec::new(), base };
        for file in others {
            languages.add(file)?;
        }
        Ok(languages)
    }

    /// Adds a language, or says some things otherwise in one that is there.
    ///
    /// # Errors
    /// [`InvalidMessages`] if the file cannot be used. Then nothing has changed.
    pub fn add(&mut self, file: &str) -> Result<(), InvalidMessages> {
        let said = parse(file)?;
        check_gaps(&self.base, &said, "")?;
        let tag = said.get("language").and_then(Value::as_str).ok_or(InvalidMessages::NoLanguage)?;
        if tag.eq_ignore_ascii_case(&self.first.tag) {
            let base = merged(self.base.clone(), said);
            self.first = language(&base, base.clone())?;
            self.base = base;
            return Ok(());
        }
        let made = language(&said, merged(self.base.clone(), said.clone()))?;
        self.others.retain(|known| !known.tag.eq_ignore_ascii_case(&made.tag));
        self.others.push(made);
        Ok(())
    }
}

impl<W> Languages<W> {
    /// Every language.
    pub fn iter(&self) -> impl Iterator<Item = &Language<W>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The language to speak: the first of `ui_locales` (OpenID Connect Core, section 3.1.2.1: tags parted by spaces, by
    /// preference) that there is, else the one that `Accept-Language` likes best (RFC 9110, section 12.5.4).
    pub fn pick(&self, ui_locales: Option<&str>, accept_language: Option<&str>) -> &Language<W> {
        let asked = ui_locales.unwrap_or_default().split(' ').find_map(|tag| self.of(tag));
        asked.or_else(|| self.accepted(accept_language?)).unwrap_or(&self.first)
    }

    fn accepted(&self, header: &str) -> Option<&Language<W>> {
        let mut liked: Vec<(f32, &str)> = header
            .split(',')
            .filter_map(|range| {
                let (tag, quality) = range.split_once(';').unwrap_or((range, ""));
                let quality = quality.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse().ok());
                quality.filter(|q| *q > 0.0).map(|quality| (quality, tag.trim()))
            })
            .collect();
        // Stable: of equals, the first.
        liked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        liked.into_iter().find_map(|(_, tag)| if tag == "*" { Some(&self.first) } else { self.of(tag) })
    }

    /// The language of a tag, or of as much of its beginning as is known: `de` for `de-CH` (RFC 4647, section 3.4).
    fn of(&self, tag: &str) -> Option<&Language<W>> {
        let mut tag = tag;
        loop {
            if let Some(found) = self.iter().find(|known| known.tag.eq_ignore_ascii_case(tag)) {
                return Some(found);
            }
            tag = tag.rsplit_once('-')?.0;
        }
    }
}

/// What a file says of the language itself.
#[derive(Deserialize)]
struct Head {
    language: String,
    name: Option<String>,
    direction: Option<Direction>,
}

fn parse(file: &str) -> Result<Table, InvalidMessages> {
    file.parse().map_err(malformed)
}

fn malformed(error: toml::de::Error) -> InvalidMessages {
    InvalidMessages::Malformed(error.to_string().trim_end().to_owned())
}

fn language<W: DeserializeOwned>(head: &Table, mut all: Table) -> Result<Language<W>, InvalidMessages> {
    let head: Head = head.clone().try_into().map_err(|_| InvalidMessages::NoLanguage)?;
    for key in ["language", "name", "direction"] {
        all.remove(key);
    }
    let words = all.try_into().map_err(malformed)?;
    let name = head.name.unwrap_or_else(|| head.language.clone());
    Ok(Language { tag: head.language, name, direction: head.direction.unwrap_or(Direction::Ltr), words })
}

fn merged(mut under: Table, over: Table) -> Table {
    for (key, value) in over {
        let value = match (under.remove(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => Value::Table(merged(under, over)),
            (_, value) => value,
        };
        under.insert(key, value);
    }
    under
}

/// Every gap of a translation must be one of the original's: a mistyped one would be shown as nothing.
fn check_gaps(base: &Table, said: &Table, path: &str) -> Result<(), InvalidMessages> {
    let gaps = |text: &str| -> BTreeSet<String> {
        text.parse::<Phrase>().iter().flat_map(|phrase| phrase.gaps().map(str::to_owned)).collect()
    };
    for (key, value) in said {
        let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (base.get(key), value) {
            (Some(Value::Table(base)), Value::Table(said)) => check_gaps(base, said, &place)?,
            (Some(Value::String(base)), Value::String(said)) => {
                if let Some(gap) = gaps(said).difference(&gaps(base)).next() {
                    return Err(InvalidMessages::UnknownGap { key: place, gap: gap.clone() });
                }
            }
            // Of an unknown key or a wrong type the words' own type tells.
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Two {
        greeting: Phrase,
        farewell: Phrase,
    }

    const ENGLISH: &str = "language = 'en'\ngreeting = 'Hello {who}'\nfarewell = 'Bye'";
    const GERMAN: &str = "language = 'de'\nname = 'Deutsch'\ngreeting = 'Hallo {who}'\nfarewell = 'Tschüs'";

    fn two() -> Languages<Two> {
        Languages::new(ENGLISH, &[GERMAN]).unwrap()
    }

    #[test]
    fn ui_locales_go_before_what_the_browser_says() {
        let languages = two();
        let picked = |ui, accept| languages.pick(ui, accept).tag().to_owned();
        assert_eq!(picked(None, None), "en");
        assert_eq!(picked(Some("de"), Some("en")), "de");
        assert_eq!(picked(Some("fr DE-at en"), None), "de");
        assert_eq!(picked(Some("fr"), Some("de")), "de");
        assert_eq!(picked(None, Some("fr, en;q=0.2, de-CH;q=0.9")), "de");
        assert_eq!(picked(None, Some("de;q=0, *")), "en");
        assert_eq!(picked(None, Some("de;q=x, en")), "en");
        assert_eq!(picked(Some("de; DROP\u{0}"), Some(";;;,,,;q=,")), "en");
        assert_eq!(picked(Some(&"x-".repeat(10_000)), None), "en");
    }

    #[test]
    fn an_operators_file_says_some_things_otherwise() {
        let mut languages = two();
        languages.add("language = 'en'\nfarewell = 'So long'").unwrap();
        assert_eq!(languages.pick(None, None).words().farewell.as_str(), "So long");
        languages.add("language = 'ar'\ndirection = 'rtl'\nfarewell = 'وداعا'").unwrap();
        let arabic = languages.pick(Some("ar"), None);
        assert_eq!((arabic.direction(), arabic.words().greeting.as_str()), (Direction::Rtl, "Hello {who}"));
        assert_eq!(languages.iter().count(), 3);
    }

    #[test]
    fn a_file_that_says_what_nobody_asks_for_is_refused() {
        let mut languages = two();
        for (file, why) in [
            ("language = 'fr'\ngreting = ''", "greting"),
            ("language = 'fr'\ngreeting = 'Bonjour {whom}'", "nothing fills the gap {whom}"),
            ("language = 'fr'\ngreeting = 'Bonjour {who'", "a gap is a name in braces"),
            ("greeting = ''", "language"),
            ("language = 'fr'\ngreeting = 1", "greeting"),
            ("x", "TOML"),
        ] {
            let told = languages.add(file).unwrap_err().to_string();
            assert!(told.contains(why), "{file}: {told}");
            assert_eq!(languages.iter().count(), 2);
        }
    }
}
