//! **Invariant: a page says what it is given and nothing else. Whatever comes from outside is escaped, whichever template
//! renders it; no page needs a script, or anything from another site.**
//!
//! This room knows words, looks and pages. It knows no HTTP and asks nobody anything: a handler fills in a [view](Page)
//! and is given HTML, and which sources its content security policy must allow.
//!
//! ```
//! use grantor_pages::{Frame, Login, Look, Page};
//!
//! let look = Look::default();
//! let login = Login { action: "/login", signup: None, csrf: "t", request: "", username: "", problem: None };
//! let frame = Frame::of(look.languages().pick(None, Some("de, en;q=0.5")));
//! let page = look.render(&Page::Login(&login), &frame)?;
//! assert!(page.html.contains("<title>Anmelden"));
//! # Ok::<(), grantor_pages::RenderError>(())
//! ```
//!
//! # What of it can be changed without forking
//!
//! - **The brand**, by [`Brand`]: name, logo, colour, links, and more CSS. A colour that would be hard to read is made
//!   lighter or darker until it is not (WCAG 2.2, 1.4.3).
//! - **The words**, by message files: an operator's file may add a language, or say some things otherwise in one that is
//!   there. See [`Languages`].
//! - **A page**, by [`Replace`]: by code, or by a template in a [`TemplateFolder`]. The frame around it stays, unless it is
//!   replaced, too.
//!
//! # Why one style sheet, in the page
//!
//! It is small, and so nothing is waited for before the first paint; and its hash in the policy lets no other in.

mod brand;
mod colour;
mod language;
mod look;
mod page;
mod phrase;
mod replace;
mod shell;
mod views;
mod words;

pub use brand::{Brand, InvalidBrand, Link, Logo};
pub use colour::{Colour, InvalidColour};
pub use language::{Direction, InvalidMessages, Language, Languages};
pub use look::{Look, LookBuilder, RenderError, Rendered};
pub use page::Page;
pub use phrase::{Filled, InvalidPhrase, Phrase};
pub use replace::{InvalidTemplates, Replace, TemplateFolder};
pub use shell::{Frame, MenuGroup, MenuItem, Nav, Place};
pub use views::*;
pub use words::Words;
