//! How all pages look, and the one way to render one.

use std::fmt;
use std::sync::{Arc, LazyLock};

use askama::Template as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::brand::Brand;
use crate::language::Languages;
use crate::page::Page;
use crate::replace::Replace;
use crate::shell::{Frame, Shell};
use crate::words::Words;

/// Our style sheet.
const STYLE: &str = include_str!("../templates/style.css");
/// Our one script: it copies what a person is shown. Only pages with something to copy have it, and all work without.
const SCRIPT: &str = include_str!("../templates/copy.js");

/// Brand, words and pages, put together. Cloning it is cheap.
#[derive(Clone)]
pub struct Look(Arc<Parts>);

struct Parts {
    brand: Brand,
    languages: Languages<Words>,
    replacing: Vec<Box<dyn Replace>>,
    sheet: String,
    style_source: String,
}

/// A page as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The document.
    pub html: String,
    /// The source of the one script that the policy must allow for this page; mostly none.
    pub script_source: Option<&'static str>,
}

/// A page that could not be made: a replacement failed, and ours must not stand in for it unseen.
#[derive(Debug, thiserror::Error)]
#[error("the page {page} could not be made: {why}")]
pub struct RenderError {
    /// The page.
    pub page: &'static str,
    /// What was wrong with it.
    pub why: String,
}

impl Default for Look {
    fn default() -> Self {
        LookBuilder::default().build()
    }
}

impl Look {
    /// Begins to put a look together: ours, unless told.
    pub fn builder() -> LookBuilder {
        LookBuilder::default()
    }

    /// The brand.
    pub fn brand(&self) -> &Brand {
        &self.0.brand
    }

    /// The languages.
    pub fn languages(&self) -> &Languages<Words> {
        &self.0.languages
    }

    /// The source of the style sheet, as the content security policy must allow it: its hash.
    pub fn style_source(&self) -> &str {
        &self.0.style_source
    }

    pub(crate) fn sheet(&self) -> &str {
        &self.0.sheet
    }

    /// Renders a page: as it is replaced, else as ours.
    ///
    /// # Errors
    /// [`RenderError`] if a replacement fails. It says of what; none of the page's values are in it.
    pub fn render(&self, page: &Page<'_>, frame: &Frame<'_>) -> Result<Rendered, RenderError> {
        let words = frame.language.words();
        let failed = |why: String| RenderError { page: page.name(), why };
        let replaced = self.0.replacing.iter().find_map(|replace| replace.body(page, words));
        let main = match replaced {
            Some(body) => body.map_err(failed)?,
            None => page.body(words).map_err(|error| failed(error.to_string()))?,
        };
        let with_script = page.has_copies();
        self.framed(&page.title(words), &main, with_script, frame).map_err(|error| failed(error.to_string()))
    }

    /// Puts the document around a page that another room made. `main` is HTML, and is taken as it is.
    ///
    /// # Errors
    /// [`askama::Error`] if it cannot be written.
    pub fn framed(
        &self,
        title: &str,
        main: &str,
        with_script: bool,
        frame: &Frame<'_>,
    ) -> Result<Rendered, askama::Error> {
        let script = with_script.then_some(SCRIPT);
        let html = Shell { look: self, frame, title, main, script }.render()?;
        Ok(Rendered { html, script_source: with_script.then(|| SCRIPT_SOURCE.as_str()) })
    }
}

static SCRIPT_SOURCE: LazyLock<String> = LazyLock::new(|| source_of(SCRIPT));

fn source_of(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look").field("brand", &self.0.brand.name()).finish_non_exhaustive()
    }
}

/// Puts a [`Look`] together.
pub struct LookBuilder {
    brand: Brand,
    languages: Languages<Words>,
    replacing: Vec<Box<dyn Replace>>,
}

impl Default for LookBuilder {
    fn default() -> Self {
        Self { brand: Brand::default(), languages: Words::ours(), replacing: Vec::new() }
    }
}

impl LookBuilder {
    /// Brings a brand.
    #[must_use]
    pub fn brand(mut self, brand: Brand) -> Self {
        self.brand = brand;
        self
    }

    /// Brings languages: begin with [`Words::ours`] and add.
    #[must_use]
    pub fn languages(mut self, languages: Languages<Words>) -> Self {
        self.languages = languages;
        self
    }

    /// Replaces pages. Of several, the first that has a page is taken.
    #[must_use]
    pub fn replace(mut self, replace: impl Replace) -> Self {
        self.replacing.push(Box::new(replace));
        self
    }

    /// The look.
    pub fn build(self) -> Look {
        let Self { brand, languages, replacing } = self;
        // It stands in each page: comments and indents are for whoever writes it.
        let lines = STYLE.lines().filter(|line| !line.starts_with("/*")).map(str::trim_start);
        let sheet = lines.collect::<String>() + &brand.sheet();
        let style_source = source_of(&sheet);
        Look(Arc::new(Parts { brand, languages, replacing, sheet, style_source }))
    }
}
