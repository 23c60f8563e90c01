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

/// The blocks of data of a page.
fn studies(html: &str) -> Vec<serde_json::Value> {
    let head = "<script type=\"application/json\" class=\"study\">";
    let block = |rest: &str| rest.split("</script>").next().unwrap_or_default().to_owned();
    html.split(head).skip(1).map(|rest| serde_json::from_str(&block(rest)).expect("JSON")).collect()
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
        // An accuracy ends at 1, where a logarithmic axis shows least.
        "&#34;y&#34;:&#34;test-accuracy&#34;,&#34;xlog&#34;:false,&#34;ylog&#34;:false",
        "&#34;y&#34;:&#34;objective-gap&#34;,&#34;xlog&#34;:true,&#34;ylog&#34;:true",
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
    // What 500 runs share, such as iterations, is stored once: 500 metrics and 500 clocks remain.
    for study in studies(&html) {
        assert_eq!(study["runs"].as_array().map(Vec::len), Some(500));
        assert_eq!(study["columns"].as_array().map(Vec::len), Some(1_002));
    }
    keep("report-large.html", &html);
    assert!(html.len() < 10_000_000, "{} bytes", html.len());
}

#[test]
fn long_traces_are_thinned_and_say_how_long_they_were() {
    let html = render(&[samples::long()]);
    let study = &studies(&html)[0];
    for run in study["runs"].as_array().expect("runs") {
        assert_eq!(run[3], 20_000);
    }
    let lengths: Vec<u64> = study["columns"]
        .as_array()
        .expect("columns")
        .iter()
        .filter_map(|c| c[0].as_u64())
        .collect();
    // Two metrics with at most four rows a pixel column of 1600.
    assert!(lengths.iter().all(|length| (400..2 * 6_404).contains(length)), "{lengths:?}");
}

#[test]
fn without_studies_the_report_says_what_to_do() {
    let html = render(&[]);
    keep("report-empty.html", &html);
    assert!(html.contains("<code>converge run</code>"));
}
