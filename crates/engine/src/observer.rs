//! Who is told what happened.

use std::sync::Arc;

use grantor_core::{Event, Refusal};

use crate::error::Fault;

/// What was asked of the engine, for logs and figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// A request for tokens.
    Token,
    /// An authorization request.
    Authorize,
    /// A person's decision.
    Decide,
    /// An introspection.
    Introspect,
    /// A revocation.
    Revoke,
    /// A token check at a resource.
    Check,
    /// Work of an operator.
    Administer,
}

/// Is told what happened, once it stands. It must not block.
pub trait Observer: Send + Sync + 'static {
    /// Something was written.
    fn happened(&self, event: &Event);

    /// A rule refused a request.
    fn refused(&self, operation: Operation, refusal: &Refusal);

    /// The server could not do its work.
    fn failed(&self, operation: Operation, fault: &Fault);
}

/// Several observers as one: each is told everything, in this order.
pub struct All(pub Vec<Arc<dyn Observer>>);

impl Observer for All {
    fn happened(&self, event: &Event) {
        self.0.iter().for_each(|observer| observer.happened(event));
    }

    fn refused(&self, operation: Operation, refusal: &Refusal) {
        self.0.iter().for_each(|observer| observer.refused(operation, refusal));
    }

    fn failed(&self, operation: Operation, fault: &Fault) {
        self.0.iter().for_each(|observer| observer.failed(operation, fault));
    }
}

/// Tells `tracing`, under the target `grantor::audit`: what is [routine](Event::is_routine) at DEBUG, all else at INFO, faults
/// at ERROR. No secret is in any event or refusal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tracing;

impl Observer for Tracing {
    fn happened(&self, event: &Event) {
        // Written out only where somebody listens.
        let told = || serde_json::to_string(event).unwrap_or_default();
        if event.is_routine() {
            tracing::debug!(target: "grantor::audit", event = told(), "happened");
        } else {
            tracing::info!(target: "grantor::audit", event = told(), "happened");
        }
    }

    fn refused(&self, operation: Operation, refusal: &Refusal) {
        tracing::info!(
            target: "grantor::audit",
            ?operation,
            reason = refusal.reason.name(),
            error = refusal.code().as_str(),
            parameter = refusal.parameter,
            client = refusal.client.as_ref().map(tracing::field::display),
            grant = refusal.grant.as_ref().map(tracing::field::display),
            looked_at = refusal.told().map(tracing::field::display),
            "refused"
        );
    }

    fn failed(&self, operation: Operation, fault: &Fault) {
        tracing::error!(target: "grantor::audit", ?operation, %fault, "failed");
    }
}
