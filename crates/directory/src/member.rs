//! Finding the users who act for an account.
//!
//! A hint says that a user does. It is written before the user is, so it is never missing; it may be of an earlier time, so
//! the user's own record decides.

use std::collections::BTreeSet;

use grantor_core::record::{Expect, Hint, Key, Kind, Record, Under};
use grantor_core::{AccountId, SubjectId};
use grantor_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::directory::{Directory, UserPage};
use crate::error::DirectoryError;
use crate::user::Membership;

/// The hint that a user acts for an account, under `ACCOUNT/USER`.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct AccountUser(Hint);

impl Record for AccountUser {
    const KIND: Kind = Kind::AccountUser;
}

impl AccountUser {
    fn key(account: &AccountId, user: &SubjectId) -> Key<AccountUser> {
        Key::under(account.as_str(), user.as_str())
    }
}

impl Directory {
    /// Notes that a user acts, or is about to act, for these accounts, but for those he did before.
    pub(crate) async fn note_accounts(
        &self,
        user: &SubjectId,
        accounts: &[Membership],
        before: &[Membership],
    ) -> Result<(), DirectoryError> {
        let of = |all: &[Membership]| all.iter().map(|member| member.id.clone()).collect::<BTreeSet<_>>();
        for account in of(accounts).difference(&of(before)) {
            let key = AccountUser::key(account, user);
            if self.records.read(&key).await?.is_none() {
                // Lost to one who notes the same.
                self.records.write(&key, Expect::Absent, &AccountUser::default(), None).await?;
            }
        }
        Ok(())
    }

    /// At most `limit` users who act for an account, by name, after `after`. Those who no longer do take a place and are left
    /// out, so a page can be short, or empty, and not the last. Costs a read for each.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn users_of(
        &self,
        account: &AccountId,
        after: Option<&SubjectId>,
        limit: usize,
    ) -> Result<UserPage, DirectoryError> {
        let under = Under::slot(Kind::AccountUser, account.as_str());
        let after = after.map(|user| AccountUser::key(account, user));
        let page = self.records.list::<AccountUser>(&under, after.as_ref(), limit).await?;
        let (mut users, mut last) = (Vec::with_capacity(page.keys.len()), None);
        for key in &page.keys {
            let subject = key.second().and_then(|text| SubjectId::parse(&text).ok());
            let subject = subject.ok_or_else(|| StoreError::Corrupt(format!("{key} names no user")))?;
            let user = self.user(&subject).await?;
            users
                .extend(user.filter(|user| user.profile.accounts.iter().any(|member| member.id == *account)));
            last = Some(subject);
        }
        Ok(UserPage { users, next: last.filter(|_| page.more) })
    }
}
