//! Papers, discovery, and the studies that come with the project.

use std::path::{Path, PathBuf};

use crate::registry::Registry;
use crate::study::{Paper, Size, Study, paper_solvers};

const PAPER: &str = "title = \"T\"\nidentifier = \"none\"\n[claims]\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn a_paper_gives_each_claim_of_a_study_its_share() {
    let text = format!(
        "{PAPER}C1 = {{ weight = 0.25, text = \"a\" }}\nC2 = {{ weight = 0.75, text = \"b\" }}\nI1 = {{ text = \"c\" }}\n"
    );
    let folder = folder(&[("alpha/paper.toml", &text)]);
    let paper = Paper::read(&folder.path().join("alpha")).unwrap();
    assert_eq!((paper.id.as_str(), paper.title.as_str()), ("alpha", "T"));
    assert_eq!(paper.weight("C2"), Some(0.75));
    assert_eq!(paper.weight("C2-seconds-late"), Some(0.75));
    assert_eq!(paper.weight("I1"), None);
    assert_eq!(paper.claim_of("I1-images"), Some("I1"));
    assert_eq!(paper.claim_of("C3"), None);
}

#[test]
fn weights_that_do_not_sum_to_one_are_refused() {
    let text = format!("{PAPER}C1 = {{ weight = 0.25, text = \"a\" }}\n");
    let folder = folder(&[("alpha/paper.toml", &text)]);
    let error = Paper::read(folder.path().join("alpha/paper.toml").as_path()).unwrap_err();
    assert_eq!(
        (error.line, error.finding.as_str()),
        (3, "the weights of the claims sum to 0.250000, not 1")
    );
}

#[test]
fn studies_are_found_by_file_folder_paper_and_name() {
    let folder = folder(&[
        ("alpha/paper.toml", PAPER),
        ("alpha/one.toml", ""),
        ("alpha/two.toml", ""),
        ("alpha/more/three.toml", ""),
        ("beta/one.toml", ""),
        ("beta/one.svg", ""),
    ]);
    let figures = folder.path();
    let paths =
        |names: &[&str]| names.iter().map(|name| figures.join(name)).collect::<Vec<PathBuf>>();
    let find = |argument: Option<&str>| Study::discover(figures, argument);
    let all = ["alpha/one.toml", "alpha/two.toml", "alpha/more/three.toml", "beta/one.toml"];
    assert_eq!(find(None).unwrap(), paths(&all));
    assert_eq!(find(figures.to_str()).unwrap(), paths(&all));
    // Further studies of a paper are asked for by their folder.
    let alpha = figures.join("alpha");
    for argument in ["alpha", alpha.to_str().unwrap()] {
        assert_eq!(find(Some(argument)).unwrap(), paths(&["alpha/one.toml", "alpha/two.toml"]));
    }
    let more = alpha.join("more");
    for argument in ["alpha/more", "three", "alpha/three", more.to_str().unwrap()] {
        assert_eq!(find(Some(argument)).unwrap(), paths(&["alpha/more/three.toml"]));
    }
    assert_eq!(Paper::read(&more).unwrap().id, "alpha");
    assert_eq!(find(Some("one")).unwrap(), paths(&["alpha/one.toml", "beta/one.toml"]));
    assert_eq!(find(Some("beta/one")).unwrap(), paths(&["beta/one.toml"]));
    let beta = figures.join("beta");
    assert_eq!(find(beta.to_str()).unwrap(), paths(&["beta/one.toml"]));
    assert_eq!(find(beta.join("one.toml").to_str()).unwrap(), paths(&["beta/one.toml"]));
    assert_eq!(
        find(Some("twoo")).unwrap_err().to_string(),
        "no study at `twoo`; did you mean `two`?"
    );
}

#[test]
fn curves_of_a_paper_are_ordered_by_first_mention() {
    let folder = folder(&[
        ("a.toml", "[solver.late]\n[solver.early]\n[quick.solver.small]\n"),
        ("b.toml", "[probe.rows]\n[solver.early]\n[variant.released.solver.other]\n"),
        ("paper.toml", PAPER),
    ]);
    let names = paper_solvers(folder.path()).unwrap();
    assert_eq!(names, ["late", "early", "small", "rows", "other"]);
}

#[test]
fn every_study_of_the_project_reads_at_every_size() {
    let figures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../figures");
    let mut registry = Registry::default();
    crate::catalog::register(&mut registry);
    let studies = Study::discover(&figures, None).unwrap_or_else(|none| {
        eprintln!("skipped: {none}");
        Vec::new()
    });
    for path in studies {
        let paper = Paper::read(path.parent().unwrap()).unwrap();
        for size in [Size::Quick, Size::Default, Size::Full] {
            let study = Study::read(&path, size, &registry).unwrap();
            assert_eq!(study.paper, paper.id);
            for claim in &study.claims {
                assert!(
                    paper.claim_of(&claim.name).is_some(),
                    "{}: {}",
                    path.display(),
                    claim.name
                );
            }
        }
    }
}
