//! Pages of other makers, in the place of ours.

use std::path::{Path, PathBuf};

use minijinja::value::Kwargs;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};

use crate::page::{NAMES, Page};
use crate::phrase::Phrase;
use crate::words::Words;

/// Replaces pages. An embedder matches on those he wants and gives HTML for what stands in their `main`; of the rest he
/// says `None`.
///
/// ```
/// use grantor_pages::{Look, Page, Replace, Words};
///
/// struct Mine;
///
/// impl Replace for Mine {
///     fn body(&self, page: &Page<'_>, _: &Words) -> Option<Result<String, String>> {
///         match page {
///             Page::Logout(page) => Some(Ok(format!(
///                 r#"<form method="post" action="{}"><input type="hidden" name="csrf" value="{}"><button>Bye</button></form>"#,
///                 page.action, page.csrf,
///             ))),
///             _ => None,
///         }
///     }
/// }
///
/// let look = Look::builder().replace(Mine).build();
/// # let _ = look;
/// ```
pub trait Replace: Send + Sync + 'static {
    /// The page's `main`, as HTML; `None` for a page that is not replaced. An error says why it could not be made, and holds
    /// nothing of what the page shows: it is logged.
    fn body(&self, page: &Page<'_>, words: &Words) -> Option<Result<String, String>>;
}

impl<R: Replace> Replace for std::sync::Arc<R> {
    fn body(&self, page: &Page<'_>, words: &Words) -> Option<Result<String, String>> {
        (**self).body(page, words)
    }
}

/// An operator's templates, as Jinja has them: `NAME.html` replaces the page of that name, and any other name that begins with
/// `_` can be included.
///
/// A template is given `page`, the fields of the page's view; `words`, the texts in the person's language; and `say`, which
/// fills a text's gaps: `{{ say(words.consent.asks, client=page.client, user=page.user) }}`. All is escaped. Whatever is not
/// there is an error, and each template is tried on samples before the first request.
pub struct TemplateFolder {
    environment: Environment<'static>,
}

/// A folder of templates that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct InvalidTemplates {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl TemplateFolder {
    /// Reads a folder, and tries every template on samples of its page.
    ///
    /// # Errors
    /// [`InvalidTemplates`] names the file, and the line where it can.
    pub fn read(folder: &Path, words: &Words) -> Result<Self, InvalidTemplates> {
        let wrong = |path: &Path, why: String| InvalidTemplates { path: path.to_owned(), why };
        let io = |path: &Path| {
            let path = path.to_owned();
            move |error: std::io::Error| InvalidTemplates { path, why: error.to_string() }
        };
        let mut environment = environment();
        for entry in std::fs::read_dir(folder).map_err(io(folder))? {
            let path = entry.map_err(io(folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let Some(page) = name.strip_suffix(".html") else { continue };
            if !page.starts_with('_') && !NAMES.contains(&page) {
                return Err(wrong(
                    &path,
                    format!("there is no page of that name; there are {}", NAMES.join(", ")),
                ));
            }
            let text = std::fs::read_to_string(&path).map_err(io(&path))?;
            environment.add_template_owned(name, text).map_err(|e| wrong(&path, told(&e)))?;
        }
        let templates = Self { environment };
        for page in crate::views::samples() {
            if let Some(Err(why)) = templates.body(&page, words) {
                return Err(wrong(&folder.join(format!("{}.html", page.name())), why));
            }
        }
        Ok(templates)
    }
}

impl Replace for TemplateFolder {
    fn body(&self, page: &Page<'_>, words: &Words) -> Option<Result<String, String>> {
        let template = self.environment.get_template(&format!("{}.html", page.name())).ok()?;
        let words = Value::from(minijinja::value::Serde(words));
        Some(template.render(context! { page => page.value(), words => words }).map_err(|error| told(&error)))
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_function("say", say);
    environment
}

/// What went wrong, and in which line; of the values nothing.
fn told(error: &minijinja::Error) -> String {
    let line = error.line().map(|line| format!(", line {line}")).unwrap_or_default();
    let name = error.name().unwrap_or("the template");
    match error.detail() {
        Some(detail) => format!("{name}{line}: {} ({detail})", error.kind()),
        None => format!("{name}{line}: {}", error.kind()),
    }
}

fn say(phrase: &str, gaps: Kwargs) -> Result<Value, minijinja::Error> {
    let invalid = |why: String| minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, why);
    let phrase: Phrase = phrase.parse().map_err(|_| invalid("not a text with gaps".to_owned()))?;
    let names: Vec<&str> = phrase.gaps().collect();
    let mut values = Vec::with_capacity(names.len());
    for name in &names {
        let value: Option<String> = gaps.get(name)?;
        values.push(value.unwrap_or_default());
    }
    gaps.assert_all_used()?;
    let with: Vec<(&str, &str)> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
    Ok(Value::from_safe_string(phrase.fill(&with).to_string()))
}
