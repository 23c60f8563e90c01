//! Decay with oscillation: the pair (ρ, ν) of `e^{−ρt}(A cos νt − B sin νt)`.
//!
//! The amplitudes are eliminated by linear least squares, and (ρ, ν) found by Gauss–Newton steps on
//! what is left, damped until they descend. Source: G. Golub, V. Pereyra, 1973, with the Jacobian of
//! L. Kaufman, A variable projection method for solving separable nonlinear least squares problems,
//! 1975, BIT 15.

use nalgebra::{Matrix2, Vector2};
use rand_pcg::Pcg64;

use super::decay::{Means, Replicas};
use crate::statistics::resampled::Resampled;
use crate::statistics::withheld::Withheld;

/// Fewest times: two more than parameters.
const FEWEST_TIMES: usize = 6;
/// Steps before a fit is given up; from start values of the right order some ten suffice.
const STEPS: usize = 200;

/// A damped oscillation.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Damped {
    /// Rate ρ, per unit of time.
    pub rate: f64,
    /// Angular frequency ν > 0, radians per unit of time.
    pub frequency: f64,
    /// Amplitudes A of the cosine and B of the negative sine.
    pub amplitudes: [f64; 2],
    /// Weighted sum of squares that is left.
    pub misfit: f64,
}

/// Start values of (ρ, ν) from the recurrence `y_{j+2} = a y_{j+1} + b y_j` on an even grid:
/// `ρ = −ln(−b)/(2Δ)`, `ν = arccos(a/(2√−b))/Δ`. Noise biases them: a start only.
///
/// # Errors
/// The grid is not even, or the recurrence has real roots: no oscillation.
pub fn start(means: &Means) -> Result<[f64; 2], Withheld> {
    let y = &means.values;
    if y.len() < FEWEST_TIMES {
        return Err(Withheld::TooFew { what: "times", found: y.len(), needed: FEWEST_TIMES });
    }
    let step = (means.times[y.len() - 1] - means.times[0]) / (y.len() - 1) as f64;
    let uneven = |pair: &[f64]| ((pair[1] - pair[0]) / step - 1.0).abs() > 1e-6;
    if let Some(pair) = means.times.windows(2).find(|pair| uneven(pair)) {
        return Err(Withheld::Unusable {
            what: "a step of the time grid",
            value: pair[1] - pair[0],
        });
    }
    let mut normal = Matrix2::zeros();
    let mut right = Vector2::zeros();
    for y in y.windows(3) {
        let row = Vector2::new(y[1], y[0]);
        normal += row * row.transpose();
        right += row * y[2];
    }
    let roots = normal.try_inverse().ok_or(Withheld::NoOscillation)? * right;
    let (a, b) = (roots[0], roots[1]);
    let cosine = a / (2.0 * (-b).sqrt());
    if b < 0.0 && cosine.abs() < 1.0 {
        Ok([-(-b).ln() / (2.0 * step), cosine.acos() / step])
    } else {
        Err(Withheld::NoOscillation)
    }
}

/// The weighted least-squares oscillation, weights `1/s²`, from start values of (ρ, ν). Times at which
/// all replicas agree are left out.
///
/// # Errors
/// Too few times, or the steps do not settle.
pub fn damped(means: &Means, start: [f64; 2]) -> Result<Damped, Withheld> {
    let count = means.deviations.iter().filter(|s| **s > 0.0).count();
    if count < FEWEST_TIMES {
        return Err(Withheld::TooFew { what: "times", found: count, needed: FEWEST_TIMES });
    }
    let mut point = Vector2::from(start);
    let mut here = Projection::at(means, point);
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        let normal = here.normal + Matrix2::from_diagonal(&here.normal.diagonal()) * damping;
        let step = normal.try_inverse().ok_or(Withheld::NoOscillation)? * here.gradient;
        let next = Projection::at(means, point + step);
        if next.misfit <= here.misfit {
            point += step;
            here = next;
            damping *= 0.1;
        } else {
            damping *= 10.0;
        }
        // Far below any standard error; a step that no longer descends grows ever shorter.
        if step.norm() <= 1e-12 * point.norm() {
            let [a, b] = here.amplitudes;
            return Ok(Damped {
                rate: point[0],
                frequency: point[1].abs(),
                amplitudes: [a, if point[1] < 0.0 { -b } else { b }],
                misfit: here.misfit,
            });
        }
    }
    Err(Withheld::NoOscillation)
}

/// Rate and frequency with their values over `draws` redrawn sets of replicas, each fitted from the
/// values of the data.
///
/// # Errors
/// Fewer than fifty replicas, or no fit to the data themselves. A redrawn set without a fit counts
/// as one without a value.
pub fn bootstrap(
    replicas: Replicas<'_>,
    draws: usize,
    rng: &mut Pcg64,
) -> Result<(Resampled, Resampled), Withheld> {
    replicas.check()?;
    let means = replicas.means();
    let found = damped(&means, start(&means)?)?;
    let mut frequencies = Vec::with_capacity(draws);
    let rates = replicas.redraw(means, draws, rng, |means| {
        let drawn = damped(means, [found.rate, found.frequency]);
        frequencies.push(drawn.as_ref().map_or(f64::NAN, |drawn| drawn.frequency));
        drawn.map_or(f64::NAN, |drawn| drawn.rate)
    });
    Ok((Resampled::new(found.rate, &rates), Resampled::new(found.frequency, &frequencies)))
}

