//! Scopes: the grammar of RFC 6749, section 3.3, and the order between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::description::{Description, InLanguage};
use crate::limits::Limits;

/// A set of scope tokens. Kept as one text, sorted and without repeats, so that equal sets are equal texts.
///
/// ```
/// use grantor_core::Scope;
/// let asked = Scope::parse("write read read").unwrap();
/// assert_eq!(asked.to_string(), "read write");
/// assert!(Scope::parse("read").unwrap().is_within(&asked));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Scope(Arc<str>);

impl Scope {
    /// The scope that permits nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// What stands for every token, where a file says which: `*`.
    pub fn everything() -> Self {
        Self("*".into())
    }

    /// Reads scope tokens parted by single spaces. More, leading or trailing spaces are let pass, since clients send
    /// them; a text of no tokens is the empty scope.
    ///
    /// # Errors
    /// [`InvalidScope`] if a token has a character outside `%x21 / %x23-5B / %x5D-7E`, or there are too many.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        // One token, or none: as it is mostly asked for, and always as we wrote it.
        if text.bytes().all(allowed) {
            return Ok(Self(text.into()));
        }
        let tokens: BTreeSet<&str> = text.split(' ').filter(|t| !t.is_empty()).collect();
        if tokens.len() > Limits::DEFAULT.scope_tokens || !tokens.iter().all(|t| t.bytes().all(allowed)) {
            return Err(InvalidScope);
        }
        Ok(Self::join(tokens))
    }

    /// The tokens, in order.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|t| !t.is_empty())
    }

    /// Whether it permits nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this very token is in the set; implications are the catalogue's business.
    pub fn contains(&self, token: &str) -> bool {
        self.tokens().any(|t| t == token)
    }

    /// Whether every token of this set is in the other.
    pub fn is_within(&self, other: &Scope) -> bool {
        self.tokens().all(|t| other.contains(t))
    }

    /// The tokens that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Scope) -> Scope {
        Self::join(self.tokens().filter(|t| other.contains(t)).collect())
    }

    /// The tokens that are in either set.
    #[must_use]
    pub fn union(&self, other: &Scope) -> Scope {
        Self::join(self.tokens().chain(other.tokens()).collect())
    }

    /// The tokens of this set that are not in the other.
    #[must_use]
    pub fn without(&self, other: &Scope) -> Scope {
        Self::join(self.tokens().filter(|t| !other.contains(t)).collect())
    }

    /// The set as text, tokens parted by one space.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn join(tokens: BTreeSet<&str>) -> Self {
        Self(tokens.into_iter().collect::<Vec<_>>().join(" ").into())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::str::FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::parse(text)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A text that is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidScope;

impl fmt::Display for InvalidScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a scope: tokens of printable ASCII without quote or backslash, parted by spaces")
    }
}

impl std::error::Error for InvalidScope {}

/// What one scope token means.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeMeaning {
    /// What the token permits, in words for the person who is asked to approve it.
    #[serde(default)]
    pub description: Description,
    /// Which other tokens it includes; `*` stands for every one.
    #[serde(default)]
    pub implies: Vec<String>,
    /// Whether a person may leave it out of what he approves. What is not optional is approved as a whole or not at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// What the scope tokens of a profile mean, and which includes which.
///
/// An empty catalogue knows no token and forbids none: then a client's registration alone says what it may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeCatalogue {
    meanings: BTreeMap<String, ScopeMeaning>,
}

impl ScopeCatalogue {
    /// A catalogue of these tokens.
    ///
    /// # Errors
    /// [`InvalidScope`] if a name is no scope token.
    pub fn new(meanings: BTreeMap<String, ScopeMeaning>) -> Result<Self, InvalidScope> {
        let implied = meanings.values().flat_map(|m| &m.implies);
        for token in meanings.keys().chain(implied) {
            if Scope::parse(token)?.tokens().count() != 1 || token.contains(' ') {
                return Err(InvalidScope);
            }
        }
        Ok(Self { meanings })
    }

    /// What each token means, by its name.
    pub fn meanings(&self) -> &BTreeMap<String, ScopeMeaning> {
        &self.meanings
    }

    /// Whether no token is described.
    pub fn is_empty(&self) -> bool {
        self.meanings.is_empty()
    }

