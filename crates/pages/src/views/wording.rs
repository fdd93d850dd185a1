use std::borrow::Cow;

use serde::Serialize;

/// A text that may be in another language than the page that it is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wording<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// The tag of its language, if that is not the page's.
    pub language: Option<Cow<'a, str>>,
}

impl<'a> Wording<'a> {
    /// A text in the page's language.
    pub const fn new(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), language: None }
    }

    /// A text in another.
    pub const fn other(text: &'a str, language: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), language: Some(Cow::Borrowed(language)) }
    }

    /// The same, kept.
    pub fn into_owned(self) -> Wording<'static> {
        let Self { text, language } = self;
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Wording { text: owned(text), language: language.map(owned) }
    }
}
