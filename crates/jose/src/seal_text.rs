//! How texts that must be had again lie in the store: client secrets of services that show them more than once.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::{ClientId, Secret, ServerKey};
use zeroize::Zeroizing;

use crate::KeyError;

const NONCE_BYTES: usize = 12;

/// Seals client secrets with a key that is derived from the server's own, and from no other use of it. What is sealed for
/// one client opens for no other.
///
/// ```
/// use grantor_core::{Secret, ServerKey};
/// use grantor_jose::SecretSealer;
///
/// let sealer = SecretSealer::new(&ServerKey::from_bytes([7; 32]))?;
/// let (one, other) = ("one".parse()?, "other".parse()?);
/// let sealed = sealer.seal(&one, &Secret::new("s3cret"))?;
/// assert!(!sealed.contains("s3cret"));
/// assert_eq!(sealer.open(&one, &sealed)?.expose(), "s3cret");
/// assert!(sealer.open(&other, &sealed).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SecretSealer(RandomizedNonceKey);

impl SecretSealer {
    /// The sealer of one server key.
    ///
    /// # Errors
    /// [`KeyError::Generation`] if the cryptographic library refuses to start.
    pub fn new(server_key: &ServerKey) -> Result<Self, KeyError> {
        let key = server_key.derive("grantor seal client secret", &[]);
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| KeyError::Generation)?;
        Ok(Self(key))
    }

    /// Nonce, ciphertext and tag of AES-256-GCM, in base64url.
    ///
    /// # Errors
    /// [`KeyError::Generation`] if the cryptographic library refuses.
    pub fn seal(&self, client: &ClientId, secret: &Secret) -> Result<String, KeyError> {
        let mut bytes = Zeroizing::new(secret.expose().as_bytes().to_vec());
        let nonce = self.0.seal_in_place_append_tag(context(client), &mut *bytes);
        let nonce = nonce.map_err(|_| KeyError::Generation)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &bytes].concat()))
    }

    /// The secret that was sealed for a client.
    ///
    /// # Errors
    /// [`KeyError::SecretDamaged`] if it was sealed for another, under another server key, or was changed.
    pub fn open(&self, client: &ClientId, sealed: &str) -> Result<Secret, KeyError> {
        self.open_ours(client, sealed).ok_or(KeyError::SecretDamaged)
    }

    fn open_ours(&self, client: &ClientId, sealed: &str) -> Option<Secret> {
        let mut bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(sealed).ok()?);
        let (nonce, body) = bytes.split_at_mut_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.0.open_in_place(nonce, context(client), body).ok()?;
        std::str::from_utf8(opened).ok().map(Secret::new)
    }
}

/// What the ciphertext is bound to, so that it cannot be moved to another client's record.
fn context(client: &ClientId) -> Aad<String> {
    Aad::from(format!("grantor client secret v1\n{client}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(key: u8) -> SecretSealer {
        SecretSealer::new(&ServerKey::from_bytes([key; 32])).unwrap()
    }

    #[test]
    fn only_what_was_sealed_here_for_this_client_opens() {
        let (one, other) = ("one".parse().unwrap(), "other".parse().unwrap());
        let sealed = sealer(1).seal(&one, &Secret::new("the secret")).unwrap();
        assert_eq!(sealer(1).open(&one, &sealed).unwrap().expose(), "the secret");
        assert!(matches!(sealer(1).open(&other, &sealed), Err(KeyError::SecretDamaged)));
        assert!(matches!(sealer(2).open(&one, &sealed), Err(KeyError::SecretDamaged)));
        for at in [0, sealed.len() / 2, sealed.len() - 2] {
            let mut changed = sealed.clone();
            let other = if sealed.as_bytes()[at] == b'A' { "B" } else { "A" };
            changed.replace_range(at..=at, other);
            assert!(sealer(1).open(&one, &changed).is_err(), "{at}");
        }
        assert!(sealer(1).open(&one, "").is_err() && sealer(1).open(&one, "!").is_err());
    }

    #[test]
    fn the_same_secret_is_sealed_differently_each_time() {
        let (one, secret) = ("one".parse().unwrap(), Secret::new("the secret"));
        assert_ne!(sealer(1).seal(&one, &secret).unwrap(), sealer(1).seal(&one, &secret).unwrap());
    }
}
