//! What is to be proven: a profile, and the clients that are registered with it.

use std::fmt;
use std::sync::Arc;

use grantor_core::client::{self, AuthMethod, ClientMetadata, GrantType};
use grantor_core::flow::api_key_client;
use grantor_core::request::{Approver, ApproverAccount, ClientCredentials, ClientProof, Presenter};
use grantor_core::{
    ClientId, Profile, RedirectUri, Scope, ScopeCatalogue, Secret, SecretHash, ServerKey, SubjectId, Time,
};

use super::act::{Client, Person, Slip, Words};

/// Where the clients that the kit makes are answered.
pub(crate) const CALLBACK: &str = "https://app.test/cb";
/// Where nobody is answered.
pub(crate) const ELSEWHERE: &str = "https://evil.test/cb";
/// A word that no catalogue knows.
const UNKNOWN: &str = "nobody-knows-this";
/// More words than this have no bit.
const MOST_WORDS: usize = 60;

/// A profile and the clients that are registered with it: all that the promises depend on beside the code. Cloning it is
/// cheap.
///
/// ```
/// use grantor_core::{Lifetime, Profile, RefreshMode};
/// use grantor_testkit::proof::Policy;
///
/// let mut profile = Profile::standard("https://auth.example.com".parse().unwrap());
/// profile.refresh = RefreshMode::Rotate { grace: Lifetime::ZERO };
/// let policy = Policy::of(profile);
/// assert_eq!(policy.clients()[0].client_id.as_str(), "web");
/// ```
#[derive(Clone)]
pub struct Policy(Arc<Parts>);

struct Parts {
    profile: Arc<Profile>,
    key: Arc<ServerKey>,
    clients: Vec<Registration>,
    words: Vec<String>,
}

struct Registration {
    metadata: ClientMetadata,
    secret: Secret,
    /// All it may ask for, and what it gets if it does not say.
    most: Words,
    default: Words,
}

impl Policy {
    /// A profile with clients as the kit makes them, one of each kind that it can serve: `web` and `rival`, who have
    /// secrets; `spa`, which has none; `brief`, which gets no refresh token and may leave PKCE out; `api`, a resource
    /// server, and `far`, whose tokens are for another; or the API keys `key-0` and `key-1`.
    ///
    /// # Panics
    /// If the profile cannot serve any client.
    pub fn of(profile: Profile) -> Self {
        let words = words_of(&profile, &[]);
        let clients = cast(&profile, &words);
        Self::with_clients(profile, clients)
    }

    /// A profile with clients of your own. Two at least, or nobody can try what is another's. Whatever secrets they have
    /// in life, here they have others.
    ///
    /// # Panics
    /// If the profile cannot serve one of them, or there are none.
    pub fn with_clients(profile: Profile, clients: Vec<ClientMetadata>) -> Self {
        assert!(!clients.is_empty() && clients.len() <= 16, "a policy has from one to 16 clients");
        let key = ServerKey::from_bytes([1; 32]);
        let words = words_of(&profile, &clients);
        let clients = clients
            .into_iter()
            .map(|mut metadata| {
                metadata.profile.clone_from(&profile.name);
                let secret = secret_of(&metadata.client_id);
                if metadata.token_endpoint_auth_method == AuthMethod::ApiKey {
                    metadata.client_id = api_key_client(&profile, &key, &secret);
                }
                let most = mask(&words, &metadata.scope);
                let default = metadata.default_scope.as_ref().map_or(most, |scope| mask(&words, scope));
                Registration { metadata, secret, most, default }
            })
            .collect();
        Self(Arc::new(Parts { profile: Arc::new(profile), key: Arc::new(key), clients, words }))
    }

