//! Seeded partition of the samples.

use std::collections::BTreeSet;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::{Seed, SetupError, require};

/// How many samples: a fraction of those at hand, or a count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    /// Samples.
    Count(usize),
    /// Between 0 and 1.
    Fraction(f64),
}

impl Amount {
    fn of(self, samples: usize, name: &'static str) -> Result<usize, SetupError> {
        match self {
            Self::Count(count) => {
                require(name, count, count <= samples, "at most the samples of the data set")?;
                Ok(count)
            }
            Self::Fraction(fraction) => {
                let holds = (0.0..=1.0).contains(&fraction);
                require(name, fraction, holds, "a fraction between 0 and 1, or a count")?;
                Ok((fraction * samples as f64).round() as usize)
            }
        }
    }
}

/// Which samples train, select and test. The order is a seeded permutation, unless `in-order`.
///
/// Where the data set separates test samples, `test` is taken from those (all by default) and
/// `train` and `validation` from the others; otherwise all three come from the same pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SplitChoice {
    /// Training samples; by default what the others leave.
    pub train: Option<Amount>,
    /// Validation samples; by default a sixth.
    pub validation: Option<Amount>,
    /// Test samples; by default all that the data set separates, or a sixth.
    pub test: Option<Amount>,
    /// Equal numbers of validation samples of every class.
    pub balanced: bool,
    /// Samples stay in the order of the data set, so that a file that is streamed is read from front
    /// to end: the first train, the last test. Only for data whose order means nothing.
    pub in_order: bool,
}

/// Indices into the samples of a data set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Partition {
    pub(crate) train: Vec<usize>,
    pub(crate) validation: Vec<usize>,
    /// Into the separate test samples where there are such.
    pub(crate) test: Vec<usize>,
}

impl SplitChoice {
    /// Everything trains: no validation samples, and test samples only if the set has its own.
    pub const ALL: Self = Self {
        train: None,
        validation: Some(Amount::Count(0)),
        test: None,
        balanced: false,
        in_order: false,
    };

    /// `leaking` takes balanced validation samples out as the released code does.
    pub(crate) fn partition(
        self,
        data: &Dataset,
        leaking: bool,
        seed: Seed,
    ) -> Result<Partition, SetupError> {
        let seed = seed.child("split");
        let permutation = |count: usize, seed: Seed| {
            if self.in_order { (0..count).collect() } else { permutation(count, seed) }
        };
        let samples = data.train.labels.len();
        let mut pool = permutation(samples, seed.child("train"));
        let sixth = Amount::Fraction(1.0 / 6.0);
        let test = if let Some(test) = &data.test {
            let count = test.labels.len();
            let mut order = permutation(count, seed.child("test"));
            order.truncate(self.test.unwrap_or(Amount::Fraction(1.0)).of(count, "split.test")?);
            order
        } else {
            let count = self.test.unwrap_or(if samples > 5 { sixth } else { Amount::Count(0) });
            let count = count.of(samples, "split.test")?;
            pool.split_off(samples - count)
        };
        let count = self.validation.unwrap_or(if samples > 5 { sixth } else { Amount::Count(0) });
        let count = count.of(samples, "split.validation")?;
        // Rounding three fractions may ask for a sample or two more than there are.
        let fits = count <= pool.len();
        require("split.validation", count, fits, "what the test samples leave")?;
        require("split.balanced", self.balanced, self.balanced || !leaking, "true, to leak")?;
        let validation = if leaking {
            leaking_validation(&mut pool, count, data)?
        } else if self.balanced {
            balanced(&mut pool, count, data)?
        } else {
            pool.split_off(pool.len() - count)
        };
        if let Some(train) = self.train {
            let count = train.of(samples, "split.train")?;
            let fits = count <= pool.len() + 2;
            require("split.train", count, fits, "what validation and test samples leave")?;
            pool.truncate(count);
        }
        require("split.train", pool.len(), !pool.is_empty(), "at least one training sample")?;
        Ok(Partition { train: pool, validation, test })
    }
}

/// Moves the first `count / classes` samples of every class out of `pool`.
fn balanced(pool: &mut Vec<usize>, count: usize, data: &Dataset) -> Result<Vec<usize>, SetupError> {
    let each = count / data.classes;
    let even = each * data.classes == count;
    require("split.validation", count, even, "a multiple of the number of classes, if balanced")?;
    let mut missing = vec![each; data.classes];
    let mut taken = Vec::with_capacity(count);
    pool.retain(|&j| {
        let missing = &mut missing[data.train.labels[j] as usize];
        let take = *missing > 0;
        if take {
            *missing -= 1;
            taken.push(j);
        }
        !take
    });
    let enough = missing.iter().all(|&m| m == 0);
    require("split.validation", count, enough, "at most what the rarest class holds, if balanced")?;
    Ok(taken)
}

/// The same validation samples as [`balanced`], removed as the released code removes them: class by
/// class, by positions in the pool before the first removal. Later removals hit other samples, so
/// about a third of the validation samples goes on training and as many others are lost.
fn leaking_validation(
    pool: &mut Vec<usize>,
    count: usize,
    data: &Dataset,
) -> Result<Vec<usize>, SetupError> {
    let whole = pool.clone();
    let mut rest = whole.clone();
    let taken = balanced(&mut rest, count, data)?;
    let chosen: BTreeSet<usize> = taken.iter().copied().collect();
    for class in 0..data.classes {
        let positions: BTreeSet<usize> = (whole.iter().enumerate())
            .filter(|(_, j)| data.train.labels[**j] as usize == class && chosen.contains(j))
            .map(|(position, _)| position)
            .collect();
        let mut position = 0;
        pool.retain(|_| {
            position += 1;
            !positions.contains(&(position - 1))
        });
    }
    // Positions beyond the end, where earlier removals shortened the pool, remove nothing.
    pool.truncate(whole.len() - taken.len());
    Ok(taken)
}

