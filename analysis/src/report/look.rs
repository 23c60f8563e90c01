//! What the report takes from the figures: numbers as text, titles of axes, colors of solvers.
//!
//! The one place that knows the looks; the page repeats none of them.

use std::fmt::Write as _;

use converge_bench::study::Label;
use serde::Serialize;
use serde_json::{Value, json};

use crate::plot::{self, forest, number, style, text};
use crate::verdict::Verdict;

/// A number as text.
pub(super) fn shown(value: f64) -> String {
    number::as_characters(&number::short(value))
}

/// Estimate and interval of a verdict; the interval is empty where there is none.
pub(super) fn estimate(verdict: &Verdict) -> (String, String) {
    if verdict.estimate.is_infinite() {
        let interval = format!("[{}, {}]", shown(verdict.lower), shown(verdict.upper));
        return (shown(verdict.estimate), interval);
    }
    let text = number::as_characters(&forest::estimate(verdict));
    let (estimate, interval) = text.split_once(' ').unwrap_or((&text, ""));
    (estimate.to_owned(), interval.to_owned())
}

/// Where a claim holds, in words.
pub(super) fn holding(verdict: &Verdict) -> String {
    match forest::holding(verdict) {
        (low, high) if low.is_finite() && high.is_finite() => {
            format!("between {} and {}", shown(low), shown(high))
        }
        (low, _) if low.is_finite() => format!("above {}", shown(low)),
        (_, high) if high.is_finite() => format!("below {}", shown(high)),
        _ => String::new(),
    }
}

/// Title of an axis, its unit after a comma.
pub(super) fn title(column: &str, unit: &str) -> String {
    text::plain(&plot::title(column, unit))
}

/// Place of a curve among colors and dashes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Look {
    /// Color and marker: a place among [`style::LOOKS`], or one past them for grey.
    pub(super) color: usize,
    /// Dash: a place among [`style::DASHES`].
    pub(super) dash: usize,
}

/// Looks of curves in file order: colors by the solver's place in the paper, dashes by its place
/// and that of the curve among the curves of its solver.
pub(super) fn looks(labels: &[&Label], order: &[String]) -> Vec<Look> {
    let mut known: Vec<(&str, String)> = Vec::new();
    let mut looks = Vec::with_capacity(labels.len());
    for &label in labels {
        let name = label.curve();
        if !known.iter().any(|(_, known)| *known == name) {
            known.push((&label.solver, name.clone()));
        }
        let place = order.iter().position(|name| *name == label.solver).unwrap_or(order.len());
        let mut mine = known.iter().filter(|(solver, _)| *solver == label.solver);
        let variant = mine.position(|(_, known)| *known == name).unwrap_or(0);
        let dash = style::of(place, variant).1;
        let dash = style::DASHES.iter().position(|known| *known == dash).unwrap_or(0);
        looks.push(Look { color: place.min(style::LOOKS.len()), dash });
    }
    looks
}

/// Dashes in multiples of the line's width; corners and turn of markers, no corners for a disc.
pub(super) fn strokes() -> Value {
    let marker = |look: &style::Look| match look.marker {
        style::Marker::Circle => json!([0, 0]),
        style::Marker::Polygon(corners, turn) => json!([corners, turn]),
    };
    let markers: Vec<Value> = style::LOOKS.iter().map(marker).collect();
    json!({ "dashes": style::DASHES, "markers": markers })
}

/// Colors of solvers as properties of the page, and rules that repaint figures on the dark card:
/// attributes give way to style sheets. Paper stays light.
pub(super) fn colors() -> String {
    let mut css = String::from(":root{");
    for (i, look) in style::LOOKS.iter().enumerate() {
        let _ = write!(css, "--s{i}:{};", look.color.code());
    }
    let _ = write!(css, "--s{}:{}}}\n@media screen{{\n", style::LOOKS.len(), style::REST.code());
    css += ":root[data-theme=dark]{";
    for (i, look) in style::LOOKS.iter().enumerate() {
        let _ = write!(css, "--s{i}:{};", look.dark.code());
    }
    let rest = style::DARK.iter().find(|(light, _)| *light == style::REST);
    let rest = rest.map_or(style::REST, |(_, dark)| *dark);
    let _ = writeln!(css, "--s{}:{}}}", style::LOOKS.len(), rest.code());
    let of_solvers =
        style::LOOKS.iter().flat_map(|look| [(look.color, look.dark), (look.text, look.dark)]);
    let mut pairs: Vec<(String, String)> =
        of_solvers.chain(style::DARK).map(|(light, dark)| (light.code(), dark.code())).collect();
    pairs.sort();
    pairs.dedup_by(|a, b| a.0 == b.0);
    for (light, dark) in pairs {
        let root = ":root[data-theme=dark] figure ";
        let _ = writeln!(css, "{root}[fill=\"{light}\"]{{fill:{dark}}}");
        let _ = writeln!(css, "{root}[stroke=\"{light}\"]{{stroke:{dark}}}");
    }
    css + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn curves_of_one_solver_share_the_color_and_differ_in_dash() {
        let label = |solver: &str, penalty: f64| Label {
            variant: "corrected".into(),
            problem: "p".into(),
            solver: solver.into(),
            sweep: BTreeMap::from([("solver.a.penalty".to_owned(), penalty.into())]),
            seed: 0,
        };
        let labels = [label("a", 0.1), label("a", 0.2), label("b", 0.1), label("z", 0.1)];
        let order = ["b".to_owned(), "a".to_owned()];
        let looks = looks(&labels.iter().collect::<Vec<_>>(), &order);
        assert_eq!(looks.iter().map(|look| look.color).collect::<Vec<_>>(), [1, 1, 0, 2]);
        assert_ne!(looks[0].dash, looks[1].dash);
    }

    #[test]
    fn every_color_has_a_dark_one_on_screen_alone() {
        let css = colors();
        let (light, screen) = css.split_once("@media screen").unwrap();
        for i in 0..=style::LOOKS.len() {
            let name = format!("--s{i}:");
            assert!(light.contains(&name) && screen.contains(&name));
        }
        assert!(!light.contains("dark"));
    }
}
