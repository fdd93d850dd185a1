//! Canonical requests: what every dialect's request comes down to before a flow sees it.

use crate::client::AuthMethod;
use crate::ids::{AccountId, ClientId, SubjectId};
use crate::pkce::CodeVerifier;
use crate::scope::Scope;
use crate::secret::{Digest, Secret};

/// Who a client says it is, and what it proves that with.
#[derive(Clone)]
pub struct ClientCredentials {
    /// Who.
    pub client: ClientId,
    /// The secret, where it came with one, and how it came.
    pub proof: ClientProof,
}

/// How a client proves who it is.
#[derive(Clone)]
pub enum ClientProof {
    /// Not at all.
    None,
    /// With a secret, by HTTP Basic.
    Basic(Secret),
    /// With a secret, in the body.
    Post(Secret),
}

impl ClientProof {
    /// The method's registered name.
    pub fn method(&self) -> AuthMethod {
        match self {
            ClientProof::None => AuthMethod::None,
            ClientProof::Basic(_) => AuthMethod::ClientSecretBasic,
            ClientProof::Post(_) => AuthMethod::ClientSecretPost,
        }
    }
}

/// Who asks for tokens.
#[derive(Clone)]
pub enum Presenter {
    /// A client that says who it is.
    Client(ClientCredentials),
    /// Whoever holds this API key, which names the client and proves it.
    ApiKey(Secret),
    /// Whoever holds the refresh token of the request, where the profile's clients have nothing else to show.
    Bearer,
}

impl From<ClientCredentials> for Presenter {
    fn from(client: ClientCredentials) -> Self {
        Presenter::Client(client)
    }
}

/// A request to the token endpoint (RFC 6749, section 3.2).
#[derive(Clone)]
pub struct TokenRequest {
    /// Who asks.
    pub client: Presenter,
    /// For what.
    pub grant: GrantRequest,
}

/// What a client gives for tokens.
#[derive(Clone)]
pub enum GrantRequest {
    /// A code (RFC 6749, section 4.1.3).
    AuthorizationCode {
        /// The code.
        code: Secret,
        /// The URI it was sent to.
        redirect_uri: Option<String>,
        /// The verifier behind the challenge.
        code_verifier: Option<CodeVerifier>,
    },
    /// A refresh token (RFC 6749, section 6).
    RefreshToken {
        /// The token.
        refresh_token: Secret,
        /// Less than was granted, if that is enough.
        scope: Option<Scope>,
    },
    /// Itself (RFC 6749, section 4.4).
    ClientCredentials {
        /// What it wants to do.
        scope: Option<Scope>,
    },
    /// An API key, and nothing else.
    ApiKey,
    /// A person, whose password was verified by whoever made this request (RFC 6749, section 4.3).
    Password {
        /// The person, or nobody if the password was wrong.
        subject: Option<SubjectId>,
        /// What it wants to do.
        scope: Option<Scope>,
    },
}

/// A request to the authorization endpoint (RFC 6749, section 4.1.1), before anything of it is believed.
///
/// Each parameter is `Err` where it was given more than once or is no text; which error that is, and who is told, depends
/// on whether the redirect URI can be trusted, so it is the flow that decides.
#[derive(Debug, Clone)]
pub struct AuthorizationParameters {
    /// `client_id`.
    pub client_id: Given,
    /// `redirect_uri`.
    pub redirect_uri: Given,
    /// `response_type`.
    pub response_type: Given,
    /// `response_mode`.
    pub response_mode: Given,
    /// `scope`.
    pub scope: Given,
    /// `state`.
    pub state: Given,
    /// `code_challenge`.
    pub code_challenge: Given,
    /// `code_challenge_method`.
    pub code_challenge_method: Given,
    /// The parameter that chooses a page, where the profile has one.
    pub page: Given,
    /// Whether another parameter was given twice or is not supported, or the request is malformed as a whole.
    pub others: Option<crate::Reason>,
}

/// A parameter as it was given: absent or once, or why it cannot be taken.
pub type Given = Result<Option<String>, crate::Reason>;

/// What a person decided.
#[derive(Clone)]
pub struct DecisionRequest {
    /// The handle of the request, from the page.
    pub handle: Secret,
    /// The digest of the browser session in which it was shown.
    pub session: Digest,
    /// The person.
    pub approver: Approver,
    /// The account it is for, where he has not chosen one before.
    pub account: Option<AccountId>,
    /// Yes or no.
    pub choice: Choice,
}

/// A person who is asked to approve, and what is known of him now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// Who.
    pub subject: SubjectId,
    /// His name.
    pub name: Option<String>,
    /// His e-mail address.
    pub email: Option<String>,
    /// The accounts he may act for.
    pub accounts: Vec<ApproverAccount>,
}

impl Approver {
    /// A person of whom nothing is known but who he is.
    pub fn new(subject: SubjectId) -> Self {
        Self { subject, name: None, email: None, accounts: Vec::new() }
    }

    /// One of his accounts.
    pub fn account(&self, id: &AccountId) -> Option<&ApproverAccount> {
        self.accounts.iter().find(|account| account.id == *id)
    }
}

/// An account that a person may act for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApproverAccount {
    /// Which.
    pub id: AccountId,
    /// Its name.
    pub name: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// What he is there.
    pub role: String,
    /// Whether applications may be let into it at all.
    pub oauth_enabled: bool,
}

/// Yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Yes.
    Approve {
        /// The optional scopes that he ticked; all that he was asked for, if absent. What is required is approved without a
        /// tick, and what was not asked is not approved by one.
        scope: Option<Scope>,
    },
    /// No.
    Deny,
}
