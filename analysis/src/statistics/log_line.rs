//! A straight line through logarithms of numbers with known errors: orders of discretizations and
//! rates of decay.

/// The weighted least-squares line of `ln |y|` over x.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LogLine {
    /// Slope.
    pub slope: f64,
    /// Standard error of the slope, `1/√Σw(x − x̄)²`: the errors are known, so residuals do not
    /// rescale it.
    pub error: f64,
    /// Value of the line at x = 0.
    pub intercept: f64,
    /// Lack of fit `Q = Σ w·residual²`, χ² with two degrees fewer than points if the line holds.
    pub misfit: f64,
}

/// Fits values `y` with standard errors `deviation` at `x`. The weights are `(y/deviation)²`, the
/// inverse variances of `ln |y|` to first order.
pub fn log_line(x: &[f64], y: &[f64], deviation: &[f64]) -> LogLine {
    let rows =
        || x.iter().zip(y).zip(deviation).map(|((x, y), s)| (*x, y.abs().ln(), (y / s).powi(2)));
    let weight: f64 = rows().map(|(_, _, w)| w).sum();
    let mean_x = rows().map(|(x, _, w)| w * x).sum::<f64>() / weight;
    let mean_y = rows().map(|(_, y, w)| w * y).sum::<f64>() / weight;
    let spread: f64 = rows().map(|(x, _, w)| w * (x - mean_x).powi(2)).sum();
    let slope = rows().map(|(x, y, w)| w * (x - mean_x) * (y - mean_y)).sum::<f64>() / spread;
    let misfit = rows().map(|(x, y, w)| w * (y - mean_y - slope * (x - mean_x)).powi(2)).sum();
    LogLine { slope, error: 1.0 / spread.sqrt(), intercept: mean_y - slope * mean_x, misfit }
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    #[test]
    fn an_exact_exponential_is_found_whatever_the_errors() {
        let x = [0.0, 1.0, 2.5, 4.0];
        let y = x.map(|x: f64| -3.0 * (-0.7 * x).exp());
        let line = log_line(&x, &y, &[0.1, 0.02, 0.3, 0.01]);
        assert_close(line.slope, -0.7, 1e-13);
        assert_close(line.intercept, 3.0_f64.ln(), 1e-13);
        assert!(line.misfit < 1e-24);
    }

    #[test]
    fn two_points_carry_the_error_of_their_difference() {
        // Var(ln y) = (s/y)² each, divided by the distance.
        let line = log_line(&[0.0, 2.0], &[4.0, 1.0], &[0.4, 0.05]);
        assert_close(line.error, 0.5 * (0.01_f64 + 0.0025).sqrt(), 1e-13);
    }
}
