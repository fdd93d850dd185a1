//! What an answer holds: which fields, by what names, in what order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::client::wire_names;

/// One field of an answer: the name it has on the wire, and where its value comes from. Written `name`, or
/// `name = source` where the two differ, as in `"token = access_token"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<S> {
    /// The name on the wire.
    pub name: String,
    /// Where the value comes from.
    pub source: S,
}

/// A list of [`Field`]s, in the order in which they are sent. What has no value is left out.
pub type Fields<S> = Vec<Field<S>>;

/// Where the value of a field can come from.
pub trait Source: Copy + 'static {
    /// Every one.
    const ALL: &'static [Self];

    /// Its name.
    fn as_str(self) -> &'static str;
}

macro_rules! sources {
    ($($name:ident),*) => { $(impl Source for $name {
        const ALL: &'static [Self] = $name::ALL;

        fn as_str(self) -> &'static str {
            $name::as_str(self)
        }
    })* };
}

wire_names! {
    /// What a token answer can say (RFC 6749, section 5.1, and what services add to it).
    TokenField {
        /// The access token.
        AccessToken = "access_token",
        /// What kind of token it is, in the profile's spelling.
        TokenType = "token_type",
        /// How many whole seconds it has to live.
        ExpiresIn = "expires_in",
        /// The refresh token.
        RefreshToken = "refresh_token",
        /// What it permits.
        Scope = "scope",
        /// The `jti` of a JWT.
        Jti = "jti",
        /// When it was issued, in Unix seconds.
        CreatedAt = "created_at",
    }
}

wire_names! {
    /// What the answer of the authorization endpoint can say, to a client at its redirect URI.
    RedirectField {
        /// The authorization code.
        Code = "code",
        /// The access token, of an implicit grant.
        AccessToken = "access_token",
        /// What kind of token it is.
        TokenType = "token_type",
        /// How many whole seconds it has to live.
        ExpiresIn = "expires_in",
        /// What it permits.
        Scope = "scope",
        /// The client's `state`.
        State = "state",
        /// Who answers (RFC 9207).
        Iss = "iss",
        /// The client.
        ClientId = "client_id",
        /// The account that was chosen.
        AccountId = "account.id",
        /// Its name.
        AccountName = "account.name",
        /// Where it is.
        AccountUrl = "account.url",
        /// The person who approved.
        SubjectId = "subject.id",
        /// His name.
        SubjectName = "subject.name",
        /// His e-mail address.
        SubjectEmail = "subject.email",
        /// What was refused.
        Error = "error",
        /// Why.
        ErrorDescription = "error_description",
    }
}

wire_names! {
    /// What a JWT access token can say.
    ClaimField {
        /// The issuer.
        Iss = "iss",
        /// The subject; the client's id where it speaks for itself.
        Sub = "sub",
        /// Whom it is for.
        Aud = "aud",
        /// The client.
        ClientId = "client_id",
        /// When it was issued.
        Iat = "iat",
        /// Since when it is valid: when it was issued.
        Nbf = "nbf",
        /// When it ends.
        Exp = "exp",
        /// Its name.
        Jti = "jti",
        /// What it permits, as one text.
        Scope = "scope",
        /// What it permits, as a list.
        ScopeList = "scope[]",
        /// The grant it came of.
        Grant = "grant",
    }
}

wire_names! {
    /// What is told of a person.
    PersonField {
        /// Who he is: the `sub`.
        SubjectId = "subject.id",
        /// The name he logs in with.
        Username = "subject.username",
        /// His name, for people.
        SubjectName = "subject.name",
        /// His e-mail address.
        SubjectEmail = "subject.email",
        /// His picture.
        SubjectAvatar = "subject.avatar",
    }
}

sources!(TokenField, RedirectField, ClaimField, PersonField);

impl<S: Source> Field<S> {
    /// The field of that source, under the source's own name.
    pub fn plain(source: S) -> Self {
        Self { name: source.as_str().to_owned(), source }
    }
}

/// The fields of these sources, under their own names.
pub(super) fn plain<S: Source>(sources: &[S]) -> Fields<S> {
    sources.iter().map(|source| Field::plain(*source)).collect()
}

impl<S: Source> FromStr for Field<S> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, source) = match text.split_once('=') {
            Some((name, source)) => (name.trim(), source.trim()),
            None => (text.trim(), text.trim()),
        };
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if name.is_empty() || !name.bytes().all(|b| allowed(b) || b"[]".contains(&b)) {
            return Err(format!("`{name}` is no name of a field"));
        }
        let found = S::ALL.iter().find(|s| s.as_str() == source).copied();
        let source = found.ok_or_else(|| {
            let known = S::ALL.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ");
            format!("`{source}` is nothing that can be said here; there are {known}")
        })?;
        Ok(Self { name: name.to_owned(), source })
    }
}

impl<S: Source> fmt::Display for Field<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name == self.source.as_str() {
            f.write_str(&self.name)
        } else {
            write!(f, "{} = {}", self.name, self.source.as_str())
        }
    }
}

impl<S: Source> Serialize for Field<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, S: Source> Deserialize<'de> for Field<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_read_and_print() {
        for text in ["access_token", "token = access_token", "account_id = account.id"] {
            let read = text.parse::<Field<RedirectField>>().unwrap();
            assert_eq!(read.to_string(), text);
        }
        assert!("x = nothing".parse::<Field<TokenField>>().unwrap_err().contains("access_token"));
        assert!("a b = scope".parse::<Field<TokenField>>().is_err());
    }
}
