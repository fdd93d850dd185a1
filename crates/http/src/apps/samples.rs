//! Code that uses an application, ready to copy: in the names and ways of its profile, with its own values.
//!
//! **Whatever a value is, it stays a value**: each is quoted as its language quotes texts.

use grantor_core::client::{AuthMethod, ClientMetadata, GrantType};
use grantor_core::profile::{BodyKind, TokenEndpoint};
use grantor_core::{Profile, RedirectUri};
use grantor_pages::Sample;

/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(super) struct Writer<'a> {
    profile: &'a Profile,
    client: &'a ClientMetadata,
}

impl<'a> Writer<'a> {
    pub(super) fn new(profile: &'a Profile, client: &'a ClientMetadata) -> Self {
        Self { profile, client }
    }

    /// A link that leads a person to approve the application, at its first redirect URI.
    pub(super) fn link(&self) -> String {
        let pkce = self
            .client
            .needs_pkce(self.profile)
            .then_some([("code_challenge", CHALLENGE), ("code_challenge_method", "S256")]);
        let asked = [
            ("response_type", "code"),
            ("client_id", self.client.client_id.as_str()),
            ("redirect_uri", self.redirect()),
            ("scope", self.client.scope.as_str()),
            ("state", "try"),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in asked.into_iter().chain(pkce.into_iter().flatten()) {
            if !value.is_empty() {
                query.append_pair(self.name(name), value);
            }
        }
        format!("{}?{}", self.authorize(), query.finish())
    }

    /// What there is to copy: all of it where the profile speaks as the libraries do, and nothing that would not run.
    pub(super) fn samples(&self) -> Vec<Sample> {
        let may = |grant| self.client.may_use(grant) && self.endpoint(grant).is_some();
        let mut samples = Vec::new();
        if may(GrantType::AuthorizationCode) && !self.redirect().is_empty() {
            samples.push(Sample { id: "curl", title: "curl", code: self.curl() });
            if self.profile.parameters.is_empty() {
                samples.push(Sample { id: "python", title: "Python, Authlib", code: self.python() });
                if self.profile.endpoints.metadata.is_some() {
                    samples.push(Sample { id: "node", title: "Node, openid-client", code: self.node() });
                }
                samples.push(Sample { id: "ruby", title: "Ruby, oauth2", code: self.ruby() });
            }
        }
        if may(GrantType::ClientCredentials) {
            let code = self.curl_for_itself();
            samples.push(Sample { id: "itself", title: "curl, without a person", code });
        }
        samples
    }

    /// What the profile calls a parameter.
    fn name<'b>(&'b self, parameter: &'b str) -> &'b str {
        let theirs = self.profile.parameters.get(parameter).and_then(|names| names.first());
        theirs.map_or(parameter, String::as_str)
    }

    /// Where a grant type is asked for by a form.
    fn endpoint(&self, grant: GrantType) -> Option<&TokenEndpoint> {
        let all = self.profile.endpoints.token.iter();
        let mut fitting = all.filter(|endpoint| match endpoint.body {
            BodyKind::Form => endpoint.grant_type.is_none_or(|only| only == grant),
            BodyKind::Json => false,
        });
        fitting.next()
    }

    fn token(&self, grant: GrantType) -> String {
        self.profile.issuer.at(self.endpoint(grant).map_or("", |endpoint| endpoint.path.as_str()))
    }

    fn authorize(&self) -> String {
        self.profile.issuer.at(&self.profile.endpoints.authorize)
    }

    fn redirect(&self) -> &str {
        self.client.redirect_uris.first().map_or("", RedirectUri::as_str)
    }

    /// Whether a library has to be told that something here is not encrypted.
    fn is_in_clear(&self) -> bool {
        !self.profile.issuer.is_https() || self.redirect().starts_with("http://")
    }

    /// How curl shows who the client is.
    fn credentials(&self) -> String {
        let id = encoded(self.client.client_id.as_str());
        match self.client.token_endpoint_auth_method {
            AuthMethod::ClientSecretBasic => format!("-u {}\"$CLIENT_SECRET\"", shell(&format!("{id}:"))),
            AuthMethod::ClientSecretPost => {
                let (id_name, secret_name) = (self.name("client_id"), self.name("client_secret"));
                format!("-d {} -d \"{secret_name}=$CLIENT_SECRET\"", shell(&format!("{id_name}={id}")))
            }
            AuthMethod::None | AuthMethod::ApiKey => {
                format!("-d {}", shell(&format!("{}={id}", self.name("client_id"))))
            }
        }
    }

    fn curl(&self) -> String {
        let parameter = |name: &str, value: &str| {
            format!("  -d {} \\\n", shell(&format!("{}={}", self.name(name), encoded(value))))
        };
        let proof = match self.client.needs_pkce(self.profile) {
            true => parameter("code_verifier", VERIFIER),
            false => String::new(),
        };
        format!(
            "# Open the link above and approve. The browser ends at an address with code=… in it:\n\
             # put that code here, within {}.\n\
             CODE='…'\n\
             curl -sS {} \\\n  -d grant_type=authorization_code \\\n{}{proof}  --data-urlencode \"{}=$CODE\" \\\n  {}\n",
            self.profile.lifetimes.authorization_code,
            self.credentials(),
            parameter("redirect_uri", self.redirect()),
            self.name("code"),
            shell(&self.token(GrantType::AuthorizationCode)),
        )
    }

    fn curl_for_itself(&self) -> String {
        let at = shell(&self.token(GrantType::ClientCredentials));
        format!("curl -sS {} \\\n  -d grant_type=client_credentials \\\n  {at}\n", self.credentials())
    }

    fn python(&self) -> String {
        let secret = if self.client.is_public() { "" } else { "    os.environ[\"CLIENT_SECRET\"],\n" };
        let in_clear = match self.is_in_clear() {
            true => "os.environ[\"AUTHLIB_INSECURE_TRANSPORT\"] = \"1\"  # for addresses without https\n",
            false => "",
        };
        format!(
            "# pip install authlib requests\n\
             import os\nimport secrets\n\nfrom authlib.integrations.requests_client import OAuth2Session\n\n{in_clear}\
             client = OAuth2Session(\n    {id},\n{secret}    token_endpoint_auth_method=\"{method}\",\n    \
             redirect_uri={redirect},\n    scope={scope},\n    code_challenge_method=\"S256\",\n)\n\
             verifier = secrets.token_urlsafe(48)\n\
             url, state = client.create_authorization_url({authorize}, code_verifier=verifier)\n\
             print(\"Open this and approve:\", url)\n\
             answer = input(\"The address that the browser ends at: \")\n\
             token = client.fetch_token(\n    {token},\n    authorization_response=answer,\n    state=state,\n    \
             code_verifier=verifier,\n)\n\
             print(token[\"access_token\"])\n",
            id = literal(self.client.client_id.as_str()),
            method = self.client.token_endpoint_auth_method,
            redirect = literal(self.redirect()),
            scope = literal(self.client.scope.as_str()),
            authorize = literal(&self.authorize()),
            token = literal(&self.token(GrantType::AuthorizationCode)),
        )
    }

    fn node(&self) -> String {
        let proof = match self.client.token_endpoint_auth_method {
            AuthMethod::ClientSecretBasic => "client.ClientSecretBasic(process.env.CLIENT_SECRET)",
            AuthMethod::ClientSecretPost => "client.ClientSecretPost(process.env.CLIENT_SECRET)",
            AuthMethod::None | AuthMethod::ApiKey => "client.None()",
        };
        let in_clear = match self.profile.issuer.is_https() {
            true => "",
            false => ", execute: [client.allowInsecureRequests]",
        };
        format!(
            "// npm install openid-client; save as token.mjs\n\
             import * as client from \"openid-client\";\nimport {{ createInterface }} from \"node:readline/promises\";\n\n\
             const server = new URL({issuer});\n\
             const options = {{ algorithm: \"oauth2\"{in_clear} }};\n\
             const config = await client.discovery(server, {id}, undefined, {proof}, options);\n\
             const verifier = client.randomPKCECodeVerifier();\n\
             const state = client.randomState();\n\
             const url = client.buildAuthorizationUrl(config, {{\n  redirect_uri: {redirect},\n  scope: {scope},\n  state,\n  \
             code_challenge: await client.calculatePKCECodeChallenge(verifier),\n  code_challenge_method: \"S256\",\n}});\n\
             console.log(`Open this and approve: ${{url}}`);\n\
             const terminal = createInterface({{ input: process.stdin, output: process.stdout }});\n\
             const answer = await terminal.question(\"The address that the browser ends at: \");\n\
             terminal.close();\n\
             const token = await client.authorizationCodeGrant(config, new URL(answer.trim()), {{\n  \
             pkceCodeVerifier: verifier,\n  expectedState: state,\n}});\n\
             console.log(token.access_token);\n",
            issuer = literal(self.profile.issuer.as_str()),
            id = literal(self.client.client_id.as_str()),
            redirect = literal(self.redirect()),
            scope = literal(self.client.scope.as_str()),
        )
    }

    fn ruby(&self) -> String {
        let (secret, scheme) = match self.client.token_endpoint_auth_method {
            AuthMethod::ClientSecretBasic => ("ENV.fetch(\"CLIENT_SECRET\")", "basic_auth"),
            AuthMethod::ClientSecretPost => ("ENV.fetch(\"CLIENT_SECRET\")", "request_body"),
            AuthMethod::None | AuthMethod::ApiKey => ("nil", "request_body"),
        };
        format!(
            "# gem install oauth2\nrequire \"oauth2\"\nrequire \"base64\"\nrequire \"digest\"\nrequire \"securerandom\"\n\n\
             client = OAuth2::Client.new(\n  {id},\n  {secret},\n  site: {site},\n  authorize_url: {authorize},\n  \
             token_url: {token},\n  auth_scheme: :{scheme}\n)\n\
             redirect = {redirect}\n\
             verifier = SecureRandom.urlsafe_base64(48)\n\
             challenge = Base64.urlsafe_encode64(Digest::SHA256.digest(verifier), padding: false)\n\
             puts client.auth_code.authorize_url(\n  redirect_uri: redirect, scope: {scope}, state: SecureRandom.hex,\n  \
             code_challenge: challenge, code_challenge_method: \"S256\"\n)\n\
             print \"The code in the address that the browser ends at: \"\n\
             token = client.auth_code.get_token(gets.strip, redirect_uri: redirect, code_verifier: verifier)\n\
             puts token.token\n",
            id = ruby_literal(self.client.client_id.as_str()),
            site = ruby_literal(&self.profile.issuer.origin()),
            authorize = ruby_literal(&self.authorize()),
            token = ruby_literal(&self.token(GrantType::AuthorizationCode)),
            redirect = ruby_literal(self.redirect()),
            scope = ruby_literal(self.client.scope.as_str()),
        )
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A text in a shell: nothing in single quotes means anything but the end of them. What needs no quotes has none.
fn shell(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~:/=%+,@".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A text in Python and in JavaScript: both read JSON's.
fn literal(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// A text in Ruby, where a number sign can begin code.
fn ruby_literal(text: &str) -> String {
    literal(text).replace('#', r"\#")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        Profile::standard("https://auth.test".parse().unwrap())
    }

    fn client(id: &str) -> ClientMetadata {
        let mut client = ClientMetadata::new(id.parse().unwrap());
        client.redirect_uris = vec![RedirectUri::parse("https://app.test/cb").unwrap()];
        client.grant_types = [GrantType::AuthorizationCode, GrantType::ClientCredentials].into();
        client.scope = "read write".parse().unwrap();
        client
    }

    #[test]
    fn the_link_is_a_whole_request() {
        let (profile, client) = (profile(), client("web"));
        assert_eq!(
            Writer::new(&profile, &client).link(),
            format!(
                "https://auth.test/oauth2/authorize?response_type=code&client_id=web&\
                 redirect_uri=https%3A%2F%2Fapp.test%2Fcb&scope=read+write&state=try&code_challenge={CHALLENGE}&\
                 code_challenge_method=S256"
            )
        );
        assert_eq!(grantor_core::Digest::of(VERIFIER.as_bytes()).to_base64url(), CHALLENGE);
    }

    // Q01
    #[test]
    fn a_hostile_value_stays_a_value_in_every_language() {
        let evil = r##"a'; rm -rf ~ #{`id`}" + $(id) \"##;
        assert_eq!(shell(evil), r##"'a'\''; rm -rf ~ #{`id`}" + $(id) \'"##);
        assert_eq!(literal(evil), r##""a'; rm -rf ~ #{`id`}\" + $(id) \\""##);
        assert_eq!(ruby_literal(evil), r##""a'; rm -rf ~ \#{`id`}\" + $(id) \\""##);
    }

    // Q01
    #[test]
    fn a_shell_hands_a_hostile_value_on_as_it_is() {
        let evil = "'$(id)`id`\"#{}\\ ;&|>x";
        let (profile, client) = (profile(), client(evil));
        let code = Writer::new(&profile, &client).curl_for_itself();
        let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}\n{code}");
        let ran =
            std::process::Command::new("sh").args(["-c", &script]).env("CLIENT_SECRET", "secret").output();
        let told = String::from_utf8(ran.unwrap().stdout).unwrap();
        let credentials = format!("{}:secret", encoded(evil));
        let at = "https://auth.test/oauth2/token";
        let expected = ["-sS", "-u", &credentials, "-d", "grant_type=client_credentials", at];
        assert_eq!(told.lines().collect::<Vec<_>>(), expected, "{code}");
    }

    #[test]
    fn there_is_only_what_runs() {
        let ids = |profile: &Profile, client: &ClientMetadata| -> Vec<&'static str> {
            Writer::new(profile, client).samples().iter().map(|sample| sample.id).collect()
        };
        let web = client("web");
        assert_eq!(ids(&profile(), &web), ["curl", "python", "node", "ruby", "itself"]);
        let silent = ClientMetadata { redirect_uris: Vec::new(), ..web.clone() };
        assert_eq!(ids(&profile(), &silent), ["itself"]);
        let mut elsewhere = profile();
        elsewhere.endpoints.metadata = None;
        assert_eq!(ids(&elsewhere, &web), ["curl", "python", "ruby", "itself"]);
        for endpoint in &mut elsewhere.endpoints.token {
            endpoint.body = BodyKind::Json;
        }
        assert_eq!(ids(&elsewhere, &web), [] as [&str; 0]);
    }

    #[test]
    fn each_kind_of_client_shows_itself_in_its_way() {
        let profile = profile();
        for (method, shown) in [
            (AuthMethod::ClientSecretBasic, "curl -sS -u web:\"$CLIENT_SECRET\" "),
            (AuthMethod::ClientSecretPost, "curl -sS -d client_id=web -d \"client_secret=$CLIENT_SECRET\" "),
            (AuthMethod::None, "curl -sS -d client_id=web "),
        ] {
            let client = ClientMetadata { token_endpoint_auth_method: method, ..client("web") };
            let code = Writer::new(&profile, &client).curl();
            assert!(code.contains(shown), "{code}");
            assert_eq!(code.contains("CLIENT_SECRET"), !client.is_public(), "{code}");
        }
    }
}
