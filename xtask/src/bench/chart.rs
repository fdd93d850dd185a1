//! The charts, as SVG that reads in light and in dark.

use std::fmt::Write as _;

use serde_json::Value;

use crate::failure::Outcome;

use super::plan::{Endpoint, Kind, SUBJECTS, Subject};
use super::report::{figure, usual};
use super::tally::{Figure, Sample, number, si};

/// Colours by who is shown: what is ours, what bounds it, and what others do.
const STYLE: &str = "\
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 13px }
.floor { fill: #8c959f; stroke: #8c959f } .ours { fill: #0969da; stroke: #0969da } .other { fill: #bf8700; stroke: #bf8700 }
.range { stroke: #1f2328; stroke-width: 1.5 } .axis { stroke: #d0d7de } .line { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.floor { fill: #6e7681; stroke: #6e7681 } .ours { fill: #4493f8; stroke: #4493f8 } .other { fill: #d29922; stroke: #d29922 }
.range { stroke: #e6edf3 } .axis { stroke: #3d444d }
}";

const BAR: f64 = 16.0;
const STEP: f64 = 20.0;
const LABELS: f64 = 190.0;
const BARS: f64 = 560.0;
const WIDTH: f64 = LABELS + BARS + 90.0;

/// Bars for each endpoint: the median, with a line from the least to the most.
pub(super) fn rates(samples: &[Sample]) -> String {
    let connections = usual(samples);
    let (mut drawn, mut top) = (String::new(), 10.0);
    for endpoint in Endpoint::ALL {
        let figures: Vec<(Subject, Figure)> = SUBJECTS
            .into_iter()
            .filter_map(|subject| {
                Some((subject, figure(samples, subject, endpoint, connections, Sample::rate)?))
            })
            .collect();
        let most = figures.iter().map(|(_, figure)| figure.most).fold(0.0, f64::max);
        if most <= 0.0 {
            continue;
        }
        top += 24.0;
        put(
            &mut drawn,
            &format!(r#"<text class="title" x="10" y="{top:.0}">{}</text>"#, escaped(endpoint.title())),
        );
        top += 8.0;
        for (subject, figure) in figures {
            bar(&mut drawn, subject, figure, most, top);
            top += STEP;
        }
    }
    let label = format!("Operations per second of processor time by endpoint, {connections} connections");
    whole(WIDTH, top + 10.0, &label, &drawn)
}

fn bar(drawn: &mut String, subject: Subject, figure: Figure, most: f64, top: f64) {
    let at = |value: f64| LABELS + BARS * value / most;
    let (middle, text) = (top + BAR / 2.0, top + BAR - 4.0);
    let (end, least, far) = (at(figure.median), at(figure.least), at(figure.most));
    let class = class_of(subject);
    put(
        drawn,
        &format!(
            r#"<text x="{:.0}" y="{text:.0}" text-anchor="end">{}</text>"#,
            LABELS - 8.0,
            escaped(subject.title)
        ),
    );
    put(
        drawn,
        &format!(
            r#"<rect class="{class}" x="{LABELS:.0}" y="{top:.0}" width="{:.1}" height="{BAR:.0}"/>"#,
            end - LABELS
        ),
    );
    put(
        drawn,
        &format!(r#"<line class="range" x1="{least:.1}" y1="{middle:.0}" x2="{far:.1}" y2="{middle:.0}"/>"#),
    );
    put(drawn, &format!(r#"<text x="{:.1}" y="{text:.0}">{}</text>"#, far.max(end) + 6.0, si(figure.median)));
}

const PLOT_HEIGHT: f64 = 300.0;
const LEFT: f64 = 60.0;
const PLOT: f64 = 520.0;

/// What a token costs over how many there are, each ten times as many a step to the right.
pub(super) fn growth(stages: &[Value]) -> Outcome<String> {
    let mut lines: Vec<(Subject, Vec<(f64, f64)>)> = Vec::new();
    for subject in SUBJECTS {
        let own =
            stages.iter().filter(|stage| stage.get("subject").and_then(Value::as_str) == Some(subject.name));
        let points = own.map(|stage| Ok((number(stage, "live")?.log10(), number(stage, "token_cpu_us")?)));
        let points = points.collect::<Outcome<Vec<_>>>()?;
        if !points.is_empty() {
            lines.push((subject, points));
        }
    }
    let all = || lines.iter().flat_map(|(_, points)| points);
    let most = all().map(|(_, cost)| *cost).fold(1.0, f64::max);
    let (first, last) = (
        all().map(|(live, _)| *live).fold(f64::MAX, f64::min),
        all().map(|(live, _)| *live).fold(0.0, f64::max),
    );
    let across = |live: f64| LEFT + PLOT * (live - first) / (last - first).max(0.1);
    let down = |cost: f64| 20.0 + PLOT_HEIGHT * (1.0 - cost / most);
    let mut drawn = String::new();
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (cost, y) = (most * part, down(most * part));
        put(
            &mut drawn,
            &format!(
                r#"<line class="axis" x1="{LEFT:.0}" y1="{y:.0}" x2="{:.0}" y2="{y:.0}"/>"#,
                LEFT + PLOT
            ),
        );
        put(
            &mut drawn,
            &format!(
                r#"<text x="{:.0}" y="{:.0}" text-anchor="end">{cost:.0} µs</text>"#,
                LEFT - 6.0,
                y + 4.0
            ),
        );
    }
    let mut ends = Vec::new();
    for (subject, points) in &lines {
        let path: Vec<_> =
            points.iter().map(|(live, cost)| format!("{:.1},{:.1}", across(*live), down(*cost))).collect();
        put(
            &mut drawn,
            &format!(
                r#"<polyline class="{} line" style="fill:none" points="{}"/>"#,
                class_of(*subject),
                path.join(" ")
            ),
        );
        if let Some((live, cost)) = points.last() {
            ends.push((down(*cost), across(*live), subject.title));
        }
    }
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Each name below the one before, where lines end close together.
    let mut lowest = 0.0_f64;
    for (y, x, title) in ends {
        lowest = (y + 4.0).max(lowest + 14.0);
        put(&mut drawn, &format!(r#"<text x="{:.0}" y="{lowest:.0}">{}</text>"#, x + 8.0, escaped(title)));
    }
    if let Some((_, points)) = lines.first() {
        for (live, _) in points {
            let text = si(10_f64.powf(*live));
            put(
                &mut drawn,
                &format!(
                    r#"<text x="{:.0}" y="{:.0}" text-anchor="middle">{text}</text>"#,
                    across(*live),
                    PLOT_HEIGHT + 40.0
                ),
            );
        }
    }
    let label = "Microseconds of processor time for a token, by how many are live";
    put(
        &mut drawn,
        &format!(r#"<text class="title" x="{LEFT:.0}" y="{:.0}">{label}</text>"#, PLOT_HEIGHT + 62.0),
    );
    Ok(whole(LEFT + PLOT + 190.0, PLOT_HEIGHT + 74.0, label, &drawn))
}

fn class_of(subject: Subject) -> &'static str {
    match subject.kind {
        Kind::Floor(_) => "floor",
        Kind::Grantor(_) => "ours",
        Kind::Peer(..) => "other",
    }
}

fn whole(width: f64, height: f64, label: &str, drawn: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{}\">\n\
         <style>{STYLE}</style>\n{drawn}</svg>\n",
        escaped(label)
    )
}

fn put(drawn: &mut String, element: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(drawn, "{element}");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_who_was_not_measured_has_none() {
        let sample = |subject: &str, operations: f64| Sample {
            subject: subject.to_owned(),
            endpoint: "token".to_owned(),
            connections: 16,
            operations,
            seconds: 1.0,
            cpu_seconds: 1.0,
            p50_us: 1.0,
            p99_us: 1.0,
            p999_us: 1.0,
            idle_bytes: 1.0,
            peak_bytes: 1.0,
        };
        let drawn = rates(&[sample("floor-memory", 100.0), sample("grantor-memory", 50.0)]);
        assert!(drawn.contains(r#"class="floor" x="190" y="42" width="560.0""#), "{drawn}");
        assert!(drawn.contains(r#"class="ours" x="190" y="62" width="280.0""#), "{drawn}");
        assert_eq!(drawn.matches("<rect").count(), 2);
    }

    #[test]
    fn a_line_goes_through_every_stage() {
        let stage = |live: u64, cost: f64| serde_json::json!({ "subject": "floor-memory", "live": live, "token_cpu_us": cost });
        let drawn = growth(&[stage(1000, 10.0), stage(10_000, 20.0)]).unwrap();
        assert!(drawn.contains(r#"points="60.0,170.0 580.0,20.0""#), "{drawn}");
    }
}
