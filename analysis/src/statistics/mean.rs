//! The mean of one number per seed, for a number of seeds fixed before the data.
//!
//! Source: P. Hall, On the removal of skewness by transformation, 1992, JRSS B 54, for the
//! skewness-adjusted interval. Deviation: Student's quantile stands where Hall has the normal one,
//! and the default is the hull of both intervals, because either alone fails at ten seeds.

use super::distribution::{student_lower, student_quantile, student_upper};
use super::{Evidence, Interval};

/// What the interval procedures need to know of the numbers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Moments {
    /// How many numbers, n.
    pub count: usize,
    /// Their mean m.
    pub mean: f64,
    /// Standard deviation s, with divisor n − 1.
    pub deviation: f64,
    /// Biased skewness g; 0 where there is no variation.
    pub skewness: f64,
    constant: bool,
}

impl Moments {
    /// Two passes over `x`, summed in order.
    ///
    /// # Panics
    /// If `x` is empty.
    pub fn of(x: &[f64]) -> Self {
        assert!(!x.is_empty(), "moments of no numbers");
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let second: f64 = x.iter().map(|x| (x - mean).powi(2)).sum();
        let third: f64 = x.iter().map(|x| (x - mean).powi(3)).sum();
        let deviation = if x.len() > 1 { (second / (n - 1.0)).sqrt() } else { 0.0 };
        let largest = x.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
        let constant = deviation <= 8.0 * f64::EPSILON * largest;
        let skewness =
            if constant || second <= 0.0 { 0.0 } else { (third / n) / (second / n).powf(1.5) };
        Self { count: x.len(), mean, deviation, skewness, constant }
    }

    /// Standard error s/√n.
    pub fn error(&self) -> f64 {
        self.deviation / (self.count as f64).sqrt()
    }

    /// Whether the numbers are equal to rounding, `s ≤ 8ε max|x|`: an interval would collapse and
    /// mean nothing.
    pub fn is_constant(&self) -> bool {
        self.constant
    }

    /// Degrees of freedom, n − 1.
    pub fn freedom(&self) -> f64 {
        self.count as f64 - 1.0
    }

    /// Studentized distance of the mean from `null`.
    pub fn studentized(&self, null: f64) -> f64 {
        (self.mean - null) / self.error()
    }

    /// Hall's monotone map of a Student ratio, `H(T) = T + AT² + A²T³/3 + a/6`.
    pub fn unskew(&self, t: f64) -> f64 {
        let (a, third) = self.hall();
        t + third * t * t + third * third * t * t * t / 3.0 + a / 6.0
    }

    /// The inverse of [`unskew`](Self::unskew).
    pub fn reskew(&self, u: f64) -> f64 {
        let (a, third) = self.hall();
        if third.abs() < 1e-10 {
            return u - a / 6.0;
        }
        ((1.0 + 3.0 * third * (u - a / 6.0)).cbrt() - 1.0) / third
    }

    /// `m − max(q, H⁻¹(q)) se` to `m + max(q, −H⁻¹(−q)) se`: the hull of the symmetric interval of
    /// half-width `q` standard errors and its skewness-adjusted form.
    pub fn guarded(&self, q: f64) -> Interval {
        let below = q.max(self.reskew(q));
        let above = q.max(-self.reskew(-q));
        Interval::new(self.mean - below * self.error(), self.mean + above * self.error())
    }

    fn hall(&self) -> (f64, f64) {
        let a = self.skewness / (self.count as f64).sqrt();
        (a, a / 3.0)
    }
}

/// Student's interval, exact for normal numbers; fails for skewed ones.
pub fn student(moments: &Moments, alpha: f64) -> Interval {
    let q = student_quantile(1.0 - 0.5 * alpha, moments.freedom());
    let half = q * moments.error();
    Interval::new(moments.mean - half, moments.mean + half)
}

/// Hall's skewness-adjusted interval.
pub fn hall(moments: &Moments, alpha: f64) -> Interval {
    let q = student_quantile(1.0 - 0.5 * alpha, moments.freedom());
    let error = moments.error();
    Interval::new(
        moments.mean - moments.reskew(q) * error,
        moments.mean - moments.reskew(-q) * error,
    )
}

/// Guarded Student, the default for means: the hull of [`student`] and [`hall`]. Closed form, no
/// random numbers, never narrower than Student. Measured misses at nominal 2.5 % a side: normal
/// 1.6–2.6, t₃ 1.5–2.3; *not* valid for raw log-normal means (11 % at five seeds): take logs.
pub fn guarded(moments: &Moments, alpha: f64) -> Interval {
    moments.guarded(student_quantile(1.0 - 0.5 * alpha, moments.freedom()))
}

