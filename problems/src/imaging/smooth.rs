//! The same problem with data terms that have a gradient.

use super::{Imaging, ImagingConfig, ImagingScratch, Warm};
use crate::{
    Batch, BatchGradient, BatchProx, Build, Denoise, Gradient, Inner, Metric, Output, Problem,
    Prox, Seed, SetupError, Value, require,
};

/// [`Imaging`] with a data term that has a gradient, and the gradient.
///
/// ```text
/// ∇g(x) = (1/b) Σ A_i' φ'(A_i x; y_i)
/// ```
///
/// Cost: one product with every block there and one back.
#[derive(Debug)]
pub struct SmoothImaging(Imaging);

impl SmoothImaging {
    /// # Errors
    /// [`SetupError::Parameter`] for a data term without gradient, and what [`Imaging::new`] gives.
    pub fn new(config: &ImagingConfig, seed: Seed) -> Result<Self, SetupError> {
        let loss = config.data_term;
        let admissible = "a data term with a gradient; kind \"imaging\" takes it, for methods that \
                          use proximal maps";
        require("data-term", format!("{loss:?}"), loss.is_smooth(), admissible)?;
        Ok(Self(Imaging::new(config, seed)?))
    }

    /// The problem without its gradient.
    pub fn imaging(&self) -> &Imaging {
        &self.0
    }
}

impl Problem for SmoothImaging {
    type Scratch = ImagingScratch;

    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn terms(&self) -> Option<usize> {
        self.0.terms()
    }

    fn scratch(&self) -> ImagingScratch {
        self.0.scratch()
    }

    fn start(&self, seed: Seed, x: &mut [f64]) {
        self.0.start(seed, x);
    }

    fn metrics(&self) -> &[Metric] {
        self.0.metrics()
    }

    fn evaluate(&self, x: &[f64], row: &mut [f64], scratch: &mut ImagingScratch) {
        self.0.evaluate(x, row, scratch);
    }

    fn outputs(&self) -> Vec<Output> {
        self.0.outputs()
    }

    fn output(&self, index: usize, x: &[f64], out: &mut [f64], scratch: &mut ImagingScratch) {
        self.0.output(index, x, out, scratch);
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        self.0.facts()
    }
}

impl Value for SmoothImaging {
    fn value(&self, x: &[f64], scratch: &mut ImagingScratch) -> f64 {
        let blocks = self.0.operator().blocks();
        self.0.add_terms(0..blocks, (blocks as f64).recip(), x, None, scratch)
    }
}

impl Gradient for SmoothImaging {
    fn value_gradient(&self, x: &[f64], g: &mut [f64], scratch: &mut ImagingScratch) -> f64 {
        let blocks = self.0.operator().blocks();
        g.fill(0.0);
        self.0.add_terms(0..blocks, (blocks as f64).recip(), x, Some(g), scratch)
    }
}

impl BatchGradient for SmoothImaging {
    fn batch_gradient(
        &self,
        batch: Batch<'_>,
        x: &[f64],
        g: &mut [f64],
        scratch: &mut ImagingScratch,
    ) {
        let terms = batch.terms.iter().map(|&term| term as usize);
        g.fill(0.0);
        self.0.add_terms(terms, (batch.terms.len() as f64).recip(), x, Some(g), scratch);
    }
}

impl Prox for SmoothImaging {
    fn prox(&self, v: &[f64], step: f64, x: &mut [f64], scratch: &mut ImagingScratch) {
        self.0.prox(v, step, x, scratch);
    }
}

impl BatchProx for SmoothImaging {
    type Warm = Warm;

    fn warm(&self) -> Warm {
        self.0.warm()
    }

    fn batch_prox(
        &self,
        batch: Batch<'_>,
        v: &[f64],
        step: f64,
        x: &mut [f64],
        warm: &mut Warm,
        scratch: &mut ImagingScratch,
    ) -> Inner {
        self.0.batch_prox(batch, v, step, x, warm, scratch)
    }
}

impl Denoise for SmoothImaging {
    fn denoise(&self, v: &[f64], strength: f64, x: &mut [f64], scratch: &mut ImagingScratch) {
        self.0.denoise(v, strength, x, scratch);
    }
}

impl Build for SmoothImaging {
    const ID: &'static str = "smooth-imaging";
    const ABOUT: &'static str = "image reconstruction, with gradients and proximal maps";
    type Config = ImagingConfig;

    fn build(
        config: &ImagingConfig,
        seed: Seed,
        reference: Option<&[f64]>,
    ) -> Result<Self, SetupError> {
        let Self(imaging) = Self::new(config, seed)?;
        match reference {
            None => Ok(Self(imaging)),
            Some(point) => imaging.with_reference(point).map(Self),
        }
    }
}
