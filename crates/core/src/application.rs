//! Applications under numbers, for services that count what is registered with them.

use serde::{Deserialize, Serialize};

use crate::ids::ClientId;
use crate::record::{Format, Key, Kind, Record, RecordKey, Under};

/// Which client has a number at a profile.
///
/// The numbers of a profile are given in order, from 1 and without a gap, each by one write that expects nothing there:
/// so no two clients share one. The record stays when the client is deleted, so a number is never given again; where
/// something failed between the two writes of a registration, it names a client that there never was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    v: Format<1>,
    /// The client.
    pub client_id: ClientId,
}

impl Record for Application {
    const KIND: Kind = Kind::Application;
}

impl Application {
    /// Where a number lies. As many digits for each, so that they are listed in order.
    pub fn key(profile: &str, number: u64) -> Key<Application> {
        Key::under(profile, &format!("{number:020}"))
    }

    /// The numbers of a profile.
    pub fn under(profile: &str) -> Under {
        Under::slot(Kind::Application, profile)
    }

    /// The number that a key is for.
    pub fn number(key: &RecordKey) -> Option<u64> {
        key.second()?.parse().ok()
    }

    /// A number for a client.
    pub fn new(client_id: ClientId) -> Self {
        Self { v: Format, client_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_sort_as_numbers() {
        let key = |number| Application::key("flex", number).raw().clone();
        assert_eq!(Application::number(&key(7)), Some(7));
        assert_eq!(Application::number(&key(u64::MAX)), Some(u64::MAX));
        assert!(key(9) < key(10) && key(99) < key(100));
    }
}
