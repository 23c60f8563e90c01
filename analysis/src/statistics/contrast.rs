//! An estimate with a standard error and degrees of freedom, for procedures whose interval is
//! Student's around it.

use super::distribution::{
    normal_lower, normal_quantile, normal_upper, student_lower, student_quantile, student_upper,
};
use super::{Evidence, Interval};

/// An estimate θ̂ and the law of `(θ̂ − θ)/error`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Contrast {
    /// The estimate.
    pub estimate: f64,
    /// Its standard error.
    pub error: f64,
    /// Student's degrees of freedom; infinite for the normal law.
    pub freedom: f64,
}

impl Contrast {
    /// Of the difference of two independent estimates with variances `a` and `b` on `freedom` degrees
    /// each: Welch's degrees of freedom.
    pub fn welch(estimate: f64, a: (f64, f64), b: (f64, f64)) -> Self {
        let variance = a.0 + b.0;
        let freedom = variance.powi(2) / (a.0 * a.0 / a.1 + b.0 * b.0 / b.1);
        Self { estimate, error: variance.sqrt(), freedom }
    }

    /// Distance from `null` in standard errors.
    pub fn studentized(&self, null: f64) -> f64 {
        (self.estimate - null) / self.error
    }

    /// Two-sided interval; the whole line where the error is 0, because numbers without variation
    /// say nothing of it.
    pub fn interval(&self, alpha: f64) -> Interval {
        if !self.is_known() {
            return Interval::LINE;
        }
        let level = 1.0 - 0.5 * alpha;
        let quantile = if self.freedom.is_infinite() {
            normal_quantile(level)
        } else {
            student_quantile(level, self.freedom)
        };
        let half = quantile * self.error;
        Interval::new(self.estimate - half, self.estimate + half)
    }

    /// p-values of `θ > null`; none where the error is 0.
    pub fn evidence(&self, null: f64) -> Evidence {
        let t = self.studentized(null);
        if !self.is_known() {
            Evidence::NONE
        } else if self.freedom.is_infinite() {
            Evidence { support: normal_upper(t), refute: normal_lower(t) }
        } else {
            Evidence {
                support: student_upper(t, self.freedom),
                refute: student_lower(t, self.freedom),
            }
        }
    }

    fn is_known(&self) -> bool {
        self.error > 0.0 && self.error.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    #[test]
    fn welch_matches_scipy() {
        // ttest_ind((1, 2, 4, 7), (3, 5, 4), equal_var=False): t, df, p.
        let a = super::super::mean::Moments::of(&[1.0, 2.0, 4.0, 7.0]);
        let b = super::super::mean::Moments::of(&[3.0, 5.0, 4.0]);
        let found = Contrast::welch(
            a.mean - b.mean,
            (a.error().powi(2), a.freedom()),
            (b.error().powi(2), b.freedom()),
        );
        assert_close(found.studentized(0.0), -0.346_410_161_513_775_4, 1e-12);
        assert_close(found.freedom, 4.032_258_064_516_13, 1e-12);
        assert_close(found.evidence(0.0).two_sided(), 0.746_356_663_461_315_4, 1e-9);
    }

    #[test]
    fn infinite_freedom_is_the_normal_law() {
        let found = Contrast { estimate: 1.0, error: 2.0, freedom: f64::INFINITY };
        assert_close(found.interval(0.05).upper, 1.0 + 2.0 * 1.959_963_984_540_054, 1e-12);
        let end = found.interval(0.05).lower;
        assert_close(found.evidence(end).support, 0.025, 1e-9);
    }

    #[test]
    fn no_variation_says_nothing() {
        let found = Contrast { estimate: 1.0, error: 0.0, freedom: 4.0 };
        assert_eq!(found.interval(0.05), Interval::LINE);
        assert_eq!(found.evidence(0.0), Evidence::NONE);
    }
}
