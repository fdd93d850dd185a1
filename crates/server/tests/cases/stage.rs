//! One run of a case: the parties, and the server as this run has it, good or flawed.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use grantor_core::Digest;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::http::{Asked, Told, form};
use crate::judge::{Found, broken, rule};
use crate::place::{Kind, PASSWORD, PUBLIC, Place, Settings, redirect, secret};
use crate::wire::{Spoil, Wire, parrot};

pub(crate) const TOKEN: &str = "/oauth2/token";
pub(crate) const AUTHORIZE: &str = "/oauth2/authorize";
pub(crate) const INTROSPECT: &str = "/oauth2/introspect";
pub(crate) const REVOKE: &str = "/oauth2/revoke";
pub(crate) const METADATA: &str = "/.well-known/oauth-authorization-server";
pub(crate) const VERIFIER: &str = "a-verifier-of-more-than-43-characters-as-the-RFC-has-it";

/// What makes a good server a bad one.
#[derive(Clone)]
pub(crate) enum How {
    /// Something on the way.
    Wire(Spoil),
    /// Another server altogether, which says these words to whatever it is asked, and closes; without words it is silent.
    Parrot(&'static str),
    /// A setting with which the server itself breaks the rule.
    Setting(&'static str, &'static str),
    /// Another program in the binary's place, which does something wrong and then runs it: a line for the shell.
    Program(&'static str),
}

pub(crate) struct Stage {
    pub(crate) kind: Kind,
    place: OnceLock<Arc<Place>>,
    flaw: Option<How>,
    wires: Option<[Wire; 2]>,
}

/// What a client is given.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Stage {
    /// On a server that many share; a flaw in how a server is started takes one of its own, once it is asked for.
    pub(crate) fn new(kind: Kind, shared: Arc<Place>, flaw: Option<How>) -> Self {
        match flaw {
            Some(How::Setting(..) | How::Program(_)) => {
                Self { kind, place: OnceLock::new(), flaw, wires: None }
            }
            None | Some(How::Wire(_) | How::Parrot(_)) => Self::at(kind, shared, flaw),
        }
    }

    fn at(kind: Kind, place: Arc<Place>, flaw: Option<How>) -> Self {
        let wires = match &flaw {
            None | Some(How::Setting(..) | How::Program(_)) => None,
            Some(How::Wire(spoil)) => {
                Some([place.public(), place.admin()].map(|end| Wire::new(&end, spoil.clone())))
            }
            Some(How::Parrot(words)) => Some([parrot(words), parrot(words)]),
        };
        Self { kind, place: place.into(), flaw, wires }
    }

    pub(crate) fn place(&self) -> &Place {
        self.place.get_or_init(|| self.open(Settings::default()).unwrap_or_else(|found| panic!("{found:?}")))
    }

    /// The same on a server of its own.
    pub(crate) fn own(&self, settings: Settings) -> Result<Self, Found> {
        Ok(Self::at(self.kind, self.open(settings)?, self.flaw.clone()))
    }

    fn open(&self, mut settings: Settings) -> Result<Arc<Place>, Found> {
        match &self.flaw {
            None | Some(How::Wire(_) | How::Parrot(_)) => {}
            Some(How::Setting(name, value)) => settings.environment.push((name, value)),
            Some(How::Program(line)) => settings.program = line,
        }
        let place = Place::open(self.kind, settings)?.ok_or_else(|| broken("this run goes without it"))?;
        Ok(Arc::new(place))
    }

    /// The public listener, as whoever comes from outside sees it.
    pub(crate) fn public(&self) -> String {
        self.wires.as_ref().map_or_else(|| self.place().public(), |[public, _]| public.base.clone())
    }

    /// The operators' listener.
    pub(crate) fn admin(&self) -> String {
        self.wires.as_ref().map_or_else(|| self.place().admin(), |[_, admin]| admin.base.clone())
    }

    /// Ends the server, by a signal or by force, and starts one on the same records.
    pub(crate) fn start_again(&self) -> Result<(), Found> {
        self.place().start(&[])?;
        if let Some([public, admin]) = &self.wires {
            public.lead_to(&self.place().public());
            admin.lead_to(&self.place().admin());
        }
        Ok(())
    }

    /// The public listener is that of another server from now on.
    pub(crate) fn lead_to(&self, public: &str) {
        self.place().lead_to(public);
        if let Some([wire, _]) = &self.wires {
            wire.lead_to(public);
        }
    }

    /// The answer of a server that is well: it must be able to.
    pub(crate) fn send(&self, asked: &Asked) -> Result<Told, Found> {
        let told = asked.send(&self.public())?;
        if told.status >= 500 {
            return Err(rule(format!("{} {}: {told}", asked.method, asked.path())));
        }
        Ok(told)
    }

    /// The answer, whatever it is.
    pub(crate) fn ask(&self, asked: &Asked) -> Result<Told, Found> {
        asked.send(&self.public())
    }

    pub(crate) fn get(&self, target: &str) -> Result<Told, Found> {
        self.send(&Asked::get(target))
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.public())
    }

    pub(crate) fn alice(&self) -> Result<Browser, Found> {
        self.browser().logged_in("alice")
    }

