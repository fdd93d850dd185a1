//! Registrations.

use std::collections::BTreeSet;

use grantor_core::client::{
    AuthMethod, Client, ClientMetadata, GrantType, InvalidClient, KeptSecret, SealedSecret,
};
use grantor_core::credential::{mint_client_id, mint_client_secret};
use grantor_core::flow;
use grantor_core::record::{Expect, Kind, Put, Under, Version};
use grantor_core::step::{Committed, FlowFault, Loaded, Step, commit, load};
use grantor_core::{AccountClient, AccountId, ClientId, Lifetime, Limits, Secret, SecretHash, Time};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::Operation;
use crate::surroundings::entropy;

/// How often a change of a registration is tried again when another change came first.
const RACES: usize = 8;
/// How many are listed at a time.
const PAGE: usize = 200;

/// What an import did to one registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It was not there.
    Created,
    /// It was there and is different now.
    Updated,
    /// It was there, just so.
    Unchanged,
}

/// A registration, and what is known of it beside. It holds a secret where the profile shows secrets again.
pub struct Registered {
    /// What is registered.
    pub metadata: ClientMetadata,
    /// Since when.
    pub registered_at: Time,
    /// The newest secret, where the profile shows secrets again.
    pub secret: Option<Secret>,
}

/// Part of the list of clients.
#[derive(Debug, Clone)]
pub struct ClientPage {
    /// The registrations, by id.
    pub clients: Vec<ClientMetadata>,
    /// Where to go on; `None` at the end.
    pub next: Option<ClientId>,
}

impl Engine {
    /// A client id that nobody has.
    pub fn new_client_id(&self) -> Result<ClientId, EngineError> {
        ClientId::parse(&mint_client_id(&self.profile().formats.client_id, &mut entropy()))
            .map_err(|e| InvalidClient { field: "client_id", why: e.to_string() }.into())
    }

    fn new_client_secret(&self) -> Secret {
        mint_client_secret(&self.profile().formats.client_secret, &mut entropy())
    }

    /// Registers an API key of the profile, given or new, and tells its client id and, if it is new, the key. It is one of
    /// the profile's clients, which has no other name: `metadata.client_id` is not looked at.
    ///
    /// # Errors
    /// [`EngineError::InvalidClient`] if the profile has no API keys, or this one is known already, or a fault.
    pub async fn register_api_key(
        &self,
        metadata: ClientMetadata,
        key: Option<Secret>,
    ) -> Result<(ClientId, Option<Secret>), EngineError> {
        let (key, is_new) = match key {
            Some(key) => (key, false),
            None => (self.new_client_secret(), true),
        };
        let metadata = self.api_key_metadata(metadata, &key);
        fit_for_headers(&key)?;
        let id = metadata.client_id.clone();
        self.register(metadata, Some(key.clone())).await?;
        Ok((id, is_new.then_some(key)))
    }

    /// Whether [`Engine::import_api_key`] would be refused, and why. Costs one read.
    ///
    /// # Errors
    /// As for [`Engine::import_client`].
    pub async fn check_api_key_import(
        &self,
        metadata: ClientMetadata,
        key: &Secret,
    ) -> Result<(), EngineError> {
        fit_for_headers(key)?;
        let metadata = self.api_key_metadata(metadata, key);
        match self.read_client(&metadata.client_id).await? {
            Some(found) => found.record.update(metadata, self.profile()).map(drop)?,
            None => {
                let hash = Some(SecretHash::of_strong(key));
                Client::register(metadata, hash, self.profile(), self.now()).map(drop)?;
            }
        }
        Ok(())
    }

    /// Makes an API key's registration what an import file says. The same again changes nothing.
    ///
    /// # Errors
    /// As for [`Engine::import_client`].
    pub async fn import_api_key(
        &self,
        metadata: ClientMetadata,
        key: Secret,
    ) -> Result<Imported, EngineError> {
        fit_for_headers(&key)?;
        self.import(self.api_key_metadata(metadata, &key), Some(key)).await
    }

