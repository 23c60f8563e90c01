//! The win test: wins and losses of pairs, valid however often one looks and for any law.
//!
//! The evidence is the wealth of a bettor on "a win has probability at most p₀", averaged over all
//! constant bets; it exceeds 1/a with probability at most a, ever. Source: J. Ville, 1939;
//! S. Howard, A. Ramdas, J. `McAuliffe`, J. Sekhon, arXiv 1810.08240.

use super::distribution::{beta_lower, binomial_upper, bisect, ln_beta_function};
use super::{Evidence, Interval};

/// How the pairs of a claim came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Pairs that speak for the claim.
    pub wins: u64,
    /// Pairs that speak against it.
    pub losses: u64,
    /// Pairs that do neither.
    pub ties: u64,
    /// Pairs whose outcome is unknown: a loss for the support, a win for the refutation.
    pub undecidable: u64,
}

impl Tally {
    /// Of signs: positive wins, negative loses, zero ties. NaN is undecidable.
    pub fn of_signs(x: &[f64]) -> Self {
        let mut tally = Self::default();
        for x in x {
            *match x.partial_cmp(&0.0) {
                Some(std::cmp::Ordering::Greater) => &mut tally.wins,
                Some(std::cmp::Ordering::Less) => &mut tally.losses,
                Some(std::cmp::Ordering::Equal) => &mut tally.ties,
                None => &mut tally.undecidable,
            } += 1;
        }
        tally
    }

    /// Pairs in all.
    pub fn pairs(&self) -> u64 {
        self.wins + self.losses + self.ties + self.undecidable
    }

    /// Share of wins among the decided pairs; ½ where none is decided.
    pub fn share(&self) -> f64 {
        let decided = self.wins + self.losses;
        if decided == 0 { 0.5 } else { self.wins as f64 / decided as f64 }
    }
}

/// Logarithm of the evidence that the win probability exceeds `null` in (0, 1).
pub fn ln_evidence_above(wins: u64, losses: u64, null: f64) -> f64 {
    let (w, l) = (wins as f64, losses as f64);
    ln_beta_function(1.0 + w, 1.0 + l) + beta_lower(1.0 + l, 1.0 + w, 1.0 - null).ln()
        - (1.0 - null).ln()
        - w * null.ln()
        - l * (1.0 - null).ln()
}

/// Logarithm of the evidence that the win probability is below `null`.
pub fn ln_evidence_below(wins: u64, losses: u64, null: f64) -> f64 {
    ln_evidence_above(losses, wins, 1.0 - null)
}

/// Anytime-valid p-values of "the win probability exceeds ½" at this look alone; a caller that
/// looked before keeps the smaller. Undecidable pairs count against either direction.
pub fn evidence(tally: &Tally) -> Evidence {
    let Tally { wins, losses, undecidable, .. } = *tally;
    Evidence {
        support: (-ln_evidence_above(wins, losses + undecidable, 0.5)).exp().min(1.0),
        refute: (-ln_evidence_below(wins + undecidable, losses, 0.5)).exp().min(1.0),
    }
}

/// Interval for the win probability that holds at every look.
pub fn interval(tally: &Tally, alpha: f64) -> Interval {
    let Tally { wins, losses, undecidable, .. } = *tally;
    let lower = lower_end(wins, losses + undecidable, alpha);
    let upper = 1.0 - lower_end(losses, wins + undecidable, alpha);
    Interval::new(lower, upper)
}

/// p-values of "the win probability exceeds ½" for a number of pairs fixed before the data: the
/// sign test, with undecidable pairs against either direction.
pub fn fixed_evidence(tally: &Tally) -> Evidence {
    let Tally { wins, losses, undecidable, .. } = *tally;
    let decided = wins + losses + undecidable;
    Evidence {
        support: binomial_upper(wins, decided, 0.5),
        refute: binomial_upper(losses, decided, 0.5),
    }
}

/// Where the evidence above the null crosses 2/alpha; 0 without wins.
fn lower_end(wins: u64, losses: u64, alpha: f64) -> f64 {
    if wins == 0 {
        return 0.0;
    }
    let limit = (2.0 / alpha).ln();
    let share = wins as f64 / (wins + losses) as f64;
    bisect(0.0, share, |null| null <= 0.0 || ln_evidence_above(wins, losses, null) > limit)
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    fn tally(wins: u64, losses: u64) -> Tally {
        Tally { wins, losses, ..Tally::default() }
    }

    #[test]
    fn evidence_matches_its_vectors() {
        for (wins, losses, null, expected) in [
            (5, 0, 0.5, 10.5),
            (8, 0, 0.5, 56.777_777_78),
            (9, 1, 0.5, 18.509_090_91),
            (7, 3, 0.5, 1.375_757_576),
            (15, 5, 0.5, 6.355_521_156),
            (9, 1, 0.6, 5.467_558_53),
        ] {
            assert_close(ln_evidence_above(wins, losses, null).exp(), expected, 1e-9);
        }
        assert_close(ln_evidence_below(9, 1, 0.5).exp(), 0.109_090_909_1, 1e-9);
    }

    #[test]
    fn unanimous_evidence_has_its_closed_form() {
        for n in 1..=40_u64 {
            let exact = (2.0_f64.powi(n as i32 + 1) - 1.0) / (n + 1) as f64;
            assert_close(ln_evidence_above(n, 0, 0.5).exp(), exact, 1e-11);
        }
    }

    #[test]
    fn intervals_match_their_vectors() {
        let found = interval(&tally(9, 1), 0.05);
        assert_close(found.lower, 0.449_431_782, 1e-9);
        assert_close(found.upper, 0.999_772_209_6, 1e-9);
        let found = interval(&tally(15, 5), 0.05);
        assert_close(found.lower, 0.415_981_940_9, 1e-9);
        assert_close(found.upper, 0.956_458_245_7, 1e-9);
    }

    #[test]
    fn wins_needed_match_their_table() {
        for (pairs, sequential, fixed) in
            [(10, 10, 9), (12, 11, 10), (15, 14, 12), (20, 17, 15), (30, 24, 21), (40, 30, 27)]
        {
            let needed = |p: &dyn Fn(&Tally) -> Evidence| {
                (0..=pairs).find(|w| p(&tally(*w, pairs - w)).support <= 0.025).unwrap()
            };
            assert_eq!(needed(&evidence), sequential);
            assert_eq!(needed(&fixed_evidence), fixed);
        }
    }

    #[test]
    fn undecidable_pairs_speak_for_nobody() {
        let unknown = Tally { wins: 7, losses: 1, ties: 0, undecidable: 2 };
        let found = evidence(&unknown);
        assert_close(found.support, evidence(&tally(7, 3)).support, 1e-14);
        assert_close(found.refute, evidence(&tally(9, 1)).refute, 1e-14);
    }
}
