//! What takes the place of what must not be seen.
//!
//! **Invariant: what is equal stays equal, and what differs stays different.** A rule compares texts and digests and derives
//! one from another; it never asks what they are. So each secret gets one stand-in of the same shape, each digest of a
//! secret the digest of its stand-in, and each text that somebody sent, and that nobody registered, other letters.
//!
//! What is not known to be harmless is replaced: a new field of a record is, until somebody says here that it may be seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::call::Call;
use super::request::{
    ApproverText, By, ChoiceText, CredentialsText, GivenText, GrantText, ParametersText, ProofText,
    RequestText, ShownText, Written,
};
use crate::credential::{self, AccessToken, AuthorizationCode, InteractionHandle, RefreshToken};
use crate::entropy::Entropy;
use crate::flow;
use crate::ids::{AccountId, ClientId, SubjectId};
use crate::pkce::CodeVerifier;
use crate::profile::Profile;
use crate::record::{Kind, RecordKey};
use crate::request::{
    AuthorizationParameters, Choice, ClientCredentials, ClientProof, GrantRequest, Presenter,
};
use crate::scope::Scope;
use crate::secret::{Digest, Secret, ServerKey};
use crate::wire::Shown;

/// What is given for a text that reads as no code or token: nor does this, in any alphabet.
const MALFORMED: &str = "(malformed)";
/// What is given for what was signed.
pub(super) const JWT: &str = "stand-in.jwt.token";
/// What stands for a slow hash.
const SLOW: &str = "$argon2id$stand-in";

/// The stand-ins of one run.
pub(super) struct StandIns {
    entropy: Entropy,
    profile: Arc<Profile>,
    /// The server's key and the one in its place.
    keys: (Arc<ServerKey>, Arc<ServerKey>),
    /// By the digest as records have it.
    digests: BTreeMap<String, Digest>,
    /// The refresh token that was presented, and the one in its place.
    refresh: Option<(RefreshToken, RefreshToken)>,
    /// Names that were derived under the server's key, or drawn, as they turned up in keys.
    names: BTreeMap<String, String>,
    /// Texts that may be seen: registered or granted, or words of the wire.
    known: BTreeSet<String>,
    uris: BTreeSet<String>,
    words: BTreeMap<String, String>,
    taken: BTreeSet<String>,
}

impl StandIns {
    pub(super) fn new(
        profile: Arc<Profile>,
        keys: (Arc<ServerKey>, Arc<ServerKey>),
        entropy: Entropy,
    ) -> Self {
        const WIRE: [&str; 11] = [
            "",
            "code",
            "token",
            "query",
            "fragment",
            "S256",
            "plain",
            "signin",
            "signup",
            "form_post",
            "none",
        ];
        let mut known: BTreeSet<String> = WIRE.iter().map(ToString::to_string).collect();
        let meanings = profile.scopes.meanings();
        known.extend(meanings.keys().chain(meanings.values().flat_map(|m| &m.implies)).cloned());
        Self {
            entropy,
            profile,
            keys,
            digests: BTreeMap::new(),
            refresh: None,
            names: BTreeMap::new(),
            known,
            uris: BTreeSet::new(),
            words: BTreeMap::new(),
            taken: BTreeSet::new(),
        }
    }

    /// Learns from a record that was found what may be seen.
    pub(super) fn learn(&mut self, key: &RecordKey, body: &[u8]) {
        if key.kind() == Kind::Client {
            self.known.insert(key.first());
        }
        if let Ok(value) = serde_json::from_slice(body) {
            self.learn_field("", &value);
        }
    }

