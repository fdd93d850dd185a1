//! Charts: drawn as SVG, with what is to be read beside them as HTML. An SVG is as wide as there is room, and a text within
//! it would shrink with it; so its axes and its legend are texts of the page. They need no script, and the same numbers
//! stand below as a table.

use std::fmt::{self, Write as _};

use askama::filters::{Escaper as _, Html, HtmlSafe};

use crate::words::Words;

/// What a chart is drawn on. It is stretched to the room there is, its lines are not.
const WIDTH: u64 = 600;
const HEIGHT: u64 = 200;

/// A chart as HTML.
#[derive(Default)]
pub(crate) struct Chart(String);

impl HtmlSafe for Chart {}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a chart shows.
pub(crate) struct Plot<'a> {
    /// The chart in words.
    pub(crate) said: &'a str,
    /// What is counted, or measured: the axis that goes up.
    pub(crate) up: &'a str,
    /// The axis along: what it is, and what each place on it is called.
    pub(crate) along: &'a str,
    pub(crate) places: Vec<String>,
    pub(crate) series: Vec<Series<'a>>,
    /// Places that are marked over their whole height, and what that means.
    pub(crate) marked: Option<(&'a str, Vec<bool>)>,
    pub(crate) style: Style,
    /// How a value is written.
    pub(crate) number: fn(u64) -> String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Bars, one series upon the other.
    Bars,
    /// Lines over one another.
    Lines,
}

/// A row of values, one for each place; where there is none, a line is broken.
pub(crate) struct Series<'a> {
    pub(crate) name: &'a str,
    /// What the legend says beside the name.
    pub(crate) note: String,
    pub(crate) values: Vec<Option<u64>>,
}

