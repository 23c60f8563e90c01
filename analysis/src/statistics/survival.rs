//! Time to a target, with runs that never reach it.
//!
//! Sources: E. Kaplan, P. Meier, Nonparametric estimation from incomplete observations, 1958, JASA
//! 53; P. Royston, M. Parmar, Restricted mean survival time, 2013, BMC Med. Res. Methodol. 13:152.

use super::Interval;
use super::contrast::Contrast;
use super::distribution::normal_quantile;
use super::win::Tally;

/// When a run reached its target, on whatever axis the claim counts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Reach {
    /// At the first measured row at or past the target.
    At(f64),
    /// Not within its budget, which ended here.
    Beyond(f64),
    /// Never: it diverged, broke down or stopped elsewhere. Not censored where it stopped, because
    /// stopping there was its own doing.
    Never,
}

impl Reach {
    /// The first value of `cost` where `reached` holds, or what `missed` says of the last one.
    pub fn first(
        cost: &[f64],
        reached: impl Fn(usize) -> bool,
        missed: impl Fn(f64) -> Self,
    ) -> Self {
        (0..cost.len())
            .find(|row| reached(*row))
            .map_or_else(|| missed(cost.last().copied().unwrap_or(0.0)), |row| Self::At(cost[row]))
    }

    /// `min(T, budget)`: one number per run when all runs share the budget.
    pub fn within(self, budget: f64) -> f64 {
        match self {
            Self::At(time) => time.min(budget),
            Self::Beyond(_) | Self::Never => budget,
        }
    }

    /// The time, infinite if the target was not reached.
    pub fn time(self) -> f64 {
        match self {
            Self::At(time) => time,
            Self::Beyond(_) | Self::Never => f64::INFINITY,
        }
    }
}

/// Whether `a` is at least `factor` times faster than `b`: positive for a win, negative for a loss,
/// 0 for a tie, NaN where the budgets do not tell.
pub fn duel(a: Reach, b: Reach, factor: f64) -> f64 {
    use Reach::{At, Beyond, Never};
    let sign = |won: bool| if won { 1.0 } else { -1.0 };
    match (a, b) {
        (At(a), At(b)) => {
            let gap = b - factor * a;
            if gap.abs() <= 8.0 * f64::EPSILON * b.abs() { 0.0 } else { gap.signum() }
        }
        (At(a), Beyond(budget)) if factor * a <= budget => 1.0,
        (At(_), Never) => 1.0,
        (Beyond(budget), At(b)) if b <= factor * budget => -1.0,
        (Never, At(_)) => sign(false),
        (Beyond(_) | Never, Beyond(_) | Never) => 0.0,
        (At(_), Beyond(_)) | (Beyond(_), At(_)) => f64::NAN,
    }
}

/// Wins of `a` over `b`, pair by pair.
pub fn tally(a: &[Reach], b: &[Reach], factor: f64) -> Tally {
    let signs: Vec<f64> = a.iter().zip(b).map(|(a, b)| duel(*a, *b, factor)).collect();
    Tally::of_signs(&signs)
}

/// One step of a survival curve.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Drop {
    /// Time u of the events.
    pub time: f64,
    /// Runs still without event just before u, those censored exactly at u included.
    pub at_risk: usize,
    /// Events at u.
    pub events: usize,
    /// `S(u)`, the share that has not reached the target by u.
    pub survival: f64,
}

/// The product-limit curve: runs `(time, reached)`, where a run that did not reach the target is
/// censored at `time`.
pub fn product_limit(runs: &[(f64, bool)]) -> Vec<Drop> {
    let mut times: Vec<f64> = runs.iter().filter(|run| run.1).map(|run| run.0).collect();
    times.sort_by(f64::total_cmp);
    times.dedup_by(|a, b| a.total_cmp(b).is_eq());
    let mut survival = 1.0;
    times
        .into_iter()
        .map(|time| {
            let at_risk = runs.iter().filter(|run| run.0 >= time).count();
            let events = runs.iter().filter(|run| run.1 && run.0.total_cmp(&time).is_eq()).count();
            survival *= 1.0 - events as f64 / at_risk as f64;
            Drop { time, at_risk, events, survival }
        })
        .collect()
}

