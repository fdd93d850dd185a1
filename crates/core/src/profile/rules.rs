//! The values of a profile, by where they are used. Each section of a profile file is one of these structs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Profile;
use super::field::{ClaimField, Field, Fields, PersonField, RedirectField, TokenField, plain};
use crate::client::{AccessTokenFormat, AuthMethod, GrantType, ResponseType, wire_names};
use crate::refusal::ErrorCode;
use crate::scope::Scope;
use crate::time::Lifetime;

/// Where the endpoints are, as paths under the issuer. An endpoint without a path is off; a file writes `""`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoints {
    /// The authorization endpoint (RFC 6749, section 3.1).
    pub authorize: String,
    /// Where tokens are asked for (RFC 6749, section 3.2). The first is the one the metadata document names.
    pub token: Vec<TokenEndpoint>,
    /// The introspection endpoint (RFC 7662).
    #[serde(with = "off")]
    pub introspect: Option<String>,
    /// The revocation endpoint (RFC 7009).
    #[serde(with = "off")]
    pub revoke: Option<String>,
    /// The metadata document (RFC 8414).
    #[serde(with = "off")]
    pub metadata: Option<String>,
    /// The JSON Web Key Set.
    #[serde(with = "off")]
    pub jwks: Option<String>,
    /// What is known of the person behind an access token.
    #[serde(with = "off")]
    pub userinfo: Option<String>,
    /// Ends the browser's session at once, by a GET that names a client, and leads back to that client. Whatever can make a
    /// browser follow a link can log a person out.
    #[serde(with = "off")]
    pub logout: Option<String>,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            authorize: "/oauth2/authorize".to_owned(),
            token: vec![TokenEndpoint::at("/oauth2/token")],
            introspect: Some("/oauth2/introspect".to_owned()),
            revoke: Some("/oauth2/revoke".to_owned()),
            metadata: Some("/.well-known/oauth-authorization-server".to_owned()),
            jwks: Some("/.well-known/jwks.json".to_owned()),
            userinfo: None,
            logout: None,
        }
    }
}

/// A path in a file, where the empty one is none.
mod off {
    use serde::{Deserialize as _, Deserializer, Serializer};

    // The signature is serde's.
    #[allow(clippy::ref_option)]
    pub(super) fn serialize<S: Serializer>(path: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(path.as_deref().unwrap_or_default())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<String>, D::Error> {
        String::deserialize(deserializer).map(|path| Some(path).filter(|path| !path.is_empty()))
    }
}

/// One place where tokens are asked for, and how its requests are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEndpoint {
    /// Its path.
    pub path: String,
    /// What a request's body is.
    #[serde(default)]
    pub body: BodyKind,
    /// The grant type of every request here, where the path says it and no parameter does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<GrantType>,
    /// Whether parameters are read from the URL, too. URLs end up in logs (RFC 6749, section 2.3.1).
    #[serde(default, skip_serializing_if = "is_false")]
    pub danger_parameters_in_url: bool,
    /// Whether a GET is answered as well. Whatever can make a browser follow a link can make it ask for tokens.
    #[serde(default, skip_serializing_if = "is_false")]
    pub danger_get: bool,
}

impl TokenEndpoint {
    /// An endpoint as RFC 6749 has it.
    pub fn at(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            body: BodyKind::Form,
            grant_type: None,
            danger_parameters_in_url: false,
            danger_get: false,
        }
    }
}

wire_names! {
    /// What the body of a request is.
    #[derive(Default)]
    BodyKind {
        /// `application/x-www-form-urlencoded`.
        #[default]
        Form = "form",
        /// A JSON object of texts, whatever the content type says.
        Json = "json",
    }
}

/// Names of parameters that differ from the RFCs': for each of theirs, those that this service takes for it, the one that
/// wins first. A name that is not listed for its parameter is not it.
pub type ParameterNames = BTreeMap<String, Vec<String>>;

/// What may be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientRules {
    /// How clients may authenticate.
    pub authentication: BTreeSet<AuthMethod>,
    /// Whether a client that is registered for Basic may send its secret in the body, and the other way round: many
    /// services take both alike.
    pub basic_or_post: bool,
    /// Whether a client that has a secret may leave it out where a person's password stands in for it.
    pub danger_password_without_secret: bool,
    /// Whether confidential clients may leave PKCE out even where their registration does not say so (RFC 9700, section
    /// 2.1.1 asks for it of public clients, and recommends it for all).
    pub danger_pkce_optional: bool,
    /// Whether secrets are kept so that they can be shown again: sealed under the server's key, and not only hashed.
    pub danger_secrets_shown_again: bool,
    /// On how many accounts one client's permissions may reach at most, where they name accounts.
    pub accounts: usize,
}

