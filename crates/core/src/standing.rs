//! Whether a subject may still be given tokens.

use serde::{Deserialize, Serialize};

use crate::ids::SubjectId;
use crate::record::{Format, Key, Kind, Record};
use crate::time::Time;

/// A subject's standing. Most have no such record: then all is well.
///
/// It is written *before* the subject's grants are revoked one by one. Since every flow that gives a person's first
/// tokens reads it after the grant became findable, no grant escapes both.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    v: Format<1>,
    /// Since when the subject is suspended; absent once it was let back in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suspended_at: Option<Time>,
}

impl Record for Standing {
    const KIND: Kind = Kind::Standing;
}

impl Standing {
    /// Where a subject's standing lies.
    pub fn key(subject: &SubjectId) -> Key<Standing> {
        Key::of(subject.as_str())
    }

    /// The standing of a subject that may have no tokens.
    pub fn suspended(now: Time) -> Self {
        Self { v: Format, suspended_at: Some(now) }
    }

    /// The standing of a subject that was let back in.
    pub fn good() -> Self {
        Self { v: Format, suspended_at: None }
    }

    /// Whether the subject may have no tokens.
    pub fn is_suspended(&self) -> bool {
        self.suspended_at.is_some()
    }
}
