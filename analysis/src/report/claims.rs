//! The page of a claim: every variant of it, with figure, seeds, configuration and command.

use serde_json::{Value, json};

use super::look;
use super::progress::{self, Progress};
use super::rows::{self, Badge};
use super::seeds::Seeds;
use super::traces::Traces;
use super::variants;
use super::words;
use super::{Input, slug};
use crate::claim::Claim;
use crate::plot::Figure;
use crate::report::plotted::Plot;
use crate::verdict::Verdict;

/// The page of one claim.
pub(super) struct Page {
    pub(super) address: String,
    pub(super) previous: String,
    pub(super) next: String,
    pub(super) claim: String,
    pub(super) title: String,
    pub(super) identifier: String,
    pub(super) text: String,
    pub(super) place: String,
    /// Place of the study.
    pub(super) study: usize,
    /// What the interactive figure shows, as JSON; empty without curves.
    pub(super) plot: String,
    pub(super) choices: Vec<Choice>,
    /// Why some variants cannot be chosen, in a sentence.
    pub(super) missing: String,
    pub(super) panels: Vec<Panel>,
    /// The claim as the study declares it.
    pub(super) declared: String,
}

/// A variant to choose; why it cannot be chosen, if it cannot.
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) missing: String,
}

/// What is known of one variant.
pub(super) struct Panel {
    pub(super) variant: String,
    pub(super) badge: Badge,
    pub(super) notes: Vec<String>,
    pub(super) failed: String,
    pub(super) estimate: String,
    pub(super) interval: String,
    pub(super) seeds: usize,
    /// How it differs from the file itself.
    pub(super) difference: String,
    pub(super) facts: Vec<Fact>,
    pub(super) dots: Option<Dots>,
    /// Places of its printed figures.
    pub(super) figures: String,
    pub(super) command: String,
    pub(super) run_command: String,
    /// Hashes of the claim then and now, where it changed.
    pub(super) changed: Option<Change>,
    /// Places of the curves it looks at.
    pub(super) curves: String,
}

/// Hashes of a claim that changed.
pub(super) struct Change {
    pub(super) then: String,
    pub(super) now: String,
}

/// A fact with the address of its word.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) word: String,
    pub(super) value: String,
}

/// The seeds as a picture with its sentence, ends and numbers.
pub(super) struct Dots {
    pub(super) svg: String,
    pub(super) sentence: String,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) list: String,
}

/// The pages of the claims of a study, in the order of its verdicts.
pub(super) fn pages(
    input: &Input<'_>,
    study: usize,
    traces: &Traces,
    figures: &[(Figure, String)],
) -> Vec<Page> {
    let mut names: Vec<&str> = Vec::new();
    for verdict in input.verdicts {
        if !names.contains(&verdict.claim.as_str()) {
            names.push(&verdict.claim);
        }
    }
    let page = |name: &&str| {
        let mine: Vec<&Verdict> = input.verdicts.iter().filter(|v| v.claim == *name).collect();
        page(input, study, traces, figures, &mine)
    };
    names.iter().map(page).collect()
}

fn page(
    input: &Input<'_>,
    study: usize,
    traces: &Traces,
    figures: &[(Figure, String)],
    verdicts: &[&Verdict],
) -> Page {
    let first = verdicts[0];
    let claim = progress::claim(input, first);
    let seeds: Vec<Option<Seeds>> = verdicts.iter().map(|verdict| Seeds::of(verdict)).collect();
    // One axis for all variants, so that the eye sees only the change.
    let reach = seeds.iter().flatten().map(Seeds::reach);
    let reach = reach.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0.0, 1.0));
    let panels = verdicts
        .iter()
        .zip(&seeds)
        .map(|(verdict, seeds)| {
            let dots = seeds.as_ref().map(|seeds| Dots {
                svg: seeds.draw(reach),
                sentence: seeds.sentence(),
                low: look::shown(reach.0),
                high: look::shown(reach.1),
                list: seeds.list(),
            });
            panel(input, verdict, claim.as_ref(), traces, figures, dots)
        })
        .collect();
    let item = input.study.claims.iter().find(|item| item.name == first.claim);
    let choices = choices(input, verdicts);
    Page {
        address: rows::page(first),
        previous: String::new(),
        next: String::new(),
        claim: first.claim.clone(),
        title: input.paper.title.clone(),
        identifier: input.paper.identifier.clone(),
        text: first.text.clone(),
        place: [first.place.as_str(), &input.study.title]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" · "),
        study,
        plot: claim.as_ref().map_or_else(String::new, |claim| plot(input, study, traces, claim)),
        missing: missing(&choices),
        choices,
        panels,
        declared: item
            .map(|item| serde_json::to_string_pretty(&item.value).unwrap_or_default())
            .unwrap_or_default(),
    }
}

/// The three variants that every reader knows, then the study's own.
fn choices(input: &Input<'_>, verdicts: &[&Verdict]) -> Vec<Choice> {
    let mut names = vec!["published", "released", "corrected"];
    for verdict in verdicts {
        if !names.contains(&verdict.variant.as_str()) {
            names.push(&verdict.variant);
        }
    }
    let choice = |name: &str| {
        let there = verdicts.iter().any(|verdict| verdict.variant == name);
        let declared = input.study.variants.iter().any(|variant| variant == name);
        let missing = match (there, declared) {
            (true, _) => "",
            (false, true) => "no verdict on it here",
            (false, false) => "the study declares none",
        };
        Choice { name: name.to_owned(), value: slug(name), missing: missing.to_owned() }
    };
    names.into_iter().map(choice).collect()
}

