//! Codes and tokens as they travel: a prefix, then the grant's id, a secret part and a checksum, in the alphabet that
//! the profile's [`Formats`] say.
//!
//! The grant's id makes every lookup one read of one key. The checksum refuses garbage before any read, and lets a
//! scanner tell a leaked token from a look-alike. The digest is all that is stored. Where a service's tokens are too
//! short for all of it, the checksum goes first; the secret part never has less than 128 bits.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::entropy::Entropy;
use crate::ids::GrantId;
use crate::secret::{Digest, Secret, ServerKey};
use crate::shape::Shape;

/// Bytes of a grant's id.
const GRANT: usize = 16;
/// The least that a secret part may have: 128 bits.
const SECRET: usize = 16;
const CHECKSUM: usize = 4;
const GENERATION: usize = 4;

/// How a profile's credentials are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formats {
    /// Authorization codes.
    pub authorization_code: Shape,
    /// Reference access tokens.
    pub access_token: Shape,
    /// Refresh tokens.
    pub refresh_token: Shape,
    /// The names of JWTs.
    pub jwt_id: Shape,
    /// Client ids that we make.
    pub client_id: Shape,
    /// Client secrets that we make.
    pub client_secret: Shape,
}

impl Default for Formats {
    fn default() -> Self {
        Self {
            authorization_code: Shape::base64url(AuthorizationCode::PREFIX, 70),
            access_token: Shape::base64url(AccessToken::PREFIX, 70),
            refresh_token: Shape::base64url(RefreshToken::PREFIX, 75),
            jwt_id: Shape::base64url("", 22),
            client_id: Shape::alnum("", 22),
            client_secret: Shape::base64url("gra_cs_", 48),
        }
    }
}

impl Formats {
    /// What is too short or cannot be read back, if anything: the key it has in a profile, and why.
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        const SHORT: &str =
            "too short: beside a grant's id it must hold a secret of 128 bits, 32 bytes in all";
        let tokens = [
            ("authorization_code", &self.authorization_code),
            ("access_token", &self.access_token),
            ("refresh_token", &self.refresh_token),
        ];
        for (key, shape) in tokens {
            if !shape.keeps_bytes() {
                return Some((key, "a UUID has no room for what a token must hold"));
            }
            if shape.bytes() < GRANT + SECRET {
                return Some((key, SHORT));
            }
        }
        if self.client_secret.bytes() < SECRET || !self.client_secret.keeps_bytes() {
            return Some((
                "client_secret",
                "too short: a client secret must hold 128 bits, and a UUID has 122",
            ));
        }
        if self.jwt_id.bytes() < GRANT {
            return Some(("jwt_id", "too short: two tokens could get the same name, and be revoked as one"));
        }
        (self.client_id.bytes() < 10).then_some(("client_id", "too short: two clients could get the same id"))
    }

    /// Whether refresh tokens have room to say how often they were replaced. Where they have not, a replaced one is
    /// unknown, and no longer known as a replay.
    pub fn counts_refreshes(&self) -> bool {
        counts(&self.refresh_token)
    }
}

fn counts(shape: &Shape) -> bool {
    shape.bytes() >= GRANT + GENERATION + SECRET + CHECKSUM
}

/// How many bytes of the checksum there is room for behind the other parts: all or none.
fn checksum_of(shape: &Shape, other_parts: usize) -> usize {
    if shape.bytes() >= other_parts + SECRET + CHECKSUM { CHECKSUM } else { 0 }
}

/// The text and the digest of a payload.
fn seal(shape: &Shape, payload: &[u8]) -> (Secret, Digest) {
    let digest = digest_of(shape, payload);
    (sealed(shape, payload, &digest), digest)
}

fn digest_of(shape: &Shape, payload: &[u8]) -> Digest {
    Digest::of_parts(&[shape.prefix().as_bytes(), payload])
}

fn sealed(shape: &Shape, payload: &[u8], digest: &Digest) -> Secret {
    let mut bytes = Zeroizing::new(Vec::with_capacity(shape.bytes()));
    bytes.extend_from_slice(payload);
    // The first bytes of the digest: what the holder of the token can compute anyway.
    bytes.extend(digest.bytes().iter().take(shape.bytes().saturating_sub(payload.len())));
    shape.write(&bytes)
}

