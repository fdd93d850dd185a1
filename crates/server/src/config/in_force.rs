//! The settings in force, for operators to look at: what was chosen and where, and what holds where nothing was. None of it
//! is a secret.

use grantor_admin::SettingInForce;
use grantor_http::Rate;
use serde_json::Value as Json;

use super::{Config, LogFormat, Origin, RefreshModeName, Setting, Value, keys};
use crate::storage::StorageUrl;

/// What was chosen, before anything that was not.
pub(super) fn of(settings: &[Setting]) -> Vec<SettingInForce> {
    let mut all: Vec<SettingInForce> = Vec::new();
    for chosen in settings.iter().filter_map(chosen) {
        // The environment comes last, and holds.
        all.retain(|earlier| earlier.key != chosen.key);
        all.push(chosen);
    }
    let defaults = Config::default();
    for key in keys::names() {
        if !all.iter().any(|chosen| chosen.key == key) {
            let value = default(&defaults, key).map_or(Json::Null, Json::String);
            all.push(SettingInForce { key: key.to_owned(), value, from: None });
        }
    }
    all
}

fn chosen(setting: &Setting) -> Option<SettingInForce> {
    let key = setting.path.join(".");
    let value = match &setting.value {
        Value::One(text) => shown(&key, text),
        Value::Many(items) => items.iter().cloned().map(Json::String).collect(),
        // What a scope means, the profile shows.
        Value::Meaning(_) => return None,
    };
    let from = match &setting.origin {
        Origin::File { name, line } => format!("{name}:{line}"),
        Origin::Environment(name) => name.clone(),
    };
    Some(SettingInForce { key, value, from: Some(from) })
}

fn shown(key: &str, text: &str) -> Json {
    match key {
        "keys.server_key" => Json::Null,
        // A password can stand in it.
        "storage.url" | "storage.also" => match text.parse::<StorageUrl>() {
            Ok(url) => Json::String(url.to_string()),
            Err(_) => Json::Null,
        },
        _ => Json::String(text.to_owned()),
    }
}

/// What holds where nothing was chosen, if anything does.
fn default(c: &Config, key: &str) -> Option<String> {
    let never = |lifetime: Option<grantor_core::Lifetime>| {
        lifetime.map_or_else(|| "never".to_owned(), |lifetime| lifetime.to_string())
    };
    Some(match key {
        "listen.public" => c.listen.public.to_string(),
        "listen.admin" => c.listen.admin.to_string(),
        "listen.requests_at_once" => c.listen.requests_at_once.to_string(),
        "storage.url" => c.storage.url.to_string(),
        "storage.durability" => if c.storage.full { "full" } else { "relaxed" }.to_owned(),
        "lifetimes.authorization_code" => c.lifetimes.authorization_code.to_string(),
        "lifetimes.access_token" => c.lifetimes.access_token.to_string(),
        "lifetimes.refresh_token" => never(c.lifetimes.refresh_token),
        "lifetimes.grant" => never(c.lifetimes.grant),
        "lifetimes.interaction" => c.lifetimes.interaction.to_string(),
        "lifetimes.session" => c.session.to_string(),
        "lifetimes.session_idle" => never(c.session_idle),
        "refresh.mode" => match c.refresh.mode {
            RefreshModeName::None => "none",
            RefreshModeName::Reuse => "reuse",
            RefreshModeName::Rotate => "rotate",
            RefreshModeName::ReplaceAll => "replace_all",
        }
        .to_owned(),
        "refresh.grace" => c.refresh.grace.to_string(),
        "access_token.format" => c.access_token_format.to_string(),
        "keys.server_key_file" => c.keys.server_key_file.display().to_string(),
        "keys.algorithm" => c.keys.algorithm.to_string(),
        "rate_limits.client_authentication" => rate(c.rate_limits.client_authentication),
        "rate_limits.login" => rate(c.rate_limits.login),
        "log.bundles_keep" => c.log.bundles_keep.to_string(),
        "log.level" => c.log.level.to_string(),
        "log.format" => match c.log.format {
            LogFormat::Json => "json",
            LogFormat::Text => "text",
        }
        .to_owned(),
        _ => return None,
    })
}

fn rate(rate: Option<Rate>) -> String {
    rate.map_or_else(|| "off".to_owned(), |rate| format!("{}/{}", rate.count, rate.window))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(key: &str, value: &str) -> Setting {
        let path = key.split('.').map(str::to_owned).collect();
        let origin = Origin::Environment("TEST".to_owned());
        Setting { path, value: Value::One(value.to_owned()), origin }
    }

    #[test]
    fn what_is_said_to_hold_by_default_can_be_chosen_and_is_then_the_same() {
        let mut config = Config::default();
        let said = of(&[]);
        assert!(said.len() > 20);
        for SettingInForce { key, value, from } in &said {
            assert_eq!(*from, None);
            if let Json::String(value) = value {
                keys::apply(&mut config, &setting(key, value)).unwrap_or_else(|e| panic!("{key}: {e}"));
                assert_eq!(default(&config, key).as_deref(), Some(value.as_str()), "{key}");
            }
        }
    }

    #[test]
    fn what_was_chosen_is_shown_with_its_place_and_no_secret_is() {
        let chosen = [
            setting("lifetimes.access_token", "1h"),
            setting("lifetimes.access_token", "2h"),
            setting("storage.url", "redis://user:s3cret@127.0.0.1/0"),
            setting("keys.server_key", "s3cret"),
        ];
        let said = of(&chosen);
        let value = |key: &str| said.iter().find(|s| s.key == key).unwrap().value.clone();
        assert_eq!(value("lifetimes.access_token"), "2h");
        assert_eq!((value("storage.url"), value("keys.server_key")), ("redis:…".into(), Json::Null));
        let shown: Vec<String> = said.iter().map(|s| format!("{} {} {:?}", s.key, s.value, s.from)).collect();
        assert!(!shown.join(" ").contains("s3cret"));
        let keys: std::collections::BTreeSet<_> = said.iter().map(|s| &s.key).collect();
        assert_eq!(keys.len(), said.len(), "each once");
    }
}
