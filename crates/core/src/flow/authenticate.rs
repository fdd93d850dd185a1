//! Who is this client? (RFC 6749, section 2.3)

use super::Context;
use crate::client::{Client, ClientMetadata, GrantType};
use crate::ids::ClientId;
use crate::refusal::{Reason, Refusal};
use crate::request::{ClientCredentials, ClientProof};
use crate::secret::{Digest, SecretHash};
use crate::step::{Step, load, verify_secret};

/// Proof that a client is who it says, as far as its kind can prove it: a public client has only said so.
///
/// Only [`authenticate`] makes one. Every command on a grant takes one, so no code or token can be touched before.
#[derive(Debug, Clone)]
pub struct ClientAuthenticated {
    metadata: ClientMetadata,
}

impl ClientAuthenticated {
    /// Who.
    pub fn id(&self) -> &ClientId {
        &self.metadata.client_id
    }

    /// What is registered of it.
    pub fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }

    pub(super) fn must_be_allowed(&self, ctx: &Context, grant_type: GrantType) -> Result<(), Refusal> {
        if !ctx.profile.grant_types.contains(&grant_type) {
            return Err(Refusal::from(Reason::GrantTypeUnsupported).by(self.id()));
        }
        if !self.metadata.may_use(grant_type) {
            return Err(Refusal::from(Reason::GrantTypeNotAllowed).by(self.id()));
        }
        Ok(())
    }
}

/// Authenticates a client, by the one method it is registered with.
///
/// Whatever is wrong, the client hears the same, after the same work: one hash of what it presented.
pub fn authenticate(ctx: Context, credentials: ClientCredentials) -> Step<(Context, ClientAuthenticated)> {
    load(Client::key(&credentials.client)).then(move |found| {
        let id = credentials.client;
        let refuse = |reason: Reason| Step::stop(Refusal::from(reason).by(&id));
        let method = credentials.proof.method();
        let secret = match credentials.proof {
            ClientProof::None => None,
            ClientProof::Basic(secret) | ClientProof::Post(secret) => Some(secret),
        };
        let presented = secret.as_ref().map(|s| Digest::of(s.expose().as_bytes()));
        let Some(client) = found.map(|f| f.record).filter(|c| c.metadata.profile == ctx.profile.name) else {
            return Step::stop(Reason::ClientUnknown);
        };
        if client.metadata.token_endpoint_auth_method != method {
            return refuse(Reason::ClientMethodWrong);
        }
        if client.metadata.disabled {
            return refuse(Reason::ClientDisabled);
        }
        let (Some(secret), Some(presented)) = (secret, presented) else {
            // `none` is the registered method: there is nothing to prove.
            return Step::done((ctx, ClientAuthenticated { metadata: client.metadata }));
        };
        let mut slow = Vec::new();
        let mut matches = false;
        for hash in client.valid_secrets(ctx.now) {
            match hash {
                SecretHash::Sha256(digest) => matches |= digest.matches(&presented),
                SecretHash::Argon2id(phc) => slow.push(phc.clone()),
            }
        }
        let proven = ClientAuthenticated { metadata: client.metadata };
        if matches {
            return Step::done((ctx, proven));
        }
        if slow.is_empty() {
            return refuse(Reason::ClientSecretWrong);
        }
        verify_secret(secret, slow).then(move |matches| {
            if matches {
                Step::done((ctx, proven))
            } else {
                Step::stop(Refusal::from(Reason::ClientSecretWrong).by(&id))
            }
        })
    })
}
