//! Who is this client? (RFC 6749, section 2.3)

use std::fmt;
use std::sync::Arc;

use super::Context;
use crate::client::{AuthMethod, Client, ClientMetadata, GrantType};
use crate::credential::RefreshToken;
use crate::grant::Grant;
use crate::ids::ClientId;
use crate::profile::Profile;
use crate::refusal::{Reason, Refusal};
use crate::request::{ClientCredentials, ClientProof};
use crate::secret::{Digest, Secret, SecretHash, ServerKey};
use crate::step::{Step, load, registration, verify_secret};

/// Proof that a client is who it says, as far as its kind can prove it: a public client has only said so.
///
/// Only [`authenticate`] makes one. Every command on a grant takes one, so no code or token can be touched before.
#[derive(Clone)]
pub struct ClientAuthenticated {
    client: Arc<Client>,
}

/// Who, and nothing of its secrets.
impl fmt::Debug for ClientAuthenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAuthenticated").field("metadata", self.metadata()).finish_non_exhaustive()
    }
}

impl ClientAuthenticated {
    /// Who.
    pub fn id(&self) -> &ClientId {
        self.client.id()
    }

    /// What is registered of it.
    pub fn metadata(&self) -> &ClientMetadata {
        &self.client.metadata
    }

    pub(super) fn must_be_allowed(&self, ctx: &Context, grant_type: GrantType) -> Result<(), Refusal> {
        let refuse = |reason: Reason, may_use: usize| {
            let about = Refusal::from(reason).by(self.id()).saw("grant_type", grant_type.as_str());
            Err(about.saw("grant_types", may_use))
        };
        if !ctx.profile.grant_types.contains(&grant_type) {
            return refuse(Reason::GrantTypeUnsupported, ctx.profile.grant_types.len());
        }
        if !self.metadata().may_use(grant_type) {
            return refuse(Reason::GrantTypeNotAllowed, self.metadata().grant_types.len());
        }
        Ok(())
    }
}

/// Authenticates a client, by the one method it is registered with (RFC 6749, section 2.3). Nothing is written.
///
/// Whatever is wrong, the client hears the same, after the same work: one hash of what it presented.
///
/// # Refusals
/// [`Reason::ClientUnknown`], [`Reason::ClientMethodWrong`], [`Reason::ClientDisabled`], [`Reason::ClientSecretWrong`]; all of
/// them `invalid_client`.
pub fn authenticate(ctx: Context, credentials: ClientCredentials) -> Step<(Context, ClientAuthenticated)> {
    authenticate_as(ctx, credentials, false)
}

/// Authenticates a client that comes with a person's password. Where the profile says so, it may leave its secret out.
pub(super) fn authenticate_by_password(
    ctx: Context,
    credentials: ClientCredentials,
) -> Step<(Context, ClientAuthenticated)> {
    let secret_optional = ctx.profile.clients.danger_password_without_secret;
    authenticate_as(ctx, credentials, secret_optional)
}

fn authenticate_as(
    ctx: Context,
    credentials: ClientCredentials,
    secret_optional: bool,
) -> Step<(Context, ClientAuthenticated)> {
    registration(&credentials.client).then(move |found| {
        let id = credentials.client;
        let refused = |reason: Reason| Refusal::from(reason).by(&id);
        let method = credentials.proof.method();
        let secret = match credentials.proof {
            ClientProof::None => None,
            ClientProof::Basic(secret) | ClientProof::Post(secret) => Some(secret),
        };
        let presented = secret.as_ref().map(|s| Digest::of(s.expose().as_bytes()));
        let registered = found.is_some();
        let Some(client) = found.filter(|c| c.metadata.profile == ctx.profile.name) else {
            // Registered, then, at another profile.
            return Step::stop(Refusal::from(Reason::ClientUnknown).saw("registered", registered));
        };
        let left_out = secret_optional && method == AuthMethod::None;
        if !left_out && !ctx.profile.clients.takes(method, client.metadata.token_endpoint_auth_method) {
            let registered = client.metadata.token_endpoint_auth_method.as_str();
            let refusal = refused(Reason::ClientMethodWrong).saw("method", method.as_str());
            return Step::stop(refusal.saw("token_endpoint_auth_method", registered));
        }
        if client.metadata.disabled {
            return Step::stop(refused(Reason::ClientDisabled).saw("deleted", client.is_deleted()));
        }
        let (Some(secret), Some(presented)) = (secret, presented) else {
            // The method is `none`, and the profile lets this client have it: there is nothing to prove.
            return Step::done((ctx, ClientAuthenticated { client }));
        };
        let mut slow = Vec::new();
        let mut matches = false;
        for hash in client.valid_secrets(ctx.now) {
            match hash {
                SecretHash::Sha256(digest) => matches |= digest.matches(&presented),
                SecretHash::Argon2id(phc) => slow.push(phc.clone()),
            }
        }
        if matches {
            return Step::done((ctx, ClientAuthenticated { client }));
        }
        let (kept, valid) = (client.secrets_kept(), client.valid_secrets(ctx.now).count());
        let wrong = move |id: &ClientId| {
            let refusal = Refusal::from(Reason::ClientSecretWrong).by(id);
            Step::stop(refusal.saw("secrets", kept).saw("secrets_valid", valid))
        };
        if slow.is_empty() {
            return wrong(&id);
        }
        let proven = ClientAuthenticated { client };
        verify_secret(secret, slow).then(
            move |matches| {
                if matches { Step::done((ctx, proven)) } else { wrong(&id) }
            },
        )
    })
}

