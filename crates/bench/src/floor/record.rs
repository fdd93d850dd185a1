//! What is kept under a token's first half: what it is, digests of it, and a few words.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The first half of what was given: where its record lies.
pub(crate) type Id = [u8; 16];
/// A SHA-256.
pub(crate) type Digest = [u8; 32];

/// One record.
pub(crate) struct Record {
    pub(crate) state: State,
    /// Of the code, or of the current refresh token.
    pub(crate) once: Digest,
    /// Of the access token.
    pub(crate) access: Digest,
    /// What introspection tells, or what a code was given for.
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Session,
    Code,
    Active,
}

const NOTHING: Digest = [0; 32];

impl Record {
    pub(crate) fn session() -> Self {
        Self { state: State::Session, once: NOTHING, access: NOTHING, text: String::new() }
    }

    pub(crate) fn code(once: Digest, challenge: &str) -> Self {
        Self { state: State::Code, once, access: NOTHING, text: challenge.to_owned() }
    }

    pub(crate) fn active(once: Option<Digest>, access: Digest) -> Self {
        let once = once.unwrap_or(NOTHING);
        Self { state: State::Active, once, access, text: "web read".to_owned() }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let state = match self.state {
            State::Session => b's',
            State::Code => b'c',
            State::Active => b'a',
        };
        let mut bytes = Vec::with_capacity(65 + self.text.len());
        bytes.push(state);
        bytes.extend(self.once);
        bytes.extend(self.access);
        bytes.extend(self.text.as_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let state = match bytes.first()? {
            b's' => State::Session,
            b'c' => State::Code,
            b'a' => State::Active,
            _ => return None,
        };
        let digest = |from: usize| bytes.get(from..from + 32)?.try_into().ok();
        let text = String::from_utf8(bytes.get(65..)?.to_vec()).ok()?;
        Some(Self { state, once: digest(1)?, access: digest(33)?, text })
    }
}

pub(crate) fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

/// Whether a text has this digest, in a time that does not tell how nearly.
pub(crate) fn matches(text: &str, expected: &Digest) -> bool {
    digest(text).ct_eq(expected).into()
}
