//! The signature algorithms.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A signature algorithm of RFC 7518 or RFC 8037. There is no `none` and no HMAC here, so neither can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256. The default: short signatures, quick to make, and every library reads it.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// RSA PKCS #1 v1.5 with SHA-256. What OpenID Connect asks every party to understand; slow to sign.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519 (RFC 8037). The quickest, where every reader of the tokens has it.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// Every algorithm, the default first.
    pub const ALL: &'static [Algorithm] = &[Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa];

    /// The algorithm's registered name, as the `alg` header says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Es256 => "ES256",
            Algorithm::Rs256 => "RS256",
            Algorithm::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Reads a registered name. The case counts, as RFC 7515, section 4.1.1 has it.
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.iter().copied().find(|alg| alg.as_str() == name).ok_or(UnknownAlgorithm)
    }
}

/// A name that is none of the algorithms we sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a signature algorithm we use: write ES256, RS256 or EdDSA")]
pub struct UnknownAlgorithm;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_the_registered_ones_everywhere() {
        for alg in Algorithm::ALL {
            assert_eq!(serde_json::to_string(alg).unwrap(), format!("\"{alg}\""));
            assert_eq!(alg.as_str().parse(), Ok(*alg));
        }
        for name in ["none", "None", "HS256", "es256", "ES384", ""] {
            assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm), "{name}");
            assert!(serde_json::from_value::<Algorithm>(name.into()).is_err(), "{name}");
        }
        assert_eq!(Algorithm::default(), Algorithm::Es256);
    }
}
