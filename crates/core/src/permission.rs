//! Permissions on accounts: what a client may do there by itself, whoever it speaks for.
//!
//! A scope is a set of words; some services say more: on which of their accounts, and which operations there. The words of
//! it are those of RFC 9396, section 2.2: a `type`, the `identifier` of an account, and the `actions`.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{AccountId, ClientId};
use crate::limits::Limits;
use crate::record::{Hint, Key, Kind, Record};

/// An operation, as in `video-cloud/player/read`: areas within areas, and a verb. The verb `all` stands for everything
/// in its area, the areas within it among them.
///
/// ```
/// use grantor_core::Operation;
/// let operation = |text| Operation::parse(text).unwrap();
/// assert!(operation("video-cloud/player/all").covers(&operation("video-cloud/player/read")));
/// assert!(!operation("video-cloud/player/all").covers(&operation("video-cloud/players/read")));
/// assert!(!operation("video-cloud/player/read").covers(&operation("video-cloud/player/all")));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation(Box<str>);

impl Operation {
    /// Reads an operation: at least one area and a verb, of letters, digits, `-`, `_` and `.`, parted by slashes.
    ///
    /// # Errors
    /// [`InvalidPermission`] if it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidPermission> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let part = |part: &str| !part.is_empty() && part.bytes().all(plain);
        let fits = text.len() <= Limits::DEFAULT.operation_bytes && text.contains('/');
        if fits && text.split('/').all(part) { Ok(Self(text.into())) } else { Err(InvalidPermission) }
    }

    /// Whether whoever may do this may do the other.
    pub fn covers(&self, other: &Operation) -> bool {
        let area = self.0.strip_suffix("all").filter(|area| area.ends_with('/'));
        self == other || area.is_some_and(|area| other.0.starts_with(area))
    }

    /// The operation as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// An account as somebody wrote it: `57` or `"57"`. Both name one account, and each is told as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRef {
    id: AccountId,
    is_number: bool,
}

impl AccountRef {
    /// Which account.
    pub fn id(&self) -> &AccountId {
        &self.id
    }
}

impl Serialize for AccountRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.id.as_str().parse::<u64>() {
            Ok(number) if self.is_number => serializer.serialize_u64(number),
            Ok(_) | Err(_) => serializer.serialize_str(self.id.as_str()),
        }
    }
}

impl<'de> Deserialize<'de> for AccountRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = AccountRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an account, as a whole number or a text")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<AccountRef, E> {
                let id = AccountId::parse(&number.to_string()).map_err(E::custom)?;
                Ok(AccountRef { id, is_number: true })
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<AccountRef, E> {
                let id = AccountId::parse(text).map_err(E::custom)?;
                Ok(AccountRef { id, is_number: false })
            }
        }

        deserializer.deserialize_any(Written)
    }
}

/// What may be done on one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// What kind of account it is, in the service's words. It decides nothing.
    #[serde(rename = "type")]
    pub kind: String,
    /// The account.
    pub identifier: AccountRef,
    /// What may be done there, as it was written.
    pub actions: Vec<Operation>,
}

/// What may be done, account by account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(Vec<Permission>);

impl Permissions {
    /// No permission.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// These.
    pub fn new(permissions: Vec<Permission>) -> Self {
        Self(permissions)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each, as it was written.
    pub fn iter(&self) -> impl Iterator<Item = &Permission> {
        self.0.iter()
    }

    /// The accounts they are on, each once.
    pub fn accounts(&self) -> BTreeSet<&AccountId> {
        self.0.iter().map(|permission| permission.identifier.id()).collect()
    }

    /// Whether an operation may be done on an account.
    pub fn permits(&self, account: &AccountId, operation: &Operation) -> bool {
        let there = self.0.iter().filter(|permission| permission.identifier.id() == account);
        there.flat_map(|permission| &permission.actions).any(|held| held.covers(operation))
    }

    /// What is wrong with them, if anything.
    pub(crate) fn problem(&self, limits: &Limits) -> Option<&'static str> {
        let kind_fits =
            |kind: &str| kind.len() <= limits.display_text_bytes && !kind.contains(char::is_control);
        if self.0.iter().any(|permission| permission.actions.is_empty()) {
            return Some("an account without actions");
        }
        if self.0.iter().any(|permission| permission.actions.len() > limits.operations) {
            return Some("there are too many actions on one account");
        }
        (!self.0.iter().all(|permission| kind_fits(&permission.kind)))
            .then_some("a type is too long or has control characters")
    }
}

