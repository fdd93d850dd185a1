//! Codes and tokens as they travel: `PREFIX` + base64url(grant id, secret part, checksum).
//!
//! The grant's id makes every lookup one read of one key. The checksum refuses garbage before any read, and lets a
//! scanner tell a leaked token from a look-alike. The digest is all that is stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::entropy::Entropy;
use crate::ids::GrantId;
use crate::secret::{Digest, Secret, ServerKey};

const CHECKSUM: usize = 4;

/// The text of a credential.
fn seal(prefix: &str, payload: &[u8]) -> (Secret, Digest) {
    let digest = Digest::of_parts(&[prefix.as_bytes(), payload]);
    let mut bytes = Zeroizing::new(Vec::with_capacity(payload.len() + CHECKSUM));
    bytes.extend_from_slice(payload);
    // The first bytes of the digest: what the holder of the token can compute anyway.
    bytes.extend(digest.bytes().iter().take(CHECKSUM));
    let mut text = String::with_capacity(prefix.len() + bytes.len().div_ceil(3) * 4);
    text.push_str(prefix);
    URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
    (Secret::new(text), digest)
}

/// The payload of a credential's text, if prefix, length and checksum are right.
fn open<const N: usize>(prefix: &str, text: &str) -> Option<(Zeroizing<[u8; N]>, Digest)> {
    let encoded = text.strip_prefix(prefix)?;
    if encoded.len() != ((N + CHECKSUM) * 4).div_ceil(3) {
        return None;
    }
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).ok()?);
    let (payload, checksum) = bytes.split_at_checked(N)?;
    let payload: Zeroizing<[u8; N]> = Zeroizing::new(payload.try_into().ok()?);
    let digest = Digest::of_parts(&[prefix.as_bytes(), payload.as_slice()]);
    (digest.bytes().get(..CHECKSUM) == Some(checksum)).then_some((payload, digest))
}

macro_rules! grant_credential {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Zeroize, ZeroizeOnDrop)]
        pub struct $name {
            #[zeroize(skip)]
            grant: GrantId,
            secret: [u8; 32],
            #[zeroize(skip)]
            digest: Digest,
        }

        impl $name {
            /// What its text begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new one of the grant, and its text.
            pub(crate) fn mint(grant: GrantId, entropy: &mut Entropy) -> (Self, Secret) {
                let secret = entropy.draw();
                let mut payload = Zeroizing::new([0; 48]);
                let (id, rest) = payload.split_at_mut(16);
                id.copy_from_slice(grant.as_bytes());
                rest.copy_from_slice(&secret);
                let (text, digest) = seal(Self::PREFIX, payload.as_slice());
                (Self { grant, secret, digest }, text)
            }

            /// Reads the text of one. `None` if it cannot have been minted here; costs no read.
            pub fn parse(text: &str) -> Option<Self> {
                let (payload, digest) = open::<48>(Self::PREFIX, text)?;
                let (grant, secret) = payload.split_at_checked(16)?;
                Some(Self { grant: GrantId::from_bytes(grant.try_into().ok()?), secret: secret.try_into().ok()?, digest })
            }

            /// The grant it belongs to, by its own word: not yet a proof of anything.
            pub fn grant(&self) -> GrantId {
                self.grant
            }

            /// What is kept of it.
            pub fn digest(&self) -> &Digest {
                &self.digest
            }
        }
    };
}

grant_credential! {
    /// An authorization code (RFC 6749, section 1.3.1).
    AuthorizationCode, "gra_ac_"
}

grant_credential! {
    /// A reference access token (RFC 6749, section 1.4).
    AccessToken, "gra_at_"
}

grant_credential! {
    /// The handle of an authorization request that waits for a person's decision.
    InteractionHandle, "gra_in_"
}

/// A refresh token (RFC 6749, section 1.5), one of a chain: each is derived from the one before it and the server's
/// key, so a client whose answer was lost gets the very same successor again, while what is stored is a digest.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RefreshToken {
    #[zeroize(skip)]
    grant: GrantId,
    generation: u32,
    secret: [u8; 32],
}

impl RefreshToken {
    /// What its text begins with.
    pub const PREFIX: &'static str = "gra_rt_";

    /// The first of a chain.
    pub(crate) fn mint(grant: GrantId, entropy: &mut Entropy) -> Self {
        Self { grant, generation: 0, secret: entropy.draw() }
    }

    /// The one that follows. Whoever has only the store, or only this token, or only the key, cannot compute it.
    pub(crate) fn successor(&self, key: &ServerKey) -> Self {
        let generation = self.generation.saturating_add(1);
        let parts: [&[u8]; 3] = [self.grant.as_bytes(), &generation.to_be_bytes(), &self.secret];
        Self { grant: self.grant, generation, secret: *key.derive("grantor refresh token successor", &parts) }
    }

    /// Reads the text of one. `None` if it cannot have been minted here; costs no read.
    pub fn parse(text: &str) -> Option<Self> {
        let (payload, _) = open::<52>(Self::PREFIX, text)?;
        let (grant, rest) = payload.split_at_checked(16)?;
        let (generation, secret) = rest.split_at_checked(4)?;
        Some(Self {
            grant: GrantId::from_bytes(grant.try_into().ok()?),
            generation: u32::from_be_bytes(generation.try_into().ok()?),
            secret: secret.try_into().ok()?,
        })
    }

