//! Studies with invented runs whose shape is known: what a report can meet, and a large one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use converge_analysis::load::Gathered;
use converge_analysis::report::Input;
use converge_analysis::{Verdict, check};
use converge_bench::catalog;
use converge_bench::cell::Stage;
use converge_bench::record::{Column, Header, Record, Status, Trace};
use converge_bench::registry::Registry;
use converge_bench::study::{Choices, Paper, Planned, Size, Study};
use converge_problems::{Better, Metric, Split};

/// A study with all that a report is made from.
pub(crate) struct Sample {
    pub(crate) study: Study,
    pub(crate) paper: Paper,
    pub(crate) runs: Vec<Gathered>,
    pub(crate) verdicts: Vec<Verdict>,
}

impl Sample {
    pub(crate) fn input(&self) -> Input<'_> {
        Input { study: &self.study, paper: &self.paper, runs: &self.runs, verdicts: &self.verdicts }
    }
}

const HEAD: &str = r#"
schema = 1
title  = "TITLE"
base   = "corrected"
[problem.small]
kind     = "mlr"
dataset  = { synthetic = { model = "gumbel-softmax", samples = 120, inputs = 15, classes = 4 } }
features = "raw"
ridge    = { identity = 1e-2 }
[solver.admm-softmax]
penalty = { sweep = [PENALTIES] }
[solver.lbfgs]
[solver.newton-cg]
[solver.bound-majorizer]
[stop]
any = [ { iterations = 100 }, { target = { metric = "objective-gap", value = 1e-10 } } ]
[plot.gap]
x = "iteration"
y = "objective-gap"
scale = "log-log"
problem = "small"
[plot.seconds]
x = "seconds"
y = "objective-gap"
scale = "log-log"
problem = "small"
"#;

/// Four claims, of which one holds, one does not, one is open and one depends on the variant.
const CLAIMS: &str = r#"
[variant.released]
solver.lbfgs.memory = 3
[claim.C1]
text   = "Newton-CG ends nearer to the minimum than L-BFGS."
where  = "abstract"
test   = { ratio = { metric = "objective-gap", at = { iteration = 20 }, solver = "newton-cg", than = "lbfgs", at-most = 0.5 } }
expect = "supported"
[claim.C2]
text   = "L-BFGS classifies better than Newton-CG."
where  = "section 3"
test   = { better = { metric = "test-accuracy", solver = "lbfgs", than = "newton-cg" } }
expect = "supported"
[claim.C3]
text   = "The bound majorizer reaches a gap of a thousandth."
where  = "section 4"
test   = { at-most = { metric = "objective-gap", solver = "bound-majorizer", limit = 1e-3 } }
expect = "supported"
[claim.C4]
text   = "L-BFGS reaches a gap of 1e-6 before Newton-CG."
test   = { faster = { metric = "objective-gap", target = 1e-6, cost = "iteration", solver = "lbfgs", than = "newton-cg" } }
"#;

/// Six papers: five with four claims in two variants, and one whose every name is hostile. 41 rows.
pub(crate) fn every_state() -> Vec<Sample> {
    let mut samples: Vec<Sample> = (0..5).map(ordinary).collect();
    // One study has not run, and one is under way.
    for (_, record) in &mut samples[3].runs {
        *record = None;
    }
    for (planned, record) in &mut samples[4].runs {
        if planned.label.seed >= 5 {
            *record = None;
        }
    }
    // Some cells of another crashed.
    for (planned, record) in &mut samples[2].runs {
        if planned.label.solver == "bound-majorizer" && planned.label.seed < 2 {
            let record = record.as_mut().expect("every cell has a run");
            record.header.status = Status::Crashed("signal 9: <b>killed</b>\nlast line".into());
        }
    }
    for sample in &mut samples {
        sample.verdicts = answers(sample);
    }
    // One claim was rewritten after its verdict.
    samples[0].verdicts[0].hash = "0123456789abcdef".into();
    samples.push(hostile());
    samples
}

