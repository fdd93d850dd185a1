//! The loop that answers a flow's needs.

use grantor_core::flow::Context;
use grantor_core::record::{Kind, RecordKey, Under, Version, Write};
use grantor_core::replay::{Call, Outcome};
use grantor_core::step::{CommitOutcome, JwsHeader, SigningKey, Step};
use grantor_core::{Event, Time};
use grantor_store::{Page, PutOutcome};

use crate::engine::Engine;
use crate::error::{EngineError, Fault};
use crate::observer::Operation;
use crate::recorder::{Ending, Noting};

impl Engine {
    /// Runs a flow to its end, and tells the observer how it ended.
    pub(crate) async fn drive<T: Send + 'static>(
        &self,
        operation: Operation,
        flow: Step<T>,
    ) -> Result<T, EngineError> {
        let ended = self.answer_all(flow, self.now()).await;
        self.told(operation, ended)
    }

    /// Runs a flow that came from outside, noted where somebody records, and tells the observer how it ended: also where
    /// the refusal is part of an answer.
    pub(crate) async fn run<R: Clone, T: Outcome + Send + 'static>(
        &self,
        operation: Operation,
        request: R,
        call: impl FnOnce(R) -> Call,
        flow: impl FnOnce(Context, R) -> Step<T>,
    ) -> Result<T, EngineError> {
        let ctx = self.context();
        let now = ctx.now;
        let Some(recorder) = &self.parts.recorder else {
            let ended = self.answer_all(flow(ctx, request), now).await;
            return self.told_of(operation, self.told(operation, ended));
        };
        let noting = Noting::begin(&ctx, call(request.clone()));
        let ended = self.drive(operation, noting.watch(flow(ctx, request))).await;
        let ending = Ending::of(&ended);
        if recorder.wants(operation, ending) {
            recorder.record(operation, noting.ended(ending));
        }
        self.told_of(operation, ended)
    }

    fn told_of<T: Outcome>(
        &self,
        operation: Operation,
        ended: Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        if let Some(refusal) = ended.as_ref().ok().and_then(Outcome::refusal) {
            self.parts.observer.refused(operation, refusal);
        }
        ended
    }

    /// Tells the observer how a call ended that did not end well.
    pub(crate) fn told<T>(
        &self,
        operation: Operation,
        ended: Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        match &ended {
            Ok(_) | Err(EngineError::InvalidClient(_)) => {}
            Err(EngineError::Refused(refusal)) => self.parts.observer.refused(operation, refusal),
            Err(EngineError::Fault(fault)) => {
                if matches!(fault, Fault::Store(_)) {
                    self.parts.registrations.distrust();
                }
                self.parts.observer.failed(operation, fault);
            }
        }
        ended
    }

    /// Part of the list of keys, with a fault told.
    pub(crate) async fn list(
        &self,
        under: &Under,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Page, EngineError> {
        let page = self.parts.store.list(under, after, limit).await;
        self.told(Operation::Administer, page.map_err(Into::into))
    }

    /// `now` is when it began.
    async fn answer_all<T: Send + 'static>(&self, mut step: Step<T>, now: Time) -> Result<T, EngineError> {
        let parts = &*self.parts;
        let mut unsettled: Option<(Version, Vec<Event>)> = None;
        loop {
            step = match step {
                Step::Load(need) => {
                    let found = parts.store.get(need.key()).await?;
                    need.answer(found)
                }
                Step::Registration(need) => {
                    let found = parts.registrations.find(&*parts.store, need.client(), now).await?;
                    need.answer(found)
                }
                Step::Commit(need) => {
                    let (Write { first, put }, events, need) = need.into_parts();
                    let version = put.version;
                    let changing = (put.key.kind() == Kind::Client).then(|| parts.registrations.changing());
                    let outcome = if first.is_empty() {
                        parts.store.put(put).await
                    } else {
                        parts.store.put_after(first, put).await
                    };
                    drop(changing);
                    match outcome {
                        PutOutcome::Applied => {
                            self.tell(&events);
                            need.answer(CommitOutcome::Applied)
                        }
                        PutOutcome::Conflict => need.answer(CommitOutcome::Conflict),
                        PutOutcome::NotApplied(error) => return Err(error.into()),
                        PutOutcome::Unknown(error) => {
                            tracing::warn!(%error, "the outcome of a write is unknown; reading it back");
                            unsettled = Some((version, events));
                            need.answer(CommitOutcome::Unknown)
                        }
                    }
                }
                Step::Settle(need) => {
                    let stands = parts.store.get(need.key()).await?.map(|stored| stored.version);
                    if let Some((version, events)) = unsettled.take()
                        && stands == Some(version)
                    {
                        self.tell(&events);
                    }
                    need.answer(stands)
                }
                Step::VerifySecret(need) => {
                    let matches = parts.secrets.matches(need.presented(), need.hashes()).await?;
                    need.answer(matches)
                }
                Step::Sign(need) => {
                    let JwsHeader { typ, key } = need.header();
                    let jws = match key {
                        SigningKey::Published => {
                            let signed = parts.keys.ring().sign_json(typ, need.payload(), self.now());
                            signed.map_err(Fault::Keys)?
                        }
                        SigningKey::Shared { .. } => self.shared_key().sign_json(typ, need.payload()),
                    };
                    self.tell(need.events());
                    need.answer(jws)
                }
                Step::VerifyJws(need) => {
                    let (JwsHeader { typ, key }, compact) = (need.header(), need.compact().expose());
                    // A key that another process took out, or that went with a store which came back empty and has forgotten
                    // every revocation, is not believed until the next upkeep but from now on.
                    parts.keys.reload(&*parts.store, parts.algorithm, self.now()).await?;
                    let payload = match key {
                        SigningKey::Published => parts.keys.ring().verify(compact, typ, self.now()),
                        SigningKey::Shared { .. } => self.shared_key().verify(compact, typ),
                    };
                    need.answer(payload.ok())
                }
                Step::Done(end) => return end.map_err(Into::into),
            };
        }
    }

    fn tell(&self, events: &[Event]) {
        for event in events {
            self.parts.observer.happened(event);
        }
    }
}
