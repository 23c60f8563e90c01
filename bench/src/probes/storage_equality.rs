//! Streamed and recomputed features against stored ones.

use std::path::Path;

use converge_problems::data::{self, DatasetChoice, Features, Files, Samples};
use converge_problems::mlr::{FeatureChoice, Mlr, MlrConfig, Storage};
use converge_problems::{
    Better, Build, Gradient, HessianVector, Metric, Problem, Seed, SetupError, Split, require,
};
use converge_solvers::{AdmmSoftmax, Solver};
use rand::RngExt;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Deserialize;

use super::admm::start;
use super::timing::seconds;
use crate::registry::{Probe, ProbeError};

/// Writes the training samples of a data set to files, and compares the instance on the file in
/// memory with those that stream it or compute their features anew. Rows, for every number of threads:
/// raw features streamed from NPY, from HDF5 in one piece and from HDF5 in packed chunks; of a feature
/// map, features computed anew from numbers in memory, from streamed NPY and from streamed HDF5.
///
/// | column | number |
/// |---|---|
/// | `different-oracle-numbers` | numbers of value, gradient, Hessian product and Gram matrix whose bits differ from those of the first number of threads in memory |
/// | `different-run-numbers` | the same of `W`, `Z`, `U` after the iterations of ADMM-Softmax |
/// | `time-over-stored` | seconds of a value with gradient over those in memory, the file in the cache of the system |
///
/// Timing model: the smallest of `repeats` measurements; NaN for `repeats = 0`, which measures
/// nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StorageEquality {
    /// The instance; its data must fit the memory.
    pub problem: MlrConfig,
    /// Numbers of threads, at least one of them.
    pub threads: Vec<usize>,
    /// Penalty per sample `s > 0`.
    pub penalty: f64,
    /// Iterations.
    pub iterations: u32,
    /// Measurements of each time.
    #[serde(default)]
    pub repeats: u32,
}

impl Probe for StorageEquality {
    const ID: &'static str = "storage-equality";
    const ABOUT: &'static str = "streamed and recomputed features against stored ones, bit for bit";

    fn columns(&self) -> Vec<Metric> {
        let lower = |name| Metric::new(name, Better::Lower, Split::None);
        vec![
            Metric::diagnostic("threads"),
            lower("different-oracle-numbers"),
            lower("different-run-numbers"),
            lower("time-over-stored"),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let some = !self.threads.is_empty() && self.threads.iter().all(|&threads| threads > 0);
        require("threads", self.threads.len(), some, "numbers of at least 1")?;
        let broken =
            |error: std::io::Error| SetupError::Numerics(format!("temporary file: {error}"));
        let folder = tempfile::tempdir().map_err(broken)?;
        let data = data::load(&self.problem.dataset, seed.child("data"))?;
        let inputs = data.shape.inputs();
        let shape = [data.shape.channels, data.shape.rows, data.shape.columns];
        write_npy(folder.path(), &data.train, inputs).map_err(broken)?;
        write_hdf5(folder.path(), &data.train, inputs)
            .map_err(|error| SetupError::Numerics(format!("temporary file: {error}")))?;
        let classes = Some(data.classes);
        drop(data);
        let build = |name: &str, stream: bool, storage: Storage| {
            let at = |name: &str| folder.path().join(name);
            let files = Files {
                path: at(name),
                labels_path: name.ends_with("npy").then(|| at("labels.npy")),
                shape: Some(shape),
                classes,
                stream,
                ..Files::default()
            };
            let dataset = DatasetChoice::Files(Box::new(files));
            Mlr::build(&MlrConfig { dataset, storage, ..self.problem.clone() }, seed, None)
        };
        let stored = build("features.npy", false, Storage::Memory)?;
        let others = if self.problem.features == FeatureChoice::Raw {
            [("features.npy", true), ("whole.h5", true), ("chunks.h5", true)]
        } else {
            [("features.npy", false), ("features.npy", true), ("whole.h5", true)]
        };
        let others = others.map(|(name, stream)| build(name, stream, Storage::Recompute));
        let others = others.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut expected = None;
        for &threads in &self.threads {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.map_err(|error| SetupError::Numerics(error.to_string()))?;
            let here = self.numbers(&stored, &pool, seed)?;
            let [oracles, run] = expected.get_or_insert(here);
            let base = self.seconds(&stored, &pool);
            for other in &others {
                let [its_oracles, its_run] = self.numbers(other, &pool, seed)?;
                let differing =
                    |a: &[u64], b: &[u64]| a.iter().zip(b).filter(|(a, b)| a != b).count() as f64;
                push(&[
                    threads as f64,
                    differing(oracles, &its_oracles),
                    differing(run, &its_run),
                    self.seconds(other, &pool) / base,
                ]);
            }
        }
        Ok(())
    }
}

impl StorageEquality {
    /// Bits of what the oracles give, and of a run.
    fn numbers(
        &self,
        problem: &Mlr,
        pool: &ThreadPool,
        seed: Seed,
    ) -> Result<[Vec<u64>; 2], ProbeError> {
        let mut rng = seed.child("point").rng();
        let mut point = || (0..problem.dim()).map(|_| rng.random_range(-0.1..0.1)).collect();
        let (x, v): (Vec<f64>, Vec<f64>) = (point(), point());
        let solver = AdmmSoftmax { penalty: self.penalty, ..AdmmSoftmax::default() };
        pool.install(|| {
            let mut scratch = problem.scratch();
            let (mut g, mut hv) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            let value = problem.value_gradient(&x, &mut g, &mut scratch);
            let mut at = problem.linearization();
            problem.linearize(&x, &mut at, &mut scratch);
            problem.hessian_vector(&at, &v, &mut hv, &mut scratch);
            let gram = problem.gram();
            let gram = (0..gram.ncols()).flat_map(|j| gram.col_as_slice(j));
            let oracles = std::iter::once(&value).chain(&g).chain(&hv).chain(gram);
            let oracles = oracles.map(|v| v.to_bits()).collect();
            let mut state = start(&solver, problem, seed)?;
            for _ in 0..self.iterations {
                solver.step(problem, &mut state)?;
            }
            let run = solver.iterate(&state).iter().chain(state.split()).map(|v| v.to_bits());
            Ok([oracles, run.collect()])
        })
    }

