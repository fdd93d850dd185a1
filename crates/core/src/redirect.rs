//! Redirect URIs: which may be registered, and which may be followed.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::limits::Limits;
use crate::profile::RedirectMatch;

/// A redirect URI as a client registered it. It is kept and compared as the text it was given as (RFC 6749, section
/// 3.1.2.3; RFC 9700, section 2.1): a URI that had been normalised could match what its owner never wrote.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RedirectUri(Box<str>);

impl RedirectUri {
    /// Reads a URI for registration: `https`; `http` on a loopback host only; or a private-use scheme that contains a
    /// dot (RFC 8252, section 7.1). No fragment, no credentials, no wildcard, no dot segments.
    ///
    /// # Errors
    /// [`InvalidRedirectUri`], which says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidRedirectUri> {
        use InvalidRedirectUri as Invalid;
        if text.is_empty() || text.len() > Limits::DEFAULT.redirect_uri_bytes {
            return Err(Invalid::Length);
        }
        if !text.bytes().all(|b| (0x21..=0x7e).contains(&b))
            || text.contains(['\\', '"', '<', '>', '`', '{', '}'])
        {
            return Err(Invalid::Character);
        }
        let url = Url::parse(text).map_err(|_| Invalid::NotAbsolute)?;
        if text.contains('#') {
            return Err(Invalid::Fragment);
        }
        if text.contains('*') {
            return Err(Invalid::Wildcard);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Invalid::Credentials);
        }
        match url.scheme() {
            "https" => {}
            "http" if url.host_str().is_some_and(|h| LOOPBACK_NAMES.contains(&h)) => {}
            "http" => return Err(Invalid::PlainHttp),
            scheme if scheme.contains('.') => {}
            _ => return Err(Invalid::Scheme),
        }
        // Of the text, since `url` has resolved them already.
        let before_query = text.split('?').next().unwrap_or_default();
        if before_query.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(Invalid::DotSegments);
        }
        Ok(Self(text.into()))
    }

    /// The URI as it was registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `given` is this URI, whatever was added to its query: for where nothing is sent to it.
    pub(crate) fn leads_to(&self, given: &str) -> bool {
        RedirectMatch::AddedQuery.admits(self, given)
    }

    /// Whether a request may be answered at `requested`: it is this URI to the letter, or this is an `http` URI of a
    /// loopback address and only the port differs (RFC 8252, section 7.3).
    pub fn admits(&self, requested: &str) -> bool {
        if *self.0 == *requested {
            return true;
        }
        match (without_loopback_port(&self.0), without_loopback_port(requested)) {
            (Some(registered), Some(requested)) => registered == requested,
            _ => false,
        }
    }
}

impl RedirectMatch {
    /// Whether a request may be answered at `requested`, where `registered` is registered.
    pub fn admits(self, registered: &RedirectUri, requested: &str) -> bool {
        match self {
            RedirectMatch::Exact => registered.admits(requested),
            RedirectMatch::AddedQuery => {
                registered.admits(requested)
                    || (plain(requested)
                        && same_but_for_added_query(registered.as_str(), requested, |a, b| {
                            RedirectUri(a.into()).admits(b)
                        }))
            }
        }
    }

    /// Whether a token request repeats the URI that its authorization request named (RFC 6749, section 4.1.3).
    pub fn same(self, asked: &str, repeated: &str) -> bool {
        asked == repeated
            || match self {
                RedirectMatch::Exact => false,
                RedirectMatch::AddedQuery => same_but_for_added_query(asked, repeated, |a, b| a == b),
            }
    }
}

/// Whether a URI of a request is one line of plain ASCII without a fragment, as a registered one is.
fn plain(uri: &str) -> bool {
    uri.bytes().all(|b| (0x21..=0x7e).contains(&b)) && !uri.contains(['#', '\\', '"', '<', '>'])
}

/// Whether two URIs are the same before their queries, and `own` has no query, or both have the same parameters in any
/// order.
fn same_but_for_added_query(own: &str, other: &str, same: impl Fn(&str, &str) -> bool) -> bool {
    let split = |uri| str::split_once(uri, '?').map_or((uri, None), |(base, query)| (base, Some(query)));
    let ((own, own_query), (other, query)) = (split(own), split(other));
    let sorted = |query: &str| {
        let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        pairs.sort();
        pairs
    };
    let queries_fit = own_query.is_none_or(|own| query.is_some_and(|query| sorted(own) == sorted(query)));
    same(own, other) && queries_fit
}

