//! Every bound of this room on what comes from outside.

/// A compact JWS, all three parts. It stands in a request's header line or form field, which are bounded alike.
pub(crate) const TOKEN_BYTES: usize = 16 * 1024;
/// A `kid`. Ours have 43 bytes; this leaves nobody room to make us compare a novel.
pub(crate) const KID_BYTES: usize = 128;
/// Keys in one set. Each is parsed at every load and published to everyone.
pub(crate) const KEYS: usize = 32;
