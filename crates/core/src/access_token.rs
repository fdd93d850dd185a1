//! What is kept of an access token, and what a JWT says of itself.

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::credential;
use crate::grant::GrantFacts;
use crate::ids::{AccountId, ClientId, GrantId, SubjectId};
use crate::permission::{Operation, Permissions};
use crate::profile::{AccessTokenRules, ClaimField, Profile};
use crate::record::{Format, Key, Kind, Record, to_json};
use crate::scope::Scope;
use crate::time::Time;

/// A reference access token's record. It lies under its grant's id and its own digest, so that finding it proves it.
///
/// One that came of a grant is worth something only while the grant is active. For a JWT such a record exists only once
/// it was revoked by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceToken {
    v: Format<1>,
    /// Whom it speaks for.
    pub basis: Basis,
    /// In which era of its grant it was issued, where it came of one.
    #[serde(default, skip_serializing_if = "is_first")]
    pub era: u32,
    /// What it permits.
    pub scope: Scope,
    /// When it was issued.
    pub issued_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// When it was revoked by itself, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Time>,
}

/// Whom an access token speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Basis {
    /// A subject, by the grant it lies under.
    Grant,
    /// The client itself.
    Client {
        /// The client.
        client_id: ClientId,
        /// Whom the token is for, where the client has an audience.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        audience: Option<String>,
    },
}

impl Record for ReferenceToken {
    const KIND: Kind = Kind::AccessToken;
}

impl ReferenceToken {
    /// Where a reference token lies.
    pub fn key(token: &credential::AccessToken) -> Key<ReferenceToken> {
        Key::under(&token.grant().to_string(), &token.digest().to_base64url())
    }

    /// Where the revocation of a JWT lies.
    pub fn key_of_jwt(claims: &AccessTokenClaims) -> Key<ReferenceToken> {
        let slot = claims.grant.map_or_else(|| claims.jti.clone(), |origin| origin.grant.to_string());
        Key::under(&slot, &claims.jti)
    }

    /// A new one.
    pub fn new(basis: Basis, era: u32, scope: Scope, issued_at: Time, expires_at: Time) -> Self {
        Self { v: Format, basis, era, scope, issued_at, expires_at, revoked_at: None }
    }

    /// The same, taken back.
    #[must_use]
    pub fn revoked(mut self, now: Time) -> Self {
        self.revoked_at = Some(now);
        self
    }
}

pub(crate) fn is_first(era: &u32) -> bool {
    *era == 0
}

/// The grant that a token came of, and its era then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The grant.
    pub grant: GrantId,
    /// Which of its eras.
    pub era: u32,
}

impl Origin {
    /// Where tokens of this grant come from now.
    pub fn of(facts: &GrantFacts) -> Self {
        Self { grant: facts.id, era: facts.era }
    }

    fn to_text(self) -> String {
        if self.era == 0 { self.grant.to_string() } else { format!("{}.{}", self.grant, self.era) }
    }

    fn from_text(text: &str) -> Option<Self> {
        let (grant, era) = text.split_once('.').unwrap_or((text, "0"));
        Some(Self { grant: grant.parse().ok()?, era: era.parse().ok()? })
    }
}

/// What a JWT access token says (RFC 9068, section 2.2). Under which names, in what order, and how much of it, is the
/// profile's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTokenClaims {
    /// The issuer.
    pub iss: String,
    /// The subject; the client's id where it speaks for itself.
    pub sub: String,
    /// Whom it is for; the issuer where the client has no audience.
    pub aud: String,
    /// The client.
    pub client_id: ClientId,
    /// When it was issued, in seconds.
    pub iat: i64,
    /// When it ends, in seconds.
    pub exp: i64,
    /// Its name.
    pub jti: String,
    /// What it permits.
    pub scope: Scope,
    /// The grant it came of, by which its revocation is found out. Not of RFC 9068.
    pub grant: Option<Origin>,
}

impl AccessTokenClaims {
    /// The JSON that is signed.
    pub fn write(&self, rules: &AccessTokenRules) -> Vec<u8> {
        // Texts and numbers under text keys: serde_json has no reason to refuse them.
        to_json(&Written { claims: self, rules })
    }

