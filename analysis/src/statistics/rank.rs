//! Ranks with ties.

/// Ranks from 1, smallest first; equal values share the mean of their ranks.
pub fn average_ranks(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
    let mut ranks = vec![0.0; x.len()];
    let mut from = 0;
    // Equal by value, not by bits: 0 and −0 tie.
    for tied in order.chunk_by(|a, b| x[*a] >= x[*b]) {
        let shared = from as f64 + 0.5 * (tied.len() + 1) as f64;
        for place in tied {
            ranks[*place] = shared;
        }
        from += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_mean_rank() {
        assert_eq!(average_ranks(&[3.0, 1.0, 2.0, 2.0, 5.0, 4.0]), [4.0, 1.0, 2.5, 2.5, 6.0, 5.0]);
        assert_eq!(average_ranks(&[0.0, -0.0, f64::INFINITY]), [1.5, 1.5, 3.0]);
        assert!(average_ranks(&[]).is_empty());
    }
}
