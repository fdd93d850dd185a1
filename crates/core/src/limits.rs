//! Every bound on what comes from outside, in one place.

use serde::{Deserialize, Serialize};

/// Bounds on outside input: counts, lengths in bytes, and tries. [`Limits::DEFAULT`] is what the standard profile uses.
///
/// A bound is checked before the thing it bounds is stored, hashed or compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Parameters in one request.
    pub parameters: usize,
    /// One parameter's decoded value, where no narrower bound is named.
    pub parameter_bytes: usize,
    /// The `state` of an authorization request.
    pub state_bytes: usize,
    /// The body of a request to an endpoint that takes a form.
    pub body_bytes: usize,
    /// All header lines of a request together, its request line among them.
    pub head_bytes: usize,
    /// Header lines in a request.
    pub headers: usize,
    /// A client identifier.
    pub client_id_bytes: usize,
    /// A presented client secret.
    pub client_secret_bytes: usize,
    /// A presented password; longer ones are refused before they are hashed, never cut.
    pub password_bytes: usize,
    /// The fewest characters of a password that a person chooses as he signs up (NIST SP 800-63B, section 3.1.1).
    pub new_password_chars: usize,
    /// A user name.
    pub username_bytes: usize,
    /// What a browser says of itself; longer texts are cut, since nothing depends on them.
    pub user_agent_bytes: usize,
    /// Sessions of one person that are looked at for a list of them. Each costs a read.
    pub sessions_listed: usize,
    /// One redirect URI.
    pub redirect_uri_bytes: usize,
    /// Redirect URIs of one client.
    pub redirect_uris: usize,
    /// Tokens in one scope.
    pub scope_tokens: usize,
    /// Any text of a client's registration that people read.
    pub display_text_bytes: usize,
    /// Secrets that one client may have valid at a time.
    pub secrets_per_client: usize,
    /// Clients that one person may have who registers them himself. Whoever does several at one moment can exceed it by as
    /// many.
    pub clients_per_owner: usize,
    /// Words of a client's name that it is found by.
    pub name_words: usize,
    /// As much of a name as it is found by.
    pub name_prefix_bytes: usize,
    /// A client's picture. With a brand of the largest size, a page that shows it stays below 50 kB.
    pub picture_bytes: usize,
    /// The width and the height of a client's picture, in pixels: a small file can be a large picture.
    pub picture_side: u32,
    /// Operations that one permission may name on one account.
    pub operations: usize,
    /// The name of one operation.
    pub operation_bytes: usize,
    /// Items in one part of a list that an operator asks for. Each can cost a read.
    pub list_items: usize,
    /// An import file that comes over the network.
    pub import_bytes: usize,
    /// How many rotations back a refresh token can still be proven to be an ancestor. Each costs one HMAC.
    pub replay_proof_steps: u32,
    /// How often a flow reads again after it lost a race, before it answers `temporarily_unavailable`. Of so many writers of
    /// one record at once each comes to his turn, since one of them wins each time.
    pub races: u32,
}

impl Limits {
    /// The bounds in force unless an embedder gives others.
    pub const DEFAULT: Limits = Limits {
        parameters: 64,
        parameter_bytes: 8 * 1024,
        state_bytes: 4 * 1024,
        body_bytes: 64 * 1024,
        head_bytes: 16 * 1024,
        headers: 100,
        client_id_bytes: 256,
        client_secret_bytes: 1024,
        password_bytes: 1024,
        new_password_chars: 8,
        username_bytes: 128,
        user_agent_bytes: 256,
        sessions_listed: 1000,
        redirect_uri_bytes: 2048,
        redirect_uris: 64,
        scope_tokens: 64,
        display_text_bytes: 2048,
        secrets_per_client: 4,
        clients_per_owner: 50,
        name_words: 8,
        name_prefix_bytes: 64,
        picture_bytes: 12 * 1024,
        picture_side: 1024,
        operations: 256,
        operation_bytes: 128,
        list_items: 500,
        import_bytes: 16 * 1024 * 1024,
        replay_proof_steps: 10_000,
        races: 64,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
