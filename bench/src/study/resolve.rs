//! From the tree of a file to what runs in each variant.

use super::fields::{known_name, only, suggestion};
use super::node::{Content, Finding, Found, Node};
use super::section::{Case, Point, case, cases, explain};
use super::tune::{Tune, problem_with_trial, with_trial};
use super::{Limits, Size, overlay, rules};
use crate::cell::{Sampling, StopRule};
use crate::registry::Registry;

const TOP: [&str; 18] = [
    "schema",
    "paper",
    "title",
    "base",
    "outputs",
    "problem",
    "solver",
    "probe",
    "reference",
    "tune",
    "seeds",
    "sampling",
    "stop",
    "limits",
    "variant",
    "quick",
    "full",
    "claim",
];
/// Version of the format that this code reads.
const SCHEMA: u64 = 1;

/// What runs in one variant.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) variant: String,
    pub(super) problems: Vec<Case>,
    pub(super) solvers: Vec<Case>,
    pub(super) probes: Vec<Case>,
    pub(super) reference: Option<Reference>,
    pub(super) tune: Option<Tune>,
    pub(super) sampling: Sampling,
    pub(super) stop: Vec<StopRule>,
    pub(super) limits: Limits,
    pub(super) outputs: Vec<String>,
}

/// The table `[reference]`.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) solver: Case,
    pub(super) point: Point,
    pub(super) problems: Option<Vec<String>>,
    pub(super) sampling: Sampling,
    pub(super) stop: Vec<StopRule>,
}

/// A file at one size.
pub(super) struct Resolved {
    pub(super) paper: Option<String>,
    pub(super) title: String,
    pub(super) seeds: std::ops::Range<u64>,
    pub(super) root: u64,
    pub(super) plans: Vec<Plan>,
    pub(super) claims: Vec<(String, Node)>,
    pub(super) plots: Vec<(String, Node)>,
}

/// Checks the file and resolves it at one size.
pub(super) fn resolve(root: &Node, size: Size, registry: &Registry) -> Found<Resolved> {
    let mut known = TOP.to_vec();
    known.push("plot");
    only(root, "a study", &known)?;
    let schema = root.require("a study", "schema")?;
    let version = schema.as_count("schema", 1)?;
    if version != SCHEMA {
        return Err(schema.finding(format!(
            "schema {version} is not known to this program, which reads schema {SCHEMA}"
        )));
    }
    let title = root.require("a study", "title")?.as_text("title")?.to_owned();
    let paper = root.field("paper").map(|node| node.as_text("paper")).transpose()?;
    let base = root.field("base").map_or(Ok("corrected"), |node| node.as_text("base"))?;
    let names = overlay::variants(root, base)?;
    let section = match size {
        Size::Quick => Some("quick"),
        Size::Default => None,
        Size::Full => Some("full"),
    };
    let common = overlay::flatten(root, None, section)?;
    let (seeds, seed) = rules::seeds(&common)?;
    let mut plans = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let variant = (index > 0).then_some(name.as_str());
        let flat = overlay::flatten(root, variant, section)?;
        plans.push(plan(&flat, name, seed, registry)?);
    }
    let items = |what: &str| -> Found<Vec<(String, Node)>> {
        let Some(node) = common.field(what) else { return Ok(Vec::new()) };
        let items = &node.as_table(what)?.fields;
        for (name, item) in items {
            item.as_table(&format!("{what}.{name}"))?;
        }
        Ok(items.clone())
    };
    let (claims, plots) = (items("claim")?, items("plot")?);
    let paper = paper.map(ToOwned::to_owned);
    Ok(Resolved { paper, title, seeds, root: seed, plans, claims, plots })
}

fn plan(root: &Node, variant: &str, seed: u64, registry: &Registry) -> Found<Plan> {
    let problems = cases(root, "problem")?;
    let solvers = cases(root, "solver")?;
    let probes = cases(root, "probe")?;
    let at = |what: &str| root.field(what).map_or(root.line, |node| node.line);
    let lone = |what: &str, text: &str| Finding { line: at(what), text: text.into() };
    if problems.is_empty() && solvers.is_empty() && probes.is_empty() {
        return Err(root.finding("nothing to run: no [problem.*] with [solver.*], no [probe.*]"));
    }
    if solvers.is_empty() && !problems.is_empty() {
        return Err(lone("problem", "there is no [solver.*] to run on the problems"));
    }
    if problems.is_empty() && !solvers.is_empty() {
        return Err(lone("solver", "there is no [problem.*] to run the solvers on"));
    }
    for probe in &probes {
        for (what, others) in [("solver", &solvers), ("problem", &problems)] {
            if others.iter().any(|other| other.name == probe.name) {
                let line = probe.points[0].node.line;
                let text = format!("the name `{}` is taken by a {what}", probe.name);
                return Err(Finding { line, text });
            }
        }
    }
    restrictions(root, &problems)?;
    let tune = root.field("tune").map(|node| Tune::read(node, &solvers)).transpose()?;
    let reference = root
        .field("reference")
        .map(|node| reference(node, &solvers, &problems, tune.as_ref()))
        .transpose()?;
    if let (Some(_), Some((line, path))) = (&reference, tune.as_ref().and_then(Tune::of_problem)) {
        let text = format!("`{path}` is tuned, so that no reference can come before tuning");
        return Err(Finding { line, text });
    }
    check_sections(&problems, &solvers, &probes, tune.as_ref(), seed, registry)?;
    if let Some(reference) = &reference {
        let problems = problems.iter().filter(|problem| reference.meets(&problem.name));
        for problem in problems {
            check_pair(problem, &reference.solver, "reference.solver", &reference.point, registry)?;
        }
    }
    let stop = match root.field("stop") {
        Some(node) => rules::stop(node, "[stop]")?,
        None if solvers.is_empty() => Vec::new(),
        None => return Err(lone("solver", "runs never end: the study needs a [stop]")),
    };
    Ok(Plan {
        variant: variant.to_owned(),
        problems,
        solvers,
        probes,
        reference,
        tune,
        sampling: rules::sampling(root.field("sampling"))?,
        stop,
        limits: rules::limits(root.field("limits"))?,
        outputs: rules::outputs(root.field("outputs"))?,
    })
}

