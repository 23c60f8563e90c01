use serde_json::{Value, json};

use converge_problems::{Seed, SetupError};

use crate::catalog;
use crate::registry::{ErasedProbe, ProbeError, Registry};

fn probe(kind: &str, config: &Value) -> Box<dyn ErasedProbe> {
    let mut registry = Registry::default();
    catalog::register(&mut registry);
    registry.load_probe(kind, config).unwrap()
}

fn rows(kind: &str, config: &Value) -> Vec<Vec<f64>> {
    let probe = probe(kind, config);
    let mut rows = Vec::new();
    probe.run(Seed::root(3), &mut |row| rows.push(row.to_vec())).unwrap();
    assert!(rows.iter().all(|row| row.len() == probe.columns().len()));
    rows
}

fn column(rows: &[Vec<f64>], index: usize) -> f64 {
    rows.iter().map(|row| row[index]).fold(f64::NEG_INFINITY, f64::max)
}

fn small() -> Value {
    json!({
        "dataset": { "synthetic": { "model": "gumbel-softmax", "samples": 70, "inputs": 6, "classes": 3 } },
        "ridge": { "identity": 1e-2 },
        "split": { "validation": 0, "test": 0 },
    })
}

#[test]
fn identities_hold_with_and_without_relaxation() {
    for relaxation in [1.0, 1.7] {
        let solver = json!({ "penalty": 0.05, "relaxation": relaxation });
        let config = json!({ "problem": small(), "solver": solver, "iterations": 30 });
        let rows = rows("softmax-identities", &config);
        assert_eq!(rows.len(), 30);
        assert!(column(&rows, 0) <= 1e-7, "dual: {:e}", column(&rows, 0));
        assert!(column(&rows, 1) <= 1e-10, "sums: {:e}", column(&rows, 1));
        assert!(column(&rows, 2) <= 1e-9, "ridge: {:e}", column(&rows, 2));
        assert!(column(&rows, 3) <= 1.0 + 1e-9, "certificate: {:e}", column(&rows, 3));
        // The bound is no idle one: it stays within two orders of magnitude.
        assert!(rows.iter().skip(1).all(|row| row[3] > 1e-2), "{rows:?}");
    }
}

#[test]
fn the_theory_of_admm_holds_at_every_iteration() {
    let config = json!({ "problem": small(), "solver": { "penalty": 0.1 }, "iterations": 120 });
    let rows = rows("admm-monotonicity", &config);
    assert_eq!(rows.len(), 119);
    assert!(column(&rows, 1) <= 1e-12, "T2: {:e}", column(&rows, 1));
    assert!(column(&rows, 2) <= 1e-12, "T3: {:e}", column(&rows, 2));
    assert!(rows[118][0] < 1e-6, "the run converges: {:e}", rows[118][0]);
}

#[test]
fn monotonicity_is_claimed_without_relaxation_only() {
    let solver = json!({ "penalty": 0.1, "relaxation": 1.5 });
    let config = json!({ "problem": small(), "solver": solver, "iterations": 5 });
    let refused = probe("admm-monotonicity", &config).run(Seed::root(1), &mut |_| ());
    assert!(matches!(refused, Err(ProbeError::Setup(_))));
}

#[test]
fn the_split_variable_is_the_same_on_any_threads_and_as_a_joint_problem() {
    let config =
        json!({ "problem": small(), "penalty": 0.05, "iterations": 4, "threads": [1, 2, 3, 8] });
    let rows = rows("z-step-partition", &config);
    assert_eq!(rows.len(), 4);
    assert!(column(&rows, 0) <= 0.0, "threads: {:e}", column(&rows, 0));
    assert!(column(&rows, 1) <= 1e-6, "joint: {:e}", column(&rows, 1));
}

#[test]
fn the_joint_problem_is_solved_where_its_value_is_a_sum_of_many_terms() {
    let data = json!({ "model": "gumbel-softmax", "samples": 2000, "inputs": 60, "classes": 10 });
    let problem =
        json!({ "dataset": { "synthetic": data }, "split": { "validation": 0, "test": 0 } });
    let config = json!({ "problem": problem, "penalty": 4e-3, "iterations": 5, "threads": [1] });
    let rows = rows("z-step-partition", &config);
    assert_eq!(rows.len(), 5);
    assert!(column(&rows, 1) <= 1e-6, "joint: {:e}", column(&rows, 1));
}

#[test]
fn the_share_of_the_dual_is_a_share() {
    let config = json!({ "problem": small(), "penalty": 0.05, "iterations": 2, "repeats": 1 });
    let rows = rows("dual-share", &config);
    assert!(rows.len() == 1 && rows[0][2] > 0.0 && rows[0][2] < 1.0, "{rows:?}");
}

#[test]
fn a_key_that_no_probe_knows_is_named() {
    let mut registry = Registry::default();
    catalog::register(&mut registry);
    let config = json!({ "problem": small(), "iterationz": 5 });
    let error = registry.load_probe("softmax-identities", &config).err().unwrap();
    assert!(error.to_string().contains("iterationz"), "{error}");
}

