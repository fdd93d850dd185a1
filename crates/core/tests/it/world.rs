//! A store, a clock and randomness in plain values, and the parties that the tests speak of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::client::{AuthMethod, Client, ClientMetadata, GrantType};
use grantor_core::flow::{self, Asked, Context, Examined, Introspection, Question, TokenAnswer};
use grantor_core::grant::{ClientGrant, Grant, SubjectGrant};
use grantor_core::record::{Expect, Key, Kind, Put, Record, RecordKey, Stored, Version, Write, decode};
use grantor_core::replay::{Bundle, Call, End, Outcome, Run};
use grantor_core::request::{
    Approver, AuthorizationParameters, Choice, ClientCredentials, ClientProof, DecisionRequest, GrantRequest,
    TokenRequest,
};
use grantor_core::step::{Answered, CommitOutcome, JwsHeader, SigningKey, Step, Stop};
use grantor_core::wire::{Parameters, Shown, authorization_parameters};
use grantor_core::{
    AuthorizationRequest, ClientId, CodeVerifier, Digest, Entropy, Event, Lifetime, Limits, LiveAccessToken,
    Profile, Reason, Refusal, Scope, Secret, SecretHash, ServerKey, Standing, StandingState, SubjectId, Time,
};

pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const CALLBACK: &str = "https://app.test/cb";

#[derive(Clone)]
pub struct World {
    pub records: BTreeMap<RecordKey, Stored>,
    pub profile: Arc<Profile>,
    pub key: Arc<ServerKey>,
    pub now: Time,
    pub events: Vec<Event>,
    /// A bundle of each call, while they are recorded.
    pub bundles: Option<Vec<String>>,
    /// The last refusal of a call, with all it tells.
    pub refusal: Option<Refusal>,
    seeds: u64,
}

impl World {
    /// A profile after `change`, with `web` and `other` (confidential), `spa` (public) and `rs` (a resource server).
    pub fn new(change: impl FnOnce(&mut Profile)) -> Self {
        let mut profile = Profile::standard("https://auth.test".parse().unwrap());
        change(&mut profile);
        let mut world = Self {
            records: BTreeMap::new(),
            profile: Arc::new(profile),
            key: Arc::new(ServerKey::from_bytes([1; 32])),
            now: Time::from_unix_millis(1_800_000_000_000),
            events: Vec::new(),
            bundles: None,
            refusal: None,
            seeds: 0,
        };
        for id in ["web", "other"] {
            world.register(id, |_| {});
        }
        world.register("spa", |m| m.token_endpoint_auth_method = AuthMethod::None);
        world.register("rs", |m| {
            m.grant_types.clear();
            m.redirect_uris.clear();
            m.audience = Some("https://api.test".to_owned());
        });
        world
    }

    pub fn register(&mut self, id: &str, change: impl FnOnce(&mut ClientMetadata)) {
        let mut metadata = ClientMetadata::new(id.parse().unwrap());
        metadata.redirect_uris = vec![serde_json::from_value(CALLBACK.into()).unwrap()];
        metadata.grant_types = self.profile.grant_types.clone();
        metadata.scope = "read write admin".parse().unwrap();
        metadata.default_scope = Some("read write".parse().unwrap());
        change(&mut metadata);
        if metadata.is_public() {
            metadata.grant_types.remove(&GrantType::ClientCredentials);
        }
        let secret = (!metadata.is_public()).then(|| SecretHash::of_strong(&secret_of(id)));
        let client = Client::register(metadata, secret, &self.profile, self.now).unwrap();
        let put = Put::of(&Client::key(client.id()), Expect::Absent, self.version(), &client, None);
        assert_eq!(self.put(put), CommitOutcome::Applied);
    }

