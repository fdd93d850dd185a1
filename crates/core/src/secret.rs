//! What must not be seen, and what may be kept of it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A text that must not be seen: a client secret, a password, a token on its way out.
///
/// It has no `Debug`, `Display`, `PartialEq` or `Serialize`, and is wiped when dropped. [`Secret::expose`] is the one
/// way to read it, so that every place that does can be found.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Whoever calls this must not log, store or compare the result.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A SHA-256 digest. It is what the store keeps of a secret that has at least 128 bits of entropy.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub(crate) fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// Whether both are the same digest, in a time that does not depend on where they differ.
    pub fn matches(&self, other: &Digest) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The digest in base64url without padding: 43 characters.
    pub fn to_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not secret, but a log line that shows it would let readers tie tokens together.
        f.write_str("Digest(..)")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; 43];
        let written = URL_SAFE_NO_PAD.encode_slice(self.0, &mut text).unwrap_or(0);
        let text = text.get(..written).and_then(|text| std::str::from_utf8(text).ok());
        serializer.serialize_str(text.unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        decode_array(&text)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("not a base64url SHA-256 digest"))
    }
}

/// Base64url without padding into exactly `N` bytes.
pub(crate) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == N).then_some(bytes)
}

/// What is kept of a client secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretHash {
    /// One SHA-256: for secrets with at least 128 bits of entropy, where a slow hash would only slow us down.
    Sha256(Digest),
    /// An argon2id hash in PHC string format: for secrets that someone else chose and that may be guessable.
    Argon2id(String),
}

impl SecretHash {
    /// The hash of a secret with at least 128 bits of entropy.
    pub fn of_strong(secret: &Secret) -> Self {
        SecretHash::Sha256(Digest::of(secret.expose().as_bytes()))
    }
}

/// The server's own 256-bit key, kept outside the store. From it everything is derived that must be computable by the
/// server alone: successor refresh tokens, CSRF tokens, the key that seals signing keys.
///
/// Whoever has both this key *and* a refresh token can compute that token's successors; neither alone suffices.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ServerKey([u8; 32]);

impl ServerKey {
    /// A key from 256 random bits.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// 256 bits for the use that `label` names, bound to `parts` (RFC 5869 expand step). Distinct labels or parts give
    /// independent results: each part is preceded by its length.
    pub fn derive(&self, label: &str, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut out = Zeroizing::new([0; 32]);
        self.derive_into(label, parts, out.as_mut());
        out
    }

    /// The same for any number of bytes, up to 8,160.
    pub(crate) fn derive_into(&self, label: &str, parts: &[&[u8]], out: &mut [u8]) {
        let mut info: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::with_capacity(128));
        for part in std::iter::once(&label.as_bytes()).chain(parts) {
            info.extend_from_slice(&(part.len() as u64).to_be_bytes());
            info.extend_from_slice(part);
        }
        // The key's length is right by type, and nothing here is longer than 255 digests: neither call can fail.
        if let Ok(hkdf) = Hkdf::<Sha256>::from_prk(&self.0) {
            let _ = hkdf.expand(&info, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivations_depend_on_key_label_and_every_part() {
        let key = ServerKey::from_bytes([1; 32]);
        let base = key.derive("a", &[b"bc", b"d"]);
        assert_ne!(*base, [0; 32]);
        assert_eq!(*base, *key.derive("a", &[b"bc", b"d"]));
        assert_ne!(*base, *key.derive("a", &[b"b", b"cd"]));
        assert_ne!(*base, *key.derive("ab", &[b"c", b"d"]));
        assert_ne!(*base, *ServerKey::from_bytes([2; 32]).derive("a", &[b"bc", b"d"]));
    }
}
