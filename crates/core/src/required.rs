//! What a resource asks of a token.

use crate::scope::{Scope, ScopeCatalogue};

/// What a token must permit: all of one scope, or all of one of several. The empty scope asks for nothing: then any live
/// token will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Required {
    first: Scope,
    others: Vec<Scope>,
}

impl Required {
    /// The same, or all of this scope instead.
    #[must_use]
    pub fn or(mut self, scope: Scope) -> Self {
        self.others.push(scope);
        self
    }

    /// Whether a token that holds `held` permits it.
    pub fn is_met(&self, held: &Scope, catalogue: &ScopeCatalogue) -> bool {
        catalogue.permits_all(held, &self.first)
            || self.others.iter().any(|other| catalogue.permits_all(held, other))
    }

    /// Each of the scopes, of which one will do.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The scope a client is told to ask for: the first one.
    pub fn scope(&self) -> &Scope {
        &self.first
    }
}

impl From<Scope> for Required {
    fn from(first: Scope) -> Self {
        Self { first, others: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_is_enough_and_none_of_them_is_not() {
        let scope = |text: &str| Scope::parse(text).unwrap();
        let catalogue = ScopeCatalogue::default();
        let required = Required::from(scope("a b")).or(scope("c"));
        for (held, met) in [("a b", true), ("c", true), ("a", false), ("b", false), ("", false)] {
            assert_eq!(required.is_met(&scope(held), &catalogue), met, "{held}");
        }
        assert!(Required::from(Scope::none()).is_met(&Scope::none(), &catalogue));
        assert_eq!(required.scope(), &scope("a b"));
    }
}
