//! Covariance matrices of a study file.

use faer::{Mat, MatRef, Side};
use serde::{Deserialize, Serialize};

use crate::SetupError;

/// A covariance matrix of order `n`: a number is a multiple of the identity, a list a diagonal, a list
/// of lists the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Covariance {
    /// The same variance in every direction.
    Isotropic(f64),
    /// Independent coordinates.
    Diagonal(Vec<f64>),
    /// All entries, row by row.
    Full(Vec<Vec<f64>>),
}

impl Covariance {
    /// The matrix of order `n`.
    ///
    /// # Errors
    /// [`SetupError::Shape`] for another order, [`SetupError::Parameter`] that names the matrix and
    /// its eigenvalue if it is not positive semidefinite, or the entries if it is not symmetric.
    pub fn matrix(&self, name: &'static str, n: usize) -> Result<Mat<f64>, SetupError> {
        let shape = |found: usize| {
            if found == n {
                Ok(())
            } else {
                Err(SetupError::Shape { what: name, expected: n, found })
            }
        };
        let matrix = match self {
            Self::Isotropic(v) => Mat::from_fn(n, n, |i, j| if i == j { *v } else { 0.0 }),
            Self::Diagonal(v) => {
                shape(v.len())?;
                Mat::from_fn(n, n, |i, j| if i == j { v[i] } else { 0.0 })
            }
            Self::Full(rows) => {
                shape(rows.len())?;
                rows.iter().try_for_each(|row| shape(row.len()))?;
                Mat::from_fn(n, n, |i, j| rows[i][j])
            }
        };
        check(name, matrix.as_ref())?;
        Ok(matrix)
    }
}

fn check(name: &'static str, a: MatRef<'_, f64>) -> Result<(), SetupError> {
    let n = a.nrows();
    let wrong = |value: String, admissible| Err(SetupError::Parameter { name, value, admissible });
    for (i, j) in (0..n).flat_map(|j| (0..=j).map(move |i| (i, j))) {
        if !(a[(i, j)].is_finite() && a[(j, i)].is_finite()) {
            return wrong(format!("entry ({i}, {j}) = {}", a[(i, j)]), "finite entries");
        }
        if (a[(i, j)] - a[(j, i)]).abs() > 0.0 {
            let pair = format!("entries ({i}, {j}) = {} and ({j}, {i}) = {}", a[(i, j)], a[(j, i)]);
            return wrong(pair, "a symmetric matrix");
        }
    }
    let Ok(values) = a.self_adjoint_eigenvalues(Side::Lower) else {
        return Err(SetupError::Numerics(format!("eigenvalues of {name} do not converge")));
    };
    // Rounding leaves an eigenvalue 0 within n ε of the largest.
    let floor = -(n as f64) * f64::EPSILON * values.last().map_or(0.0, |v| v.abs());
    match values.first() {
        Some(&least) if least < floor => wrong(
            format!("a matrix with the eigenvalue {least}"),
            "a positive semidefinite matrix: no eigenvalue below 0",
        ),
        _ => Ok(()),
    }
}

/// The symmetric square root of a positive semidefinite matrix; that of a diagonal matrix is diagonal
/// to the bit. Negative eigenvalues, which only rounding leaves, count as 0.
pub(super) fn root(a: MatRef<'_, f64>) -> Result<Mat<f64>, SetupError> {
    let n = a.nrows();
    let off_diagonal = |(i, j): (usize, usize)| i != j && a[(i, j)].abs() > 0.0;
    if !(0..n * n).map(|k| (k % n, k / n)).any(off_diagonal) {
        return Ok(Mat::from_fn(n, n, |i, j| if i == j { a[(i, i)].max(0.0).sqrt() } else { 0.0 }));
    }
    let Ok(eigen) = a.self_adjoint_eigen(Side::Lower) else {
        return Err(SetupError::Numerics("eigenvalues of a covariance do not converge".into()));
    };
    let (u, s) = (eigen.U(), eigen.S().column_vector());
    let scaled = Mat::from_fn(n, n, |i, j| u[(i, j)] * s[j].max(0.0).sqrt());
    Ok(&scaled * u.transpose())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_diagonals_and_rows_give_the_matrix_they_say() {
        let read = |text: &str| serde_json::from_str::<Covariance>(text).unwrap();
        let a = read("2.0").matrix("c", 2).unwrap();
        assert_eq!(a, read("[2.0, 2.0]").matrix("c", 2).unwrap());
        assert_eq!(a, read("[[2.0, 0.0], [0.0, 2.0]]").matrix("c", 2).unwrap());
    }

    #[test]
    fn the_root_squares_to_the_matrix() {
        let a = Covariance::Full(vec![vec![2.0, 0.6], vec![0.6, 0.5]]).matrix("c", 2).unwrap();
        let s = root(a.as_ref()).unwrap();
        assert!((&s * s.transpose() - &a).norm_max() <= 8.0 * f64::EPSILON * a.norm_max());
    }

    #[test]
    fn a_matrix_that_is_no_covariance_is_named_with_its_eigenvalue() {
        let rows = vec![vec![1.0, 2.0], vec![2.0, 1.0]];
        match Covariance::Full(rows).matrix("data-covariance", 2) {
            Err(SetupError::Parameter { name, value, .. }) => {
                assert_eq!(name, "data-covariance");
                let text = value.strip_prefix("a matrix with the eigenvalue ").unwrap();
                assert!((text.parse::<f64>().unwrap() + 1.0).abs() < 1e-15);
            }
            other => panic!("{other:?}"),
        }
        let rows = vec![vec![1.0, 0.1], vec![0.2, 1.0]];
        let error = Covariance::Full(rows).matrix("c", 2).unwrap_err().to_string();
        assert!(error.contains("symmetric"), "{error}");
        match Covariance::Diagonal(vec![1.0]).matrix("c", 3) {
            Err(SetupError::Shape { what, expected, found }) => {
                assert_eq!((what, expected, found), ("c", 3, 1));
            }
            other => panic!("{other:?}"),
        }
    }
}
