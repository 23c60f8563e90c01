use super::*;
use crate::claim::Answer;
use crate::plot::forest::tests::{sample, verdict};
use crate::plot::style;
use converge_bench::registry::{Probe, Registry};
use converge_bench::study::Size;
use std::collections::BTreeMap;

/// A probe without rows: the shortest study there is.
#[derive(serde::Deserialize)]
struct Nothing {}

impl Probe for Nothing {
    const ID: &'static str = "nothing";
    const ABOUT: &'static str = "No rows.";
    fn columns(&self) -> Vec<converge_problems::Metric> {
        Vec::new()
    }
    fn run(
        &self,
        _: converge_problems::Seed,
        _: &mut dyn FnMut(&[f64]),
    ) -> Result<(), converge_bench::registry::ProbeError> {
        Ok(())
    }
}

fn study() -> Study {
    let text = "schema = 1\npaper = \"admm-softmax\"\ntitle = \"ADMM-Softmax against the others\"\n\
                [probe.nothing]\n[seeds]\nmin = 1\nmax = 1\n";
    let mut registry = Registry::default();
    registry.probe::<Nothing>();
    let path = Path::new("admm-softmax/generalisation.toml");
    Study::parse(text, path, Size::Default, &registry).unwrap()
}

fn paper() -> Paper {
    Paper {
        id: "admm-softmax".into(),
        title: "ADMM-Softmax: multinomial logistic regression".into(),
        identifier: String::new(),
        weights: BTreeMap::new(),
        texts: Vec::new(),
    }
}

fn page_of(verdicts: &[Verdict]) -> String {
    render(&[Input { study: &study(), paper: &paper(), runs: &[], verdicts }]).unwrap()
}

#[test]
fn the_policy_allows_exactly_the_script_and_style_of_the_page() {
    assert_eq!(hash(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    let html = page_of(&sample());
    for tag in ["script", "style"] {
        let (from, to) = (format!("<{tag}>"), format!("</{tag}>"));
        let inside = html.split(&from).nth(1).unwrap().split(&to).next().unwrap();
        assert!(html.contains(&format!("{tag}-src 'sha256-{}'", hash(inside))), "{tag}");
        assert_eq!(html.matches(&from).count(), 1);
    }
}

#[test]
fn the_page_asks_for_nothing_and_builds_no_markup_from_text() {
    let html = page_of(&sample()).replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for forbidden in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "DOMParser",
        "eval(",
        "new Function",
        "http:",
        "https:",
        " style=",
        " onclick=",
        "@import",
        "url(",
        "localStorage",
        "sessionStorage",
        "fetch(",
        "XMLHttpRequest",
        "Date.now",
        "Math.random",
    ] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn uplot_is_the_version_that_its_note_names() {
    let note = include_str!("../../assets/uplot/README.md");
    for file in [UPLOT[0], UPLOT[1]] {
        let mut sum = String::new();
        for byte in Sha256::digest(file.as_bytes()) {
            let _ = write!(sum, "{byte:02x}");
        }
        assert!(note.contains(&sum), "{sum}");
    }
    assert!(UPLOT[0].contains("(v1.6.32)") && script().contains(UPLOT[2]));
}

#[test]
fn every_claim_is_a_row_and_a_page_and_answers_are_words_beside_colors() {
    let html = page_of(&sample());
    assert_eq!(html.matches("data-claim=").count(), 5);
    assert_eq!(html.matches("data-view=\"claim\"").count(), 5);
    for text in [
        "✓ supported",
        "✗ refuted",
        "? inconclusive",
        "– no verdict",
        "expected: supported",
        "would detect 1.3 ratio",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(html.contains("converge check admm-softmax/generalisation --claim C2"));
}

#[test]
fn hostile_names_are_text() {
    let mut hostile = verdict(
        "<script>alert(1)</script>",
        Answer::Refuted,
        [1.0, 0.9, 1.1, 1.0],
        "\"><img src=x>",
    );
    hostile.text = "</style><script>x</script> ' \" & \u{202e}".into();
    hostile.variant = "\"onload=x".into();
    hostile.flags = vec!["<b>".into()];
    let html = page_of(&[hostile]);
    // The page's own script, the looks, the study.
    assert_eq!(html.matches("<script").count(), 3);
    assert_eq!(html.matches("</script").count(), 3);
    assert!(!html.contains("<img") && !html.contains("\"onload"));
}

#[test]
fn counts_have_their_thousands_apart() {
    let counts = [0, 1, 999, 1_284, 1_000_000].map(|count| plural(count, "run"));
    assert_eq!(counts, ["0 runs", "1 run", "999 runs", "1,284 runs", "1,000,000 runs"]);
}

#[test]
fn data_blocks_hold_no_tag() {
    assert_eq!(inside_script("{\"a\":\"</script><!--\"}"), "{\"a\":\"\\u003c/script>\\u003c!--\"}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(page_of(&sample()), page_of(&sample()));
}

#[test]
fn an_empty_report_says_what_to_do() {
    assert!(page_of(&[]).contains("<code>converge run</code>"));
}

#[test]
fn a_report_is_one_file_written_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.html");
    let verdicts = sample();
    write(&[Input { study: &study(), paper: &paper(), runs: &[], verdicts: &verdicts }], &path)
        .unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), page_of(&verdicts));
}

#[test]
fn text_tokens_have_contrast_in_both_themes() {
    let color = |theme: &str, name: &str| {
        let block = STYLES[0].split(theme).nth(1).unwrap().split('}').next().unwrap();
        let code = block.split(&format!("--{name}:#")).nth(1).unwrap().get(..6).unwrap();
        let value = u32::from_str_radix(code, 16).unwrap();
        style::Color((value >> 16) as u8, (value >> 8) as u8, value as u8)
    };
    for theme in [":root{", ":root[data-theme=dark]{"] {
        let c = |name| color(theme, name);
        for (text, ground) in [
            ("ink", "bg"),
            ("ink", "card"),
            ("soft", "bg"),
            ("soft", "card"),
            ("accent", "bg"),
            ("accent", "card"),
            ("yes", "yes-wash"),
            ("no", "no-wash"),
            ("open", "open-wash"),
            ("none", "none-wash"),
            ("soft", "none-wash"),
            ("yes", "holds"),
            ("no", "card"),
            ("open", "holds"),
        ] {
            assert!(c(text).contrast(c(ground)) >= 4.5, "{theme} {text} on {ground}");
        }
        assert!(c("strong").contrast(c("card")) >= 3.0, "{theme} borders");
    }
}