impl Plot<'_> {
    pub(crate) fn draw(&self, words: &Words) -> Chart {
        let mut chart = Chart::default();
        chart.raw("<figure class=\"plot\"><figcaption>").escaped(self.said).raw("</figcaption>\n");
        self.legend(&mut chart);
        let most = axis(self.most());
        chart.raw("<p class=\"axis\">").escaped(self.up).raw("</p>\n<div class=\"frame\" dir=\"ltr\">");
        chart.raw("<div class=\"up\" aria-hidden=\"true\">");
        for value in [most, most / 2, 0] {
            chart.raw("<span>").escaped(&(self.number)(value)).raw("</span>");
        }
        chart.raw("</div>");
        self.picture(&mut chart, most);
        chart.raw("<div class=\"along\" aria-hidden=\"true\">");
        // As many as have room on the narrowest screen.
        let last = self.places.len().saturating_sub(1);
        for place in [0, last].into_iter().take(self.places.len()).filter_map(|at| self.places.get(at)) {
            chart.raw("<span>").escaped(place).raw("</span>");
        }
        chart.raw("</div></div>\n<p class=\"axis end\">").escaped(self.along).raw("</p>\n");
        self.table(&mut chart, words);
        chart.raw("</figure>\n");
        chart
    }

    /// The highest that anything reaches.
    fn most(&self) -> u64 {
        let height = |at: usize| {
            let all = self.series.iter().filter_map(|series| series.values.get(at).copied().flatten());
            match self.style {
                Style::Bars => all.fold(0, u64::saturating_add),
                Style::Lines => all.max().unwrap_or(0),
            }
        };
        (0..self.places.len()).map(height).max().unwrap_or(0)
    }

    /// What is drawn how. One row of bars says what it is by its axis.
    fn legend(&self, chart: &mut Chart) {
        if self.series.len() < 2 && self.marked.is_none() {
            return;
        }
        let dash = if self.style == Style::Lines { " line" } else { "" };
        chart.raw("<ul class=\"legend\">");
        for (which, series) in self.series.iter().enumerate() {
            chart.raw(&format!("<li><i class=\"key k{which}{dash}\"></i><span>")).escaped(series.name);
            chart.raw(" <strong>").escaped(&series.note).raw("</strong></span></li>");
        }
        if let Some((name, places)) = &self.marked {
            let count = places.iter().filter(|marked| **marked).count();
            chart.raw("<li><i class=\"key mark\"></i><span>").escaped(name);
            chart.raw(&format!(" <strong>{count}</strong></span></li>"));
        }
        chart.raw("</ul>\n");
    }

    fn picture(&self, chart: &mut Chart, most: u64) {
        let half = HEIGHT / 2;
        chart.raw(&format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\""
        ));
        chart.escaped(self.said).raw(&format!(
            "\"><path class=\"grid-line\" d=\"M0 0H{WIDTH}M0 {half}H{WIDTH}M0 {HEIGHT}H{WIDTH}\"/>"
        ));
        let slot = slot(self.places.len());
        for (at, _) in self.marked.iter().flat_map(|(_, all)| all.iter().enumerate()).filter(|(_, m)| **m) {
            let (x, wide) = (at as u64 * slot / 100, (slot / 100).max(1));
            chart.raw(&format!(
                "<rect class=\"mark\" x=\"{x}\" y=\"0\" width=\"{wide}\" height=\"{HEIGHT}\"/>"
            ));
        }
        match self.style {
            Style::Bars => self.bars(chart, most, slot),
            Style::Lines => self.lines(chart, most, slot),
        }
        chart.raw("</svg>");
    }

    fn bars(&self, chart: &mut Chart, most: u64, slot: u64) {
        let mut grounds = vec![0; self.places.len()];
        for (which, series) in self.series.iter().enumerate() {
            let bars = series.values.iter().zip(&mut grounds).enumerate();
            for (at, (value, ground)) in bars {
                let Some(value) = value.filter(|value| *value > 0) else { continue };
                // What is not nought can be seen.
                let height = scaled(value, most).max(2);
                *ground = (*ground + height).min(HEIGHT);
                let (x, y, wide) = (at as u64 * slot / 100, HEIGHT - *ground, (slot * 8 / 1000).max(1));
                chart.raw(&format!(
                    "<rect class=\"k{which}\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{height}\"/>"
                ));
            }
        }
    }

    fn lines(&self, chart: &mut Chart, most: u64, slot: u64) {
        for (which, series) in self.series.iter().enumerate() {
            let (mut path, mut pen_is_down) = (String::new(), false);
            for (at, value) in series.values.iter().enumerate() {
                if let Some(value) = value {
                    let (x, y) = ((at as u64 * slot + slot / 2) / 100, HEIGHT - scaled(*value, most));
                    // A point alone is a line of no length with round ends. Writing to a String cannot fail.
                    let _ = if pen_is_down { write!(path, "L{x} {y}") } else { write!(path, "M{x} {y}h0") };
                }
                pen_is_down = value.is_some();
            }
            chart.raw(&format!("<path class=\"k{which} line\" d=\"{path}\"/>"));
        }
    }

    /// The same for whoever would rather read it.
    fn table(&self, chart: &mut Chart, words: &Words) {
        chart.raw("<details><summary>").escaped(words.page.as_table.as_str());
        chart.raw("<span class=\"hidden\">: ").escaped(self.said).raw("</span></summary>\n");
        chart.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"").escaped(self.said);
        chart.raw("\"><table>\n<thead><tr><th scope=\"col\">").escaped(self.along).raw("</th>");
        for name in self.series.iter().map(|series| series.name).chain(self.marked.iter().map(|(n, _)| *n)) {
            chart.raw("<th scope=\"col\" class=\"number\">").escaped(name).raw("</th>");
        }
        chart.raw("</tr></thead>\n<tbody>\n");
        for (at, place) in self.places.iter().enumerate() {
            chart.raw("<tr><th scope=\"row\">").escaped(place).raw("</th>");
            for series in &self.series {
                let value = series.values.get(at).copied().flatten();
                let value = value.map_or_else(|| "–".to_owned(), |value| (self.number)(value));
                chart.raw("<td class=\"number\">").escaped(&value).raw("</td>");
            }
            if let Some((_, all)) = &self.marked {
                let is = all.get(at).is_some_and(|marked| *marked);
                let said = if is { &words.page.yes } else { &words.page.no };
                chart.raw("<td class=\"number\">").escaped(said.as_str()).raw("</td>");
            }
            chart.raw("</tr>\n");
        }
        chart.raw("</tbody>\n</table></div>\n</details>\n");
    }
}

impl Chart {
    fn raw(&mut self, html: &str) -> &mut Self {
        self.0.push_str(html);
        self
    }

    fn escaped(&mut self, text: &str) -> &mut Self {
        let _ = Html.write_escaped_str(&mut self.0, text);
        self
    }
}

/// How much of the width one of so many has, in hundredths.
fn slot(count: usize) -> u64 {
    WIDTH * 100 / (count.max(1) as u64)
}

/// How high a value is, where the axis is as high as there is room.
fn scaled(value: u64, most: u64) -> u64 {
    u64::try_from(u128::from(value) * u128::from(HEIGHT) / u128::from(most.max(1))).unwrap_or(HEIGHT)
}

