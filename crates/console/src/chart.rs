//! Small charts as SVG. They need no script, and say in words what they show.

use std::fmt::{self, Write as _};

use askama::filters::{Escaper as _, Html, HtmlSafe};

const WIDTH: usize = 600;
const HEIGHT: usize = 120;
/// What stands above the highest value: its number.
const TOP: usize = 16;

/// A chart as HTML.
#[derive(Default)]
pub(crate) struct Chart(String);

impl HtmlSafe for Chart {}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A line of a chart: what it is, and its values; where there is none, the line is broken.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) values: Vec<Option<u64>>,
}

impl Chart {
    /// A bar for each value. `said` is the chart in words, for who does not see it.
    pub(crate) fn bars(values: &[u64], said: &str) -> Self {
        let most = values.iter().copied().max().unwrap_or(0);
        let mut chart = Self::begin(said, &most.to_string());
        let slot = slot(values.len());
        for (at, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
            let height = scaled(*value, most).max(1);
            let (x, y, wide) = (at * slot / 100, HEIGHT - height, (slot * 8 / 1000).max(1));
            // Writing to a String cannot fail.
            let _ =
                write!(chart.0, r#"<rect class="bar" x="{x}" y="{y}" width="{wide}" height="{height}"/>"#);
        }
        chart.end(&[], said)
    }

    /// Lines over one another. `number` writes a value.
    pub(crate) fn lines(lines: &[Line<'_>], number: impl Fn(u64) -> String, said: &str) -> Self {
        let most = lines.iter().flat_map(|line| line.values.iter().flatten()).copied().max().unwrap_or(0);
        let mut chart = Self::begin(said, &number(most));
        for (which, line) in lines.iter().enumerate() {
            let slot = slot(line.values.len());
            let dashes = if which == 0 { "" } else { r#" stroke-dasharray="5 3""# };
            let mut path = String::new();
            let mut pen_is_down = false;
            for (at, value) in line.values.iter().enumerate() {
                if let Some(value) = value {
                    let (x, y) = (at * slot / 100, HEIGHT - scaled(*value, most));
                    // A point alone is a line of one width.
                    let _ = if pen_is_down { write!(path, "L{x} {y}") } else { write!(path, "M{x} {y}h1") };
                }
                pen_is_down = value.is_some();
            }
            let _ = write!(chart.0, r#"<path class="line" d="{path}"{dashes}/>"#);
        }
        let names: Vec<&str> = lines.iter().map(|line| line.name).collect();
        chart.end(&names, said)
    }

    fn begin(said: &str, most: &str) -> Self {
        let mut chart = Self::default();
        let _ = write!(
            chart.0,
            r#"<figure><svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label=""#
        );
        chart.escaped(said);
        let _ = write!(
            chart.0,
            r#""><path class="axis" d="M0 {HEIGHT}H{WIDTH}M0 {TOP}H{WIDTH}"/><text x="0" y="11">"#
        );
        chart.escaped(most);
        chart.0.push_str("</text>");
        chart
    }

    /// What it shows stands below it, too; of lines, each with how it is drawn.
    fn end(mut self, names: &[&str], said: &str) -> Self {
        self.0.push_str("</svg><figcaption class=\"note\">");
        self.escaped(said);
        for (which, name) in names.iter().enumerate() {
            self.0.push_str(if which == 0 { " — " } else { " · - - " });
            self.escaped(name);
        }
        self.0.push_str("</figcaption></figure>");
        self
    }

    fn escaped(&mut self, text: &str) {
        let _ = Html.write_escaped_str(&mut self.0, text);
    }
}

/// How much of the width one of so many has, in hundredths.
fn slot(count: usize) -> usize {
    WIDTH * 100 / count.max(1)
}

/// How high a value is, where the highest is as high as there is room.
fn scaled(value: u64, most: u64) -> usize {
    let room = (HEIGHT - TOP) as u64;
    usize::try_from(value.saturating_mul(room) / most.max(1)).unwrap_or(0)
}

/// A time in microseconds, as people read it.
pub(crate) fn micros(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        _ => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_value_is_as_high_as_there_is_room_and_nought_is_not_drawn() {
        let chart = Chart::bars(&[0, 5, 10], "<b>").to_string();
        assert_eq!(chart.matches("<rect").count(), 2);
        assert!(chart.contains(r#"x="400" y="16" width="160" height="104""#), "{chart}");
        assert!(chart.contains(r#"x="200" y="68" width="160" height="52""#), "{chart}");
        assert!(chart.contains("aria-label=\"&#60;b&#62;\""), "{chart}");
        assert!(Chart::bars(&[], "").to_string().contains("<svg"));
        assert!(Chart::bars(&[u64::MAX, 1], "").to_string().contains("height=\"1\""));
    }

    #[test]
    fn a_line_is_broken_where_there_is_no_value() {
        let values = vec![Some(1), Some(2), None, Some(2)];
        let chart = Chart::lines(&[Line { name: "p50", values }], micros, "").to_string();
        assert!(chart.contains(r#"d="M0 68h1L150 16M450 16h1""#), "{chart}");
        assert!(chart.contains("2 µs") && chart.contains("p50"));
    }

    #[test]
    fn times_are_told_in_their_unit() {
        for (value, told) in
            [(0, "0 µs"), (999, "999 µs"), (1_250, "1.2 ms"), (12_000, "12.0 ms"), (2_500_000, "2.5 s")]
        {
            assert_eq!(micros(value), told);
        }
    }
}
