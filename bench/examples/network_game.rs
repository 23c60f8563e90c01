//! Our side of `bench/peers/network_game.py`: fields of the mixture game, whose players are networks with one
//! hidden layer.
//!
//! Answers every line of JSON on standard input ([`Request`]) with one on standard output
//! ([`Answer`]), so that the script can take turns with another library. One thread; seconds are those
//! of the wall. A point is `(θ; ω)`, each `W₁` column by column, `b₁`, `W₂` row by row, `b₂`.

use std::error::Error;
use std::io::{BufRead, Write};

use converge_bench::clock::{Clock, Monotonic};
use converge_problems::gan::{MixtureGan, MixtureGanConfig};
use converge_problems::{Batch, BatchGradient, Build, Problem, Seed};
use serde::{Deserialize, Serialize};

/// Fields of both players at a point, each on a fresh mini-batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    hidden: usize,
    batch: u32,
    repeats: u64,
}

/// What it gets.
#[derive(Serialize)]
struct Answer {
    seconds: f64,
    x: Vec<f64>,
    /// Mean of the fields, and the standard error of each entry.
    mean: Vec<f64>,
    standard_error: Vec<f64>,
}

fn answer(Request { hidden, batch, repeats }: &Request) -> Result<Answer, Box<dyn Error>> {
    let config = MixtureGanConfig {
        generator: *hidden,
        discriminator: *hidden,
        ..MixtureGanConfig::default()
    };
    let game = MixtureGan::build(&config, Seed::root(0), None)?;
    let mut x = vec![0.0; game.dim()];
    game.start(Seed::root(1), &mut x);
    let (mut g, mut scratch) = (vec![0.0; game.dim()], game.scratch());
    let (mut sums, mut squares) = (g.clone(), g.clone());
    let terms: Vec<u32> = (0..*batch).collect();
    let mut seconds = 0.0;
    for repeat in 0..*repeats {
        let draw = Seed::root(2).index(repeat);
        let mut clock = Monotonic::start();
        game.batch_gradient(Batch { terms: &terms, draw }, &x, &mut g, &mut scratch);
        seconds += clock.now();
        for ((sum, square), g) in sums.iter_mut().zip(&mut squares).zip(&g) {
            *sum += g;
            *square += g * g;
        }
    }
    let n = *repeats as f64;
    let mean: Vec<f64> = sums.iter().map(|sum| sum / n).collect();
    let error = |(square, mean): (&f64, &f64)| ((square / n - mean * mean).max(0.0) / n).sqrt();
    let standard_error = squares.iter().zip(&mean).map(error).collect();
    Ok(Answer { seconds, x, mean, standard_error })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = answer(&serde_json::from_str(&line?)?)?;
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}