    /// The claims of JSON that was signed for such a profile, if they are all there and of this issuer.
    pub fn read(json: &[u8], profile: &Profile) -> Option<Self> {
        let object: serde_json::Map<String, Value> = serde_json::from_slice(json).ok()?;
        let fields = &profile.access_token.claims;
        let found = |source: ClaimField| {
            fields.iter().find(|field| field.source == source).and_then(|field| object.get(&field.name))
        };
        let text = |source| found(source).and_then(Value::as_str);
        let number = |source| found(source).and_then(Value::as_i64);
        let issuer = profile.issuer.as_str();
        if fields.iter().any(|f| f.source == ClaimField::Iss) && text(ClaimField::Iss) != Some(issuer) {
            return None;
        }
        let client_id = ClientId::parse(text(ClaimField::ClientId)?).ok()?;
        let exp = number(ClaimField::Exp)?;
        let seconds = i64::try_from(profile.lifetimes.access_token.as_seconds()).unwrap_or(i64::MAX);
        let scope = match (found(ClaimField::Scope), found(ClaimField::ScopeList)) {
            (Some(Value::String(text)), _) => Scope::parse(text).ok()?,
            (_, Some(Value::Array(tokens))) => {
                let tokens: Option<Vec<&str>> = tokens.iter().map(Value::as_str).collect();
                Scope::parse(&tokens?.join(" ")).ok()?
            }
            (None, None) => Scope::none(),
            (_, _) => return None,
        };
        let grant = match found(ClaimField::Grant) {
            None => None,
            Some(origin) => Some(Origin::from_text(origin.as_str()?)?),
        };
        Some(Self {
            iss: issuer.to_owned(),
            sub: text(ClaimField::Sub).unwrap_or(client_id.as_str()).to_owned(),
            aud: text(ClaimField::Aud).unwrap_or(issuer).to_owned(),
            iat: number(ClaimField::Iat).unwrap_or_else(|| exp.saturating_sub(seconds)),
            exp,
            jti: text(ClaimField::Jti)?.to_owned(),
            client_id,
            scope,
            grant,
        })
    }
}

/// Claims in a profile's order.
struct Written<'a> {
    claims: &'a AccessTokenClaims,
    rules: &'a AccessTokenRules,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let claims = self.claims;
        let mut map = serializer.serialize_map(None)?;
        for field in &self.rules.claims {
            let name = field.name.as_str();
            match field.source {
                ClaimField::Iss => map.serialize_entry(name, &claims.iss)?,
                ClaimField::Sub => map.serialize_entry(name, &claims.sub)?,
                ClaimField::Aud => map.serialize_entry(name, &claims.aud)?,
                ClaimField::ClientId => map.serialize_entry(name, &claims.client_id)?,
                ClaimField::Iat | ClaimField::Nbf => map.serialize_entry(name, &claims.iat)?,
                ClaimField::Exp => map.serialize_entry(name, &claims.exp)?,
                ClaimField::Jti => map.serialize_entry(name, &claims.jti)?,
                ClaimField::Scope if claims.scope.is_empty() => {}
                ClaimField::Scope => map.serialize_entry(name, &claims.scope)?,
                ClaimField::ScopeList => {
                    map.serialize_entry(name, &claims.scope.tokens().collect::<Vec<_>>())?;
                }
                ClaimField::Grant => {
                    if let Some(origin) = claims.grant {
                        map.serialize_entry(name, &origin.to_text())?;
                    }
                }
            }
        }
        map.end()
    }
}

/// The `typ` of a JWT access token (RFC 9068, section 2.1).
pub const ACCESS_TOKEN_TYP: &str = "at+jwt";

/// An access token that was found to be worth something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveAccessToken {
    /// The client it was issued to.
    pub client: ClientId,
    /// Whom it speaks for; none where that is the client itself.
    pub subject: Option<SubjectId>,
    /// The account it is about, where there is one.
    pub account: Option<AccountId>,
    /// The grant it came of, if it came of one.
    pub grant: Option<GrantId>,
    /// What it permits.
    pub scope: Scope,
    /// What it permits on which accounts, where it speaks for the client itself: what is registered of the client now,
    /// and not what was when the token was issued. So a permission that was taken away is gone at once.
    pub permissions: Permissions,
    /// Whom it is for, where the client has an audience.
    pub audience: Option<String>,
    /// When it was issued.
    pub issued_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// The person for whom the client acts in this request, where it says so and may.
    pub acting_as: Option<SubjectId>,
}

impl LiveAccessToken {
    /// Whether it permits an operation on an account.
    pub fn permits(&self, account: &AccountId, operation: &Operation) -> bool {
        self.permissions.permits(account, operation)
    }

    /// The same with what is registered of its client now.
    pub(crate) fn with_permissions_of(self, client: &crate::client::ClientMetadata) -> Self {
        // A person's token is about what he granted, and not about what the client may do without him.
        let permissions =
            if self.subject.is_none() { client.permissions.clone() } else { Permissions::none() };
        Self { permissions, ..self }
    }
}
