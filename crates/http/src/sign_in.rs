//! Signing in as an application does that has sessions already.

use async_trait::async_trait;
use axum::http::HeaderMap;
use grantor_core::Secret;
use grantor_directory::{DirectoryError, User};

/// Whoever is signed in, by a session of the application's own.
pub struct SignedIn {
    /// Who he is, as he is now.
    pub user: User,
    /// What only his browser has of this session: the value of its cookie. Forms, and authorization requests that wait, are tied to
    /// it, so it must differ between sessions and stay while one lasts.
    pub session: Secret,
}

/// Tells who is at the browser, for an application that has a login of its own. With it, there are no pages here to log in, sign up
/// or log out.
///
/// The sentences to keep:
///
/// 1. A session that has ended is never found again.
/// 2. A new login is a new session: whoever planted one in a browser learns nothing by it.
/// 3. What cannot be found out is an error, and never an answer.
#[async_trait]
pub trait SignIn: Send + Sync + 'static {
    /// Who is signed in, by the headers of a request.
    ///
    /// # Errors
    /// [`DirectoryError`] if that cannot be found out.
    async fn who(&self, headers: &HeaderMap) -> Result<Option<SignedIn>, DirectoryError>;

    /// Where to send a browser to sign in. `back` is a path and a query of this server: where it must come afterwards. It is not
    /// encoded yet.
    fn login(&self, back: &str) -> String;
}