impl Default for ClientRules {
    fn default() -> Self {
        Self {
            authentication: [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost, AuthMethod::None]
                .into(),
            basic_or_post: false,
            danger_password_without_secret: false,
            danger_pkce_optional: false,
            danger_secrets_shown_again: false,
            accounts: 30,
        }
    }
}

impl ClientRules {
    /// Whether a client may authenticate by `method` that is registered for `registered`.
    pub fn takes(&self, method: AuthMethod, registered: AuthMethod) -> bool {
        let with_secret = |m| matches!(m, AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost);
        let alike = self.basic_or_post && with_secret(method) && with_secret(registered);
        self.authentication.contains(&method) && (method == registered || alike)
    }
}

/// The authorization endpoint's ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthorizationRules {
    /// Whether `redirect_uri` must be given even where the client has only one.
    pub redirect_uri_required: bool,
    /// How `redirect_uri` is compared with those that are registered.
    pub redirect_match: RedirectMatch,
    /// For which response types `state` must be given.
    pub state_required: BTreeSet<ResponseType>,
    /// Whether a client must say what it wants: it is not given all that it may ask for, or its default, if it says
    /// nothing. Holds wherever a scope can be asked for.
    pub scope_required: bool,
    /// Whether scope tokens that the catalogue does not know are passed over, as long as it knows one of them.
    pub ignore_unknown_scope: bool,
    /// The parameter by which a client chooses whether people are shown the page for logging in (`signin`) or for signing
    /// up (`signup`), where there is one. Where there is, there is a page for signing up at all.
    pub page_parameter: Option<String>,
    /// What comes back with a code.
    pub code_answer: Fields<RedirectField>,
    /// What comes back with an access token, in the fragment.
    pub token_answer: Fields<RedirectField>,
    /// What comes back with an error.
    pub error_answer: Fields<RedirectField>,
}

impl Default for AuthorizationRules {
    fn default() -> Self {
        use RedirectField as F;
        Self {
            redirect_uri_required: false,
            redirect_match: RedirectMatch::Exact,
            state_required: BTreeSet::new(),
            scope_required: false,
            ignore_unknown_scope: false,
            page_parameter: None,
            code_answer: plain(&[F::Code, F::State, F::Iss]),
            token_answer: plain(&[F::AccessToken, F::TokenType, F::ExpiresIn, F::Scope, F::State, F::Iss]),
            error_answer: plain(&[F::Error, F::ErrorDescription, F::State, F::Iss]),
        }
    }
}

wire_names! {
    /// How a `redirect_uri` is compared with those that are registered, and later with that of its own authorization
    /// request.
    RedirectMatch {
        /// To the letter (RFC 9700, section 2.1).
        Exact = "exact",
        /// A query may be added to a URI that is registered without one. Scheme, host, port and path are compared to the
        /// letter all the same, so nothing is sent to another place.
        AddedQuery = "added_query",
    }
}

/// Who may approve, and what is asked of him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApprovalRules {
    /// Whether a grant is about one account, which the person chooses among his own.
    pub account: bool,
    /// In which roles of that account a person may approve. Any, if there are none here.
    pub roles: BTreeSet<String>,
    /// Whether who approved once is not asked again until the client wants more. Only a client that has a secret, and whose
    /// answers go to an `https` page, is let pass by that: of any other it is not sure that it is the one that was approved
    /// (RFC 8252, section 8.6).
    pub remember: bool,
    /// Whether a client holds one grant at most for a person and account, so that a new one takes the place of the old.
    pub one_grant: bool,
}

impl Default for ApprovalRules {
    fn default() -> Self {
        // A question that comes each time is answered without being read.
        Self { account: false, roles: BTreeSet::new(), remember: true, one_grant: false }
    }
}

/// The token endpoint's ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenRules {
    /// What an answer holds.
    pub answer: Fields<TokenField>,
    /// How the kind of token is spelled. It is `Bearer`, in any case (RFC 6749, section 5.1).
    pub token_type: String,
    /// How the scope is written.
    pub scope: ScopeEncoding,
    /// What is told of how long an access token lives.
    pub expires_in: ExpiresIn,
    /// The grant type of a request that has a `code` and no `grant_type`: `authorization_code`.
    pub code_implies_grant_type: bool,
}

