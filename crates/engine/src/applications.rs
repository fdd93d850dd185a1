//! Applications under numbers.

use grantor_core::client::{Client, ClientMetadata, SecretSummary};
use grantor_core::record::{Expect, Put, RecordKey, Version};
use grantor_core::step::{Committed, Step, commit, load};
use grantor_core::{Application, Secret, SecretHash};

use crate::clients::Registered;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::Operation;
use crate::surroundings::entropy;

/// How many are listed at a time.
const PAGE: usize = 200;

/// A client and its number at a profile.
pub struct NumberedClient {
    /// The number, which no other client of this profile has or will have.
    pub number: u64,
    /// The client.
    pub client: Registered,
}

impl Engine {
    /// Registers a client under a new id and the next number of this profile, and tells both and its secret.
    ///
    /// The number is given first. Where the registration fails after that, the number is worth nothing, and is not given
    /// again either.
    ///
    /// # Errors
    /// [`EngineError::InvalidClient`] if the profile cannot serve it, or a fault.
    pub async fn register_application(
        &self,
        metadata: ClientMetadata,
    ) -> Result<(NumberedClient, Option<Secret>), EngineError> {
        // What is refused costs no number.
        let any = SecretHash::of_strong(&Secret::new(""));
        Client::register(metadata.clone(), Some(any), self.profile(), self.now())?;
        let metadata = ClientMetadata { client_id: self.new_client_id()?, ..metadata };
        let number = self.take_number(&Application::new(metadata.client_id.clone())).await?;
        let secret = self.register_client(metadata.clone(), None).await?;
        let registered_at = self.now();
        let secrets = vec![SecretSummary { created_at: registered_at, expires_at: None }];
        let client = Registered { metadata, registered_at, secret: None, secrets, logo: None };
        Ok((NumberedClient { number, client }, secret))
    }

    /// The client that has a number at this profile, unless it was deleted.
    ///
    /// # Errors
    /// A fault.
    pub async fn application(&self, number: u64) -> Result<Option<NumberedClient>, EngineError> {
        let Some(application) = self.numbered(number).await? else { return Ok(None) };
        let client = self.registered(&application.client_id).await?;
        Ok(client.map(|client| NumberedClient { number, client }))
    }

    /// Every client that has a number at this profile, by number. Costs two reads for each.
    ///
    /// # Errors
    /// A fault.
    pub async fn applications(&self) -> Result<Vec<NumberedClient>, EngineError> {
        let under = Application::under(&self.profile().name);
        let (mut found, mut after) = (Vec::new(), None::<RecordKey>);
        loop {
            let page = self.list(&under, after.as_ref(), PAGE).await?;
            for number in page.keys.iter().filter_map(Application::number) {
                found.extend(self.application(number).await?);
            }
            after = page.keys.into_iter().next_back().filter(|_| page.more);
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Gives the next number. Whoever loses a race takes the one after.
    async fn take_number(&self, application: &Application) -> Result<u64, EngineError> {
        let mut number = self.first_free().await?;
        loop {
            let key = Application::key(&self.profile().name, number);
            let version = Version::draw(&mut entropy());
            let put = commit(Put::of(&key, Expect::Absent, version, application, None), Vec::new());
            let taken = put.then(|committed| Step::done(committed == Committed::Yes));
            if self.drive(Operation::Administer, taken).await? {
                return Ok(number);
            }
            number = number.saturating_add(1);
        }
    }

    /// The lowest number that nobody has. They are given without a gap, so it is found by halves.
    async fn first_free(&self) -> Result<u64, EngineError> {
        let mut free = 1;
        while self.numbered(free).await?.is_some() {
            free = free.saturating_mul(2);
        }
        // Whatever is at or below `taken` is taken, and `free` is free.
        let mut taken = free / 2;
        while free - taken > 1 {
            let middle = taken + (free - taken) / 2;
            if self.numbered(middle).await?.is_some() { taken = middle } else { free = middle }
        }
        Ok(free)
    }

    async fn numbered(&self, number: u64) -> Result<Option<Application>, EngineError> {
        let found = load(Application::key(&self.profile().name, number));
        let found = found.then(|found| Step::done(found.map(|found| found.record)));
        self.drive(Operation::Administer, found).await
    }
}