    fn seal(&self) -> (Secret, Digest) {
        let mut payload = Zeroizing::new([0; 52]);
        let (id, rest) = payload.split_at_mut(16);
        id.copy_from_slice(self.grant.as_bytes());
        let (generation, secret) = rest.split_at_mut(4);
        generation.copy_from_slice(&self.generation.to_be_bytes());
        secret.copy_from_slice(&self.secret);
        seal(Self::PREFIX, payload.as_slice())
    }

    /// Its text.
    pub(crate) fn text(&self) -> Secret {
        self.seal().0
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        self.seal().1
    }

    /// The grant it belongs to, by its own word: not yet a proof of anything.
    pub fn grant(&self) -> GrantId {
        self.grant
    }

    /// Its place in the chain, from 0, by its own word.
    pub fn generation(&self) -> u32 {
        self.generation
    }
}

/// What a presented text can be, told by its prefix and checksum alone.
pub enum AnyToken {
    /// A reference access token.
    Access(AccessToken),
    /// A refresh token.
    Refresh(RefreshToken),
    /// Something with the three parts of a JWT, to be verified.
    Jwt(Secret),
}

impl AnyToken {
    /// Reads any token that this server hands out; `None` for all else.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(token) = AccessToken::parse(text) {
            return Some(AnyToken::Access(token));
        }
        if let Some(token) = RefreshToken::parse(text) {
            return Some(AnyToken::Refresh(token));
        }
        (text.split('.').count() == 3).then(|| AnyToken::Jwt(Secret::new(text)))
    }
}

/// A new client secret: 256 bits, so that one SHA-256 of it is enough to keep.
pub fn mint_client_secret(entropy: &mut Entropy) -> Secret {
    seal("gra_cs_", &entropy.draw()).0
}

/// A new session token, which lets a user's own tool act for him at the registration resource of a profile: 256 bits.
pub fn mint_session_token(entropy: &mut Entropy) -> Secret {
    seal("gra_st_", &entropy.draw()).0
}

/// A new registration key, which guards the registration resource of a profile: 256 bits.
pub fn mint_registration_key(entropy: &mut Entropy) -> Secret {
    seal("gra_rk_", &entropy.draw()).0
}

/// A new client id: 128 bits, from characters that need no escape in HTTP Basic.
pub fn mint_client_id(entropy: &mut Entropy) -> String {
    URL_SAFE_NO_PAD.encode(entropy.draw_half()).replace(['-', '_'], "0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entropy() -> Entropy {
        Entropy::from_seed([3; 32])
    }

    const GRANT: GrantId = GrantId::from_bytes([9; 16]);

    #[test]
    fn texts_read_back() {
        let (code, text) = AuthorizationCode::mint(GRANT, &mut entropy());
        let back = AuthorizationCode::parse(text.expose()).unwrap();
        assert_eq!(back.grant(), GRANT);
        assert!(back.digest().matches(code.digest()));

        let token = RefreshToken::mint(GRANT, &mut entropy());
        let back = RefreshToken::parse(token.text().expose()).unwrap();
        assert!(back.digest().matches(&token.digest()));
        assert_eq!((back.grant(), back.generation()), (GRANT, 0));
    }

    #[test]
    fn one_kind_is_not_read_as_another() {
        let code = AuthorizationCode::mint(GRANT, &mut entropy()).1;
        assert!(AccessToken::parse(code.expose()).is_none());
        // Even with its prefix swapped: the checksum covers the prefix.
        assert!(AccessToken::parse(&code.expose().replace("gra_ac_", "gra_at_")).is_none());
        assert!(AnyToken::parse(code.expose()).is_none());
    }

    #[test]
    fn successors_repeat_and_need_the_key() {
        let key = ServerKey::from_bytes([1; 32]);
        let first = RefreshToken::mint(GRANT, &mut entropy());
        let next = first.successor(&key);
        assert_eq!(next.generation(), 1);
        assert_eq!(next.text().expose(), first.successor(&key).text().expose());
        assert_ne!(next.text().expose(), first.successor(&ServerKey::from_bytes([2; 32])).text().expose());
        assert!(!next.digest().matches(&next.successor(&key).digest()));
    }

    proptest! {
        #[test]
        fn no_change_of_a_character_is_read(at in 0usize..77, with in "[A-Za-z0-9_-]") {
            let text = AccessToken::mint(GRANT, &mut entropy()).1;
            let mut changed = text.expose().to_owned();
            prop_assert_eq!(changed.len(), 77);
            changed.replace_range(at..=at, &with);
            prop_assert_eq!(AccessToken::parse(&changed).is_some(), changed == text.expose());
        }

        #[test]
        fn any_text_is_taken_calmly(text in "\\PC*", prefix in "(gra_rt_|gra_at_|gra_ac_)") {
            let whole = prefix + &text;
            prop_assert!(RefreshToken::parse(&whole).is_none());
        }
    }
}