    /// The names of the tokens, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.meanings.keys().map(String::as_str)
    }

    /// Whether a client may be registered with this token.
    pub fn knows(&self, token: &str) -> bool {
        self.is_empty() || self.meanings.contains_key(token)
    }

    /// Every token of the catalogue.
    pub fn all(&self) -> Scope {
        Scope::join(self.names().collect())
    }

    /// The tokens of a scope that the catalogue knows.
    pub fn known_of(&self, scope: &Scope) -> Scope {
        Scope::join(scope.tokens().filter(|token| self.knows(token)).collect())
    }

    /// The tokens of a scope that a person may leave out.
    pub fn optional_of(&self, scope: &Scope) -> Scope {
        let optional = |token: &str| self.meanings.get(token).is_some_and(|meaning| meaning.optional);
        Scope::join(scope.tokens().filter(|token| optional(token)).collect())
    }

    /// What of `asked` a person approves who ticked `ticked`, or everything if he was offered no choice: all that is
    /// required, and of the optional tokens those that he ticked. A tick of what was not asked adds nothing, and a required
    /// token without one is approved all the same.
    #[must_use]
    pub fn approved(&self, asked: &Scope, ticked: Option<&Scope>) -> Scope {
        let Some(ticked) = ticked else { return asked.clone() };
        asked.without(&self.optional_of(asked).without(ticked))
    }

    /// The tokens of a scope that whoever holds `held` may do already.
    pub fn permitted_of(&self, held: &Scope, scope: &Scope) -> Scope {
        Scope::join(scope.tokens().filter(|token| self.permits(held, token)).collect())
    }

    /// What the token permits, in words for a reader of a language; the token itself where none are given.
    pub fn describe<'a>(&'a self, token: &'a str, language: &str) -> InLanguage<'a> {
        let meaning = self.meanings.get(token);
        let described = meaning.and_then(|meaning| meaning.description.read(language));
        described.unwrap_or(InLanguage { text: token, fallback: None })
    }

    /// Whether whoever holds `held` may do what `token` permits: it holds the token, or one that includes it, over any
    /// number of steps.
    pub fn permits(&self, held: &Scope, token: &str) -> bool {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut todo: Vec<&str> = held.tokens().collect();
        while let Some(next) = todo.pop() {
            if next == token {
                return true;
            }
            if reached.insert(next)
                && let Some(meaning) = self.meanings.get(next)
            {
                // `*` includes what is not in the catalogue, too: a route may require a token no client can ask for.
                if meaning.implies.iter().any(|i| i == "*") {
                    return true;
                }
                todo.extend(meaning.implies.iter().map(String::as_str));
            }
        }
        false
    }

    /// Whether `held` permits every token of `required`.
    pub fn permits_all(&self, held: &Scope, required: &Scope) -> bool {
        required.tokens().all(|token| self.permits(held, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wistia() -> ScopeCatalogue {
        let meaning = |implies: &[&str]| ScopeMeaning {
            implies: implies.iter().map(ToString::to_string).collect(),
            ..ScopeMeaning::default()
        };
        ScopeCatalogue::new(BTreeMap::from([
            ("all:all".into(), meaning(&["*"])),
            ("all:read".into(), meaning(&["media:read", "stats:read"])),
            ("media:read".into(), meaning(&[])),
            ("stats:read".into(), meaning(&[])),
        ]))
        .unwrap()
    }

    #[test]
    fn the_grammar_is_that_of_rfc_6749() {
        for bad in ["a\"b", "a\\b", "é", "a\tb", "a\nb", "\0", "a\u{7f}"] {
            assert_eq!(Scope::parse(bad), Err(InvalidScope), "{bad:?}");
        }
        assert_eq!(Scope::parse("  b  a b ").unwrap().as_str(), "a b");
        let many = |n: usize| (0..n).map(|i| format!("s{i}")).collect::<Vec<_>>().join(" ");
        assert!(Scope::parse(&many(Limits::DEFAULT.scope_tokens)).is_ok());
        assert!(Scope::parse(&many(Limits::DEFAULT.scope_tokens + 1)).is_err());
    }

    #[test]
    fn one_scope_may_imply_others() {
        let catalogue = wistia();
        let permits = |held: &str, token: &str| catalogue.permits(&Scope::parse(held).unwrap(), token);
        assert!(permits("all:all", "media:upload"));
        assert!(permits("all:read", "stats:read"));
        assert!(!permits("all:read", "all:all"));
        assert!(!permits("media:read", "stats:read"));
        assert!(!permits("", "media:read"));
    }

    #[test]
    fn implications_in_a_circle_end() {
        let meaning = |i: &str| ScopeMeaning { implies: vec![i.into()], ..ScopeMeaning::default() };
        let ring = BTreeMap::from([("a".into(), meaning("b")), ("b".into(), meaning("a"))]);
        let catalogue = ScopeCatalogue::new(ring).unwrap();
        assert!(catalogue.permits(&Scope::parse("a").unwrap(), "b"));
        assert!(!catalogue.permits(&Scope::parse("a").unwrap(), "c"));
    }

    proptest! {
        #[test]
        fn an_intersection_is_within_both(a in "[a-d ]{0,12}", b in "[a-d ]{0,12}") {
            let (a, b) = (Scope::parse(&a).unwrap(), Scope::parse(&b).unwrap());
            let both = a.intersection(&b);
            prop_assert!(both.is_within(&a) && both.is_within(&b));
            prop_assert_eq!(&both, &b.intersection(&a));
            prop_assert_eq!(a.is_within(&b), both == a);
        }
    }
}
