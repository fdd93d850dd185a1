//! `client.toml`: what a client needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use crate::failure::{Failure, Outcome, While};

const KEYS: [&str; 8] = ["about", "profiles", "fixture", "seconds", "light", "set", "env", "known_bad"];
const PROFILE_KEYS: [&str; 3] = ["name", "preset", "file"];
const DEFAULT_SECONDS: u64 = 180;

/// A client, as its folder says.
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) about: String,
    pub(super) profiles: Vec<Profile>,
    pub(super) fixture: Option<PathBuf>,
    pub(super) may_take: Duration,
    pub(super) light: bool,
    /// For each profile the values that are not its preset's.
    pub(super) set: Table,
    pub(super) environment: Vec<(String, String)>,
    pub(super) known_bad: Vec<KnownBad>,
}

/// A profile that the server has.
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) source: Source,
}

/// Where a profile's values come from.
#[derive(Debug, PartialEq)]
pub(super) enum Source {
    /// A preset, by its name.
    Preset(String),
    /// A dialect's file.
    File(PathBuf),
}

/// A server that is wrong on purpose.
pub(super) struct KnownBad {
    pub(super) what: String,
    /// The step that must notice it.
    pub(super) at: String,
    pub(super) set: Table,
}

impl Declared {
    /// Reads a client's folder.
    pub(super) fn read(folder: &Path) -> Outcome<Self> {
        let file = folder.join("client.toml");
        let text = fs::read_to_string(&file).during(file.display())?;
        let table: Table = text.parse().during(file.display())?;
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self::of(name, folder, &table).map_err(|why| Failure::new(format!("{}: {why}", file.display())))
    }

    fn of(name: String, folder: &Path, table: &Table) -> Result<Self, String> {
        if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("{unknown}: unknown key; there are {}", KEYS.join(", ")));
        }
        let profiles = table.get("profiles").and_then(Value::as_array).ok_or("profiles: expected a list")?;
        let profiles =
            profiles.iter().map(|value| Profile::read(value, folder)).collect::<Result<Vec<_>, _>>()?;
        if profiles.is_empty() {
            return Err("profiles: name one".to_owned());
        }
        let known_bad = match table.get("known_bad") {
            None => Vec::new(),
            Some(Value::Array(all)) => all.iter().map(KnownBad::read).collect::<Result<_, _>>()?,
            Some(_) => return Err("known_bad: write each as a [[known_bad]] table".to_owned()),
        };
        let seconds = match table.get("seconds") {
            None => DEFAULT_SECONDS,
            Some(Value::Integer(seconds)) => {
                u64::try_from(*seconds).map_err(|_| "seconds: a number from 0")?
            }
            Some(_) => return Err("seconds: expected a number".to_owned()),
        };
        Ok(Self {
            about: text(table, "about")?.ok_or("about: say in one line what this is")?,
            fixture: text(table, "fixture")?.map(|file| folder.join(file)),
            light: match table.get("light") {
                None => false,
                Some(Value::Boolean(light)) => *light,
                Some(_) => return Err("light: expected true or false".to_owned()),
            },
            set: set_of(table)?,
            environment: environment(table)?,
            may_take: Duration::from_secs(seconds),
            folder: folder.to_owned(),
            name,
            profiles,
            known_bad,
        })
    }
}

impl Profile {
    fn read(value: &Value, folder: &Path) -> Result<Self, String> {
        match value {
            Value::String(preset) => {
                Ok(Self { name: preset.clone(), source: Source::Preset(preset.clone()) })
            }
            Value::Table(table) => {
                if let Some(unknown) = table.keys().find(|key| !PROFILE_KEYS.contains(&key.as_str())) {
                    let keys = PROFILE_KEYS.join(", ");
                    return Err(format!("profiles: {unknown}: unknown key; there are {keys}"));
                }
                let name = text(table, "name")?.ok_or("profiles: name is missing")?;
                let source = match (text(table, "preset")?, text(table, "file")?) {
                    (Some(preset), None) => Source::Preset(preset),
                    (None, Some(file)) => Source::File(folder.join(file)),
                    (Some(_), Some(_)) => return Err(format!("profiles: {name}: preset or file, not both")),
                    (None, None) => return Err(format!("profiles: {name}: preset or file is missing")),
                };
                Ok(Self { name, source })
            }
            Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => {
                Err("profiles: a preset's name, or a table with name and preset or file".to_owned())
            }
        }
    }
}

