//! Runs of flows, for whoever wants to look at them later.

use std::sync::{Arc, Mutex, PoisonError};

use grantor_core::Refusal;
use grantor_core::flow::Context;
use grantor_core::replay::{Call, End, Outcome, Run};
use grantor_core::step::{Answered, Step};

use crate::error::{EngineError, Fault};
use crate::observer::Operation;

/// Is given runs of flows that came from outside, for bundles: see [`grantor_core::replay`].
///
/// An engine that has none notes nothing, and pays nothing. One that has notes what each flow is asked and answered, which
/// costs a copy of that and an allocation for each need.
pub trait Recorder: Send + Sync + 'static {
    /// Whether to be given the run that ended so. It must not block.
    fn wants(&self, operation: Operation, ending: Ending<'_>) -> bool;

    /// Takes a run. It holds secrets, and there is nothing to be done with it but [`Run::bundle`], which takes as long as
    /// the flow's own computations three times over: it must not block, so a server does that on a thread of its own.
    fn record(&self, operation: Operation, run: Run);
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub enum Ending<'a> {
    /// Well.
    Answered,
    /// Refused by a rule, whether the caller or the client's page is told.
    Refused(&'a Refusal),
    /// The server could not do its work.
    Failed(&'a Fault),
}

impl<'a> Ending<'a> {
    pub(crate) fn of<T: Outcome>(ended: &'a Result<T, EngineError>) -> Self {
        match ended {
            Ok(outcome) => outcome.refusal().map_or(Ending::Answered, Ending::Refused),
            Err(EngineError::Refused(refusal)) => Ending::Refused(refusal),
            Err(EngineError::Fault(fault)) => Ending::Failed(fault),
            // No flow ends so: it is what an operator is told of a registration.
            Err(EngineError::InvalidClient(_)) => Ending::Answered,
        }
    }

    fn end(self) -> End {
        match self {
            Ending::Answered => End::Answered,
            Ending::Refused(refusal) => End::Refused(refusal.clone()),
            Ending::Failed(Fault::Flow(fault)) => End::Fault(fault.word()),
            Ending::Failed(Fault::Store(_)) => End::Cut("store"),
            Ending::Failed(Fault::Keys(_)) => End::Cut("signing keys"),
            Ending::Failed(Fault::Hash(_)) => End::Cut("slow hash"),
        }
    }
}

/// A run that is being noted. In a box, so that the future of a call is no larger where nobody records.
pub(crate) struct Noting {
    run: Box<Run>,
    answers: Arc<Mutex<Vec<Answered>>>,
}

impl Noting {
    pub(crate) fn begin(ctx: &Context, call: Call) -> Self {
        let (profile, key, now) = (ctx.profile.clone(), ctx.key.clone(), ctx.now);
        let run = Run { profile, key, now, call, answers: Vec::new(), end: End::Answered };
        Self { run: Box::new(run), answers: Arc::default() }
    }

    /// The same flow, noted.
    pub(crate) fn watch<T: 'static>(&self, flow: Step<T>) -> Step<T> {
        let answers = self.answers.clone();
        flow.watched(move |answer| answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer))
    }

    pub(crate) fn ended(self, ending: Ending<'_>) -> Run {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner));
        Run { answers, end: ending.end(), ..*self.run }
    }
}