    /// The profile.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.0.profile
    }

    /// What is registered of each client.
    pub fn clients(&self) -> Vec<&ClientMetadata> {
        self.0.clients.iter().map(|client| &client.metadata).collect()
    }

    /// The words that scopes are made of: those of the catalogue and of the clients, and one that nobody knows.
    pub fn words(&self) -> &[String] {
        &self.0.words
    }

    /// The scope that these words make.
    pub fn scope(&self, words: Words) -> Scope {
        let chosen = self.0.words.iter().enumerate().filter(|(bit, _)| words.0 & (1 << bit) != 0);
        let text = chosen.map(|(_, word)| word.as_str()).collect::<Vec<_>>().join(" ");
        Scope::parse(&text).unwrap_or_default()
    }

    pub(crate) fn server_key(&self) -> &Arc<ServerKey> {
        &self.0.key
    }

    pub(crate) fn count(&self) -> usize {
        self.0.clients.len()
    }

    pub(crate) fn has(&self, client: Client) -> bool {
        usize::from(client.0) < self.count()
    }

    pub(crate) fn metadata(&self, client: Client) -> &ClientMetadata {
        &self.0.clients[usize::from(client.0)].metadata
    }

    pub(crate) fn secret(&self, client: Client) -> &Secret {
        &self.0.clients[usize::from(client.0)].secret
    }

    pub(crate) fn most(&self, client: Client) -> Words {
        self.0.clients[usize::from(client.0)].most
    }

    pub(crate) fn default_scope(&self, client: Client) -> Words {
        self.0.clients[usize::from(client.0)].default
    }

    pub(crate) fn is_keyed(&self, client: Client) -> bool {
        self.metadata(client).token_endpoint_auth_method == AuthMethod::ApiKey
    }

    pub(crate) fn client_of(&self, id: &ClientId) -> Option<Client> {
        let at = self.0.clients.iter().position(|client| client.metadata.client_id == *id)?;
        u8::try_from(at).ok().map(Client)
    }

    /// The words of a scope, if it has no others.
    pub(crate) fn words_of(&self, scope: &Scope) -> Option<Words> {
        let known = scope.tokens().all(|token| self.0.words.iter().any(|word| word == token));
        known.then(|| mask(&self.0.words, scope))
    }

    /// Where this client is answered.
    pub(crate) fn callback(&self, client: Client) -> &str {
        self.metadata(client).redirect_uris.first().map_or(CALLBACK, RedirectUri::as_str)
    }

    /// The registration as it lies in a store.
    pub(crate) fn registration(&self, client: Client, now: Time) -> client::Client {
        let metadata = self.metadata(client).clone();
        let secret = (!metadata.is_public()).then(|| SecretHash::of_strong(self.secret(client)));
        let id = metadata.client_id.clone();
        client::Client::register(metadata, secret, self.profile(), now)
            .unwrap_or_else(|e| panic!("the profile {} cannot serve {id}: {e}", self.profile().name))
    }

    /// Who a client says it is, with what is wrong about that.
    pub(crate) fn presenter(&self, client: Client, slip: Option<Slip>) -> Presenter {
        if self.is_keyed(client) {
            let key = match slip {
                Some(Slip::WrongSecret | Slip::Invented | Slip::Garbled) => {
                    Secret::new("not-a-key-of-anybody")
                }
                _ => self.secret(client).clone(),
            };
            return Presenter::ApiKey(key);
        }
        Presenter::Client(self.credentials(client, slip))
    }

    pub(crate) fn credentials(&self, client: Client, slip: Option<Slip>) -> ClientCredentials {
        let metadata = self.metadata(client);
        let secret = match slip {
            Some(Slip::WrongSecret) => {
                Secret::new("a secret that is long enough, and not that of any client")
            }
            _ => self.secret(client).clone(),
        };
        let proof = match (metadata.token_endpoint_auth_method, slip) {
            (_, Some(Slip::NoSecret)) | (AuthMethod::None, _) => ClientProof::None,
            (AuthMethod::ClientSecretPost, _) => ClientProof::Post(secret),
            (AuthMethod::ClientSecretBasic | AuthMethod::ApiKey, _) => ClientProof::Basic(secret),
        };
        ClientCredentials { client: metadata.client_id.clone(), proof }
    }

    /// A person, with one account of which he is what the profile wants of an approver.
    pub(crate) fn approver(&self, person: Person) -> Approver {
        let role = self.profile().approval.roles.first().map_or("owner", String::as_str);
        let id = match person {
            Person::Alice => "35",
            Person::Bob => "36",
        };
        let account = ApproverAccount {
            id: id.parse().unwrap(),
            name: None,
            url: None,
            role: role.to_owned(),
            oauth_enabled: true,
        };
        Approver { accounts: vec![account], ..Approver::new(subject(person)) }
    }
}

pub(crate) fn subject(person: Person) -> SubjectId {
    SubjectId::parse(name(person)).unwrap()
}

