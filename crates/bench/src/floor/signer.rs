//! A JWT, by the library that everybody here signs with, and nothing between.

use std::io;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Signs with one ES256 key, parsed once.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    header: String,
}

impl Signer {
    pub(crate) fn new() -> io::Result<Self> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        let key = key.map_err(|_| io::Error::other("no key could be made"))?;
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"at+jwt","kid":"floor"}"#);
        Ok(Self { key, random: SystemRandom::new(), header })
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &str) -> io::Result<String> {
        let mut token = String::with_capacity(512);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.key.sign(&self.random, token.as_bytes());
        let signature = signature.map_err(|_| io::Error::other("a signature could not be made"))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}
