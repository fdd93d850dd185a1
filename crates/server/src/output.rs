//! What a command says: its result on standard output, everything else on standard error.

use std::io::Write as _;

use grantor_core::Time;
use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;

/// How results are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// One JSON value instead of text for people.
    pub(crate) json: bool,
}

impl Output {
    /// Shows the one result of a command.
    pub(crate) fn result<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        let text = if self.json {
            serde_json::to_string(value).map_err(|e| Failure::failed(format!("no JSON of this: {e}")))?
        } else {
            text()
        };
        // Whoever closed the pipe has read all he wanted.
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{}", text.trim_end());
        let _ = out.flush();
        Ok(())
    }
}

/// Says something that is no result.
pub(crate) fn message(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Rows in columns, for people.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return "none".to_owned();
    }
    let head: Vec<String> = head.iter().map(ToString::to_string).collect();
    let all = || std::iter::once(&head).chain(rows);
    let widths: Vec<usize> = (0..head.len())
        .map(|column| all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all().map(line).collect::<Vec<_>>().join("\n")
}

/// Fields and their values, one a line; absent ones are left out.
pub(crate) fn fields(fields: &[(&str, Option<String>)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let present = fields.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    present.map(|(name, value)| format!("{name:<width$}  {value}")).collect::<Vec<_>>().join("\n")
}

/// A table of things of JSON, for people: `row` gives the cells of one.
pub(crate) fn rows(head: &[&str], things: &[Value], row: impl Fn(&Value) -> Vec<Option<String>>) -> String {
    let cells = |thing| row(thing).into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned())).collect();
    table(head, &things.iter().map(cells).collect::<Vec<_>>())
}

/// What is shown once.
const SECRETS: [&str; 4] = ["client_secret", "password", "token", "key"];

/// Members of a thing of JSON, one a line; absent ones are left out.
pub(crate) fn members(thing: &Value, names: &[&str]) -> String {
    let label = |name: &str| match SECRETS.contains(&name) {
        true => format!("{name} (shown this once)"),
        false => name.to_owned(),
    };
    let labelled: Vec<_> = names.iter().map(|name| (label(name), text(thing, name))).collect();
    fields(&labelled.iter().map(|(label, value)| (label.as_str(), value.clone())).collect::<Vec<_>>())
}

/// A member of a thing of JSON as people read it, unless it is absent or has nothing in it.
pub(crate) fn text(thing: &Value, name: &str) -> Option<String> {
    const TIMES: [&str; 4] = ["created_at", "expires_at", "since", "until"];
    let value = thing.get(name)?;
    let time = || serde_json::from_value::<Time>(value.clone()).ok().filter(|_| TIMES.contains(&name));
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(word).collect::<Vec<_>>().join(" "),
        Value::Number(_) => time().map_or_else(|| value.to_string(), |time| time.to_string()),
        Value::Bool(_) | Value::Object(_) => value.to_string(),
    };
    Some(text).filter(|text| !text.is_empty())
}

/// An item of a list: a membership of an account as the command line takes it.
fn word(item: &Value) -> String {
    let part = |name| item.get(name).and_then(Value::as_str);
    match (item, part("id"), part("role")) {
        (Value::String(text), _, _) => text.clone(),
        (_, Some(id), Some(role)) => format!("{id}:{role}"),
        (_, _, _) => item.to_string(),
    }
}
