//! A registry whose members do nothing, and a study on them.

use std::path::Path;

use converge_problems::{Build, Metric, Problem, Seed, SetupError};
use converge_solvers::{Breakdown, Solver, Step};
use serde::{Deserialize, Serialize};

use crate::registry::{Probe, ProbeError, Registry};
use crate::study::{Size, Study, StudyError};

pub(super) const FILE: &str = "figures/tiny/bowl.toml";

/// A study that uses every table.
pub(super) const WHOLE: &str = r#"schema = 1
paper = "tiny"
title = "Bowls"
outputs = ["iterate"]

[problem.bowl]
depth = 2.0
shape = { round = { radius = 1.0 } }
[problem.valley]

[solver.walk]
step-size = { sweep = [0.1, 0.2] }
[solver.jump]
height = 3
problems = ["bowl"]

[probe.moments]
order = 2

[reference]
solver = "jump"
stop = { iterations = 7 }

[tune]
trials = 4
seeds = 2
over = { walk = { decay = { log = [1e-3, 1.0] } } }
best = { metric = "validation-loss" }

[seeds]
min = 2
max = 4
root = 11

[sampling]
rule = "geometric"
factor = 1.5

[stop]
any = [{ iterations = 20 }, { divergence = { metric = "objective", factor = 1e3 } }]

[limits]
seconds = 5
memory = "8 GiB"

[variant.published]
problem.bowl.depth = 5.0

[quick]
problem.bowl.shape = "flat"
seeds = { min = 1, max = 1 }
stop.iterations = 3

[full]
solver.walk.step-size = 0.5
variant.published.problem.bowl.depth = 9.0

[claim.C1]
text = "It walks."
test = { at-most = { metric = "objective", limit = 1.0, solver = "walk", problem = "bowl" } }

[plot.bowl]
x = "iteration"
y = "objective"
solvers = ["walk", "jump"]
"#;

pub(super) fn study(text: &str, size: Size) -> Result<Study, StudyError> {
    Study::parse(text, Path::new(FILE), size, &registry())
}

pub(super) fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.pair::<Bowl, Walk>().pair::<Bowl, Jump>().pair::<Valley, Walk>().probe::<Moments>();
    registry
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Shape {
    Flat,
    Round {
        #[serde(rename = "radius")]
        _radius: f64,
    },
    Square {
        #[serde(rename = "side")]
        _side: f64,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct BowlConfig {
    #[serde(default, rename = "depth")]
    _depth: f64,
    #[serde(default, rename = "shape")]
    _shape: Option<Shape>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ValleyConfig {}

macro_rules! problem {
    ($name:ident, $config:ty, $id:literal) => {
        pub(super) struct $name;

        impl Problem for $name {
            type Scratch = ();
            fn dim(&self) -> usize {
                1
            }
            fn scratch(&self) {}
            fn start(&self, _: Seed, x: &mut [f64]) {
                x.fill(1.0);
            }
            fn metrics(&self) -> &[Metric] {
                &[]
            }
            fn evaluate(&self, _: &[f64], _: &mut [f64], (): &mut ()) {}
        }

        impl Build for $name {
            const ID: &'static str = $id;
            const ABOUT: &'static str = "Does nothing.";
            type Config = $config;
            fn build(_: &$config, _: Seed, _: Option<&[f64]>) -> Result<Self, SetupError> {
                Ok(Self)
            }
        }
    };
}
problem!(Bowl, BowlConfig, "bowl");
problem!(Valley, ValleyConfig, "valley");

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Walk {
    #[serde(default)]
    step_size: f64,
    #[serde(default)]
    decay: f64,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Jump {
    #[serde(default)]
    height: u64,
}

macro_rules! solver {
    ($name:ident, $id:literal, $($problem:ty),+) => {
        $(impl Solver<$problem> for $name {
            const ID: &'static str = $id;
            const ABOUT: &'static str = "Stands still.";
            type State = Vec<f64>;
            fn init(&self, _: &$problem, x0: &[f64], _: Seed) -> Result<Vec<f64>, SetupError> {
                Ok(x0.to_vec())
            }
            fn step(&self, _: &$problem, _: &mut Vec<f64>) -> Result<Step, Breakdown> {
                Ok(Step::default())
            }
            fn iterate<'s>(&self, state: &'s Vec<f64>) -> &'s [f64] {
                state
            }
        })+
    };
}
solver!(Walk, "walk", Bowl, Valley);
solver!(Jump, "jump", Bowl);

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Moments {
    #[serde(default, rename = "order")]
    _order: u64,
}

impl Probe for Moments {
    const ID: &'static str = "moments";
    const ABOUT: &'static str = "Pushes nothing.";
    fn columns(&self) -> Vec<Metric> {
        Vec::new()
    }
    fn run(&self, _: Seed, _: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        Ok(())
    }
}