    /// A world that is served as the named service is, beside what the world's own clients need.
    pub fn of_dialect(name: &str, change: impl FnOnce(&mut Profile)) -> Self {
        Self::new(|profile| {
            let text = Profile::preset(name).unwrap();
            let dialect = Profile::from_toml(text, &[], "standard", profile.issuer.clone()).unwrap();
            // The world's own clients are registered first, and they are plain.
            let standard = std::mem::replace(profile, dialect);
            profile.clients.authentication.extend(standard.clients.authentication);
            profile.grant_types.extend(standard.grant_types);
            profile.scopes = standard.scopes;
            profile.authorization.scope_required = false;
            profile.response_types.extend(standard.response_types);
            change(profile);
        })
    }

    /// The same, which keeps a bundle of each call.
    #[must_use]
    pub fn recorded(self) -> Self {
        Self { bundles: Some(Vec::new()), ..self }
    }

    /// The same under other values: what an operator changed since.
    pub fn reconfigure(&mut self, change: impl FnOnce(&mut Profile)) {
        let mut profile = (*self.profile).clone();
        change(&mut profile);
        self.profile = profile.into();
    }

    /// Gives a client this secret and no other.
    pub fn give_secret(&mut self, id: &ClientId, hash: SecretHash) {
        let (now, limits) = (self.now, self.profile.limits);
        self.rewrite(&Client::key(id), |client| client.with_new_secret(hash, now, now, &limits));
    }

    /// Registers a client that is named by an API key, and nothing but it.
    pub fn register_key(&mut self, key: &Secret, change: impl FnOnce(&mut ClientMetadata)) -> ClientId {
        let id = flow::api_key_client(&self.profile, &self.key, key);
        self.register("held", |m| {
            m.client_id = id.clone();
            m.token_endpoint_auth_method = AuthMethod::ApiKey;
            m.grant_types = [GrantType::ApiKey, GrantType::RefreshToken].into();
            m.redirect_uris.clear();
            m.owner = Some("alice".parse().unwrap());
            change(m);
        });
        self.give_secret(&id, SecretHash::of_strong(key));
        id
    }

    /// Puts something else in the place of a record, as whoever came first would.
    pub fn rewrite<R: Record>(&mut self, key: &Key<R>, change: impl FnOnce(R) -> R) {
        let stored = self.records[key.raw()].clone();
        let record = change(decode(key.raw(), &stored.body).unwrap());
        let put = Put::of(key, Expect::Version(stored.version), self.version(), &record, stored.keep_until);
        assert_eq!(self.put(put), CommitOutcome::Applied);
    }

    /// Suspends a person.
    pub fn suspend(&mut self, subject: &str) {
        let key = Standing::key(&subject.parse().unwrap());
        let standing = Standing::new(StandingState::Suspended, self.now);
        let put = Put::of(&key, Expect::Absent, self.version(), &standing, None);
        assert_eq!(self.put(put), CommitOutcome::Applied);
    }

