//! `HS256` (RFC 7518, section 3.2), for services whose tokens are signed with a secret that they share with their
//! resources.

use aws_lc_rs::hmac;
use grantor_core::ServerKey;
use serde::Serialize;

use crate::jws::{Compact, encode_compact, same_type};
use crate::{Epoch, VerifyError};

const ALG: &str = "HS256";

/// The key of one profile in one epoch of its store, derived from the server's own. It is never published, and no key of a
/// [`KeyRing`](crate::KeyRing) is ever used like this: a token cannot choose by what it is verified.
///
/// Of the epoch: a store that was lost has forgotten which tokens were revoked, and the next one begins another epoch, in
/// which no token of the old one verifies.
///
/// ```
/// use grantor_core::ServerKey;
/// use grantor_jose::{Epoch, SharedKey};
///
/// let (server_key, epoch) = (ServerKey::from_bytes([7; 32]), Epoch::begin()?);
/// let key = SharedKey::of(&server_key, "flex", &epoch);
/// let token = key.sign_json("JWT", br#"{"jti":"a"}"#);
/// assert_eq!(key.verify(&token, "JWT").as_deref(), Ok(br#"{"jti":"a"}"#.as_slice()));
/// assert!(SharedKey::of(&server_key, "other", &epoch).verify(&token, "JWT").is_err());
/// assert!(SharedKey::of(&server_key, "flex", &Epoch::begin()?).verify(&token, "JWT").is_err());
/// # Ok::<(), grantor_jose::KeyError>(())
/// ```
pub struct SharedKey(hmac::Key);

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'a str,
}

impl SharedKey {
    /// The key of a profile in an epoch. Costs two HMACs, so nobody needs to keep it.
    pub fn of(server_key: &ServerKey, profile: &str, epoch: &Epoch) -> Self {
        let key = server_key.derive("grantor shared key", &[profile.as_bytes(), epoch.as_bytes()]);
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
        SharedKey::of(&ServerKey::from_bytes([1; 32]), "flex", &Epoch::default())
    }

    /// A token with a header of somebody's choice, signed over these bytes as a key.
    fn forged(header: &serde_json::Value, key: &[u8]) -> String {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
        let input = format!("{}.{}", B64.encode(header.to_string()), B64.encode(r#"{"a":1}"#));
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), input.as_bytes());
        format!("{input}.{}", B64.encode(signature.as_ref()))
    }

    /// RFC 8725, sections 2.1, 3.1 and 3.10.
    #[test]
    fn no_header_chooses_how_a_token_is_verified() {
        use serde_json::{Value, json};
        for alg in ["none", "None", "nOnE", "hs256", "HS384", "HS512", "ES256", "RS256", "EdDSA", ""] {
            let token = forged(&json!({"alg": alg, "typ": "JWT"}), b"");
            assert_eq!(key().verify(&token, "JWT"), Err(VerifyError::WrongAlgorithm), "{alg}");
            let input = token.rsplit_once('.').unwrap().0;
            assert_eq!(key().verify(&format!("{input}."), "JWT"), Err(VerifyError::WrongAlgorithm), "{alg}");
        }
        for alg in [Value::Null, json!(1), json!(["HS256"])] {
            let token = forged(&json!({"alg": alg, "typ": "JWT"}), b"");
            assert_eq!(key().verify(&token, "JWT"), Err(VerifyError::WrongAlgorithm));
        }
        // What a header says of keys is not looked at: what counts is who signed.
        let jwk = json!({"kty": "oct", "k": "AAAA"});
        for (name, value) in [
            ("kid", json!("../../dev/null")),
            ("kid", json!("' OR 1=1 --")),
            ("kid", json!("k".repeat(10_000))),
            ("kid", json!(7)),
            ("kid", Value::Null),
            ("jku", json!("https://evil.test/jwks")),
            ("x5u", json!("https://evil.test/cert")),
            ("jwk", jwk),
            ("x5c", json!(["AAAA"])),
        ] {
            let mut header = json!({"alg": "HS256", "typ": "JWT"});
            header[name] = value;
            for guess in [b"".as_slice(), &[0; 3], &[0; 32], b"flex", b"secret"] {
                let refused = key().verify(&forged(&header, guess), "JWT");
                assert!(matches!(refused, Err(VerifyError::BadSignature | VerifyError::TooLong)), "{name}");
            }
        }
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
