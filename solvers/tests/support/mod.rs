//! Small imaging problems, and vectors.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails, fails the test")]
#![allow(dead_code, reason = "every test binary uses another part")]

use converge_problems::imaging::{Imaging, ImagingConfig, SmoothImaging};
use converge_problems::{Batch, Seed};
use serde_json::{Value, json};

/// A noisy instance of `side x side` pixels: 10 % impulses for terms of the distance, else 30 dB.
fn section(side: usize, operator: &Value, blocks: usize, loss: &str, denoiser: &Value) -> Value {
    let noise = if loss == "l1" { json!({ "impulses": {} }) } else { json!({ "snr-db": 30 }) };
    json!({
        "image": { "phantom": { "kind": "ellipses", "rows": side, "columns": side } },
        "operator": operator, "blocks": blocks, "data-term": loss, "noise": noise,
        "denoiser": denoiser,
    })
}

pub(crate) fn config(
    side: usize,
    operator: Value,
    blocks: usize,
    loss: &str,
    denoiser: &Value,
) -> Imaging {
    let section = section(side, &operator, blocks, loss, denoiser);
    let config: ImagingConfig = serde_json::from_value(section).unwrap();
    Imaging::new(&config, Seed::root(1)).unwrap()
}

pub(crate) fn smooth(
    side: usize,
    operator: Value,
    blocks: usize,
    loss: &str,
    denoiser: &Value,
) -> SmoothImaging {
    let section = section(side, &operator, blocks, loss, denoiser);
    let config: ImagingConfig = serde_json::from_value(section).unwrap();
    SmoothImaging::new(&config, Seed::root(1)).unwrap()
}

pub(crate) fn batch(terms: &[u32]) -> Batch<'_> {
    Batch { terms, draw: Seed::root(0) }
}

pub(crate) fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

pub(crate) fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&difference(a, b))
}

pub(crate) fn bits(x: &[f64]) -> Vec<u64> {
    x.iter().map(|x| x.to_bits()).collect()
}
