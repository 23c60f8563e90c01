//! What is refused before a run, and what a run measures.

use super::super::{
    BoundedGan, BoundedGanConfig, Covariance, CovarianceGan, CovarianceGanConfig, DiracGan,
    DiracGanConfig, Drawn, Dynamic, Law, LqGan, LqGanConfig, ScaleGan, ScaleGanConfig, Start,
};
use super::lq;
use crate::{Build, Problem, Seed, SetupError};

const LAW: Law = Law { step_size: 0.1, batch: 10, of: Dynamic::Diffusion };

fn refused<P: Build>(config: &P::Config, name: &str, what: &str) {
    match P::build(config, Seed::root(0), None) {
        Err(SetupError::Parameter { name: found, value, .. }) => {
            assert_eq!(found, name);
            assert!(value.contains(what), "{value}");
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("{name} is admissible"),
    }
}

#[test]
fn a_law_that_does_not_exist_is_refused_with_its_eigenvalue() {
    let bilinear = LqGanConfig { kappa: 0.0, lambda: 0.0, law: Some(LAW), ..Default::default() };
    refused::<LqGan>(&bilinear, "law", "eigenvalue 0.000000 +1.000000i");
    let diverging = Law { step_size: 1.5, of: Dynamic::Simultaneous, ..LAW };
    let config = LqGanConfig { law: Some(diverging), ..Default::default() };
    refused::<LqGan>(&config, "law", "spectral radius 1.");
    let undamped = CovarianceGanConfig { lambda: 0.0, law: Some(LAW), ..Default::default() };
    refused::<CovarianceGan>(&undamped, "law", "eigenvalue 0.000000");
    let dirac = DiracGanConfig { law: Some(LAW), ..Default::default() };
    refused::<DiracGan>(&dirac, "law", "eigenvalue");
    let free = ScaleGanConfig { kappa: 0.0, lambda: 0.0, law: Some(LAW), ..Default::default() };
    refused::<ScaleGan>(&free, "law", "eigenvalue");
    // Without a law nobody asks for one.
    assert!(LqGan::build(&LqGanConfig { law: None, ..bilinear }, Seed::root(0), None).is_ok());
}

#[test]
fn a_stationary_start_needs_a_law_that_is_known() {
    let start = Start::Drawn(Drawn::Stationary);
    let config = LqGanConfig { start: start.clone(), ..Default::default() };
    refused::<LqGan>(&config, "start", "stationary");
    let config = BoundedGanConfig { start, law: Some(LAW), ..Default::default() };
    refused::<BoundedGan>(&config, "start", "stationary");
    let config = LqGanConfig { quantiles: 5, ..Default::default() };
    refused::<LqGan>(&config, "quantiles", "5");
}

#[test]
fn inadmissible_numbers_are_named() {
    refused::<LqGan>(&LqGanConfig { kappa: -1.0, ..Default::default() }, "kappa", "-1");
    refused::<LqGan>(&LqGanConfig { dimension: 0, ..Default::default() }, "dimension", "0");
    let covariance = Covariance::Isotropic(-0.5);
    let config = LqGanConfig { anchor_covariance: covariance, ..Default::default() };
    refused::<LqGan>(&config, "anchor-covariance", "eigenvalue -0.5");
    let singular = Covariance::Isotropic(0.0);
    let config = CovarianceGanConfig { data_covariance: singular, ..Default::default() };
    refused::<CovarianceGan>(&config, "data-covariance", "eigenvalue 0");
    let law = Law { batch: 0, ..LAW };
    refused::<LqGan>(&LqGanConfig { law: Some(law), ..Default::default() }, "law.batch", "0");
    let start = Start::Point(vec![1.0, 2.0, 3.0]);
    match LqGan::build(&LqGanConfig { start, ..Default::default() }, Seed::root(0), None) {
        Err(SetupError::Shape { what, expected, found }) => {
            assert_eq!((what, expected, found), ("start", 2, 3));
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("three numbers for two coordinates"),
    }
}

fn measured(problem: &LqGan, paths: usize) -> impl Fn(&str) -> f64 + use<> {
    let mut x = vec![0.0; paths * problem.dim()];
    problem.start(Seed::root(7), &mut x);
    let mut row = vec![f64::NAN; problem.metrics().len()];
    problem.evaluate(&x, &mut row, &mut problem.scratch());
    let names: Vec<String> = problem.metrics().iter().map(|m| m.name.to_string()).collect();
    move |name| row[names.iter().position(|found| found == name).expect(name)]
}

#[test]
fn stationary_draws_meet_their_law_and_every_relation_of_it() {
    for (of, relations) in [
        (Dynamic::Diffusion, 4),
        (Dynamic::CorrectedAlternating, 4),
        (Dynamic::Simultaneous, 3),
        (Dynamic::Alternating, 0),
    ] {
        let law = Law { of, ..LAW };
        let start = Start::Drawn(Drawn::Stationary);
        let problem = lq(LqGanConfig { law: Some(law), start, dimension: 2, ..Default::default() });
        let paths = 20_000;
        let value = measured(&problem, paths);
        for name in ["fdr1", "fdr1-theta", "fdr1-omega", "fdr2"].into_iter().take(relations) {
            let (gap, error) = (value(&format!("{name}-gap")), value(&format!("{name}-gap-error")));
            assert!(error > 0.0 && gap.abs() < 5.0 * error, "{of:?} {name}: {gap} {error}");
        }
        assert!((value("theta") - 2.0 / 3.0).abs() < 5.0 * value("theta-error"));
        assert!((value("omega") - 1.0 / 3.0).abs() < 5.0 * value("omega-error"));
        // The covariance of n draws errs by about 2/√n relative; W₂ by less than the deviations times it.
        assert!(value("covariance-distance") < 0.05 && value("mean-distance") < 0.005);
        assert!(value("wasserstein") < 0.005);
    }
}

#[test]
fn broken_relations_show() {
    // The law of twice the noise: the right sides are twice too large.
    let start = Start::Drawn(Drawn::Stationary);
    let problem = lq(LqGanConfig { law: Some(LAW), start, ..Default::default() });
    let mut x = vec![0.0; 2 * 20_000];
    problem.start(Seed::root(7), &mut x);
    let double = lq(LqGanConfig { law: Some(Law { batch: 5, ..LAW }), ..Default::default() });
    let mut row = vec![f64::NAN; double.metrics().len()];
    double.evaluate(&x, &mut row, &mut double.scratch());
    let at = |name: &str| double.metrics().iter().position(|m| m.name == name).unwrap();
    assert!((row[at("fdr1-gap")] + 0.01).abs() < 5.0 * row[at("fdr1-gap-error")]);
    assert!(row[at("fdr1-gap")] < -10.0 * row[at("fdr1-gap-error")]);
}

#[test]
fn one_path_has_no_standard_error_and_starts_where_it_is_told() {
    let value = measured(&lq(LqGanConfig::default()), 1);
    assert!((value("theta") - 2.0).abs() < 1e-15 && value("theta-error").is_nan());
    assert!((value("theta-omega") + 2.0).abs() < 1e-15);
    // From the point of rest (2/3, 1/3).
    assert!((value("distance-square") - 32.0 / 9.0).abs() < 1e-14);
}

#[test]
fn paths_start_at_draws_of_their_own() {
    let start = Start::Drawn(Drawn::Stationary);
    let problem = lq(LqGanConfig { law: Some(LAW), start, quantiles: 3, ..Default::default() });
    let (mut few, mut many) = (vec![0.0; 4], vec![0.0; 10]);
    problem.start(Seed::root(1), &mut few);
    problem.start(Seed::root(1), &mut many);
    assert_eq!(few, many[..4]);
    let mut quantiles = [0.0; 3];
    problem.output(0, &few, &mut quantiles, &mut problem.scratch());
    assert!(quantiles[..2].iter().all(|u| (0.0..=1.0).contains(u)) && quantiles[2].is_nan());
    assert_eq!(problem.outputs()[0].shape, [3]);
}

#[test]
fn unknown_fields_of_a_section_are_refused() {
    let read = |text| serde_json::from_str::<LqGanConfig>(text);
    assert!(read(r#"{ "kappa": 0.2, "start": "stationary" }"#).is_ok());
    assert!(read(r#"{ "start": [1.0, 2.0], "law": { "step-size": 0.1, "batch": 4 } }"#).is_ok());
    assert!(read(r#"{ "kapa": 0.2 }"#).unwrap_err().to_string().contains("kapa"));
    assert!(read(r#"{ "law": { "step-size": 0.1, "batch": 4, "off": 1 } }"#).is_err());
}
