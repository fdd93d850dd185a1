//! What can be asked of the flows from outside, as one type.

use serde_json::{Map, Value, json};

use crate::access_token::LiveAccessToken;
use crate::flow::{
    self, Asked, AuthorizationAnswer, Context, Examined, Introspection, Question, TokenAnswer,
};
use crate::ids::{AccountId, SubjectId};
use crate::interaction::AuthorizationRequest;
use crate::refusal::Refusal;
use crate::request::{Approver, AuthorizationParameters, ClientCredentials, DecisionRequest, TokenRequest};
use crate::required::Required;
use crate::secret::{Digest, Secret};
use crate::step::Step;
use crate::wire::Shown;

/// A request that came from outside: which flow was begun, and with what.
#[derive(Clone)]
pub enum Call {
    /// [`flow::token`].
    Token(TokenRequest),
    /// [`flow::examine`].
    Examine(AuthorizationParameters),
    /// [`flow::ask`].
    Ask {
        /// The request.
        request: AuthorizationRequest,
        /// The person.
        approver: Approver,
        /// The digest of his browser session.
        session: Digest,
    },
    /// [`flow::choose_account`].
    ChooseAccount {
        /// The handle of the request.
        handle: Secret,
        /// The digest of the browser session.
        session: Digest,
        /// The person.
        approver: Approver,
        /// The account.
        account: AccountId,
    },
    /// [`flow::decide`].
    Decide(DecisionRequest),
    /// [`flow::introspect`].
    Introspect {
        /// Who asks.
        client: ClientCredentials,
        /// About what.
        token: Secret,
    },
    /// [`flow::revoke`].
    Revoke {
        /// Who asks.
        client: ClientCredentials,
        /// What is to end.
        token: Secret,
    },
    /// [`flow::check`] or [`flow::check_api_key`].
    Check {
        /// What the request shows.
        shown: Shown,
        /// What it must permit.
        required: Required,
        /// For whom the client says it acts.
        act_as: Option<SubjectId>,
    },
    /// [`flow::leave`].
    Leave {
        /// The client that is claimed.
        client: String,
    },
}

impl Call {
    /// Which one, in a word.
    pub const fn name(&self) -> &'static str {
        match self {
            Call::Token(_) => "token",
            Call::Examine(_) => "examine",
            Call::Ask { .. } => "ask",
            Call::ChooseAccount { .. } => "choose_account",
            Call::Decide(_) => "decide",
            Call::Introspect { .. } => "introspect",
            Call::Revoke { .. } => "revoke",
            Call::Check { .. } => "check",
            Call::Leave { .. } => "leave",
        }
    }

    pub(super) fn begin(self, ctx: Context) -> Step<Ended> {
        match self {
            Call::Token(request) => flow::token(ctx, request).then(ended),
            Call::Examine(parameters) => flow::examine(ctx, parameters).then(ended),
            Call::Ask { request, approver, session } => {
                flow::ask(ctx, request, approver, session).then(ended)
            }
            Call::ChooseAccount { handle, session, approver, account } => {
                flow::choose_account(ctx, handle, session, approver, account).then(ended)
            }
            Call::Decide(decision) => flow::decide(ctx, decision).then(ended),
            Call::Introspect { client, token } => flow::introspect(ctx, client, token).then(ended),
            Call::Revoke { client, token } => flow::revoke(ctx, client, token).then(ended),
            Call::Check { shown, required, act_as } => match shown {
                Shown::ApiKey(key) => flow::check_api_key(ctx, key, required, act_as).then(ended),
                Shown::Token(token) => flow::check(ctx, Some(token), required, act_as).then(ended),
                Shown::Nothing => flow::check(ctx, None, required, act_as).then(ended),
            },
            Call::Leave { client } => flow::leave(ctx, &client).then(ended),
        }
    }
}

/// How a flow ended well, or was refused where the client is told so by a redirect.
pub(super) struct Ended {
    pub(super) refusal: Option<Refusal>,
    pub(super) told: Value,
}