    fn learn_field(&mut self, field: &str, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::Array(items) => items.iter().for_each(|item| self.learn_field(field, item)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| self.learn_field(name, value)),
            Value::String(text) => match field {
                // What a request added to its query was not registered.
                "redirect_uri" | "redirect_uris" => {
                    let base = text.split('?').next().unwrap_or_default().to_owned();
                    self.uris.insert(if field == "redirect_uris" { text.clone() } else { base });
                }
                "scope" | "default_scope" | "already" => {
                    self.known.extend(text.split(' ').map(ToOwned::to_owned));
                }
                "client" | "client_id" | "subject" | "owner" | "act_as" | "account" => {
                    self.known.insert(text.clone());
                }
                _ => {}
            },
        }
    }

    /// Learns what a name that was derived or drawn is called here, from the same need of both runs.
    pub(super) fn pair(&mut self, real: &RecordKey, here: &RecordKey) {
        let mut pair = |real: String, here: String| {
            if real != here {
                self.names.insert(real, here);
            }
        };
        pair(real.first(), here.first());
        if let (Some(real), Some(here)) = (real.second(), here.second()) {
            pair(real, here);
        }
    }

    /// A record's body, as it may be seen. What is no JSON stays none.
    pub(super) fn body(&mut self, kind: Kind, body: &[u8]) -> Value {
        let Ok(mut value) = serde_json::from_slice(body) else { return Value::Null };
        self.replace(kind, "", &mut value);
        value
    }

    fn replace(&mut self, kind: Kind, field: &str, value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace(kind, field, item)),
            Value::Object(fields) => {
                fields.retain(|name, _| !NOT_NEEDED.contains(&name.as_str()));
                if let Some(generation) = fields.get("generation").and_then(Value::as_u64) {
                    self.derive_chain(generation);
                }
                for (name, value) in fields.iter_mut() {
                    self.replace(kind, name, value);
                }
            }
            Value::String(text) => *text = self.text_of(kind, field, text),
        }
    }

    fn text_of(&mut self, kind: Kind, field: &str, text: &str) -> String {
        match (kind, field) {
            (_, "digest" | "sha256" | "handle" | "session" | "challenge") => self.digest(text),
            (_, "argon2id") => SLOW.to_owned(),
            (_, "redirect_uri" | "redirect_uris") => self.uri(text),
            (
                _,
                "client"
                | "client_id"
                | "subject"
                | "owner"
                | "act_as"
                | "account"
                | "id"
                | "profile"
                | "audience"
                | "access_token_audience"
                | "scope"
                | "default_scope"
                | "already"
                | "grant_types"
                | "response_types"
                | "response_type"
                | "token_endpoint_auth_method"
                | "access_token_format"
                | "token_response_scope"
                | "cause"
                | "basis",
            )
            | (Kind::Standing, "state") => self.names.get(text).cloned().unwrap_or_else(|| text.to_owned()),
            _ => self.masked(text),
        }
    }

    /// The stand-in of a digest; another one for each.
    fn digest(&mut self, text: &str) -> String {
        let entropy = &mut self.entropy;
        let stand_in = self.digests.entry(text.to_owned());
        stand_in.or_insert_with(|| Digest::from_bytes(entropy.draw())).to_base64url()
    }

    fn stands_for(&mut self, real: &Digest, here: Digest) {
        self.digests.insert(real.to_base64url(), here);
    }

    /// The token of this place in the chain, if the one that was presented leads there: of both, by the same derivation.
    fn derive_chain(&mut self, generation: u64) {
        let Some((real, here)) = &self.refresh else { return };
        let steps = generation.saturating_sub(real.generation().into());
        if steps == 0 || steps > self.profile.limits.replay_proof_steps.into() {
            return;
        }
        let (mut real, mut here) = (real.successor(&self.keys.0), here.successor(&self.keys.1));
        for _ in 1..steps {
            (real, here) = (real.successor(&self.keys.0), here.successor(&self.keys.1));
        }
        let (real, here) = (real.digest(), here.digest());
        self.stands_for(&real, here);
    }

    /// A URI: what of it is registered, and other letters for the rest.
    fn uri(&mut self, text: &str) -> String {
        let shared = |known: &String| {
            let same = known.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
            (0..=same).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
        };
        let at = self.uris.iter().map(shared).max().unwrap_or(0);
        let (registered, rest) = text.split_at_checked(at).unwrap_or(("", text));
        format!("{registered}{}", self.masked_words(rest))
    }

    fn scope(&mut self, scope: &Scope) -> Scope {
        let tokens: Vec<String> = scope.tokens().map(|token| self.masked(token)).collect();
        // Other letters in the place of letters, so it still is one.
        Scope::parse(&tokens.join(" ")).unwrap_or_default()
    }

    /// A text that somebody sent: itself if it is known, else other letters.
    fn masked(&mut self, text: &str) -> String {
        if self.known.contains(text) { text.to_owned() } else { self.masked_words(text) }
    }

    /// Every word of a text replaced by one of the same form, always the same; what is between them stays.
    fn masked_words(&mut self, text: &str) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut word = String::new();
        for character in text.chars() {
            if character.is_ascii() && !character.is_ascii_alphanumeric() {
                masked.push_str(&self.word(&std::mem::take(&mut word)));
                masked.push(character);
            } else {
                word.push(character);
            }
        }
        masked.push_str(&self.word(&word));
        masked
    }

    fn word(&mut self, word: &str) -> String {
        if word.is_empty() {
            return String::new();
        }
        if let Some(stand_in) = self.words.get(word) {
            return stand_in.clone();
        }
        let mut stand_in: Vec<char> = word.chars().map(first_of_its_form).collect();
        let mut text: String = stand_in.iter().collect();
        while self.taken.contains(&text) || self.known.contains(&text) {
            if !advance(&mut stand_in) {
                // There are no more of this form: what comes of it is tried before it is written down.
                break;
            }
            text = stand_in.iter().collect();
        }
        self.taken.insert(text.clone());
        self.words.insert(word.to_owned(), text.clone());
        text
    }

    fn secret(&mut self, secret: &Secret) -> String {
        let stand_in = format!("stand-in-{}", Digest::from_bytes(self.entropy.draw()).to_base64url());
        self.stands_for(&Digest::of(secret.expose().as_bytes()), Digest::of(stand_in.as_bytes()));
        stand_in
    }

    fn verifier(&mut self, verifier: &CodeVerifier) -> String {
        let drawn = self.entropy.draw();
        let stand_in: String =
            Digest::from_bytes(drawn).to_base64url().chars().cycle().take(verifier.length()).collect();
        self.stands_for(&verifier.digest(), Digest::of(stand_in.as_bytes()));
        stand_in
    }

    fn code(&mut self, code: &Secret) -> String {
        let shape = &self.profile.clone().formats.authorization_code;
        let stand_in = credential::stand_in(shape, credential::HEAD, code.expose(), &mut self.entropy);
        let Some(stand_in) = stand_in else { return malformed(code.expose()) };
        let parse = |text: &Secret| AuthorizationCode::parse(shape, text.expose()).map(|code| *code.digest());
        if let (Some(real), Some(here)) = (parse(code), parse(&stand_in)) {
            self.stands_for(&real, here);
        }
        stand_in.expose().to_owned()
    }

    fn handle(&mut self, handle: &Secret) -> String {
        let shape = &InteractionHandle::SHAPE;
        let stand_in = credential::stand_in(shape, credential::HEAD, handle.expose(), &mut self.entropy);
        let Some(stand_in) = stand_in else { return malformed(handle.expose()) };
        let parse = |text: &Secret| InteractionHandle::parse(shape, text.expose()).map(|code| *code.digest());
        if let (Some(real), Some(here)) = (parse(handle), parse(&stand_in)) {
            self.stands_for(&real, here);
        }
        stand_in.expose().to_owned()
    }

    /// An access token or a refresh token, or what may be either.
    fn token(&mut self, token: &Secret) -> String {
        let formats = &self.profile.clone().formats;
        let stand_in = credential::token_stand_in(formats, token.expose(), &mut self.entropy);
        let Some(stand_in) = stand_in else { return malformed(token.expose()) };
        let access = |text: &Secret| AccessToken::parse(&formats.access_token, text.expose());
        if let (Some(real), Some(here)) = (access(token), access(&stand_in)) {
            self.stands_for(real.digest(), *here.digest());
        }
        let refresh = |text: &Secret| RefreshToken::parse(&formats.refresh_token, text.expose());
        if let (Some(real), Some(here)) = (refresh(token), refresh(&stand_in)) {
            self.stands_for(&real.digest(), here.digest());
            self.refresh = Some((real, here));
        }
        stand_in.expose().to_owned()
    }

    fn session(&mut self, session: &Digest) -> Digest {
        let here = Digest::from_bytes(self.entropy.draw());
        let at = |session| flow::session_at(&self.profile, session);
        let pair = (at(session), at(&here));
        self.stands_for(&pair.0, pair.1);
        here
    }

    fn client_id(&mut self, id: &ClientId) -> ClientId {
        ClientId::parse(&self.masked(id.as_str())).unwrap_or_else(|_| id.clone())
    }

    fn credentials(&mut self, credentials: &ClientCredentials) -> CredentialsText {
        let proof = match &credentials.proof {
            ClientProof::None => ProofText::None,
            ClientProof::Basic(secret) => ProofText::ClientSecretBasic(self.secret(secret)),
            ClientProof::Post(secret) => ProofText::ClientSecretPost(self.secret(secret)),
        };
        CredentialsText { client_id: self.client_id(&credentials.client), proof }
    }

    fn grant(&mut self, grant: &GrantRequest) -> GrantText {
        match grant {
            GrantRequest::AuthorizationCode { code, redirect_uri, code_verifier } => {
                GrantText::AuthorizationCode {
                    code: self.code(code),
                    redirect_uri: redirect_uri.as_ref().map(|uri| self.uri(uri)),
                    code_verifier: code_verifier.as_ref().map(|verifier| self.verifier(verifier)),
                }
            }
            GrantRequest::RefreshToken { refresh_token, scope } => GrantText::RefreshToken {
                refresh_token: self.token(refresh_token),
                scope: scope.as_ref().map(|scope| self.scope(scope)),
            },
            GrantRequest::ClientCredentials { scope } => {
                GrantText::ClientCredentials { scope: scope.as_ref().map(|scope| self.scope(scope)) }
            }
            GrantRequest::ApiKey => GrantText::ApiKey,
            GrantRequest::Password { subject, scope } => GrantText::Password {
                subject: subject.clone(),
                scope: scope.as_ref().map(|scope| self.scope(scope)),
            },
        }
    }

    fn challenge(&mut self, text: &str) -> String {
        match crate::pkce::CodeChallenge::parse(text) {
            Some(_) => self.digest(text),
            None => self.masked(text),
        }
    }

    fn parameters(&mut self, given: &AuthorizationParameters) -> ParametersText {
        let words = |text: &str, stand_ins: &mut Self| {
            let tokens: Vec<String> = text.split(' ').map(|token| stand_ins.masked(token)).collect();
            tokens.join(" ")
        };
        ParametersText {
            client_id: GivenText::of(&given.client_id, |text| self.masked(text)),
            redirect_uri: GivenText::of(&given.redirect_uri, |text| self.uri(text)),
            response_type: GivenText::of(&given.response_type, |text| self.masked(text)),
            response_mode: GivenText::of(&given.response_mode, |text| self.masked(text)),
            scope: GivenText::of(&given.scope, |text| words(text, self)),
            state: GivenText::of(&given.state, |text| self.masked_words(text)),
            code_challenge: GivenText::of(&given.code_challenge, |text| self.challenge(text)),
            code_challenge_method: GivenText::of(&given.code_challenge_method, |text| self.masked(text)),
            page: GivenText::of(&given.page, |text| self.masked(text)),
            others: given.others,
        }
    }

    fn account(&mut self, id: &AccountId, of: &ApproverText) -> AccountId {
        if of.accounts.iter().any(|account| account.id == *id) {
            return id.clone();
        }
        AccountId::parse(&self.masked(id.as_str())).unwrap_or_else(|_| id.clone())
    }

    /// The request, as it may be seen.
    pub(super) fn call(&mut self, call: &Call) -> Written {
        match call {
            Call::Token(request) => Written::Token {
                by: match &request.client {
                    Presenter::Client(credentials) => By::Client(self.credentials(credentials)),
                    Presenter::ApiKey(key) => By::ApiKey(self.secret(key)),
                    Presenter::Bearer => By::Bearer,
                },
                grant: self.grant(&request.grant),
            },
            Call::Examine(parameters) => Written::Examine(self.parameters(parameters)),
            Call::Ask { request, approver, session } => {
                // It is trusted by now, so all but what was added to its query is registered.
                let base = request.redirect.as_str().split('?').next().unwrap_or_default();
                self.uris.insert(base.to_owned());
                self.known.insert(request.client.as_str().to_owned());
                self.known.extend(request.scope.tokens().map(ToOwned::to_owned));
                let challenge = request.challenge.as_ref().map(|challenge| {
                    let stand_in = self.digest(&challenge.to_text());
                    crate::pkce::CodeChallenge::parse(&stand_in)
                });
                Written::Ask {
                    request: RequestText {
                        client: request.client.clone(),
                        redirect_uri: self.uri(request.redirect.as_str()),
                        redirect_asked: request.redirect.to_repeat().is_some(),
                        response_type: request.response_type,
                        scope: request.scope.clone(),
                        state: request.state.as_ref().map(|state| self.masked_words(state)),
                        challenge: challenge.flatten(),
                        page: request.page,
                        assured: request.assured,
                    },
                    approver: ApproverText::of(approver),
                    session: self.session(session),
                }
            }
            Call::ChooseAccount { handle, session, approver, account } => {
                let approver = ApproverText::of(approver);
                Written::ChooseAccount {
                    handle: self.handle(handle),
                    session: self.session(session),
                    account: self.account(account, &approver),
                    approver,
                }
            }
            Call::Decide(decision) => {
                let approver = ApproverText::of(&decision.approver);
                Written::Decide {
                    handle: self.handle(&decision.handle),
                    session: self.session(&decision.session),
                    account: decision.account.as_ref().map(|account| self.account(account, &approver)),
                    choice: match &decision.choice {
                        Choice::Approve { scope } => {
                            ChoiceText::Approve { scope: scope.as_ref().map(|scope| self.scope(scope)) }
                        }
                        Choice::Deny => ChoiceText::Deny,
                    },
                    approver,
                }
            }
            Call::Introspect { client, token } => {
                Written::Introspect { client: self.credentials(client), token: self.token(token) }
            }
            Call::Revoke { client, token } => {
                Written::Revoke { client: self.credentials(client), token: self.token(token) }
            }
            Call::Check { shown, required, act_as } => Written::Check {
                shown: match shown {
                    Shown::Nothing => ShownText::Nothing,
                    Shown::Token(token) => ShownText::Token(self.token(token)),
                    Shown::ApiKey(key) => ShownText::ApiKey(self.secret(key)),
                },
                required: required.scopes().cloned().collect(),
                act_as: act_as.as_ref().map(|person| {
                    SubjectId::parse(&self.masked(person.as_str())).unwrap_or_else(|_| person.clone())
                }),
            },
            Call::Leave { client } => Written::Leave { client: self.masked(client) },
        }
    }
}

