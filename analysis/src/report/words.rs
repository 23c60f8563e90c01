//! The glossary: one meaning a word, in the page and in the code.

/// A word and its meaning.
pub(super) type Word = (&'static str, &'static str);

/// The words of the suite that the page uses, in the order of a reader's questions.
pub(super) const WORDS: &[Word] = &[
    ("claim", "One sentence of a paper as an executable test on the runs of a study."),
    (
        "verdict",
        "Supported, refuted or inconclusive, with its interval, level and number of seeds.",
    ),
    ("supported", "The whole interval lies where the claim holds."),
    ("refuted", "The whole interval lies where the claim does not hold."),
    (
        "inconclusive",
        "The interval lies on both sides, or cells are missing; the report says what difference would have been detected.",
    ),
    ("no verdict", "Nothing was measured, or seeds that the study asks for are still to come."),
    (
        "expected",
        "What the study says in advance should come out. A verdict that differs is a result.",
    ),
    (
        "evidence",
        "Estimate and interval against the threshold, in half-widths of the interval; the right side always holds.",
    ),
    ("estimate", "The statistic on the seeds at hand, with its interval in brackets."),
    (
        "statistic",
        "What is estimated: one number a seed, then a mean, a ratio, a share or a slope over seeds.",
    ),
    (
        "level",
        "Probability that the interval covers the truth, after the claim's share of the error budget of its paper.",
    ),
    ("holds", "The region of the statistic in which the claim is true; declared before the runs."),
    (
        "margin",
        "The difference that matters, or that does not matter where a claim says two things are equal.",
    ),
    ("procedure", "The statistical test that gives interval and p-values."),
    (
        "would detect",
        "The smallest difference that had probability 0.9 of a clear verdict with these seeds.",
    ),
    (
        "seed",
        "One repetition: the unit over which every interval is taken. Solvers of one seed meet the same data, start and noise.",
    ),
    ("study", "One file that says what runs, what must hold and what is drawn."),
    ("variant", "What is run: as published, as released, or as corrected."),
    ("published", "What the paper says."),
    ("released", "What its code does."),
    ("corrected", "What we hold to be right."),
    ("problem", "One mathematical instance: data, oracles, metrics."),
    ("solver", "An iterative method with its hyper-parameters."),
    ("probe", "A test of one part, with no solver in it: it leaves rows, not curves."),
    ("run", "One solver on one problem with one seed, or one probe with one seed."),
    ("cell", "Everything that decides the numbers of one run: problem, solver, seed, stop rules."),
    (
        "status",
        "How a run ended. Diverged and breakdown are results; a crash, a time-out or lack of memory is a failed attempt.",
    ),
    ("step time", "Seconds inside the steps of a solver; set-up is counted apart."),
    ("work", "Data terms read, over the number of terms: passes over the data."),
    (
        "band",
        "The 10 % and 90 % quantiles over the seeds, at each place; it ends where fewer than half of the runs go on.",
    ),
    ("claim hash", "Hash of the claim as declared: a changed claim shows as changed."),
    ("traces", "Digest of all numbers that a verdict rests on."),
    ("code", "Digest of the code that can change a run's numbers. A verdict never mixes two."),
    (
        "trial",
        "A run of quick size on small data: it tries the machinery and is no verdict on a paper.",
    ),
];

/// Address of a word on its page, if it has one.
pub(super) fn address(word: &str) -> String {
    match WORDS.iter().find(|(known, _)| *known == word) {
        Some(_) => format!("#/words?at={}", word.replace(' ', "+")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_has_one_meaning_and_the_statuses_of_a_verdict_have_theirs() {
        let mut words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
        words.sort_unstable();
        assert!(words.windows(2).all(|pair| pair[0] != pair[1]));
        for answer in ["supported", "refuted", "inconclusive", "no verdict"] {
            assert!(!address(answer).is_empty());
        }
        assert_eq!(address("no such word"), "");
    }
}