fn w_steps() -> Value {
    json!({
        "samples": [30, 50], "edges": [4], "filters": 2, "classes": 3,
        "ridge": 1e-6, "penalty": 4e-3, "steps": 3, "repeats": 1,
    })
}

#[test]
fn methods_of_least_squares_agree_and_say_what_they_took() {
    for (method, room) in [
        (json!("cholesky"), 1e-8),
        (json!("eigen"), 1e-6),
        (json!({ "lsqr": { "tolerance": { "fixed": 1e-8 } } }), 1e-4),
    ] {
        let rows = rows("least-squares-methods", &json!({ "method": method, "run": w_steps() }));
        assert_eq!(rows.len(), 2);
        for (row, samples) in rows.iter().zip([30.0, 50.0]) {
            assert!((row[0] - samples).abs() < 0.5 && (row[1] - 33.0).abs() < 0.5, "{row:?}");
            assert!(row[2] > 0.0 && row[3] > 0.0 && row[5] >= row[2], "{row:?}");
            assert!(row[6] <= room, "{method}: {:e}", row[6]);
        }
    }
}

#[test]
fn factoring_again_never_pays_off() {
    let config = json!({
        "method": "cholesky", "than": "cholesky", "refactor": true, "run": w_steps(),
    });
    for row in rows("least-squares-crossover", &config) {
        assert!(row[2] > 0.0 && row[3] >= 1.0 && row.len() == 5, "{row:?}");
    }
}

#[test]
fn steps_without_sizes_are_refused() {
    let mut run = w_steps();
    run["edges"] = json!([]);
    let config = json!({ "method": "cholesky", "run": run });
    let error = probe("least-squares-methods", &config).run(Seed::root(1), &mut |_| ());
    assert!(matches!(error, Err(ProbeError::Setup(_))));
}

fn synthetic(samples: usize, inputs: usize) -> Value {
    json!({
        "dataset": { "synthetic": { "samples": samples, "inputs": inputs, "classes": 3 } },
        "split": { "validation": 0, "test": 0, "in-order": true },
    })
}

#[test]
fn streamed_and_recomputed_features_differ_in_no_number() {
    let mapped = json!({
        "dataset": "digits",
        "features": { "random-convolution": { "filters": 1 } },
        "split": { "train": 200, "validation": 50, "test": 50 },
    });
    for problem in [synthetic(200, 9), mapped] {
        let config =
            json!({ "problem": problem, "threads": [1, 2], "penalty": 0.1, "iterations": 3 });
        let rows = rows("storage-equality", &config);
        assert_eq!(rows.len(), 6);
        assert!(
            rows.iter().all(|row| row[1] <= 0.0 && row[2] <= 0.0 && row[3].is_nan()),
            "{rows:?}"
        );
    }
}

#[test]
fn the_cost_of_an_iteration_has_a_slope_in_the_list_that_rises() {
    for (samples, inputs, slope) in [(vec![200, 400], vec![5], 3), (vec![200], vec![5, 9], 4)] {
        let config = json!({
            "problem": synthetic(2, 2),
            "samples": samples,
            "inputs": inputs,
            "penalty": 0.1,
            "iterations": 1,
            "repeats": 1,
        });
        let rows = rows("iteration-cost", &config);
        assert_eq!(rows.len(), 2);
        assert!(rows[1][2] > 0.0 && rows[1][slope].is_finite() && rows[0][slope].is_nan());
        assert!(rows[1][7 - slope].is_nan());
    }
}

#[test]
fn a_part_over_threads_starts_at_efficiency_one() {
    for part in ["z-step", "data-pass", "gram", "factor", "solve", "iteration"] {
        let config = json!({
            "problem": synthetic(100, 5),
            "part": part,
            "threads": [1, 2, 100_000],
            "penalty": 0.1,
            "iterations": 1,
            "repeats": 1,
        });
        let mut weak = config.clone();
        weak["samples"] = json!(100);
        for (kind, config) in [("strong-scaling", config), ("weak-scaling", weak)] {
            if kind == "weak-scaling" && matches!(part, "factor" | "solve") {
                continue;
            }
            let mut rows = Vec::new();
            let ended = probe(kind, &config).run(Seed::root(3), &mut |row| rows.push(row.to_vec()));
            match ended {
                Ok(()) => {
                    assert!((rows[0][2] - 1.0).abs() <= 0.0 && rows[1][2] > 0.0, "{rows:?}");
                    assert!(rows[2][1].is_nan() && rows[2][2].is_nan(), "{rows:?}");
                }
                // One core: nothing to compare, and no failure.
                Err(ProbeError::Setup(SetupError::MissingData { .. })) => {}
                Err(other) => panic!("{part}: {other}"),
            }
        }
    }
}

#[test]
fn the_bound_of_the_memory_has_the_matrices_and_the_data() {
    let config = json!({ "problem": synthetic(300, 15), "penalty": 0.1, "iterations": 2 });
    let rows = rows("memory-bound", &config);
    // 300 rows of 16 doubles; p = 16.
    assert!((rows[0][2] - 38_400.0).abs() <= 0.0 && (rows[0][4] - 4096.0).abs() <= 0.0);
    assert!(rows[0][1] > rows[0][2] + rows[0][3] + rows[0][4]);
}