/// p-values of `θ > null` that agree with [`guarded`].
pub fn guarded_evidence(moments: &Moments, null: f64) -> Evidence {
    let t = moments.studentized(null);
    let u = moments.unskew(t);
    Evidence {
        support: student_upper(t.min(u), moments.freedom()),
        refute: student_lower(t.max(u), moments.freedom()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DIFFERENCES, assert_close};
    use super::*;

    const ALPHA: f64 = 0.05;

    #[test]
    fn moments_match_scipy() {
        let moments = Moments::of(&DIFFERENCES);
        assert_close(moments.mean, 0.388, 1e-12);
        assert_close(moments.deviation, 0.488_166_638_2, 1e-9);
        assert_close(moments.skewness, 0.711_439_433_8, 1e-9);
    }

    #[test]
    fn intervals_match_their_vectors() {
        let moments = Moments::of(&DIFFERENCES);
        let interval = student(&moments, ALPHA);
        assert_close(interval.lower, 0.038_786_624_09, 1e-9);
        assert_close(interval.upper, 0.737_213_375_9, 1e-9);
        let interval = hall(&moments, ALPHA);
        assert_close(interval.lower, 0.089_844_954_87, 1e-9);
        assert_close(interval.upper, 0.831_809_976_6, 1e-9);
        let interval = guarded(&moments, ALPHA);
        assert_close(interval.lower, 0.038_786_624_09, 1e-9);
        assert_close(interval.upper, 0.831_809_976_6, 1e-9);
    }

    #[test]
    fn hall_map_matches_its_vector_and_inverts() {
        let moments = Moments::of(&DIFFERENCES);
        let q = student_quantile(0.975, 9.0);
        assert_close(moments.reskew(q), 1.931_408_18, 1e-9);
        assert_close(moments.reskew(-q), -2.874_941_187, 1e-9);
        assert_close(moments.unskew(moments.reskew(1.3)), 1.3, 1e-12);
    }

    #[test]
    fn evidence_matches_its_vector() {
        let moments = Moments::of(&DIFFERENCES);
        assert_close(moments.studentized(0.0), 2.513_411_684, 1e-9);
        assert_close(moments.unskew(moments.studentized(0.0)), 3.054_416_871, 1e-9);
        assert_close(guarded_evidence(&moments, 0.0).support, 0.016_562_402_9, 1e-9);
    }

    #[test]
    fn evidence_and_interval_agree_at_the_ends() {
        let moments = Moments::of(&DIFFERENCES);
        let interval = guarded(&moments, ALPHA);
        assert_close(guarded_evidence(&moments, interval.lower).support, 0.025, 1e-9);
        assert_close(guarded_evidence(&moments, interval.upper).refute, 0.025, 1e-9);
    }

    #[test]
    fn log_ratio_matches_its_vector() {
        let a = [12.1_f64, 30.5, 8.7, 15.2, 22.0];
        let b = [15.3_f64, 33.0, 9.9, 24.8, 21.0];
        let logs: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a.ln() - b.ln()).collect();
        let moments = Moments::of(&logs);
        assert_close(moments.mean, -0.177_133_639, 1e-8);
        assert_close(moments.mean.exp(), 0.837_667_832, 1e-9);
        let interval = student(&moments, ALPHA).map(f64::exp);
        assert_close(interval.lower, 0.652_001_802_5, 1e-9);
        assert_close(interval.upper, 1.076_204_689, 1e-9);
    }

    #[test]
    fn slopes_match_their_vector() {
        let moments = Moments::of(&[-1.02, -0.94, -1.10, -0.98, -1.05]);
        assert_close(moments.mean, -1.018, 1e-12);
        assert_close(moments.error(), 0.027_640_549_92, 1e-9);
        let interval = student(&moments, ALPHA);
        assert_close(interval.lower, -1.094_742_47, 1e-9);
        assert_close(interval.upper, -0.941_257_530_5, 1e-9);
        let interval = guarded(&moments, ALPHA);
        assert_close(interval.lower, -1.097_038_418, 1e-9);
        assert_close(interval.upper, -0.941_257_530_5, 1e-9);
    }

    #[test]
    fn equal_numbers_are_constant_even_with_rounding() {
        assert!(Moments::of(&[0.1 + 0.2, 0.3, 0.3]).is_constant());
        assert!(Moments::of(&[0.0; 4]).is_constant());
        assert!(!Moments::of(&[0.3, 0.3 + 1e-12]).is_constant());
    }
}