/// A text that is no operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidPermission;

impl fmt::Display for InvalidPermission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an operation: an area and a verb, parted by a slash, as in video-cloud/player/all")
    }
}

impl std::error::Error for InvalidPermission {}

/// A hint that a client has a permission on an account, so that those of an account are found without reading all. It is
/// written before the client's own record and stays when the permission goes: what it points at is always checked.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountClient(Hint);

impl Record for AccountClient {
    const KIND: Kind = Kind::AccountClient;
}

impl AccountClient {
    /// Where the hint lies.
    pub fn key(account: &AccountId, client: &ClientId) -> Key<AccountClient> {
        Key::under(account.as_str(), client.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Permissions {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_operation_is_an_area_and_a_verb() {
        for good in ["video-cloud/player/all", "a/b", "video-cloud/social/distribution/all"] {
            assert_eq!(Operation::parse(good).unwrap().as_str(), good);
        }
        let long = format!("a/{}", "b".repeat(Limits::DEFAULT.operation_bytes));
        for bad in ["", "all", "/all", "a/", "a//b", "a b/c", "a/\u{e9}", long.as_str()] {
            assert_eq!(Operation::parse(bad), Err(InvalidPermission), "{bad}");
        }
    }

    #[test]
    fn all_covers_its_area_and_nothing_beside_it() {
        let covers = |held: &str, asked: &str| {
            Operation::parse(held).unwrap().covers(&Operation::parse(asked).unwrap())
        };
        assert!(covers("video-cloud/social/all", "video-cloud/social/distribution/read"));
        assert!(covers("video-cloud/social/all", "video-cloud/social/all"));
        assert!(!covers("video-cloud/social/distribution/all", "video-cloud/social/read"));
        assert!(!covers("video-cloud/player/read", "video-cloud/player/write"));
        assert!(!covers("video-cloud/playerall", "video-cloud/player/read"));
        assert!(!covers("video-cloud/small", "video-cloud/sm/read"));
    }

    #[test]
    fn a_permission_is_on_one_account() {
        let text = r#"[{"type":"t","identifier":57,"actions":["v/player/all"]},{"type":"t","identifier":"58","actions":["v/player/read"]}]"#;
        let permissions = read(text);
        assert_eq!(serde_json::to_string(&permissions).unwrap(), text, "as it was written");
        let permits = |account: &str, operation| {
            permissions.permits(&account.parse().unwrap(), &Operation::parse(operation).unwrap())
        };
        assert!(permits("57", "v/player/update") && permits("58", "v/player/read"));
        assert!(!permits("58", "v/player/update") && !permits("59", "v/player/read"));
        assert_eq!(permissions.accounts().len(), 2);
    }

    #[test]
    fn a_number_and_a_text_name_one_account() {
        let both = read(
            r#"[{"type":"t","identifier":57,"actions":["a/b"]},{"type":"t","identifier":"57","actions":["a/c"]}]"#,
        );
        assert_eq!(both.accounts().len(), 1);
        for bad in ["-1", "1.5", "1e30", "null", "true", "[]", "\"\"", "\"a b\""] {
            let text = format!(r#"[{{"type":"t","identifier":{bad},"actions":["a/b"]}}]"#);
            assert!(serde_json::from_str::<Permissions>(&text).is_err(), "{bad}");
        }
    }
}
