//! Days, as usage is counted.

use std::fmt;
use std::str::FromStr;

use grantor_core::{InvalidId, Time};
use serde::{Serialize, Serializer};

const MILLIS: i64 = 86_400_000;

/// A day of the calendar, in UTC. Written `2026-11-28`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The day that a moment lies in.
    pub fn of(at: Time) -> Self {
        Self(at.unix_millis().div_euclid(MILLIS))
    }

    /// The day so many days before.
    #[must_use]
    pub fn before(self, days: u32) -> Self {
        Self(self.0.saturating_sub(i64::from(days)))
    }

    /// Its first moment.
    pub fn begin(self) -> Time {
        Time::from_unix_millis(self.0.saturating_mul(MILLIS))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // RFC 3339 has the date first.
        let whole = self.begin().to_string();
        f.write_str(whole.split('T').next().unwrap_or_default())
    }
}

impl FromStr for Day {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (Some(Some(year)), Some(Some(month)), Some(Some(day))) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidId);
        };
        let found = Self(days_from_civil(year, month, day));
        // What is no date, such as the 30th of February, would print as another.
        if found.to_string() == text { Ok(found) } else { Err(InvalidId) }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March, so that the odd day comes
/// last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year.clamp(-9999, 9999) - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month.clamp(1, 12) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day.clamp(1, 31) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_print_and_read_back_and_what_is_no_date_does_not() {
        for (day, text) in
            [(0, "1970-01-01"), (-1, "1969-12-31"), (19_782, "2024-02-29"), (20_785, "2026-11-28")]
        {
            assert_eq!(Day(day).to_string(), text);
            assert_eq!(text.parse(), Ok(Day(day)));
        }
        for day in (-40_000..60_000).step_by(97) {
            assert_eq!(Day(day).to_string().parse(), Ok(Day(day)));
        }
        for text in [
            "",
            "2026",
            "2026-11",
            "2026-02-30",
            "2026-13-01",
            "2026-1-1",
            "x-1-1",
            "2026-11-28T",
            "+2026-11-28",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_is_from_midnight_to_midnight() {
        let begin = "2026-11-28".parse::<Day>().unwrap().begin();
        assert_eq!(Day::of(begin), Day::of(Time::from_unix_millis(begin.unix_millis() + MILLIS - 1)));
        assert_eq!(Day::of(Time::from_unix_millis(begin.unix_millis() - 1)), Day::of(begin).before(1));
    }
}
