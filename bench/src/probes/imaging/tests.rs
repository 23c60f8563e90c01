use converge_problems::Seed;
use serde_json::{Value, json};

use crate::catalog;
use crate::registry::Registry;

fn rows(kind: &str, config: &Value) -> Vec<Vec<f64>> {
    let mut registry = Registry::default();
    catalog::register(&mut registry);
    let probe = registry.load_probe(kind, config).unwrap();
    let mut rows = Vec::new();
    probe.run(Seed::root(3), &mut |row| rows.push(row.to_vec())).unwrap();
    assert!(rows.iter().all(|row| row.len() == probe.columns().len()));
    rows
}

fn largest(rows: &[Vec<f64>], column: usize) -> f64 {
    rows.iter().map(|row| row[column]).fold(f64::NEG_INFINITY, f64::max)
}

fn least(rows: &[Vec<f64>], column: usize) -> f64 {
    rows.iter().map(|row| row[column]).fold(f64::INFINITY, f64::min)
}

fn phantom(kind: &str, rows: usize, columns: usize) -> Value {
    json!({ "phantom": { "kind": kind, "rows": rows, "columns": columns } })
}

#[test]
fn wavelets_pass_their_certificates_and_a_sharpening_fails_them() {
    let certificate = |method: Value| {
        let config = json!({
            "denoiser": { "method": method }, "strength": 0.1, "image": phantom("texture", 16, 16),
            "noise": 0.1, "crops": 2, "pairs": 20, "iterations": 30,
        });
        rows("denoiser-certificate", &config)
    };
    let rows = certificate(json!({ "wavelet": { "levels": 2 } }));
    assert_eq!(rows.len(), 2);
    assert!(least(&rows, 1) >= 1.0 - 1e-9, "{rows:?}");
    assert!((2..=5).all(|column| largest(&rows, column) <= 1.0 + 1e-9), "{rows:?}");
    let rows = certificate(json!({ "sharpening": {} }));
    // Eigenvalues from 1 to 1.16.
    assert!(least(&rows, 1) < 0.999 && least(&rows, 4) > 1.1, "{rows:?}");
}

#[test]
fn adjoints_belong_and_norms_are_not_understated() {
    let problem = |operator: Value, blocks: usize| json!({ "image": phantom("texture", 12, 16), "operator": operator, "blocks": blocks });
    let config = json!({ "pairs": 5, "problems": [
        problem(json!({ "gaussian": { "ratio": 0.7 } }), 3),
        problem(json!({ "random-cosine": { "ratio": 0.5 } }), 2),
        problem(json!({ "fourier": { "mask": { "radial": 6 } } }), 2),
        problem(json!({ "coded-diffraction": {} }), 2),
        problem(json!({ "blur": { "kernels": [{ "uniform": 3 }] } }), 1),
        problem(json!({ "intensity-diffraction": {} }), 4),
        problem(json!({ "tomography": { "views": 8 } }), 2),
    ] });
    let rows = rows("operator-adjoints", &config);
    assert_eq!(rows.len(), 7);
    // Sums of 192 products and transforms of as many numbers.
    assert!(largest(&rows, 1) <= 1e-12, "{rows:?}");
    assert!(largest(&rows, 2) <= 1.0 + 1e-9 && least(&rows, 2) > 0.3, "{rows:?}");
}

#[test]
fn closed_forms_are_where_searches_end() {
    let config = json!({ "image": phantom("texture", 8, 12), "penalty": 0.7, "directions": 5 });
    let rows = rows("phaseless-prox", &config);
    assert_eq!(rows.len(), 3);
    assert!(largest(&rows, 1) <= 1e-6 && largest(&rows, 2) <= 1e-12, "{rows:?}");
}

#[test]
fn a_real_image_needs_the_symmetrised_mask() {
    // Lines through the origin are their own mirror image, drawn frequencies are not.
    for (mask, same) in
        [(json!({ "radial": 7 }), true), (json!({ "variable-density": { "ratio": 0.3 } }), false)]
    {
        let config = json!({ "image": phantom("texture", 16, 16), "mask": mask, "penalty": 2.0 });
        let rows = rows("masked-prox", &config);
        assert!(rows[0][0] <= 1e-12 && (rows[0][1] <= 1e-12) == same, "{rows:?}");
        assert!(same || rows[0][1] > 1e-3, "{rows:?}");
    }
}

#[test]
fn gradient_methods_are_refused_on_l1_alone() {
    let rows = rows("gradient-refusal", &json!({ "solvers": ["pnp-fista", "red", "lbfgs"] }));
    assert!(rows.iter().all(|row| row[1] > 0.5 && row[2] > 0.5), "{rows:?}");
    let rows = self::rows("gradient-refusal", &json!({ "solvers": ["pnp-admm"] }));
    assert!(rows[0][1] < 0.5, "a method with proximal maps is not: {rows:?}");
}

fn small(data_term: &str, operator: Value, method: Value) -> Value {
    json!({
        "image": phantom("ellipses", 16, 16), "operator": operator, "blocks": 4,
        "data-term": data_term, "noise": { "impulses": {} }, "denoiser": { "method": method },
    })
}

