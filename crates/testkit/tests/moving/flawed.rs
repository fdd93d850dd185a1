//! A live move in as few lines as it takes; or, with a flaw, not quite one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under, Version, decode, encode};
use grantor_store::{CopyState, MovedHere, Page, PutOutcome, Store, StoreError, StoreInfo};

/// A way to move a deployment and lose something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The mark is read before the second store, so that a promotion can come between.
    ReadsTheMarkFirst,
    /// The first store is read before the second, so that an old value can be carried over a newer one.
    ReadsTheFirstFirst,
    /// A put is acknowledged once the first store has it.
    AcknowledgesTooEarly,
    /// A get gives what the first store has.
    GetsWithoutComparing,
    /// What is carried over replaces whatever stands.
    CarriesBlindly,
    /// A put that met the promotion says `Conflict` of what may still be carried over.
    SaysConflictAtTheEnd,
    /// Whoever goes on with the second store alone does not say so.
    PromotesWithoutTheMark,
}

impl Flaw {
    pub(crate) const ALL: [Flaw; 7] = [
        Flaw::ReadsTheMarkFirst,
        Flaw::ReadsTheFirstFirst,
        Flaw::AcknowledgesTooEarly,
        Flaw::GetsWithoutComparing,
        Flaw::CarriesBlindly,
        Flaw::SaysConflictAtTheEnd,
        Flaw::PromotesWithoutTheMark,
    ];
}

/// Both stores as one.
pub(crate) struct Flawed {
    pub(crate) first: Arc<dyn Store>,
    pub(crate) second: Arc<dyn Store>,
    pub(crate) flaw: Option<Flaw>,
    pub(crate) second_leads: AtomicBool,
}

enum Followed {
    Given(Option<Stored>),
    SecondLeads,
}

type Answer<T> = Result<T, StoreError>;

impl Flawed {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn leads(&self) -> bool {
        self.second_leads.load(Ordering::Relaxed)
    }

    async fn ask_who_leads(&self) -> Answer<bool> {
        let leads = mark(&*self.second).await?.0.state == CopyState::Leading;
        self.second_leads.fetch_or(leads, Ordering::Relaxed);
        Ok(leads)
    }

    async fn follow(&self, key: &RecordKey) -> Answer<Followed> {
        for _ in 0..100 {
            if self.has(Flaw::ReadsTheMarkFirst) && self.ask_who_leads().await? {
                return Ok(Followed::SecondLeads);
            }
            let early =
                if self.has(Flaw::ReadsTheFirstFirst) { Some(self.first.get(key).await?) } else { None };
            let mut standing = self.second.get(key).await?;
            let wanted = match early {
                Some(early) => early,
                None => self.first.get(key).await?,
            };
            if !self.has(Flaw::ReadsTheMarkFirst) && self.ask_who_leads().await? {
                return Ok(Followed::SecondLeads);
            }
            let Some(wanted) = wanted else { return Ok(Followed::Given(None)) };
            if standing.as_ref().map(|standing| standing.version) == Some(wanted.version) {
                return Ok(Followed::Given(Some(wanted)));
            }
            if self.has(Flaw::CarriesBlindly) {
                standing = self.second.get(key).await?;
            }
            let expect = standing.map_or(Expect::Absent, |standing| Expect::Version(standing.version));
            let Stored { version, body, keep_until } = wanted.clone();
            match self.second.put(Put { key: key.clone(), expect, version, body, keep_until }).await {
                PutOutcome::Applied => return Ok(Followed::Given(Some(wanted))),
                PutOutcome::Conflict => {}
                PutOutcome::NotApplied(error) | PutOutcome::Unknown(error) => return Err(error),
            }
        }
        Err(StoreError::Unavailable("contended".to_owned()))
    }

    /// One walk over everything, and then the mark; whether that made the copy complete.
    pub(crate) async fn copy(&self, version: Version) -> Answer<bool> {
        let (mut here, found) = mark(&*self.second).await?;
        if here.state != CopyState::Copying {
            return Ok(true);
        }
        let page = self.first.list(&Under::Kind(Kind::Grant), None, 100).await?;
        for key in &page.keys {
            self.follow(key).await?;
        }
        here.state = CopyState::Complete;
        let key = MovedHere::key().raw().clone();
        let put = Put { key, expect: Expect::Version(found), version, body: encode(&here), keep_until: None };
        Ok(matches!(self.second.put(put).await, PutOutcome::Applied))
    }
}

/// What the mark says, and its version.
pub(crate) async fn mark(second: &dyn Store) -> Answer<(MovedHere, Version)> {
    let key = MovedHere::key();
    let lost = || StoreError::Corrupt("no mark".to_owned());
    let stored = second.get(key.raw()).await?.ok_or_else(lost)?;
    Ok((decode(key.raw(), &stored.body).map_err(|_| lost())?, stored.version))
}

#[async_trait]
impl Store for Flawed {
    async fn get(&self, key: &RecordKey) -> Answer<Option<Stored>> {
        if self.leads() {
            return self.second.get(key).await;
        }
        let first = self.first.get(key).await?;
        if self.has(Flaw::GetsWithoutComparing) && !self.ask_who_leads().await? {
            return Ok(first);
        }
        let second = self.second.get(key).await?;
        if first == second {
            return Ok(first);
        }
        match self.follow(key).await? {
            Followed::Given(stored) => Ok(stored),
            Followed::SecondLeads => self.second.get(key).await,
        }
    }

    async fn put(&self, put: Put) -> PutOutcome {
        if self.leads() {
            return self.second.put(put).await;
        }
        let (key, version) = (put.key.clone(), put.version);
        match self.first.put(put.clone()).await {
            PutOutcome::Applied if self.has(Flaw::AcknowledgesTooEarly) => PutOutcome::Applied,
            PutOutcome::Applied => match self.follow(&key).await {
                Ok(Followed::Given(_)) => PutOutcome::Applied,
                Ok(Followed::SecondLeads) => match self.second.get(&key).await {
                    Ok(Some(stored)) if stored.version == version => PutOutcome::Applied,
                    Ok(_) if self.has(Flaw::SaysConflictAtTheEnd) => PutOutcome::Conflict,
                    Ok(_) => PutOutcome::Unknown(StoreError::Unavailable("promoted meanwhile".to_owned())),
                    Err(error) => PutOutcome::Unknown(error),
                },
                Err(error) => PutOutcome::Unknown(error),
            },
            PutOutcome::Conflict => match self.follow(&key).await {
                Ok(Followed::Given(_)) => PutOutcome::Conflict,
                Ok(Followed::SecondLeads) => self.second.put(put).await,
                Err(error) => PutOutcome::NotApplied(error),
            },
            PutOutcome::NotApplied(error) => PutOutcome::NotApplied(error),
            PutOutcome::Unknown(error) => PutOutcome::Unknown(error),
        }
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Answer<Page> {
        self.first.list(under, after, limit).await
    }

    async fn purge(&self, before: Time, limit: usize) -> Answer<usize> {
        self.first.purge(before, limit).await
    }

    async fn info(&self) -> Answer<StoreInfo> {
        self.first.info().await
    }
}
