//! The server's name.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The server's name: an `https` URL without query or fragment (RFC 8414, section 2), or `http` on a loopback host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Issuer(String);

impl Issuer {
    /// The issuer as it is compared and sent: to the letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether people and clients reach it by `https`.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// A path of this server as an absolute URL.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Scheme, host and port: what a browser calls its origin.
    pub fn origin(&self) -> String {
        url::Url::parse(&self.0).map(|u| u.origin().ascii_serialization()).unwrap_or_default()
    }
}

impl FromStr for Issuer {
    type Err = InvalidIssuer;

    fn from_str(text: &str) -> Result<Self, InvalidIssuer> {
        let url = url::Url::parse(text).map_err(|_| InvalidIssuer)?;
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        let scheme_fits = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        let plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let text = text.strip_suffix('/').unwrap_or(text);
        let whole = url.as_str().strip_suffix('/').unwrap_or(url.as_str());
        if scheme_fits && plain && whole == text { Ok(Self(text.to_owned())) } else { Err(InvalidIssuer) }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidIssuer;

impl fmt::Display for InvalidIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an issuer is an https URL without query or fragment; http is for 127.0.0.1, [::1] and localhost only")
    }
}

impl std::error::Error for InvalidIssuer {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers() {
        for good in [
            "https://auth.test",
            "https://auth.test/a/b",
            "http://127.0.0.1:8080",
            "http://localhost:1",
            "http://[::1]:2",
        ] {
            assert_eq!(good.parse::<Issuer>().unwrap().as_str(), good);
        }
        assert_eq!("https://auth.test/".parse::<Issuer>().unwrap().as_str(), "https://auth.test");
        for bad in [
            "",
            "auth.test",
            "http://auth.test",
            "https://auth.test?x",
            "https://auth.test#x",
            "https://u@auth.test",
            "ftp://localhost",
        ] {
            assert!(bad.parse::<Issuer>().is_err(), "{bad}");
        }
    }
}
