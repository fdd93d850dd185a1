//! Pictures of clients.

use grantor_core::record::{Expect, Put, Version};
use grantor_core::step::{Step, commit, load};
use grantor_core::{Actor, ClientId, ClientLogo, Event, Picture};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::Operation;
use crate::surroundings::entropy;

impl Engine {
    /// Gives a client a picture, or none. Tells whether there is such a client.
    ///
    /// # Errors
    /// A fault.
    pub async fn set_logo(&self, id: &ClientId, picture: Option<Picture>) -> Result<bool, EngineError> {
        self.show(id, picture, &Actor::Operator).await
    }

    pub(crate) async fn show(
        &self,
        id: &ClientId,
        picture: Option<Picture>,
        by: &Actor,
    ) -> Result<bool, EngineError> {
        let found = self.read_client(id).await?;
        if !found.is_some_and(|found| self.may_change(by, &found.record)) {
            return Ok(false);
        }
        let tag = picture.as_ref().map(Picture::tag);
        let is_shown = tag.is_some();
        // The picture first: the registration says which one counts, so until it names this one there is none.
        if is_shown {
            self.keep_logo(id, picture).await?;
        }
        let event = |client, by| Event::ClientChanged { client, by };
        let changed = self.change_client(id, by, event, |c| Ok(c.with_logo(tag.clone()))).await?;
        if changed.is_none() || !is_shown {
            self.keep_logo(id, None).await?;
        }
        Ok(changed.is_some())
    }

    /// A client's picture, if it has one. Costs two reads, or one if it has none.
    ///
    /// # Errors
    /// A fault.
    pub async fn logo(&self, id: &ClientId) -> Result<Option<Picture>, EngineError> {
        let client = self.read_client(id).await?.map(|found| found.record);
        let Some(tag) = client.as_ref().and_then(|client| client.logo()) else { return Ok(None) };
        let found = self.drive(Operation::Administer, load(ClientLogo::key(id)).then(Step::done)).await?;
        let picture = found.and_then(|found| found.record.picture);
        // Another one is on its way, or was not let pass.
        Ok(picture.filter(|picture| picture.tag() == *tag))
    }

    /// Keeps a picture, or has the store forget the one it keeps. A race is lost to whoever keeps another.
    pub(crate) async fn keep_logo(&self, id: &ClientId, picture: Option<Picture>) -> Result<(), EngineError> {
        let (key, now) = (ClientLogo::key(id), self.now());
        let kept = load(key.clone()).then(move |found| {
            let keep_until = if picture.is_some() { None } else { Some(now) };
            let expect = match found {
                Some(found) => Expect::Version(found.version),
                None if picture.is_none() => return Step::done(()),
                None => Expect::Absent,
            };
            let record = ClientLogo::new(picture);
            let put = Put::of(&key, expect, Version::draw(&mut entropy()), &record, keep_until);
            commit(put, Vec::new()).then(|_| Step::done(()))
        });
        self.drive(Operation::Administer, kept).await
    }
}