fn ended<T: Outcome + 'static>(outcome: T) -> Step<Ended> {
    Step::done(Ended { refusal: outcome.refusal().cloned(), told: outcome.told() })
}

/// What a flow answers, for whoever watches it: whether it is a refusal after all, and what it says, without its secrets.
pub trait Outcome {
    /// The refusal that it carries to the client.
    fn refusal(&self) -> Option<&Refusal> {
        None
    }

    /// What it says: names, scopes and times, and of a secret only that there is one.
    fn told(&self) -> Value;
}

impl Outcome for () {
    fn told(&self) -> Value {
        Value::Null
    }
}

impl Outcome for String {
    fn told(&self) -> Value {
        place(self)
    }
}

impl Outcome for TokenAnswer {
    fn told(&self) -> Value {
        json!({
            "client": self.client, "subject": self.subject, "grant": self.grant, "grant_type": self.grant_type,
            "scope": self.scope, "expires_at": self.expires_at, "refresh_token": self.refresh_token.is_some(),
            "jwt": self.jti.is_some(),
        })
    }
}

impl Outcome for Examined {
    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Examined::Proceed { .. } => None,
            Examined::Redirect(error) => Some(&error.refusal),
        }
    }

    fn told(&self) -> Value {
        match self {
            Examined::Proceed { request, .. } => json!({
                "client": request.client, "scope": request.scope, "redirect": request.redirect.as_str(),
                "response_type": request.response_type, "state": request.state.is_some(),
                "code_challenge": request.challenge.is_some(),
            }),
            Examined::Redirect(error) => json!({"redirect": error.redirect().as_str()}),
        }
    }
}

impl Outcome for Asked {
    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Asked::Account(_) | Asked::Decision(_) => None,
            Asked::Answered(answer) => answer.refusal(),
        }
    }

    fn told(&self) -> Value {
        let question =
            |kind: &str, Question { client, scope, optional, already, account, opened, .. }: &Question| {
                json!({
                    "asked_for": kind, "client": client, "scope": scope, "optional": optional, "already": already,
                    "account": account, "expires_at": opened.expires_at,
                })
            };
        match self {
            Asked::Account(asked) => question("account", asked),
            Asked::Decision(asked) => question("decision", asked),
            Asked::Answered(answer) => answer.told(),
        }
    }
}

impl Outcome for AuthorizationAnswer {
    fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    fn told(&self) -> Value {
        json!({"redirect": place(self.location.expose()), "grant": self.grant})
    }
}

impl Outcome for Introspection {
    fn told(&self) -> Value {
        match self {
            Introspection::Inactive => json!({"active": false}),
            Introspection::AccessToken(live) => live.told(),
            Introspection::RefreshToken { grant, expires_at } => {
                json!({"refresh_token_of": grant, "expires_at": expires_at})
            }
        }
    }
}

impl Outcome for LiveAccessToken {
    fn told(&self) -> Value {
        json!({
            "client": self.client, "subject": self.subject, "account": self.account, "grant": self.grant,
            "scope": self.scope, "expires_at": self.expires_at, "acting_as": self.acting_as,
        })
    }
}

/// Where a browser is sent, and the names of the parameters that go with it.
fn place(location: &str) -> Value {
    let (base, parameters) = location.split_once(['?', '#']).unwrap_or((location, ""));
    let names: Vec<String> =
        form_urlencoded::parse(parameters.as_bytes()).map(|(name, _)| name.into_owned()).collect();
    json!({"uri": base, "parameters": names})
}

/// A refusal as a bundle tells it.
pub(super) fn refused(refusal: &Refusal) -> Value {
    let looked_at: Map<String, Value> = refusal
        .looked_at
        .iter()
        .map(|fact| (fact.what.to_owned(), serde_json::to_value(&fact.found).unwrap_or_default()))
        .collect();
    json!({
        "reason": refusal.reason, "parameter": refusal.parameter, "client": refusal.client, "grant": refusal.grant,
        "looked_at": looked_at,
    })
}