/// Pointwise interval for `S` after step `last`, on the scale `ln(−ln S)` with Greenwood's variance;
/// `None` where `S` is 0 or 1.
pub fn survival_interval(curve: &[Drop], last: usize, alpha: f64) -> Option<Interval> {
    let survival = curve.get(last)?.survival;
    if survival <= 0.0 || survival >= 1.0 {
        return None;
    }
    let greenwood: f64 = curve[..=last].iter().map(greenwood_term).sum();
    let shift = normal_quantile(1.0 - 0.5 * alpha) * greenwood.sqrt() / survival.ln().abs();
    Some(Interval::new(survival.powf(shift.exp()), survival.powf((-shift).exp())))
}

/// Smallest time with `S ≤ ½`; `None` if half the runs never reach the target.
pub fn median_time(curve: &[Drop]) -> Option<f64> {
    curve.iter().find(|drop| drop.survival <= 0.5).map(|drop| drop.time)
}

/// Restricted mean: the expected time spent before the target, up to `budget`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RestrictedMean {
    /// `R(τ) = ∫₀^τ S`.
    pub value: f64,
    /// Greenwood-type variance, without the factor n/(n−1).
    pub variance: f64,
    /// Number of runs.
    pub count: usize,
}

/// The restricted mean of runs `(time, reached)` up to `budget`.
pub fn restricted_mean(runs: &[(f64, bool)], budget: f64) -> RestrictedMean {
    let curve: Vec<Drop> =
        product_limit(runs).into_iter().filter(|drop| drop.time <= budget).collect();
    let mut value = 0.0;
    let mut variance = 0.0;
    let mut end = budget;
    // Backwards, so that `value` is the area right of the step when its term is added.
    for drop in curve.iter().rev() {
        value += drop.survival * (end - drop.time);
        variance += value * value * greenwood_term(drop);
        end = drop.time;
    }
    RestrictedMean { value: value + end, variance, count: runs.len() }
}

impl RestrictedMean {
    /// Variance with the small-sample factor n/(n−1).
    pub fn corrected(&self) -> f64 {
        let n = self.count as f64;
        self.variance * n / (n - 1.0)
    }

    /// The restricted mean with Student's law of n − 1 degrees of freedom.
    pub fn contrast(&self) -> Contrast {
        let freedom = self.count as f64 - 1.0;
        Contrast { estimate: self.value, error: self.corrected().sqrt(), freedom }
    }

    /// Difference of two independent restricted means, with Welch's degrees of freedom.
    pub fn minus(&self, other: &Self) -> Contrast {
        let part = |mean: &Self| (mean.corrected(), mean.count as f64 - 1.0);
        Contrast::welch(self.value - other.value, part(self), part(other))
    }

    /// Logarithm of the ratio of two independent restricted means, `Var ln R = Var/R²`.
    pub fn ln_ratio(&self, other: &Self) -> Contrast {
        let part = |mean: &Self| (mean.corrected() / mean.value.powi(2), mean.count as f64 - 1.0);
        Contrast::welch((self.value / other.value).ln(), part(self), part(other))
    }
}

