//! When something was, as people read it.

use serde::Serialize;

/// A moment to the minute, in UTC: a server does not know where a person's clock stands, and says which clock it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// For machines, as in `2026-01-31T14:05Z`.
    pub machine: String,
    /// For people, as in `2026-01-31 14:05 UTC`.
    pub text: String,
}

impl Moment {
    /// The moment of a time in UTC as RFC 3339 writes it, of whatever precision.
    pub fn of(rfc3339: &str) -> Self {
        let minute: String = rfc3339.chars().take("2026-01-31T14:05".len()).collect();
        Self { text: format!("{} UTC", minute.replace('T', " ")), machine: minute + "Z" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_to_the_minute_and_by_which_clock() {
        let moment = Moment::of("2026-01-31T14:05:59.999Z");
        assert_eq!(
            (moment.machine.as_str(), moment.text.as_str()),
            ("2026-01-31T14:05Z", "2026-01-31 14:05 UTC")
        );
    }
}
