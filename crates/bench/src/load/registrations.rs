//! Who asks: the clients and the person that every subject knows.

use serde_json::Value;

use crate::http::Wrong;

/// The import file that subjects are given.
const FILE: &str = include_str!("../../registrations.json");

/// A client, as it proves itself.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
    /// Empty, where it has none.
    pub(crate) redirect_uri: String,
}

/// Who uses the browser.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) username: String,
    pub(crate) password: String,
}

/// Everybody.
pub(crate) struct Registrations {
    /// Asks for reference tokens in its own name.
    pub(crate) machine: Client,
    /// Asks for JWTs in its own name.
    pub(crate) signed: Client,
    /// Is approved once, and remembered.
    pub(crate) web: Client,
    /// Is approved each time.
    pub(crate) asking: Client,
    /// Looks tokens up.
    pub(crate) reader: Client,
    pub(crate) person: Person,
}

impl Registrations {
    pub(crate) fn read(reader: &str) -> Result<Self, Wrong> {
        let file: Value =
            serde_json::from_str(FILE).map_err(|e| Wrong::new(format!("registrations: {e}")))?;
        Ok(Self {
            machine: client(&file, "clients", "machine")?,
            signed: client(&file, "clients", "signed")?,
            web: client(&file, "clients", "web")?,
            asking: client(&file, "clients", "asking")?,
            reader: client(&file, "resource_servers", reader)
                .or_else(|_| client(&file, "clients", reader))?,
            person: person(&file).ok_or_else(|| Wrong::new("registrations: no user"))?,
        })
    }
}

fn client(file: &Value, list: &str, id: &str) -> Result<Client, Wrong> {
    let mut entries = file.get(list).and_then(Value::as_array).into_iter().flatten();
    let entry = entries.find(|entry| entry.get("client_id").and_then(Value::as_str) == Some(id));
    let entry = entry.ok_or_else(|| Wrong::new(format!("registrations: no {id} in {list}")))?;
    let secret = entry.get("client_secret").and_then(Value::as_str).unwrap_or_default().to_owned();
    let redirect_uri =
        entry.pointer("/redirect_uris/0").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Client { id: id.to_owned(), secret, redirect_uri })
}

fn person(file: &Value) -> Option<Person> {
    let user = file.pointer("/users/0")?;
    let text = |name: &str| user.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Person { username: text("username")?, password: text("password")? })
}