/// Checks the names in `problems = [..]` of solver sections.
fn restrictions(root: &Node, problems: &[Case]) -> Found<()> {
    let known: Vec<&str> = problems.iter().map(|case| case.name.as_str()).collect();
    let Some(solvers) = root.field("solver").and_then(Node::table) else { return Ok(()) };
    for (_, solver) in &solvers.fields {
        let Some(names) = solver.field("problems") else { continue };
        for (node, name) in names.as_names("problems")? {
            known_name(node, "problem", name, &known)?;
        }
    }
    Ok(())
}

fn check_sections(
    problems: &[Case],
    solvers: &[Case],
    probes: &[Case],
    tune: Option<&Tune>,
    seed: u64,
    registry: &Registry,
) -> Found<()> {
    for problem in problems {
        let place = format!("problem.{}", problem.name);
        for point in &problem.points {
            registry
                .check_problem(&problem.kind, &point.json())
                .map_err(|error| explain(&error, &point.node, &place, problem.kind_line))?;
        }
    }
    for solver in solvers {
        let place = format!("solver.{}", solver.name);
        let mut trials = tune.map_or_else(Vec::new, |tune| tune.of(&solver.name, seed, 0));
        if trials.is_empty() {
            trials.push(Vec::new());
        }
        for problem in problems.iter().filter(|problem| solver.meets(&problem.name)) {
            for trial in &trials {
                for point in &solver.points {
                    let point = with_trial(point, trial);
                    check_pair(problem, solver, &place, &point, registry)?;
                }
                for at in problem.points.iter().map(|at| problem_with_trial(at, trial)) {
                    registry.check_problem(&problem.kind, &at.json()).map_err(|error| {
                        let place = format!("problem.{}, tuned for {}", problem.name, solver.name);
                        explain(&error, &at.node, &place, problem.kind_line)
                    })?;
                }
            }
        }
    }
    for probe in probes {
        let place = format!("probe.{}", probe.name);
        for point in &probe.points {
            registry
                .load_probe(&probe.kind, &point.json())
                .map_err(|error| explain(&error, &point.node, &place, probe.kind_line))?;
        }
    }
    Ok(())
}

fn check_pair(
    problem: &Case,
    solver: &Case,
    place: &str,
    point: &Point,
    registry: &Registry,
) -> Found<()> {
    registry
        .check_solver(&problem.kind, &solver.kind, &point.json())
        .map_err(|error| explain(&error, &point.node, place, solver.kind_line))
}

impl Reference {
    /// Whether the problem has a reference.
    pub(super) fn meets(&self, problem: &str) -> bool {
        self.problems.as_ref().is_none_or(|names| names.iter().any(|name| name == problem))
    }
}

fn reference(
    node: &Node,
    solvers: &[Case],
    problems: &[Case],
    tune: Option<&Tune>,
) -> Found<Reference> {
    only(node, "[reference]", &["solver", "stop", "sampling", "problems"])?;
    let name = node.require("[reference]", "solver")?;
    let solver = if let Content::Text(text) = &name.content {
        let Some(solver) = solvers.iter().find(|case| case.name == *text) else {
            let known: Vec<&str> = solvers.iter().map(|case| case.name.as_str()).collect();
            return Err(name.finding(format!(
                "no solver section named `{text}`{}; or give a table with a `kind`",
                suggestion(text, &known).trim_end_matches('?')
            )));
        };
        if tune.is_some_and(|tune| tune.tunes(text)) {
            return Err(name.finding(format!("`{text}` is tuned; a reference comes before tuning")));
        }
        Case { kind_line: name.line, ..solver.clone() }
    } else {
        let kind = name.require("reference.solver", "kind")?.as_text("kind")?;
        case("reference", kind, name)?
    };
    let [point] = solver.points.as_slice() else {
        return Err(name.finding(format!("`{}` has a sweep; a reference is one run", solver.name)));
    };
    let known: Vec<&str> = problems.iter().map(|case| case.name.as_str()).collect();
    let mut chosen = solver.problems.clone();
    if let Some(names) = node.field("problems") {
        let names = names.as_names("problems")?;
        for (node, name) in &names {
            known_name(node, "problem", name, &known)?;
        }
        chosen = Some(names.into_iter().map(|(_, name)| name.to_owned()).collect());
    }
    Ok(Reference {
        point: point.clone(),
        problems: chosen,
        sampling: rules::sampling(node.field("sampling"))?,
        stop: rules::stop(node.require("[reference]", "stop")?, "reference.stop")?,
        solver,
    })
}
