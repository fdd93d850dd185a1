//! Proof Key for Code Exchange (RFC 7636), method `S256` and no other.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::secret::{Digest, decode_array};

/// A `code_challenge` of method `S256`: the digest of a verifier that only the client knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge(Digest);

impl CodeChallenge {
    /// Reads a `code_challenge`: base64url of 32 bytes, without padding (section 4.2). `None` if it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        decode_array::<32>(text).map(|bytes| Self(Digest::from_bytes(bytes)))
    }

    /// The challenge as it is sent.
    pub(crate) fn to_text(&self) -> String {
        self.0.to_base64url()
    }

    /// Whether the verifier is the one this challenge was made of (section 4.6), in constant time.
    pub fn is_met_by(&self, verifier: &CodeVerifier) -> bool {
        self.0.matches(&Digest::of(verifier.0.as_bytes()))
    }
}

/// A `code_verifier`: 43 to 128 unreserved characters (section 4.1).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CodeVerifier(String);

impl CodeVerifier {
    /// Reads a `code_verifier`; `None` if its length or a character is not allowed.
    pub fn parse(text: &str) -> Option<Self> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        ((43..=128).contains(&text.len()) && text.bytes().all(unreserved)).then(|| Self(text.to_owned()))
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }

    pub(crate) fn length(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_rfc_7636_appendix_b() {
        let verifier = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let challenge = CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.is_met_by(&verifier));
        assert!(!challenge.is_met_by(&CodeVerifier::parse(&"a".repeat(43)).unwrap()));
    }

    #[test]
    fn lengths_and_characters_are_bounded() {
        for (length, fits) in [(42, false), (43, true), (128, true), (129, false)] {
            assert_eq!(CodeVerifier::parse(&"a".repeat(length)).is_some(), fits, "{length}");
        }
        for bad in ["+", "/", "=", " ", "\0", "é"] {
            assert!(CodeVerifier::parse(&format!("{}{bad}", "a".repeat(50))).is_none(), "{bad:?}");
        }
        let good = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        for bad in ["", "short", &format!("{good}="), &format!("{good}A"), &good.replace('-', "+")] {
            assert!(CodeChallenge::parse(bad).is_none(), "{bad}");
        }
    }
}
