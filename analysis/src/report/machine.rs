//! Where the numbers come from: machine, code, data.

use std::collections::{BTreeMap, BTreeSet};

use converge_bench::environment;
use converge_bench::record::Header;

use super::Input;
use crate::verdict::Verdict;

/// Named facts.
pub(super) type Facts = Vec<(String, String)>;

/// The machine that judged and wrote the report.
pub(super) fn here() -> Facts {
    let machine = environment::machine();
    let gib = machine.memory as f64 / 1024.0_f64.powi(3);
    kept([
        ("processor", machine.processor),
        ("architecture", machine.architecture),
        ("cores", machine.cores.to_string()),
        ("hardware threads", machine.threads.to_string()),
        ("memory", if machine.memory > 0 { format!("{gib:.1} GiB") } else { String::new() }),
        ("caches", machine.caches.join(", ")),
        ("system", machine.system),
        ("compiler", machine.compiler),
    ])
}

/// What made the runs and the verdicts.
pub(super) fn provenance(inputs: &[Input<'_>]) -> Facts {
    let verdicts: Vec<&Verdict> = inputs.iter().flat_map(|input| input.verdicts).collect();
    let dirty = if environment::dirty() { ", with changes that it does not have" } else { "" };
    let revision = environment::revision().unwrap_or("not built from a repository");
    let headers: Vec<&Header> = headers(inputs).collect();
    let count = |timed: bool| headers.iter().filter(|header| header.timed == timed).count();
    kept([
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("revision of this program", format!("{revision}{dirty}")),
        ("revision that judged", list(verdicts.iter().map(|v| v.revision.clone()))),
        ("machine that judged", list(verdicts.iter().map(|v| v.machine.clone()))),
        ("code of the runs", list(headers.iter().map(|h| h.code.clone()))),
        ("threads of a worker", list(headers.iter().map(|h| h.threads.to_string()))),
        ("cells at a time", list(headers.iter().map(|h| h.concurrency.to_string()))),
        (
            "timed alone",
            if headers.is_empty() {
                String::new()
            } else {
                format!(
                    "{} runs; {} beside others, whose seconds no claim may use",
                    count(true),
                    count(false)
                )
            },
        ),
    ])
}

/// Facts of the instances: checksums of data, precision, numbers of terms.
pub(super) fn data(inputs: &[Input<'_>]) -> Facts {
    let mut facts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let runs = headers(inputs).count();
    for header in headers(inputs) {
        for (name, value) in &header.facts {
            facts.entry(name).or_default().insert(value);
        }
    }
    let shown = |(name, values): (&str, BTreeSet<&str>)| {
        let count = values.len();
        let text = if count > 6 {
            format!("{count} different ones")
        } else {
            values.into_iter().collect::<Vec<_>>().join("; ")
        };
        (name.to_owned(), text)
    };
    // A fact that no two runs share, such as a time, is none of an instance.
    facts.into_iter().filter(|(_, values)| values.len() < runs.max(2)).map(shown).collect()
}

/// A sentence for the ledger where verdicts rest on several machines.
pub(super) fn several(inputs: &[Input<'_>]) -> String {
    let machines: BTreeSet<&str> =
        inputs.iter().flat_map(|input| input.verdicts).map(|v| v.machine.as_str()).collect();
    if machines.len() < 2 {
        return String::new();
    }
    let list: Vec<&str> = machines.into_iter().collect();
    format!("Verdicts rest on {} machines: {}.", list.len(), list.join("; "))
}

fn headers<'a>(inputs: &'a [Input<'_>]) -> impl Iterator<Item = &'a Header> {
    inputs.iter().flat_map(|i| i.runs).filter_map(|(_, r)| r.as_ref()).map(|r| &r.header)
}

fn list(values: impl Iterator<Item = String>) -> String {
    let different: BTreeSet<String> = values.filter(|value| !value.is_empty()).collect();
    different.into_iter().collect::<Vec<_>>().join("; ")
}

fn kept<const N: usize>(facts: [(&str, String); N]) -> Facts {
    facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
