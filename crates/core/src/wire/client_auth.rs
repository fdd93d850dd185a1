//! How a client says who it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Parameters;
use super::parameters::is_text;
use crate::ids::ClientId;
use crate::limits::Limits;
use crate::refusal::{Reason, Refusal};
use crate::request::{ClientCredentials, ClientProof};
use crate::secret::Secret;

/// Reads client authentication from the `Authorization` header and the body (RFC 6749, section 2.3.1). One way, and one
/// way only.
///
/// # Errors
/// A refusal if there is none, more than one, or one that cannot be read.
pub fn client_credentials(
    authorization: Option<&str>,
    parameters: &Parameters,
    limits: &Limits,
) -> Result<ClientCredentials, Refusal> {
    // Some clients send an empty header where they mean none.
    let authorization = authorization.map(str::trim).filter(|value| !value.is_empty());
    let body_id = parameters.get("client_id");
    let body_secret = parameters.get("client_secret");
    if parameters.contains("client_assertion") || parameters.contains("client_assertion_type") {
        let twice = authorization.is_some() || body_secret.is_some();
        let reason = if twice { Reason::AuthenticationTwice } else { Reason::ClientMethodWrong };
        let refusal = ways(reason, authorization.is_some(), body_secret.is_some());
        return Err(refusal.saw("client_assertion", true));
    }
    match (authorization, body_secret) {
        (Some(_), Some(_)) => Err(ways(Reason::AuthenticationTwice, true, true)),
        (Some(header), None) => {
            let (id, secret) = basic(header, limits).ok_or_else(|| malformed(header))?;
            if body_id.is_some_and(|other| other != id) {
                let refusal = Refusal::from(Reason::ClientIdsDiffer).saw("header_bytes", id.len());
                return Err(refusal.saw("body_bytes", body_id.map_or(0, str::len)));
            }
            // An empty password is how some public clients send their id.
            let proof =
                if secret.expose().is_empty() { ClientProof::None } else { ClientProof::Basic(secret) };
            Ok(ClientCredentials { client: client_id(&id)?, proof })
        }
        (None, Some(secret)) if secret.len() > limits.client_secret_bytes => {
            Err(too_long("client_secret", secret, limits))
        }
        (None, secret) => {
            let unidentified = || ways(Reason::ClientUnidentified, false, secret.is_some());
            let client = client_id(body_id.ok_or_else(unidentified)?)?;
            let proof = secret.map_or(ClientProof::None, |s| ClientProof::Post(Secret::new(s)));
            Ok(ClientCredentials { client, proof })
        }
    }
}

/// An id that cannot be one belongs to no client.
fn client_id(text: &str) -> Result<ClientId, Refusal> {
    let unknown = |_| Refusal::from(Reason::ClientUnknown).saw("client_id_bytes", text.len());
    ClientId::parse(text).map_err(unknown)
}

/// In which ways a client authenticates, or does not.
fn ways(reason: Reason, header: bool, secret: bool) -> Refusal {
    Refusal::from(reason).saw("authorization", header).saw("client_secret", secret)
}

fn malformed(header: &str) -> Refusal {
    Refusal::from(Reason::AuthorizationMalformed).saw("bytes", header.len())
}

fn too_long(parameter: &'static str, value: &str, limits: &Limits) -> Refusal {
    let refusal = Refusal::from(Reason::ParameterInvalid).of(parameter).saw("bytes", value.len());
    refusal.saw("bytes_most", limits.client_secret_bytes)
}

/// `Basic base64(form-encoded id ":" form-encoded secret)`; each part is decoded once, after it was split off.
fn basic(header: &str, limits: &Limits) -> Option<(String, Secret)> {
    let encoded = after_scheme(header, "basic")?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    let secret = form_decode(secret)?;
    (secret.len() <= limits.client_secret_bytes).then_some((form_decode(id)?, Secret::new(secret)))
}

fn form_decode(text: &str) -> Option<String> {
    if !text.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return is_text(text).then(|| text.to_owned());
    }
    // `&` and `=` are literal here: only `+` and `%` mean something (RFC 6749, appendix B).
    let escaped = text.replace('&', "%26").replace('=', "%3D");
    let decoded = form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map_or_else(String::new, |(name, _)| name.into_owned());
    is_text(&decoded).then_some(decoded)
}

