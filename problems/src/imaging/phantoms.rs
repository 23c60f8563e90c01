//! Images that are generated.

use num_complex::Complex;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use std::fmt;

use super::Image;
use crate::numerics::Fourier;
use crate::{Seed, SetupError, require};

/// A generated image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Phantom {
    /// What it shows.
    pub kind: PhantomKind,
    /// Extent down, at least 2.
    pub rows: usize,
    /// Extent to the right, at least 2.
    pub columns: usize,
}

/// What a phantom shows. All have values in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhantomKind {
    /// The head of Shepp and Logan (IEEE Trans. Nucl. Sci. 21, 1974) with the contrast of Toft (thesis,
    /// DTU, 1996). A pixel is the mean of 4 x 4 points.
    SheppLogan,
    /// Twenty drawn ellipses, each over the earlier ones: piecewise constant. A pixel is the mean of
    /// 4 x 4 points.
    Ellipses,
    /// Drawn noise whose power falls with the square of the frequency, as in natural images, from its
    /// least value to its largest mapped to [0, 1].
    Texture,
    /// Rings whose frequency grows from 0 in the center to the finest the grid holds at the nearer
    /// border: `(1 + cos(π r²/s))/2` at `r` pixels from the center, `s` the shorter side.
    ZonePlate,
}

impl fmt::Display for PhantomKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SheppLogan => "shepp-logan",
            Self::Ellipses => "ellipses",
            Self::Texture => "texture",
            Self::ZonePlate => "zone-plate",
        })
    }
}

/// Points along a side of a pixel.
const POINTS: usize = 4;

/// An ellipse on [-1, 1]²: its value, half axes, center and angle.
struct Ellipse {
    value: f64,
    axes: [f64; 2],
    center: [f64; 2],
    radians: f64,
}

impl Ellipse {
    fn holds(&self, x: f64, y: f64) -> bool {
        let (sin, cos) = self.radians.sin_cos();
        let (x, y) = (x - self.center[0], y - self.center[1]);
        let along = (x * cos + y * sin) / self.axes[0];
        let across = (y * cos - x * sin) / self.axes[1];
        along * along + across * across <= 1.0
    }
}

/// Value, half axes, center, degrees.
const HEAD: [[f64; 6]; 10] = [
    [1.0, 0.69, 0.92, 0.0, 0.0, 0.0],
    [-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0],
    [-0.2, 0.11, 0.31, 0.22, 0.0, -18.0],
    [-0.2, 0.16, 0.41, -0.22, 0.0, 18.0],
    [0.1, 0.21, 0.25, 0.0, 0.35, 0.0],
    [0.1, 0.046, 0.046, 0.0, 0.1, 0.0],
    [0.1, 0.046, 0.046, 0.0, -0.1, 0.0],
    [0.1, 0.046, 0.023, -0.08, -0.605, 0.0],
    [0.1, 0.023, 0.023, 0.0, -0.606, 0.0],
    [0.1, 0.023, 0.046, 0.06, -0.605, 0.0],
];

impl Phantom {
    /// Draws the image.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] for fewer than two rows or columns.
    pub fn draw(&self, seed: Seed) -> Result<Image, SetupError> {
        require("image.rows", self.rows, self.rows >= 2, "at least 2")?;
        require("image.columns", self.columns, self.columns >= 2, "at least 2")?;
        Ok(match self.kind {
            PhantomKind::SheppLogan => {
                let ellipses = HEAD.map(|[value, a, b, x, y, degrees]| Ellipse {
                    value,
                    axes: [a, b],
                    center: [x, y],
                    radians: degrees.to_radians(),
                });
                self.sampled(|x, y| {
                    let inside = ellipses.iter().filter(|e| e.holds(x, y));
                    inside.map(|e| e.value).sum::<f64>().clamp(0.0, 1.0)
                })
            }
            PhantomKind::Ellipses => {
                let mut rng = seed.child("ellipses").rng();
                let ellipses: Vec<Ellipse> = (0..20)
                    .map(|_| Ellipse {
                        value: rng.random_range(0.0..1.0),
                        axes: [rng.random_range(0.05..0.5), rng.random_range(0.05..0.5)],
                        center: [rng.random_range(-0.9..0.9), rng.random_range(-0.9..0.9)],
                        radians: rng.random_range(0.0..std::f64::consts::PI),
                    })
                    .collect();
                self.sampled(|x, y| {
                    ellipses.iter().rfind(|e| e.holds(x, y)).map_or(0.0, |e| e.value)
                })
            }
            PhantomKind::Texture => self.texture(seed),
            PhantomKind::ZonePlate => {
                let side = self.rows.min(self.columns) as f64;
                Image::from_fn(self.rows, self.columns, |r, c| {
                    let from_center = |i: usize, n: usize| i as f64 - 0.5 * (n as f64 - 1.0);
                    let (y, x) = (from_center(r, self.rows), from_center(c, self.columns));
                    0.5 + 0.5 * (std::f64::consts::PI * (x * x + y * y) / side).cos()
                })
            }
        })
    }

