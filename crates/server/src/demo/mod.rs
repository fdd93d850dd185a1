//! A client and a user to try things with, and the commands that do it.

use std::fmt::Write as _;

use grantor_core::client::{ClientMetadata, GrantType};
use grantor_core::{ClientId, Digest, Lifetime, RedirectUri, Scope, Secret};
use grantor_directory::{NewUser, Profile, UserName};
use serde::Serialize;

use crate::failure::Failure;
use crate::files;
use crate::wiring::House;

const NAME: &str = "demo";
/// By these names a client and a user are known to be ours, and not an operator's.
const CLIENT_NAME: &str = "grantor demo";
const PERSON: &str = "Demo of grantor";
const REDIRECT: &str = "http://127.0.0.1:8090/callback";

/// What was made, and what to do with it.
#[derive(Serialize)]
pub(crate) struct Demo {
    client_id: String,
    client_secret: String,
    username: String,
    password: String,
    /// Puts the secret where the other lines look for it.
    export: String,
    /// Gets a token.
    token: String,
    /// Gets a token, and keeps it where `introspect` looks for it.
    keep: String,
    /// Asks what that token is worth.
    introspect: String,
    /// To be opened in a browser.
    authorize: String,
    /// Exchanges the code that the browser came back with.
    redeem: String,
}

/// Makes the client and the user, or gives both new secrets: nobody has kept the old ones.
pub(crate) async fn prepare(house: &House, listener: &str) -> Result<Demo, Failure> {
    let scope = scope_of(house)?;
    let client_secret = client(house, &scope).await?;
    let password = user(house).await?;
    let (endpoints, issuer) = (&house.engine.profile().endpoints, &house.engine.profile().issuer);
    // The listener itself, since the issuer may be a name that only a proxy answers to.
    let path = issuer.as_str().strip_prefix(&issuer.origin()).unwrap_or_default();
    let base = format!("{listener}{path}");
    let verifier = random(32)?;
    let challenge = Digest::of(verifier.as_bytes()).to_base64url();
    // What is pasted stays short, and shells keep no secret in their history but the one exported.
    let curl = format!("curl -sS -u \"{NAME}:$SECRET\"");
    let token_path = endpoints.token.first().map_or("", |endpoint| endpoint.path.as_str());
    let token = format!("{curl} -d grant_type=client_credentials {base}{token_path}");
    let introspect = endpoints.introspect.as_deref().unwrap_or_default();
    let only_token = r#"sed 's/.*"access_token":"\([^"]*\)".*/\1/'"#;
    let asked: Vec<&str> = scope.tokens().collect();
    Ok(Demo {
        client_id: NAME.to_owned(),
        username: NAME.to_owned(),
        password: password.expose().to_owned(),
        export: format!("export SECRET='{}'", client_secret.expose()),
        keep: format!("TOKEN=$({token} | {only_token})"),
        introspect: format!("{curl} -d \"token=$TOKEN\" {base}{introspect}"),
        authorize: format!(
            "{}?response_type=code&client_id={NAME}&redirect_uri={}&scope={}&state=demo&code_challenge={challenge}\
             &code_challenge_method=S256",
            issuer.at(&endpoints.authorize),
            REDIRECT.replace(':', "%3A").replace('/', "%2F"),
            asked.join("+"),
        ),
        redeem: format!(
            "{curl} -d grant_type=authorization_code -d redirect_uri={REDIRECT} -d code_verifier={verifier} \
             -d code=THE_CODE {base}{token_path}"
        ),
        token,
        client_secret: client_secret.expose().to_owned(),
    })
}

impl Demo {
    /// The same for a person to read and paste.
    pub(crate) fn explained(&self) -> String {
        let mut text = String::new();
        let mut step = |what: &str, line: &str| {
            let _ = write!(text, "# {what}\n{line}\n\n");
        };
        step("The secret of the client demo, which is shown this once:", &self.export);
        step("A token for the client itself, at once:", &self.token);
        step("Another one, and what it is worth:", &format!("{}\n{}", self.keep, self.introspect));
        let login = format!("In a browser, log in as {} with the password {}:", self.username, self.password);
        step(&login, &self.authorize);
        step(
            "The browser ends at an address with ?code=…; put that code in the place of THE_CODE:",
            &self.redeem,
        );
        text
    }
}

/// `read write`, or what there is in the catalogue.
fn scope_of(house: &House) -> Result<Scope, Failure> {
    let catalogue = &house.engine.profile().scopes;
    let names: Vec<&str> = catalogue.names().collect();
    let text = if names.is_empty() { "read write".to_owned() } else { names.join(" ") };
    Scope::parse(&text).map_err(|e| Failure::failed(format!("scopes: {e}")))
}

async fn client(house: &House, scope: &Scope) -> Result<Secret, Failure> {
    let engine = &house.engine;
    let id = ClientId::parse(NAME).map_err(|e| Failure::failed(e.to_string()))?;
    let none = || Failure::failed("the demo client was given no secret");
    match engine.client(&id).await? {
        None => {
            let redirect = RedirectUri::parse(REDIRECT).map_err(|e| Failure::failed(e.to_string()))?;
            let metadata = ClientMetadata {
                client_name: Some(CLIENT_NAME.to_owned()),
                profile: engine.profile().name.clone(),
                redirect_uris: vec![redirect],
                grant_types: [
                    GrantType::AuthorizationCode,
                    GrantType::RefreshToken,
                    GrantType::ClientCredentials,
                ]
                .into(),
                scope: scope.clone(),
                ..ClientMetadata::new(id)
            };
            engine.register_client(metadata, None).await?.ok_or_else(none)
        }
        Some(found) if found.client_name.as_deref() == Some(CLIENT_NAME) => {
            engine.rotate_client_secret(&id, Lifetime::ZERO).await?.ok_or_else(none)
        }
        Some(_) => {
            Err(Failure::failed("there is a client `demo` that --demo did not make; start without --demo"))
        }
    }
}

async fn user(house: &House) -> Result<Secret, Failure> {
    let password = Secret::new(random(9)?);
    let username = UserName::parse(NAME).map_err(|e| Failure::failed(e.to_string()))?;
    match house.directory.user(username.subject()).await? {
        None => {
            let profile = Profile { name: Some(PERSON.to_owned()), ..Profile::default() };
            let new = NewUser { username, password: Some(password.clone()), profile };
            house.directory.create_user(&new, house.engine.now()).await??;
        }
        Some(found) if found.profile.name.as_deref() == Some(PERSON) => {
            house.directory.set_password(username.subject(), &password).await??;
        }
        Some(_) => {
            return Err(Failure::failed(
                "there is a user `demo` whom --demo did not make; start without --demo",
            ));
        }
    }
    Ok(password)
}

fn random(bytes: usize) -> Result<String, Failure> {
    files::random_hex(bytes).map_err(|e| Failure::failed(format!("no randomness: {e}")))
}
