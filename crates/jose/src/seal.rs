//! How private keys lie in the store: never in clear.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::ServerKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::private_key::PrivateKey;
use crate::{Algorithm, KeyError};

const NONCE_BYTES: usize = 12;

/// Seals private keys with the server's own key, which is kept outside the store: whoever has only the store can
/// neither sign nor make the server sign with a key of his.
///
/// ```
/// use grantor_core::ServerKey;
/// let sealer = grantor_jose::Sealer::new(&ServerKey::from_bytes([7; 32]))?;
/// # let _ = sealer;
/// # Ok::<(), grantor_jose::KeyError>(())
/// ```
pub struct Sealer {
    key: RandomizedNonceKey,
    /// Says which server key this is, so that the wrong one can be told from damage. Derived apart from the sealing
    /// key, so it gives nothing of that away.
    name: String,
}

/// A private key as the store has it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sealed {
    /// The name of the server key.
    server_key: String,
    /// Nonce, ciphertext and tag of AES-256-GCM over the PKCS #8 document, in base64url.
    aes256gcm: String,
}

impl Sealer {
    /// The sealer of one server key.
    ///
    /// # Errors
    /// [`KeyError::Generation`] if the cryptographic library refuses to start.
    pub fn new(server_key: &ServerKey) -> Result<Self, KeyError> {
        let key = server_key.derive("grantor seal signing key", &[]);
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| KeyError::Generation)?;
        let name = server_key.derive("grantor seal signing key: name", &[]);
        let name = URL_SAFE_NO_PAD.encode(name.split_at(9).0);
        Ok(Self { key, name })
    }

    pub(crate) fn seal(&self, kid: &str, key: &PrivateKey) -> Result<Sealed, KeyError> {
        let mut bytes = key.to_pkcs8().map_err(|_| KeyError::Generation)?;
        let aad = context(kid, key.public().algorithm());
        let nonce = self.key.seal_in_place_append_tag(aad, &mut *bytes).map_err(|_| KeyError::Generation)?;
        let sealed = [nonce.as_ref().as_slice(), &bytes].concat();
        Ok(Sealed { server_key: self.name.clone(), aes256gcm: URL_SAFE_NO_PAD.encode(sealed) })
    }

    pub(crate) fn open(&self, kid: &str, alg: Algorithm, sealed: &Sealed) -> Result<PrivateKey, KeyError> {
        if sealed.server_key != self.name {
            return Err(KeyError::OtherServerKey { kid: kid.to_owned() });
        }
        self.open_ours(kid, alg, sealed).ok_or_else(|| KeyError::Damaged { kid: kid.to_owned() })
    }

    fn open_ours(&self, kid: &str, alg: Algorithm, sealed: &Sealed) -> Option<PrivateKey> {
        let mut bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(&sealed.aes256gcm).ok()?);
        let (nonce, body) = bytes.split_at_mut_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let der = self.key.open_in_place(nonce, context(kid, alg), body).ok()?;
        PrivateKey::from_pkcs8(alg, der).ok()
    }
}

/// What the ciphertext is bound to, so that it cannot be moved to another key's place. No algorithm's name has a line
/// break, so no two pairs give one text.
fn context(kid: &str, alg: Algorithm) -> Aad<String> {
    Aad::from(format!("grantor signing key v1\n{alg}\n{kid}"))
}
