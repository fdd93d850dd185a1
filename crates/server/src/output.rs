//! What a command says: its result on standard output, everything else on standard error.

use std::io::Write as _;

use serde::Serialize;

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
