//! A request in a bundle: the stand-ins, in clear.

use serde::{Deserialize, Serialize};

use super::InvalidBundle;
use super::call::Call;
use crate::client::ResponseType;
use crate::ids::{AccountId, ClientId, SubjectId};
use crate::interaction::{AuthorizationRequest, Page};
use crate::pkce::{CodeChallenge, CodeVerifier};
use crate::redirect::RedirectTrusted;
use crate::refusal::Reason;
use crate::request::{
    Approver, ApproverAccount, AuthorizationParameters, Choice, ClientCredentials, ClientProof,
    DecisionRequest, Given, GrantRequest, Presenter, TokenRequest,
};
use crate::required::Required;
use crate::scope::Scope;
use crate::secret::{Digest, Secret};
use crate::wire::Shown;

/// A [`Call`] whose secrets are nobody's.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Written {
    Token {
        by: By,
        grant: GrantText,
    },
    Examine(ParametersText),
    Ask {
        request: RequestText,
        approver: ApproverText,
        session: Digest,
    },
    ChooseAccount {
        handle: String,
        session: Digest,
        approver: ApproverText,
        account: AccountId,
    },
    Decide {
        handle: String,
        session: Digest,
        approver: ApproverText,
        account: Option<AccountId>,
        choice: ChoiceText,
    },
    Introspect {
        client: CredentialsText,
        token: String,
    },
    Revoke {
        client: CredentialsText,
        token: String,
    },
    Check {
        shown: ShownText,
        required: Vec<Scope>,
        act_as: Option<SubjectId>,
    },
    Leave {
        client: String,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum By {
    Client(CredentialsText),
    ApiKey(String),
    Bearer,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialsText {
    pub client_id: ClientId,
    pub proof: ProofText,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum ProofText {
    None,
    ClientSecretBasic(String),
    ClientSecretPost(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum GrantText {
    AuthorizationCode { code: String, redirect_uri: Option<String>, code_verifier: Option<String> },
    RefreshToken { refresh_token: String, scope: Option<Scope> },
    ClientCredentials { scope: Option<Scope> },
    ApiKey,
    Password { subject: Option<SubjectId>, scope: Option<Scope> },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParametersText {
    pub client_id: GivenText,
    pub redirect_uri: GivenText,
    pub response_type: GivenText,
    pub response_mode: GivenText,
    pub scope: GivenText,
    pub state: GivenText,
    pub code_challenge: GivenText,
    pub code_challenge_method: GivenText,
    pub page: GivenText,
    pub others: Option<Reason>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum GivenText {
    Absent,
    Given(String),
    Wrong(Reason),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestText {
    pub client: ClientId,
    pub redirect_uri: String,
    pub redirect_asked: bool,
    pub response_type: ResponseType,
    pub scope: Scope,
    pub state: Option<String>,
    pub challenge: Option<CodeChallenge>,
    pub page: Option<Page>,
    pub assured: bool,
}

/// A person, without what he is called: no rule goes by that.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproverText {
    pub subject: SubjectId,
    pub accounts: Vec<AccountText>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountText {
    pub id: AccountId,
    pub role: String,
    pub oauth_enabled: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum ChoiceText {
    Approve { scope: Option<Scope> },
    Deny,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum ShownText {
    Nothing,
    Token(String),
    ApiKey(String),
}

impl Written {
    /// The request.
    pub(super) fn read(self) -> Result<Call, InvalidBundle> {
        Ok(match self {
            Written::Token { by, grant } => {
                Call::Token(TokenRequest { client: by.read(), grant: grant.read()? })
            }
            Written::Examine(parameters) => Call::Examine(parameters.read()),
            Written::Ask { request, approver, session } => {
                Call::Ask { request: request.read(), approver: approver.read(), session }
            }
            Written::ChooseAccount { handle, session, approver, account } => Call::ChooseAccount {
                handle: Secret::new(handle),
                session,
                approver: approver.read(),
                account,
            },
            Written::Decide { handle, session, approver, account, choice } => {
                let (handle, approver) = (Secret::new(handle), approver.read());
                let choice = match choice {
                    ChoiceText::Approve { scope } => Choice::Approve { scope },
                    ChoiceText::Deny => Choice::Deny,
                };
                Call::Decide(DecisionRequest { handle, session, approver, account, choice })
            }
            Written::Introspect { client, token } => {
                Call::Introspect { client: client.read(), token: Secret::new(token) }
            }
            Written::Revoke { client, token } => {
                Call::Revoke { client: client.read(), token: Secret::new(token) }
            }
            Written::Check { shown, required, act_as } => {
                let shown = match shown {
                    ShownText::Nothing => Shown::Nothing,
                    ShownText::Token(token) => Shown::Token(Secret::new(token)),
                    ShownText::ApiKey(key) => Shown::ApiKey(Secret::new(key)),
                };
                let mut scopes = required.into_iter();
                let first = scopes.next().ok_or_else(|| InvalidBundle::because("nothing is required"))?;
                Call::Check { shown, required: scopes.fold(Required::from(first), Required::or), act_as }
            }
            Written::Leave { client } => Call::Leave { client },
        })
    }
}

impl By {
    fn read(self) -> Presenter {
        match self {
            By::Client(credentials) => Presenter::Client(credentials.read()),
            By::ApiKey(key) => Presenter::ApiKey(Secret::new(key)),
            By::Bearer => Presenter::Bearer,
        }
    }
}

impl CredentialsText {
    fn read(self) -> ClientCredentials {
        let proof = match self.proof {
            ProofText::None => ClientProof::None,
            ProofText::ClientSecretBasic(secret) => ClientProof::Basic(Secret::new(secret)),
            ProofText::ClientSecretPost(secret) => ClientProof::Post(Secret::new(secret)),
        };
        ClientCredentials { client: self.client_id, proof }
    }
}

impl GrantText {
    fn read(self) -> Result<GrantRequest, InvalidBundle> {
        Ok(match self {
            GrantText::AuthorizationCode { code, redirect_uri, code_verifier } => {
                let read = |text: String| {
                    CodeVerifier::parse(&text)
                        .ok_or_else(|| InvalidBundle::because("a code_verifier that is none"))
                };
                let code_verifier = code_verifier.map(read).transpose()?;
                GrantRequest::AuthorizationCode { code: Secret::new(code), redirect_uri, code_verifier }
            }
            GrantText::RefreshToken { refresh_token, scope } => {
                GrantRequest::RefreshToken { refresh_token: Secret::new(refresh_token), scope }
            }
            GrantText::ClientCredentials { scope } => GrantRequest::ClientCredentials { scope },
            GrantText::ApiKey => GrantRequest::ApiKey,
            GrantText::Password { subject, scope } => GrantRequest::Password { subject, scope },
        })
    }
}

impl ParametersText {
    fn read(self) -> AuthorizationParameters {
        AuthorizationParameters {
            client_id: self.client_id.read(),
            redirect_uri: self.redirect_uri.read(),
            response_type: self.response_type.read(),
            response_mode: self.response_mode.read(),
            scope: self.scope.read(),
            state: self.state.read(),
            code_challenge: self.code_challenge.read(),
            code_challenge_method: self.code_challenge_method.read(),
            page: self.page.read(),
            others: self.others,
        }
    }
}

impl GivenText {
    pub(super) fn of(given: &Given, stand_in: impl FnOnce(&str) -> String) -> Self {
        match given {
            Ok(None) => GivenText::Absent,
            Ok(Some(text)) => GivenText::Given(stand_in(text)),
            Err(reason) => GivenText::Wrong(*reason),
        }
    }

    fn read(self) -> Given {
        match self {
            GivenText::Absent => Ok(None),
            GivenText::Given(text) => Ok(Some(text)),
            GivenText::Wrong(reason) => Err(reason),
        }
    }
}

impl RequestText {
    fn read(self) -> AuthorizationRequest {
        AuthorizationRequest {
            client: self.client,
            redirect: RedirectTrusted::restored(self.redirect_uri, self.redirect_asked),
            response_type: self.response_type,
            scope: self.scope,
            state: self.state,
            challenge: self.challenge,
            page: self.page,
            assured: self.assured,
        }
    }
}

impl ApproverText {
    pub(super) fn of(approver: &Approver) -> Self {
        let accounts = approver.accounts.iter().map(|account| AccountText {
            id: account.id.clone(),
            role: account.role.clone(),
            oauth_enabled: account.oauth_enabled,
        });
        Self { subject: approver.subject.clone(), accounts: accounts.collect() }
    }

    fn read(self) -> Approver {
        let accounts = self.accounts.into_iter().map(|AccountText { id, role, oauth_enabled }| {
            ApproverAccount { id, name: None, url: None, role, oauth_enabled }
        });
        Approver { accounts: accounts.collect(), ..Approver::new(self.subject) }
    }
}
