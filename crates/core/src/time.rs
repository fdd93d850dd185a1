//! Points in time and spans of it. The core never reads a clock: every rule takes `now` as an argument.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, to the millisecond, in UTC: the milliseconds since the Unix epoch, as records hold it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

/// What a calendar can tell of.
const FIRST: i64 = DateTime::<Utc>::MIN_UTC.timestamp_millis();
const LAST: i64 = DateTime::<Utc>::MAX_UTC.timestamp_millis();

impl Time {
    /// Later than any clock will be. What ends then has no end, and nobody is told of one.
    pub const NEVER: Time = Time(LAST);

    /// The end that this is, if it is one.
    pub fn unless_never(self) -> Option<Time> {
        (self < Time::NEVER).then_some(self)
    }

    /// The time `millis` milliseconds after the Unix epoch; out of chrono's range, the nearest end of it.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(if millis < FIRST {
            FIRST
        } else if millis > LAST {
            LAST
        } else {
            millis
        })
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch: the `NumericDate` of RFC 7519, section 2.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The last whole second up to it. [`Time::NEVER`] stays what it is.
    #[must_use]
    pub fn whole_second(self) -> Self {
        match self.unless_never() {
            Some(_) => Self::from_unix_millis(self.unix_seconds().saturating_mul(1000)),
            None => self,
        }
    }

    /// Whole seconds from `now` to here, never negative: what `expires_in` of RFC 6749 reports.
    pub fn seconds_after(self, now: Time) -> u64 {
        u64::try_from((self.unix_millis().saturating_sub(now.unix_millis())) / 1000).unwrap_or(0)
    }
}

impl From<DateTime<Utc>> for Time {
    fn from(at: DateTime<Utc>) -> Self {
        // What a record cannot hold must not exist in memory either, or a reload would change it.
        Self::from_unix_millis(at.timestamp_millis())
    }
}

impl From<Time> for DateTime<Utc> {
    fn from(at: Time) -> Self {
        // Within the calendar, by how it was made.
        DateTime::from_timestamp_millis(at.0).unwrap_or_default()
    }
}

impl Add<Lifetime> for Time {
    type Output = Time;

    fn add(self, span: Lifetime) -> Time {
        if span == Lifetime::FOREVER {
            return Time::NEVER;
        }
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Time::from_unix_millis(self.unix_millis().saturating_add(millis))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&DateTime::<Utc>::from(*self).to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.unix_millis())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Self::from_unix_millis)
    }
}

/// A span of time, at most a hundred years. Written `90s`, `15m`, `1h`, `30d`, or `0` where nothing is meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lifetime(u64);

impl Lifetime {
    /// No time at all.
    pub const ZERO: Lifetime = Lifetime(0);
    /// No end. What is added to it is [`Time::NEVER`].
    pub const FOREVER: Lifetime = Lifetime(u64::MAX);
    const MAX_MILLIS: u64 = 100 * 366 * 86_400 * 1000;

    /// A span of so many seconds; more than a hundred years are cut to that.
    pub const fn seconds(seconds: u64) -> Self {
        let millis = seconds.saturating_mul(1000);
        Self(if millis > Self::MAX_MILLIS { Self::MAX_MILLIS } else { millis })
    }

    /// The span in milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The span in whole seconds.
    pub const fn as_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The span as the standard library's type, for timers outside the core.
    pub const fn as_duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, InvalidLifetime> {
        let invalid = || InvalidLifetime(text.chars().take(40).collect());
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at_checked(digits).ok_or_else(invalid)?;
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let seconds = match unit {
            "s" => Some(number),
            "m" => number.checked_mul(60),
            "h" => number.checked_mul(3600),
            "d" => number.checked_mul(86_400),
            "" if number == 0 => Some(0),
            _ => None,
        };
        seconds.filter(|s| *s <= Self::MAX_MILLIS / 1000).map(Self::seconds).ok_or_else(invalid)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_seconds() {
            0 => f.write_str("0"),
            s if s % 86_400 == 0 => write!(f, "{}d", s / 86_400),
            s if s % 3600 == 0 => write!(f, "{}h", s / 3600),
            s if s % 60 == 0 => write!(f, "{}m", s / 60),
            s => write!(f, "{s}s"),
        }
    }
}

impl fmt::Debug for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A [`Lifetime`] in a file, where `never` is [`Lifetime::FOREVER`].
pub(crate) mod or_never {
    use super::{Deserialize, Deserializer, Lifetime, Serializer};

    pub(crate) fn serialize<S: Serializer>(span: &Lifetime, serializer: S) -> Result<S::Ok, S::Error> {
        if *span == Lifetime::FOREVER {
            serializer.serialize_str("never")
        } else {
            serializer.collect_str(span)
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Lifetime, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        if text == "never" { Ok(Lifetime::FOREVER) } else { text.parse().map_err(serde::de::Error::custom) }
    }
}

/// The same where `never` is none.
pub(crate) mod optional {
    use super::{Deserializer, Lifetime, Serializer, or_never};

    // The signature is serde's.
    #[allow(clippy::ref_option)]
    pub(crate) fn serialize<S: Serializer>(
        span: &Option<Lifetime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        or_never::serialize(&span.unwrap_or(Lifetime::FOREVER), serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Lifetime>, D::Error> {
        or_never::deserialize(deserializer).map(|span| (span != Lifetime::FOREVER).then_some(span))
    }
}

impl Serialize for Lifetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is no [`Lifetime`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidLifetime(String);

impl fmt::Display for InvalidLifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no time span: write a whole number and s, m, h or d, as in \"60s\" or \"30d\"",
            self.0
        )
    }
}

impl std::error::Error for InvalidLifetime {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_read_and_print() {
        for text in ["1s", "90s", "1m", "1h", "30d", "0"] {
            assert_eq!(text.parse::<Lifetime>().unwrap().to_string(), text);
        }
        for text in ["", "1", "s", "1w", "-1s", "1.5h", "99999999999d", "18446744073709551616s", "1 s", "é"]
        {
            assert!(text.parse::<Lifetime>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_never_overflows_time() {
        let end = Time::from_unix_millis(i64::MAX);
        assert!(end + Lifetime::seconds(u64::MAX) >= end);
        for end in [i64::MIN, i64::MAX].map(Time::from_unix_millis) {
            assert_eq!(Time::from_unix_millis(end.unix_millis()), end, "the ends survive storing");
        }
        assert_eq!(Time::from_unix_millis(0).seconds_after(end), 0);
    }
}