impl Default for TokenRules {
    fn default() -> Self {
        use TokenField as F;
        Self {
            answer: plain(&[F::AccessToken, F::TokenType, F::ExpiresIn, F::RefreshToken, F::Scope]),
            token_type: "Bearer".to_owned(),
            scope: ScopeEncoding::Text,
            expires_in: ExpiresIn::Lifetime,
            code_implies_grant_type: false,
        }
    }
}

wire_names! {
    /// How a scope is written in JSON.
    ScopeEncoding {
        /// As one text, tokens parted by spaces (RFC 6749, section 3.3).
        Text = "text",
        /// As a list of texts. Strict clients refuse that.
        List = "list",
        /// As one text, tokens parted by commas.
        Commas = "commas",
    }
}

wire_names! {
    /// What is told of how long an access token lives, in whole seconds.
    ExpiresIn {
        /// What it was given.
        Lifetime = "lifetime",
        /// What is left of it when it is answered. A JWT says its end in whole seconds, so that is mostly one less.
        Remaining = "remaining",
    }
}

/// What access tokens are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessTokenRules {
    /// What they are where a client does not say.
    pub format: AccessTokenFormat,
    /// How a JWT is signed.
    pub key: JwtKey,
    /// The `typ` of its header.
    pub typ: String,
    /// What it says, in this order.
    pub claims: Fields<ClaimField>,
}

impl Default for AccessTokenRules {
    fn default() -> Self {
        use ClaimField as F;
        Self {
            format: AccessTokenFormat::Reference,
            key: JwtKey::Published,
            typ: crate::access_token::ACCESS_TOKEN_TYP.to_owned(),
            claims: plain(&[F::Iss, F::Sub, F::Aud, F::ClientId, F::Iat, F::Exp, F::Jti, F::Scope, F::Grant]),
        }
    }
}

wire_names! {
    /// With what a JWT is signed.
    JwtKey {
        /// One of the server's published keys.
        Published = "published",
        /// HMAC-SHA256 (`HS256`), with a key of this profile alone that is derived from the server's.
        Shared = "shared",
    }
}

/// What a refresh does, as a profile file says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RefreshRules {
    pub(super) mode: RefreshModeName,
    pub(super) grace: Lifetime,
}

/// [`RefreshMode`](super::RefreshMode) without what belongs to one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RefreshModeName {
    None,
    Reuse,
    Rotate,
    ReplaceAll,
}

impl Default for RefreshRules {
    fn default() -> Self {
        Self { mode: RefreshModeName::Rotate, grace: Lifetime::seconds(10) }
    }
}

/// How access tokens are shown at a resource, and what comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceRules {
    /// The schemes of `Authorization` that a token comes under, compared without regard to case.
    pub schemes: Vec<String>,
    /// The names of query parameters that a token may come in. RFC 9700, section 4.3.2 forbids it.
    pub danger_query: Vec<String>,
    /// Whether an API key may stand in for an access token, as the user name of HTTP Basic.
    pub danger_api_key_as_token: bool,
    /// The header by which a client says for which person it acts, where it may.
    pub act_as_header: Option<String>,
    /// Origins that browsers may call from, at endpoints that have no cookie: `*` for any.
    pub cors_origins: Vec<String>,
    /// Headers that such calls may have.
    pub cors_headers: Vec<String>,
}

impl Default for ResourceRules {
    fn default() -> Self {
        Self {
            schemes: vec!["Bearer".to_owned()],
            danger_query: Vec::new(),
            danger_api_key_as_token: false,
            act_as_header: None,
            cors_origins: Vec::new(),
            cors_headers: Vec::new(),
        }
    }
}

/// How errors are told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorRules {
    /// What the body is.
    pub style: ErrorStyle,
    /// Statuses that differ from the RFCs'.
    pub status: BTreeMap<ErrorCode, u16>,
    /// Codes that are spelled differently.
    pub code: BTreeMap<ErrorCode, String>,
    /// Texts that differ from ours.
    pub description: BTreeMap<ErrorCode, String>,
    /// What the `type` of a problem begins with; the code follows it.
    pub problem_type: String,
}

impl ErrorRules {
    /// How a code is spelled.
    pub fn code(&self, code: ErrorCode) -> &str {
        self.code.get(&code).map_or(code.as_str(), String::as_str)
    }

