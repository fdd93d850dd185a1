//! What is in force: the settings, and the store.

use askama::Template;
use axum::response::Response;
use grantor_http::Stop;
use serde_json::Value;

use crate::here::{Here, Page, stop};
use crate::one::{Facts, facts};
use crate::thing::{Field, text, values};
use crate::value::plain;
use crate::words::Words;

pub(crate) const STORE: &[Field] = &[text("backend"), text("survives"), text("records"), values("move")];

#[derive(Template)]
#[template(path = "server.html")]
struct Server<'a> {
    words: &'a Words,
    version: String,
    dangers: Vec<Dangers>,
    store: Facts<'a>,
    settings: Vec<Setting>,
}

struct Setting {
    key: String,
    value: String,
    from: String,
}

pub(crate) async fn show(here: Here) -> Result<Response, Stop> {
    let words = here.words();
    let settings = here.api.get("/api/settings").await.map_err(stop)?;
    let store = here.api.get("/api/store").await.map_err(stop)?;
    let of = |setting: &Value, name: &str| setting.get(name).map(text_of).unwrap_or_default();
    let all = settings.get("settings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let server = Server {
        words,
        version: of(&settings, "version"),
        dangers: dangers(&settings),
        store: facts(STORE, &store, words),
        settings: all
            .iter()
            .map(|s| Setting { key: of(s, "key"), value: of(s, "value"), from: of(s, "from") })
            .collect(),
    };
    Ok(here.page(Page::new("server", words.server.title.as_str()), &server))
}

/// What is risky in what is in force: of the server as a whole, or of a profile.
pub(crate) struct Dangers {
    pub(crate) profile: Option<String>,
    /// The key that switches each on, and what can come of it.
    pub(crate) told: Vec<(String, String)>,
}

/// The dangers, profile by profile. Of each the API tells a line: `profile NAME: KEY: WHY`, or without the profile.
pub(crate) fn dangers(settings: &Value) -> Vec<Dangers> {
    let mut groups: Vec<Dangers> = Vec::new();
    for line in settings.get("dangers").and_then(Value::as_array).into_iter().flatten().map(plain) {
        let of_profile = line.strip_prefix("profile ").and_then(|rest| rest.split_once(": "));
        let (profile, danger) = match of_profile {
            Some((profile, danger)) => (Some(profile.to_owned()), danger),
            None => (None, line.as_str()),
        };
        let (key, why) = danger.split_once(": ").unwrap_or((danger, ""));
        let told = (key.to_owned(), why.to_owned());
        match groups.iter_mut().find(|group| group.profile == profile) {
            Some(group) => group.told.push(told),
            None => groups.push(Dangers { profile, told: vec![told] }),
        }
    }
    groups
}

fn text_of(value: &Value) -> String {
    match value.as_array() {
        Some(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        None => plain(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangers_stand_by_profile_with_what_switches_each_on() {
        let settings = serde_json::json!({"dangers": [
            "listen.admin = \"0.0.0.0:1\": anybody sees it", "profile a: endpoints.implicit: a token is in an address",
            "profile b: x: y", "profile a: codes.reuse: a code is good twice: or thrice",
        ]});
        let groups = dangers(&settings);
        let of: Vec<_> = groups.iter().map(|g| (g.profile.as_deref(), g.told.len())).collect();
        assert_eq!(of, [(None, 1), (Some("a"), 2), (Some("b"), 1)]);
        assert_eq!(groups[0].told[0].0, "listen.admin = \"0.0.0.0:1\"");
        assert_eq!(
            groups[1].told[1],
            ("codes.reuse".to_owned(), "a code is good twice: or thrice".to_owned())
        );
        assert!(dangers(&Value::Null).is_empty());
    }
}
