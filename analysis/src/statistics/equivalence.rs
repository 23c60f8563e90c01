//! "The same within a margin": supported only by an interval inside the margin, never by failing
//! to find a difference. Source: D. Schuirmann, 1987; D. Lakens, Equivalence tests: a practical
//! primer, 2017. Each one-sided test has alpha/2: at the level 0.95 that is 2.5 %.

use super::Evidence;

/// p-values of `|θ − null| < margin` from those of a directional claim: `above(x)` is the evidence
/// for `θ > x`.
pub fn evidence(null: f64, margin: f64, above: impl Fn(f64) -> Evidence) -> Evidence {
    let low = above(null - margin);
    let high = above(null + margin);
    Evidence {
        support: low.support.max(high.refute),
        refute: (2.0 * low.refute.min(high.support)).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::distribution::{student_lower, student_upper};
    use super::super::mean::Moments;
    use super::super::{DIFFERENCES, assert_close};
    use super::*;

    #[test]
    fn evidence_matches_statsmodels() {
        let moments = Moments::of(&DIFFERENCES);
        assert_close(moments.studentized(-1.0), 8.991_276_848, 1e-9);
        assert_close(moments.studentized(1.0), -3.964_453_481, 1e-9);
        let student = |null| {
            let t = moments.studentized(null);
            Evidence { support: student_upper(t, 9.0), refute: student_lower(t, 9.0) }
        };
        assert_close(evidence(0.0, 1.0, student).support, 0.001_641_036_304, 1e-9);
    }

    #[test]
    fn a_far_effect_refutes() {
        let moments = Moments::of(&[5.0, 5.1, 4.9, 5.2, 4.8]);
        let found = evidence(0.0, 1.0, |null| super::super::mean::guarded_evidence(&moments, null));
        assert!(found.refute < 1e-4 && found.support > 0.99);
    }
}
