//! `converge list`: what there is.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use converge_bench::registry::Entry;
use converge_bench::study::{Paper, Size, Study};
use converge_problems::data::{self, Folders};
use converge_problems::{Metric, Seed};

use crate::args::Listing;
use crate::context::{Context, Usage};
use crate::output::table;

pub(crate) fn list(context: &Context, what: Listing) -> Result<()> {
    let (head, rows): (&[&str], _) = match what {
        Listing::Problems => (&["problem", "about"], entries(context.registry.problems())),
        Listing::Solvers => (&["solver", "about"], entries(context.registry.solvers(None))),
        Listing::Probes => (&["probe", "about"], entries(context.registry.probes())),
        Listing::Datasets => (&["data set", "about", "samples"], datasets()),
        Listing::Papers => (&["paper", "title", "identifier", "claims"], papers()?),
        Listing::Studies => (&["study", "title", "claims"], studies(context)?),
        Listing::Metrics => (&["metric", "unit", "better", "split", "problems"], metrics(context)?),
    };
    context.print(&objects(head, &rows), || table(head, &rows, context.terminal.width))
}

fn objects(head: &[&str], rows: &[Vec<String>]) -> Vec<BTreeMap<String, String>> {
    rows.iter()
        .map(|row| head.iter().map(ToString::to_string).zip(row.iter().cloned()).collect())
        .collect()
}

fn entries(entries: Vec<Entry>) -> Vec<Vec<String>> {
    entries.into_iter().map(|entry| vec![entry.id.to_owned(), entry.about.to_owned()]).collect()
}

fn datasets() -> Vec<Vec<String>> {
    let folders = Folders::from_environment();
    let mut rows: Vec<Vec<String>> = data::list(&folders)
        .into_iter()
        .map(|set| {
            let samples = match set.samples {
                [train, 0] => train.to_string(),
                [train, test] => format!("{train} + {test}"),
            };
            vec![set.name.to_owned(), set.about.to_owned(), samples]
        })
        .collect();
    rows.push(vec![
        "{ synthetic = .. }".to_owned(),
        "Gaussian classes of given condition, margin and label noise".to_owned(),
        "any".to_owned(),
    ]);
    rows.push(vec![
        "{ path = \"..\" }".to_owned(),
        "a file of yours: CSV, LIBSVM, NPY, NPZ, HDF5, IDX".to_owned(),
        "any".to_owned(),
    ]);
    rows
}

fn papers() -> Result<Vec<Vec<String>>> {
    let mut rows = BTreeMap::new();
    for path in Study::discover(Path::new("figures"), None).map_err(Usage::from)? {
        let folder = path.parent().unwrap_or(Path::new("."));
        let paper = Paper::read(folder).map_err(Usage::from)?;
        let claims = paper.texts.len().to_string();
        rows.entry(paper.id.clone())
            .or_insert_with(|| vec![paper.id, paper.title, paper.identifier, claims]);
    }
    Ok(rows.into_values().collect())
}

fn studies(context: &Context) -> Result<Vec<Vec<String>>> {
    let paths = Study::discover(Path::new("figures"), None).map_err(Usage::from)?;
    let rows = paths.into_iter().map(|path| {
        let study = Study::read(&path, Size::Default, &context.registry).map_err(Usage::from)?;
        let claims: Vec<&str> = study.claims.iter().map(|claim| claim.name.as_str()).collect();
        Ok(vec![format!("{}/{}", study.paper, study.name), study.title.clone(), claims.join(" ")])
    });
    rows.collect()
}

/// Metrics belong to instances, so those of the studies at their quick size are asked.
fn metrics(context: &Context) -> Result<Vec<Vec<String>>> {
    let mut known: BTreeMap<String, (Metric, Vec<String>)> = BTreeMap::new();
    for path in Study::discover(Path::new("figures"), None).map_err(Usage::from)? {
        let study = Study::read(&path, Size::Quick, &context.registry).map_err(Usage::from)?;
        for instance in study.instances() {
            let config = serde_json::Value::Object(instance.section.config.clone());
            let kind = &instance.section.kind;
            // An instance whose data is not here has no metrics to ask for.
            let Ok(built) = context.registry.build(kind, &config, Seed::root(0), None) else {
                continue;
            };
            for metric in context.registry.metrics(kind, &built)? {
                let (_, kinds) =
                    known.entry(metric.name.to_string()).or_insert_with(|| (metric, Vec::new()));
                if !kinds.contains(kind) {
                    kinds.push(kind.clone());
                }
            }
        }
    }
    Ok(known
        .into_values()
        .map(|(metric, kinds)| {
            vec![
                metric.name.to_string(),
                metric.unit.to_string(),
                word(metric.better),
                word(metric.split),
                kinds.join(" "),
            ]
        })
        .collect())
}

/// The stable word of a plain enum, as its traces have it.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