/// The place of each entry of `order` among its entries, sorted.
pub(super) fn places(order: &[usize]) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..order.len()).collect();
    sorted.sort_unstable_by_key(|&j| order[j]);
    let mut places = vec![0; order.len()];
    sorted.into_iter().enumerate().for_each(|(place, j)| places[j] = place);
    places
}

/// A uniform permutation of `0..count` (Fisher and Yates).
fn permutation(count: usize, seed: Seed) -> Vec<usize> {
    let mut rng = seed.rng();
    let mut order: Vec<usize> = (0..count).collect();
    for i in (1..count).rev() {
        order.swap(i, rng.random_range(0..=i));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Features, Samples, Shape};

    fn data(samples: usize, test: Option<usize>) -> Dataset {
        let part = |n: usize| Samples {
            features: Features::F64(vec![0.0; n]),
            labels: (0..n).map(|j| (j % 3) as u16).collect(),
        };
        Dataset {
            name: String::new(),
            shape: Shape { channels: 1, rows: 1, columns: 1 },
            classes: 3,
            train: part(samples),
            test: test.map(part),
            checksum: String::new(),
        }
    }

    #[test]
    fn parts_are_disjoint_and_follow_the_seed() {
        let data = data(60, None);
        let split = SplitChoice::default().partition(&data, false, Seed::root(1)).unwrap();
        assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (40, 10, 10));
        let mut all = [&split.train[..], &split.validation, &split.test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..60).collect::<Vec<_>>());
        assert_eq!(split, SplitChoice::default().partition(&data, false, Seed::root(1)).unwrap());
        assert_ne!(split, SplitChoice::default().partition(&data, false, Seed::root(2)).unwrap());
    }

    #[test]
    fn parts_in_order_follow_each_other() {
        let choice = SplitChoice { in_order: true, ..Default::default() };
        let split = choice.partition(&data(60, None), false, Seed::root(1)).unwrap();
        let all = [&split.train[..], &split.validation, &split.test].concat();
        assert_eq!(all, (0..60).collect::<Vec<_>>());
    }

    #[test]
    fn a_balanced_validation_part_has_equal_classes() {
        let data = data(60, Some(7));
        let choice = SplitChoice {
            validation: Some(Amount::Count(12)),
            balanced: true,
            ..Default::default()
        };
        let split = choice.partition(&data, false, Seed::root(1)).unwrap();
        for class in 0..3 {
            assert_eq!(split.validation.iter().filter(|&&j| j % 3 == class).count(), 4);
        }
        assert_eq!((split.train.len(), split.test.len()), (48, 7));
    }

    #[test]
    fn a_third_of_the_validation_samples_leaks_as_in_the_release() {
        // The published shape: 50,000 of which 10,000 validate, ten classes in random order.
        let part = Samples {
            features: Features::F64(vec![0.0; 50_000]),
            labels: (0..50_000_u32).map(|j| (j * 7919 % 50_021 % 10) as u16).collect(),
        };
        let shape = Shape { channels: 1, rows: 1, columns: 1 };
        let (name, checksum) = (String::new(), String::new());
        let data = Dataset { name, shape, classes: 10, train: part, test: None, checksum };
        let choice = SplitChoice {
            validation: Some(Amount::Count(10_000)),
            test: Some(Amount::Count(0)),
            balanced: true,
            ..Default::default()
        };
        let clean = choice.partition(&data, false, Seed::root(1)).unwrap();
        let leaking = choice.partition(&data, true, Seed::root(1)).unwrap();
        assert_eq!(clean.validation, leaking.validation);
        assert_eq!(leaking.train.len(), 40_000);
        let train: BTreeSet<usize> = leaking.train.iter().copied().collect();
        assert_eq!(train.len(), 40_000);
        let leaked = leaking.validation.iter().filter(|j| train.contains(j)).count();
        // Simulated in the specification: 34.3 to 35.5 %.
        assert!((3400..3600).contains(&leaked), "{leaked}");
        let unbalanced = SplitChoice { balanced: false, ..choice };
        let error = unbalanced.partition(&data, true, Seed::root(1)).unwrap_err().to_string();
        assert!(error.starts_with("split.balanced = false"), "{error}");
    }

    #[test]
    fn impossible_parts_are_named() {
        let data = data(10, None);
        let ask = |train, validation| {
            let choice = SplitChoice {
                train: Some(train),
                validation: Some(validation),
                test: Some(Amount::Count(0)),
                ..SplitChoice::ALL
            };
            choice.partition(&data, false, Seed::root(0)).unwrap_err().to_string()
        };
        let error = ask(Amount::Count(11), Amount::Count(0));
        assert!(error.starts_with("split.train = 11"), "{error}");
        let error = ask(Amount::Fraction(1.5), Amount::Count(0));
        assert!(error.starts_with("split.train = 1.5"), "{error}");
        let error = ask(Amount::Fraction(0.5), Amount::Fraction(1.0));
        assert!(error.starts_with("split.train"), "{error}");
    }
}
