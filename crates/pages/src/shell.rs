//! What stands around each page.

use askama::Template;

use crate::language::Language;
use crate::look::Look;
use crate::words::Words;

/// What is the same for all pages of one answer: the language, and who is signed in.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// The language.
    pub language: &'a Language<Words>,
    /// Where a person who is signed in can go; none for who is not.
    pub nav: Option<Nav<'a>>,
    /// The way between the pages of another room; empty where there is none.
    pub menu: &'a [MenuGroup<'a>],
}

impl<'a> Frame<'a> {
    /// A frame for who is not signed in.
    pub fn of(language: &'a Language<Words>) -> Self {
        Self { language, nav: None, menu: &[] }
    }

    /// A frame for who is.
    #[must_use]
    pub fn with(self, nav: Nav<'a>) -> Self {
        Self { nav: Some(nav), ..self }
    }

    /// A frame for the pages of another room.
    #[must_use]
    pub fn menu(self, menu: &'a [MenuGroup<'a>]) -> Self {
        Self { menu, ..self }
    }
}

/// The way between the pages of a person.
#[derive(Clone, Copy)]
pub struct Nav<'a> {
    /// Who is signed in.
    pub user: &'a str,
    /// The path that each place's begins with: the issuer's own; mostly empty.
    pub prefix: &'a str,
    /// Where he is.
    pub here: Option<Place>,
    /// Whether people can register applications here.
    pub apps: bool,
    /// Whether sessions are this server's, to be looked at and ended here.
    pub sessions: bool,
}

/// Entries of a menu that belong together.
#[derive(Debug, Clone)]
pub struct MenuGroup<'a> {
    /// What they have in common; empty where that need not be said.
    pub name: &'a str,
    /// The entries, in order.
    pub items: Vec<MenuItem<'a>>,
}

/// An entry of a menu.
#[derive(Debug, Clone)]
pub struct MenuItem<'a> {
    /// Where it leads: a path of this server.
    pub href: String,
    /// What it says.
    pub text: &'a str,
    /// Whether one is there.
    pub here: bool,
}

/// A page of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Who I am, and what I authorized.
    Account,
    /// My sessions.
    Sessions,
    /// My applications.
    Apps,
}

/// The document around a page.
#[derive(Template)]
#[template(path = "shell.html")]
pub(crate) struct Shell<'a> {
    pub(crate) look: &'a Look,
    pub(crate) frame: &'a Frame<'a>,
    pub(crate) title: &'a str,
    pub(crate) main: &'a str,
    pub(crate) script: Option<&'a str>,
}

impl<'a> Shell<'a> {
    fn words(&self) -> &'a Words {
        self.frame.language.words()
    }

    fn current(&self, nav: &Nav<'_>, place: Place) -> &'static str {
        if nav.here == Some(place) { r#" aria-current="page""# } else { "" }
    }
}
