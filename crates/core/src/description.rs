//! What something is, in words for people, in one language or in several.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A text for people: one for whoever reads it, or one for each language.
///
/// ```
/// use grantor_core::{Description, InLanguage};
/// let texts = [("en", "See your videos"), ("de", "Ihre Videos sehen")];
/// let description = Description::in_languages(texts.map(|(l, t)| (l.into(), t.into())).into())?;
/// assert_eq!(description.read("de-CH"), Some(InLanguage { text: "Ihre Videos sehen", fallback: None }));
/// assert_eq!(description.read("fr"), Some(InLanguage { text: "See your videos", fallback: Some("en") }));
/// # Ok::<(), grantor_core::InvalidDescription>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Description(Written);

/// As it is written in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a text, or texts by language")]
enum Written {
    One(String),
    ByLanguage(BTreeMap<String, String>),
}

/// A text, and whether it is in a language other than the reader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InLanguage<'a> {
    /// The text.
    pub text: &'a str,
    /// The tag of its language, if that is another. Of a text without a language nobody knows.
    pub fallback: Option<&'a str>,
}

/// A key that is no language tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidDescription(String);

impl fmt::Display for InvalidDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no language tag, as in de or pt-BR", self.0)
    }
}

impl std::error::Error for InvalidDescription {}

/// What is read where the reader's language is not there: as with everything else that pages say.
const FALLBACK: &str = "en";
/// The longest language tag that a program must take (RFC 5646, section 4.4.1).
const TAG_BYTES: usize = 35;

impl Description {
    /// One text for whoever reads it.
    pub fn one(text: impl Into<String>) -> Self {
        Self(Written::One(text.into()))
    }

    /// Texts by the tags of their languages.
    ///
    /// # Errors
    /// [`InvalidDescription`] if a tag can be none.
    pub fn in_languages(texts: BTreeMap<String, String>) -> Result<Self, InvalidDescription> {
        match texts.keys().find(|tag| !is_tag(tag)) {
            Some(bad) => Err(InvalidDescription(bad.clone())),
            None => Ok(Self(Written::ByLanguage(texts))),
        }
    }

    /// The text for a reader: in his language, or in as much of it as is there (`de` for `de-CH`: RFC 4647, section 3.4), else in
    /// English, else in whatever there is.
    pub fn read(&self, language: &str) -> Option<InLanguage<'_>> {
        match &self.0 {
            Written::One(text) => (!text.is_empty()).then_some(InLanguage { text, fallback: None }),
            Written::ByLanguage(texts) => {
                let of = |wanted: &str| {
                    let mut texts = texts.iter().filter(|(_, text)| !text.is_empty());
                    texts.find(|(tag, _)| tag.eq_ignore_ascii_case(wanted))
                };
                let beginnings = std::iter::successors(Some(language), |tag| Some(tag.rsplit_once('-')?.0));
                if let Some((_, text)) = beginnings.filter_map(of).next() {
                    return Some(InLanguage { text, fallback: None });
                }
                let other = of(FALLBACK).or_else(|| texts.iter().find(|(_, text)| !text.is_empty()));
                other.map(|(tag, text)| InLanguage { text, fallback: Some(tag) })
            }
        }
    }
}

fn is_tag(tag: &str) -> bool {
    let is_part =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    tag.len() <= TAG_BYTES && tag.split('-').all(is_part)
}

impl Default for Written {
    fn default() -> Self {
        Self::One(String::new())
    }
}

impl TryFrom<Written> for Description {
    type Error = InvalidDescription;

    fn try_from(written: Written) -> Result<Self, InvalidDescription> {
        match written {
            Written::One(text) => Ok(Self::one(text)),
            Written::ByLanguage(texts) => Self::in_languages(texts),
        }
    }
}

impl From<Description> for Written {
    fn from(description: Description) -> Self {
        description.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[(&str, &str)]) -> Description {
        let texts = texts.iter().map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned()));
        Description::in_languages(texts.collect()).unwrap()
    }

    #[test]
    fn a_reader_gets_his_language_else_english_else_what_there_is() {
        let read = |description: &Description, language: &str| {
            let read = description.read(language).unwrap();
            (read.text.to_owned(), read.fallback.map(str::to_owned))
        };
        let both = texts(&[("DE", "Lesen"), ("ar", "قراءة"), ("en", "Read")]);
        assert_eq!(read(&both, "de"), ("Lesen".into(), None));
        assert_eq!(read(&both, "de-AT-1996"), ("Lesen".into(), None));
        assert_eq!(read(&both, "fr"), ("Read".into(), Some("en".into())));
        assert_eq!(read(&texts(&[("de", "Lesen"), ("fr", "")]), "fr"), ("Lesen".into(), Some("de".into())));
        // Nobody knows which language this is in.
        assert_eq!(read(&Description::one("Lesen"), "fr"), ("Lesen".into(), None));
        assert_eq!(Description::default().read("en"), None);
        assert_eq!(texts(&[("en", "")]).read("en"), None);
    }

    #[test]
    fn it_is_a_text_or_texts_by_language_in_a_file() {
        for json in [r#""Read""#, r#"{"de":"Lesen","en":"Read"}"#] {
            let read: Description = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), json);
        }
        for (json, why) in [
            ("1", "expected a text, or texts by language"),
            (r#"{"de":1}"#, "expected a text, or texts by language"),
            (r#"{"\" onclick=":""}"#, "no language tag"),
            (r#"{"":""}"#, "no language tag"),
            (r#"{"de_CH":""}"#, "no language tag"),
        ] {
            let told = serde_json::from_str::<Description>(json).unwrap_err().to_string();
            assert!(told.contains(why), "{json}: {told}");
        }
    }
}