/// The payload of a text, if shape and checksum are right, and its digest.
fn open(shape: &Shape, checksum: usize, text: &str) -> Option<(Zeroizing<Vec<u8>>, Digest)> {
    let mut bytes = shape.read(text)?;
    let (payload, sum) = bytes.split_at_checked(bytes.len().checked_sub(checksum)?)?;
    let digest = digest_of(shape, payload);
    let right = digest.bytes().get(..checksum) == Some(sum);
    let length = payload.len();
    bytes.truncate(length);
    right.then_some((bytes, digest))
}

macro_rules! grant_credential {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        pub struct $name {
            grant: GrantId,
            digest: Digest,
        }

        impl $name {
            /// What its text begins with in the standard profile.
            pub const PREFIX: &'static str = $prefix;

            /// A new one of the grant, and its text.
            pub(crate) fn mint(shape: &Shape, grant: GrantId, entropy: &mut Entropy) -> (Self, Secret) {
                let room = shape.bytes().saturating_sub(checksum_of(shape, GRANT));
                let mut payload = Zeroizing::new(vec![0; room]);
                let (id, secret) = payload.split_at_mut(GRANT.min(room));
                id.copy_from_slice(grant.as_bytes().split_at(id.len()).0);
                entropy.fill(secret);
                let (text, digest) = seal(shape, &payload);
                (Self { grant, digest }, text)
            }

            /// Reads the text of one. `None` if it cannot have been minted in this shape; costs no read.
            pub fn parse(shape: &Shape, text: &str) -> Option<Self> {
                let (payload, digest) = open(shape, checksum_of(shape, GRANT), text)?;
                let (grant, _) = payload.split_at_checked(GRANT)?;
                Some(Self { grant: GrantId::from_bytes(grant.try_into().ok()?), digest })
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

impl InteractionHandle {
    /// How it is written, in every profile: it is seen by nobody but our own pages.
    pub const SHAPE: Shape = Shape::base64url(Self::PREFIX, 70);
}

/// A refresh token (RFC 6749, section 1.5), one of a chain: each is derived from the one before it and the server's
/// key, so a client whose answer was lost gets the very same successor again, while what is stored is a digest.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RefreshToken {
    #[zeroize(skip)]
    shape: Shape,
    #[zeroize(skip)]
    grant: GrantId,
    generation: u32,
    secret: Vec<u8>,
    #[zeroize(skip)]
    digest: Digest,
}

impl RefreshToken {
    /// What its text begins with in the standard profile.
    pub const PREFIX: &'static str = "gra_rt_";

    /// Bytes before the secret part.
    fn head(shape: &Shape) -> usize {
        if counts(shape) { GRANT + GENERATION } else { GRANT }
    }

    /// The first of a chain.
    pub(crate) fn mint(shape: &Shape, grant: GrantId, entropy: &mut Entropy) -> Self {
        let head = Self::head(shape);
        let mut secret = vec![0; shape.bytes().saturating_sub(head + checksum_of(shape, head))];
        entropy.fill(&mut secret);
        Self::of(shape, grant, 0, secret)
    }

    /// The one that follows. Whoever has only the store, or only this token, or only the key, cannot compute it.
    pub(crate) fn successor(&self, key: &ServerKey) -> Self {
        let generation = self.generation.saturating_add(1);
        let parts: [&[u8]; 3] = [self.grant.as_bytes(), &generation.to_be_bytes(), &self.secret];
        let mut secret = vec![0; self.secret.len()];
        key.derive_into("grantor refresh token successor", &parts, &mut secret);
        Self::of(&self.shape, self.grant, generation, secret)
    }

    /// Reads the text of one. `None` if it cannot have been minted in this shape; costs no read.
    pub fn parse(shape: &Shape, text: &str) -> Option<Self> {
        let head = Self::head(shape);
        let (payload, digest) = open(shape, checksum_of(shape, head), text)?;
        let (head, secret) = payload.split_at_checked(head)?;
        let (grant, generation) = head.split_at_checked(GRANT)?;
        let generation = generation.try_into().map_or(0, u32::from_be_bytes);
        let grant = GrantId::from_bytes(grant.try_into().ok()?);
        Some(Self { shape: shape.clone(), grant, generation, secret: secret.to_vec(), digest })
    }

    /// A token of these parts. Its digest is reckoned once: it is compared, stored, and part of the text.
    fn of(shape: &Shape, grant: GrantId, generation: u32, secret: Vec<u8>) -> Self {
        let digest = digest_of(shape, &Self::payload(shape, grant, generation, &secret));
        Self { shape: shape.clone(), grant, generation, secret, digest }
    }

    fn payload(shape: &Shape, grant: GrantId, generation: u32, secret: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut payload = Zeroizing::new(Vec::with_capacity(shape.bytes()));
        payload.extend_from_slice(grant.as_bytes());
        if counts(shape) {
            payload.extend_from_slice(&generation.to_be_bytes());
        }
        payload.extend_from_slice(secret);
        payload
    }

    /// Its text.
    pub(crate) fn text(&self) -> Secret {
        let payload = Self::payload(&self.shape, self.grant, self.generation, &self.secret);
        sealed(&self.shape, &payload, &self.digest)
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        self.digest
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

/// A text that reads as this one does, and names the same grant and the same place in a chain, with another secret: what
/// takes its place where it must not be seen. `None` if it reads as nothing of these shapes.
pub(crate) fn stand_in(shape: &Shape, head: usize, text: &str, entropy: &mut Entropy) -> Option<Secret> {
    let (mut payload, _) = open(shape, checksum_of(shape, head), text)?;
    let (_, secret) = payload.split_at_mut_checked(head)?;
    entropy.fill(secret);
    Some(seal(shape, &payload).0)
}

/// The same for any token that a profile hands out.
pub(crate) fn token_stand_in(formats: &Formats, text: &str, entropy: &mut Entropy) -> Option<Secret> {
    let refresh = &formats.refresh_token;
    // Where both kinds look alike, what would be a refresh token's place in its chain can be part of an access token's
    // secret. A real place is a small number.
    let placed = RefreshToken::parse(refresh, text).filter(|token| token.generation < LONGEST_CHAIN);
    let head = if placed.is_some() { RefreshToken::head(refresh) } else { GRANT };
    let refresh = RefreshToken::parse(refresh, text).and_then(|_| stand_in(refresh, head, text, entropy));
    refresh.or_else(|| stand_in(&formats.access_token, GRANT, text, entropy))
}

/// How many bytes a code or an access token says of itself in clear.
pub(crate) const HEAD: usize = GRANT;

/// More often than any refresh token is replaced.
const LONGEST_CHAIN: u32 = 1 << 20;

/// What a presented text can be, told by its shape alone. Where a profile's tokens look alike it can be several things,
/// of which the store knows one at most.
pub struct AnyToken {
    /// A reference access token.
    pub access: Option<AccessToken>,
    /// A refresh token.
    pub refresh: Option<RefreshToken>,
    /// Something with the three parts of a JWT, to be verified.
    pub jwt: Option<Secret>,
}

impl AnyToken {
    /// Reads any token that a profile hands out.
    pub fn parse(formats: &Formats, text: &str) -> Self {
        Self {
            access: AccessToken::parse(&formats.access_token, text),
            refresh: RefreshToken::parse(&formats.refresh_token, text),
            jwt: (text.split('.').count() == 3).then(|| Secret::new(text)),
        }
    }

    /// The grant it names, if it is none but of this shape.
    pub fn grant(&self) -> Option<GrantId> {
        self.access.as_ref().map(AccessToken::grant).or(self.refresh.as_ref().map(RefreshToken::grant))
    }
}

/// A new client secret. Its shape holds at least 128 bits, so that one SHA-256 of it is enough to keep.
pub fn mint_client_secret(shape: &Shape, entropy: &mut Entropy) -> Secret {
    let mut secret = Zeroizing::new(vec![0; shape.bytes().saturating_sub(checksum_of(shape, 0))]);
    entropy.fill(&mut secret);
    seal(shape, &secret).0
}

/// A new session token, which lets a user's own tool act for him at the registration resource of a profile: 256 bits.
pub fn mint_session_token(entropy: &mut Entropy) -> Secret {
    mint_client_secret(&Shape::base64url("gra_st_", 48), entropy)
}

/// A new registration key, which guards the registration resource of a profile: 256 bits.
pub fn mint_registration_key(entropy: &mut Entropy) -> Secret {
    mint_client_secret(&Shape::base64url("gra_rk_", 48), entropy)
}

/// A new client id, of characters that need no escape in HTTP Basic.
pub fn mint_client_id(shape: &Shape, entropy: &mut Entropy) -> String {
    shape.draw(entropy).expose().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn formats() -> Formats {
        Formats::default()
    }

    fn entropy() -> Entropy {
        Entropy::from_seed([3; 32])
    }

    const GRANT_ID: GrantId = GrantId::from_bytes([9; 16]);

    #[test]
    fn texts_read_back() {
        let (code, text) = AuthorizationCode::mint(&formats().authorization_code, GRANT_ID, &mut entropy());
        let back = AuthorizationCode::parse(&formats().authorization_code, text.expose()).unwrap();
        assert_eq!(back.grant(), GRANT_ID);
        assert!(back.digest().matches(code.digest()));

        let token = RefreshToken::mint(&formats().refresh_token, GRANT_ID, &mut entropy());
        let back = RefreshToken::parse(&formats().refresh_token, token.text().expose()).unwrap();
        assert!(back.digest().matches(&token.digest()));
        assert_eq!((back.grant(), back.generation()), (GRANT_ID, 0));
    }

    #[test]
    fn one_kind_is_not_read_as_another() {
        let code = AuthorizationCode::mint(&formats().authorization_code, GRANT_ID, &mut entropy()).1;
        assert!(AccessToken::parse(&formats().access_token, code.expose()).is_none());
        // Even with its prefix swapped: the checksum covers the prefix.
        assert!(
            AccessToken::parse(&formats().access_token, &code.expose().replace("gra_ac_", "gra_at_"))
                .is_none()
        );
        let any = AnyToken::parse(&formats(), code.expose());
        assert!(any.access.is_none() && any.refresh.is_none() && any.jwt.is_none());
    }

    #[test]
    fn successors_repeat_and_need_the_key() {
        let key = ServerKey::from_bytes([1; 32]);
        let first = RefreshToken::mint(&formats().refresh_token, GRANT_ID, &mut entropy());
        let next = first.successor(&key);
        assert_eq!(next.generation(), 1);
        assert_eq!(next.text().expose(), first.successor(&key).text().expose());
        assert_ne!(next.text().expose(), first.successor(&ServerKey::from_bytes([2; 32])).text().expose());
        assert!(!next.digest().matches(&next.successor(&key).digest()));
    }

    #[test]
    fn short_tokens_leave_out_the_checksum_and_never_the_secret() {
        let mut formats = formats();
        assert_eq!(formats.problem(), None);
        formats.access_token = "{hex:64}".parse().unwrap();
        formats.refresh_token = "{hex:64}".parse().unwrap();
        assert_eq!(formats.problem(), None);
        assert!(!formats.counts_refreshes());
        let (token, text) = AccessToken::mint(&formats.access_token, GRANT_ID, &mut entropy());
        let back = AccessToken::parse(&formats.access_token, text.expose()).unwrap();
        assert!(back.grant() == GRANT_ID && back.digest().matches(token.digest()));
        let refresh = RefreshToken::mint(&formats.refresh_token, GRANT_ID, &mut entropy());
        let back = RefreshToken::parse(&formats.refresh_token, refresh.text().expose()).unwrap();
        assert!(back.digest().matches(&refresh.digest()));
        assert_eq!(back.secret.len(), 16);
        for (shape, fits) in
            [("{hex:62}", false), ("x{alnum:42}", false), ("x{alnum:43}", true), ("{uuid}", false)]
        {
            formats.access_token = shape.parse().unwrap();
            assert_eq!(formats.problem().is_none(), fits, "{shape}");
        }
    }

    proptest! {
        #[test]
        fn no_change_of_a_character_is_read(at in 0usize..77, with in "[A-Za-z0-9_-]") {
            let text = AccessToken::mint(&formats().access_token, GRANT_ID, &mut entropy()).1;
            let mut changed = text.expose().to_owned();
            prop_assert_eq!(changed.len(), 77);
            changed.replace_range(at..=at, &with);
            prop_assert_eq!(AccessToken::parse(&formats().access_token, &changed).is_some(), changed == text.expose());
        }

        #[test]
        fn any_text_is_taken_calmly(text in "\\PC*", prefix in "(gra_rt_|gra_at_|gra_ac_)") {
            let whole = prefix + &text;
            prop_assert!(RefreshToken::parse(&formats().refresh_token, &whole).is_none());
        }
    }
}