    fn seconds(&self, problem: &Mlr, pool: &ThreadPool) -> f64 {
        if self.repeats == 0 {
            return f64::NAN;
        }
        pool.install(|| {
            let mut scratch = problem.scratch();
            let (x, mut g) = (vec![0.01; problem.dim()], vec![0.0; problem.dim()]);
            seconds(self.repeats, || {
                std::hint::black_box(problem.value_gradient(&x, &mut g, &mut scratch));
            })
        })
    }
}

fn write_npy(folder: &Path, samples: &Samples, inputs: usize) -> std::io::Result<()> {
    let write = |name: &str, descr: &str, extents: String, numbers: Vec<u8>| {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({extents}), }}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(numbers);
        std::fs::write(folder.join(name), bytes)
    };
    let extents = format!("{}, {inputs}", samples.len());
    let (descr, numbers) = match &samples.features {
        Features::U8 { values, .. } => ("|u1", values.clone()),
        Features::F32(values) => ("<f4", values.iter().flat_map(|v| v.to_le_bytes()).collect()),
        other => ("<f8", (0..other.len()).flat_map(|i| other.get(i).to_le_bytes()).collect()),
    };
    write("features.npy", descr, extents, numbers)?;
    let labels = samples.labels.iter().flat_map(|label| label.to_le_bytes()).collect();
    write("labels.npy", "<u2", format!("{},", samples.len()), labels)
}

/// `whole.h5` in one piece, `chunks.h5` in packed chunks of 256 samples.
fn write_hdf5(folder: &Path, samples: &Samples, inputs: usize) -> hdf5::Result<()> {
    for (name, packed) in [("whole.h5", false), ("chunks.h5", true)] {
        let file = hdf5::File::create(folder.join(name))?;
        let extents = (samples.len(), inputs);
        let builder = || {
            let builder = file.new_dataset_builder();
            if packed { builder.chunk((extents.0.min(256), inputs)).deflate(1) } else { builder }
        };
        match &samples.features {
            Features::U8 { values, .. } => {
                builder().empty::<u8>().shape(extents).create("features")?.write_raw(values)?;
            }
            Features::F32(values) => {
                builder().empty::<f32>().shape(extents).create("features")?.write_raw(values)?;
            }
            other => {
                let values: Vec<f64> = (0..other.len()).map(|i| other.get(i)).collect();
                builder().empty::<f64>().shape(extents).create("features")?.write_raw(&values)?;
            }
        }
        file.new_dataset_builder().with_data(&samples.labels).create("labels")?;
    }
    Ok(())
}
