//! Each mistake is named at its line, with the nearest name.

use super::support::{FILE, WHOLE, study};
use crate::study::{Size, StudyError};

/// What reading says after `find` was replaced by `replace`, as `(line, finding)`.
fn mistake(find: &str, replace: &str) -> (usize, String) {
    assert_eq!(WHOLE.matches(find).count(), 1, "{find} must stand once in the study");
    let error: StudyError = study(&WHOLE.replace(find, replace), Size::Default).unwrap_err();
    assert_eq!(error.path.to_str(), Some(FILE));
    assert_eq!(error.to_string(), format!("{FILE}:{}: {}", error.line, error.finding));
    assert!(error.to_string().lines().count() <= 3);
    (error.line, error.finding)
}

/// Line of the first line that starts with `start`.
fn line_of(start: &str) -> usize {
    WHOLE.lines().position(|line| line.starts_with(start)).unwrap() + 1
}

#[test]
fn every_mistake_points_at_its_line_and_names_the_remedy() {
    let cases: &[(&str, &str, &str, &str)] = &[
        (
            "schema = 1",
            "schema = 2",
            "schema",
            "schema 2 is not known to this program, which reads schema 1",
        ),
        (
            "[limits]",
            "[limitz]",
            "[limits]",
            "unknown key `limitz` in a study; did you mean `limits`?",
        ),
        (
            "outputs = [\"iterate\"]",
            "outputs = [\"iterate at best test-loss\"]",
            "outputs",
            "outputs: test-loss looks at the test split, which may select no row",
        ),
        (
            "depth = 2.0",
            "dept = 2.0",
            "depth",
            "unknown key `dept` in problem.bowl; did you mean `depth`?",
        ),
        (
            "depth = 2.0",
            "depth = \"deep\"",
            "depth",
            "problem.bowl.depth: invalid type: string \"deep\", expected f64",
        ),
        (
            "{ round = { radius = 1.0 } }",
            "{ rond = {} }",
            "shape",
            "problem.bowl.shape: no alternative `rond`; did you mean `round`?",
        ),
        (
            "[problem.valley]",
            "[problem.vale]",
            "[problem.valley]",
            "problem.vale: no problem kind named `vale`; known: `bowl`, `valley`",
        ),
        (
            "step-size = { sweep = [0.1, 0.2] }",
            "step_size = 0.1",
            "step-size",
            "unknown key `step_size` in solver.walk; did you mean `step-size`?",
        ),
        ("sweep = [0.1, 0.2]", "sweep = []", "step-size", "`sweep` is empty"),
        (
            "sweep = [0.1, 0.2]",
            "sweep = [0.1, \"a\"]",
            "step-size",
            "solver.walk.step-size: invalid type: string \"a\", expected f64",
        ),
        (
            "problems = [\"bowl\"]",
            "problems = [\"bowle\"]",
            "problems",
            "no problem named `bowle`; did you mean `bowl`?",
        ),
        (
            "problems = [\"bowl\"]\n",
            "\n",
            "[solver.jump]",
            "solver.jump: solver `jump` is not made for problem `valley`, which takes `walk`",
        ),
        (
            "order = 2",
            "order = 2.5",
            "order",
            "probe.moments.order: invalid type: floating point `2.5`, expected u64",
        ),
        (
            "solver = \"jump\"\nstop",
            "solver = \"jumb\"\nstop",
            "solver = \"jump\"",
            "no solver section named `jumb`; did you mean `jump`; or give a table with a `kind`",
        ),
        (
            "metric = \"validation-loss\"",
            "metric = \"test-loss\"",
            "best",
            "tuning may not look at the test split: `test-loss`; use a validation or train metric",
        ),
        ("log = [1e-3, 1.0]", "log = [1.0, 1e-3]", "over", "the ends of `log` must rise: 1, 0.001"),
        ("min = 2\n", "min = 5\n", "max = 4", "`max` = 4 is below `min` = 5"),
        ("root = 11", "root = 1.5", "root", "`root` must be a whole number, not a number"),
        ("factor = 1.5", "factor = 1.0", "factor = 1.5", "`factor` must be above 1, not 1"),
        (
            "rule = \"geometric\"",
            "rule = \"geomtric\"",
            "rule",
            "no sampling rule named `geomtric`; did you mean `geometric`?",
        ),
        (
            "{ iterations = 20 }",
            "{ iteration = 20 }",
            "any",
            "no stop rule named `iteration` in [stop]; did you mean `iterations`?",
        ),
        (
            "metric = \"objective\", factor",
            "metric = \"test-loss\", factor",
            "any",
            "a divergence rule may not look at the test split: `test-loss`; use a validation or train metric",
        ),
        ("seconds = 5", "seconds = -5", "seconds", "`seconds` must be above 0, not -5"),
        ("8 GiB", "8 gigs", "memory", "`8 gigs` is not an amount of memory, such as \"8 GiB\""),
        (
            "problem.bowl.depth = 5.0",
            "problem.bowl.dept = 5.0",
            "problem.bowl.depth = 5.0",
            "unknown key `dept` in problem.bowl; did you mean `depth`?",
        ),
        (
            "solver = \"walk\", problem",
            "solver = \"wlak\", problem",
            "test",
            "no solver named `wlak`; did you mean `walk`?",
        ),
        (
            "[\"walk\", \"jump\"]",
            "[\"walk\", \"hop\"]",
            "solvers",
            "no solver named `hop`; known: `walk`, `jump`",
        ),
        ("title = \"Bowls\"", "title = nan", "title", "nan is not a finite number"),
    ];
    for (find, replace, start, text) in cases {
        assert_eq!(mistake(find, replace), (line_of(start), (*text).to_owned()), "{replace}");
    }
}

#[test]
fn a_file_that_is_not_toml_points_at_its_line() {
    let (line, text) = mistake("depth = 2.0", "depth = = 2.0");
    assert_eq!(line, line_of("depth"));
    assert!(!text.is_empty());
    let (line, text) = mistake("[problem.valley]", "[problem.bowl]");
    assert_eq!(line, line_of("[problem.valley]"));
    assert!(text.contains("duplicate"), "{text}");
}

#[test]
fn a_mistake_in_a_size_is_seen_at_that_size() {
    let text = WHOLE.replace("shape = \"flat\"", "shape = \"flt\"");
    let error = study(&text, Size::Quick).unwrap_err();
    assert_eq!(error.line, line_of("problem.bowl.shape"));
    assert_eq!(error.finding, "problem.bowl.shape: no alternative `flt`; did you mean `flat`?");
    assert!(study(&text, Size::Default).is_ok());
}
