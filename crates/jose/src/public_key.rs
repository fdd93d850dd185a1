//! The public half of a signing key, and the set of them that anyone may read.

use grantor_core::Digest;
use serde::{Deserialize, Serialize};

use crate::Algorithm;

/// A public key as a JSON Web Key (RFC 7517): exactly the members its type requires, and none that could be private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty", deny_unknown_fields)]
pub enum PublicKey {
    /// A point on P-256.
    #[serde(rename = "EC")]
    Ec {
        /// The curve.
        crv: P256,
        /// The point's first coordinate, 32 bytes in base64url.
        x: String,
        /// The point's second coordinate, 32 bytes in base64url.
        y: String,
    },
    /// An RSA key.
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus in base64url.
        n: String,
        /// The exponent in base64url.
        e: String,
    },
    /// A key of Ed25519 (RFC 8037).
    #[serde(rename = "OKP")]
    Okp {
        /// The curve.
        crv: Ed25519,
        /// The key, 32 bytes in base64url.
        x: String,
    },
}

/// The curve P-256, the only one of its type in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum P256 {
    /// Its registered name.
    #[serde(rename = "P-256")]
    P256,
}

/// The curve Ed25519, the only one of its type in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ed25519 {
    /// Its registered name.
    #[serde(rename = "Ed25519")]
    Ed25519,
}

impl PublicKey {
    /// The algorithm this key is for. One type of key serves one algorithm, so a token's header never has a choice.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            PublicKey::Ec { .. } => Algorithm::Es256,
            PublicKey::Rsa { .. } => Algorithm::Rs256,
            PublicKey::Okp { .. } => Algorithm::EdDsa,
        }
    }

    /// The SHA-256 thumbprint (RFC 7638; RFC 8037, section 2) in base64url: the key's `kid`. It follows from the key
    /// alone, so two keys never share one and nobody has to hand names out.
    pub fn thumbprint(&self) -> String {
        // The members in the order RFC 7638 demands. Base64url has no character that JSON would escape.
        let canonical = match self {
            PublicKey::Ec { crv: P256::P256, x, y } => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            PublicKey::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            PublicKey::Okp { crv: Ed25519::Ed25519, x } => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
            }
        };
        Digest::of(canonical.as_bytes()).to_base64url()
    }
}

/// A JSON Web Key Set: what `jwks_uri` answers. It is made of [`PublicKey`]s, so no private member can be in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwks {
    /// The keys, in the order in which they sign.
    pub keys: Vec<Jwk>,
}

/// One published key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    /// The key itself.
    #[serde(flatten)]
    pub key: PublicKey,
    /// What it is for: always to check signatures.
    #[serde(rename = "use")]
    pub usage: Signature,
    /// The one algorithm it is used with.
    pub alg: Algorithm,
    /// Its name: its thumbprint.
    pub kid: String,
}

/// The use of a key that checks signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Signature {
    /// Its registered name.
    #[serde(rename = "sig")]
    Sig,
}

impl Jwk {
    pub(crate) fn of(key: PublicKey, kid: String) -> Self {
        Self { usage: Signature::Sig, alg: key.algorithm(), kid, key }
    }
}