/// `d/(r(r−d))`, 0 where nobody is left.
fn greenwood_term(drop: &Drop) -> f64 {
    let (d, r) = (drop.events as f64, drop.at_risk as f64);
    if drop.events == drop.at_risk { 0.0 } else { d / (r * (r - d)) }
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    const RUNS: [(f64, bool); 8] = [
        (3.0, true),
        (5.0, true),
        (5.0, true),
        (7.0, false),
        (8.0, true),
        (12.0, true),
        (12.0, false),
        (15.0, false),
    ];

    #[test]
    fn product_limit_matches_lifelines() {
        let found = product_limit(&RUNS);
        let expected = [(3.0, 0.875), (5.0, 0.625), (8.0, 0.468_75), (12.0, 0.3125)];
        assert_eq!(found.len(), expected.len());
        for (found, (time, survival)) in found.iter().zip(expected) {
            assert_close(found.time, time, 1e-15);
            assert_close(found.survival, survival, 1e-12);
        }
        assert_eq!(median_time(&found), Some(8.0));
    }

    #[test]
    fn restricted_means_match_their_vectors() {
        let found = restricted_mean(&RUNS, 15.0);
        assert_close(found.value, 9.4375, 1e-12);
        assert_close(found.variance, 2.801_269_531, 1e-9);
        let found = restricted_mean(&RUNS, 10.0);
        assert_close(found.value, 7.5625, 1e-12);
        assert_close(found.variance, 0.896_972_656_2, 1e-9);
    }

    #[test]
    fn without_censoring_the_restricted_mean_is_the_mean() {
        let times = [2.0, 3.0, 7.0, 4.0];
        let runs = times.map(|time| (time, true));
        let found = restricted_mean(&runs, 10.0);
        assert_close(found.value, 4.0, 1e-14);
        // n/(n−1) turns Greenwood's variance into s²/n.
        let s2 = times.iter().map(|t: &f64| (t - 4.0).powi(2)).sum::<f64>() / 3.0;
        assert_close(found.corrected(), s2 / 4.0, 1e-12);
    }

    #[test]
    fn difference_of_equal_samples_is_zero_with_a_symmetric_interval() {
        let mean = restricted_mean(&RUNS, 15.0);
        for found in [mean.minus(&mean), mean.ln_ratio(&mean)] {
            assert!(found.estimate.abs() < f64::MIN_POSITIVE);
            assert_close(found.freedom, 14.0, 1e-14);
            let interval = found.interval(0.05);
            assert_close(interval.upper, -interval.lower, 1e-14);
        }
    }

    #[test]
    fn without_censoring_the_difference_is_welch_s() {
        // ttest_ind((1, 2, 4, 7), (3, 5, 4), equal_var=False)
        let runs = |times: &[f64]| times.iter().map(|time| (*time, true)).collect::<Vec<_>>();
        let a = restricted_mean(&runs(&[1.0, 2.0, 4.0, 7.0]), 10.0);
        let b = restricted_mean(&runs(&[3.0, 5.0, 4.0]), 10.0);
        let found = a.minus(&b);
        assert_close(found.studentized(0.0), -0.346_410_161_513_775_4, 1e-9);
        assert_close(found.evidence(0.0).two_sided(), 0.746_356_663_461_315_4, 1e-9);
        // The delta method: the error of ln R is that of R over R.
        let ratio = a.ln_ratio(&b);
        assert_close(ratio.estimate, (3.5_f64 / 4.0).ln(), 1e-12);
        let error = (a.corrected() / 3.5_f64.powi(2) + b.corrected() / 16.0).sqrt();
        assert_close(ratio.error, error, 1e-12);
    }

    #[test]
    fn survival_interval_holds_its_estimate() {
        let curve = product_limit(&RUNS);
        let found = survival_interval(&curve, 2, 0.05).unwrap();
        assert!(found.lower < 0.468_75 && 0.468_75 < found.upper && found.upper < 1.0);
    }

    #[test]
    fn duels_follow_the_rules_of_censoring() {
        use Reach::{At, Beyond, Never};
        for (a, b, factor, expected) in [
            (At(1.0), At(3.0), 1.0, 1.0),
            (At(1.0), At(3.0), 3.0, 0.0),
            (At(1.0), At(3.0), 4.0, -1.0),
            (At(2.0), Beyond(5.0), 2.0, 1.0),
            (At(2.0), Never, 9.0, 1.0),
            (Beyond(5.0), At(9.0), 2.0, -1.0),
            (Never, At(9.0), 1.0, -1.0),
            (Never, Beyond(2.0), 1.0, 0.0),
        ] {
            let found = duel(a, b, factor);
            assert!((found - expected).abs() < f64::EPSILON, "{a:?} {b:?} {factor}: {found}");
        }
        assert!(duel(At(3.0), Beyond(5.0), 2.0).is_nan());
        assert!(duel(Beyond(2.0), At(9.0), 2.0).is_nan());
    }

    #[test]
    fn diverged_runs_count_as_the_whole_budget() {
        assert_close(Reach::Never.within(7.0), 7.0, 1e-15);
        assert_close(Reach::At(3.0).within(7.0), 3.0, 1e-15);
        let reach = Reach::first(&[0.0, 1.0, 2.0], |row| row == 2, Reach::Beyond);
        assert_eq!(reach, Reach::At(2.0));
        assert_eq!(Reach::first(&[0.0, 4.0], |_| false, Reach::Beyond), Reach::Beyond(4.0));
    }
}
