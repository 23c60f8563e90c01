//! One fixed input for each kind of figure, as hard as a paper would make it. Tests only.

use converge_problems::Seed;
use rand::RngExt;

use super::axis::Scale;
use super::chart::Fit;
use super::convergence::{self, Convergence};
use super::cost::{self, Bar, Cost};
use super::curves::{Curve, End};
use super::density::{self, Density, bin_width};
use super::forest;
use super::heat_map::{self, Cell, HeatMap};
use super::images::{self, Images, Picture, Quality};
use super::order::{self, Ladder, Orders};
use super::paired::{self, Effect, Paired};
use super::phase::{self, Phase, Trajectory};
use super::profile::{self, Profile, Steps};
use super::replicates::{self, Column, Replicates};
use super::scene::{About, Scene};
use super::slope::{self, Sensitivity, Slope};
use super::time_to_target::{self, Attempts, TimeToTarget};
use crate::statistics::profiles::performance;

/// Every kind by name, drawn.
pub(crate) fn all() -> Vec<(&'static str, Scene)> {
    let verdicts = forest::tests::sample();
    let verdicts: Vec<_> = verdicts.iter().collect();
    vec![
        ("convergence", convergence::draw(&convergence(&["FISTA", "ADMM", "L-BFGS", "SGD"])).0),
        ("convergence-crowded", convergence::draw(&crowded()).0),
        ("residual", convergence::draw(&residual()).0),
        ("slope", slope::draw(&slope())),
        ("time-to-target", time_to_target::draw(&time_to_target()).0),
        ("profile", profile::draw(&profile()).0),
        ("strip", replicates::strip(&strip(20))),
        ("box", replicates::strip(&strip(60))),
        ("paired", paired::draw(&paired()).expect("there are pairs")),
        ("paired-ratio", paired::draw(&ratio()).expect("there are pairs")),
        ("cost", cost::draw(&cost())),
        ("heat-map", heat_map::draw(&heat_map())),
        ("heat-map-ratio", heat_map::draw(&ratios_map())),
        ("forest", forest::draw(&verdicts, false, about("Forest"))),
        ("images", images::draw(&images())),
        ("phase-portrait", phase::draw(&phase())),
        ("density", density::draw(&density())),
        ("order", order::draw(&orders())),
    ]
}

fn about(title: &str) -> About {
    About {
        title: title.to_owned(),
        description: "A fixed input.".to_owned(),
        facts: vec![("study".to_owned(), "samples".to_owned())],
    }
}

/// Number `i` between 0 and 1.
fn even(i: usize) -> f64 {
    Seed::root(0).child("samples").index(i as u64).rng().random()
}

