//! Answers as JSON, and errors as JSON and headers.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::flow::{Introspection, TokenAnswer};
use crate::permission::Permissions;
use crate::profile::{ErrorStyle, Profile, ScopeEncoding, TokenField};
use crate::record::to_json;
use crate::refusal::{ErrorCode, Refusal};

/// The body of a token answer (RFC 6749, section 5.1), in the profile's names and order. It holds the tokens: it is sent,
/// and never logged.
pub fn token_body(answer: &TokenAnswer, profile: &Profile) -> Vec<u8> {
    json(&TokenBody { answer, profile })
}

struct TokenBody<'a> {
    answer: &'a TokenAnswer,
    profile: &'a Profile,
}

impl Serialize for TokenBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (answer, rules) = (self.answer, &self.profile.token);
        let mut map = serializer.serialize_map(None)?;
        for field in &rules.answer {
            let name = field.name.as_str();
            match field.source {
                TokenField::AccessToken => map.serialize_entry(name, answer.access_token.expose())?,
                TokenField::TokenType => map.serialize_entry(name, &rules.token_type)?,
                TokenField::ExpiresIn => {
                    if let Some(end) = answer.expires_at.unless_never() {
                        map.serialize_entry(name, &end.seconds_after(answer.now))?;
                    }
                }
                TokenField::RefreshToken => {
                    if let Some(token) = &answer.refresh_token {
                        map.serialize_entry(name, token.expose())?;
                    }
                }
                TokenField::Scope => match answer.scope_encoding.unwrap_or(rules.scope) {
                    ScopeEncoding::List => {
                        map.serialize_entry(name, &answer.scope.tokens().collect::<Vec<_>>())?;
                    }
                    ScopeEncoding::Text | ScopeEncoding::Commas if answer.scope.is_empty() => {}
                    ScopeEncoding::Text => map.serialize_entry(name, &answer.scope)?,
                    ScopeEncoding::Commas => {
                        map.serialize_entry(name, &answer.scope.as_str().replace(' ', ","))?;
                    }
                },
                TokenField::Jti => {
                    if let Some(jti) = &answer.jti {
                        map.serialize_entry(name, jti)?;
                    }
                }
                TokenField::CreatedAt => map.serialize_entry(name, &answer.now.unix_seconds())?,
            }
        }
        map.end()
    }
}

/// The body of an introspection answer (RFC 7662, section 2.2). Inactive says that and nothing else.
pub fn introspection_body(answer: &Introspection, issuer: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Inactive {
        active: bool,
    }
    #[derive(Serialize)]
    struct Active<'a> {
        active: bool,
        #[serde(skip_serializing_if = "str::is_empty")]
        scope: &'a str,
        client_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        token_type: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        exp: Option<i64>,
        iat: i64,
        sub: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        aud: Option<&'a str>,
        iss: &'a str,
        /// RFC 9396, section 9.2.
        #[serde(skip_serializing_if = "Option::is_none")]
        authorization_details: Option<&'a Permissions>,
    }
    match answer {
        Introspection::Inactive => json(&Inactive { active: false }),
        Introspection::AccessToken(live) => json(&Active {
            active: true,
            scope: live.scope.as_str(),
            client_id: live.client.as_str(),
            token_type: Some("Bearer"),
            exp: Some(live.expires_at.unix_seconds()),
            iat: live.issued_at.unix_seconds(),
            sub: live.subject.as_ref().map_or(live.client.as_str(), |s| s.as_str()),
            aud: live.audience.as_deref(),
            iss: issuer,
            authorization_details: Some(&live.permissions).filter(|permissions| !permissions.is_empty()),
        }),
        Introspection::RefreshToken { grant, expires_at } => json(&Active {
            active: true,
            scope: grant.scope.as_str(),
            client_id: grant.client.as_str(),
            token_type: None,
            exp: expires_at.map(crate::Time::unix_seconds),
            iat: grant.created_at.unix_seconds(),
            sub: grant.subject.as_str(),
            aud: grant.audience.as_deref(),
            iss: issuer,
            authorization_details: None,
        }),
    }
}

/// An error as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl ErrorAnswer {
    /// What a refusal looks like in a profile.
    pub fn of(refusal: &Refusal, profile: &Profile) -> Self {
        let code = refusal.code();
        Self::new(profile, profile.errors.status(code), code, &refusal.description())
    }

    /// What a fault of ours looks like: it says that it may pass, and nothing of what it is.
    pub fn unavailable(profile: &Profile) -> Self {
        let code = ErrorCode::TemporarilyUnavailable;
        Self::new(profile, code.status(), code, "the server cannot answer right now; try again")
    }

    /// An error of any status.
    pub fn new(profile: &Profile, status: u16, code: ErrorCode, description: &str) -> Self {
        let rules = &profile.errors;
        let (error, description) = (rules.code(code), rules.description(code).unwrap_or(description));
        let (content_type, body) = match rules.style {
            ErrorStyle::OAuth => {
                ("application/json", json(&ErrorBody { error, error_description: description }))
            }
            ErrorStyle::Problem => {
                let r#type = format!("{}{error}", rules.problem_type);
                // No charset: there are clients that compare the whole header.
                let body = json(&ProblemBody { r#type, title: description, name: "", status });
                ("application/problem+json", body)
            }
        };
        Self { status, content_type, body }
    }
}

/// The body of an error (RFC 6749, section 5.2).
#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// The same as a problem document (RFC 9457).
#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: String,
    title: &'a str,
    name: &'a str,
    status: u16,
}