/// The variants that cannot be chosen, those of one reason together.
fn missing(choices: &[Choice]) -> String {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for choice in choices.iter().filter(|choice| !choice.missing.is_empty()) {
        match reasons.iter_mut().find(|(reason, _)| *reason == choice.missing) {
            Some((_, names)) => names.push(&choice.name),
            None => reasons.push((&choice.missing, vec![&choice.name])),
        }
    }
    let parts: Vec<String> =
        reasons.iter().map(|(reason, names)| format!("{}: {reason}.", names.join(", "))).collect();
    parts.join(" ")
}

fn panel(
    input: &Input<'_>,
    verdict: &Verdict,
    claim: Option<&Claim>,
    traces: &Traces,
    figures: &[(Figure, String)],
    dots: Option<Dots>,
) -> Panel {
    let progress = Progress::of(input, verdict);
    let now = progress::changed(input, verdict);
    let (estimate, interval) = look::estimate(verdict);
    let mut notes = rows::notes(input, verdict, progress, now.is_some());
    notes.retain(|note| *note != rows::run_command(input));
    if verdict.trial {
        notes.push(rows::TRIAL.to_owned());
    }
    let shown: Vec<&str> = figures
        .iter()
        .filter(|(figure, _)| figure.variant == verdict.variant)
        .map(|(_, id)| id.as_str())
        .collect();
    let curves: Vec<String> = claim.map_or_else(Vec::new, |claim| {
        concerned(input, traces, claim, &verdict.variant).iter().map(usize::to_string).collect()
    });
    Panel {
        variant: slug(&verdict.variant),
        badge: Badge::of(verdict, progress),
        notes,
        failed: rows::failed(verdict),
        estimate: rows::with_unit(&estimate, &verdict.unit),
        interval,
        seeds: verdict.seeds,
        difference: variants::difference(input, &verdict.variant),
        facts: facts(verdict),
        dots,
        figures: shown.join(" "),
        command: rows::check_command(verdict),
        run_command: rows::run_command(input),
        changed: now.map(|now| Change { then: verdict.hash.clone(), now }),
        curves: curves.join(" "),
    }
}

/// Places of the curves of a variant that a claim looks at.
fn concerned(input: &Input<'_>, traces: &Traces, claim: &Claim, variant: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for (planned, _) in input.runs {
        let label = &planned.label;
        if label.variant == variant && claim.test.concerns(label) {
            found.extend(traces.place(label));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// What the interactive figure of a claim shows at first: its metric over the axis of the plot that
/// shows it too.
fn plot(input: &Input<'_>, study: usize, traces: &Traces, claim: &Claim) -> String {
    let metrics = claim.test.kind().1.columns();
    let shown = metrics.iter().find(|name| traces.metrics.iter().any(|axis| axis.name == **name));
    let Some(metric) = shown else { return String::new() };
    let mut names: Vec<&str> = Vec::new();
    let mut problem = "";
    for variant in &traces.variants {
        for place in concerned(input, traces, claim, variant) {
            let curve = &traces.curves[place];
            if curve.probe {
                continue;
            }
            if problem.is_empty() {
                problem = &traces.problems[curve.problem];
            }
            if !names.contains(&curve.name.as_str()) {
                names.push(&curve.name);
            }
        }
    }
    if names.is_empty() {
        return String::new();
    }
    let plots: Vec<Plot> = input.study.plots.iter().map(Plot::of).collect();
    let same = plots.iter().find(|plot| plot.y.as_deref() == Some(metric));
    let x = same
        .map(|plot| plot.x.as_str())
        .filter(|x| traces.costs.iter().any(|axis| axis.name == *x))
        .unwrap_or("iteration");
    // Shares and accuracies end at 1, where a logarithmic axis shows least.
    let higher = traces.metrics.iter().any(|axis| axis.name == **metric && axis.better > 0);
    let log = same.and_then(|plot| plot.log).unwrap_or((false, !higher));
    let value: Value = json!({
        "study": study, "problem": problem, "x": x, "y": metric,
        "xlog": log.0, "ylog": log.1, "only": names,
    });
    value.to_string()
}

fn facts(verdict: &Verdict) -> Vec<Fact> {
    let mut facts = vec![
        ("statistic", verdict.statistic.clone()),
        ("holds", look::holding(verdict)),
        ("margin", look::shown(verdict.margin)),
        ("procedure", verdict.procedure.clone()),
        ("level", look::shown(verdict.level)),
        (
            "expected",
            verdict.expected.map_or("nothing declared", crate::claim::Answer::word).to_owned(),
        ),
    ];
    if let Some(found) = verdict.detectable.as_ref().filter(|found| found.value.is_finite()) {
        let text = format!("{} {}", look::shown(found.value), found.unit);
        facts.push(("would detect", text.trim_end().to_owned()));
    }
    if let (Some(support), Some(refute)) = (verdict.p_support, verdict.p_refute) {
        let text = format!("{}, {}", look::shown(support), look::shown(refute));
        facts.push(("p for, p against", text));
    }
    if let (Some(support), Some(refute)) = (verdict.holm_support, verdict.holm_refute) {
        let text = format!("{}, {}", look::shown(support), look::shown(refute));
        facts.push(("both after Holm", text));
    }
    if verdict.looks > 1 {
        facts.push(("looks", verdict.looks.to_string()));
    }
    facts.extend(verdict.flags.iter().map(|flag| ("remark", flag.clone())));
    facts.extend([
        ("size", verdict.size.clone()),
        ("claim hash", verdict.hash.clone()),
        ("traces", verdict.digest.clone()),
        ("code", verdict.code.clone()),
        ("judged by", verdict.revision.clone()),
        ("judged on", verdict.machine.clone()),
    ]);
    facts
        .into_iter()
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| Fact { name, word: words::address(name), value })
        .collect()
}