    /// The means over the pixels of a function on [-1, 1]², `x` to the right, `y` up.
    fn sampled(&self, value: impl Fn(f64, f64) -> f64) -> Image {
        let at = |pixel: usize, point: usize, n: usize| {
            2.0 * (pixel as f64 + (point as f64 + 0.5) / POINTS as f64) / n as f64 - 1.0
        };
        Image::from_fn(self.rows, self.columns, |r, c| {
            let points = (0..POINTS * POINTS)
                .map(|i| value(at(c, i % POINTS, self.columns), -at(r, i / POINTS, self.rows)));
            points.sum::<f64>() / (POINTS * POINTS) as f64
        })
    }

    fn texture(&self, seed: Seed) -> Image {
        let fourier = Fourier::new(self.rows, self.columns);
        let mut rng = seed.child("texture").rng();
        let mut grid: Vec<Complex<f64>> = (0..fourier.size())
            .map(|_| Complex::new(StandardNormal.sample(&mut rng), 0.0))
            .collect();
        let mut frequencies = vec![Complex::default(); grid.len()];
        let mut lines = vec![Complex::default(); fourier.room()];
        fourier.forward(&mut grid, &mut frequencies, &mut lines);
        for (place, value) in frequencies.iter_mut().enumerate() {
            let [k, l] = fourier.frequency(place);
            let frequency = k.hypot(l);
            *value = if frequency > 0.0 { value.unscale(frequency) } else { Complex::default() };
        }
        fourier.inverse(&mut frequencies, &mut grid, &mut lines);
        let (least, largest) = grid
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), z| (a.min(z.re), b.max(z.re)));
        let pixels = grid.iter().map(|z| (z.re - least) / (largest - least)).collect();
        Image { rows: self.rows, columns: self.columns, pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [PhantomKind; 4] = [
        PhantomKind::SheppLogan,
        PhantomKind::Ellipses,
        PhantomKind::Texture,
        PhantomKind::ZonePlate,
    ];

    #[test]
    fn values_are_in_the_unit_interval_and_vary() {
        for kind in KINDS {
            let image = Phantom { kind, rows: 30, columns: 44 }.draw(Seed::root(1)).unwrap();
            assert_eq!(image.pixels.len(), 30 * 44);
            assert!(image.pixels.iter().all(|p| (0.0..=1.0).contains(p)), "{kind}");
            let mean = image.pixels.iter().sum::<f64>() / 1320.0;
            let spread: f64 = image.pixels.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / 1320.0;
            assert!(spread > 1e-3, "{kind}: {spread}");
        }
    }

    #[test]
    fn the_head_has_its_known_values() {
        let head = Phantom { kind: PhantomKind::SheppLogan, rows: 100, columns: 100 };
        let head = head.draw(Seed::root(0)).unwrap();
        let at = |x: f64, y: f64| {
            let place = |u: f64| ((u + 1.0) * 50.0) as usize;
            head.pixels[place(-y) + 100 * place(x)]
        };
        // Skull, brain, the two dark ventricles, the bright one above, outside.
        for (x, y, value) in [
            (0.0, 0.9, 1.0),
            (0.0, -0.3, 0.2),
            (0.22, 0.0, 0.0),
            (-0.22, 0.0, 0.0),
            (0.0, 0.4, 0.3),
            (0.9, 0.9, 0.0),
        ] {
            assert!((at(x, y) - value).abs() <= 1e-12, "({x}, {y}): {}", at(x, y));
        }
    }

    #[test]
    fn only_drawn_phantoms_depend_on_the_seed() {
        for kind in KINDS {
            let phantom = Phantom { kind, rows: 16, columns: 16 };
            let (a, b) =
                (phantom.draw(Seed::root(1)).unwrap(), phantom.draw(Seed::root(2)).unwrap());
            let drawn = matches!(kind, PhantomKind::Ellipses | PhantomKind::Texture);
            assert_eq!(a != b, drawn, "{kind}");
        }
    }
}
