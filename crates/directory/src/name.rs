//! User names, which are also the subjects of tokens.

use std::fmt;

use grantor_core::{Limits, SubjectId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A user name: 1 to 128 of `A-Z a-z 0-9 . _ @ + -`, kept in lower case, so that `Alice` and `alice` are one person.
///
/// It *is* the [`SubjectId`] of the user's tokens; that is why it never changes and is never given to anyone else.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(SubjectId);

impl UserName {
    /// Reads a name as a person types it.
    ///
    /// # Errors
    /// [`InvalidUserName`] says what is wrong with it. Nothing is trimmed or replaced.
    pub fn parse(text: &str) -> Result<Self, InvalidUserName> {
        if text.is_empty() {
            return Err(InvalidUserName::Empty);
        }
        if text.len() > Limits::DEFAULT.username_bytes {
            return Err(InvalidUserName::TooLong { max: Limits::DEFAULT.username_bytes });
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'@' | b'+' | b'-');
        if !text.bytes().all(allowed) {
            return Err(InvalidUserName::ForbiddenCharacter);
        }
        // Every text that comes this far is a subject too; were it not, its characters would be the reason.
        let subject = SubjectId::parse(&text.to_ascii_lowercase());
        subject.map(Self).map_err(|_| InvalidUserName::ForbiddenCharacter)
    }

    /// The subject of this user's tokens.
    pub fn subject(&self) -> &SubjectId {
        &self.0
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::str::FromStr for UserName {
    type Err = InvalidUserName;

    fn from_str(text: &str) -> Result<Self, InvalidUserName> {
        Self::parse(text)
    }
}

impl Serialize for UserName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for UserName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Why a text is no user name. It does not repeat the text, which may be a password typed into the wrong field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUserName {
    /// There is nothing.
    #[error("a user name must not be empty")]
    Empty,
    /// It is longer than `max` bytes.
    #[error("a user name has at most {max} characters")]
    TooLong {
        /// The bound.
        max: usize,
    },
    /// It has a character outside the alphabet.
    #[error("a user name consists of the letters A to Z without accents, digits, and . _ @ + -")]
    ForbiddenCharacter,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_name_is_refused_with_its_reason() {
        assert_eq!(UserName::parse(""), Err(InvalidUserName::Empty));
        assert_eq!(UserName::parse(&"a".repeat(129)), Err(InvalidUserName::TooLong { max: 128 }));
        assert!(UserName::parse(&"a".repeat(128)).is_ok());
        // The last three would fold to ASCII under Unicode case mapping or look like it: impostors, all of them.
        for text in
            [" alice", "alice\n", "a/b", "a%b", "a b", "a\0", "alicé", "\u{212A}elvin", "ＡＬＩＣＥ", "аlice"]
        {
            assert_eq!(UserName::parse(text), Err(InvalidUserName::ForbiddenCharacter), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_spelling_gives_one_name_and_normalising_twice_changes_nothing(text in "[A-Za-z0-9._@+-]{1,128}") {
            let name = UserName::parse(&text).unwrap();
            prop_assert_eq!(&UserName::parse(&text.to_ascii_uppercase()).unwrap(), &name);
            prop_assert_eq!(&UserName::parse(name.as_str()).unwrap(), &name);
            prop_assert!(name.as_str().eq_ignore_ascii_case(&text));
            prop_assert_eq!(name.subject().as_str(), name.as_str());
        }

        #[test]
        fn a_name_never_has_more_than_its_alphabet(text in any::<String>()) {
            if let Ok(name) = UserName::parse(&text) {
                prop_assert!(name.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._@+-".contains(&b)));
            }
        }
    }
}
