//! "The same within a margin" (7.1): supported only by an interval inside the margin, never by
//! failing to find a difference. Source: D. Schuirmann, 1987; D. Lakens, Equivalence tests: a
//! practical primer, 2017. Each one-sided test has alpha/2: at the level 0.95 that is 2.5 %.

use super::Evidence;

/// p-values of `|θ − null| < margin` from those of a directional claim: `above(x)` is the evidence
/// for `θ > x`. Anytime-valid if `above` is.
pub fn evidence(null: f64, margin: f64, above: impl Fn(f64) -> Evidence) -> Evidence {
    within(null - margin, null + margin, above)
}

/// p-values of `low < θ < high`: an equivalence with margins of their own on either side.
pub fn within(low: f64, high: f64, above: impl Fn(f64) -> Evidence) -> Evidence {
    let low = above(low);
    let high = above(high);
    Evidence {
        support: low.support.max(high.refute),
        refute: (2.0 * low.refute.min(high.support)).min(1.0),
    }
}

/// Logarithm of the evidence that `low < θ < high`, `min(E₊ at low, E₋ at high)`, from those of the
/// directions: `above(x)` that θ > x, `below(x)` that θ < x. Its inverse is the anytime-valid p-value
/// of [`within`].
pub fn ln_evidence(
    low: f64,
    high: f64,
    above: impl Fn(f64) -> f64,
    below: impl Fn(f64) -> f64,
) -> f64 {
    above(low).min(below(high))
}

/// Logarithm of the evidence that θ lies outside `[low, high]`: the average of both sides, which is
/// again an e-value; their maximum is not.
pub fn ln_evidence_outside(
    low: f64,
    high: f64,
    above: impl Fn(f64) -> f64,
    below: impl Fn(f64) -> f64,
) -> f64 {
    let (one, other) = (above(high), below(low));
    let largest = one.max(other);
    largest + (0.5 * ((one - largest).exp() + (other - largest).exp())).ln()
}

#[cfg(test)]
mod tests {
    use super::super::distribution::{student_lower, student_upper};
    use super::super::mean::Moments;
    use super::super::{DIFFERENCES, assert_close, mixture};
    use super::*;

    fn student(moments: &Moments) -> impl Fn(f64) -> Evidence {
        |null| {
            let t = moments.studentized(null);
            Evidence { support: student_upper(t, 9.0), refute: student_lower(t, 9.0) }
        }
    }

    #[test]
    fn evidence_matches_statsmodels() {
        let moments = Moments::of(&DIFFERENCES);
        assert_close(moments.studentized(-1.0), 8.991_276_848, 1e-9);
        assert_close(moments.studentized(1.0), -3.964_453_481, 1e-9);
        assert_close(evidence(0.0, 1.0, student(&moments)).support, 0.001_641_036_304, 1e-9);
    }

    #[test]
    fn margins_of_their_own_test_each_side_at_its_own_end() {
        let moments = Moments::of(&DIFFERENCES);
        let found = within(-5.0, 1.0, student(&moments));
        assert_close(found.support, 0.001_641_036_304, 1e-9);
        let found = within(-1.0, 50.0, student(&moments));
        assert_close(found.support, student_upper(8.991_276_848, 9.0), 1e-8);
        let symmetric = evidence(0.25, 0.75, student(&moments));
        assert_eq!(symmetric, within(-0.5, 1.0, student(&moments)));
    }

    #[test]
    fn a_far_effect_refutes() {
        let moments = Moments::of(&[5.0, 5.1, 4.9, 5.2, 4.8]);
        let found = evidence(0.0, 1.0, |null| super::super::mean::guarded_evidence(&moments, null));
        assert!(found.refute < 1e-4 && found.support > 0.99);
    }

    #[test]
    fn anytime_evidence_is_the_weaker_side_and_inverts_to_its_p_value() {
        let moments = Moments::of(&DIFFERENCES);
        let above = |null| {
            let t = moments.studentized(null);
            mixture::ln_evidence_above(t.min(moments.unskew(t)), 10)
        };
        let below = |null| {
            let t = moments.studentized(null);
            mixture::ln_evidence_above(-t.max(moments.unskew(t)), 10)
        };
        let found = ln_evidence(-1.0, 2.0, above, below);
        assert_close(found, above(-1.0).min(below(2.0)), 1e-15);
        let p = within(-1.0, 2.0, |null| mixture::evidence(&moments, null));
        assert_close(p.support, (-found).exp(), 1e-12);
        // Outside: the average is at least half the larger, whose p-value is doubled.
        let outside = ln_evidence_outside(1.5, 2.0, above, below);
        let p = within(1.5, 2.0, |null| mixture::evidence(&moments, null));
        assert!(outside > 0.0 && (-outside).exp() <= p.refute);
    }
}
