//! The engine: what an embedder holds.

use std::sync::Arc;

use grantor_core::flow::{self, Asked, AuthorizationAnswer, Context, Examined, Introspection, TokenAnswer};
use grantor_core::replay::Call;
use grantor_core::request::{
    Approver, AuthorizationParameters, ClientCredentials, DecisionRequest, TokenRequest,
};
use grantor_core::wire::{self, Metadata, Shown};
use grantor_core::{
    AccountId, AuthorizationRequest, Digest, Event, Lifetime, LiveAccessToken, Profile, Required, Scope,
    Secret, ServerKey, SubjectId, Time,
};
use grantor_jose::{Algorithm, KeyStatus, SecretSealer, SharedKey};
use grantor_store::{PURGE_STRIDE, Store, StoreInfo};

use crate::error::{EngineError, Fault};
use crate::keys::Keys;
use crate::observer::{Observer, Operation, Tracing};
use crate::recorder::Recorder;
use crate::registrations::Registrations;
use crate::secrets::SlowSecrets;
use crate::surroundings::{Clock, SystemClock, entropy};

/// An authorization server without HTTP. Cloning it is cheap; all clones are one.
#[derive(Clone)]
pub struct Engine {
    pub(crate) parts: Arc<Parts>,
    service: Arc<Service>,
}

/// What is a profile's own: all else is shared by the profiles on one store.
struct Service {
    profile: Arc<Profile>,
    metadata: Metadata,
}

impl Service {
    fn of(profile: Profile) -> Arc<Self> {
        let metadata = wire::metadata(&profile);
        Arc::new(Self { profile: Arc::new(profile), metadata })
    }
}

pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) server_key: Arc<ServerKey>,
    pub(crate) keys: Keys,
    pub(crate) registrations: Registrations,
    pub(crate) secrets: SlowSecrets,
    pub(crate) sealer: SecretSealer,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
    pub(crate) algorithm: Algorithm,
}

/// Puts an engine together.
pub struct EngineBuilder {
    profile: Profile,
    store: Arc<dyn Store>,
    server_key: ServerKey,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    recorder: Option<Arc<dyn Recorder>>,
    algorithm: Algorithm,
    registrations: Lifetime,
}

impl EngineBuilder {
    /// Brings a clock; the machine's, unless told.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Brings an observer; [`Tracing`], unless told.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Brings a recorder; none, unless told.
    #[must_use]
    pub fn recorder(mut self, recorder: Arc<dyn Recorder>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Chooses how new keys sign; ES256, unless told.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Allows that what is registered of a client is gone by for so long without asking the store again; none, unless told. Every
    /// request names a client, so with a store that is a network away it saves one way in two or three. It is how long a
    /// client may go on that was switched off through another engine; what this one changes holds at once.
    #[must_use]
    pub fn remember_registrations(mut self, moment: Lifetime) -> Self {
        self.registrations = moment;
        self
    }

    /// Reads the signing keys, or makes the first.
    ///
    /// # Errors
    /// [`Fault::Store`](crate::Fault::Store) if the store fails, [`Fault::Keys`](crate::Fault::Keys) if its keys were
    /// sealed under another server key.
    pub async fn open(self) -> Result<Engine, EngineError> {
        let keys = Keys::open(&*self.store, &self.server_key, self.algorithm, self.clock.now()).await?;
        let service = Service::of(self.profile);
        let sealer = SecretSealer::new(&self.server_key)?;
        let parts = Parts {
            store: self.store,
            server_key: Arc::new(self.server_key),
            keys,
            registrations: Registrations::new(self.registrations),
            secrets: SlowSecrets::new().map_err(|e| Fault::Hash(e.to_string()))?,
            sealer,
            clock: self.clock,
            observer: self.observer,
            recorder: self.recorder,
            algorithm: self.algorithm,
        };
        Ok(Engine { parts: Arc::new(parts), service })
    }
}

impl Engine {
    /// How long before it first signs a new key is published, so that whoever caches the key set has it in time.
    pub const KEY_AHEAD: Lifetime = Lifetime::seconds(600);
    /// What is past is kept at least this much longer, so that a clock set back brings nothing back.
    const PURGE_MARGIN: Lifetime = Lifetime::seconds(3600);

    /// Begins to put an engine together. `server_key` must be the same for every process on one store, and for ever.
    pub fn builder(profile: Profile, store: Arc<dyn Store>, server_key: ServerKey) -> EngineBuilder {
        EngineBuilder {
            profile,
            store,
            server_key,
            clock: Arc::new(SystemClock),
            observer: Arc::new(Tracing),
            recorder: None,
            algorithm: Algorithm::default(),
            registrations: Lifetime::ZERO,
        }
    }

    /// The same server under another profile: the same store, keys, clock and observer, with other values and names. What
    /// one profile's client is given, another profile knows nothing of.
    #[must_use]
    pub fn for_profile(&self, profile: Profile) -> Engine {
        let service = Service::of(profile);
        Engine { parts: self.parts.clone(), service }
    }