    fn api_key_metadata(&self, metadata: ClientMetadata, key: &Secret) -> ClientMetadata {
        ClientMetadata {
            client_id: flow::api_key_client(self.profile(), self.server_key(), key),
            profile: self.profile().name.clone(),
            grant_types: [GrantType::ApiKey, GrantType::RefreshToken].into(),
            token_endpoint_auth_method: AuthMethod::ApiKey,
            ..metadata
        }
    }

    /// Registers a client. A confidential one gets the secret given, or a new one, which is returned this once.
    ///
    /// # Errors
    /// [`EngineError::InvalidClient`] if the profile cannot serve it or its id is taken, or a fault.
    pub async fn register_client(
        &self,
        metadata: ClientMetadata,
        secret: Option<Secret>,
    ) -> Result<Option<Secret>, EngineError> {
        no_api_key(&metadata)?;
        self.register(metadata, secret).await
    }

    async fn register(
        &self,
        metadata: ClientMetadata,
        secret: Option<Secret>,
    ) -> Result<Option<Secret>, EngineError> {
        let minted = (secret.is_none() && !metadata.is_public()).then(|| self.new_client_secret());
        let kept = self.kept(&metadata.client_id, secret.as_ref(), minted.as_ref()).await?;
        let client = Client::register(metadata, kept, self.profile(), self.now())?;
        if self.write_client(Expect::Absent, &client).await? {
            return Ok(minted);
        }
        let why = "it is taken; a client id is never given again, even after its client was deleted";
        Err(InvalidClient { field: "client_id", why: why.to_owned() }.into())
    }

    async fn kept(
        &self,
        client: &ClientId,
        given: Option<&Secret>,
        minted: Option<&Secret>,
    ) -> Result<Option<KeptSecret>, EngineError> {
        let (secret, hash) = match (given, minted) {
            (Some(secret), _) => (secret, self.parts.secrets.hash(secret).await?),
            (None, Some(secret)) => (secret, SecretHash::of_strong(secret)),
            (None, None) => return Ok(None),
        };
        Ok(Some(KeptSecret { hash, sealed: self.sealed(client, secret)? }))
    }

    /// A secret under seal, where this profile shows secrets again.
    fn sealed(&self, client: &ClientId, secret: &Secret) -> Result<Option<SealedSecret>, EngineError> {
        if !self.profile().clients.danger_secrets_shown_again {
            return Ok(None);
        }
        Ok(Some(SealedSecret::new(self.parts.sealer.seal(client, secret)?)))
    }

    /// The newest secret of a client, where this profile shows secrets again.
    fn shown_again(&self, client: &Client) -> Result<Option<Secret>, EngineError> {
        let sealed = client.sealed_secret().filter(|_| self.profile().clients.danger_secrets_shown_again);
        Ok(sealed.map(|sealed| self.parts.sealer.open(client.id(), sealed.as_str())).transpose()?)
    }

    /// Makes a registration what an import file says. The same again changes nothing.
    ///
    /// # Errors
    /// [`EngineError::InvalidClient`] if the profile cannot serve it so, or a fault.
    pub async fn import_client(
        &self,
        metadata: ClientMetadata,
        secret: Option<Secret>,
    ) -> Result<Imported, EngineError> {
        no_api_key(&metadata)?;
        self.import(metadata, secret).await
    }

    async fn import(
        &self,
        metadata: ClientMetadata,
        secret: Option<Secret>,
    ) -> Result<Imported, EngineError> {
        for _ in 0..RACES {
            let Some(found) = self.read_client(&metadata.client_id).await? else {
                let kept = self.kept(&metadata.client_id, secret.as_ref(), None).await?;
                let client = Client::register(metadata.clone(), kept, self.profile(), self.now())?;
                if self.write_client(Expect::Absent, &client).await? {
                    return Ok(Imported::Created);
                }
                continue;
            };
            let fresh = match &secret {
                Some(given) if !self.has_just(&found.record, given).await? => {
                    self.kept(&metadata.client_id, Some(given), None).await?
                }
                Some(_) | None => None,
            };
            if fresh.is_none() && found.record.metadata == metadata {
                return Ok(Imported::Unchanged);
            }
            let now = self.now();
            let client = match fresh {
                // The file is the operator's word for what the secret is: no other stays valid.
                Some(kept) => found.record.with_new_secret(kept, now, now, &self.profile().limits),
                None => found.record,
            };
            let client = client.update(metadata.clone(), self.profile())?;
            if self.write_client(Expect::Version(found.version), &client).await? {
                return Ok(Imported::Updated);
            }
        }
        Err(self.contended(&metadata.client_id))
    }

