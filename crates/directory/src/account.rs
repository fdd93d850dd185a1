//! The accounts of the service that users act for.

use grantor_core::record::{Expect, Format, Key, Kind, Record};
use grantor_core::{AccountId, Limits, Time};
use grantor_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::directory::{Directory, Imported};
use crate::error::DirectoryError;
use crate::records::Written;
use crate::user::{InvalidProfile, check_text};

/// An account that exists: what a user with a [`Membership`](crate::Membership) in it acts for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Which, once and for all.
    pub id: AccountId,
    /// Its name, for people to read.
    pub name: Option<String>,
    /// Where it lives.
    pub url: Option<String>,
    /// Whether somebody has switched OAuth on for it.
    pub oauth_enabled: bool,
    /// Since when it exists.
    pub created_at: Time,
}

impl Account {
    /// What of it may change.
    pub fn profile(&self) -> AccountProfile {
        AccountProfile { name: self.name.clone(), url: self.url.clone(), oauth_enabled: self.oauth_enabled }
    }
}

/// What is known of an account and may change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountProfile {
    /// Its name, for people to read.
    pub name: Option<String>,
    /// Where it lives.
    pub url: Option<String>,
    /// Whether OAuth is on for it. Off by default, since services approve accounts one by one, and silence is no
    /// approval.
    pub oauth_enabled: bool,
}

impl AccountProfile {
    fn check(&self, limits: &Limits) -> Result<(), InvalidProfile> {
        check_text("name", self.name.as_ref(), limits)?;
        check_text("url", self.url.as_ref(), limits)
    }
}

/// An account that a user may act for, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActsFor {
    /// The account. There is one.
    pub account: Account,
    /// His role there.
    pub role: String,
}

/// Part of the list of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPage {
    /// The accounts, in the order of their ids as texts.
    pub accounts: Vec<Account>,
    /// Where to go on, if more may follow.
    pub next: Option<AccountId>,
}

/// Why a change of an account is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefused {
    /// There is no account of that id.
    #[error("there is no account of that id")]
    NoSuchAccount,
    /// There is an account of that id.
    #[error("the account id is taken")]
    IdTaken,
    /// There was an account of that id.
    #[error(
        "the account id belonged to a deleted account and is not given again: old memberships, grants and log lines \
         that name it would speak of the new one"
    )]
    IdRetired,
    /// The profile cannot be one.
    #[error(transparent)]
    InvalidProfile(#[from] InvalidProfile),
}

/// An account as stored.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountRecord {
    v: Format<1>,
    id: AccountId,
    name: Option<String>,
    url: Option<String>,
    oauth_enabled: bool,
    created_at: Time,
    /// Since when there is nothing left of it but its id.
    deleted_at: Option<Time>,
}

impl Record for AccountRecord {
    const KIND: Kind = Kind::Account;
}

impl AccountRecord {
    fn key(id: &AccountId) -> Key<AccountRecord> {
        Key::of(id.as_str())
    }

    fn new(id: AccountId, profile: AccountProfile, created_at: Time) -> Self {
        let AccountProfile { name, url, oauth_enabled } = profile;
        Self { v: Format, id, name, url, oauth_enabled, created_at, deleted_at: None }
    }

    /// The account, unless only its tombstone is left.
    fn account(&self) -> Option<Account> {
        let AccountRecord { v: _, id, name, url, oauth_enabled, created_at, deleted_at } = self.clone();
        match deleted_at {
            None => Some(Account { id, name, url, oauth_enabled, created_at }),
            Some(_) => None,
        }
    }

    fn profile(&self) -> AccountProfile {
        AccountProfile { name: self.name.clone(), url: self.url.clone(), oauth_enabled: self.oauth_enabled }
    }

    fn set_profile(&mut self, profile: AccountProfile) {
        let AccountProfile { name, url, oauth_enabled } = profile;
        (self.name, self.url, self.oauth_enabled) = (name, url, oauth_enabled);
    }

    /// Leaves the id and nothing else, for ever.
    fn bury(&mut self, now: Time) {
        self.set_profile(AccountProfile::default());
        self.deleted_at = Some(now);
    }
}