/// Nearly normal, mean 0 and variance 1: the sum of twelve such numbers, less six.
fn bell(i: usize) -> f64 {
    let mut rng = Seed::root(0).child("bell").index(i as u64).rng();
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

/// Solvers of different shapes of decrease from about 1, over four decades.
pub(crate) fn convergence(names: &[&str]) -> Convergence {
    let curves = names.iter().enumerate().map(|(i, name)| {
        let rate = 0.5 + 0.45 * i as f64;
        let x: Vec<f64> = (0..60).map(|k| 10_f64.powf(4.0 * f64::from(k) / 59.0)).collect();
        let median: Vec<f64> = match i % 3 {
            0 => x.iter().map(|x| (1.0 + i as f64) * x.powf(-rate)).collect(),
            1 => x.iter().map(|x| (-(x / 900.0).powf(rate)).exp() * 3.0).collect(),
            _ => x.iter().map(|x| 0.9 / (1.0 + x / 30.0).powf(rate)).collect(),
        };
        let spread = |factor: f64| median.iter().map(|m| m * factor).collect::<Vec<f64>>();
        Curve {
            name: (*name).to_owned(),
            place: i,
            variant: 0,
            low: spread(0.7),
            high: spread(1.5),
            median,
            x,
            end: if i % 2 == 0 { End::Censored } else { End::Reached },
            runs: 20,
            reached: (i == 2).then_some(7),
        }
    });
    Convergence {
        curves: curves.collect(),
        scales: (Scale::Log, Scale::Log),
        x_title: "iteration *k*".into(),
        y_title: "objective gap *f*(*x*_{k}) − *f*^{⋆}".into(),
        target: Some(1e-6),
        floor: Some(1e-8),
        holds: None,
        theory: None,
        width: 85.0,
        trial: false,
        about: about("Convergence"),
    }
}

/// Eight curves that nearly coincide, with long names, one of them diverging.
pub(crate) fn crowded() -> Convergence {
    let mut crowd = convergence(&["a rather long solver name (penalty 0.001)"; 8]);
    for (i, curve) in crowd.curves.iter_mut().enumerate() {
        curve.name = format!("{} {i}", curve.name);
        for (k, m) in curve.median.iter_mut().enumerate() {
            *m = (1.0 + 0.05 * i as f64) / (1.0 + k as f64);
        }
        curve.low = curve.median.iter().map(|m| 0.9 * m).collect();
        curve.high = curve.median.iter().map(|m| 1.1 * m).collect();
    }
    let last = &mut crowd.curves[7];
    for (k, m) in (0..).zip(&mut last.median) {
        *m = 0.5 * 1.6_f64.powi(k);
    }
    last.low.clone_from(&last.median);
    last.high.clone_from(&last.median);
    last.end = End::Diverged;
    crowd.trial = true;
    crowd
}

/// Residual of a relation over time, against the margin within which it is said to hold.
pub(crate) fn residual() -> Convergence {
    let curve = |(place, name, level): (usize, &str, f64)| {
        let x: Vec<f64> = (0..80).map(|k| 25.0 * f64::from(k)).collect();
        let noise = |k: usize| 0.004 * bell(k + 100 * place);
        let median: Vec<f64> =
            (0..80).map(|k| level + 0.09 * (-(k as f64) / 9.0).exp() + noise(k)).collect();
        let spread = |by: f64| median.iter().map(|m| m + by).collect::<Vec<f64>>();
        Curve {
            name: name.to_owned(),
            place,
            variant: 0,
            low: spread(-0.012),
            high: spread(0.012),
            median,
            x,
            end: End::Censored,
            runs: 16,
            reached: None,
        }
    };
    Convergence {
        curves: [(0, "η = 0.01", 0.003), (1, "η = 0.1", 0.047)].map(curve).to_vec(),
        scales: (Scale::Linear, Scale::Linear),
        x_title: "iteration".into(),
        y_title: "residual of the relation".into(),
        target: None,
        floor: None,
        holds: Some((-0.02, 0.02)),
        theory: None,
        about: about("Residual"),
        ..convergence(&[])
    }
}

pub(crate) fn slope() -> Slope {
    let curves = Convergence { target: None, ..convergence(&["FISTA", "ADMM"]) };
    let slope = -0.5;
    let line: Vec<(f64, f64)> = (0..=20)
        .map(|i| 30.0 * 100_f64.powf(f64::from(i) / 20.0))
        .map(|k| (k, k.powf(slope)))
        .collect();
    let middle = line[10];
    let claimed = line.iter().map(|&(k, _)| (k, middle.1 * (k / middle.0).powf(-0.4))).collect();
    let starts: Vec<f64> = (0..=20).map(|i| 12.0 * 6.25_f64.powf(f64::from(i) / 20.0)).collect();
    let mean: Vec<f64> = (0..=20).map(|i| -0.5 - 0.03 * even(i)).collect();
    let sensitivity = Sensitivity {
        band: (mean.iter().map(|m| m - 0.04).collect(), mean.iter().map(|m| m + 0.04).collect()),
        slope: mean,
        starts,
        declared: 30.0,
        threshold: Some(-0.4),
        title: "first iteration of the window".into(),
        slope_title: "slope".into(),
    };
    let fit = Fit {
        line,
        claimed,
        text: "slope −0.50 [−0.54, −0.46]".into(),
        claim: "claimed: at most −0.4".into(),
    };
    Slope { curves, fit, sensitivity }
}

pub(crate) fn time_to_target() -> TimeToTarget {
    let solver = |place: usize, name: &str, middle: f64, spread: f64, budget: f64| {
        let cost = |i: usize| middle * (spread * bell(i + 31 * place)).exp();
        let run = |i| {
            if place == 2 && i % 5 == 0 {
                return (f64::INFINITY, false);
            }
            let cost = cost(i);
            if cost < budget { (cost, true) } else { (budget, false) }
        };
        Attempts { name: name.to_owned(), place, variant: 0, runs: (0..20).map(run).collect() }
    };
    TimeToTarget {
        solvers: vec![
            solver(0, "ADMM", 12.0, 0.3, 300.0),
            solver(1, "L-BFGS", 40.0, 0.5, 300.0),
            solver(2, "SGD", 180.0, 0.7, 300.0),
        ],
        scale: Scale::Log,
        title: "work, data passes".into(),
        goal: "gap ≤ 10^{−6}".into(),
        alpha: 0.05,
        width: 85.0,
        trial: false,
        about: about("Time to target"),
    }
}

pub(crate) fn profile() -> Profile {
    let cost = |solver: usize, problem: usize| {
        let base = 20.0 * (1.0 + even(problem));
        let own = (0.9 * bell(problem * 5 + solver * 17)).exp() * (1.0 + 0.6 * solver as f64);
        if solver == 2 && problem.is_multiple_of(4) { f64::INFINITY } else { base * own }
    };
    let costs: Vec<Vec<Vec<f64>>> =
        (0..14).map(|problem| vec![(0..3).map(|solver| cost(solver, problem)).collect()]).collect();
    let names = ["ADMM", "L-BFGS", "SGD"];
    let profiles = performance(&costs).expect("costs of all");
    let bands = profiles.bands(999, 0.05, &mut Seed::root(1).rng());
    let solvers = bands.iter().enumerate().map(|(i, band)| Steps::of(names[i], i, 0, band));
    Profile {
        solvers: solvers.collect(),
        title: "data passes, ratio to the best".into(),
        ratio: true,
        problems: 14,
        width: 85.0,
        trial: false,
        about: about("Profile"),
    }
}

pub(crate) fn strip(seeds: usize) -> Replicates {
    let column = |name: &str, place: usize, middle: f64, spread: f64| Column {
        name: name.into(),
        place,
        values: (0..seeds)
            .map(|s| (s as u64, middle * (spread * bell(s + 50 * place)).exp()))
            .collect(),
    };
    Replicates {
        columns: vec![
            column("ADMM-Softmax", 0, 0.02, 0.3),
            column("L-BFGS, memory 10", 1, 0.09, 0.5),
            column("SGD", 2, 0.4, 0.8),
        ],
        scale: Scale::Log,
        title: "validation loss".into(),
        width: 85.0,
        trial: false,
        about: about("Strip"),
    }
}

pub(crate) fn paired() -> Paired {
    let seeds = 16;
    let shared = |s: usize| 0.93 + 0.01 * bell(s);
    let column = |name: &str, place: usize, gain: f64, spread: f64| Column {
        name: name.into(),
        place,
        values: (0..seeds)
            .map(|s| (s as u64, shared(s) + gain + spread * bell(s + 90 + 40 * place)))
            .collect(),
    };
    let columns = [column("ADMM", 0, 0.006, 0.003), column("L-BFGS", 1, 0.0, 0.003)];
    let differences: Vec<f64> = paired::pairs(&columns).iter().map(|(a, b)| a - b).collect();
    let mean = differences.iter().sum::<f64>() / seeds as f64;
    let resamples = (0..400).map(|i| mean + 0.001 * bell(i)).collect();
    Paired {
        columns,
        scale: Scale::Linear,
        title: "test accuracy".into(),
        higher: true,
        effect: Some(Effect {
            estimate: mean,
            interval: (mean - 0.0022, mean + 0.0022),
            resamples,
            holds: (0.001, f64::INFINITY),
        }),
        width: 85.0,
        trial: false,
        about: about("Paired difference"),
    }
}

pub(crate) fn ratio() -> Paired {
    let mut data = paired();
    for (i, column) in data.columns.iter_mut().enumerate() {
        for value in &mut column.values {
            let s = value.0 as usize;
            value.1 = (2.0 + 0.8 * i as f64 + 0.3 * bell(s) + 0.25 * bell(s + 70 * (i + 1))).exp();
        }
    }
    let logs: Vec<f64> = paired::pairs(&data.columns).iter().map(|(a, b)| (a / b).ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    data.effect = Some(Effect {
        estimate: mean.exp(),
        interval: ((mean - 0.2).exp(), (mean + 0.2).exp()),
        resamples: (0..400).map(|i| (mean + 0.09 * bell(i)).exp()).collect(),
        holds: (0.0, 0.5),
    });
    data.scale = Scale::Log;
    data.title = "time to target, s".into();
    data.higher = false;
    data
}

pub(crate) fn cost() -> Cost {
    let bar = |name: &str, place: usize, parts: [f64; 3], half: f64| {
        let total: f64 = parts.iter().sum();
        Bar {
            name: name.into(),
            place,
            parts: parts.to_vec(),
            interval: Some((total - half, total + half)),
            note: String::new(),
        }
    };
    let mut bars = vec![
        bar("ADMM-Softmax", 0, [31.0, 12.0, 3.0], 4.0),
        bar("L-BFGS, memory 10", 1, [0.0, 58.0, 6.0], 7.0),
        bar("SGD", 2, [0.0, 96.0, 21.0], 15.0),
        bar("Newton-CG", 3, [0.4, 21.0, 2.0], 2.0),
    ];
    bars[2].note = "3/20 reached".into();
    Cost {
        bars,
        parts: vec!["set-up".into(), "steps".into(), "evaluation".into()],
        title: "time, s".into(),
        note: "*n* = 20".into(),
        width: 85.0,
        trial: false,
        about: about("Cost"),
    }
}

pub(crate) fn heat_map() -> HeatMap {
    let cell = |row: usize, column: usize| match (row, column) {
        (3, 4 | 5) | (2, 5) => Cell::Failed("diverged".into()),
        (0, 0) => Cell::Missing,
        _ => Cell::Value(
            10_f64.powf(-6.0 + 0.9 * column as f64 + 0.35 * row as f64 + even(row + 4 * column)),
        ),
    };
    HeatMap {
        columns: ["0.001", "0.004", "0.01", "0.04", "0.1", "1"].map(String::from).to_vec(),
        rows: ["8", "32", "128", "512"].map(String::from).to_vec(),
        cells: (0..4).map(|row| (0..6).map(|column| cell(row, column)).collect()).collect(),
        titles: ("step size *η*".into(), "batch".into()),
        title: "objective gap".into(),
        scale: Scale::Log,
        region: Some([(1, 3), (0, 2)]),
        note: "*n* = 10".into(),
        width: 85.0,
        trial: false,
        about: about("Heat map"),
    }
}

pub(crate) fn ratios_map() -> HeatMap {
    let mut data = heat_map();
    data.scale = Scale::Log2;
    data.title = "time, ratio to L-BFGS".into();
    data.region = None;
    for cell in data.cells.iter_mut().flatten() {
        if let Cell::Value(value) = cell {
            *value = (0.35 * (value.log10() + 4.0)).exp2();
        }
    }
    data
}

pub(crate) fn images() -> Images {
    let (rows, columns) = (48, 48);
    let truth = |row: usize, column: usize| {
        let (x, y) = (column as f64 / 47.0 - 0.5, row as f64 / 47.0 - 0.5);
        let radius = x.hypot(y);
        let ring = if (0.28..0.36).contains(&radius) { 0.85 } else { 0.25 };
        let bars = (0.05..0.3).contains(&x) && (0.05..0.3).contains(&y);
        if bars && (column / 2).is_multiple_of(2) { 0.95 } else { ring }
    };
    let image = |noise: f64, blur: usize| -> Vec<f64> {
        let at = |row: usize, column: usize| {
            let mut sum = 0.0;
            let mut count = 0.0;
            for r in row.saturating_sub(blur)..=(row + blur).min(rows - 1) {
                for c in column.saturating_sub(blur)..=(column + blur).min(columns - 1) {
                    sum += truth(r, c);
                    count += 1.0;
                }
            }
            (sum / count + noise * bell(row * columns + column)).clamp(0.0, 1.0)
        };
        (0..columns)
            .flat_map(|column| (0..rows).map(move |row| (row, column)))
            .map(|(r, c)| at(r, c))
            .collect()
    };
    let reference = image(0.0, 0);
    let picture = |name: &str, pixels: Vec<f64>| {
        let psnr = images::psnr_db(&reference, &pixels);
        let quality = Quality { shown: psnr, mean: Some((psnr - 0.3, (psnr - 0.51, psnr - 0.12))) };
        Picture { name: name.into(), psnr: Some(quality), pixels }
    };
    let others = [
        picture("adjoint", image(0.12, 2)),
        picture("PnP-ADMM", image(0.03, 0)),
        picture("PnP-ADMM, 8 blocks", image(0.05, 1)),
    ];
    let mut pictures =
        vec![Picture { name: "reference".into(), pixels: reference.clone(), psnr: None }];
    pictures.extend(others);
    Images {
        shape: (rows, columns),
        pictures,
        window: images::UNIT,
        zoom: None,
        note: String::new(),
        width: 120.0,
        trial: false,
        about: about("Images"),
    }
}

pub(crate) fn phase() -> Phase {
    let spiral = |place: usize, name: &str, shrink: f64, from: (f64, f64), end: End| {
        let points = (0..=400).map(|i| {
            let t = 0.03 * f64::from(i);
            let size = (-shrink * t).exp();
            let (sin, cos) = t.sin_cos();
            (size * (from.0 * cos - from.1 * sin), size * (from.0 * sin + from.1 * cos))
        });
        Trajectory { name: name.into(), place, variant: 0, points: points.collect(), end }
    };
    let grid =
        (-6..=6).flat_map(|i| (-6..=6).map(move |j| (f64::from(i) / 5.0, f64::from(j) / 5.0)));
    Phase {
        trajectories: vec![
            spiral(0, "alternating", 0.12, (1.0, 0.2), End::Reached),
            spiral(1, "simultaneous", -0.05, (0.5, -0.3), End::Diverged),
            spiral(2, "extragradient", 0.35, (-0.9, 0.7), End::Reached),
        ],
        equilibria: vec![((0.0, 0.0), true), ((0.9, -0.8), false)],
        field: grid.map(|(x, y)| ((x, y), (-y - 0.1 * x, x - 0.1 * y))).collect(),
        titles: ("generator *θ*".into(), "discriminator *φ*".into()),
        note: "1 of 8 seeds".into(),
        width: 85.0,
        trial: false,
        about: about("Phase portrait"),
    }
}

pub(crate) fn density() -> Density {
    let mut sorted: Vec<f64> = (0..1200).map(bell).collect();
    sorted.sort_by(f64::total_cmp);
    let width = bin_width(&sorted).expect("the values have spread");
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    let bins = ((high - low) / width).ceil();
    let edges: Vec<f64> =
        (0..=bins as usize).map(|i| low + (high - low) * i as f64 / bins).collect();
    let step = (high - low) / bins;
    let count = |from: f64, to: f64| sorted.iter().filter(|v| **v >= from && **v < to).count();
    let heights: Vec<f64> =
        edges.windows(2).map(|e| count(e[0], e[1]) as f64 / (1200.0 * step)).collect();
    let half = |height: &f64| 2.0 * (height / (1200.0 * step)).sqrt();
    let normal = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    Density {
        band: (
            heights.iter().map(|h| (h - half(h)).max(0.0)).collect(),
            heights.iter().map(|h| h + half(h)).collect(),
        ),
        theory: (0..=240)
            .map(|i| low + (high - low) * f64::from(i) / 240.0)
            .map(|x| (x, normal(x)))
            .collect(),
        edges,
        heights,
        name: "alternating SGA".into(),
        place: 0,
        words: vec!["sup distance 0.021".into(), "[0.009, 0.033]".into()],
        title: "generator *θ*".into(),
        note: "*n* = 16".into(),
        width: 85.0,
        trial: false,
        about: about("Density"),
    }
}

pub(crate) fn orders() -> Orders {
    let steps: Vec<f64> = (0..5).map(|k| 0.1 / f64::from(1 << (4 - k))).collect();
    let ladder = |place: usize, name: &str, order: f64, size: f64, noise: f64| {
        let error = |h: &f64| size * h.powf(order) * (1.0 + 2.0 * h);
        let errors: Vec<f64> = steps.iter().map(error).collect();
        let interval = |(h, e): (&f64, &f64)| {
            let half = noise * h.sqrt();
            ((e - half).max(f64::MIN_POSITIVE), e + half)
        };
        let intervals = steps.iter().zip(&errors).filter(|_| noise > 0.0).map(interval);
        Ladder {
            name: name.into(),
            place,
            variant: 0,
            intervals: intervals.collect(),
            claimed: (order < 3.0).then_some((order.round(), 0.1)),
            order: Some((errors[1] / errors[0]).log2()),
            steps: steps.clone(),
            errors,
        }
    };
    Orders {
        ladders: vec![
            ladder(0, "simultaneous, diffusion", 1.0, 0.3, 0.0),
            ladder(1, "alternating, diffusion", 1.0, 0.12, 0.0),
            ladder(2, "simultaneous, corrected", 2.0, 0.25, 2e-5),
            ladder(3, "alternating, corrected", 1.6, 0.01, 0.0),
        ],
        titles: ("learning rate".into(), "error of *θ*".into()),
        width: 85.0,
        trial: false,
        about: about("Orders"),
    }
}
