//! Tests of the games: test vectors, derivatives, noises, set-up errors.

mod games;
mod setup;
mod vectors;

use super::{LqGan, LqGanConfig, Scale, ScaleGanConfig};
use crate::{Build, Seed};

fn lq(config: LqGanConfig) -> LqGan {
    LqGan::build(&config, Seed::root(0), None).unwrap()
}

fn scale(config: &ScaleGanConfig) -> Scale {
    use super::Plane;
    Scale::new(config).unwrap().0
}
