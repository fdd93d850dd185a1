//! How many tokens a client was issued, by day.

use std::collections::BTreeMap;

use grantor_core::client::GrantType;
use grantor_core::record::{CorruptRecord, Expect, Format, Key, Kind, Record, Under};
use grantor_core::{ClientId, Lifetime, Time};
use grantor_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::error::LedgerError;
use crate::records::{Records, Written};

/// Tokens issued, by the grant type they were asked for with.
pub(crate) type Issued = BTreeMap<GrantType, u64>;

/// The most days that are told of at once.
const MOST_DAYS: u32 = 62;
/// How long a day is kept: as long as it can be told of.
const KEEP: Lifetime = Lifetime::seconds((MOST_DAYS as u64 + 1) * 86_400);
/// How often a count is added again when another server's came first.
const RACES: usize = 16;

/// One day of one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayUsage {
    /// The day.
    pub day: Day,
    /// How many access tokens it was issued, by grant type.
    pub issued: BTreeMap<GrantType, u64>,
}

impl DayUsage {
    /// How many tokens there were in all.
    pub fn total(&self) -> u64 {
        self.issued.values().sum()
    }
}

/// A day of a client as it is stored, under `CLIENT/DAY`. Each server adds what it has counted.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UsageRecord {
    v: Format<1>,
    issued: Issued,
}

impl Record for UsageRecord {
    const KIND: Kind = Kind::Usage;
}

fn key(client: &ClientId, day: Day) -> Key<UsageRecord> {
    Key::under(client.as_str(), &day.to_string())
}

/// What became of a count that was to be added.
pub(crate) enum Added {
    /// It is part of the record.
    Yes,
    /// It is not, and can be added later.
    Not(StoreError),
    /// What lies there cannot be read, so nothing can be added to it.
    Never(CorruptRecord),
    /// Nobody can tell. To add it again could count it twice, so it is not.
    Unknown(StoreError),
}

/// Adds to the record of a day.
pub(crate) async fn add(records: &Records, client: &ClientId, day: Day, more: &Issued) -> Added {
    let (key, keep_until) = (key(client, day), Some(day.begin() + KEEP));
    for _ in 0..RACES {
        let (expect, mut record) = match records.read(&key).await {
            Ok(Some((version, record))) => (Expect::Version(version), record),
            Ok(None) => (Expect::Absent, UsageRecord { v: Format, issued: Issued::new() }),
            Err(LedgerError::Store(fault)) => return Added::Not(fault),
            Err(LedgerError::Corrupt(corrupt)) => return Added::Never(corrupt),
        };
        for (grant_type, count) in more {
            let total = record.issued.entry(*grant_type).or_default();
            *total = total.saturating_add(*count);
        }
        match records.write(&key, expect, &record, keep_until).await {
            Written::Applied => return Added::Yes,
            Written::Lost => {}
            Written::Not(fault) => return Added::Not(fault),
            Written::Unsettled(fault) => return Added::Unknown(fault),
        }
    }
    Added::Not(StoreError::Unavailable(format!("{} changed too often", key.raw())))
}

/// The last `days` days of a client, today among them, oldest first; a day without a token has nothing in it. Costs one
/// list and a read for each day that has.
pub(crate) async fn read(
    records: &Records,
    client: &ClientId,
    days: u32,
    now: Time,
) -> Result<Vec<DayUsage>, LedgerError> {
    let days = days.clamp(1, MOST_DAYS);
    let today = Day::of(now);
    let mut found: BTreeMap<Day, Issued> =
        (0..days).map(|back| (today.before(back), Issued::new())).collect();
    let under = Under::slot(Kind::Usage, client.as_str());
    let limit = usize::try_from(days).unwrap_or(usize::MAX);
    let page = records.list(&under, Some(&key(client, today.before(days))), limit).await?;
    for id in &page.keys {
        let Some(day) = id.second().and_then(|day| day.parse().ok()) else { continue };
        let Some(issued) = found.get_mut(&day) else { continue };
        if let Some((_, record)) = records.read::<UsageRecord>(&key(client, day)).await? {
            *issued = record.issued;
        }
    }
    Ok(found.into_iter().map(|(day, issued)| DayUsage { day, issued }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::record::{decode, encode};

    #[test]
    fn the_record_is_as_it_was() {
        let issued = Issued::from([(GrantType::AuthorizationCode, 2), (GrantType::RefreshToken, 1)]);
        let text = r#"{"v":1,"issued":{"authorization_code":2,"refresh_token":1}}"#;
        assert_eq!(encode(&UsageRecord { v: Format, issued: issued.clone() }), text.as_bytes());
        let key = key(&"web".parse().unwrap(), "2026-11-28".parse().unwrap());
        assert_eq!(key.raw().to_string(), "usage/web/2026-11-28");
        assert_eq!(decode::<UsageRecord>(key.raw(), text.as_bytes()).unwrap().issued, issued);
    }
}
