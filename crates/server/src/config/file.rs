//! The configuration file, taken apart into settings that know their line.

use std::collections::BTreeMap;
use std::path::Path;

use grantor_core::{Description, ScopeMeaning};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Origin, Setting, Value, refuse};
use crate::failure::Failure;

struct Source<'a> {
    name: String,
    text: &'a str,
}

impl Source<'_> {
    fn at(&self, byte: usize) -> Origin {
        let before = self.text.as_bytes().iter().take(byte);
        Origin::File { name: self.name.clone(), line: before.filter(|b| **b == b'\n').count() + 1 }
    }
}

/// Every value of the file.
pub(super) fn read(path: &Path, text: &str) -> Result<Vec<Setting>, Failure> {
    let source = Source { name: path.display().to_string(), text };
    let table = DeTable::parse(text).map_err(|error| {
        let at = source.at(error.span().map_or(0, |span| span.start));
        refuse(&at, &[], format!("not TOML: {}", error.message().replace('\n', " ")))
    })?;
    let mut settings = Vec::new();
    take(&source, &mut Vec::new(), table.get_ref(), &mut settings)?;
    Ok(settings)
}

fn take(
    source: &Source<'_>,
    path: &mut Vec<String>,
    table: &DeTable<'_>,
    into: &mut Vec<Setting>,
) -> Result<(), Failure> {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        let origin = source.at(key.span().start);
        match (path.as_slice(), value.get_ref()) {
            ([scopes, _], _) if scopes == "scopes" => {
                let meaning = meaning(value.get_ref()).map_err(|why| refuse(&origin, path, why))?;
                into.push(Setting { path: path.clone(), value: Value::Meaning(meaning), origin });
            }
            ([profile], DeValue::Array(profiles)) if profile == "profile" => {
                take_profile(source, path, profiles, &origin, into)?;
            }
            (_, DeValue::Table(inner)) => take(source, path, inner, into)?,
            (_, DeValue::Array(items)) => {
                let items: Option<Vec<String>> = items.iter().map(|item| scalar(item.get_ref())).collect();
                let items = items.ok_or_else(|| refuse(&origin, path, "expected a list of texts"))?;
                into.push(Setting { path: path.clone(), value: Value::Many(items), origin });
            }
            (_, value) => {
                let text = scalar(value).ok_or_else(|| refuse(&origin, path, "expected a text"))?;
                into.push(Setting { path: path.clone(), value: Value::One(text), origin });
            }
        }
        path.pop();
    }
    Ok(())
}

/// Each profile's settings, under its number.
fn take_profile(
    source: &Source<'_>,
    path: &mut Vec<String>,
    profiles: &[Spanned<DeValue<'_>>],
    origin: &Origin,
    into: &mut Vec<Setting>,
) -> Result<(), Failure> {
    for (number, profile) in profiles.iter().enumerate() {
        match profile.get_ref() {
            DeValue::Table(table) => {
                path.push(number.to_string());
                take(source, path, table, into)?;
                path.pop();
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => {
                return Err(refuse(origin, path, "write each profile as a [[profile]] table"));
            }
        }
    }
    Ok(())
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(yes) => Some(yes.to_string()),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn meaning(value: &DeValue<'_>) -> Result<ScopeMeaning, String> {
    let DeValue::Table(table) = value else {
        return Err("write a table, as in { description = \"…\", implies = [\"…\"] }".to_owned());
    };
    let mut meaning = ScopeMeaning::default();
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("description", DeValue::String(text)) => meaning.description = Description::one(text.as_ref()),
            ("description", DeValue::Table(texts)) => meaning.description = in_languages(texts)?,
            ("implies", DeValue::Array(tokens)) => {
                let tokens: Option<Vec<String>> = tokens.iter().map(|t| scalar(t.get_ref())).collect();
                meaning.implies = tokens.ok_or("implies: expected a list of scope tokens")?;
            }
            ("optional", DeValue::Boolean(optional)) => meaning.optional = *optional,
            ("optional", _) => return Err("optional: expected true or false".to_owned()),
            ("description", _) => return Err("description: expected a text, or texts by language".to_owned()),
            ("implies", _) => return Err("implies: expected a list of scope tokens".to_owned()),
            (unknown, _) => {
                return Err(format!(
                    "{unknown}: unknown key; a scope has a description, implies and optional"
                ));
            }
        }
    }
    Ok(meaning)
}

/// What a permission is called in each language, as in `description.de`.
fn in_languages(table: &DeTable<'_>) -> Result<Description, String> {
    let mut texts = BTreeMap::new();
    for (tag, text) in table {
        let tag = tag.get_ref();
        let text = text.get_ref().as_str().ok_or_else(|| format!("description.{tag}: expected a text"))?;
        texts.insert(tag.to_string(), text.to_owned());
    }
    Description::in_languages(texts).map_err(|e| format!("description: {e}"))
}
