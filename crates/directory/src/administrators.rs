//! The last administrator: he cannot be deleted, disabled, or made an ordinary user.
//!
//! **Invariant: whoever is on the roster is an active administrator.** So whoever is to be one no longer may be, if another
//! is on it; and since the roster is one record, of two administrators who remove each other at once the second to
//! write it finds himself the last. No list of users is walked.
//!
//! It holds by the order of three writes. *Joining*: read the roster, write the user as an active administrator, then
//! the roster with him, **if it is still the one that was read**. *Leaving*: read the user, write the roster without him,
//! be he on it or not, then the user, **if he is still as he was read**. Suppose that somebody joins while he leaves. If his
//! joining read the roster before his leaving wrote it, it cannot write it afterwards. If it read it later, it wrote the user
//! later still, so the leaving finds another user than it read, and begins again. Either way he is not both on the roster
//! and none.
//!
//! What is broken off half-way leaves an administrator who is not on the roster. He does not count as one who remains, and is
//! noted as soon as anything of him is written again; the same is true of one who is older than the roster.

use std::collections::BTreeSet;

use grantor_core::SubjectId;
use grantor_core::record::{Expect, Format, Key, Kind, Record};
use serde::{Deserialize, Serialize};

use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::records::Written;
use crate::user::{UserRecord, UserRefused};

/// How many are noted. One other is enough to let somebody go; and were there no bound, making everybody an
/// administrator would rewrite an ever longer record.
const NOTED: usize = 64;

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Roster {
    v: Format<1>,
    administrators: BTreeSet<SubjectId>,
}

impl Record for Roster {
    const KIND: Kind = Kind::Administrators;
}

impl Roster {
    fn key() -> Key<Roster> {
        Key::of("all")
    }

    fn has_another_than(&self, subject: &SubjectId) -> bool {
        self.administrators.iter().any(|other| other != subject)
    }
}

impl Directory {
    /// Whether no other than him is known to be an active administrator. Decides nothing: it may be otherwise by the
    /// time anybody acts on it.
    pub(crate) async fn seems_last(&self, subject: &SubjectId) -> Result<bool, DirectoryError> {
        let (_, roster) = self.roster().await?;
        Ok(!roster.has_another_than(subject))
    }

    /// Notes an active administrator, unless he is noted, or is none by now.
    pub(crate) async fn join_administrators(&self, subject: &SubjectId) -> Result<(), DirectoryError> {
        let key = UserRecord::key(subject);
        for _ in 0..self.settings.limits.races {
            let (expect, mut roster) = self.roster().await?;
            if roster.administrators.contains(subject) || roster.administrators.len() >= NOTED {
                return Ok(());
            }
            let found = self.records.read(&key).await?.filter(|(_, record)| record.is_active_admin());
            let Some((version, record)) = found else { return Ok(()) };
            // As he is: it is the new version that whoever is about to remove him must meet.
            if self.records.write(&key, Expect::Version(version), &record, None).await? == Written::Lost {
                continue;
            }
            roster.administrators.insert(subject.clone());
            if self.records.write(&Roster::key(), expect, &roster, None).await? == Written::Applied {
                return Ok(());
            }
        }
        Err(DirectoryError::Contended)
    }

    /// Strikes an administrator off, unless he is the last. Whoever calls this has read him before, and writes him
    /// afterwards on the condition that he is as he was read.
    pub(crate) async fn leave_administrators(
        &self,
        subject: &SubjectId,
    ) -> Result<Result<Written, UserRefused>, DirectoryError> {
        let (expect, mut roster) = self.roster().await?;
        if !roster.has_another_than(subject) {
            return Ok(Err(UserRefused::LastAdministrator));
        }
        roster.administrators.remove(subject);
        Ok(Ok(self.records.write(&Roster::key(), expect, &roster, None).await?))
    }

    async fn roster(&self) -> Result<(Expect, Roster), DirectoryError> {
        Ok(match self.records.read(&Roster::key()).await? {
            Some((version, roster)) => (Expect::Version(version), roster),
            None => (Expect::Absent, Roster::default()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::record::{decode, encode};

    #[test]
    fn the_record_is_as_it_was() {
        let mut roster = Roster::default();
        roster.administrators.extend(["bob", "alice"].map(|name| SubjectId::parse(name).unwrap()));
        let text = r#"{"v":1,"administrators":["alice","bob"]}"#;
        assert_eq!(String::from_utf8(encode(&roster)).unwrap(), text);
        assert_eq!(Roster::key().raw().to_string(), "administrators/all");
        let read: Roster = decode(Roster::key().raw(), text.as_bytes()).unwrap();
        assert_eq!(read.administrators, roster.administrators);
    }
}
