//! Applications that people register themselves. **Whatever its owner asks for, an application gets no more than the
//! profile's `registration_by_users` lets it have, or than an operator gave it**, and what is somebody else's is not there.

use grantor_core::client::{ClientMetadata, InvalidClient};
use grantor_core::{Actor, ClientDraft, ClientId, Event, Lifetime, Picture, Secret, SubjectId};

use crate::clients::Registered;
use crate::engine::Engine;
use crate::error::EngineError;

impl Engine {
    /// Registers an application for a user. A confidential one gets a secret, which is returned this once. The id is one of
    /// [`Engine::new_client_id`]: who asks twice for the same is refused the second time, by the field `client_id`.
    ///
    /// # Errors
    /// [`EngineError::InvalidClient`] if this profile lets him register none, or none more, or not such a one, or a fault.
    pub async fn register_owned(
        &self,
        owner: &SubjectId,
        is_admin: bool,
        id: ClientId,
        draft: ClientDraft,
    ) -> Result<Option<Secret>, EngineError> {
        let profile = self.profile();
        if !profile.registration_by_users.permits(profile, is_admin) {
            return Err(refused("people do not register applications here").into());
        }
        let metadata = draft.register(id, owner.clone(), profile)?;
        let most = profile.limits.clients_per_owner;
        if self.owns(owner, most).await? {
            return Err(refused(&format!("nobody has more than {most} applications")).into());
        }
        self.register(metadata, None, &Actor::Owner(owner.clone())).await
    }

    /// Whether a user owns so many clients, of whatever profile.
    async fn owns(&self, owner: &SubjectId, most: usize) -> Result<bool, EngineError> {
        let (mut owned, mut after) = (0, None);
        loop {
            let page = self.clients_of(owner, after.as_ref(), most).await?;
            owned += page.clients.len();
            after = page.next;
            if owned >= most || after.is_none() {
                return Ok(owned >= most);
            }
        }
    }

    /// An application of this profile that a user owns.
    ///
    /// # Errors
    /// A fault.
    pub async fn owned(&self, owner: &SubjectId, id: &ClientId) -> Result<Option<Registered>, EngineError> {
        Ok(self.registered(id).await?.filter(|client| client.metadata.owner.as_ref() == Some(owner)))
    }

    /// Changes an application at its owner's wish. `None` if he has no such application.
    ///
    /// # Errors
    /// [`EngineError::InvalidClient`] if it asks for too much, or the profile cannot serve it so, or a fault.
    pub async fn update_owned(
        &self,
        owner: &SubjectId,
        id: &ClientId,
        draft: ClientDraft,
    ) -> Result<Option<ClientMetadata>, EngineError> {
        let event = |client, by| Event::ClientChanged { client, by };
        let changed = self
            .change_client(id, &Actor::Owner(owner.clone()), event, |client| {
                let metadata = draft.clone().update(client.metadata.clone(), self.profile())?;
                client.update(metadata, self.profile())
            })
            .await?;
        Ok(changed.map(|changed| changed.client.metadata))
    }

    /// Gives an application a new secret at its owner's wish, as [`Engine::rotate_client_secret`] does.
    ///
    /// # Errors
    /// [`EngineError::InvalidClient`] if it is public or an API key, or a fault.
    pub async fn rotate_owned_secret(
        &self,
        owner: &SubjectId,
        id: &ClientId,
        overlap: Lifetime,
    ) -> Result<Option<Secret>, EngineError> {
        self.rotate_secret(id, overlap, &Actor::Owner(owner.clone())).await
    }

    /// Deletes an application at its owner's wish, as [`Engine::delete_client`] does.
    ///
    /// # Errors
    /// A fault.
    pub async fn delete_owned(&self, owner: &SubjectId, id: &ClientId) -> Result<bool, EngineError> {
        self.delete(id, &Actor::Owner(owner.clone())).await
    }

    /// Gives an application a picture, or none, at its owner's wish, as [`Engine::set_logo`] does.
    ///
    /// # Errors
    /// A fault.
    pub async fn set_owned_logo(
        &self,
        owner: &SubjectId,
        id: &ClientId,
        picture: Option<Picture>,
    ) -> Result<bool, EngineError> {
        self.show(id, picture, &Actor::Owner(owner.clone())).await
    }
}

fn refused(why: &str) -> InvalidClient {
    InvalidClient { field: "owner", why: why.to_owned() }
}
