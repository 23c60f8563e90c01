//! The scheduler driven by the fluctuation–dissipation relation.

use converge_problems::{SetupError, require};
use serde::{Deserialize, Serialize};

/// Cuts a learning rate once a stationary state is seen: when
///
/// ```text
/// O_L = <(x - c)ᵀ f>   and   O_R = <½ η (1 + μ) |v|²>
/// ```
///
/// agree to `tolerance`, `|O_L/O_R - 1| < X`. `f` is the descent field of the mini-batch at the point that
/// the player moves from, `v` its velocity before the step (with `μ = 0`, the last field). Both are averaged
/// over the last half of the record; the record is looked at every `window` steps and begins anew after a
/// cut. Both players together, or one rule for each: their relations hold separately.
///
/// | symbol | field |
/// |---|---|
/// | `X` | `tolerance` |
/// | `1 - η⁺/η` | `cut` |
/// | `c` | `center` |
///
/// As both sides are made from realised fields, their difference summed along a path is the change of
/// `|x - c|²/2η`: the rule sees whether the distance to `c` still drifts, no more. Around a `c` near the
/// equilibrium the drift is seen sooner; `c` may not be a mean of the path itself, which biases it.
///
/// Source: S. Yaida, Fluctuation–dissipation relations for stochastic gradient descent, ICLR 2019
/// (arXiv 1810.00004), with the record, the half and the defaults of its released code, at `center = 0`;
/// damping, which it has beside momentum, is 0. For a game the maximizer's sign is in its descent field.
/// Deviation: a record of more than 1024 half-windows without a cut is thinned, so that memory stays
/// bounded: its half is then rounded to a coarser grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Fdr {
    /// One relation for both players, or one for each.
    pub players: Players,
    /// Steps from look to look: even, at least 2.
    pub window: u64,
    /// `X > 0`.
    pub tolerance: f64,
    /// In (0, 1).
    pub cut: f64,
    /// `c`: one number per coordinate; empty is the origin.
    pub center: Vec<f64>,
}

/// Whose relation is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Players {
    /// The sum of both, which cuts both rates.
    #[default]
    Joint,
    /// Each player's own, which cuts its own rate.
    Each,
}

impl Default for Fdr {
    fn default() -> Self {
        Self {
            players: Players::Joint,
            window: 1000,
            tolerance: 0.01,
            cut: 0.9,
            center: Vec::new(),
        }
    }
}

impl Fdr {
    pub(crate) fn require(&self, dim: usize) -> Result<(), SetupError> {
        let even = self.window >= 2 && self.window.is_multiple_of(2);
        require("schedule.fdr.window", self.window, even, "an even number of steps, at least 2")?;
        let tolerance = self.tolerance > 0.0 && self.tolerance.is_finite();
        require("schedule.fdr.tolerance", self.tolerance, tolerance, "a finite number above 0")?;
        let cut = self.cut > 0.0 && self.cut < 1.0;
        require("schedule.fdr.cut", self.cut, cut, "a number in (0, 1)")?;
        let found = self.center.len();
        if found != 0 && found != dim {
            let what = "schedule.fdr.center";
            return Err(SetupError::Shape { what, expected: dim, found });
        }
        Ok(())
    }

    pub(super) fn watches(&self) -> Vec<Watch> {
        let count = match self.players {
            Players::Joint => 1,
            Players::Each => 2,
        };
        vec![Watch::new(self.window / 2); count]
    }

    /// Coordinate `i` of `c`.
    pub(crate) fn center(&self, i: usize) -> f64 {
        self.center.get(i).copied().unwrap_or(0.0)
    }
}

/// Half-windows that a record holds before it is thinned.
const RECORD: usize = 1024;

/// The record of one relation.
#[derive(Clone)]
pub(super) struct Watch {
    /// Sums of both sides from the start of the record to every multiple of `grid` steps, and how many
    /// there are: room for all, as a clone must not allocate either.
    sums: Vec<[f64; 2]>,
    kept: usize,
    grid: u64,
    /// Half of the window.
    half: u64,
    /// Sums so far.
    total: [f64; 2],
    steps: u64,
    pub(super) cuts: u32,
}