impl KnownBad {
    fn read(value: &Value) -> Result<Self, String> {
        let table = value.as_table().ok_or("known_bad: write each as a [[known_bad]] table")?;
        let named = |key| text(table, key)?.ok_or(format!("known_bad: {key} is missing"));
        let bad = Self { what: named("what")?, at: named("at")?, set: set_of(table)? };
        if bad.set.is_empty() { Err("known_bad: set nothing is no fault".to_owned()) } else { Ok(bad) }
    }
}

fn text(table: &Table, key: &str) -> Result<Option<String>, String> {
    match table.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{key}: expected a text")),
    }
}

fn set_of(table: &Table) -> Result<Table, String> {
    let set = match table.get("set") {
        None => return Ok(Table::new()),
        Some(Value::Table(set)) => set.clone(),
        Some(_) => return Err("set: expected a table for each profile".to_owned()),
    };
    match set.values().all(Value::is_table) {
        true => Ok(set),
        false => Err("set: expected a table for each profile".to_owned()),
    }
}

fn environment(table: &Table) -> Result<Vec<(String, String)>, String> {
    let of = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        Value::Integer(number) => Ok((name.clone(), number.to_string())),
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
            Err(format!("env: {name}: expected a text"))
        }
    };
    match table.get("env") {
        None => Ok(Vec::new()),
        Some(Value::Table(all)) => all.iter().map(of).collect(),
        Some(_) => Err("env: expected a table".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Declared, String> {
        Declared::of("x".to_owned(), Path::new("/clients/x"), &text.parse().unwrap())
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = "about = \"x\"\nprofiles = [\"flex\", { name = \"two\", preset = \"flex\" }, { name = \"six\", file = \"../six.toml\" }]\n";
        let declared = read(good).unwrap();
        let names: Vec<_> = declared.profiles.iter().map(|p| (p.name.as_str(), &p.source)).collect();
        let flex = Source::Preset("flex".to_owned());
        let file = Source::File(PathBuf::from("/clients/x/../six.toml"));
        assert_eq!(names, [("flex", &flex), ("two", &flex), ("six", &file)]);
        assert_eq!((declared.light, declared.may_take), (false, Duration::from_secs(180)));
        for (text, says) in [
            ("about = \"x\"\nprofiles = []", "profiles: name one"),
            ("about = \"x\"\nprofiles = [1]", "profiles: a preset's name"),
            ("about = \"x\"\nprofiles = [{ name = \"a\" }]", "a: preset or file is missing"),
            ("about = \"x\"\nprofiles = [{ name = \"a\", preset = \"flex\", file = \"b\" }]", "not both"),
            ("about = \"x\"\nprofiles = [{ name = \"a\", flie = \"b\" }]", "flie: unknown key"),
            ("profiles = [\"flex\"]", "about:"),
            ("about = \"x\"\nprofiles = [\"flex\"]\nlihgt = true", "lihgt: unknown key"),
            ("about = \"x\"\nprofiles = [\"flex\"]\nseconds = -1", "seconds:"),
            ("about = \"x\"\nprofiles = [\"flex\"]\nset = { a = 1 }", "set:"),
            ("about = \"x\"\nprofiles = [\"flex\"]\n[[known_bad]]\nwhat = \"w\"\nat = \"a\"", "no fault"),
            ("about = \"x\"\nprofiles = [\"flex\"]\n[env]\nA = true", "env: A"),
        ] {
            let why = read(text).err().unwrap_or_else(|| panic!("taken: {text}"));
            assert!(why.contains(says), "{why}");
        }
    }
}
