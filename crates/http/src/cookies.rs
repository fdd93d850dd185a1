//! The two cookies: who is logged in, and which browser this is before anybody is.

use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::response::Response;
use grantor_core::Secret;
use grantor_directory::BrowserCookie;

/// The names of the cookies. With an https issuer they begin with `__Host-`: then no other host, and nobody on plain
/// http, can set them (RFC 6265bis, section 4.1.3.2).
#[derive(Debug, Clone, Copy)]
pub(crate) struct CookieNames {
    session: &'static str,
    browser: &'static str,
    https: bool,
}

impl CookieNames {
    pub(crate) const fn new(https: bool) -> Self {
        if https {
            Self { session: "__Host-grantor_session", browser: "__Host-grantor_browser", https }
        } else {
            Self { session: "grantor_session", browser: "grantor_browser", https }
        }
    }

    /// Those of a desk. A browser sends a host's cookies to each of its ports, and who signs out at one listener must not be
    /// signed out at another.
    pub(crate) const fn desk(https: bool) -> Self {
        if https {
            Self { session: "__Host-grantor_desk_session", browser: "__Host-grantor_desk_browser", https }
        } else {
            Self { session: "grantor_desk_session", browser: "grantor_desk_browser", https }
        }
    }

    /// Whether the cookies travel by https alone.
    pub(crate) const fn https(&self) -> bool {
        self.https
    }

    /// The session cookie of a request.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<Secret> {
        find(headers, self.session).map(Secret::new)
    }

    /// The browser cookie of a request, if it can be one.
    pub(crate) fn browser(&self, headers: &HeaderMap) -> Option<BrowserCookie> {
        find(headers, self.browser).and_then(BrowserCookie::parse)
    }

    pub(crate) fn set_session(&self, response: &mut Response, value: &Secret) {
        self.set(response, self.session, value.expose(), "");
    }

    pub(crate) fn clear_session(&self, response: &mut Response) {
        self.set(response, self.session, "", "; Max-Age=0");
    }

    pub(crate) fn set_browser(&self, response: &mut Response, cookie: &BrowserCookie) {
        self.set(response, self.browser, cookie.secret().expose(), "");
    }

    /// Without `Max-Age` a cookie ends with the browser; how long a session lasts is for the server to say.
    fn set(&self, response: &mut Response, name: &str, value: &str, age: &str) {
        let secure = if self.https { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        if let Ok(mut value) = HeaderValue::try_from(text) {
            value.set_sensitive(true);
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
}

fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs =
        headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(n, _)| *n == name).map(|(_, value)| value)
}
