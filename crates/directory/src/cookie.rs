//! The shape of cookie secrets, and the cookie a browser has before anyone is logged in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::Secret;
use sha2::{Digest as _, Sha256};

use crate::csrf::CsrfBinding;
use crate::error::DirectoryError;
use crate::records::entropy;

const PAYLOAD: usize = 32;
const CHECKSUM: usize = 4;

/// What begins a session cookie, so that a scanner can recognise a leaked one.
pub(crate) const SESSION: &str = "gra_ss_";
const BROWSER: &str = "gra_bc_";

/// A new secret: `prefix`, then 256 random bits and a checksum over prefix and bits in base64url.
pub(crate) fn mint(prefix: &str) -> Result<Secret, DirectoryError> {
    Ok(spell(prefix, entropy()?.draw()))
}

fn spell(prefix: &str, payload: [u8; PAYLOAD]) -> Secret {
    let mut bytes = [0; PAYLOAD + CHECKSUM];
    let parts = payload.into_iter().chain(checksum(prefix, &payload));
    bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

fn checksum(prefix: &str, payload: &[u8]) -> impl Iterator<Item = u8> {
    Sha256::new().chain_update(prefix).chain_update(payload).finalize().into_iter().take(CHECKSUM)
}

/// Whether `text` can be a secret that [`mint`] made. Garbage is refused here, before it costs a read.
pub(crate) fn is_well_formed(prefix: &str, text: &str) -> bool {
    let mut bytes = [0; PAYLOAD + CHECKSUM];
    let Some(encoded) = text.strip_prefix(prefix) else { return false };
    // Also bounds the length: what does not fit into `bytes` is an error.
    if URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes) != Ok(bytes.len()) {
        return false;
    }
    let (payload, sum) = bytes.split_at(PAYLOAD);
    checksum(prefix, payload).eq(sum.iter().copied())
}

/// A browser's own secret from its first visit to a form on: it ties the login form to the browser that fetched it,
/// so that nobody can be logged in from elsewhere (login CSRF; RFC 6819, section 4.4.1.8). Nothing about it is stored.
#[derive(Clone)]
pub struct BrowserCookie(Secret);

impl BrowserCookie {
    /// A cookie for a browser that has none.
    ///
    /// # Errors
    /// [`DirectoryError::NoEntropy`].
    pub fn mint() -> Result<Self, DirectoryError> {
        mint(BROWSER).map(Self)
    }

    /// The cookie whose value is `text`, unless it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        is_well_formed(BROWSER, text).then(|| Self(Secret::new(text)))
    }

    /// The cookie's value.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// What ties forms to this browser.
    pub fn csrf(&self) -> CsrfBinding {
        CsrfBinding::of(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_spelt_as_it_was() {
        let cookie = spell(SESSION, [7; 32]);
        assert_eq!(cookie.expose(), "gra_ss_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcVa4rT");
        assert!(is_well_formed(SESSION, cookie.expose()));
    }

    #[test]
    fn any_change_of_a_cookie_is_noticed() {
        let text = mint(SESSION).unwrap().expose().to_owned();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(!is_well_formed(SESSION, &String::from_utf8(bytes).unwrap()), "{at}");
        }
        for wrong in [
            "",
            "gra_ss_",
            text.get(..text.len() - 1).unwrap(),
            &format!("{text}A"),
            &format!("{text}="),
            &"A".repeat(1 << 20),
        ] {
            assert!(!is_well_formed(SESSION, wrong));
        }
    }

    #[test]
    fn one_kind_of_cookie_is_never_the_other() {
        let browser = BrowserCookie::mint().unwrap();
        let text = browser.secret().expose();
        assert!(BrowserCookie::parse(text).is_some());
        assert!(!is_well_formed(SESSION, text));
        assert!(BrowserCookie::parse(&text.replace(BROWSER, SESSION)).is_none());
        assert!(!is_well_formed(SESSION, &text.replace(BROWSER, SESSION)));
        assert_ne!(text, BrowserCookie::mint().unwrap().secret().expose());
    }
}
