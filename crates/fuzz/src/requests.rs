//! Whole histories of requests against an engine on a store in memory.
//!
//! Each two bytes are something that somebody does: the first says what, the second picks among what there is by then. After
//! each, what is over must be over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use grantor_core::client::{AccessTokenFormat, AuthMethod, ClientMetadata, GrantType};
use grantor_core::flow::{Asked, Examined, Introspection, TokenAnswer};
use grantor_core::grant::RevocationCause;
use grantor_core::request::{
    Approver, Choice, ClientCredentials, ClientProof, DecisionRequest, GrantRequest, TokenRequest,
};
use grantor_core::wire::{Parameters, authorization_parameters};
use grantor_core::{
    ClientId, CodeVerifier, Digest, Event, GrantId, Lifetime, Limits, Profile, Reason, RedirectUri,
    RefreshMode, Refusal, Scope, Secret, ServerKey, Time,
};
use grantor_engine::{Clock, Engine, EngineError, Fault, Observer, Operation};
use grantor_store::MemoryStore;

use crate::http::block_on;
use crate::profiles::ISSUER;

const CALLBACK: &str = "https://app.test/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CLIENTS: [&str; 3] = ["web", "other", "spa"];
const SCOPES: [&str; 4] = ["read", "read write", "write admin", "nuclear"];
/// More than that only takes longer.
const MOST_ACTS: usize = 64;

/// A first byte for the refresh mode and the format of tokens, then pairs.
pub(crate) fn requests(data: &[u8]) {
    let [settings, acts @ ..] = data else { return };
    let mut world = World::new(*settings);
    for act in acts.chunks_exact(2).take(MOST_ACTS) {
        world.act(act[0], act[1]);
        world.check();
    }
}

struct Turned(AtomicI64);

impl Clock for Turned {
    fn now(&self) -> Time {
        Time::from_unix_millis(self.0.load(Ordering::Relaxed))
    }
}

/// What the engine says that happened.
#[derive(Default)]
struct Happened(Mutex<Vec<Event>>);

impl Observer for Happened {
    fn happened(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }

    fn refused(&self, _: Operation, _: &Refusal) {}

    fn failed(&self, _: Operation, fault: &Fault) {
        panic!("a store in memory does not fail: {fault}");
    }
}

struct Code {
    text: Secret,
    client: &'static str,
    redeemed: bool,
}

struct World {
    engine: Engine,
    clock: Arc<Turned>,
    happened: Arc<Happened>,
    codes: Vec<Code>,
    /// Handles of requests that wait, or waited, for alice.
    waiting: Vec<(Secret, &'static str, bool)>,
    refresh_tokens: Vec<(Secret, GrantId)>,
    access_tokens: Vec<(Secret, Option<GrantId>, Time)>,
    granted: BTreeMap<GrantId, Scope>,
    /// All that alice ever approved, by client.
    approved: BTreeMap<&'static str, Scope>,
    /// Whether any grant was ended, and with it what she had approved.
    took_back: bool,
    over: BTreeSet<GrantId>,
    dead: BTreeSet<usize>,
}

impl World {
    fn new(settings: u8) -> Self {
        let mut profile = Profile::standard(ISSUER.parse().unwrap());
        profile.refresh = match settings % 5 {
            0 => RefreshMode::Rotate { grace: Lifetime::ZERO },
            1 => RefreshMode::Rotate { grace: Lifetime::seconds(10) },
            2 => RefreshMode::Reuse,
            3 => RefreshMode::ReplaceAll,
            _ => RefreshMode::None,
        };
        profile.access_token.format =
            if settings & 0x80 == 0 { AccessTokenFormat::Reference } else { AccessTokenFormat::Jwt };
        let (clock, happened) =
            (Arc::new(Turned(AtomicI64::new(1_800_000_000_000))), Arc::new(Happened::default()));
        let builder = Engine::builder(profile, Arc::new(MemoryStore::new()), ServerKey::from_bytes([7; 32]));
        let engine = block_on(builder.clock(clock.clone()).observer(happened.clone()).open()).unwrap();
        for id in CLIENTS {
            let mut metadata = ClientMetadata::new(id.parse().unwrap());
            metadata.redirect_uris = vec![RedirectUri::parse(CALLBACK).unwrap()];
            metadata.grant_types = [GrantType::AuthorizationCode, GrantType::RefreshToken].into();
            metadata.scope = Scope::parse("read write admin").unwrap();
            if id == "spa" {
                metadata.token_endpoint_auth_method = AuthMethod::None;
            } else {
                metadata.grant_types.insert(GrantType::ClientCredentials);
            }
            let secret = (id != "spa").then(|| secret_of(id));
            block_on(engine.register_client(metadata, secret)).unwrap();
        }
        Self {
            engine,
            clock,
            happened,
            codes: Vec::new(),
            waiting: Vec::new(),
            refresh_tokens: Vec::new(),
            access_tokens: Vec::new(),
            granted: BTreeMap::new(),
            approved: BTreeMap::new(),
            took_back: false,
            over: BTreeSet::new(),
            dead: BTreeSet::new(),
        }
    }

