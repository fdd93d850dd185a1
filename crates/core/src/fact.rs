//! What a rule looked at.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::ids::ClientId;
use crate::scope::Scope;
use crate::time::{Lifetime, Time};

/// One thing that a rule looked at as it refused. **No secret can be one**: there is no place for a text that somebody
/// sent, and of what was registered or granted only what every log may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What was looked at, by the name it has in records.
    pub what: &'static str,
    /// What was there.
    pub found: Found,
}

/// What was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A moment.
    Time(Time),
    /// A span.
    Lifetime(Lifetime),
    /// So many.
    Count(u64),
    /// Whether it is so.
    Is(bool),
    /// A word of ours.
    Word(&'static str),
    /// A scope that was registered or granted; never one that was asked for.
    Scope(Scope),
    /// A client that is registered.
    Client(ClientId),
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.what, self.found)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Time(at) => at.fmt(f),
            Found::Lifetime(span) => span.fmt(f),
            Found::Count(count) => count.fmt(f),
            Found::Is(so) => so.fmt(f),
            Found::Word(word) => f.write_str(word),
            Found::Scope(scope) => fmt::Debug::fmt(scope, f),
            Found::Client(client) => client.fmt(f),
        }
    }
}

impl Serialize for Found {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Found::Time(at) => at.serialize(serializer),
            Found::Lifetime(span) => serializer.collect_str(span),
            Found::Count(count) => serializer.serialize_u64(*count),
            Found::Is(so) => serializer.serialize_bool(*so),
            Found::Word(word) => serializer.serialize_str(word),
            Found::Scope(scope) => scope.serialize(serializer),
            Found::Client(client) => client.serialize(serializer),
        }
    }
}

macro_rules! found {
    ($($from:ty => $variant:ident,)*) => {
        $(impl From<$from> for Found {
            fn from(value: $from) -> Self {
                Found::$variant(value)
            }
        })*
    };
}

found! {
    Time => Time,
    Lifetime => Lifetime,
    bool => Is,
    &'static str => Word,
}

impl From<usize> for Found {
    fn from(count: usize) -> Self {
        Found::Count(count as u64)
    }
}

impl From<u32> for Found {
    fn from(count: u32) -> Self {
        Found::Count(count.into())
    }
}

impl From<&Scope> for Found {
    fn from(scope: &Scope) -> Self {
        Found::Scope(scope.clone())
    }
}

impl From<&ClientId> for Found {
    fn from(client: &ClientId) -> Self {
        Found::Client(client.clone())
    }
}
