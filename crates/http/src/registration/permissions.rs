//! Permissions as the credentials' interface writes them: `[{"identity": {"type", "account-id"}, "operations": […]}]`.

use std::collections::BTreeSet;
use std::fmt;

use grantor_core::{AccountRef, Operation, Permission, Permissions};
use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The permissions of a request.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Asked(Vec<Item>);

#[derive(Deserialize)]
struct Item {
    identity: Identity,
    operations: Vec<Operation>,
}

/// An account. Its `type` may be there more than once: the service's own document writes `"type": "video-cloud-account",
/// "type": "perform-account"` in one object, where it means one of the two, and whoever copied that sends both.
struct Identity {
    kinds: Vec<String>,
    account: AccountRef,
}

impl Asked {
    /// What is asked for, if every kind of account is one of these. Of several kinds the first is kept: a JSON object that
    /// all can read has one.
    pub(super) fn into_permissions(self, kinds: &BTreeSet<String>) -> Result<Permissions, String> {
        let permission = |item: Item| {
            let Identity { kinds: given, account } = item.identity;
            if let Some(other) = given.iter().find(|kind| !kinds.contains(*kind)) {
                let known = kinds.iter().map(String::as_str).collect::<Vec<_>>().join(" or ");
                return Err(format!("identity: type must be {known}, and not {}", other.escape_debug()));
            }
            let kind = given.into_iter().next().ok_or("identity: type is missing")?;
            Ok(Permission { kind, identifier: account, actions: item.operations })
        };
        self.0.into_iter().map(permission).collect::<Result<_, _>>().map(Permissions::new)
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Identity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with type and account-id")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Identity, A::Error> {
                let (mut kinds, mut account) = (Vec::new(), None);
                while let Some(name) = members.next_key::<String>()? {
                    match name.as_str() {
                        "type" => kinds.push(members.next_value()?),
                        "account-id" if account.is_some() => {
                            return Err(de::Error::custom("account-id is there twice"));
                        }
                        "account-id" => account = Some(members.next_value()?),
                        _ => {
                            members.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                let account = account.ok_or_else(|| de::Error::custom("account-id is missing"))?;
                Ok(Identity { kinds, account })
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Permissions as they are told.
pub(super) struct Told<'a>(pub(super) &'a Permissions);

#[derive(Serialize)]
struct ToldItem<'a> {
    identity: ToldIdentity<'a>,
    operations: &'a [Operation],
}

#[derive(Serialize)]
struct ToldIdentity<'a> {
    r#type: &'a str,
    #[serde(rename = "account-id")]
    account: &'a AccountRef,
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|permission| ToldItem {
            identity: ToldIdentity { r#type: &permission.kind, account: &permission.identifier },
            operations: &permission.actions,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Permissions, String> {
        let kinds = ["video-cloud-account", "perform-account"].map(ToOwned::to_owned).into();
        let asked: Asked = serde_json::from_str(json).map_err(|e| e.to_string())?;
        asked.into_permissions(&kinds)
    }

    #[test]
    fn a_doubled_type_is_read_as_one_of_the_two() {
        let json = r#"[{"identity":{"type":"video-cloud-account","type":"perform-account","account-id":57},"operations":["video-cloud/player/all"]}]"#;
        let told = serde_json::to_string(&Told(&read(json).unwrap())).unwrap();
        assert_eq!(told, json.replace(r#","type":"perform-account""#, ""));
    }

    #[test]
    fn what_is_not_meant_is_refused() {
        let with = |identity: &str| read(&format!(r#"[{{"identity":{identity},"operations":["a/b"]}}]"#));
        assert!(with(r#"{"type":"perform-account","account-id":"57","more":[{}]}"#).is_ok());
        for bad in [
            r#"{"account-id":57}"#,
            r#"{"type":"perform-account"}"#,
            r#"{"type":"perform-account","type":"other","account-id":57}"#,
            r#"{"type":"perform-account","account-id":57,"account-id":58}"#,
            r#"{"type":"perform-account","account-id":5.7}"#,
            r#"{"type":7,"account-id":57}"#,
            "[]",
            "null",
        ] {
            assert!(with(bad).is_err(), "{bad}");
        }
        assert!(read(r#"[{"identity":{"type":"perform-account","account-id":57}}]"#).is_err());
        assert!(
            read(r#"[{"identity":{"type":"perform-account","account-id":57},"operations":["all"]}]"#)
                .is_err()
        );
    }
}