/// Where an axis ends that has room for this value: a round number, whose half is a whole one.
fn axis(most: u64) -> u64 {
    let mut unit: u64 = 1;
    loop {
        let round = [2, 4, 6, 8, 10].map(|n| unit.saturating_mul(n)).into_iter().find(|top| *top >= most);
        match round {
            Some(top) => return top,
            None => unit = unit.saturating_mul(10),
        }
    }
}

/// A time in microseconds, as people read it.
pub(crate) fn micros(micros: u64) -> String {
    let (whole, tenths, unit) = match micros {
        0 => return "0".to_owned(),
        1..1_000 => (micros, 0, "µs"),
        1_000..1_000_000 => (micros / 1_000, micros % 1_000 / 100, "ms"),
        _ => (micros / 1_000_000, micros % 1_000_000 / 100_000, "s"),
    };
    if tenths == 0 { format!("{whole} {unit}") } else { format!("{whole}.{tenths} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(style: Style, rows: &[&[Option<u64>]], marked: Option<Vec<bool>>) -> String {
        let languages = Words::ours();
        let count = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let names = ["first", "second"];
        let plot = Plot {
            said: "<b>",
            up: "How many",
            along: "When",
            places: (0..count).map(|n| format!("12:0{n}")).collect(),
            series: rows
                .iter()
                .zip(names)
                .map(|(row, name)| Series { name, note: String::new(), values: row.to_vec() })
                .collect(),
            marked: marked.map(|all| ("away", all)),
            style,
            number: |n| n.to_string(),
        };
        plot.draw(languages.pick(None, None).words()).to_string()
    }

    #[test]
    fn bars_stand_upon_one_another_and_nought_is_not_drawn() {
        let chart = drawn(Style::Bars, &[&[Some(0), Some(5), Some(10)], &[None, Some(5), Some(0)]], None);
        assert_eq!(chart.matches("<rect").count(), 3);
        for bar in [
            r#"class="k0" x="200" y="100" width="160" height="100""#,
            r#"class="k1" x="200" y="0" width="160" height="100""#,
            r#"class="k0" x="400" y="0" width="160" height="200""#,
        ] {
            assert!(chart.contains(bar), "{bar}: {chart}");
        }
        assert!(chart.contains("aria-label=\"&#60;b&#62;\"") && !chart.contains("<b>\""), "{chart}");
        assert!(drawn(Style::Bars, &[&[]], None).contains("<svg"));
        assert!(drawn(Style::Bars, &[&[Some(u64::MAX), Some(1)]], None).contains("height=\"2\""));
    }

    #[test]
    fn a_line_is_broken_where_there_is_no_value() {
        let chart = drawn(Style::Lines, &[&[Some(1), Some(2), None, Some(2)]], None);
        assert!(chart.contains(r#"d="M75 100h0L225 0M525 0h0""#), "{chart}");
    }

    #[test]
    fn axes_legend_and_table_are_texts_of_the_page_and_not_of_the_picture() {
        let chart = drawn(Style::Lines, &[&[Some(3), None], &[Some(1), Some(2)]], Some(vec![false, true]));
        assert!(!chart.contains("<text"), "what is within the picture shrinks with it");
        for said in [
            "<span>4</span><span>2</span><span>0</span>",
            "<span>12:00</span><span>12:01</span>",
            "<p class=\"axis\">How many</p>",
            "<p class=\"axis end\">When</p>",
            "<i class=\"key k1 line\"></i><span>second",
            "<i class=\"key mark\"></i><span>away <strong>1</strong>",
            "<tr><th scope=\"row\">12:01</th><td class=\"number\">–</td><td class=\"number\">2</td><td class=\"number\">yes</td></tr>",
        ] {
            assert!(chart.contains(said), "{said}: {chart}");
        }
        assert!(chart.contains(r#"<rect class="mark" x="300" y="0" width="300" height="200"/>"#), "{chart}");
    }

    #[test]
    fn an_axis_ends_at_a_round_number_with_a_whole_half() {
        for (most, top) in [(0, 2), (1, 2), (3, 4), (9, 10), (11, 20), (61, 80), (1_719, 2_000)] {
            assert_eq!(axis(most), top, "{most}");
        }
        assert_eq!(axis(u64::MAX), u64::MAX);
    }

    #[test]
    fn times_are_told_in_their_unit() {
        for (value, told) in
            [(0, "0"), (999, "999 µs"), (1_250, "1.2 ms"), (12_000, "12 ms"), (2_500_000, "2.5 s")]
        {
            assert_eq!(micros(value), told);
        }
    }
}
