//! `HS256` (RFC 7518, section 3.2), for services whose tokens are signed with a secret that they share with their
//! resources.

use aws_lc_rs::hmac;
use grantor_core::ServerKey;
use serde::Serialize;

use crate::VerifyError;
use crate::jws::{Compact, encode_compact, same_type};

const ALG: &str = "HS256";

/// The key of one profile, derived from the server's own. It is never published, and no key of a
/// [`KeyRing`](crate::KeyRing) is ever used like this: a token cannot choose by what it is verified.
///
/// ```
/// use grantor_core::ServerKey;
/// use grantor_jose::SharedKey;
///
/// let key = SharedKey::of(&ServerKey::from_bytes([7; 32]), "flex");
/// let token = key.sign_json("JWT", br#"{"jti":"a"}"#);
/// assert_eq!(key.verify(&token, "JWT").as_deref(), Ok(br#"{"jti":"a"}"#.as_slice()));
/// assert!(SharedKey::of(&ServerKey::from_bytes([7; 32]), "other").verify(&token, "JWT").is_err());
/// ```
pub struct SharedKey(hmac::Key);

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'a str,
}

impl SharedKey {
    /// The key of a profile.
    pub fn of(server_key: &ServerKey, profile: &str) -> Self {
        let key = server_key.derive("grantor shared key", &[profile.as_bytes()]);
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()))
    }

    /// Signs a payload that is JSON already. The result is a compact JWS with the protected header `alg`, `typ`.
    pub fn sign_json(&self, typ: &str, payload: &[u8]) -> String {
        let header = Header { alg: ALG, typ };
        let sign = |input: &[u8]| Ok(hmac::sign(&self.0, input).as_ref().to_vec());
        // Two texts have a JSON form, and HMAC refuses nothing.
        encode_compact(&header, payload, sign).unwrap_or_default()
    }

    /// The payload of a compact JWS that this key signed for `typ`, a JSON object in which no name comes twice.
    ///
    /// # Errors
    /// [`VerifyError`], which carries nothing of the token.
    pub fn verify(&self, compact: &str, typ: &str) -> Result<Vec<u8>, VerifyError> {
        let token = Compact::parse(compact)?;
        if token.alg.as_deref() != Some(ALG) {
            return Err(VerifyError::WrongAlgorithm);
        }
        if !token.typ.as_deref().is_some_and(|found| same_type(found, typ)) {
            return Err(VerifyError::WrongType);
        }
        hmac::verify(&self.0, token.signing_input.as_bytes(), &token.signature)
            .map_err(|_| VerifyError::BadSignature)?;
        token.into_payload()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SharedKey {
        SharedKey::of(&ServerKey::from_bytes([1; 32]), "flex")
    }

    #[test]
    fn what_it_did_not_sign_is_refused() {
        let token = key().sign_json("JWT", br#"{"a":1}"#);
        assert!(token.starts_with("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."));
        assert_eq!(key().verify(&token, "at+jwt"), Err(VerifyError::WrongType));
        let (input, signature) = token.rsplit_once('.').unwrap();
        assert_eq!(key().verify(&format!("{input}."), "JWT"), Err(VerifyError::BadSignature));
        let mut changed = signature.to_owned();
        changed.replace_range(..1, if signature.starts_with('A') { "B" } else { "A" });
        assert_eq!(key().verify(&format!("{input}.{changed}"), "JWT"), Err(VerifyError::BadSignature));
        let none = format!("{}.{}.", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", input.split_once('.').unwrap().1);
        assert_eq!(key().verify(&none, "JWT"), Err(VerifyError::WrongAlgorithm));
    }
}
