//! Figures and the audit trail: every event and refusal is counted by name, and told to the log.

use grantor_core::{Event, Refusal};
use grantor_directory::{DirectoryEvent, DirectoryObserver, DirectoryRefusal};
use grantor_engine::{Fault, Observer, Operation, Tracing};
use grantor_ledger::Ledger;
use metrics::Counter;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::failure::Failure;

/// Counts, and tells the log.
pub(crate) struct Counting {
    /// One counter for each event: to look it up by its name takes longer than to count.
    events: [Counter; Event::NAMES.len()],
}

impl Counting {
    /// Counts at zero. Only after [`begin`], or nobody reads them.
    pub(crate) fn new() -> Self {
        Self { events: Event::NAMES.map(|name| metrics::counter!("grantor_events_total", "event" => name)) }
    }
}

/// Begins to count; the handle gives the figures as Prometheus reads them.
pub(crate) fn begin() -> Result<PrometheusHandle, Failure> {
    let handle = PrometheusBuilder::new()
        .install_recorder()
        .map_err(|e| Failure::failed(format!("no figures can be kept: {e}")))?;
    metrics::describe_counter!("grantor_events_total", "What was written, by event.");
    metrics::describe_counter!("grantor_refusals_total", "Requests a rule refused, by operation and reason.");
    metrics::describe_counter!("grantor_faults_total", "Requests the server could not answer, by operation.");
    metrics::describe_counter!("grantor_records_purged_total", "Records removed long after they ended.");
    metrics::describe_counter!(
        "grantor_audit_entries_lost_total",
        "Entries of the audit trail that came faster than they could be written."
    );
    metrics::describe_counter!(
        "grantor_usage_tokens_uncounted_total",
        "Issued tokens that are in no client's usage."
    );
    crate::moving::describe();
    metrics::describe_gauge!("grantor_info", "1, with the version that runs.");
    metrics::gauge!("grantor_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

impl Observer for Counting {
    fn happened(&self, event: &Event) {
        if let Some(counter) = self.events.get(event.number()) {
            counter.increment(1);
        }
        Tracing.happened(event);
    }

    fn refused(&self, operation: Operation, refusal: &Refusal) {
        // Both labels come from closed lists, so strangers cannot make them grow.
        let reason = refusal.reason.name();
        metrics::counter!("grantor_refusals_total", "operation" => name(operation), "reason" => reason)
            .increment(1);
        Tracing.refused(operation, refusal);
    }

    fn failed(&self, operation: Operation, fault: &Fault) {
        metrics::counter!("grantor_faults_total", "operation" => name(operation)).increment(1);
        Tracing.failed(operation, fault);
    }
}

/// Counts, and tells the log and the audit trail, what happens to users.
pub(crate) struct People(pub(crate) Ledger);

impl DirectoryObserver for People {
    fn happened(&self, event: &DirectoryEvent) {
        metrics::counter!("grantor_events_total", "event" => event.name()).increment(1);
        if tracing::enabled!(target: "grantor::audit", tracing::Level::INFO) {
            let event = serde_json::to_string(event).unwrap_or_default();
            tracing::info!(target: "grantor::audit", %event, "happened");
        }
        DirectoryObserver::happened(&self.0, event);
    }

    fn refused(&self, refusal: &DirectoryRefusal) {
        let (operation, reason) = (refusal.operation(), refusal.reason());
        metrics::counter!("grantor_refusals_total", "operation" => operation, "reason" => reason)
            .increment(1);
        let user = refusal.user().map(tracing::field::display);
        tracing::info!(target: "grantor::audit", operation, reason, user, "refused");
        DirectoryObserver::refused(&self.0, refusal);
    }
}

fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::Token => "token",
        Operation::Authorize => "authorize",
        Operation::Decide => "decide",
        Operation::Introspect => "introspect",
        Operation::Revoke => "revoke",
        Operation::Check => "check",
        Operation::Administer => "administer",
    }
}
