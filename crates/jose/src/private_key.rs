//! A parsed key pair. With `seal.rs`, the only place that touches the cryptographic library.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::public_key::{Ed25519, P256, PublicKey};
use crate::{Algorithm, KeyError};

/// A key pair, parsed once: to sign or to verify costs no parsing.
pub(crate) struct PrivateKey {
    pair: Pair,
    verifier: ParsedPublicKey,
    public: PublicKey,
}

enum Pair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// What the library refuses, it refuses without a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

impl PrivateKey {
    /// A new key, from the system's random numbers. An RSA key has 2048 bits.
    pub(crate) fn generate(alg: Algorithm) -> Result<Self, KeyError> {
        let made = match alg {
            Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::Es256),
            Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rs256),
            Algorithm::EdDsa => Ed25519KeyPair::generate().map(Pair::EdDsa),
        };
        made.map_err(|_| Refused).and_then(Self::of).map_err(|Refused| KeyError::Generation)
    }

    /// The key in a PKCS #8 document. The library refuses other curves and RSA moduli under 2048 bits.
    pub(crate) fn from_pkcs8(alg: Algorithm, der: &[u8]) -> Result<Self, Refused> {
        let parsed = match alg {
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Pair::Es256)
            }
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(der).map(Pair::Rs256),
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(der).map(Pair::EdDsa),
        };
        parsed.map_err(|_| Refused).and_then(Self::of)
    }

    fn of(pair: Pair) -> Result<Self, Refused> {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (parsed, public) = match &pair {
            Pair::Es256(pair) => {
                // An uncompressed point: 04, x, y (SEC 1, section 2.3.3).
                let point = pair.public_key().as_ref();
                let (x, y) = point
                    .strip_prefix(&[4])
                    .filter(|rest| rest.len() == 64)
                    .and_then(|rest| rest.split_at_checked(32))
                    .ok_or(Refused)?;
                let public = PublicKey::Ec { crv: P256::P256, x: b64(x), y: b64(y) };
                (ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point), public)
            }
            Pair::Rs256(pair) => {
                let key = pair.public_key();
                let n = b64(key.modulus().big_endian_without_leading_zero());
                let e = b64(key.exponent().big_endian_without_leading_zero());
                (ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key), PublicKey::Rsa { n, e })
            }
            Pair::EdDsa(pair) => {
                let key = pair.public_key();
                let public = PublicKey::Okp { crv: Ed25519::Ed25519, x: b64(key.as_ref()) };
                (ParsedPublicKey::new(&ED25519, key), public)
            }
        };
        Ok(Self { verifier: parsed.map_err(|_| Refused)?, pair, public })
    }

    /// The PKCS #8 document to be sealed.
    pub(crate) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let copy = |der: &[u8]| {
            // Room for the tag, so that sealing in place does not move the key and leave a copy behind.
            let mut bytes = Zeroizing::new(Vec::with_capacity(der.len() + 16));
            bytes.extend_from_slice(der);
            bytes
        };
        match &self.pair {
            Pair::Es256(pair) => pair.to_pkcs8v1().map(|der| copy(der.as_ref())),
            Pair::Rs256(pair) => pair.as_der().map(|der| copy(der.as_ref())),
            Pair::EdDsa(pair) => pair.to_pkcs8v1().map(|der| copy(der.as_ref())),
        }
        .map_err(|_| Refused)
    }

    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signature of `message`, in the form RFC 7518, section 3 or RFC 8037, section 3.1 has it.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Refused> {
        match &self.pair {
            Pair::Es256(pair) => pair.sign(&SystemRandom::new(), message).map(|s| s.as_ref().to_vec()),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map(|()| signature)
            }
            Pair::EdDsa(pair) => pair.try_sign(message).map(|s| s.as_ref().to_vec()),
        }
        .map_err(|_| Refused)
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        self.verifier.verify_sig(message, signature).map_err(|_| Refused)
    }
}