    /// Whether a client's secret is this one, and is kept as this profile keeps secrets.
    async fn has_just(&self, client: &Client, secret: &Secret) -> Result<bool, EngineError> {
        let shown = self.profile().clients.danger_secrets_shown_again;
        Ok(self.has_secret(client, secret).await? && client.sealed_secret().is_some() == shown)
    }

    async fn has_secret(&self, client: &Client, secret: &Secret) -> Result<bool, EngineError> {
        let mut slow = Vec::new();
        for hash in client.valid_secrets(self.now()) {
            match hash {
                SecretHash::Sha256(digest) => {
                    if digest.matches(&grantor_core::Digest::of(secret.expose().as_bytes())) {
                        return Ok(true);
                    }
                }
                SecretHash::Argon2id(phc) => slow.push(phc.clone()),
            }
        }
        Ok(self.parts.secrets.matches(secret, &slow).await?)
    }

    /// A client's registration, if there is one.
    ///
    /// # Errors
    /// A fault.
    pub async fn client(&self, id: &ClientId) -> Result<Option<ClientMetadata>, EngineError> {
        Ok(self.read_client(id).await?.filter(|c| !c.record.is_deleted()).map(|c| c.record.metadata))
    }

    /// A client of this profile, with what is known of it beside its registration.
    ///
    /// # Errors
    /// A fault.
    pub async fn registered(&self, id: &ClientId) -> Result<Option<Registered>, EngineError> {
        let found = self.read_client(id).await?.map(|found| found.record);
        let ours = found.filter(|c| !c.is_deleted() && c.metadata.profile == self.profile().name);
        let Some(client) = ours else { return Ok(None) };
        let secret = self.shown_again(&client);
        let secret = self.told(Operation::Administer, secret)?;
        Ok(Some(Registered { registered_at: client.created_at, metadata: client.metadata, secret }))
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

    /// Registrations by id, at most `limit` of them. Costs one read for each.
    ///
    /// # Errors
    /// A fault.
    pub async fn clients(&self, after: Option<&ClientId>, limit: usize) -> Result<ClientPage, EngineError> {
        let after = after.map(Client::key);
        let under = Under::Kind(Kind::Client);
        let page = self.list(&under, after.as_ref().map(|k| k.raw()), limit).await?;
        let mut clients = Vec::new();
        let mut last = None;
        for key in page.keys {
            let Ok(id) = ClientId::parse(&key.first()) else { continue };
            clients.extend(self.client(&id).await?);
            last = Some(id);
        }
        Ok(ClientPage { clients, next: last.filter(|_| page.more) })
    }

    /// Changes a registration. `None` if there is no such client.
    ///
    /// # Errors
    /// [`EngineError::InvalidClient`] if the profile cannot serve it so, or a fault.
    pub async fn update_client(
        &self,
        id: &ClientId,
        change: impl Fn(&mut ClientMetadata) + Send + Sync,
    ) -> Result<Option<ClientMetadata>, EngineError> {
        let changed = self
            .change_client(id, |client| {
                let mut metadata = client.metadata.clone();
                change(&mut metadata);
                client.update(metadata, self.profile())
            })
            .await?;
        Ok(changed.map(|client| client.metadata))
    }

    /// Gives a client a new secret, which is returned this once. The ones it has stay valid for `overlap`.
    ///
    /// # Errors
    /// [`EngineError::InvalidClient`] if the client is public or an API key, or a fault.
    pub async fn rotate_client_secret(
        &self,
        id: &ClientId,
        overlap: Lifetime,
    ) -> Result<Option<Secret>, EngineError> {
        let secret = self.new_client_secret();
        let kept = KeptSecret { hash: SecretHash::of_strong(&secret), sealed: self.sealed(id, &secret)? };
        let changed = self
            .change_client(id, |client| {
                let why = match client.metadata.token_endpoint_auth_method {
                    AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => None,
                    AuthMethod::None => Some("a public client has no secret"),
                    // What it would be found by is derived from the key it has.
                    AuthMethod::ApiKey => Some(
                        "an API key has no secret beside itself: make another with `api-key create` and delete this one",
                    ),
                };
                if let Some(why) = why {
                    let field = "token_endpoint_auth_method";
                    return Err(InvalidClient { field, why: why.to_owned() });
                }
                let now = self.now();
                Ok(client.with_new_secret(kept.clone(), now, now + overlap, &self.profile().limits))
            })
            .await?;
        Ok(changed.map(|_| secret))
    }

    /// Deletes a client; its tokens and grants are worth nothing from then on. Its id stays taken, so that nobody
    /// inherits them. Tells whether there was such a client.
    ///
    /// # Errors
    /// A fault.
    pub async fn delete_client(&self, id: &ClientId) -> Result<bool, EngineError> {
        Ok(self.change_client(id, |client| Ok(client.deleted(self.now()))).await?.is_some())
    }

    async fn change_client(
        &self,
        id: &ClientId,
        change: impl Fn(Client) -> Result<Client, InvalidClient> + Send + Sync,
    ) -> Result<Option<Client>, EngineError> {
        for _ in 0..RACES {
            let Some(found) = self.read_client(id).await?.filter(|c| !c.record.is_deleted()) else {
                return Ok(None);
            };
            let client = change(found.record)?;
            if self.write_client(Expect::Version(found.version), &client).await? {
                return Ok(Some(client));
            }
        }
        Err(self.contended(id))
    }

    fn contended(&self, id: &ClientId) -> EngineError {
        FlowFault::Contended(Client::key(id).raw().clone()).into()
    }

    async fn read_client(&self, id: &ClientId) -> Result<Option<Loaded<Client>>, EngineError> {
        self.drive(Operation::Administer, load(Client::key(id))).await
    }

    async fn write_client(&self, expect: Expect, client: &Client) -> Result<bool, EngineError> {
        for account in client.metadata.permissions.accounts() {
            let key = AccountClient::key(account, client.id());
            let version = Version::draw(&mut entropy());
            let hint = Put::of(&key, Expect::Absent, version, &AccountClient::default(), None);
            // That it is there already is as well.
            let noted = commit(hint, Vec::new()).then(|_| Step::done(()));
            self.drive(Operation::Administer, noted).await?;
        }
        let key = Client::key(client.id());
        let version = Version::draw(&mut entropy());
        let flow = commit(Put::of(&key, expect, version, client, None), Vec::new());
        let written = flow.then(|committed| Step::done(committed == Committed::Yes));
        self.drive(Operation::Administer, written).await
    }
}

/// A client that authenticates with an API key is named by that key, and by nothing an operator could choose.
fn no_api_key(metadata: &ClientMetadata) -> Result<(), InvalidClient> {
    match metadata.token_endpoint_auth_method {
        AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost | AuthMethod::None => Ok(()),
        AuthMethod::ApiKey => {
            let why = "an API key is no client to register: use `api-key create`, or api_keys in a file";
            Err(InvalidClient { field: "token_endpoint_auth_method", why: why.to_owned() })
        }
    }
}

/// A key travels as the user name of HTTP Basic as well, which a colon would end.
fn fit_for_headers(key: &Secret) -> Result<(), InvalidClient> {
    let fits = !key.expose().is_empty()
        && key.expose().len() <= Limits::DEFAULT.client_secret_bytes
        && key.expose().bytes().all(|b| b.is_ascii_graphic() && b != b':');
    let why =
        "it consists of the visible characters of ASCII, without spaces and colons, and is not overlong";
    if fits { Ok(()) } else { Err(InvalidClient { field: "key", why: why.to_owned() }) }
}
