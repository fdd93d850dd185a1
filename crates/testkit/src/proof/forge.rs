//! Codes and tokens that the server never gave, made of those that it did.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::{Digest, Profile};

use super::ledger::Kind;

const CHECKSUM: usize = 4;

/// The same grant and another secret, with a checksum that is right: what somebody makes who knows how tokens are written
/// and has seen one. A text in an alphabet that this does not know is garbled.
pub(crate) fn invented(profile: &Profile, kind: Kind, text: &str) -> String {
    let shape = match kind {
        Kind::Code => &profile.formats.authorization_code,
        Kind::Refresh => &profile.formats.refresh_token,
        Kind::Access | Kind::Question | Kind::Grant => &profile.formats.access_token,
    };
    let prefix = shape.prefix();
    let rewritten = text.strip_prefix(prefix).and_then(|body| {
        let mut bytes = URL_SAFE_NO_PAD.decode(body).ok()?;
        let end = bytes.len().checked_sub(CHECKSUM)?;
        if sum(prefix, &bytes[..end]) != bytes[end..] {
            return None;
        }
        bytes[end - 1] ^= 1;
        let right = sum(prefix, &bytes[..end]);
        bytes[end..].copy_from_slice(&right);
        Some(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
    });
    rewritten.unwrap_or_else(|| garbled(text))
}

fn sum(prefix: &str, payload: &[u8]) -> Vec<u8> {
    let digest = Digest::of(&[prefix.as_bytes(), payload].concat());
    let digest = URL_SAFE_NO_PAD.decode(digest.to_base64url()).unwrap();
    digest[..CHECKSUM].to_vec()
}

/// Another character near the end, before any checksum.
pub(crate) fn garbled(text: &str) -> String {
    let at = text.len().saturating_sub(9);
    text.char_indices()
        .map(|(index, c)| match c {
            _ if index != at => c,
            'a' => 'b',
            'A' => 'B',
            '0'..='8' => '9',
            '9' => '8',
            'B'..='Z' => 'A',
            _ => 'a',
        })
        .collect()
}
