//! The commands to paste, in the names and ways of a profile.

use std::fmt::Write as _;

use grantor_core::client::{AuthMethod, GrantType};
use grantor_core::profile::TokenEndpoint;
use grantor_core::{Digest, Profile, Secret};
use serde::Serialize;

use super::registration::Made;
use super::{NAME, REDIRECT, Reach, api, random};
use crate::failure::Failure;

const ONLY_TOKEN: &str = r#"sed 's/.*"access_token":"\([^"]*\)".*/\1/'"#;

/// What was made for a profile, and lines for the shell.
#[derive(Clone, Serialize)]
pub(crate) struct Lines {
    client_id: String,
    /// Its secret, or the API key.
    client_secret: String,
    username: String,
    password: String,
    /// Puts the secrets where the other lines look for them.
    export: String,
    /// Gets a token at once, where no browser is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// Gets a token, and keeps it where the lines after it look for it.
    keep: String,
    /// Asks what that token is worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    introspect: Option<String>,
    /// Calls the small API with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    /// To be opened in a browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorize: Option<String>,
    /// Exchanges the code that the browser came back with.
    #[serde(skip_serializing_if = "Option::is_none")]
    redeem: Option<String>,
}

/// The lines for a profile.
pub(super) fn of(profile: &Profile, reach: &Reach, made: &Made, password: &Secret) -> Result<Lines, Failure> {
    let writer = Writer::new(profile, reach, made);
    let verifier = random(32)?;
    let has_code = made.metadata.may_use(GrantType::AuthorizationCode);
    let token = writer.token();
    let redeem = has_code.then(|| writer.redeem(verifier.expose()));
    let gets = token.as_ref().or(redeem.as_ref()).cloned().unwrap_or_default();
    let mut export = format!("export {}='{}'", writer.secret, made.secret.expose());
    if made.metadata.may_use(GrantType::Password) {
        let _ = write!(export, " {}='{}'", writer.password, password.expose());
    }
    Ok(Lines {
        client_id: made.metadata.client_id.to_string(),
        client_secret: made.secret.expose().to_owned(),
        username: NAME.to_owned(),
        password: password.expose().to_owned(),
        export,
        keep: format!("{}=$({gets} | {ONLY_TOKEN})", writer.token),
        introspect: writer.introspect(),
        call: reach.preset.and_then(api::of).map(|api| writer.call(api.example)),
        authorize: has_code.then(|| writer.authorize(verifier.expose())),
        redeem,
        token,
    })
}

impl Lines {
    /// The same for a person to read and paste.
    pub(super) fn explained(&self) -> String {
        let mut text = String::new();
        let mut step = |what: &str, line: &str| {
            let _ = write!(text, "# {what}\n{line}\n\n");
        };
        let and = |more: &Option<String>| more.as_ref().map(|line| format!("\n{line}")).unwrap_or_default();
        step(&format!("The secret of {}, which is shown this once:", self.client_id), &self.export);
        if let Some(token) = &self.token {
            step("A token at once:", token);
            let what = if self.introspect.is_some() {
                "Another one, and what it is worth:"
            } else {
                "Another one, kept:"
            };
            step(what, &format!("{}{}", self.keep, and(&self.introspect)));
            if let Some(call) = &self.call {
                step("A call of the demo's own API with it:", call);
            }
        }
        if let (Some(authorize), Some(redeem)) = (&self.authorize, &self.redeem) {
            let login =
                format!("In a browser, log in as {} with the password {}:", self.username, self.password);
            step(&login, authorize);
            let what = "The browser ends at an address with ?code=…; put that code in the place of THE_CODE:";
            match &self.token {
                Some(_) => step(what, redeem),
                None => {
                    step(what, &self.keep);
                    step(
                        "What it is good for:",
                        format!("{}{}", self.call.clone().unwrap_or_default(), and(&self.introspect)).trim(),
                    );
                }
            }
        }
        text
    }
}

/// Writes lines in the ways of one profile.
struct Writer<'a> {
    profile: &'a Profile,
    reach: &'a Reach,
    made: &'a Made,
    /// The names of the shell's variables.
    secret: String,
    token: String,
    password: String,
}

impl<'a> Writer<'a> {
    fn new(profile: &'a Profile, reach: &'a Reach, made: &'a Made) -> Self {
        let prefix = match profile.name.as_str() {
            "standard" => String::new(),
            name => format!("{}_", name.to_ascii_uppercase().replace('-', "_")),
        };
        let named = |what: &str| format!("{prefix}{what}");
        Self {
            profile,
            reach,
            made,
            secret: named("SECRET"),
            token: named("TOKEN"),
            password: named("PASSWORD"),
        }
    }

    /// What every line begins with.
    fn curl(&self) -> String {
        let host = self.reach.host.as_ref().map(|host| format!(" -H 'Host: {host}'")).unwrap_or_default();
        format!("curl -sS{host}")
    }

