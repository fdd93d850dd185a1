//! The compact form of a JWS (RFC 7515, section 3.1): three parts of base64url.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::json::{StrictJsonError, refuse_duplicates, strict_json};
use crate::private_key::Refused;
use crate::{Algorithm, VerifyError, bounds};

/// The header of every token that is signed with a published key.
#[derive(Serialize)]
pub(crate) struct ProtectedHeader<'a> {
    pub(crate) alg: Algorithm,
    pub(crate) typ: &'a str,
    pub(crate) kid: &'a str,
}

/// The compact form of a payload, signed by `sign`.
pub(crate) fn encode_compact(
    header: &impl Serialize,
    payload: &[u8],
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, Refused>,
) -> Result<String, Refused> {
    let header = serde_json::to_vec(header).map_err(|_| Refused)?;
    // Room for the signature too, of which RSA's is the longest: 342 characters.
    let mut compact = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 350);
    URL_SAFE_NO_PAD.encode_string(header, &mut compact);
    compact.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut compact);
    let signature = sign(compact.as_bytes())?;
    compact.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut compact);
    Ok(compact)
}

/// A token that is well formed, and of which nothing is known to be true yet.
pub(crate) struct Compact<'a> {
    pub(crate) signing_input: &'a str,
    pub(crate) signature: Vec<u8>,
    /// `None` if absent or no text.
    pub(crate) kid: Option<String>,
    /// `None` if absent or no text.
    pub(crate) alg: Option<String>,
    /// `None` if absent or no text.
    pub(crate) typ: Option<String>,
    payload: &'a str,
}

impl<'a> Compact<'a> {
    pub(crate) fn parse(compact: &'a str) -> Result<Self, VerifyError> {
        if compact.len() > bounds::TOKEN_BYTES {
            return Err(VerifyError::TooLong);
        }
        let (signing_input, signature) = compact.rsplit_once('.').ok_or(VerifyError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(VerifyError::Malformed)?;
        if payload.contains('.') {
            return Err(VerifyError::Malformed); // A fourth part: perhaps a JWE, which has five.
        }
        let mut header: Map<String, Value> = strict_json(&decode(header)?)?;
        // RFC 7515, section 4.1.11: who knows no extension must refuse every token that marks one as critical.
        if header.contains_key("crit") {
            return Err(VerifyError::CriticalExtension);
        }
        let mut text = |name| match header.remove(name) {
            Some(Value::String(text)) => Some(text),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))
            | None => None,
        };
        let (kid, alg, typ) = (text("kid"), text("alg"), text("typ"));
        Ok(Self { signing_input, signature: decode(signature)?, kid, alg, typ, payload })
    }

    /// The payload, for whoever has verified the signature.
    pub(crate) fn into_payload(self) -> Result<Vec<u8>, VerifyError> {
        let payload = decode(self.payload)?;
        refuse_duplicates(&payload)?;
        // One JSON value it is; an object is what begins with a brace after the white space JSON allows.
        match payload.trim_ascii_start().first() {
            Some(b'{') => Ok(payload),
            Some(_) | None => Err(VerifyError::Malformed),
        }
    }
}

/// Strict base64url: no padding, no line breaks, no bits left over. Anything looser gives one token many spellings.
fn decode(part: &str) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| VerifyError::Malformed)
}

impl From<StrictJsonError> for VerifyError {
    fn from(error: StrictJsonError) -> Self {
        match error {
            StrictJsonError::Malformed => VerifyError::Malformed,
            StrictJsonError::DuplicateMember => VerifyError::DuplicateMember,
        }
    }
}

/// Whether two `typ` values name one media type: in any case, and `x` for `application/x` (RFC 7515, section 4.1.9).
pub(crate) fn same_type(found: &str, wanted: &str) -> bool {
    fn short(typ: &str) -> &str {
        const PREFIX: &str = "application/";
        match typ.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
            Some(_) | None => typ,
        }
    }
    short(found).eq_ignore_ascii_case(short(wanted))
}