pub(crate) const fn name(person: Person) -> &'static str {
    match person {
        Person::Alice => "alice",
        Person::Bob => "bob",
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("profile", &self.0.profile.name)
            .field("refresh", &self.0.profile.refresh)
            .field("format", &self.0.profile.access_token.format)
            .field("clients", &self.clients().iter().map(|c| c.client_id.as_str()).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

fn secret_of(client: &ClientId) -> Secret {
    Secret::new(format!("the-secret-of-{client}-which-is-long-enough"))
}

fn mask(words: &[String], scope: &Scope) -> Words {
    let bits = words.iter().enumerate().filter(|(_, word)| scope.contains(word));
    Words(bits.fold(0, |mask, (bit, _)| mask | 1 << bit))
}

fn words_of(profile: &Profile, clients: &[ClientMetadata]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let catalogue = profile.scopes.names();
    let registered = clients.iter().flat_map(|client| client.scope.tokens());
    for word in catalogue.chain(registered) {
        if words.len() < MOST_WORDS && !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    if words.is_empty() {
        words.extend(["read", "write", "admin"].map(str::to_owned));
    }
    words.push(UNKNOWN.to_owned());
    words
}

/// One client of each kind that a profile can serve.
fn cast(profile: &Profile, words: &[String]) -> Vec<ClientMetadata> {
    let known = words.len() - 1;
    let scope = |bits: std::ops::Range<usize>| {
        let text: Vec<&str> = words[bits].iter().map(String::as_str).collect();
        Scope::parse(&text.join(" ")).unwrap_or_default()
    };
    let rules = &profile.clients.authentication;
    let own = |grant: &GrantType| *grant != GrantType::ApiKey;
    let client = |id: &str, method: AuthMethod, all: bool| {
        let mut metadata = ClientMetadata::new(id.parse().unwrap());
        metadata.redirect_uris = vec![RedirectUri::parse(CALLBACK).unwrap()];
        metadata.grant_types = profile.grant_types.iter().copied().filter(own).collect();
        metadata.token_endpoint_auth_method = method;
        metadata.scope = if all { scope(0..known) } else { scope(0..known.div_ceil(2)) };
        metadata.default_scope = Some(scope(0..1));
        metadata
    };
    let with_secret = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
    let mut clients = Vec::new();
    if profile.grant_types.contains(&GrantType::ApiKey) {
        for (id, owner) in [("key-0", Person::Alice), ("key-1", Person::Bob)] {
            let mut key = ClientMetadata::new(id.parse().unwrap());
            key.grant_types = [GrantType::ApiKey, GrantType::RefreshToken].into();
            key.token_endpoint_auth_method = AuthMethod::ApiKey;
            key.scope = scope(0..known);
            key.owner = Some(subject(owner));
            clients.push(key);
        }
    }
    if let Some(method) = with_secret.into_iter().find(|method| rules.contains(method))
        && profile.grant_types.iter().any(own)
    {
        clients.push(client("web", method, true));
        clients.push(client("rival", method, false));
        let mut brief = client("brief", method, true);
        brief.grant_types.remove(&GrantType::RefreshToken);
        brief.require_pkce = false;
        brief.access_token_audience = Some("https://api.test".to_owned());
        clients.push(brief);
        let mut far = client("far", method, true);
        far.access_token_audience = Some("https://far.test".to_owned());
        clients.push(far);
    }
    if rules.contains(&AuthMethod::None) {
        let mut spa = client("spa", AuthMethod::None, true);
        spa.grant_types.remove(&GrantType::ClientCredentials);
        if !spa.grant_types.is_empty() {
            clients.push(spa);
        }
    }
    if profile.endpoints.introspect.is_some() {
        let mut api = ClientMetadata::new("api".parse().unwrap());
        api.grant_types.clear();
        api.audience = Some("https://api.test".to_owned());
        clients.push(api);
    }
    clients.retain(|client| !client.grant_types.is_empty() || client.audience.is_some());
    clients
}

/// What each word permits, itself among them, over any number of implications: the kit's own reading of a catalogue.
pub(crate) fn closures(words: &[String], catalogue: &ScopeCatalogue) -> Vec<u64> {
    let bit = |name: &str| words.iter().position(|word| word == name).map_or(0, |at| 1 << at);
    let implied = |word: &String| {
        let implies = catalogue.meanings().get(word).map(|meaning| meaning.implies.as_slice());
        implies
            .unwrap_or_default()
            .iter()
            .fold(0, |all, name| all | if name == "*" { u64::MAX } else { bit(name) })
    };
    let direct: Vec<u64> = words.iter().map(|word| bit(word) | implied(word)).collect();
    let mut closed = direct;
    for _ in 0..words.len() {
        for at in 0..closed.len() {
            let more = (0..words.len())
                .filter(|other| closed[at] & (1 << other) != 0)
                .fold(0, |all, o| all | closed[o]);
            closed[at] |= more;
        }
    }
    closed
}