    pub fn context(&mut self) -> Context {
        self.seeds += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seeds.to_be_bytes());
        Context {
            profile: self.profile.clone(),
            key: self.key.clone(),
            now: self.now,
            entropy: Entropy::from_seed(seed),
        }
    }

    fn version(&mut self) -> Version {
        Version::draw(&mut self.context().entropy)
    }

    pub fn put(&mut self, put: Put) -> CommitOutcome {
        let holds = match (put.expect, self.records.get(&put.key)) {
            (Expect::Absent, None) => true,
            (Expect::Version(expected), Some(stored)) => stored.version == expected,
            (Expect::Absent, Some(_)) | (Expect::Version(_), None) => false,
        };
        if !holds {
            return CommitOutcome::Conflict;
        }
        if put.key.kind() == Kind::Grant {
            self.is_findable(&decode(&put.key, &put.body).unwrap());
        }
        let stored = Stored { version: put.version, body: put.body, keep_until: put.keep_until };
        self.records.insert(put.key, stored);
        CommitOutcome::Applied
    }

    /// Whoever looks for the grants of a subject or of a client misses none: the hints are there before the grant is.
    fn is_findable(&self, grant: &Grant) {
        let facts = grant.facts();
        let hints = [
            SubjectGrant::key(&facts.subject, facts.id).raw().clone(),
            ClientGrant::key(&facts.client, facts.id).raw().clone(),
        ];
        for hint in hints {
            let kept = self.records.get(&hint).unwrap_or_else(|| panic!("{hint} is missing")).keep_until;
            let ends_at = facts.expires_at.into_iter().chain(grant.keep_until()).min();
            assert!(kept.is_none() || (ends_at.is_some() && ends_at <= kept), "{hint} goes before its grant");
        }
    }

    /// Answers one need. The end comes back as it is.
    pub fn answer<T: 'static>(&mut self, step: Step<T>) -> Step<T> {
        match step {
            Step::Load(need) => {
                let found = self.records.get(need.key()).cloned();
                need.answer(found)
            }
            Step::Registration(need) => {
                let found = self.records.get(need.key().raw()).cloned();
                need.answer_stored(found.as_ref())
            }
            Step::Commit(need) => {
                let (Write { first, put }, events, need) = need.into_parts();
                for first in first {
                    assert_eq!(self.put(first), CommitOutcome::Applied, "nothing can be in its way");
                }
                let outcome = self.put(put);
                if outcome == CommitOutcome::Applied {
                    self.events.extend(events);
                }
                need.answer(outcome)
            }
            Step::Settle(need) => {
                let stands = self.records.get(need.key()).map(|stored| stored.version);
                need.answer(stands)
            }
            Step::VerifySecret(need) => {
                let matches = need.hashes().iter().any(|hash| hash == need.presented().expose());
                need.answer(matches)
            }
            Step::Sign(need) => {
                self.events.extend(need.events().iter().cloned());
                let jws =
                    format!("{}.{}.signed", signed_as(need.header()), URL_SAFE_NO_PAD.encode(need.payload()));
                need.answer(jws)
            }
            Step::VerifyJws(need) => {
                let typ = format!("{}.", signed_as(need.header()));
                let inner =
                    need.compact().expose().strip_prefix(&typ).and_then(|rest| rest.strip_suffix(".signed"));
                let payload = inner.and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok());
                need.answer(payload)
            }
            Step::Done(end) => Step::Done(end),
        }
    }

    pub fn run<T: 'static>(&mut self, flow: impl FnOnce(Context) -> Step<T>) -> Result<T, Stop> {
        let mut step = flow(self.context());
        loop {
            step = match step {
                Step::Done(end) => return end,
                other => self.answer(other),
            }
        }
    }

    /// The same for what comes from outside, which can be recorded.
    pub fn call<T: Outcome + 'static>(
        &mut self,
        call: Call,
        flow: impl FnOnce(Context) -> Step<T>,
    ) -> Result<T, Reason> {
        let answers = Arc::new(Mutex::new(Vec::new()));
        let (noted, recorded) = (answers.clone(), self.bundles.is_some());
        let ended = self.run(|ctx| match flow(ctx) {
            step if recorded => step.watched(move |answer| noted.lock().unwrap().push(answer)),
            step => step,
        });
        let end = match &ended {
            Ok(outcome) => outcome.refusal().map_or(End::Answered, |refusal| End::Refused(refusal.clone())),
            Err(Stop::Refused(refusal)) => End::Refused(refusal.clone()),
            Err(Stop::Fault(fault)) => End::Fault(fault.word()),
        };
        self.refusal = if let End::Refused(refusal) = &end { Some(refusal.clone()) } else { None };
        if recorded {
            let answers = std::mem::take(&mut *answers.lock().unwrap());
            self.record(call, answers, end);
        }
        ended.map_err(|stop| match stop {
            Stop::Refused(refusal) => refusal.reason,
            Stop::Fault(fault) => panic!("{fault}"),
        })
    }

    /// Every run has a bundle, which replays to the same.
    pub fn record(&mut self, call: Call, answers: Vec<Answered>, end: End) -> Bundle {
        let (profile, key, now) = (self.profile.clone(), self.key.clone(), self.now);
        let run = Run { profile, key, now, call, answers, end: end.clone() };
        let bundle = run.bundle(self.context().entropy).unwrap_or_else(|e| panic!("{end:?}: {e}"));
        let json = bundle.to_json();
        let replayed = Bundle::from_json(&json).unwrap().replay().unwrap();
        assert!(replayed.is_same() && replayed.differences().is_empty(), "{replayed}");
        let reason = if let End::Refused(refusal) = &end { Some(refusal.reason) } else { None };
        assert_eq!(replayed.reason(), reason);
        self.bundles.get_or_insert_default().push(json);
        bundle
    }

    /// The same, where a fault would be a bug.
    pub fn ask<T: 'static>(&mut self, flow: impl FnOnce(Context) -> Step<T>) -> Result<T, Reason> {
        self.run(flow).map_err(|stop| match stop {
            Stop::Refused(refusal) => refusal.reason,
            Stop::Fault(fault) => panic!("{fault}"),
        })
    }

    /// Removes what is long past, as a server does now and then.
    pub fn purge(&mut self) {
        let margin = Time::from_unix_millis(self.now.unix_millis() - 3_600_000);
        self.records.retain(|_, stored| stored.keep_until.is_none_or(|until| until >= margin));
    }

    pub fn pass(&mut self, seconds: u64) {
        self.now = self.now + Lifetime::seconds(seconds);
    }

    /// Alice approves `client`'s request for `scope`, now or before, and the code comes back.
    pub fn approve(&mut self, client: &str, scope: &str) -> Secret {
        let location = match self.put_before_alice(&query(client, scope)) {
            Asked::Answered(answer) => answer.location.expose().to_owned(),
            Asked::Decision(Question { opened, .. }) => {
                self.decide_as(&opened.handle, "alice", session(), Choice::Approve { scope: None }).unwrap()
            }
            Asked::Account(_) => panic!("there are no accounts"),
        };
        Secret::new(parameter(&location, "code").expect("a code"))
    }

    pub fn examine(&mut self, query: &str) -> Result<Examined, Reason> {
        let parameters = self.parameters(query);
        self.call(Call::Examine(parameters.clone()), |ctx| flow::examine(ctx, parameters))
    }

    fn parameters(&self, query: &str) -> AuthorizationParameters {
        authorization_parameters(&Parameters::read(query.as_bytes(), &Limits::DEFAULT), &self.profile)
    }

    pub fn put_before_alice(&mut self, query: &str) -> Asked {
        let Ok(Examined::Proceed { request, .. }) = self.examine(query) else {
            panic!("not let pass: {query}")
        };
        let approver = Approver::new("alice".parse().unwrap());
        self.put_before(request, approver)
    }

    /// Puts a request that was found right before a person.
    pub fn put_before(&mut self, request: AuthorizationRequest, approver: Approver) -> Asked {
        let call = Call::Ask { request: request.clone(), approver: approver.clone(), session: session() };
        self.call(call, |ctx| flow::ask(ctx, request, approver, session())).unwrap()
    }

    /// What alice is asked.
    pub fn question(&mut self, query: &str) -> Question {
        match self.put_before_alice(query) {
            Asked::Decision(question) => question,
            Asked::Account(_) | Asked::Answered(_) => panic!("not asked to decide: {query}"),
        }
    }

    /// Opens alice's interaction for a request, and gives its handle.
    pub fn open(&mut self, query: &str) -> Secret {
        self.question(query).opened.handle
    }

    pub fn decide(&mut self, query: &str, choice: Choice) -> Result<String, Reason> {
        let handle = self.open(query);
        self.decide_as(&handle, "alice", session(), choice)
    }

    pub fn decide_as(
        &mut self,
        handle: &Secret,
        who: &str,
        session: Digest,
        choice: Choice,
    ) -> Result<String, Reason> {
        let request = DecisionRequest {
            handle: handle.clone(),
            session,
            approver: Approver::new(who.parse().unwrap()),
            account: None,
            choice,
        };
        let call = Call::Decide(request.clone());
        self.call(call, |ctx| flow::decide(ctx, request)).map(|answer| answer.location.expose().to_owned())
    }

    pub fn token(&mut self, client: &str, grant: GrantRequest) -> Result<TokenAnswer, Reason> {
        self.request(TokenRequest { client: credentials(client).into(), grant })
    }

    pub fn request(&mut self, request: TokenRequest) -> Result<TokenAnswer, Reason> {
        self.call(Call::Token(request.clone()), |ctx| flow::token(ctx, request))
    }

    pub fn redeem(&mut self, client: &str, code: &Secret) -> Result<TokenAnswer, Reason> {
        self.token(client, code_grant(code, Some(CALLBACK), Some(VERIFIER)))
    }

    /// What redeeming a code would give, and nothing changed by it.
    pub fn would_redeem(&mut self, code: &Secret) -> Result<TokenAnswer, Reason> {
        let (records, events) = (self.records.clone(), self.events.clone());
        let answer = self.redeem("web", code);
        (self.records, self.events) = (records, events);
        answer
    }

    pub fn refresh(
        &mut self,
        client: &str,
        token: &Secret,
        scope: Option<&str>,
    ) -> Result<TokenAnswer, Reason> {
        let scope = scope.map(|s| Scope::parse(s).unwrap());
        self.token(client, GrantRequest::RefreshToken { refresh_token: token.clone(), scope })
    }

    pub fn introspect(&mut self, asker: &str, token: &Secret) -> Introspection {
        let client = credentials(asker);
        let call = Call::Introspect { client: client.clone(), token: token.clone() };
        self.call(call, |ctx| flow::introspect(ctx, client, token.clone())).unwrap()
    }

    pub fn is_live(&mut self, token: &Secret) -> bool {
        self.check(token, Scope::none(), None).is_ok()
    }

    pub fn check(
        &mut self,
        token: &Secret,
        required: Scope,
        act_as: Option<SubjectId>,
    ) -> Result<LiveAccessToken, Reason> {
        let shown = Shown::Token(token.clone());
        let call = Call::Check { shown, required: required.clone().into(), act_as: act_as.clone() };
        self.call(call, |ctx| flow::check(ctx, Some(token.clone()), required, act_as))
    }

    pub fn revoke(&mut self, client: &str, token: &Secret) {
        let client = credentials(client);
        let call = Call::Revoke { client: client.clone(), token: token.clone() };
        self.call(call, |ctx| flow::revoke(ctx, client, token.clone())).unwrap();
    }
}