impl Watch {
    fn new(half: u64) -> Self {
        Self {
            sums: vec![[0.0; 2]; RECORD],
            kept: 1,
            grid: half,
            half,
            total: [0.0; 2],
            steps: 0,
            cuts: 0,
        }
    }

    pub(super) fn see(&mut self, sides: [f64; 2]) {
        for (total, side) in self.total.iter_mut().zip(sides) {
            *total += side;
        }
    }

    /// Ends a step; true if the relation holds.
    pub(super) fn close(&mut self, fdr: &Fdr) -> bool {
        self.steps += 1;
        if self.steps.is_multiple_of(self.grid) {
            if self.kept == RECORD {
                self.kept /= 2;
                for i in 0..self.kept {
                    self.sums[i] = self.sums[2 * i];
                }
                self.grid *= 2;
            }
            if self.steps == self.kept as u64 * self.grid {
                self.sums[self.kept] = self.total;
                self.kept += 1;
            }
        }
        if !self.steps.is_multiple_of(2 * self.half) {
            return false;
        }
        let middle = ((self.steps / 2).div_ceil(self.grid) as usize).min(self.kept - 1);
        let [left, right] = [0, 1].map(|side| self.total[side] - self.sums[middle][side]);
        let holds = (left / right - 1.0).abs() < fdr.tolerance;
        if holds {
            self.kept = 1;
            (self.grid, self.total, self.steps) = (self.half, [0.0; 2], 0);
            self.cuts += 1;
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps at which a relation with sides `sides(n)` cuts, found from the whole record.
    fn cuts(fdr: &Fdr, steps: u64, sides: impl Fn(u64) -> [f64; 2]) -> (Vec<u64>, Vec<u64>) {
        let mut watch = fdr.watches().remove(0);
        let (mut ours, mut plain, mut record) = (Vec::new(), Vec::new(), Vec::new());
        for n in 1..=steps {
            watch.see(sides(n));
            if watch.close(fdr) {
                ours.push(n);
            }
            record.push(sides(n));
            if n.is_multiple_of(fdr.window) {
                // The record began anew at a multiple of the window too.
                let half = &record[record.len() / 2..];
                let [left, right] = [0, 1].map(|s| half.iter().map(|sides| sides[s]).sum::<f64>());
                if (left / right - 1.0).abs() < fdr.tolerance {
                    plain.push(n);
                    record.clear();
                }
            }
        }
        (ours, plain)
    }

    #[test]
    fn cuts_come_when_the_last_half_of_the_record_agrees() {
        let fdr = Fdr { window: 100, ..Fdr::default() };
        // The left side starts at twice the right one and settles like 1/n: an excess of
        // ln 2 · 2 · 30/n over the last half is 1 % near n = 4000.
        let (ours, plain) = cuts(&fdr, 20_000, |n| [1.0 + 30.0 / n as f64, 1.0]);
        assert_eq!(ours, plain);
        assert!(ours[0] > 3000 && ours.len() > 3, "{ours:?}");
    }

    #[test]
    fn a_long_record_is_thinned_and_still_cuts() {
        let fdr = Fdr { window: 2, tolerance: 1e-4, ..Fdr::default() };
        let (ours, plain) = cuts(&fdr, 30_000, |n| [1.0 + 0.8 / n as f64, 1.0]);
        // The middle is off by at most a grid of 16 steps: 0.2 % of the half of the record.
        assert!(plain[0] > 8000);
        assert!((ours[0] as f64 / plain[0] as f64 - 1.0).abs() <= 0.01, "{ours:?} {plain:?}");
    }

    #[test]
    fn impossible_rules_name_their_field() {
        let error = Fdr { window: 7, ..Fdr::default() }.require(2).unwrap_err();
        assert!(error.to_string().starts_with("schedule.fdr.window = 7"));
        let error = Fdr { center: vec![0.0; 3], ..Fdr::default() }.require(2).unwrap_err();
        assert!(matches!(error, SetupError::Shape { expected: 2, found: 3, .. }));
    }
}
