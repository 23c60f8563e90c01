use super::*;
use crate::plot::svg;

pub(crate) fn verdict(claim: &str, answer: Answer, values: [f64; 4], statistic: &str) -> Verdict {
    let [estimate, lower, upper, threshold] = values;
    Verdict {
        paper: "admm-softmax".into(),
        study: "generalisation".into(),
        claim: claim.into(),
        text: "ADMM-Softmax reaches the target loss in fewer data passes than L-BFGS.".into(),
        place: "abstract".into(),
        hash: "9f3ce21a".into(),
        variant: "corrected".into(),
        size: "default".into(),
        trial: false,
        answer,
        expected: Some(Answer::Supported),
        kind: "ratio".into(),
        procedure: "paired interval of the mean".into(),
        statistic: statistic.into(),
        unit: String::new(),
        estimate,
        lower,
        upper,
        level: 0.95,
        threshold,
        margin: 0.0,
        side: Side::Below,
        p_support: Some(0.01),
        p_refute: Some(0.9),
        holm_support: None,
        holm_refute: None,
        seeds: 20,
        looks: 1,
        rows: Vec::new(),
        detectable: None,
        flags: Vec::new(),
        failed: std::collections::BTreeMap::new(),
        digest: "4b7d2e1f".into(),
        code: "c0de".into(),
        revision: "abc".into(),
        machine: "x".into(),
    }
}

pub(crate) fn sample() -> Vec<Verdict> {
    let mut inconclusive = verdict(
        "C7",
        Answer::Inconclusive,
        [0.91, 0.71, 1.17, 1.0],
        "paired ratio of time to target",
    );
    inconclusive.detectable = Some(crate::verdict::Detectable { value: 1.3, unit: "ratio".into() });
    let mut within =
        verdict("C5", Answer::Supported, [0.003, -0.009, 0.016, 0.0], "relative residual");
    within.side = Side::Within;
    within.margin = 0.02;
    within.expected = None;
    let mut none = verdict("C9", Answer::NoVerdict, [f64::NAN; 4], "difference of test accuracy");
    none.threshold = 0.0;
    none.seeds = 0;
    vec![
        verdict("C2", Answer::Supported, [0.43, 0.36, 0.52, 1.0], "paired ratio of time to target"),
        verdict("C3", Answer::Refuted, [1.46, 1.18, 1.83, 1.0], "paired ratio of time to target"),
        inconclusive,
        within,
        none,
    ]
}

#[test]
fn every_row_has_claim_numbers_seeds_and_word() {
    let verdicts = sample();
    let scene = draw(&verdicts.iter().collect::<Vec<_>>(), true, About::default());
    let texts: Vec<String> = scene.label_boxes().into_iter().map(|(text, _)| text).collect();
    for wanted in
        ["C2", "C7", "0.43 [0.36, 0.52]", "supported", "refuted", "inconclusive", "no verdict", "–"]
    {
        assert!(texts.iter().any(|text| text == wanted), "{wanted} in {texts:?}");
    }
    assert_eq!(
        svg::write(&scene),
        svg::write(&draw(&verdicts.iter().collect::<Vec<_>>(), true, About::default()))
    );
}

#[test]
fn a_power_that_all_numbers_share_is_written_once() {
    let small = verdict("C", Answer::Supported, [2.2e-7, 1.5e-7, 3.1e-7, 1e-5], "gap");
    assert_eq!(shown(&small), "(2.2 [1.5, 3.1])·10^{−7}");
    let plain = verdict("C", Answer::Supported, [0.43, 0.36, 0.52, 1.0], "ratio");
    assert_eq!(shown(&plain), estimate(&plain));
}

#[test]
fn a_count_has_no_decimals() {
    let mut count = verdict("C", Answer::Inconclusive, [1.0, 1.0, 2.0, 1.5], "tests that hold");
    count.unit = "of 2".into();
    assert_eq!(estimate(&count), "1 [1, 2]");
    assert_eq!(shown(&count), "1 of 2 [1, 2]");
    let labels: Vec<_> =
        axis(&[&count]).ticks().into_iter().filter_map(|tick| tick.label).collect();
    assert_eq!(labels, ["0", "1", "2"]);
    (count.lower, count.estimate) = (2.0, 2.0);
    assert_eq!(shown(&count), "2 of 2");
}

#[test]
fn a_share_of_wins_shares_no_axis_with_the_magnitude_it_stands_for() {
    let size = verdict("A", Answer::Supported, [0.9, 0.8, 1.0, 1.1], "factor");
    let mut wins = verdict("B", Answer::Supported, [1.0, 0.3, 1.0, 0.5], "factor");
    wins.procedure = "sign test".into();
    assert_eq!(groups(&[&size, &wins]).len(), 2);
    assert_eq!(axis(&[&wins]).range(), (0.0, 1.0));
    let texts = draw(&[&size, &wins], false, About::default()).label_boxes();
    assert!(texts.iter().any(|(text, _)| text == "share of wins, factor"));
}

#[test]
fn sizes_far_below_their_limits_stand_on_a_log_axis_even_where_an_interval_reaches_zero() {
    let gap = verdict("C", Answer::Supported, [2e-16, -2e-16, 3e-16, 1e-10], "gap");
    assert_eq!(axis(&[&gap]).scale(), Scale::Log);
}

#[test]
fn labels_of_a_forest_stay_apart_and_on_the_page() {
    let mut verdicts = sample();
    verdicts[0].claim = "C2-a-rather-long-name".into();
    verdicts[0].text = "word ".repeat(60);
    verdicts[1].estimate = 1.234_567e-12;
    let scene = draw(&verdicts.iter().collect::<Vec<_>>(), false, About::default());
    let boxes = scene.label_boxes();
    for (i, (one, a)) in boxes.iter().enumerate() {
        assert!(a.right <= scene.width && a.left >= 0.0 && a.bottom <= scene.height, "{one}");
        assert!(boxes[..i].iter().all(|(other, b)| a.gap(b) > 0.0 || one == other), "{one}");
    }
}

#[test]
fn a_long_claim_has_all_its_words_in_a_row_as_high_as_they_are() {
    let mut verdicts = sample();
    verdicts[0].text =
        format!("{}: whole words, the last of them too", "reaches the target loss ".repeat(5));
    let high = draw(&verdicts.iter().collect::<Vec<_>>(), false, About::default());
    let texts: Vec<String> = high.label_boxes().into_iter().map(|(text, _)| text).collect();
    assert!(texts.iter().any(|text| text.ends_with("of them too")), "{texts:?}");
    assert!(texts.iter().all(|text| !text.contains('…')), "{texts:?}");
    let low = sample();
    let low = draw(&low.iter().collect::<Vec<_>>(), false, About::default());
    assert!(high.height > low.height, "{} {}", high.height, low.height);
}
