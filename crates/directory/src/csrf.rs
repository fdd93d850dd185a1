//! Tokens that prove that a form was fetched by the browser that posts it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::{Digest, Secret, ServerKey};

/// What ties a form to a cookie. It is a digest, so it can be passed around where the cookie itself should not be.
#[derive(Debug, Clone, Copy)]
pub struct CsrfBinding(Digest);

impl CsrfBinding {
    /// The binding to a cookie.
    pub fn of(cookie: &Secret) -> Self {
        Self(Digest::of(cookie.expose().as_bytes()))
    }
}

/// Makes and checks CSRF tokens. A token is a function of the server's key, a cookie and a purpose: nothing is stored,
/// and a token of another session, another browser or another form does not fit.
///
/// ```
/// use grantor_core::ServerKey;
/// use grantor_directory::{BrowserCookie, CsrfKey};
///
/// let key = CsrfKey::new(&ServerKey::from_bytes([7; 32]));
/// let browser = BrowserCookie::mint()?;
/// let token = key.token(&browser.csrf(), "login");
/// assert!(key.check(&browser.csrf(), "login", &token));
/// assert!(!key.check(&browser.csrf(), "logout", &token));
/// assert!(!key.check(&BrowserCookie::mint()?.csrf(), "login", &token));
/// # Ok::<(), grantor_directory::DirectoryError>(())
/// ```
#[derive(Clone)]
pub struct CsrfKey(ServerKey);

impl CsrfKey {
    /// The key for CSRF tokens, derived from the server's.
    pub fn new(server: &ServerKey) -> Self {
        Self(ServerKey::from_bytes(*server.derive("grantor csrf", &[])))
    }

    /// The token for forms that serve `purpose`: 43 characters of base64url.
    pub fn token(&self, binding: &CsrfBinding, purpose: &str) -> String {
        let binding = binding.0.to_base64url();
        URL_SAFE_NO_PAD.encode(*self.0.derive("token", &[binding.as_bytes(), purpose.as_bytes()]))
    }

    /// Whether `presented` is that token, in a time that does not tell how much of it is right.
    pub fn check(&self, binding: &CsrfBinding, purpose: &str, presented: &str) -> bool {
        Digest::of(self.token(binding, purpose).as_bytes()).matches(&Digest::of(presented.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_one_key_one_cookie_and_one_purpose() {
        let key = CsrfKey::new(&ServerKey::from_bytes([1; 32]));
        let binding = CsrfBinding::of(&Secret::new("a"));
        let token = key.token(&binding, "consent");
        assert_eq!(token.len(), 43);
        assert!(key.check(&binding, "consent", &token));
        assert!(!key.check(&binding, "login", &token));
        assert!(!key.check(&CsrfBinding::of(&Secret::new("b")), "consent", &token));
        assert!(!CsrfKey::new(&ServerKey::from_bytes([2; 32])).check(&binding, "consent", &token));
        for wrong in ["", token.get(..42).unwrap(), &format!("{token}="), &token.to_ascii_uppercase()] {
            assert!(!key.check(&binding, "consent", wrong));
        }
    }
}
