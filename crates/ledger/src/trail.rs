//! Reading the audit trail.

use grantor_core::record::{Kind, Under};
use grantor_core::{ClientId, SubjectId, Time};

use crate::entry::{Actor, Entry, EntryId, EntryKind, EntryRecord, Kept};
use crate::error::LedgerError;
use crate::records::Records;

/// How many records one request looks at. A filter that finds little is answered with little, and where to go on.
const LOOKED_AT: usize = 1_000;
/// How many keys are listed at a time.
const KEYS: usize = 200;

/// Which entries are wanted: those that meet all that is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this kind.
    pub kind: Option<EntryKind>,
    /// About this client.
    pub client: Option<ClientId>,
    /// About this person.
    pub subject: Option<SubjectId>,
    /// By this actor.
    pub by: Option<Actor>,
    /// Not before this moment.
    pub since: Option<Time>,
    /// Before this moment.
    pub until: Option<Time>,
}

impl Filter {
    fn takes(&self, entry: &Entry) -> bool {
        let Filter { kind, client, subject, by, since: _, until: _ } = self;
        kind.is_none_or(|kind| kind == entry.kind)
            && (client.is_none() || *client == entry.client)
            && (subject.is_none() || *subject == entry.subject)
            && (by.is_none() || *by == entry.by)
    }
}

/// Part of the trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailPage {
    /// The entries, newest first.
    pub entries: Vec<Kept>,
    /// Where to go on; `None` at the end. A page can be short, or empty, and not the last.
    pub next: Option<EntryId>,
    /// How many entries were passed over that cannot be read: damaged, or written by a newer version.
    pub unreadable: usize,
}

/// At most `limit` entries after `after` that a filter takes.
pub(crate) async fn read(
    records: &Records,
    filter: &Filter,
    after: Option<EntryId>,
    limit: usize,
) -> Result<TrailPage, LedgerError> {
    // What is not before `until` lies at the beginning, and is skipped without a look.
    let start = filter.until.and_then(|until| EntryId::before_all_at(before(until)));
    let mut place = after.max(start);
    let (mut page, mut looked) = (TrailPage::default(), 0);
    loop {
        let wanted = KEYS.min(LOOKED_AT - looked);
        let keys = records.list(&Under::Kind(Kind::Audit), place.map(EntryId::key).as_ref(), wanted).await?;
        for key in &keys.keys {
            let Ok(id) = key.first().parse::<EntryId>() else {
                page.unreadable += 1;
                continue;
            };
            if filter.since.is_some_and(|since| id.at() < since) {
                return Ok(page);
            }
            place = Some(id);
            looked += 1;
            match records.read::<EntryRecord>(&id.key()).await {
                Ok(Some((_, EntryRecord { entry, .. }))) if filter.takes(&entry) => {
                    page.entries.push(Kept { id, entry });
                }
                // Swept away between the two.
                Ok(Some(_) | None) => {}
                Err(LedgerError::Corrupt(_)) => page.unreadable += 1,
                Err(fault @ LedgerError::Store(_)) => return Err(fault),
            }
            if page.entries.len() >= limit || looked >= LOOKED_AT {
                page.next = place;
                return Ok(page);
            }
        }
        if !keys.more || keys.keys.is_empty() {
            return Ok(page);
        }
    }
}

/// The last moment before another.
fn before(moment: Time) -> Time {
    Time::from_unix_millis(moment.unix_millis().saturating_sub(1))
}