    /// What an operator's program asks.
    pub(crate) fn operate(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Told, Found> {
        let asked = body.map_or_else(|| Asked::new(method, path, ""), |body| Asked::json(method, path, body));
        asked.header("Authorization", &format!("Bearer {}", self.place().operator)).send(&self.admin())
    }

    /// A client of this case alone, like `web` but for this.
    pub(crate) fn register(&self, id: &str, changes: &Value) -> Result<String, Found> {
        let mut client = json!({
            "client_id": unique(id), "client_secret": secret(id), "redirect_uris": [redirect("web")], "scope": "read write",
            "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "client_secret_basic",
        });
        for (name, value) in changes.as_object().into_iter().flatten() {
            if value.is_null() {
                client.as_object_mut().map(|client| client.remove(name));
            } else {
                client[name] = value.clone();
            }
        }
        let id = client["client_id"].as_str().unwrap_or_default().to_owned();
        self.operate("POST", "/api/import", Some(&json!({"clients": [client]})))?.must(200)?;
        Ok(id)
    }

    /// A user of this case alone.
    pub(crate) fn join(&self, name: &str) -> Result<String, Found> {
        let name = unique(name);
        let users = json!({"users": [{"username": name, "password": PASSWORD}]});
        self.operate("POST", "/api/import", Some(&users))?.must(200)?;
        Ok(name)
    }

    /// As a client asks the token endpoint that authenticates as it is registered to.
    pub(crate) fn token(&self, client: &str, fields: &[(&str, &str)]) -> Result<Told, Found> {
        self.send(&by(client, TOKEN, fields))
    }

    /// The code of an approval by this browser.
    pub(crate) fn code_by(&self, browser: &mut Browser, client: &str) -> Result<String, Found> {
        browser.approve(&authorize(client, &[]))?.code()
    }

    /// A code for a client, approved by alice.
    pub(crate) fn code(&self, client: &str) -> Result<String, Found> {
        self.code_by(&mut self.alice()?, client)
    }

    pub(crate) fn redeem(&self, client: &str, code: &str) -> Result<Told, Found> {
        self.send(&redemption(client, code))
    }

    pub(crate) fn refresh(&self, client: &str, token: &str) -> Result<Told, Found> {
        self.send(&refreshing(client, token))
    }

    /// The tokens of a grant that alice made for a client.
    pub(crate) fn grant(&self, client: &str) -> Result<Pair, Found> {
        pair(&self.redeem(client, &self.code(client)?)?)
    }

    /// A client's own token.
    pub(crate) fn own_token(&self, client: &str) -> Result<String, Found> {
        self.token(client, &[("grant_type", "client_credentials")])?.must(200)?.text("access_token")
    }

    /// Whether a token is live, by the server's word to its client, or to an operator if that has no secret to ask with.
    pub(crate) fn is_active(&self, client: &str, token: &str) -> Result<bool, Found> {
        if PUBLIC.contains(&client) {
            let told = self.operate("POST", "/api/tokens/introspect", Some(&json!({"token": token})))?;
            return Ok(told.must(200)?.value()["active"] == true);
        }
        Ok(self.introspect(client, token)?["active"] == true)
    }

    /// What the server tells a client of a token.
    pub(crate) fn introspect(&self, client: &str, token: &str) -> Result<Value, Found> {
        Ok(self.send(&by(client, INTROSPECT, &[("token", token)]))?.must(200)?.value())
    }

    pub(crate) fn revoke(&self, client: &str, token: &str) -> Result<Told, Found> {
        self.send(&by(client, REVOKE, &[("token", token)]))
    }
}

/// A name that no other case has.
pub(crate) fn unique(name: &str) -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A name as it was registered by a case, or one of the parties'.
fn plain(client: &str) -> &str {
    client
        .rsplit_once('-')
        .filter(|(_, end)| end.bytes().all(|b| b.is_ascii_digit()))
        .map_or(client, |(name, _)| name)
}

fn prefix(client: &str) -> &'static str {
    if plain(client).starts_with("strict") { "/strict" } else { "" }
}

/// A request to an endpoint by a client, which authenticates as it is registered to.
pub(crate) fn by(client: &str, path: &str, fields: &[(&str, &str)]) -> Asked {
    let path = format!("{}{path}", prefix(client));
    let secret = secret(plain(client));
    match plain(client) {
        public if PUBLIC.contains(&public) => {
            Asked::post(&path, &[fields, &[("client_id", client)]].concat())
        }
        "post" => {
            Asked::post(&path, &[fields, &[("client_id", client), ("client_secret", &secret)]].concat())
        }
        _ => Asked::post(&path, fields).basic(client, &secret),
    }
}

pub(crate) fn redemption(client: &str, code: &str) -> Asked {
    by(client, TOKEN, &redemption_fields(client, code))
}

pub(crate) fn redemption_fields<'a>(client: &'a str, code: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", to(client)),
        ("code_verifier", VERIFIER),
    ]
}

pub(crate) fn refreshing(client: &str, token: &str) -> Asked {
    by(client, TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", token)])
}

pub(crate) fn pair(told: &Told) -> Result<Pair, Found> {
    let told = told.clone().must(200)?;
    Ok(Pair { access: told.text("access_token")?, refresh: told.text("refresh_token")? })
}

pub(crate) fn challenge(verifier: &str) -> String {
    Digest::of(verifier.as_bytes()).to_base64url()
}

/// Where a client is answered at; those that cases register, where `web` is.
pub(crate) fn to(client: &str) -> &'static str {
    match redirect(client) {
        "" if plain(client).starts_with("strict") => redirect("strict"),
        "" => redirect("web"),
        uri => uri,
    }
}

/// A right request, with parameters replaced by a value, or taken away by an empty one.
pub(crate) fn authorize(client: &str, changes: &[(&str, &str)]) -> String {
    format!("{}{AUTHORIZE}?{}", prefix(client), authorize_query(client, changes))
}

pub(crate) fn authorize_query(client: &str, changes: &[(&str, &str)]) -> String {
    let challenge = challenge(VERIFIER);
    let mut fields = BTreeMap::from([
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", to(client)),
        ("scope", "read write"),
        ("state", "the-state"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ]);
    fields.extend(changes.iter().copied());
    form(&fields.into_iter().filter(|(_, value)| !value.is_empty()).collect::<Vec<_>>())
}
