//! Stationary moments and slow modes of the bounded game, from its Fokker–Planck equation.

use converge_problems::gan::fokker_planck::{FokkerPlanck, Mode, Relaxation};
use converge_problems::gan::{BoundedGan, BoundedGanConfig, Pair, Plane};
use converge_problems::{
    Better, Build, Metric, Seed, SetupError, Split, require, require_positive,
};
use serde::Deserialize;

use crate::registry::{Probe, ProbeError};

/// Numbers at rest without randomness. One row for every grid, and a last one, extrapolated from the two
/// finest by their second order:
///
/// | column | number |
/// |---|---|
/// | `width` | of a cell; 0 in the last row |
/// | `theta`, `omega`, `theta-square`, `theta-omega`, `omega-square`, `tanh-theta`, `tanh-omega` | stationary means |
/// | `rate`, `frequency`, `next-rate` | what relaxes last, and after that |
/// | `fdr1-theta`, `fdr1-omega`, `fdr2` | left sides of the relations, about the origin |
/// | `residual` | rate of change of the density that is left, relative; the largest of both in the last row |
///
/// The noise of a pair has the variance that the game says, and `dX = b dt + √(2 diffusivity · variance)
/// dW`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FokkerPlanckValues {
    /// The game.
    pub game: BoundedGanConfig,
    /// `1/β`, above 0.
    pub temperature: f64,
    /// Half the side of the square.
    pub radius: f64,
    /// Cells along a side, rising; at least two grids.
    pub cells: Vec<usize>,
}

const NAMES: [&str; 14] = [
    "theta",
    "omega",
    "theta-square",
    "theta-omega",
    "omega-square",
    "tanh-theta",
    "tanh-omega",
    "rate",
    "frequency",
    "next-rate",
    "fdr1-theta",
    "fdr1-omega",
    "fdr2",
    "residual",
];

/// Where the spectrum is looked at from: of the size of the rates.
const SHIFT: f64 = 0.5;

impl Probe for FokkerPlanckValues {
    const ID: &'static str = "fokker-planck";
    const ABOUT: &'static str = "stationary moments and slow modes of the bounded game, on grids";

    fn columns(&self) -> Vec<Metric> {
        let number = |name| Metric::new(name, Better::Neither, Split::None);
        std::iter::once(Metric::diagnostic("width")).chain(NAMES.map(number)).collect()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("temperature", self.temperature)?;
        require_positive("radius", self.radius)?;
        require_positive("game.noise-variance", self.game.noise_variance)?;
        let rising = self.cells.len() >= 2 && self.cells.is_sorted_by(|a, b| a < b);
        let cells = || format!("{:?}", self.cells);
        require("cells", cells(), rising, "two or more rising numbers")?;
        let fits = self.cells.iter().all(|cells| (8..=400).contains(cells));
        require("cells", cells(), fits, "from 8 to 400 along a side")?;
        let game = BoundedGan::build(&self.game, seed, None)?;
        let drift = |x: Pair| game.model().drift(x);
        let diffusivity = self.temperature * self.game.noise_variance;
        let mut grids: Vec<(f64, [f64; NAMES.len()])> = Vec::new();
        for &cells in &self.cells {
            let grid = FokkerPlanck { drift: &drift, diffusivity, radius: self.radius, cells };
            let width = 2.0 * self.radius / cells as f64;
            let values = values(&grid.solve(SHIFT), &drift)?;
            push(&row(width, &values));
            grids.push((width, values));
        }
        if let [.., (wide, coarse), (narrow, fine)] = &grids[..] {
            let share = ((wide / narrow).powi(2) - 1.0).recip();
            let mut limit = *fine;
            for (limit, coarse) in limit.iter_mut().zip(coarse) {
                *limit += share * (*limit - coarse);
            }
            let residual = NAMES.len() - 1;
            limit[residual] = fine[residual].max(coarse[residual]);
            push(&row(0.0, &limit));
        }
        Ok(())
    }
}

fn row(width: f64, values: &[f64]) -> Vec<f64> {
    std::iter::once(width).chain(values.iter().copied()).collect()
}

/// In the order of [`NAMES`].
fn values(
    solved: &Relaxation,
    drift: &dyn Fn(Pair) -> Pair,
) -> Result<[f64; NAMES.len()], SetupError> {
    let mean = |f: &dyn Fn(Pair) -> f64| solved.mean(f);
    let [Mode { rate, frequency }, next, ..] = solved.modes[..] else {
        return Err(SetupError::Numerics("the slow modes of the density do not converge".into()));
    };
    let side = |i: usize| mean(&|x: Pair| -x[i] * drift(x)[i]);
    let power = mean(&|x: Pair| {
        let [b, d] = drift(x);
        b * b - d * d
    });
    Ok([
        mean(&|[x, _]: Pair| x),
        mean(&|[_, y]: Pair| y),
        mean(&|[x, _]: Pair| x * x),
        mean(&|[x, y]: Pair| x * y),
        mean(&|[_, y]: Pair| y * y),
        mean(&|[x, _]: Pair| x.tanh()),
        mean(&|[_, y]: Pair| y.tanh()),
        rate,
        frequency,
        next.rate,
        side(0),
        side(1),
        power,
        solved.residual,
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_row_is_nearer_to_the_reference_than_any_grid() {
        let probe: FokkerPlanckValues = serde_json::from_value(json!({
            "game": {}, "temperature": 0.05, "radius": 3.0, "cells": [40, 80],
        }))
        .unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(0), &mut |row| rows.push(row.to_vec())).unwrap();
        assert_eq!((rows.len(), rows[2].len()), (3, probe.columns().len()));
        // Of the specification; fourth order is left, most of the rate: 7e-4.
        for (place, known) in [(1, 0.350_558), (3, 0.210_387), (8, 0.728_674), (13, -0.024_518)] {
            let off = |row: usize| (rows[row][place] - known).abs();
            assert!(off(2) < 1e-3 && off(2) < off(1) && off(1) < off(0), "{place}: {rows:?}");
        }
        assert!(rows[2][14] < 1e-10, "{rows:?}");
    }

    #[test]
    fn one_grid_cannot_be_extrapolated() {
        let probe = FokkerPlanckValues {
            game: BoundedGanConfig::default(),
            temperature: 0.05,
            radius: 3.0,
            cells: vec![40],
        };
        let message = probe.run(Seed::root(0), &mut |_| ()).unwrap_err().to_string();
        assert!(message.contains("two or more"), "{message}");
    }
}