/// What no rule goes by, and people may have written anything into.
const NOT_NEEDED: [&str; 7] =
    ["client_name", "description", "client_uri", "logo_uri", "logo", "sealed", "permissions"];

/// A text that reads as no code or token, as long as what it stands for. A JWT has three parts, and is verified if it is one.
fn malformed(text: &str) -> String {
    if text.split('.').count() == 3 {
        return text.split('.').map(|part| "x".repeat(part.len())).collect::<Vec<_>>().join(".");
    }
    MALFORMED.chars().cycle().take(text.len()).collect()
}

fn first_of_its_form(character: char) -> char {
    match character {
        'a'..='z' => 'a',
        'A'..='Z' => 'A',
        '0'..='9' => '0',
        // As long in UTF-8, since what is bounded is bounded in bytes.
        wide => match wide.len_utf8() {
            2 => 'é',
            3 => '€',
            _ => '😀',
        },
    }
}

/// The next word of the same form, if there is one.
fn advance(word: &mut [char]) -> bool {
    for character in word.iter_mut().rev() {
        let (first, last) = match character {
            'a'..='z' => ('a', 'z'),
            'A'..='Z' => ('A', 'Z'),
            '0'..='9' => ('0', '9'),
            _ => continue,
        };
        if *character == last {
            *character = first;
            continue;
        }
        *character = char::from_u32(u32::from(*character) + 1).unwrap_or(first);
        return true;
    }
    false
}
