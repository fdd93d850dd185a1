//! `grantor import` and `grantor export`.

use axum::http::Method;
use grantor_admin::{Code, Within};
use serde_json::{Map, Value};

use super::take_notes;
use crate::failure::Failure;
use crate::files::read_text;
use crate::output::{Output, fields};

const SECTIONS: [(&str, &str); 7] = [
    ("clients", "clients"),
    ("resource_servers", "resource servers"),
    ("users", "users"),
    ("accounts", "accounts"),
    ("api_keys", "API keys"),
    ("registration_keys", "registration keys"),
    ("session_tokens", "session tokens"),
];

/// Sends the file as it is. What is wrong in it is told with its name.
pub(super) async fn import(file: &str, api: &Within, output: Output) -> Result<(), Failure> {
    let text = read_text(file)?;
    serde_json::from_str::<Map<String, Value>>(text.expose())
        .map_err(|e| Failure::failed(format!("{file}:{}:{}: not a JSON object", e.line(), e.column())))?;
    let sent = api.send(Method::POST, "/api/import", Some(text.expose().to_owned()), None).await;
    let mut report = sent
        .map_err(|problem| match problem.code == Code::Invalid {
            true => Failure::failed(format!("{file}: {}", problem.detail)),
            false => problem.into(),
        })?
        .body;
    take_notes(&mut report);
    output.result(&report, || {
        let counted =
            |name: &str, what: &str| report.pointer(&format!("/{name}/{what}")).map(Value::to_string);
        let shown = SECTIONS.map(|(name, label)| {
            let of = |what| counted(name, what).unwrap_or_default();
            let counts = (of("created"), of("updated"), of("unchanged"));
            (label, Some(format!("{} created, {} updated, {} unchanged", counts.0, counts.1, counts.2)))
        });
        fields(&shown)
    })
}

/// Prints JSON, with or without `--json`: it is for an import.
pub(super) async fn export(api: &Within) -> Result<(), Failure> {
    let whole = api.get("/api/export").await?;
    let pretty = serde_json::to_string_pretty(&whole).map_err(|e| Failure::failed(e.to_string()))?;
    Output { json: false }.result(&whole, || pretty)
}
