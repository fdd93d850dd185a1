//! What is told of what operators do: by whom, what, and to what. It is told before it is done, so that nothing that was
//! done is missing; a deed that failed then is told as well.

use std::fmt;

use grantor_core::{AccountId, ClientId, GrantId, SubjectId, Time};
use grantor_ledger::{Entry, EntryKind};

use crate::api::Rooms;
use crate::caller::Caller;
use crate::problem::Problem;

/// To what something is done.
#[derive(Debug, Clone, Copy)]
pub(crate) enum On<'a> {
    Client(&'a ClientId),
    User(&'a SubjectId),
    Account(&'a AccountId),
    Grant(GrantId),
    /// What has a name that is no secret, and is none of these.
    Other(&'a dyn Name),
    /// What has no name.
    All,
}

/// A name that is no secret.
pub(crate) trait Name: fmt::Debug + fmt::Display + Send + Sync {}

impl<T: fmt::Debug + fmt::Display + Send + Sync> Name for T {}

impl fmt::Display for On<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            On::Client(id) => write!(f, "{id}"),
            On::User(subject) => write!(f, "{subject}"),
            On::Account(id) => write!(f, "{id}"),
            On::Grant(id) => write!(f, "{id}"),
            On::Other(name) => write!(f, "{name}"),
            On::All => f.write_str("all"),
        }
    }
}

impl Rooms {
    /// Tells what is about to be done, and writes it down. If that fails, it is not to be done.
    pub(crate) async fn note(&self, by: &Caller, act: &'static str, on: On<'_>) -> Result<(), Problem> {
        tracing::info!(target: "grantor::audit", %by, act, %on, "an operator acts");
        if let Some(ledger) = &self.ledger {
            ledger.record(entry(ledger.now(), by, act, on)).await?;
        }
        Ok(())
    }

    /// Tells what was looked at that not everybody may see. Whoever looks need not wait until it is written.
    pub(crate) fn note_look(&self, by: &Caller, act: &'static str, on: On<'_>) {
        tracing::info!(target: "grantor::audit", %by, act, %on, "an operator looks");
        if let Some(ledger) = &self.ledger {
            ledger.note(entry(ledger.now(), by, act, on));
        }
    }
}

fn entry(now: Time, by: &Caller, act: &'static str, on: On<'_>) -> Entry {
    let entry = Entry::new(EntryKind::OperatorActed, now).by(by.actor());
    match on {
        On::Client(id) => entry.client(id).detail(act),
        On::User(subject) => entry.subject(subject).detail(act),
        On::Account(id) => entry.account(id).detail(act),
        On::Grant(id) => entry.grant(id).detail(act),
        On::Other(name) => entry.detail(&format!("{act} {name}")),
        On::All => entry.detail(act),
    }
}
