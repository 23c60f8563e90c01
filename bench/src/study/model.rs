//! Model files: one reconstruction from given measurements, as `converge reconstruct` reads it.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::fields::{known_name, only};
use super::node::{Content, Found, Node};
use super::section::explain;
use super::{StudyError, parse_file, rules};
use crate::cell::{Cell, Sampling, Section, Stage, StopRule, Task};
use crate::registry::Registry;

/// Version of the format that this code reads.
const SCHEMA: u64 = 1;
/// Kinds of problem that reconstruct an image; the first that the solver is made for is taken.
const KINDS: [&str; 2] = ["imaging", "smooth-imaging"];

/// A model file, checked: how measurements came about, and what makes an image of them.
///
/// ```toml
/// schema = 1
///
/// [problem]                      # as [problem.NAME] of a study
/// kind         = "imaging"       # default; smooth-imaging where the solver needs gradients
/// shape        = [256, 256]      # rows and columns of the image
/// measurements = { path = "kspace.h5", dataset = "kspace" }    # or on the command line
/// operator     = { fourier = { mask = { file = { path = "mask.npy" } } } }
/// data-term    = "least-squares"
/// denoiser     = { method = { total-variation = {} } }
///
/// [solver]                       # as [solver.NAME]
/// kind      = "pnp-admm"
/// penalty   = 1.0
/// strength  = 0.02
/// tolerance = 1e-6
///
/// [stop]                         # as in a study
/// iterations = 200
///
/// [sampling]                     # as in a study; default: every iteration
/// rule = "every"
/// n    = 10
/// ```
///
/// `seed = 0` at the top is the root of all random numbers: codes that are drawn, mini-batches.
#[derive(Clone, PartialEq, Debug)]
pub struct Model {
    /// The file.
    pub path: PathBuf,
    /// What runs.
    pub cell: Cell,
}

impl Model {
    /// Reads and checks a model file. `measurements`, a file and the name of an array in it, take the
    /// place of those that the model names.
    ///
    /// # Errors
    /// [`StudyError`] at the first mistake.
    pub fn read(
        path: &Path,
        measurements: Option<(&Path, Option<&str>)>,
        registry: &Registry,
    ) -> Result<Self, StudyError> {
        parse_file(path, |root| {
            let cell = cell(root, measurements, registry)?;
            Ok(Self { path: path.to_owned(), cell })
        })
    }

    /// Kind and configuration of the problem and the solver.
    ///
    /// # Panics
    /// Never: a model is a run.
    pub fn sections(&self) -> (&Section, &Section) {
        match &self.cell.task {
            Task::Run { problem, solver } => (problem, solver),
            Task::Probe { .. } => unreachable!("a model is a run"),
        }
    }
}

fn cell(
    root: &Node,
    measurements: Option<(&Path, Option<&str>)>,
    registry: &Registry,
) -> Found<Cell> {
    only(root, "a model", &["schema", "seed", "problem", "solver", "sampling", "stop"])?;
    let schema = root.require("a model", "schema")?;
    let version = schema.as_count("schema", 1)?;
    if version != SCHEMA {
        return Err(schema.finding(format!(
            "schema {version} is not known to this program, which reads schema {SCHEMA}"
        )));
    }
    let seed = root.field("seed").map_or(Ok(0), |seed| seed.as_count("seed", 0))?;
    let part = |what: &str| -> Found<(Node, Option<Node>)> {
        let node = root.require("a model", what)?;
        let mut table = node.as_table(what)?.clone();
        let kind = table.remove("kind");
        let rest = Node { line: node.line, content: Content::Table(table) };
        Ok((rest, kind))
    };
    let (solver, solver_kind) = part("solver")?;
    let Some(solver_kind) = solver_kind else {
        return Err(solver.finding("[solver] needs `kind`; `converge list solvers` shows them"));
    };
    let (solver_line, solver_kind) = (solver_kind.line, solver_kind.as_text("kind")?.to_owned());
    let (problem, problem_kind) = part("problem")?;
    let (problem_line, problem_kind) = match &problem_kind {
        Some(node) => {
            let name = node.as_text("kind")?;
            known_name(node, "kind of reconstruction", name, &KINDS)?;
            (node.line, name)
        }
        None => (problem.line, fitting(&solver_kind, registry)),
    };
    let config = with_measurements(&problem, measurements)?;
    let value = Value::Object(config.clone());
    registry
        .check_problem(problem_kind, &value)
        .map_err(|error| explain(&error, &problem, "problem", problem_line))?;
    let solver_value = solver.json();
    registry
        .check_solver(problem_kind, &solver_kind, &solver_value)
        .map_err(|error| explain(&error, &solver, "solver", solver_line))?;
    let section =
        |kind: &str, config: Map<String, Value>| Section { kind: kind.to_owned(), config };
    let solver_config = solver.as_table("solver")?.json();
    Ok(Cell {
        schema: Cell::SCHEMA,
        task: Task::Run {
            problem: section(problem_kind, config),
            solver: section(&solver_kind, solver_config),
        },
        root: seed,
        seed: 0,
        stage: Stage::Main,
        sampling: sampling(root)?,
        stop: stop(root)?,
        reference: None,
        outputs: vec!["image".into()],
        metrics: Vec::new(),
    })
}

