//! The matrix of cells: problems across, solvers down, one square a seed.

use super::Input;
use super::traces::{NOT_RUN, Traces};

/// One variant of a study.
pub(super) struct Matrix {
    pub(super) title: String,
    pub(super) study: String,
    pub(super) problems: Vec<String>,
    pub(super) rows: Vec<Line>,
}

/// A solver on the problems.
pub(super) struct Line {
    pub(super) solver: String,
    pub(super) fields: Vec<Field>,
}

/// The runs of one curve.
#[derive(Default)]
pub(super) struct Field {
    /// Squares of neighbors with one sign: class and signs.
    pub(super) squares: Vec<(&'static str, String)>,
    /// Runs by status.
    pub(super) ends: String,
    /// Place of the study and of its curve; empty if nothing is planned here.
    pub(super) runs: String,
}

/// The matrices of a study, one for each variant.
pub(super) fn matrices(input: &Input<'_>, index: usize, traces: &Traces) -> Vec<Matrix> {
    let study = input.study;
    let mut matrices = Vec::new();
    for (variant, name) in traces.variants.iter().enumerate() {
        let curves: Vec<(usize, &super::traces::Curve)> =
            traces.curves.iter().enumerate().filter(|(_, c)| c.variant == variant).collect();
        let mut solvers: Vec<&str> = Vec::new();
        let mut problems: Vec<usize> = Vec::new();
        for (_, curve) in &curves {
            if !solvers.contains(&curve.name.as_str()) {
                solvers.push(&curve.name);
            }
            // A probe stands on no problem: it has a column of its own.
            if !problems.contains(&curve.problem) && !curve.probe {
                problems.push(curve.problem);
            }
        }
        if curves.is_empty() {
            continue;
        }
        let probes = curves.iter().any(|(_, curve)| curve.probe);
        let line = |solver: &&str| {
            let at = |wanted: Option<usize>| {
                let here = |(_, curve): &&(usize, &super::traces::Curve)| {
                    let place = (!curve.probe).then_some(curve.problem);
                    curve.name == *solver && place == wanted
                };
                curves
                    .iter()
                    .find(here)
                    .map_or_else(Field::default, |(i, _)| field(index, *i, traces))
            };
            let mut fields: Vec<Field> =
                problems.iter().map(|problem| at(Some(*problem))).collect();
            fields.extend(probes.then(|| at(None)));
            Line { solver: (*solver).to_owned(), fields }
        };
        let rows = solvers.iter().map(line).collect();
        let mut titles: Vec<String> =
            problems.iter().map(|place| traces.problems[*place].clone()).collect();
        titles.extend(probes.then(|| "probe".to_owned()));
        let title = format!("{} · {name}", study.title.trim_end_matches('.'));
        let study = format!("{}/{}", study.paper, study.name);
        matrices.push(Matrix { title, study, problems: titles, rows });
    }
    matrices
}

fn field(index: usize, place: usize, traces: &Traces) -> Field {
    let mut ends: Vec<(&str, usize)> = Vec::new();
    let mut squares: Vec<(&'static str, String)> = Vec::new();
    for word in traces.ends(place) {
        match ends.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => ends.push((word, 1)),
        }
        let (class, sign) = sign(word);
        match squares.last_mut() {
            Some((known, signs)) if *known == class => signs.push(sign),
            _ => squares.push((class, sign.to_string())),
        }
    }
    let ends: Vec<String> = ends.into_iter().map(|(word, n)| format!("{n} {word}")).collect();
    Field { squares, ends: ends.join(", "), runs: format!("{index} {place}") }
}

/// Class and sign of a status: results are calm, failed attempts are red.
fn sign(status: &str) -> (&'static str, char) {
    match status {
        NOT_RUN => ("q-none", '·'),
        "target" | "converged" => ("q-good", '●'),
        "plateau" | "budget" => ("q-end", '○'),
        "diverged" => ("q-bad", '×'),
        "breakdown" => ("q-bad", '+'),
        _ => ("q-bad", '!'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::traces::STATUSES;

    #[test]
    fn results_and_failed_attempts_have_signs_of_their_own() {
        let signs: String = STATUSES.iter().map(|word| sign(word).1).collect();
        assert_eq!(signs, "●●○○×+!!!!");
        assert_eq!(sign(NOT_RUN).1, '·');
    }
}
