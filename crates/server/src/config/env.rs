//! Settings from the environment: `GRANTOR__SECTION__KEY`.

use std::ffi::OsString;

use super::{Origin, Setting, Value, keys, refuse};
use crate::failure::Failure;

const PREFIX: &str = "GRANTOR__";

/// Every variable that begins as ours do; one that names no key is an error.
pub(super) fn read(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<Setting>, Failure> {
    let mut settings = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let origin = Origin::Environment(name.to_owned());
        let path: Vec<String> =
            name.trim_start_matches(PREFIX).split("__").map(str::to_ascii_lowercase).collect();
        let value = value.into_string().map_err(|_| refuse(&origin, &path, "not UTF-8"))?;
        let value = if keys::is_list(&path) {
            let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Many(items.map(str::to_owned).collect())
        } else {
            Value::One(value)
        };
        settings.push(Setting { path, value, origin });
    }
    // The order of an environment is nobody's choice, and must not choose which error is shown.
    settings.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(settings)
}
