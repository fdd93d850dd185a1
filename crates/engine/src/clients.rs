//! Registrations.

use grantor_core::client::{
    AuthMethod, Client, ClientMetadata, GrantType, InvalidClient, KeptSecret, SealedSecret, SecretSummary,
};
use grantor_core::credential::{mint_client_id, mint_client_secret};
use grantor_core::flow;
use grantor_core::record::{Expect, Key, Put, Record, Version};
use grantor_core::step::{Committed, FlowFault, Loaded, Step, commit, load};
use grantor_core::{
    AccountClient, Actor, ClientId, ClientName, Event, Lifetime, Limits, OwnerClient, PictureTag, Secret,
    SecretHash, Time,
};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::Operation;
use crate::surroundings::entropy;

/// How often a change of a registration is tried again when another change came first.
const RACES: usize = 8;

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
    /// What may be known of the secrets that are valid, the newest first.
    pub secrets: Vec<SecretSummary>,
    /// Which picture it has, if it has one.
    pub logo: Option<PictureTag>,
}

impl Engine {
    /// A client id that nobody has, in the format of the profile.
    ///
    /// # Errors
    /// An invalid client, where the profile's format gives what can be no client id.
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
        self.register(metadata, Some(key.clone()), &Actor::Operator).await?;
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
        self.check_import(self.api_key_metadata(metadata, key), Some(key)).await
    }

    /// Whether [`Engine::import_client`] would be refused, and why. Costs one read.
    ///
    /// # Errors
    /// As for [`Engine::import_client`].
    pub async fn check_client_import(
        &self,
        metadata: ClientMetadata,
        secret: Option<&Secret>,
    ) -> Result<(), EngineError> {
        no_api_key(&metadata)?;
        if secret.is_some_and(|secret| secret.expose().len() > self.profile().limits.client_secret_bytes) {
            return Err(InvalidClient { field: "client_secret", why: "too long".to_owned() }.into());
        }
        self.check_import(metadata, secret).await
    }

    async fn check_import(
        &self,
        metadata: ClientMetadata,
        secret: Option<&Secret>,
    ) -> Result<(), EngineError> {
        match self.read_client(&metadata.client_id).await? {
            Some(found) => found.record.update(metadata, self.profile()).map(drop)?,
            None => {
                let hash = secret.map(SecretHash::of_strong);
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
        self.register(metadata, secret, &Actor::Operator).await
    }

    pub(crate) async fn register(
        &self,
        metadata: ClientMetadata,
        secret: Option<Secret>,
        by: &Actor,
    ) -> Result<Option<Secret>, EngineError> {
        let minted = (secret.is_none() && !metadata.is_public()).then(|| self.new_client_secret());
        let kept = self.kept(&metadata.client_id, secret.as_ref(), minted.as_ref()).await?;
        let client = Client::register(metadata, kept, self.profile(), self.now())?;
        let event = Event::ClientRegistered { client: client.id().clone(), by: by.clone() };
        if self.write_client(Expect::Absent, &client, vec![event]).await? {
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
                let event = Event::ClientRegistered { client: client.id().clone(), by: Actor::Operator };
                if self.write_client(Expect::Absent, &client, vec![event]).await? {
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
            let (now, id) = (self.now(), metadata.client_id.clone());
            let mut events = vec![Event::ClientChanged { client: id.clone(), by: Actor::Operator }];
            if fresh.is_some() {
                events.push(Event::ClientSecretRotated { client: id, by: Actor::Operator });
            }
            let client = match fresh {
                // The file is the operator's word for what the secret is: no other stays valid.
                Some(kept) => found.record.with_new_secret(kept, now, now, &self.profile().limits),
                None => found.record,
            };
            let client = client.update(metadata.clone(), self.profile())?;
            if self.write_client(Expect::Version(found.version), &client, events).await? {
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
        let secret = self.told(Operation::Administer, self.shown_again(&client))?;
        Ok(Some(Registered {
            registered_at: client.created_at,
            secrets: client.secrets(self.now()),
            logo: client.logo().cloned(),
            metadata: client.metadata,
            secret,
        }))
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
        let changed = |client: Client| {
            let mut metadata = client.metadata.clone();
            change(&mut metadata);
            client.update(metadata, self.profile())
        };
        let event = |client, by| Event::ClientChanged { client, by };
        let changed = self.change_client(id, &Actor::Operator, event, changed).await?;
        Ok(changed.map(|changed| changed.client.metadata))
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
        self.rotate_secret(id, overlap, &Actor::Operator).await
    }

    pub(crate) async fn rotate_secret(
        &self,
        id: &ClientId,
        overlap: Lifetime,
        by: &Actor,
    ) -> Result<Option<Secret>, EngineError> {
        let secret = self.new_client_secret();
        let kept = KeptSecret { hash: SecretHash::of_strong(&secret), sealed: self.sealed(id, &secret)? };
        let change = |client: Client| {
            has_secrets(&client.metadata)?;
            let now = self.now();
            Ok(client.with_new_secret(kept.clone(), now, now + overlap, &self.profile().limits))
        };
        let event = |client, by| Event::ClientSecretRotated { client, by };
        Ok(self.change_client(id, by, event, change).await?.map(|_| secret))
    }

    /// Deletes a client; its tokens and grants are worth nothing from then on, and its picture is gone. Its id stays taken,
    /// so that nobody inherits them. Tells whether there was such a client.
    ///
    /// # Errors
    /// A fault.
    pub async fn delete_client(&self, id: &ClientId) -> Result<bool, EngineError> {
        self.delete(id, &Actor::Operator).await
    }

    pub(crate) async fn delete(&self, id: &ClientId, by: &Actor) -> Result<bool, EngineError> {
        let event = |client, by| Event::ClientDeleted { client, by };
        let deleted = self.change_client(id, by, event, |client| Ok(client.deleted(self.now()))).await?;
        let Some(Changed { before, .. }) = deleted else { return Ok(false) };
        // It is deleted, whatever becomes of this. A fault was told to the observer.
        self.let_go(&before).await.ok();
        Ok(true)
    }

    /// Has the store forget what was kept beside a client that is deleted: nothing comes back under its id.
    async fn let_go(&self, client: &ClientMetadata) -> Result<(), EngineError> {
        if let Some(owner) = &client.owner {
            self.expire(OwnerClient::key(owner, &client.client_id)).await?;
        }
        for name in ClientName::keys(client, &self.profile().limits) {
            self.expire(name).await?;
        }
        self.keep_logo(&client.client_id, None).await
    }

    async fn expire<H: Record + Default>(&self, hint: Key<H>) -> Result<(), EngineError> {
        let now = self.now();
        let expired = load(hint.clone()).then(move |found| {
            let Some(found) = found else { return Step::done(()) };
            let expect = Expect::Version(found.version);
            let put = Put::of(&hint, expect, Version::draw(&mut entropy()), &H::default(), Some(now));
            commit(put, Vec::new()).then(|_| Step::done(()))
        });
        self.drive(Operation::Administer, expired).await
    }

    /// Changes a client at the wish of somebody who may: an operator, or its owner, for whom what is not his is not there.
    pub(crate) async fn change_client(
        &self,
        id: &ClientId,
        by: &Actor,
        event: impl Fn(ClientId, Actor) -> Event + Send + Sync,
        change: impl Fn(Client) -> Result<Client, InvalidClient> + Send + Sync,
    ) -> Result<Option<Changed>, EngineError> {
        for _ in 0..RACES {
            let found = self.read_client(id).await?;
            let Some(found) = found.filter(|found| self.may_change(by, &found.record)) else {
                return Ok(None);
            };
            let before = found.record.metadata.clone();
            let client = change(found.record)?;
            let events = vec![event(id.clone(), by.clone())];
            if self.write_client(Expect::Version(found.version), &client, events).await? {
                return Ok(Some(Changed { before, client }));
            }
        }
        Err(self.contended(id))
    }

    pub(crate) fn may_change(&self, by: &Actor, client: &Client) -> bool {
        let theirs = match by {
            Actor::Operator => true,
            Actor::Owner(owner) => {
                client.metadata.owner.as_ref() == Some(owner)
                    && client.metadata.profile == self.profile().name
            }
        };
        theirs && !client.is_deleted()
    }

    fn contended(&self, id: &ClientId) -> EngineError {
        FlowFault::Contended(Client::key(id).raw().clone()).into()
    }

    pub(crate) async fn read_client(&self, id: &ClientId) -> Result<Option<Loaded<Client>>, EngineError> {
        self.drive(Operation::Administer, load(Client::key(id))).await
    }

    async fn write_client(
        &self,
        expect: Expect,
        client: &Client,
        events: Vec<Event>,
    ) -> Result<bool, EngineError> {
        let metadata = &client.metadata;
        for account in metadata.permissions.accounts() {
            self.hint(&AccountClient::key(account, client.id()), &AccountClient::default()).await?;
        }
        if let Some(owner) = &metadata.owner {
            self.hint(&OwnerClient::key(owner, client.id()), &OwnerClient::default()).await?;
        }
        for name in ClientName::keys(metadata, &self.profile().limits) {
            self.hint(&name, &ClientName::default()).await?;
        }
        let key = Client::key(client.id());
        let version = Version::draw(&mut entropy());
        let flow = commit(Put::of(&key, expect, version, client, None), events);
        let written = flow.then(|committed| Step::done(committed == Committed::Yes));
        self.drive(Operation::Administer, written).await
    }

    /// Writes a hint, before what it points at. That it is there already is as well.
    async fn hint<H: Record>(&self, key: &Key<H>, hint: &H) -> Result<(), EngineError> {
        let put = Put::of(key, Expect::Absent, Version::draw(&mut entropy()), hint, None);
        self.drive(Operation::Administer, commit(put, Vec::new()).then(|_| Step::done(()))).await
    }
}

/// A change that stands.
pub(crate) struct Changed {
    pub(crate) before: ClientMetadata,
    pub(crate) client: Client,
}

/// Whether a client has secrets that can be replaced.
fn has_secrets(client: &ClientMetadata) -> Result<(), InvalidClient> {
    let why = match client.token_endpoint_auth_method {
        AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => return Ok(()),
        AuthMethod::None => "a public client has no secret",
        // What it would be found by is derived from the key it has.
        AuthMethod::ApiKey => {
            "an API key has no secret beside itself: make another with `api-key create` and delete this one"
        }
    };
    Err(InvalidClient { field: "token_endpoint_auth_method", why: why.to_owned() })
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
