//! A control that no theory of denoisers covers.

/// `x = v + s (v - m(v))`, where `m` is the mean over a pixel and its four neighbours, with periodic
/// boundary: unsharp masking. Linear and symmetric, with eigenvalues from 1, that of constant images,
/// up to `1 + 1.6 s`: expansive for every strength `s > 0`.
#[derive(Clone, Debug)]
pub(super) struct Sharpening {
    pub(super) shape: [usize; 2],
}

impl Sharpening {
    /// Writes the sharpened image.
    pub(super) fn denoise(&self, v: &[f64], strength: f64, x: &mut [f64]) {
        let [rows, columns] = self.shape;
        for c in 0..columns {
            let (left, right) = ((c + columns - 1) % columns, (c + 1) % columns);
            for r in 0..rows {
                let (up, down) = ((r + rows - 1) % rows, (r + 1) % rows);
                let own = v[r + rows * c];
                let sum = own
                    + v[up + rows * c]
                    + v[down + rows * c]
                    + v[r + rows * left]
                    + v[r + rows * right];
                x[r + rows * c] = own + strength * (own - sum / 5.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_stay_and_a_chessboard_grows_by_the_largest_eigenvalue() {
        let map = Sharpening { shape: [4, 6] };
        let mut x = [0.0; 24];
        map.denoise(&[0.7; 24], 0.5, &mut x);
        assert!(x.iter().all(|x| (x - 0.7).abs() <= 1e-15), "{x:?}");
        let board: [f64; 24] =
            std::array::from_fn(|i| if (i % 4 + i / 4) % 2 == 0 { 1.0 } else { -1.0 });
        map.denoise(&board, 0.5, &mut x);
        for (x, v) in x.iter().zip(board) {
            assert!((x - 1.8 * v).abs() <= 1e-15, "{x} {v}");
        }
    }
}