fn sampling(root: &Node) -> Found<Sampling> {
    rules::sampling(root.field("sampling"))
}

fn stop(root: &Node) -> Found<Vec<StopRule>> {
    rules::stop(root.require("a model", "stop")?, "[stop]")
}

/// The kind of problem that a solver is made for.
fn fitting(solver: &str, registry: &Registry) -> &'static str {
    let fits = |kind: &&&str| registry.solvers(Some(kind)).iter().any(|entry| entry.id == solver);
    KINDS.iter().find(fits).copied().unwrap_or(KINDS[0])
}

/// The section of the problem with its measurements, which have to be there.
fn with_measurements(
    problem: &Node,
    measurements: Option<(&Path, Option<&str>)>,
) -> Found<Map<String, Value>> {
    let mut config = problem.as_table("problem")?.json();
    if let Some((path, dataset)) = measurements {
        let mut file = json!({ "path": path });
        if let Some(dataset) = dataset {
            file["dataset"] = dataset.into();
        }
        config.insert("measurements".into(), file);
    }
    if config.contains_key("measurements") {
        return Ok(config);
    }
    Err(problem.finding(
        "there are no measurements: name their file after the model on the command line, or as \
         `measurements` in [problem]",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = r#"schema = 1
[problem]
shape = [8, 8]
operator = { blur = { kernels = [{ uniform = 3 }] } }
measurements = { path = "y.npy" }
[solver]
kind = "lbfgs"
[stop]
iterations = 20
"#;

    fn read(text: &str, measurements: Option<(&Path, Option<&str>)>) -> Result<Model, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.toml");
        std::fs::write(&path, text).unwrap();
        let mut registry = Registry::default();
        crate::catalog::register(&mut registry);
        Model::read(&path, measurements, &registry).map_err(|error| error.to_string())
    }

    #[test]
    fn the_kind_follows_the_solver_and_the_command_line_names_measurements() {
        let model = read(MODEL, None).unwrap();
        let (problem, solver) = model.sections();
        assert_eq!((problem.kind.as_str(), solver.kind.as_str()), ("smooth-imaging", "lbfgs"));
        assert_eq!(problem.config["measurements"]["path"], "y.npy");
        let other = Some((Path::new("z.h5"), Some("k")));
        let model = read(MODEL, other).unwrap();
        let (problem, _) = model.sections();
        assert_eq!(problem.config["measurements"], json!({ "path": "z.h5", "dataset": "k" }));
    }

    #[test]
    fn mistakes_are_named_with_their_line_and_the_nearest_name() {
        for (from, to, words) in [
            ("schema = 1", "schema = 2", "model.toml:1: schema 2 is not known"),
            ("[stop]", "[stpo]", ":8: unknown key `stpo` in a model; did you mean `stop`?"),
            ("shape =", "shap =", ":3: unknown key `shap` in problem; did you mean `shape`?"),
            ("uniform", "unifrom", ":4: problem.operator.blur.kernels[0]"),
            ("\"lbfgs\"", "\"lbfsg\"", ":7: solver: no solver kind named `lbfsg`"),
            ("kind = \"lbfgs\"\n", "", ":6: [solver] needs `kind`"),
            (
                "kind = \"lbfgs\"",
                "kind = \"newton-cg\"",
                ":7: solver: solver `newton-cg` is not made",
            ),
            ("iterations = 20", "iteration = 20", "did you mean `iterations`?"),
            ("measurements = { path = \"y.npy\" }\n", "", ":2: there are no measurements"),
            ("[problem]", "[problem]\nkind = \"mlr\"", ":3: no kind of reconstruction named `mlr`"),
        ] {
            let text = MODEL.replace(from, to);
            let message = read(&text, None).unwrap_err();
            assert!(message.contains(words), "{words}: {message}");
        }
    }
}