/// What a 401 asks for, or a resource's error says, in `WWW-Authenticate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// At an endpoint that authenticates clients (RFC 6749, section 5.2).
    Basic,
    /// At a resource (RFC 6750, section 3).
    Bearer,
}

impl Challenge {
    /// The header's value for a refusal; `None` where no header belongs.
    pub fn header(self, refusal: &Refusal) -> Option<String> {
        match self {
            Challenge::Basic => {
                (refusal.code().status() == 401).then(|| "Basic realm=\"grantor\"".to_owned())
            }
            Challenge::Bearer if refusal.reason == crate::Reason::TokenMissing => {
                // Without a token there is no error to name (section 3.1).
                Some("Bearer realm=\"grantor\"".to_owned())
            }
            Challenge::Bearer => Some(format!(
                "Bearer realm=\"grantor\", error=\"{}\", error_description=\"{}\"",
                refusal.code().as_str(),
                refusal.description()
            )),
        }
    }
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    // Texts, numbers and booleans under fixed names: serde_json has no reason to refuse them.
    to_json(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::GrantType;
    use crate::{LiveAccessToken, Reason, Secret, Time};

    fn standard() -> Profile {
        Profile::standard("https://a.test".parse().unwrap())
    }

    fn text(body: Vec<u8>) -> String {
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn a_token_answer_names_what_there_is_and_nothing_else() {
        let now = Time::from_unix_millis(1_000_000);
        let mut answer = TokenAnswer {
            access_token: Secret::new("at"),
            expires_at: Time::from_unix_millis(1_059_999),
            now,
            refresh_token: Some(Secret::new("rt")),
            scope: "read write".parse().unwrap(),
            grant_type: GrantType::AuthorizationCode,
            client: "web".parse().unwrap(),
            subject: None,
            grant: None,
            jti: None,
            scope_encoding: None,
        };
        assert_eq!(
            text(token_body(&answer, &standard())),
            r#"{"access_token":"at","token_type":"Bearer","expires_in":59,"refresh_token":"rt","scope":"read write"}"#
        );
        answer.refresh_token = None;
        answer.scope = crate::Scope::none();
        answer.expires_at = Time::from_unix_millis(0);
        assert_eq!(
            text(token_body(&answer, &standard())),
            r#"{"access_token":"at","token_type":"Bearer","expires_in":0}"#
        );
    }

    #[test]
    fn an_introspection_answer_has_the_types_of_rfc_7662() {
        assert_eq!(
            text(introspection_body(&Introspection::Inactive, "https://a.test")),
            r#"{"active":false}"#
        );
        let live = LiveAccessToken {
            client: "web".parse().unwrap(),
            subject: Some("alice".parse().unwrap()),
            account: None,
            grant: None,
            scope: "read".parse().unwrap(),
            audience: None,
            issued_at: Time::from_unix_millis(1000),
            expires_at: Time::from_unix_millis(61_000),
            permissions: Permissions::none(),
            acting_as: None,
        };
        assert_eq!(
            text(introspection_body(&Introspection::AccessToken(live), "https://a.test")),
            r#"{"active":true,"scope":"read","client_id":"web","token_type":"Bearer","exp":61,"iat":1,"sub":"alice","iss":"https://a.test"}"#
        );
    }

    #[test]
    fn challenges_are_those_of_the_rfcs() {
        let header = |challenge: Challenge, reason: Reason| challenge.header(&reason.into());
        let basic = Some("Basic realm=\"grantor\"".to_owned());
        assert_eq!(header(Challenge::Basic, Reason::ClientSecretWrong), basic);
        assert_eq!(header(Challenge::Basic, Reason::ParameterMissing), None);
        assert_eq!(
            header(Challenge::Bearer, Reason::TokenMissing),
            Some("Bearer realm=\"grantor\"".to_owned())
        );
        let insufficient = header(Challenge::Bearer, Reason::ScopeInsufficient).unwrap();
        assert!(
            insufficient
                .starts_with("Bearer realm=\"grantor\", error=\"insufficient_scope\", error_description=")
        );
    }

    #[test]
    fn refusals_that_must_look_alike_do() {
        let bodies: Vec<ErrorAnswer> = [
            Reason::ClientUnknown,
            Reason::ClientSecretWrong,
            Reason::ClientMethodWrong,
            Reason::ClientDisabled,
            Reason::ClientUnidentified,
            Reason::AuthorizationMalformed,
        ]
        .map(|reason| ErrorAnswer::of(&reason.into(), &standard()))
        .into();
        assert!(bodies.iter().all(|body| *body == bodies[0]));
    }
}
