//! Whether a subject may still be given tokens.

use serde::{Deserialize, Serialize};

use crate::ids::SubjectId;
use crate::record::{Format, Key, Kind, Record};
use crate::time::Time;

/// A subject's standing. **Whoever has no such record is in good standing**, so an embedder who knows no suspension
/// writes none.
///
/// Suspending somebody writes this first and then revokes his grants one by one. Every flow that gives first tokens for a
/// person reads it after the grant became findable, so no grant escapes both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    v: Format<1>,
    state: StandingState,
    since: Time,
}

/// What a standing says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandingState {
    /// The subject was suspended once and is no more. Records are not taken back, so this is written instead.
    Good,
    /// No token may be given to the subject.
    Suspended,
}

impl Record for Standing {
    const KIND: Kind = Kind::Standing;
}

impl Standing {
    /// A standing that holds from `since` on.
    pub fn new(state: StandingState, since: Time) -> Self {
        Self { v: Format, state, since }
    }

    /// Where the standing of `subject` lies.
    pub fn key(subject: &SubjectId) -> Key<Standing> {
        Key::of(subject.as_str())
    }

    /// Since when.
    pub fn since(&self) -> Time {
        self.since
    }

    /// Whether it denies the subject all tokens.
    pub fn is_suspended(&self) -> bool {
        match self.state {
            StandingState::Suspended => true,
            StandingState::Good => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{decode, encode};

    #[test]
    fn the_record_is_as_it_was() {
        let since = Time::from_unix_millis(1_700_000_000_000);
        for (state, body) in [
            (StandingState::Suspended, r#"{"v":1,"state":"suspended","since":1700000000000}"#),
            (StandingState::Good, r#"{"v":1,"state":"good","since":1700000000000}"#),
        ] {
            let standing = Standing::new(state, since);
            assert_eq!(String::from_utf8(encode(&standing)).unwrap(), body);
            let key = Standing::key(&SubjectId::parse("alice").unwrap());
            assert_eq!(key.raw().to_string(), "standing/alice");
            assert_eq!(decode::<Standing>(key.raw(), body.as_bytes()).unwrap(), standing);
        }
    }
}