    fn act(&mut self, what: u8, which: u8) {
        let client = pick(&CLIENTS, which >> 2);
        let scope = pick(&SCOPES, which);
        match what % 11 {
            0 | 1 => self.ask(client, scope),
            2 => self.decide(which),
            3 | 4 => self.redeem(which, what >> 4),
            5 | 6 => self.refresh(which, what >> 4),
            7 => {
                let scope = Some(Scope::parse(scope).unwrap());
                self.token(client, GrantRequest::ClientCredentials { scope });
            }
            8 => self.revoke(client, which),
            9 => {
                let grants: Vec<GrantId> = self.granted.keys().copied().collect();
                if let Some(grant) = at(&grants, which) {
                    block_on(self.engine.revoke_grant(*grant, RevocationCause::ByOperator)).unwrap();
                    self.took_back = true;
                }
            }
            _ => {
                let seconds = [1, 9, 61, 3601, 31 * 86_400, -3600];
                self.clock.0.fetch_add(pick(&seconds, which) * 1000, Ordering::Relaxed);
            }
        }
    }

    /// A client asks for something, and alice is shown it.
    fn ask(&mut self, client: &'static str, scope: &str) {
        let scope = scope.replace(' ', "+");
        let query = format!(
            "client_id={client}&redirect_uri={CALLBACK}&response_type=code&scope={scope}&state=s\
             &code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        let read = Parameters::read(query.as_bytes(), &Limits::DEFAULT);
        let parameters = authorization_parameters(&read, self.engine.profile());
        let Examined::Proceed { request, .. } = block_on(self.engine.examine(parameters)).unwrap() else {
            assert_eq!(scope, "nuclear", "a right request was refused");
            return;
        };
        let (approver, asked) = (Approver::new("alice".parse().unwrap()), request.scope().clone());
        match block_on(self.engine.ask(request, approver, session())).unwrap() {
            Asked::Decision(question) => self.waiting.push((question.opened.handle, client, false)),
            Asked::Answered(answer) => {
                let before = self.approved.get(client).cloned().unwrap_or_default();
                assert!(client != "spa" && asked.is_within(&before), "what she had not approved");
                assert!(self.keep_code(client, &answer.location), "let pass, and given nothing");
            }
            Asked::Account(_) => panic!("there are no accounts"),
        }
    }

    /// Takes the code out of an answer, if there is one.
    fn keep_code(&mut self, client: &'static str, location: &Secret) -> bool {
        let location = url::Url::parse(location.expose()).unwrap();
        let code = location.query_pairs().find(|(name, _)| name == "code");
        let text = code.map(|(_, code)| Secret::new(code.into_owned()));
        self.codes.extend(text.map(|text| Code { text, client, redeemed: false }));
        location.query_pairs().any(|(name, _)| name == "code")
    }

    /// Somebody decides: alice in her browser, or bob, or alice in another.
    fn decide(&mut self, which: u8) {
        let Some(found) = at(&self.waiting, which >> 3) else { return };
        let (handle, client, decided) = (found.0.clone(), found.1, found.2);
        let who = if which & 4 == 0 { "alice" } else { "bob" };
        let session = if which & 2 == 0 { session() } else { Digest::of(b"another session") };
        let choice = if which & 1 == 0 { Choice::Approve { scope: None } } else { Choice::Deny };
        let decision = DecisionRequest {
            handle: handle.clone(),
            session,
            approver: Approver::new(who.parse().unwrap()),
            account: None,
            choice,
        };
        match block_on(self.engine.decide(decision)) {
            Ok(answer) => {
                assert!(!decided && which & 6 == 0, "one decision, by who was asked");
                self.waiting.iter_mut().filter(|w| w.0.expose() == handle.expose()).for_each(|w| w.2 = true);
                let (approved, given) = (which & 1 == 0, self.keep_code(client, &answer.location));
                // What was approved before and is part of this one may be taken back by now.
                assert!(given == approved || (approved && self.took_back), "{approved} {given}");
            }
            Err(EngineError::Refused(refusal)) => assert_eq!(refusal.reason, Reason::InteractionOver),
            Err(other) => panic!("{other}"),
        }
    }

    fn redeem(&mut self, which: u8, how: u8) {
        let Some(at) = (!self.codes.is_empty()).then(|| usize::from(which) % self.codes.len()) else {
            return;
        };
        let owner = self.codes[at].client;
        let client = if how & 1 == 0 { owner } else { pick(&CLIENTS, how >> 2) };
        let (right_uri, right_verifier) = (how & 2 == 0, how & 4 == 0);
        let uri = if right_uri { CALLBACK } else { "https://app.test/other" };
        let verifier = if right_verifier { VERIFIER.to_owned() } else { "x".repeat(43) };
        let grant = GrantRequest::AuthorizationCode {
            code: self.codes[at].text.clone(),
            redirect_uri: Some(uri.to_owned()),
            code_verifier: CodeVerifier::parse(&verifier),
        };
        if self.token(client, grant) {
            assert!(right_uri && right_verifier && client == owner, "a check was skipped");
            assert!(!std::mem::replace(&mut self.codes[at].redeemed, true), "one code, two successes");
        }
    }

    fn refresh(&mut self, which: u8, how: u8) {
        let Some((token, _)) = at(&self.refresh_tokens, which) else { return };
        let scope = (how & 1 == 1).then(|| Scope::parse(pick(&SCOPES, how >> 1)).unwrap());
        let refresh_token = token.clone();
        self.token(pick(&CLIENTS, how >> 2), GrantRequest::RefreshToken { refresh_token, scope });
    }

    fn revoke(&mut self, client: &'static str, which: u8) {
        let token = if which & 1 == 0 {
            at(&self.refresh_tokens, which >> 1).map(|(token, _)| token.clone())
        } else {
            at(&self.access_tokens, which >> 1).map(|(token, ..)| token.clone())
        };
        if let Some(token) = token {
            block_on(self.engine.revoke(credentials(client), token)).unwrap();
        }
    }

    /// Asks for tokens; whether there were any.
    fn token(&mut self, client: &'static str, grant: GrantRequest) -> bool {
        let request = TokenRequest { client: credentials(client).into(), grant };
        match block_on(self.engine.token(request)) {
            Ok(answer) => {
                self.hear();
                self.take(answer);
                true
            }
            Err(EngineError::Refused(_)) => false,
            Err(other) => panic!("{other}"),
        }
    }

    fn take(&mut self, answer: TokenAnswer) {
        if let Some(grant) = answer.grant {
            assert!(answer.scope.is_within(&self.granted[&grant]), "a scope grew");
            assert!(!self.over.contains(&grant), "tokens of a grant that is over");
            self.refresh_tokens.extend(answer.refresh_token.map(|token| (token, grant)));
        } else {
            assert!(answer.refresh_token.is_none(), "a client needs no refresh token for itself");
        }
        assert!(self.is_live(&answer.access_token), "a token that is worth nothing");
        self.access_tokens.push((answer.access_token, answer.grant, answer.expires_at));
    }

    fn hear(&mut self) {
        for event in std::mem::take(&mut *self.happened.0.lock().unwrap()) {
            match event {
                Event::RequestApproved { grant, scope, client, .. } => {
                    let known = CLIENTS.into_iter().find(|known| *known == client.as_str());
                    let approved = self.approved.entry(known.unwrap()).or_default();
                    *approved = approved.union(&scope);
                    self.granted.insert(grant, scope);
                }
                Event::GrantRevoked { grant, .. } => assert!(self.over.insert(grant), "it ended twice"),
                Event::RequestDenied { .. }
                | Event::ActedAs { .. }
                | Event::CodeRedeemed { .. }
                | Event::RefreshTokenRotated { .. }
                | Event::AccessTokenIssued { .. }
                | Event::AccessTokenRevoked { .. }
                | Event::ClientRegistered { .. }
                | Event::ClientChanged { .. }
                | Event::ClientSecretRotated { .. }
                | Event::ClientDeleted { .. } => {}
            }
        }
    }

    fn is_live(&self, token: &Secret) -> bool {
        match block_on(self.engine.check(Some(token.clone()), Scope::none())) {
            Ok(_) => true,
            Err(EngineError::Refused(_)) => false,
            Err(other) => panic!("{other}"),
        }
    }

    /// What is over is over, and of one grant there is one refresh token.
    fn check(&mut self) {
        self.hear();
        let now = self.clock.now();
        for at in 0..self.access_tokens.len() {
            let (token, grant, expires_at) = &self.access_tokens[at];
            let live = self.is_live(token);
            let over = grant.is_some_and(|grant| self.over.contains(&grant));
            assert!(!live || (*expires_at > now && !over), "a token outlives its grant or its time");
            // A clock that was set back makes young again what had expired, and nothing that was ended.
            assert!(!live || !self.dead.contains(&at), "a dead token came back");
            if !live && *expires_at > now {
                self.dead.insert(at);
            }
        }
        let mut current: BTreeMap<GrantId, BTreeSet<&str>> = BTreeMap::new();
        for (token, grant) in &self.refresh_tokens {
            for asker in ["web", "other"] {
                let told = block_on(self.engine.introspect(credentials(asker), token.clone())).unwrap();
                if told != Introspection::Inactive {
                    current.entry(*grant).or_default().insert(token.expose());
                }
            }
        }
        assert!(current.values().all(|tokens| tokens.len() == 1), "two live refresh tokens of one grant");
        assert!(current.keys().all(|grant| !self.over.contains(grant)), "a refresh token outlives its grant");
    }
}

fn session() -> Digest {
    Digest::of(b"alice's session")
}

fn secret_of(client: &str) -> Secret {
    Secret::new(format!("the secret of {client}, which is long enough to be strong"))
}

fn credentials(client: &str) -> ClientCredentials {
    let proof = if client == "spa" { ClientProof::None } else { ClientProof::Basic(secret_of(client)) };
    ClientCredentials { client: ClientId::parse(client).unwrap(), proof }
}

fn pick<T: Copy>(among: &[T], number: u8) -> T {
    among[usize::from(number) % among.len()]
}

fn at<T>(among: &[T], number: u8) -> Option<&T> {
    among.get(usize::from(number) % among.len().max(1))
}