impl Directory {
    /// Makes an account.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn create_account(
        &self,
        id: &AccountId,
        profile: &AccountProfile,
        now: Time,
    ) -> Result<Result<Account, AccountRefused>, DirectoryError> {
        if let Err(invalid) = profile.check(&self.settings.limits) {
            return Ok(Err(invalid.into()));
        }
        let record = AccountRecord::new(id.clone(), profile.clone(), now);
        Ok(match self.records.write(&AccountRecord::key(id), Expect::Absent, &record, None).await? {
            Written::Applied => record.account().ok_or(AccountRefused::IdRetired),
            Written::Lost => match self.account(id).await? {
                Some(_) => Err(AccountRefused::IdTaken),
                None => Err(AccountRefused::IdRetired),
            },
        })
    }

    /// Makes an account, or makes an existing one as given. Doing it twice changes nothing the second time.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn put_account(
        &self,
        id: &AccountId,
        profile: &AccountProfile,
        now: Time,
    ) -> Result<Result<Imported, AccountRefused>, DirectoryError> {
        for _ in 0..self.settings.limits.races {
            let found = match self.check_account(id, profile).await? {
                Ok(found) => found,
                Err(refused) => return Ok(Err(refused)),
            };
            match found {
                None => match self.create_account(id, profile, now).await? {
                    Err(AccountRefused::IdTaken) => {}
                    made => return Ok(made.map(|_| Imported::Created)),
                },
                Some(account) if account.profile() == *profile => return Ok(Ok(Imported::Unchanged)),
                Some(_) => match self.update_account(id, |known| known.clone_from(profile)).await? {
                    // Deleted meanwhile: that it is retired is what there is to say.
                    Err(AccountRefused::NoSuchAccount) => {}
                    changed => return Ok(changed.map(|_| Imported::Updated)),
                },
            }
        }
        Err(DirectoryError::Contended)
    }

    /// Whether [`put_account`](Directory::put_account) would be refused. Gives the account as it is, if there is one.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn check_account(
        &self,
        id: &AccountId,
        profile: &AccountProfile,
    ) -> Result<Result<Option<Account>, AccountRefused>, DirectoryError> {
        if let Err(invalid) = profile.check(&self.settings.limits) {
            return Ok(Err(invalid.into()));
        }
        Ok(match self.records.read(&AccountRecord::key(id)).await? {
            None => Ok(None),
            Some((_, record)) => record.account().map(Some).ok_or(AccountRefused::IdRetired),
        })
    }

    /// The account, if there is one. A deleted account is none.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, DirectoryError> {
        let record = self.records.read(&AccountRecord::key(id)).await?;
        Ok(record.and_then(|(_, record)| record.account()))
    }

    /// At most `limit` accounts whose ids begin with `prefix` and come after `after`. Deleted ones take a place and are left
    /// out, so a page can be short, or empty, and not the last. Costs a read for each, however many others there are.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn accounts(
        &self,
        prefix: Option<&str>,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<AccountPage, DirectoryError> {
        let after = after.map(AccountRecord::key);
        let page = self.records.list_beginning(prefix, after.as_ref(), limit).await?;
        let (mut accounts, mut last) = (Vec::with_capacity(page.keys.len()), None);
        for key in &page.keys {
            let id = AccountId::parse(&key.first())
                .map_err(|_| StoreError::Corrupt(format!("{key} is no account's key")))?;
            accounts.extend(self.account(&id).await?);
            last = Some(id);
        }
        Ok(AccountPage { accounts, next: last.filter(|_| page.more) })
    }

    /// Changes what is known of an account. `change` may run several times, each time on what stands then.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn update_account(
        &self,
        id: &AccountId,
        change: impl Fn(&mut AccountProfile) + Send + Sync,
    ) -> Result<Result<Account, AccountRefused>, DirectoryError> {
        let limits = self.settings.limits;
        let edited = self.edit_account(id, |record| {
            let mut profile = record.profile();
            change(&mut profile);
            profile.check(&limits)?;
            record.set_profile(profile);
            Ok(())
        });
        Ok(edited.await?.and_then(|record| record.account().ok_or(AccountRefused::NoSuchAccount)))
    }

    /// Forgets all about an account but its id, which no other gets. Memberships that name it give nothing from then on.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn delete_account(
        &self,
        id: &AccountId,
        now: Time,
    ) -> Result<Result<(), AccountRefused>, DirectoryError> {
        let edited = self.edit_account(id, |record| {
            record.bury(now);
            Ok(())
        });
        Ok(edited.await?.map(|_| ()))
    }

    async fn edit_account(
        &self,
        id: &AccountId,
        change: impl Fn(&mut AccountRecord) -> Result<(), AccountRefused> + Send + Sync,
    ) -> Result<Result<AccountRecord, AccountRefused>, DirectoryError> {
        let key = AccountRecord::key(id);
        for _ in 0..self.settings.limits.races {
            let found = self.records.read(&key).await?.filter(|(_, record)| record.account().is_some());
            let Some((version, mut record)) = found else { return Ok(Err(AccountRefused::NoSuchAccount)) };
            if let Err(refused) = change(&mut record) {
                return Ok(Err(refused));
            }
            if self.records.write(&key, Expect::Version(version), &record, None).await? == Written::Applied {
                return Ok(Ok(record));
            }
        }
        Err(DirectoryError::Contended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::record::{decode, encode};

    #[test]
    fn the_record_is_as_it_was() {
        let profile = AccountProfile {
            name: Some("Acme".to_owned()),
            url: Some("https://acme.example.test".to_owned()),
            oauth_enabled: true,
        };
        let at = Time::from_unix_millis(1_700_000_000_000);
        let mut record = AccountRecord::new(AccountId::parse("35").unwrap(), profile, at);
        let text = |record: &AccountRecord| String::from_utf8(encode(record)).unwrap();
        let active = concat!(
            r#"{"v":1,"id":"35","name":"Acme","url":"https://acme.example.test","oauth_enabled":true,"#,
            r#""created_at":1700000000000,"deleted_at":null}"#
        );
        let tombstone = concat!(
            r#"{"v":1,"id":"35","name":null,"url":null,"oauth_enabled":false,"created_at":1700000000000,"#,
            r#""deleted_at":1700000000000}"#
        );
        let key = AccountRecord::key(&record.id);
        assert_eq!(key.raw().to_string(), "account/35");
        assert_eq!(text(&record), active);
        assert_eq!(text(&decode(key.raw(), active.as_bytes()).unwrap()), active);
        record.bury(at);
        assert_eq!(text(&record), tombstone);
        assert!(decode::<AccountRecord>(key.raw(), tombstone.as_bytes()).unwrap().account().is_none());
    }
}
