//! What can go wrong with keys and with tokens.

/// Why something could not be done with the signing keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The system's cryptography refused to make or seal a key.
    #[error("no signing key could be made: the system's cryptography refused")]
    Generation,
    /// The private key was sealed under a server key that is not the one given.
    #[error(
        "the signing key {kid} was sealed with another server key: \
         start with the server key this store was set up with"
    )]
    OtherServerKey {
        /// Which key.
        kid: String,
    },
    /// The private key was sealed under this server key but cannot be opened, or what is inside does not fit the
    /// public part beside it.
    #[error(
        "the signing key {kid} is damaged: its record was changed outside grantor, restore it from a backup"
    )]
    Damaged {
        /// Which key.
        kid: String,
    },
    /// A client's secret was sealed under another server key, for another client, or was changed since.
    #[error("a sealed client secret cannot be opened: it is damaged, or was sealed with another server key")]
    SecretDamaged,
    /// The cryptography refused to sign.
    #[error("signing failed")]
    Signing,
    /// The payload has no JSON form.
    #[error("the payload to sign cannot be written as JSON")]
    Payload,
    /// A rotation was asked for while the key of the last one is still waiting to sign.
    #[error("the key {kid} already waits to sign: let it, or retire it first")]
    RotationPending {
        /// The waiting key.
        kid: String,
    },
    /// The key to be retired is the one that signs.
    #[error("the key {kid} is the one that signs: rotate to another first")]
    StillSigning {
        /// The signing key.
        kid: String,
    },
    /// There is no key of that name.
    #[error("there is no signing key of that name")]
    UnknownKey,
    /// The set holds as many keys as it may.
    #[error("the set is full: retire keys whose tokens no longer matter")]
    TooManyKeys,
}

/// Why a token is not one of ours. No variant carries any part of the token, so each may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Longer than any token of ours.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of unpadded base64url with a JSON object in the first two.
    #[error("the token is not a compact JWS over a JSON object")]
    Malformed,
    /// A name occurs twice in one object, so two readers could see two tokens.
    #[error("an object in the token names a member twice")]
    DuplicateMember,
    /// The header has a `crit` member; we know no extension that could be critical.
    #[error("the token asks for a critical extension")]
    CriticalExtension,
    /// The `kid` is absent, is no text, or names no key that is published now.
    #[error("the token names no key of ours that is in use")]
    UnknownKey,
    /// The `alg` is not exactly the one of the key that `kid` names.
    #[error("the token's algorithm is not its key's")]
    WrongAlgorithm,
    /// The `typ` is absent or another one, so this is a token for another purpose.
    #[error("the token is of another type")]
    WrongType,
    /// The signature does not verify.
    #[error("the token's signature is wrong")]
    BadSignature,
}
