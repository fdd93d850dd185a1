//! What an operator may choose. What Redis itself does with the records is chosen in Redis's own configuration.

use std::fmt;
use std::time::Duration;

/// How a [`RedisStore`](crate::RedisStore) behaves. The default is right for a server.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisOptions {
    /// How long an operation may take, a reconnection included. 1.5 s, so that the client has its 503 within two. A purge
    /// has as long for each of its steps.
    pub timeout: Duration,
    /// What every key begins with: `grantor`. Two deployments may share a Redis under two prefixes.
    pub prefix: String,
    /// The certificates, as PEM, that a `rediss://` server must be signed by; `None` for those the system trusts.
    pub root_certificates: Option<Vec<u8>>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_millis(1500), prefix: "grantor".to_owned(), root_certificates: None }
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("timeout", &self.timeout)
            .field("prefix", &self.prefix)
            .field("root_certificates", &self.root_certificates.as_ref().map(Vec::len))
            .finish()
    }
}
