//! The report as a whole, through the crate's door. The files it leaves in the test folder of the
//! build are what `.ci/report_test.py` opens in a browser.

mod samples;

use std::path::Path;

use converge_analysis::report;
use samples::Sample;

fn render(samples: &[Sample]) -> String {
    let inputs: Vec<report::Input<'_>> = samples.iter().map(Sample::input).collect();
    report::render(&inputs).expect("a report")
}

fn keep(name: &str, html: &str) {
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), html)
        .expect("the folder of the build");
}

#[test]
fn every_state_of_a_claim_is_shown() {
    let samples = samples::every_state();
    let html = render(&samples);
    keep("report-sample.html", &html);
    assert_eq!(html, render(&samples), "the same input, other bytes");
    assert_eq!(html.matches("<tr role=\"row\" data-claim=").count(), 41);
    for text in [
        "✓ supported",
        "✗ refuted",
        "? inconclusive",
        "– not run",
        "… 5 of 12 seeds done",
        "expected: supported",
        "would detect",
        "claim changed since this verdict",
        "<s>",
        "crashed",
        "converge run paper-3/descent",
        "What the study file itself describes.",
        "Against corrected: solver lbfgs.memory is 3, not",
    ] {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn hostile_texts_stay_text() {
    let html = render(&samples::every_state()[5..]);
    // The page's own script, the looks and one study.
    assert_eq!(html.matches("<script").count(), 3);
    assert_eq!(html.matches("</script").count(), 3);
    for forbidden in ["<img", "<b>paper", "<i>where", "<svg onload", "</dl><b>", "\" onclick="] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.contains(&"long".repeat(75)));
}

#[test]
fn two_hundred_claims_and_ten_thousand_curves_stay_under_ten_megabytes() {
    let samples = samples::large();
    let runs: usize = samples.iter().map(|sample| sample.runs.len()).sum();
    let claims: usize = samples.iter().map(|sample| sample.verdicts.len()).sum();
    assert_eq!((runs, claims), (10_000, 200));
    let html = render(&samples);
    keep("report-large.html", &html);
    assert!(html.len() < 10_000_000, "{} bytes", html.len());
}

#[test]
fn without_studies_the_report_says_what_to_do() {
    let html = render(&[]);
    keep("report-empty.html", &html);
    assert!(html.contains("<code>converge run</code>"));
}