fn haar() -> Value {
    json!({ "wavelet": { "levels": 2 } })
}

#[test]
fn the_recursion_is_that_of_the_method_whatever_its_batch() {
    for (batch, reading) in
        [(None, "joint"), (Some(1), "joint"), (Some(3), "joint"), (Some(3), "avg")]
    {
        let mut solver = json!({ "penalty": 0.5, "strength": 0.02, "reading": reading });
        if let Some(batch) = batch {
            solver["batch"] = batch.into();
        }
        let problem = small("l1", json!({ "random-cosine": { "ratio": 0.7 } }), haar());
        let config = json!({ "problem": problem, "solver": solver, "iterations": 30 });
        let rows = rows("pnp-identities", &config);
        assert!(largest(&rows, 1) <= 1e-12, "{batch:?}: {}", largest(&rows, 1));
        if batch.is_none() {
            assert!(largest(&rows, 2) <= 0.0, "{}", largest(&rows, 2));
        }
    }
}

#[test]
fn the_bound_on_the_residual_holds_with_room() {
    let problem = small("l1", json!({ "random-cosine": { "ratio": 0.7 } }), haar());
    let config = json!({
        "problem": problem, "solver": { "strength": 0.02 }, "penalties": [0.1, 0.4],
        "batches": [1, 4], "selections": ["iid", "cyclic"], "iterations": 40, "reference": 400,
    });
    let rows = rows("residual-bound", &config);
    assert_eq!(rows.len(), 8);
    assert!(largest(&rows, 5) <= 1.0 && least(&rows, 3) > 0.0, "{rows:?}");
}

#[test]
fn steps_contract_as_the_formula_says_and_the_bound_holds() {
    let means = json!({ "nonlocal-means": {
        "guide": phantom("ellipses", 12, 12), "patch": 1, "window": 3, "scale": 1.0,
    } });
    let problem = json!({
        "image": phantom("ellipses", 12, 12), "operator": { "gaussian": { "ratio": 6.0 } },
        "blocks": 3, "noise": { "snr-db": 20.0 }, "denoiser": { "method": means },
        "inner": { "tolerance": 1e-13 },
    });
    let config = json!({
        "problem": problem, "solver": { "strength": 0.3, "batch": 1 }, "penalties": [50.0],
        "iterations": 30,
    });
    let rows = rows("contraction-bound", &config);
    assert_eq!(rows.len(), 30);
    // The denoiser does something, and all of its strength at most.
    assert!(rows[0][2] > 0.1 && rows[0][2] <= 0.3, "{rows:?}");
    assert!(rows[0][3] < 1.0 && largest(&rows, 5) <= 1.0 + 1e-6, "{rows:?}");
    assert!(largest(&rows, 8) <= 1.0 && rows[0][6] > rows[29][6], "{rows:?}");
}

#[test]
fn two_methods_find_one_minimum() {
    for (loss, noise) in
        [("l1", json!({ "impulses": {} })), ("least-squares", json!({ "snr-db": 20.0 }))]
    {
        let problem = json!({
            "image": phantom("ellipses", 16, 16), "blocks": 2, "data-term": loss, "noise": noise,
            "operator": { "random-cosine": { "ratio": 0.7 } },
        });
        let config = json!({
            "problem": problem, "weight": 0.05, "penalty": 1.0, "iterations": 300,
            "reference": 3000, "ratio": 10.0,
        });
        let rows = rows("variational-agreement", &config);
        assert!(rows[0][0] <= 1e-4 && rows[0][1] <= 1e-2, "{loss}: {rows:?}");
    }
}

#[test]
fn stochastic_steps_are_right_in_the_mean() {
    let problem = json!({
        "image": phantom("ellipses", 8, 8), "operator": { "gaussian": { "ratio": 0.7 } },
        "blocks": 5, "noise": { "snr-db": 20.0 },
    });
    let solver = json!({ "step-size": { "absolute": 1.0 }, "batch": 2, "strength": 0.0 });
    let config = json!({ "problem": problem, "solver": solver, "draws": 1000, "directions": 4 });
    let rows = rows("minibatch-unbiased", &config);
    // Four times 6e-5 is the probability that chance fails this.
    assert!(largest(&rows, 1) <= 4.0, "{rows:?}");
}

#[test]
fn memory_and_time_have_rows_for_every_size() {
    let problem = json!({
        "image": phantom("texture", 16, 16), "operator": { "intensity-diffraction": {} },
        "blocks": 12, "denoiser": { "method": haar() },
    });
    let memory = json!({
        "problem": problem, "solver": { "batch": 2 }, "blocks": [4, 8], "iterations": 2,
    });
    let memory = rows("imaging-memory", &memory);
    assert_eq!((memory.len(), memory[1][0] as u32), (2, 8));
    let cost = json!({
        "problem": problem, "solver": {}, "batches": [1, 4, 12], "repeats": 1,
    });
    let cost = rows("imaging-step-cost", &cost);
    assert!(cost.len() == 3 && cost.iter().all(|row| row[1] > 0.0), "{cost:?}");
}