/// The problem at one (ρ, ν) with the amplitudes eliminated.
struct Projection {
    amplitudes: [f64; 2],
    misfit: f64,
    /// `JᵀJ` and `Jᵀr` of the projected Jacobian of the model and the residual r.
    normal: Matrix2<f64>,
    gradient: Vector2<f64>,
}

impl Projection {
    fn at(means: &Means, point: Vector2<f64>) -> Self {
        // Rows are weighted by 1/s: the two columns of the model, then the values.
        let rows = || {
            let all = means.times.iter().zip(&means.values).zip(&means.deviations);
            all.filter(|(_, s)| **s > 0.0).map(|((t, y), s)| {
                let (sine, cosine) = (point[1] * t).sin_cos();
                let scale = (-point[0] * t).exp() / s;
                (*t, Vector2::new(scale * cosine, -scale * sine), y / s)
            })
        };
        let mut gram = Matrix2::zeros();
        let mut right = Vector2::zeros();
        for (_, basis, y) in rows() {
            gram += basis * basis.transpose();
            right += basis * y;
        }
        let Some(inverse) = gram.try_inverse() else {
            return Self {
                amplitudes: [0.0; 2],
                misfit: f64::INFINITY,
                normal: Matrix2::zeros(),
                gradient: Vector2::zeros(),
            };
        };
        let amplitudes = inverse * right;
        // ∂/∂ρ of the model is −t·model, ∂/∂ν is t·(B-column·A − A-column·B).
        let slopes = |t: f64, basis: Vector2<f64>| {
            Vector2::new(
                -t * basis.dot(&amplitudes),
                t * (basis[1] * amplitudes[0] - basis[0] * amplitudes[1]),
            )
        };
        let mut inside = Matrix2::zeros();
        for (t, basis, _) in rows() {
            inside += basis * slopes(t, basis).transpose();
        }
        let inside = inverse * inside;
        let mut found = Self {
            amplitudes: amplitudes.into(),
            misfit: 0.0,
            normal: Matrix2::zeros(),
            gradient: Vector2::zeros(),
        };
        for (t, basis, y) in rows() {
            let residual = y - basis.dot(&amplitudes);
            let outside = slopes(t, basis) - inside.transpose() * basis;
            found.misfit += residual * residual;
            found.normal += outside * outside.transpose();
            found.gradient += outside * residual;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::decay::Limit;
    use super::*;
    use crate::statistics::assert_close;
    use crate::statistics::distribution::normal;

    fn vector(count: u32) -> Means {
        let times: Vec<f64> = (0..count).map(|j| 0.5 * f64::from(j)).collect();
        let values =
            times.iter().map(|t| 1.3 * (-0.75 * t).exp() * (0.97 * t + 0.4).cos()).collect();
        Means { values, deviations: vec![0.02; times.len()], times }
    }

    #[test]
    fn start_and_fit_find_an_exact_oscillation() {
        let means = vector(13);
        let start = start(&means).unwrap();
        assert_close(start[0], 0.75, 1e-9);
        assert_close(start[1], 0.97, 1e-9);
        for from in [start, [0.5, 1.2], [1.2, 0.7], [0.75, -0.97]] {
            let found = damped(&means, from).unwrap();
            assert_close(found.rate, 0.75, 1e-9);
            assert_close(found.frequency, 0.97, 1e-9);
            assert_close(found.amplitudes[0], 1.3 * 0.4_f64.cos(), 1e-9);
            assert_close(found.amplitudes[1], 1.3 * 0.4_f64.sin(), 1e-9);
        }
    }

    #[test]
    fn a_fit_is_the_smallest_misfit_nearby() {
        let mut means = vector(13);
        let mut rng = Pcg64::seed_from_u64(1);
        for value in &mut means.values {
            *value += 0.02 * normal(&mut rng);
        }
        let found = damped(&means, start(&means).unwrap()).unwrap();
        for (rate, frequency) in [(1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)] {
            let point = Vector2::new(found.rate + rate, found.frequency + frequency);
            assert!(Projection::at(&means, point).misfit > found.misfit);
        }
    }

    #[test]
    fn a_real_decay_has_no_start() {
        let mut means = vector(13);
        means.values = means.times.iter().map(|t| (-t).exp() + 0.5 * (-0.3 * t).exp()).collect();
        assert_eq!(start(&means), Err(Withheld::NoOscillation));
        means.times[3] += 0.1;
        assert!(matches!(start(&means), Err(Withheld::Unusable { .. })));
        assert!(matches!(start(&vector(5)), Err(Withheld::TooFew { found: 5, needed: 6, .. })));
    }

    #[test]
    fn redrawn_replicas_cover_rate_and_frequency() {
        let means = vector(25);
        let mut rng = Pcg64::seed_from_u64(2);
        // A level of its own and white noise on every path.
        let paths: Vec<Vec<f64>> = (0..60)
            .map(|_| {
                let level = 0.1 * normal(&mut rng);
                means.values.iter().map(|y| y * (1.0 + level) + 0.1 * normal(&mut rng)).collect()
            })
            .collect();
        let replicas = Replicas {
            times: &means.times,
            paths: &paths,
            imaginary: None,
            limit: Limit::Known(0.0),
        };
        let (rate, frequency) = bootstrap(replicas, 499, &mut rng).unwrap();
        for (found, truth) in [(rate, 0.75), (frequency, 0.97)] {
            let interval = found.interval(0.05);
            assert!(interval.lower < truth && truth < interval.upper, "{interval:?}");
            assert!(interval.upper - interval.lower < 0.3, "{interval:?}");
        }
    }
}
