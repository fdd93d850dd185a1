//! What a person approved for a client before, so that he is not asked twice.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, ClientId, SubjectId};
use crate::record::{Format, Key, Kind, Record, RecordKey, Under};
use crate::scope::{Scope, ScopeCatalogue};
use crate::time::Time;

/// The record of what one person approved for one client, for one account where there are accounts. It gives nobody a
/// token: it only spares a question. Whoever takes his approval back is asked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    v: Format<1>,
    /// All that he approved.
    pub scope: Scope,
    /// Whether he took it back since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// When he last said so.
    pub at: Time,
}

impl Record for Consent {
    const KIND: Kind = Kind::Consent;
}

impl Consent {
    /// Where it lies.
    pub fn key(subject: &SubjectId, client: &ClientId, account: Option<&AccountId>) -> Key<Consent> {
        // An account's id has no space in it, so the two parts can be told apart.
        let account = account.map_or("", AccountId::as_str);
        Key::under(subject.as_str(), &format!("{account} {client}"))
    }

    /// Where all of a person's lie.
    pub fn under(subject: &SubjectId) -> Under {
        Under::slot(Kind::Consent, subject.as_str())
    }

    /// What the one under `key` is about.
    pub fn about(key: &RecordKey) -> Option<(ClientId, Option<AccountId>)> {
        let second = key.second()?;
        let (account, client) = second.split_once(' ')?;
        let account = if account.is_empty() { None } else { Some(AccountId::parse(account).ok()?) };
        Some((ClientId::parse(client).ok()?, account))
    }

    /// Whether it permits all of a scope, and was not taken back.
    pub fn permits(&self, scope: &Scope, catalogue: &ScopeCatalogue) -> bool {
        !self.withdrawn && catalogue.permits_all(&self.scope, scope)
    }

    /// What he approves now, beside what he approved `before`.
    pub fn given(before: Option<Consent>, scope: &Scope, now: Time) -> Self {
        let before =
            before.filter(|consent| !consent.withdrawn).map(|consent| consent.scope).unwrap_or_default();
        Self { v: Format, scope: before.union(scope), withdrawn: false, at: now }
    }

    /// He takes all of it back.
    pub fn withdrawn(now: Time) -> Self {
        Self { v: Format, scope: Scope::none(), withdrawn: true, at: now }
    }
}
