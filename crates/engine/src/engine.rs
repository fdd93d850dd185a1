//! The engine: what an embedder holds.

use std::sync::Arc;

use grantor_core::flow::{
    self, AuthorizationAnswer, Context, Examined, Introspection, OpenedInteraction, TokenAnswer,
};
use grantor_core::request::{AuthorizationParameters, ClientCredentials, DecisionRequest, TokenRequest};
use grantor_core::wire::{self, Metadata};
use grantor_core::{
    AuthorizationRequest, Digest, Lifetime, LiveAccessToken, Profile, Scope, Secret, ServerKey, SubjectId,
    Time,
};
use grantor_jose::{Algorithm, KeyStatus};
use grantor_store::{Store, StoreInfo};

use crate::error::EngineError;
use crate::keys::Keys;
use crate::observer::{Observer, Operation, Tracing};
use crate::secrets::SlowSecrets;
use crate::surroundings::{Clock, SystemClock, entropy};

/// An authorization server without HTTP. Cloning it is cheap; all clones are one.
#[derive(Clone)]
pub struct Engine {
    pub(crate) parts: Arc<Parts>,
}

pub(crate) struct Parts {
    pub(crate) profile: Arc<Profile>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) server_key: Arc<ServerKey>,
    pub(crate) keys: Keys,
    pub(crate) secrets: SlowSecrets,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) algorithm: Algorithm,
    metadata: Metadata,
}

/// Puts an engine together.
pub struct EngineBuilder {
    profile: Profile,
    store: Arc<dyn Store>,
    server_key: ServerKey,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    algorithm: Algorithm,
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

    /// Chooses how new keys sign; ES256, unless told.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Reads the signing keys, or makes the first.
    ///
    /// # Errors
    /// [`Fault::Store`](crate::Fault::Store) if the store fails, [`Fault::Keys`](crate::Fault::Keys) if its keys were
    /// sealed under another server key.
    pub async fn open(self) -> Result<Engine, EngineError> {
        let keys = Keys::open(&*self.store, &self.server_key, self.algorithm, self.clock.now()).await?;
        let parts = Parts {
            metadata: wire::metadata(&self.profile),
            profile: Arc::new(self.profile),
            store: self.store,
            server_key: Arc::new(self.server_key),
            keys,
            secrets: SlowSecrets::new(),
            clock: self.clock,
            observer: self.observer,
            algorithm: self.algorithm,
        };
        Ok(Engine { parts: Arc::new(parts) })
    }
}

impl Engine {
    /// How long before it first signs a new key is published, so that whoever caches the key set has it in time.
    pub const KEY_AHEAD: Lifetime = Lifetime::seconds(600);
    /// What is long past is kept this much longer, so that a clock set back brings nothing back.
    const PURGE_MARGIN: Lifetime = Lifetime::seconds(3600);

    /// Begins to put an engine together. `server_key` must be the same for every process on one store, and for ever.
    pub fn builder(profile: Profile, store: Arc<dyn Store>, server_key: ServerKey) -> EngineBuilder {
        EngineBuilder {
            profile,
            store,
            server_key,
            clock: Arc::new(SystemClock),
            observer: Arc::new(Tracing),
            algorithm: Algorithm::default(),
        }
    }

    /// The values it goes by.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.parts.profile
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
            profile: self.parts.profile.clone(),
            key: self.parts.server_key.clone(),
            now: self.now(),
            entropy: entropy(),
        }
    }

    /// Answers a request for tokens (RFC 6749, section 3.2).
    ///
    /// Costs, with reference tokens: client credentials one read and one write, a code three reads and two writes, a
    /// refresh two reads and two writes. With JWTs one signature stands for one of the writes.
    ///
    /// # Errors
    /// A refusal, or a fault. After a fault the request may be sent again.
    pub async fn token(&self, request: TokenRequest) -> Result<TokenAnswer, EngineError> {
        self.drive(Operation::Token, flow::token(self.context(), request)).await
    }

    /// Examines an authorization request (RFC 6749, section 4.1.1). Costs one read.
    ///
    /// # Errors
    /// A refusal that must be shown to the person and sent nowhere, or a fault.
    pub async fn examine(&self, parameters: AuthorizationParameters) -> Result<Examined, EngineError> {
        let examined = self.drive(Operation::Authorize, flow::examine(self.context(), parameters)).await?;
        if let Examined::Redirect(error) = &examined {
            self.parts.observer.refused(Operation::Authorize, &error.refusal);
        }
        Ok(examined)
    }

    /// Lets an examined request wait for the decision of `subject`, who must be logged in, in the browser session of
    /// digest `session`. Costs one write.
    ///
    /// # Errors
    /// A fault.
    pub async fn open_interaction(
        &self,
        request: AuthorizationRequest,
        subject: SubjectId,
        session: Digest,
    ) -> Result<OpenedInteraction, EngineError> {
        self.drive(Operation::Authorize, flow::open(self.context(), request, subject, session)).await
    }

    /// Takes a person's decision, once, and says where to send the browser. Costs two reads and three writes.
    ///
    /// # Errors
    /// A refusal for a page if the request waits no more, or a fault.
    pub async fn decide(&self, decision: DecisionRequest) -> Result<AuthorizationAnswer, EngineError> {
        let answer = self.drive(Operation::Decide, flow::decide(self.context(), decision)).await?;
        if let Some(refusal) = &answer.refusal {
            self.parts.observer.refused(Operation::Decide, refusal);
        }
        Ok(answer)
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
        self.drive(Operation::Introspect, flow::introspect(self.context(), client, token)).await
    }

    /// Takes a token back (RFC 7009). Costs two or three reads and one write.
    ///
    /// # Errors
    /// A refusal if the client does not authenticate, or a fault: then the token may still be live.
    pub async fn revoke(&self, client: ClientCredentials, token: Secret) -> Result<(), EngineError> {
        self.drive(Operation::Revoke, flow::revoke(self.context(), client, token)).await
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
        self.drive(Operation::Check, flow::check(self.context(), token, required)).await
    }

    /// The metadata document (RFC 8414). Costs nothing.
    pub fn metadata(&self) -> &Metadata {
        &self.parts.metadata
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
        let margin = i64::try_from(Self::PURGE_MARGIN.as_millis()).unwrap_or(i64::MAX);
        let before = Time::from_unix_millis(self.now().unix_millis().saturating_sub(margin));
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