    /// The same as this client. What is pasted stays short, and shells keep no secret in their history but the one exported.
    fn curl_as_client(&self) -> String {
        let (curl, id, secret) = (self.curl(), &self.made.metadata.client_id, &self.secret);
        match self.made.metadata.token_endpoint_auth_method {
            AuthMethod::ClientSecretBasic => format!("{curl} -u \"{id}:${secret}\""),
            AuthMethod::ClientSecretPost => {
                format!("{curl} -d client_id={id} -d \"client_secret=${secret}\"")
            }
            AuthMethod::None | AuthMethod::ApiKey => format!("{curl} -d client_id={id}"),
        }
    }

    /// What the profile calls a parameter.
    fn name<'b>(&'b self, parameter: &'b str) -> &'b str {
        let theirs = self.profile.parameters.get(parameter).and_then(|names| names.first());
        theirs.map_or(parameter, String::as_str)
    }

    /// Where a grant type is asked for.
    fn endpoint(&self, grant: GrantType) -> Option<&'a TokenEndpoint> {
        let mut all = self.profile.endpoints.token.iter();
        all.find(|endpoint| endpoint.grant_type.is_none_or(|only| only == grant))
    }

    fn at(&self, grant: GrantType) -> String {
        let path = self.endpoint(grant).map_or("", |endpoint| endpoint.path.as_str());
        format!("{}{path}", self.reach.base)
    }

    fn token(&self) -> Option<String> {
        let may = |grant| self.made.metadata.may_use(grant);
        if self.profile.grant_types.contains(&GrantType::ApiKey) {
            let (curl, at, key) = (self.curl(), self.at(GrantType::ApiKey), &self.secret);
            let name = self.name("api_key");
            return Some(format!(
                "{curl} -H 'Content-Type: application/json' -d \"{{\\\"{name}\\\":\\\"${key}\\\"}}\" {at}"
            ));
        }
        if may(GrantType::ClientCredentials) {
            let (curl, at) = (self.curl_as_client(), self.at(GrantType::ClientCredentials));
            let by_get =
                self.endpoint(GrantType::ClientCredentials).is_some_and(|endpoint| endpoint.danger_get);
            return Some(match by_get {
                true => format!("{curl} \"{at}?grant_type=client_credentials\""),
                false => format!("{curl} -d grant_type=client_credentials {at}"),
            });
        }
        may(GrantType::Password).then(|| self.token_by_password())
    }

    fn token_by_password(&self) -> String {
        let curl = match self.profile.clients.danger_password_without_secret {
            true => format!("{} -d client_id={}", self.curl(), self.made.metadata.client_id),
            false => self.curl_as_client(),
        };
        let scopes: Vec<&str> = self.made.metadata.scope.tokens().collect();
        format!(
            "{curl} -d grant_type=password -d {}={NAME} -d \"password=${}\" -d '{}={}' {}",
            self.name("username"),
            self.password,
            self.name("scope"),
            scopes.join(" "),
            self.at(GrantType::Password)
        )
    }

    fn introspect(&self) -> Option<String> {
        let path = self.profile.endpoints.introspect.as_deref()?;
        let (curl, token) = (self.curl_as_client(), &self.token);
        Some(format!("{curl} -d \"token=${token}\" {}{path}", self.reach.base))
    }

    fn call(&self, (options, path): (&str, &str)) -> String {
        let scheme = self.profile.resource.schemes.first().map_or("Bearer", String::as_str);
        let (curl, token) = (self.curl(), &self.token);
        format!("{curl} -H \"Authorization: {scheme} ${token}\" {options}{}{path}", self.reach.base)
    }

    fn authorize(&self, verifier: &str) -> String {
        let mut query = format!(
            "response_type=code&client_id={}&redirect_uri={}",
            self.made.metadata.client_id,
            REDIRECT.replace(':', "%3A").replace('/', "%2F"),
        );
        let asked: Vec<&str> = self.made.metadata.scope.tokens().collect();
        let scope = asked.join("+").replace(':', "%3A");
        let _ = write!(query, "&{}={scope}&state=demo", self.name("scope"));
        if self.made.metadata.needs_pkce(self.profile) {
            let challenge = Digest::of(verifier.as_bytes()).to_base64url();
            let _ = write!(query, "&code_challenge={challenge}&code_challenge_method=S256");
        }
        format!("{}?{query}", self.profile.issuer.at(&self.profile.endpoints.authorize))
    }

    fn redeem(&self, verifier: &str) -> String {
        let (curl, at) = (self.curl_as_client(), self.at(GrantType::AuthorizationCode));
        let proof = match self.made.metadata.needs_pkce(self.profile) {
            true => format!(" -d code_verifier={verifier}"),
            false => String::new(),
        };
        format!(
            "{curl} -d grant_type=authorization_code -d redirect_uri={REDIRECT}{proof} -d code=THE_CODE {at}"
        )
    }
}
