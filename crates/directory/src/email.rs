//! Finding a user by his e-mail address.
//!
//! **Invariant: an address proves nothing.** Nobody has checked that it is its user's own, and two may name the same. It
//! only leads to a user whose password then decides, and of several to the one who was there first, so that whoever
//! names another's address afterwards takes nothing from him.
//!
//! An entry says that a user has an address. It is written before the user is, so it is never missing; it may be of an
//! earlier time, so the user's own record decides. It lies under what the server's key derives from the address: no
//! address outlives its user in the store.

use grantor_core::SubjectId;
use grantor_core::record::{Expect, Hint, Key, Kind, Record, Under};
use grantor_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::user::{User, UserRecord};

/// How many users of one address are looked at. More than a few are a mistake or a nuisance, and each costs a read.
const LOOKED_AT: usize = 16;

/// The hint that a user has an address, under `ADDRESS/USER`.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct UserEmail(Hint);

impl Record for UserEmail {
    const KIND: Kind = Kind::UserEmail;
}

impl Directory {
    /// Notes that a user has, or is about to have, this address.
    pub(crate) async fn note_email(
        &self,
        subject: &SubjectId,
        email: Option<&str>,
    ) -> Result<(), DirectoryError> {
        let Some(email) = email.filter(|email| is_address(email)) else { return Ok(()) };
        let key: Key<UserEmail> = Key::under(&self.slot_of(email), subject.as_str());
        if self.records.read(&key).await?.is_some() {
            return Ok(());
        }
        // Lost to one who notes the same.
        self.records.write(&key, Expect::Absent, &UserEmail::default(), None).await.map(drop)
    }

    /// The user who has this e-mail address, in whatever case; of several the one who was there first. Costs a read for each
    /// who has, or once had, the address, up to a few.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, DirectoryError> {
        if !is_address(email) {
            return Ok(None);
        }
        let under = Under::slot(Kind::UserEmail, &self.slot_of(email));
        let page = self.records.list::<UserEmail>(&under, None, LOOKED_AT).await?;
        let mut first: Option<User> = None;
        for key in &page.keys {
            let subject = key.second().and_then(|text| SubjectId::parse(&text).ok());
            let subject = subject.ok_or_else(|| StoreError::Corrupt(format!("{key} names no user")))?;
            let user = self.records.read(&UserRecord::key(&subject)).await?.and_then(|(_, r)| r.user());
            let has_it = |own: &str| folded(own) == folded(email);
            let Some(user) = user.filter(|u| u.profile.email.as_deref().is_some_and(has_it)) else {
                continue;
            };
            if first.as_ref().is_none_or(|first| user.created_at < first.created_at) {
                first = Some(user);
            }
        }
        Ok(first)
    }

    fn slot_of(&self, email: &str) -> String {
        self.credentials.name_of_text(Kind::UserEmail, &folded(email)).to_string()
    }
}

/// Whether a text can be an address, as far as we care: it has something on both sides of an `@`.
pub(crate) fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    parts.is_some_and(|(before, after)| !before.is_empty() && !after.is_empty())
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// Spellings that are one address to those who type it. Servers may tell the case of what stands before the `@` apart;
/// people do not.
fn folded(email: &str) -> String {
    email.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_two_sides() {
        for text in ["a@b", "a b@c", "@b", "a@", "ab", "", "a@b c", "\"a@b\"@c"] {
            assert_eq!(is_address(text), matches!(text, "a@b" | "\"a@b\"@c"), "{text}");
        }
    }
}