pub(super) fn after_scheme<'a>(header: &'a str, scheme: &str) -> Option<&'a str> {
    let (name, rest) = header.trim().split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then_some(rest.trim_start())
}

/// Reads an API key from the body, or from the user name of HTTP Basic. Where both have one, it must be the same.
pub(super) fn api_key(
    authorization: Option<&str>,
    parameters: &Parameters,
    limits: &Limits,
) -> Result<Secret, Refusal> {
    let header = authorization.map(str::trim).filter(|value| !value.is_empty());
    let shown = header.map(|header| basic_user(header, limits).ok_or_else(|| malformed(header)));
    match (parameters.get("api_key"), shown.transpose()?) {
        (Some(key), _) if key.len() > limits.client_secret_bytes => Err(too_long("api_key", key, limits)),
        // Both came from who asks: nobody else learns from the time of this comparison.
        (Some(key), Some(shown)) if shown.expose() != key => {
            let refusal = Refusal::from(Reason::AuthenticationTwice).saw("authorization", true);
            Err(refusal.saw("api_key", true))
        }
        (Some(key), _) => Ok(Secret::new(key)),
        (None, Some(shown)) => Ok(shown),
        (None, None) => Err(Refusal::from(Reason::ParameterMissing).of("api_key")),
    }
}

/// The user name of HTTP Basic, of which the password is empty.
pub(super) fn basic_user(header: &str, limits: &Limits) -> Option<Secret> {
    let bytes = STANDARD.decode(after_scheme(header, "basic")?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let user = text.strip_suffix(':').unwrap_or(&text);
    let fits = !user.is_empty() && user.len() <= limits.client_secret_bytes && !user.contains(':');
    fits.then(|| Secret::new(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: Option<&str>, body: &str) -> Result<(String, Option<String>), Reason> {
        let parameters = Parameters::read(body.as_bytes(), &Limits::DEFAULT);
        client_credentials(header, &parameters, &Limits::DEFAULT)
            .map(|c| {
                let secret = match c.proof {
                    ClientProof::None => None,
                    ClientProof::Basic(s) => Some(format!("basic {}", s.expose())),
                    ClientProof::Post(s) => Some(format!("post {}", s.expose())),
                };
                (c.client.to_string(), secret)
            })
            .map_err(|r| r.reason)
    }

    fn header(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn one_way_is_read() {
        assert_eq!(read(Some(&header("a:s")), ""), Ok(("a".into(), Some("basic s".into()))));
        assert_eq!(read(Some(&header("a:s")), "client_id=a"), Ok(("a".into(), Some("basic s".into()))));
        assert_eq!(read(None, "client_id=a&client_secret=s"), Ok(("a".into(), Some("post s".into()))));
        assert_eq!(read(None, "client_id=a"), Ok(("a".into(), None)));
        assert_eq!(read(Some(""), "client_id=a"), Ok(("a".into(), None)));
        assert_eq!(read(Some(&header("a:")), ""), Ok(("a".into(), None)));
    }

    #[test]
    fn parts_are_decoded_exactly_once() {
        let lower = header("i%3Ad:%3A%20%2B%25%2F%C3%A9+x=&y").replace("Basic", "bAsIc");
        assert_eq!(read(Some(&lower), ""), Ok(("i:d".into(), Some("basic : +%/é x=&y".into()))));
        assert_eq!(read(Some(&header("a:%2541")), ""), Ok(("a".into(), Some("basic %41".into()))));
    }

    #[test]
    fn two_ways_or_none_are_refused() {
        assert_eq!(read(Some(&header("a:s")), "client_secret=s"), Err(Reason::AuthenticationTwice));
        assert_eq!(read(Some(&header("a:s")), "client_assertion=x"), Err(Reason::AuthenticationTwice));
        assert_eq!(read(None, "client_assertion=x"), Err(Reason::ClientMethodWrong));
        assert_eq!(read(Some(&header("a:s")), "client_id=b"), Err(Reason::ClientIdsDiffer));
        assert_eq!(read(None, ""), Err(Reason::ClientUnidentified));
        for bad in ["Basic", "Basic !", "Bearer x", "Basic YQ==", &header("a:%00"), &header("a:%ff")] {
            assert_eq!(read(Some(bad), "client_id=a"), Err(Reason::AuthorizationMalformed), "{bad}");
        }
    }
}