/// Hosts on which plain `http` never leaves the machine.
const LOOPBACK_NAMES: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];
/// Those whose port may vary. `localhost` is a name that can be made to point elsewhere (RFC 8252, section 8.3).
const LOOPBACK_ORIGINS: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// A loopback URI as its origin and what follows the port.
fn without_loopback_port(uri: &str) -> Option<(&'static str, &str)> {
    let origin = LOOPBACK_ORIGINS.into_iter().find(|origin| uri.starts_with(origin))?;
    let rest = uri.strip_prefix(origin)?;
    let Some(port_on) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((origin, rest));
    };
    let digits = port_on.bytes().take_while(u8::is_ascii_digit).count();
    let (port, rest) = port_on.split_at_checked(digits)?;
    let port_is_plain = port.parse::<u16>().is_ok_and(|n| n.to_string() == port);
    (port_is_plain && (rest.is_empty() || rest.starts_with(['/', '?']))).then_some((origin, rest))
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for RedirectUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Why a URI may not be registered: the `invalid_redirect_uri` of RFC 7591, section 3.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidRedirectUri {
    /// Empty or too long.
    Length,
    /// Not printable ASCII, or a character that has no place in a URI.
    Character,
    /// Not an absolute URI.
    NotAbsolute,
    /// It has a fragment (RFC 6749, section 3.1.2).
    Fragment,
    /// It has a `*`: URIs are compared, not matched.
    Wildcard,
    /// It has a user name or a password.
    Credentials,
    /// It has dot segments, which clients resolve in different ways.
    DotSegments,
    /// Plain `http` off the loopback interface (RFC 9700, section 2.6).
    PlainHttp,
    /// A scheme that is neither `https` nor a private-use one with a dot in it.
    Scheme,
}

impl fmt::Display for InvalidRedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "it is empty or too long",
            Self::Character => "it has a character that no URI has",
            Self::NotAbsolute => "it is not an absolute URI",
            Self::Fragment => "it has a fragment",
            Self::Wildcard => "it has a wildcard, and redirect URIs are compared to the letter",
            Self::Credentials => "it has a user name or password",
            Self::DotSegments => "it has dot segments",
            Self::PlainHttp => "it uses http, which is for 127.0.0.1, [::1] and localhost only; use https",
            Self::Scheme => {
                "its scheme is neither https nor a private one with a dot, such as com.example.app"
            }
        })
    }
}

impl std::error::Error for InvalidRedirectUri {}

/// Proof that a redirect URI is one of its client's own. Only with it can an answer be sent to a URI from a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectTrusted {
    uri: String,
    asked: bool,
}

impl RedirectTrusted {
    /// Trusts the requested URI if the client registered it; without one, the client's only URI
    /// (RFC 6749, section 3.1.2.3).
    pub(crate) fn establish(
        registered: &[RedirectUri],
        requested: Option<&str>,
        rule: RedirectMatch,
    ) -> Option<Self> {
        match (requested, registered) {
            (Some(uri), _) => {
                let trusted = registered.iter().any(|r| rule.admits(r, uri));
                trusted.then(|| Self { uri: uri.to_owned(), asked: true })
            }
            (None, [only]) => Some(Self { uri: only.as_str().to_owned(), asked: false }),
            (None, _) => None,
        }
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.uri
    }

    /// What the token request must repeat (RFC 6749, section 4.1.3): the URI, if the authorization request named it.
    pub(crate) fn to_repeat(&self) -> Option<&str> {
        self.asked.then_some(self.uri.as_str())
    }

    /// The trusted URI of an interaction that was stored after it had been established.
    pub(crate) fn restored(uri: String, asked: bool) -> Self {
        Self { uri, asked }
    }

    /// The URI with parameters added to its query, keeping those it has (RFC 6749, section 3.1.2), or in its fragment.
    pub fn with(&self, place: ResponsePlace, parameters: &[(&str, &str)]) -> String {
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(parameters);
        let glue = match place {
            ResponsePlace::Fragment => "#",
            ResponsePlace::Query if self.uri.ends_with(['?', '&']) => "",
            ResponsePlace::Query if self.uri.contains('?') => "&",
            ResponsePlace::Query => "?",
        };
        format!("{}{glue}{}", self.uri, encoded.finish())
    }
}

