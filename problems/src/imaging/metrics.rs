//! What is measured at a point.

use super::quality::{align, psnr_db, snr_db, ssim};
use super::{Image, Imaging, ImagingScratch, Unknown};
use crate::numerics::vector::{axpy, dot, norm};
use crate::{Better, Metric, Output, Problem, Seed, Split};

/// The metrics of an instance, in the order of their row. Those that know the truth are of the split
/// that selects: methods are tuned on them, which studies have to say.
pub(super) fn list(imaging: &Imaging) -> Vec<Metric> {
    use Better::{Higher, Lower};
    let mut list = vec![
        Metric::new("objective", Lower, Split::Train),
        Metric::new("misfit", Lower, Split::Train),
    ];
    if imaging.truth.is_some() {
        list.push(Metric::new("psnr", Higher, Split::Validation).in_unit("dB"));
        list.push(Metric::new("snr", Higher, Split::Validation).in_unit("dB"));
        list.push(Metric::new("ssim", Higher, Split::Validation));
    }
    if imaging.reference.is_some() {
        list.push(Metric::new("distance", Lower, Split::Train));
    }
    list
}

impl Imaging {
    /// The point as it is compared with another: without the sign or phase that was not measured.
    fn aligned(&self, x: &[f64], with: Option<&[f64]>) -> Vec<f64> {
        let mut x = x.to_vec();
        if let (Some(with), true) = (with, self.loss.is_phaseless()) {
            align(self.unknown == Unknown::Complex, &mut x, with);
        }
        x
    }

    /// Mean over the planes; of a complex unknown the plane of real parts.
    fn similarity(&self, x: &[f64], truth: &[f64]) -> f64 {
        let [rows, columns] = self.shape;
        let image = |pixels: &[f64]| Image { rows, columns, pixels: pixels.to_vec() };
        let size = rows * columns;
        let planes = if self.unknown == Unknown::Complex { 1 } else { x.len() / size };
        let pairs = x.chunks_exact(size).zip(truth.chunks_exact(size)).take(planes);
        pairs.map(|(x, truth)| ssim(&image(x), &image(truth))).sum::<f64>() / planes as f64
    }
}

impl Problem for Imaging {
    type Scratch = ImagingScratch;

    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn terms(&self) -> Option<usize> {
        Some(self.operator.blocks())
    }

    fn scratch(&self) -> ImagingScratch {
        self.new_scratch()
    }

    fn start(&self, seed: Seed, x: &mut [f64]) {
        self.write_start(seed, x);
    }

    fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// `objective` is `g(x)`; `misfit` is `‖o(A x) - y‖ / ‖y‖`, where `o` takes the moduli or their
    /// squares if the data term does. `psnr` is that of all numbers of the point against a peak of 1,
    /// `snr` and `ssim` as [`snr_db`] and [`ssim`] say; `distance` is `‖x - x*‖ / ‖x*‖` of the point `x*` of
    /// a reference stage. All of the first point.
    fn evaluate(&self, x: &[f64], row: &mut [f64], scratch: &mut ImagingScratch) {
        let x = &x[..self.dim()];
        let (mut value, mut square) = (0.0, 0.0);
        let complex = self.operator.complex();
        for block in 0..self.operator.blocks() {
            let ImagingScratch { room, block: w, other, .. } = &mut *scratch;
            let (w, y) = (&mut w[..self.numbers(block)], self.data.block(block));
            self.operator.forward(block, x, w, room);
            value += self.loss.value(complex, w, y);
            let seen = &mut other[..y.len()];
            self.loss.observe(complex, w, seen);
            axpy(-1.0, y, seen);
            square += dot(seen, seen);
        }
        let mut found =
            vec![value / self.operator.blocks() as f64, square.sqrt() / norm(self.data.values())];
        if let Some(truth) = &self.truth {
            let x = self.aligned(x, Some(truth));
            found.extend([psnr_db(&x, truth), snr_db(&x, truth), self.similarity(&x, truth)]);
        }
        if let Some(reference) = &self.reference {
            let mut gap = self.aligned(x, Some(reference));
            axpy(-1.0, reference, &mut gap);
            found.push(norm(&gap) / norm(reference));
        }
        for (place, value) in row.iter_mut().zip(found) {
            *place = if value.is_finite() { value } else { f64::NAN };
        }
    }

    /// `image`: the planes of the point, and `truth` those of the truth where it is known. Columns
    /// are the slower axis, as in a point.
    fn outputs(&self) -> Vec<Output> {
        let [rows, columns] = self.shape;
        let planes = self.dim() / (rows * columns);
        let output = |name| Output { name, shape: vec![planes, columns, rows] };
        let mut outputs = vec![output("image".into())];
        outputs.extend(self.truth.is_some().then(|| output("truth".into())));
        outputs
    }

    fn output(&self, index: usize, x: &[f64], out: &mut [f64], _scratch: &mut ImagingScratch) {
        match (&self.truth, index) {
            (Some(truth), 1) => out.copy_from_slice(truth),
            _ => out.copy_from_slice(&self.aligned(&x[..self.dim()], self.truth())),
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        self.facts.clone()
    }
}