fn ordinary(place: u64) -> Sample {
    let title = format!("Study {place} of invented runs");
    let text = HEAD.replace("TITLE", &title).replace("PENALTIES", "0.03, 0.1")
        + "[seeds]\nmin = 12\nmax = 12\n"
        + CLAIMS;
    let mut sample = parse(&text, &format!("paper-{place}"), "descent");
    sample.paper.title = format!("Paper {place}: descent on invented data");
    sample.paper.identifier = format!("arXiv:0000.0000{place}");
    record_all(&mut sample, 40, 100 + place);
    sample
}

/// Every free text is an attack, or 300 characters long, or turns the direction of writing.
fn hostile() -> Sample {
    let long = "long".repeat(75);
    let attack = "</script><script>alert(1)</script>\"'&lt; \u{202e}";
    let text = HEAD.replace("PENALTIES", "0.03")
        + "[seeds]\nmin = 8\nmax = 8\n[claim.C1]\ntext = \"TEXT\"\nwhere = \"WHERE\"\n\
           test = { at-most = { metric = \"objective-gap\", solver = \"lbfgs\", limit = 1e-3 } }\n";
    let mut sample = parse(&text, "paper-x", "hostile");
    record_all(&mut sample, 30, 7);
    for (planned, _) in &mut sample.runs {
        if planned.label.solver == "newton-cg" {
            planned.label.solver = format!("{attack}{long}");
        }
    }
    sample.verdicts = answers(&sample);
    sample.study.title = format!("{attack} title");
    sample.study.name = "\"><img src=x>".into();
    sample.study.paper = "<b>paper".into();
    sample.paper.title = attack.into();
    sample.paper.identifier = "\" onclick=\"alert(1)".into();
    for verdict in &mut sample.verdicts {
        verdict.paper.clone_from(&sample.study.paper);
        verdict.study.clone_from(&sample.study.name);
        verdict.text = format!("{attack} {long}");
        verdict.place = "<i>where".into();
        verdict.statistic = "<svg onload=alert(1)>".into();
        verdict.flags = vec!["</dl><b>".into()];
    }
    sample
}

/// 20 studies of ten claims and 500 runs each: 200 claims, 10,000 curves of 101 rows.
pub(crate) fn large() -> Vec<Sample> {
    let mut claims = String::new();
    for k in 1..=10 {
        let _ = write!(
            claims,
            "[claim.C{k}]\ntext = \"Newton-CG ends nearer to the minimum than L-BFGS, by a factor of {k}.\"\n\
             test = {{ ratio = {{ metric = \"objective-gap\", at = {{ iteration = 20 }}, solver = \"newton-cg\", than = \"lbfgs\", at-most = {} }} }}\n\
             expect = \"supported\"\n",
            1.0 / f64::from(k)
        );
    }
    (0..20)
        .map(|place| {
            let text = HEAD
                .replace("TITLE", &format!("Study {place} of many invented runs"))
                .replace("PENALTIES", "0.03, 0.1")
                + "[seeds]\nmin = 100\nmax = 100\n"
                + &claims;
            let mut sample =
                parse(&text, &format!("large-{}", place / 5), &format!("study-{place}"));
            record_all(&mut sample, 101, 1000 + place);
            sample.verdicts = answers(&sample);
            sample
        })
        .collect()
}

/// Three seeds of 20,000 rows each.
pub(crate) fn long() -> Sample {
    let text = HEAD.replace("TITLE", "A long study").replace("PENALTIES", "0.1")
        + "[seeds]\nmin = 3\nmax = 3\n"
        + CLAIMS;
    let mut sample = parse(&text, "long", "descent");
    record_all(&mut sample, 20_000, 5);
    sample
}

fn answers(sample: &Sample) -> Vec<Verdict> {
    check(&sample.study, &sample.paper, &sample.runs).expect("sound claims")
}