/// A good request for a code.
pub fn query(client: &str, scope: &str) -> String {
    format!(
        "client_id={client}&redirect_uri={CALLBACK}&response_type=code&scope={scope}&state=s1\
         &code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
}

pub fn session() -> Digest {
    Digest::of(b"alice's session")
}

pub fn secret_of(client: &str) -> Secret {
    Secret::new(format!("the secret of {client}, which is long enough"))
}

pub fn credentials(client: &str) -> ClientCredentials {
    let proof = if client == "spa" { ClientProof::None } else { ClientProof::Basic(secret_of(client)) };
    ClientCredentials { client: ClientId::parse(client).unwrap(), proof }
}

pub fn code_grant(code: &Secret, redirect_uri: Option<&str>, verifier: Option<&str>) -> GrantRequest {
    GrantRequest::AuthorizationCode {
        code: code.clone(),
        redirect_uri: redirect_uri.map(ToOwned::to_owned),
        code_verifier: verifier.map(|v| CodeVerifier::parse(v).unwrap()),
    }
}

/// A parameter of a redirect, from its query or fragment.
pub fn parameter(location: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(location).unwrap();
    let fragment = url.fragment().unwrap_or_default();
    let pairs = url.query_pairs().chain(url::form_urlencoded::parse(fragment.as_bytes()));
    pairs.into_iter().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

/// What stands for the header and the key of a signature here.
fn signed_as(header: &JwsHeader) -> String {
    match &header.key {
        SigningKey::Published => header.typ.clone(),
        SigningKey::Shared { profile } => format!("{}-of-{profile}", header.typ),
    }
}