/// Authenticates whoever holds an API key. The key is the client's name as well: its id is derived from the key and the
/// server's own, so that one read finds it, and nobody can work back from the id.
pub(super) fn authenticate_api_key(ctx: Context, key: Secret) -> Step<(Context, ClientAuthenticated)> {
    holder_of_api_key(ctx, key, Reason::ApiKeyWrong)
}

/// The same, refused for a reason that depends on where the key is shown.
pub(super) fn holder_of_api_key(
    ctx: Context,
    key: Secret,
    reason: Reason,
) -> Step<(Context, ClientAuthenticated)> {
    let id = api_key_client(&ctx.profile, &ctx.key, &key);
    registration(&id).then(move |found| {
        let registered = found.is_some();
        let standing = found.filter(|client| {
            client.metadata.profile == ctx.profile.name
                && client.metadata.token_endpoint_auth_method == AuthMethod::ApiKey
                && !client.metadata.disabled
        });
        let stands = standing.is_some();
        let refused = || Refusal::from(reason).by(&id).saw("registered", registered).saw("stands", stands);
        let Some(client) = standing else { return Step::stop(refused()) };
        let presented = Digest::of(key.expose().as_bytes());
        // The id was derived from the key under our own: whoever found the record has the key. What is compared here is
        // whether it is still one of the client's.
        let valid = client.valid_secrets(ctx.now).any(|hash| match hash {
            SecretHash::Sha256(digest) => digest.matches(&presented),
            SecretHash::Argon2id(_) => true,
        });
        if !valid {
            return Step::stop(refused().saw("secrets", client.secrets_kept()));
        }
        Step::done((ctx, ClientAuthenticated { client }))
    })
}

/// The client that an API key of a profile names, whether there is one or not: its id is derived from profile and key, so
/// that no record holds the key, and finding it is one read.
pub fn api_key_client(profile: &Profile, server_key: &ServerKey, key: &Secret) -> ClientId {
    let derived = server_key.derive("grantor api key", &[profile.name.as_bytes(), key.expose().as_bytes()]);
    ClientId::of_api_key(&derived)
}

/// Takes a refresh token's own word for whose it is: for services whose clients have nothing else to show. The grant
/// decides whether the token is worth anything.
pub(super) fn authenticate_bearer(ctx: Context, token: &Secret) -> Step<(Context, ClientAuthenticated)> {
    let Some(token) = RefreshToken::parse(&ctx.profile.formats.refresh_token, token.expose()) else {
        let bytes = token.expose().len();
        return Step::stop(Refusal::from(Reason::RefreshTokenMalformed).saw("bytes", bytes));
    };
    let unknown = Refusal::from(Reason::RefreshTokenUnknown).on(token.grant());
    load(Grant::key(token.grant())).then(move |found| {
        let Some(grant) = found else { return Step::stop(unknown.saw("found", false)) };
        registration(&grant.record.facts().client).then(move |found| {
            let standing = found.filter(|client| {
                client.metadata.profile == ctx.profile.name
                    && client.metadata.token_endpoint_auth_method == AuthMethod::ApiKey
                    && !client.metadata.disabled
            });
            match standing {
                Some(client) => Step::done((ctx, ClientAuthenticated { client })),
                None => Step::stop(unknown.saw("client_stands", false)),
            }
        })
    })
}