fn parse(text: &str, paper: &str, name: &str) -> Sample {
    let mut registry = Registry::default();
    catalog::register(&mut registry);
    let path = format!("{paper}/{name}.toml");
    let study =
        Study::parse(text, Path::new(&path), Size::Default, &registry).expect("a sound study");
    let cells = study.cells(Stage::Main, 0..study.seeds.end, &Choices::new());
    let paper = Paper {
        id: paper.into(),
        title: paper.into(),
        identifier: String::new(),
        weights: BTreeMap::new(),
        texts: Vec::new(),
    };
    let runs = cells.into_iter().map(|planned| (planned, None)).collect();
    Sample { study, paper, runs, verdicts: Vec::new() }
}

/// Gives every cell a run of `rows` rows.
fn record_all(sample: &mut Sample, rows: usize, salt: u64) {
    for (planned, record) in &mut sample.runs {
        *record = Some(invented(planned, rows, salt));
    }
}

/// A number in (0, 1) for each key.
fn unit(key: u64) -> f64 {
    let hash = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((hash ^ (hash >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / 2_f64.powi(53)
}

/// A run that falls geometrically, at a rate of its solver and seed; the majorizer is slow, and as
/// released it diverges for some seeds.
fn invented(planned: &Planned, rows: usize, salt: u64) -> Record {
    let label = &planned.label;
    let noise = |k: u64| unit(salt * 1_000_003 + label.seed * 7919 + k) - 0.5;
    let released = label.variant == "released";
    let rate = match label.solver.as_str() {
        "newton-cg" => 0.9,
        "lbfgs" if released => 0.35,
        "lbfgs" => 0.55,
        "bound-majorizer" => 0.12,
        _ => 0.2 + 0.02 * label.sweep.values().filter_map(serde_json::Value::as_f64).sum::<f64>(),
    };
    let solver = 10_000 * label.solver.len() as u64;
    let rate = rate * (1.0 + 0.2 * noise(1)) * 40.0 / rows as f64;
    let diverges = released && label.solver == "bound-majorizer" && label.seed.is_multiple_of(3);
    let sign = if diverges { 1.0 } else { -1.0 };
    let mut columns: [Vec<f64>; 5] = Default::default();
    let mut status = if diverges { Status::Diverged } else { Status::Budget };
    for k in 0..rows {
        let wobble = 1.0 + 0.3 * noise(100 + k as u64);
        let gap = (sign * rate * k as f64).exp() * wobble;
        let accuracy =
            0.9 - 0.7 * (-0.3 * k as f64).exp() + 0.02 * noise(2) + 0.01 * noise(solver + k as u64);
        // Every run has its own clock, so that no two columns of seconds are alike.
        let seconds =
            1e-4 / rate * k as f64 * (1.0 + 0.3 * noise(1000) + 0.02 * noise(2000 + k as u64));
        for (column, x) in
            columns.iter_mut().zip([k as f64, seconds, 120.0 * k as f64, gap, accuracy])
        {
            column.push(x);
        }
        if gap <= 1e-10 && rows < 101 {
            status = Status::Target;
            break;
        }
    }
    let metrics = [
        Metric::new("iteration", Better::Neither, Split::None),
        Metric::new("seconds", Better::Lower, Split::None).in_unit("s"),
        Metric::new("samples", Better::Neither, Split::None),
        Metric::new("objective-gap", Better::Lower, Split::Train),
        Metric::new("test-accuracy", Better::Higher, Split::Test),
    ];
    let columns: Vec<Column> = metrics
        .into_iter()
        .zip(columns)
        .map(|(metric, values)| Column { metric, values })
        .collect();
    let digests = vec![label.seed; columns[0].values.len()];
    Record {
        identity: planned.cell.identity(),
        cell: planned.cell.clone(),
        header: Header {
            status,
            setup_seconds: 0.001,
            setup_work: Vec::new(),
            timed: true,
            concurrency: 1,
            threads: 1,
            code: "c0de".into(),
            started: 1_700_000_000.0,
            peak_bytes: 1 << 20,
            facts: BTreeMap::from([("terms".to_owned(), "120".to_owned())]),
        },
        trace: Trace { columns, digests },
        arrays: Vec::new(),
    }
}
