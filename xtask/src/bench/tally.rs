//! From single measurements to figures: medians, how far they spread, and how people read numbers.

use serde_json::Value;

use crate::failure::{Failure, Outcome};

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) subject: String,
    pub(super) endpoint: String,
    pub(super) connections: u64,
    pub(super) operations: f64,
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
    pub(super) idle_bytes: f64,
    pub(super) peak_bytes: f64,
}

impl Sample {
    pub(super) fn of(value: &Value) -> Outcome<Self> {
        let text = |name: &str| {
            let text = value.get(name).and_then(Value::as_str);
            text.map(str::to_owned).ok_or_else(|| Failure::new(format!("a sample without {name}: {value}")))
        };
        let sample = Self {
            subject: text("subject")?,
            endpoint: text("endpoint")?,
            connections: value.get("connections").and_then(Value::as_u64).unwrap_or_default(),
            operations: number(value, "operations")?,
            seconds: number(value, "seconds")?,
            cpu_seconds: number(value, "cpu_seconds")?,
            p50_us: number(value, "p50_us")?,
            p99_us: number(value, "p99_us")?,
            p999_us: number(value, "p999_us")?,
            idle_bytes: number(value, "idle_memory_bytes")?,
            peak_bytes: number(value, "peak_memory_bytes")?,
        };
        // A server that took no time was not measured.
        match sample.cpu_seconds > 0.0 && sample.operations > 0.0 {
            true => Ok(sample),
            false => Err(Failure::new(format!("a measurement too short to tell anything: {value}"))),
        }
    }

    /// Operations for each second of the server's processor time.
    pub(super) fn rate(&self) -> f64 {
        self.operations / self.cpu_seconds
    }
}

/// A number of a result.
pub(super) fn number(value: &Value, name: &str) -> Outcome<f64> {
    let number = value.get(name).and_then(Value::as_f64);
    number.ok_or_else(|| Failure::new(format!("a result without {name}: {value}")))
}

/// Several measurements of one thing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figure {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Figure {
    /// None, where nothing was measured.
    pub(super) fn of(numbers: impl Iterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<f64> = numbers.collect();
        numbers.sort_by(f64::total_cmp);
        let (least, most) = (*numbers.first()?, *numbers.last()?);
        let (below, above) = ((numbers.len() - 1) / 2, numbers.len() / 2);
        let median = f64::midpoint(*numbers.get(below)?, *numbers.get(above)?);
        Some(Self { median, least, most })
    }

    /// Half the way from the least to the most, as a part of the median.
    pub(super) fn spread(&self) -> f64 {
        (self.most - self.least) / 2.0 / self.median
    }

    /// As people read it, with how far it spreads.
    pub(super) fn shown(&self) -> String {
        match self.least < self.most {
            true => format!("{} ±{:.0}%", si(self.median), 100.0 * self.spread()),
            false => si(self.median),
        }
    }
}

/// Three digits that mean something, and a letter for thousands or millions.
pub(super) fn si(number: f64) -> String {
    let (short, letter) = match number {
        n if n >= 999_500.0 => (n / 1e6, "M"),
        n if n >= 999.5 => (n / 1e3, "k"),
        n => (n, ""),
    };
    let digits = match short {
        n if n >= 99.95 => 0,
        n if n >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{short:.digits$}");
    // Whole numbers below a thousand are counts.
    let whole = letter.is_empty() && text.contains('.') && number.fract() == 0.0;
    if whole { format!("{number}") } else { format!("{text}{letter}") }
}

/// Bytes, in what people count memory in.
pub(super) fn mebibytes(bytes: f64) -> String {
    let mebibytes = bytes / 1_048_576.0;
    if mebibytes < 9.95 { format!("{mebibytes:.1} MiB") } else { format!("{mebibytes:.0} MiB") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_the_spread_half_the_range() {
        let figure = Figure::of([3.0, 1.0, 2.0].into_iter()).unwrap();
        assert_eq!(figure, Figure { median: 2.0, least: 1.0, most: 3.0 });
        assert!((figure.spread() - 0.5).abs() < 1e-9);
        assert_eq!(Figure::of([1.0, 2.0].into_iter()).map(|figure| figure.median), Some(1.5));
        assert_eq!(Figure::of([].into_iter()), None);
        assert_eq!(figure.shown(), "2 ±50%");
    }

    #[test]
    fn numbers_have_three_digits() {
        let cases = [
            (0.5, "0.50"),
            (7.0, "7"),
            (12.34, "12.3"),
            (999.4, "999"),
            (999.6, "1.00k"),
            (1234.0, "1.23k"),
            (99_960.0, "100k"),
            (999_600.0, "1.00M"),
        ];
        for (number, text) in cases {
            assert_eq!(si(number), text);
        }
    }

    #[test]
    fn what_was_not_measured_is_no_sample() {
        let value = |cpu: f64| {
            serde_json::json!({
                "subject": "a", "endpoint": "token", "connections": 1, "operations": 10, "seconds": 1.0, "cpu_seconds": cpu,
                "p50_us": 1, "p99_us": 1, "p999_us": 1, "idle_memory_bytes": 1, "peak_memory_bytes": 1,
            })
        };
        assert!((Sample::of(&value(2.0)).unwrap().rate() - 5.0).abs() < 1e-9);
        assert!(Sample::of(&value(0.0)).is_err());
        assert!(Sample::of(&serde_json::json!({})).is_err());
    }
}
