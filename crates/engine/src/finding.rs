//! Finding clients: by the beginning of their ids, by the words of their names, by owner, by account.

use std::collections::BTreeSet;

use grantor_core::client::{Client, ClientMetadata};
use grantor_core::record::{Kind, Prefix, RecordKey, Under};
use grantor_core::{AccountId, ClientId, ClientName, OwnerClient, SubjectId};
use grantor_store::{Page, list_prefix};

use crate::clients::Registered;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::Operation;

/// How many are listed at a time.
const PAGE: usize = 200;

/// Part of the list of clients.
#[derive(Debug, Clone)]
pub struct ClientPage {
    /// The registrations, by id.
    pub clients: Vec<ClientMetadata>,
    /// Where to go on; `None` at the end.
    pub next: Option<ClientId>,
}

/// Part of the list of clients that have a name.
#[derive(Debug, Clone)]
pub struct NamedClientPage {
    /// The registrations, by name.
    pub clients: Vec<ClientMetadata>,
    /// Where to go on; `None` at the end.
    pub next: Option<String>,
}

impl Engine {
    /// Registrations of every profile by id, at most `limit` of them: all, or those whose id begins with `prefix`. Costs a
    /// read for each, however many there are.
    ///
    /// # Errors
    /// A fault.
    pub async fn clients(
        &self,
        prefix: Option<&str>,
        after: Option<&ClientId>,
        limit: usize,
    ) -> Result<ClientPage, EngineError> {
        let prefix = Prefix::of(Kind::Client, prefix.unwrap_or_default());
        let after = after.map(|id| Client::key(id).raw().clone());
        let page = self.list_prefix(&prefix, after.as_ref(), limit).await?;
        self.by_id(page, RecordKey::first, |_| true).await
    }

    /// Registrations of every profile that one user owns, at most `limit` of them, by id; API keys of his are among them.
    /// Costs a read for each.
    ///
    /// # Errors
    /// A fault.
    pub async fn clients_of(
        &self,
        owner: &SubjectId,
        after: Option<&ClientId>,
        limit: usize,
    ) -> Result<ClientPage, EngineError> {
        let after = after.map(|id| OwnerClient::key(owner, id).raw().clone());
        let page = self.list(&OwnerClient::under(owner), after.as_ref(), limit).await?;
        let id = |key: &RecordKey| key.second().unwrap_or_default();
        // A hint may say what is no longer so.
        self.by_id(page, id, |client| client.owner.as_ref() == Some(owner)).await
    }

    async fn by_id(
        &self,
        page: Page,
        id: impl Fn(&RecordKey) -> String + Send,
        stands: impl Fn(&ClientMetadata) -> bool + Send,
    ) -> Result<ClientPage, EngineError> {
        let (mut clients, mut last) = (Vec::new(), None);
        for key in &page.keys {
            let Ok(id) = ClientId::parse(&id(key)) else { continue };
            clients.extend(self.client(&id).await?.filter(&stands));
            last = Some(id);
        }
        Ok(ClientPage { clients, next: last.filter(|_| page.more) })
    }

    /// Registrations of every profile that have a word in their name which begins with what was typed, the case of letters
    /// aside, and go on as that does; at most `limit` of them, by name. `after` is the `next` of the page before. Costs a read
    /// for each, however many there are.
    ///
    /// # Errors
    /// A fault.
    pub async fn clients_named(
        &self,
        typed: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<NamedClientPage, EngineError> {
        let limits = &self.profile().limits;
        let prefix = ClientName::search(typed, limits);
        let after = after.and_then(|after| RecordKey::from_stored(Kind::ClientName, after));
        let page = self.list_prefix(&prefix, after.as_ref(), limit).await?;
        let mut clients = Vec::new();
        for key in &page.keys {
            let Ok(id) = ClientId::parse(&key.second().unwrap_or_default()) else { continue };
            let client = self.client(&id).await?;
            clients.extend(client.filter(|client| ClientName::shows(key, client, typed, limits)));
        }
        let next = page.keys.last().filter(|_| page.more).map(|key| key.id().to_owned());
        Ok(NamedClientPage { clients, next })
    }

    /// The clients of this profile that have a permission on one of these accounts, by id. Costs a list for each account
    /// and a read for each client that has or had one.
    ///
    /// # Errors
    /// A fault.
    pub async fn clients_on(&self, accounts: &BTreeSet<AccountId>) -> Result<Vec<Registered>, EngineError> {
        let mut ids = BTreeSet::new();
        for account in accounts {
            let (under, mut after) = (Under::slot(Kind::AccountClient, account.as_str()), None);
            loop {
                let page = self.list(&under, after.as_ref(), PAGE).await?;
                ids.extend(page.keys.iter().filter_map(|key| ClientId::parse(&key.second()?).ok()));
                after = page.keys.into_iter().next_back().filter(|_| page.more);
                if after.is_none() {
                    break;
                }
            }
        }
        let mut found = Vec::new();
        for id in ids {
            let client = self.registered(&id).await?;
            // A hint may say what is no longer so.
            let stands =
                |c: &Registered| c.metadata.permissions.accounts().iter().any(|a| accounts.contains(*a));
            found.extend(client.filter(stands));
        }
        Ok(found)
    }

    async fn list_prefix(
        &self,
        prefix: &Prefix,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Page, EngineError> {
        let page = list_prefix(&**self.store(), prefix, after, limit).await;
        self.told(Operation::Administer, page.map_err(Into::into))
    }
}
