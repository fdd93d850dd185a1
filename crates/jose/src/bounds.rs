//! Every bound of this room on what comes from outside.

/// A compact JWS, all three parts. It stands in a request's header line or form field, which are bounded alike.
/// It bounds every part too: a `kid` is only ever compared, with texts of 43 bytes.
pub(crate) const TOKEN_BYTES: usize = 16 * 1024;
/// Keys in one set. Each is parsed at every load and published to everyone.
pub(crate) const KEYS: usize = 32;