    /// The values it goes by.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.service.profile
    }

    /// The key that this profile's tokens are signed with where it is shared, of the store as it is known now.
    pub(crate) fn shared_key(&self) -> SharedKey {
        SharedKey::of(&self.parts.server_key, &self.profile().name, self.parts.keys.ring().epoch())
    }

    /// The store it keeps everything in, for rooms that keep their own records beside it.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.parts.store
    }

    /// The server's key, for rooms that derive keys of their own.
    pub fn server_key(&self) -> &ServerKey {
        &self.parts.server_key
    }

    /// The time, by its clock.
    pub fn now(&self) -> Time {
        self.parts.clock.now()
    }

    pub(crate) fn context(&self) -> Context {
        Context {
            profile: self.service.profile.clone(),
            key: self.parts.server_key.clone(),
            now: self.now(),
            entropy: entropy(),
        }
    }

    /// Answers a request for tokens (RFC 6749, section 3.2).
    ///
    /// Costs, with reference tokens: client credentials one read and one write; a code three reads, a refresh two, and either
    /// one write of two records. With JWTs a signature stands for the record of the access token.
    ///
    /// # Errors
    /// A refusal, or a fault. After a fault the request may be sent again.
    pub async fn token(&self, request: TokenRequest) -> Result<TokenAnswer, EngineError> {
        self.run(Operation::Token, request, Call::Token, flow::token).await
    }

    /// Examines an authorization request (RFC 6749, section 4.1.1). Costs one read.
    ///
    /// # Errors
    /// A refusal that must be shown to the person and sent nowhere, or a fault.
    pub async fn examine(&self, parameters: AuthorizationParameters) -> Result<Examined, EngineError> {
        self.run(Operation::Authorize, parameters, Call::Examine, flow::examine).await
    }

    /// Puts an examined request before a person, who must be logged in, in the browser session of digest `session`. Costs
    /// one write, and one read where the profile remembers what people approved; three reads and one write of three records
    /// where he approved all of it before, and is not asked.
    ///
    /// # Errors
    /// A fault.
    pub async fn ask(
        &self,
        request: AuthorizationRequest,
        approver: Approver,
        session: Digest,
    ) -> Result<Asked, EngineError> {
        let call = |(request, approver, session)| Call::Ask { request, approver, session };
        let flow = |ctx, (request, approver, session)| flow::ask(ctx, request, approver, session);
        self.run(Operation::Authorize, (request, approver, session), call, flow).await
    }

    /// Takes a person's choice of one of his accounts, for a request that waits for it.
    ///
    /// # Errors
    /// A refusal for a page if the request waits no more, or a fault.
    pub async fn choose_account(
        &self,
        handle: Secret,
        session: Digest,
        approver: Approver,
        account: AccountId,
    ) -> Result<Asked, EngineError> {
        let call =
            |(handle, session, approver, account)| Call::ChooseAccount { handle, session, approver, account };
        let flow = |ctx, (handle, session, approver, account)| {
            flow::choose_account(ctx, handle, session, approver, account)
        };
        self.run(Operation::Decide, (handle, session, approver, account), call, flow).await
    }

    /// Takes a person's decision, once, and says where to send the browser. Costs two reads and two writes, the second of
    /// three records; one more of each where the profile remembers what he approves, and one more read where part of it
    /// rests on what he approved before.
    ///
    /// # Errors
    /// A refusal for a page if the request waits no more, or a fault.
    pub async fn decide(&self, decision: DecisionRequest) -> Result<AuthorizationAnswer, EngineError> {
        self.run(Operation::Decide, decision, Call::Decide, flow::decide).await
    }

    /// Tells what a token is worth (RFC 7662). Costs two reads, or up to four for a token that came of a grant and is
    /// asked about by a resource server.
    ///
    /// # Errors
    /// A refusal if the asker does not authenticate, or a fault.
    pub async fn introspect(
        &self,
        client: ClientCredentials,
        token: Secret,
    ) -> Result<Introspection, EngineError> {
        let call = |(client, token)| Call::Introspect { client, token };
        let flow = |ctx, (client, token)| flow::introspect(ctx, client, token);
        self.run(Operation::Introspect, (client, token), call, flow).await
    }

    /// Takes a token back (RFC 7009). Costs two or three reads and one write.
    ///
    /// # Errors
    /// A refusal if the client does not authenticate, or a fault: then the token may still be live.
    pub async fn revoke(&self, client: ClientCredentials, token: Secret) -> Result<(), EngineError> {
        let call = |(client, token)| Call::Revoke { client, token };
        self.run(Operation::Revoke, (client, token), call, |ctx, (client, token)| {
            flow::revoke(ctx, client, token)
        })
        .await
    }

    /// Tells an operator what a token is worth, whoever's it is.
    ///
    /// # Errors
    /// A fault.
    pub async fn look_up(&self, token: &Secret) -> Result<Introspection, EngineError> {
        self.drive(Operation::Administer, flow::look_up(self.context(), token)).await
    }

    /// Takes back a token at an operator's wish, whoever's it is. Tells whether it was live.
    ///
    /// # Errors
    /// A fault: then the token may still be live.
    pub async fn revoke_as_operator(&self, token: &Secret) -> Result<bool, EngineError> {
        self.drive(Operation::Administer, flow::revoke_as_operator(self.context(), token)).await
    }

    /// Lets a request pass at a resource of our own (RFC 6750): the token must be live and permit all of `required`.
    ///
    /// # Errors
    /// A refusal with `invalid_token` or `insufficient_scope`, or a fault.
    pub async fn check(
        &self,
        token: Option<Secret>,
        required: Scope,
    ) -> Result<LiveAccessToken, EngineError> {
        let shown = token.map_or(Shown::Nothing, Shown::Token);
        self.checked(shown, required.into(), None).await
    }

    /// Lets a request pass at a resource of our own, by whatever it shows, and for the person that the client says it acts
    /// for, where the profile has such things. That it acted for somebody is told to the observer.
    ///
    /// # Errors
    /// A refusal, or a fault.
    pub async fn check_shown(
        &self,
        shown: Shown,
        required: Required,
        act_as: Option<SubjectId>,
    ) -> Result<LiveAccessToken, EngineError> {
        let live = self.checked(shown, required, act_as).await?;
        if let Some(person) = &live.acting_as {
            let (client, subject) = (live.client.clone(), person.clone());
            self.parts.observer.happened(&Event::ActedAs { client, subject });
        }
        Ok(live)
    }

    async fn checked(
        &self,
        shown: Shown,
        required: Required,
        act_as: Option<SubjectId>,
    ) -> Result<LiveAccessToken, EngineError> {
        let call = |(shown, required, act_as)| Call::Check { shown, required, act_as };
        let flow = |ctx, (shown, required, act_as)| match shown {
            Shown::ApiKey(key) => flow::check_api_key(ctx, key, required, act_as),
            Shown::Token(token) => flow::check(ctx, Some(token), required, act_as),
            Shown::Nothing => flow::check(ctx, None, required, act_as),
        };
        self.run(Operation::Check, (shown, required, act_as), call, flow).await
    }

    /// Where a browser goes that has logged out for a client, whose id somebody claims. Costs one read.
    ///
    /// # Errors
    /// A refusal for a page if there is no such client, or a fault.
    pub async fn leave(&self, client: &str) -> Result<String, EngineError> {
        let call = |client: &str| Call::Leave { client: client.to_owned() };
        self.run(Operation::Administer, client, call, flow::leave).await
    }

    /// The metadata document (RFC 8414). Costs nothing.
    pub fn metadata(&self) -> &Metadata {
        &self.service.metadata
    }

    /// The public keys, those that do not sign yet among them.
    pub fn jwks(&self) -> grantor_jose::Jwks {
        self.parts.keys.ring().jwks(self.now())
    }

    /// The signing keys and what they are at.
    ///
    /// # Errors
    /// A fault.
    pub async fn keys(&self) -> Result<Vec<KeyStatus>, EngineError> {
        self.parts.keys.list(&*self.parts.store, self.now()).await
    }

    /// Adds a signing key. It is published at once and signs after `ahead`; the old one verifies until the last token it
    /// signed has ended.
    ///
    /// # Errors
    /// A fault.
    pub async fn rotate_keys(
        &self,
        algorithm: Option<Algorithm>,
        ahead: Lifetime,
    ) -> Result<(), EngineError> {
        let algorithm = algorithm.unwrap_or(self.parts.algorithm);
        let keep = self.profile().lifetimes.access_token;
        self.parts.keys.rotate(&*self.parts.store, algorithm, self.now(), ahead, keep).await
    }

    /// Takes a key out at once, for when it leaked: what it signed is worth nothing from now on.
    ///
    /// # Errors
    /// A fault; also if the key is unknown, or is the one that signs.
    pub async fn retire_key(&self, kid: &str) -> Result<(), EngineError> {
        self.parts.keys.retire(&*self.parts.store, kid, self.now()).await
    }

    /// What must be done now and then, every few seconds: takes over keys that another process rotated (and makes new ones
    /// if the store has lost them), and removes at most `limit` records that are long past. Tells how many it removed.
    ///
    /// # Errors
    /// A fault. It is no harm to leave it and try again later.
    pub async fn maintain(&self, limit: usize) -> Result<usize, EngineError> {
        self.parts.keys.reload(&*self.parts.store, self.parts.algorithm, self.now()).await?;
        let millis = |span: Lifetime| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let past = self.now().unix_millis().saturating_sub(millis(Self::PURGE_MARGIN));
        let before = Time::from_unix_millis(past.saturating_sub(past.rem_euclid(millis(PURGE_STRIDE))));
        Ok(self.parts.store.purge(before, limit).await?)
    }

    /// What the store says of itself. It is also how to find out whether it is there.
    ///
    /// # Errors
    /// A fault if it does not answer.
    pub async fn store_info(&self) -> Result<StoreInfo, EngineError> {
        Ok(self.parts.store.info().await?)
    }
}