    /// The text for a code, where it is not ours.
    pub fn description(&self, code: ErrorCode) -> Option<&str> {
        self.description.get(&code).map(String::as_str)
    }

    /// The HTTP status of an answer with that code.
    pub fn status(&self, code: ErrorCode) -> u16 {
        self.status.get(&code).copied().unwrap_or(code.status())
    }
}

wire_names! {
    /// What the body of an error is.
    #[derive(Default)]
    ErrorStyle {
        #[default]
        /// `error` and `error_description` (RFC 6749, section 5.2).
        OAuth = "oauth",
        /// A problem document (RFC 9457): `type`, `title`, `name`, `status`.
        Problem = "problem",
    }
}

/// What is told of a person at the userinfo endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UserinfoRules {
    /// What, in this order, and by which scope token: a token with none of them learns nothing.
    pub fields: Vec<UserinfoField>,
}

/// One thing that is told of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserinfoField {
    /// Its name and what it is.
    pub field: Field<PersonField>,
    /// Which scope token permits it.
    pub scope: Scope,
}

/// Registration by a service's own interface, where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "style", rename_all = "snake_case", deny_unknown_fields)]
pub enum RegistrationRules {
    /// Applications under numbers, guarded by a key of the operator's in a header.
    Applications {
        /// Where they are.
        path: String,
        /// The header that the key comes in.
        key_header: String,
        /// What an application may ask for, and gets when it does not say.
        scope: Scope,
    },
    /// Credentials with permissions on accounts, guarded by a person's session token.
    Credentials {
        /// Where they are.
        path: String,
        /// The scheme of `Authorization` that the token comes under.
        scheme: String,
        /// What kinds of accounts there are. They decide nothing, and none but these is taken.
        account_types: BTreeSet<String>,
    },
}

impl RegistrationRules {
    /// Where it is.
    pub fn path(&self) -> &str {
        match self {
            RegistrationRules::Applications { path, .. } | RegistrationRules::Credentials { path, .. } => {
                path
            }
        }
    }
}

wire_names! {
    /// Who may register applications of his own, on the pages for people.
    Registrants {
        /// Nobody: operators register for everyone.
        Nobody = "off",
        /// Users who are administrators.
        Admins = "admins",
        /// Every user.
        Users = "users",
    }
}

/// Applications that people register themselves: who may, and the most that such an application can be.
///
/// What an operator registers is bound by the profile alone, whoever owns it. A person who changes his application can keep
/// what an operator gave it and add what is allowed here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UserRegistration {
    /// Who may. Every user: his application gets nothing that people do not approve, as long as it speaks for them only.
    pub who: Registrants,
    /// The grant types it may use, of those that the profile has. Client credentials are not among them unless an operator
    /// says so: with them an application holds a scope that no person approved.
    pub grant_types: BTreeSet<GrantType>,
    /// The scopes it may ask for; `*` stands for all of the catalogue.
    pub scope: Scope,
}

impl Default for UserRegistration {
    fn default() -> Self {
        Self {
            who: Registrants::Users,
            grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
            scope: Scope::everything(),
        }
    }
}

impl UserRegistration {
    /// The grant types that a person may choose, at this profile.
    pub fn offered_grant_types(&self, profile: &Profile) -> BTreeSet<GrantType> {
        self.grant_types.intersection(&profile.grant_types).copied().collect()
    }

    /// The scopes that a person may choose, at this profile. Where the catalogue is empty there are none but those named here:
    /// it knows every token then, and whoever registers could name any.
    pub fn offered_scope(&self, profile: &Profile) -> Scope {
        if self.scope == Scope::everything() { profile.scopes.all() } else { self.scope.clone() }
    }

    /// Whether a person may register applications, at this profile.
    pub fn permits(&self, profile: &Profile, is_admin: bool) -> bool {
        let may = match self.who {
            Registrants::Nobody => false,
            Registrants::Admins => is_admin,
            Registrants::Users => true,
        };
        // A refresh token alone comes of nothing.
        may && self.offered_grant_types(profile).iter().any(|grant| *grant != GrantType::RefreshToken)
    }
}

fn is_false(value: &bool) -> bool {
    !*value
}

/// Whether a list of fields has one of that source.
pub(super) fn has<S: super::field::Source + PartialEq>(fields: &[Field<S>], source: S) -> bool {
    fields.iter().any(|field| field.source == source)
}