/// Where an authorization response puts its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponsePlace {
    /// In the query: authorization code (RFC 6749, section 4.1.2).
    Query,
    /// In the fragment: implicit (RFC 6749, section 4.2.2).
    Fragment,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::parse(text).unwrap()
    }

    #[test]
    fn only_the_letter_is_admitted() {
        let registered = uri("https://app.test/cb");
        assert!(registered.admits("https://app.test/cb"));
        for near in [
            "https://app.test/cb/",
            "https://app.test/cbx",
            "https://app.test/cb/x",
            "https://app.test/CB",
            "https://app.test.evil.test/cb",
            "https://xapp.test/cb",
            "https://app.test/cb/../cb",
            "https://app.test/x/%2e%2e/cb",
            "https://app.test/cb/..;/evil",
            "https://app.test//cb",
            "https://app.test/./cb",
            "HTTPS://app.test/cb",
            "https://APP.test/cb",
            "https://app.test:443/cb",
            "https://app.test./cb",
            "https://app.test:8443/cb",
            "https://app.test/cb#f",
            "https://app.test/cb?",
            "https://user@app.test/cb",
            "",
        ] {
            assert!(!registered.admits(near), "{near}");
        }
    }

    #[test]
    fn only_the_port_of_a_loopback_address_may_vary() {
        for host in ["127.0.0.1", "[::1]"] {
            let registered = uri(&format!("http://{host}/cb?a=1"));
            assert!(registered.admits(&format!("http://{host}:49152/cb?a=1")));
            assert!(uri(&format!("http://{host}:80/cb")).admits(&format!("http://{host}/cb")));
            for bad in [
                ":49152/cb",
                ":49152/cb?a=2",
                ":/cb?a=1",
                ":065/cb?a=1",
                ":99999/cb?a=1",
                ":1@evil.test/cb?a=1",
                ".evil.test/cb?a=1",
            ] {
                assert!(!registered.admits(&format!("http://{host}{bad}")), "{bad}");
            }
            assert!(!registered.admits(&format!("https://{host}:1/cb?a=1")));
        }
        assert!(!uri("http://127.0.0.1/cb").admits("http://[::1]/cb"));
        assert!(!uri("http://localhost/cb").admits("http://localhost:5000/cb"));
        assert!(uri("com.example.app:/cb").admits("com.example.app:/cb"));
        assert!(!uri("com.example.app:/cb").admits("com.example.app://cb"));
    }

    #[test]
    fn what_may_not_be_registered() {
        use InvalidRedirectUri as I;
        for (text, why) in [
            ("", I::Length),
            ("/cb", I::NotAbsolute),
            ("https://app.test/cb#f", I::Fragment),
            ("https://app.test/cb#", I::Fragment),
            ("http://app.test/cb", I::PlainHttp),
            ("http://127.0.0.1.evil.test/cb", I::PlainHttp),
            ("https://*.app.test/cb", I::Wildcard),
            ("https://u:p@app.test/cb", I::Credentials),
            ("javascript:alert(1)", I::Scheme),
            ("JavaScript:alert(1)", I::Scheme),
            ("data:text/html,x", I::Scheme),
            ("vbscript:x", I::Scheme),
            ("file:///etc/passwd", I::Scheme),
            ("blob:x", I::Scheme),
            (" https://app.test/cb", I::Character),
            ("https://app.test/\tcb", I::Character),
            ("https://app.test/a b", I::Character),
            ("https://app.test/../cb", I::DotSegments),
            ("com.example.app:/a/..", I::DotSegments),
            ("myapp:/cb", I::Scheme),
        ] {
            assert_eq!(RedirectUri::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_response_keeps_the_query_and_escapes_what_it_adds() {
        let at = |uri: &str| RedirectTrusted::restored(uri.into(), true);
        assert_eq!(
            at("https://a.test/cb").with(ResponsePlace::Query, &[("code", "x&y"), ("state", "\r\n#")]),
            "https://a.test/cb?code=x%26y&state=%0D%0A%23"
        );
        assert_eq!(
            at("https://a.test/cb?t=a").with(ResponsePlace::Query, &[("code", "x")]),
            "https://a.test/cb?t=a&code=x"
        );
        assert_eq!(
            at("https://a.test/cb?").with(ResponsePlace::Query, &[("code", "x")]),
            "https://a.test/cb?code=x"
        );
        assert_eq!(
            at("https://a.test/cb").with(ResponsePlace::Fragment, &[("access_token", "x")]),
            "https://a.test/cb#access_token=x"
        );
    }

    proptest! {
        #[test]
        fn what_is_admitted_has_the_registered_origin(requested in "http://(127\\.0\\.0\\.1|\\[::1\\]|evil\\.test)[:@/.0-9a-z?]{0,12}") {
            let registered = uri("http://127.0.0.1/cb");
            if registered.admits(&requested) {
                let url = Url::parse(&requested).unwrap();
                prop_assert_eq!(url.host_str(), Some("127.0.0.1"));
                prop_assert_eq!(url.path(), "/cb");
                prop_assert_eq!(url.username(), "");
            }
        }
    }
}
