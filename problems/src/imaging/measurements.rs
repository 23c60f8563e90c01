//! Measurements in blocks.

use super::operators::Operator;
use crate::DataError;
use crate::data::Numbers;

/// The measurements of all blocks, one after the other; complex ones as pairs. None by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurements {
    values: Vec<f64>,
    starts: Vec<usize>,
}

impl Measurements {
    /// Zeros, as many numbers a block as `lengths` says.
    pub fn zeros(lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        for length in lengths {
            end += length;
            starts.push(end);
        }
        Self { values: vec![0.0; end], starts }
    }

    /// Takes the numbers of a file, laid out as the operator knows it; `pairs` if they are complex.
    ///
    /// # Errors
    /// [`DataError`] if extents or kind of number do not fit, or every number is 0.
    pub(super) fn fill(
        &mut self,
        numbers: &Numbers,
        operator: &dyn Operator,
        pairs: bool,
    ) -> Result<(), DataError> {
        let mut extents = &numbers.extents[..];
        // Pairs of real numbers are complex ones too.
        if let ([rest @ .., 2], true, false) = (extents, pairs, numbers.complex) {
            extents = rest;
        }
        let layouts = operator.layouts();
        let kind = numbers.complex == pairs || extents.len() < numbers.extents.len();
        let layout = layouts.iter().find(|layout| kind && layout.fits(extents));
        let Some(layout) = layout else {
            let known: Vec<String> = layouts.iter().map(ToString::to_string).collect();
            let finding = format!(
                "has extents {:?} of {} numbers; measurements here are {}, {}",
                numbers.extents,
                if numbers.complex { "complex" } else { "real" },
                known.join(", or "),
                if pairs { "complex or in pairs (a last extent of 2)" } else { "real" },
            );
            return Err(DataError::new(&numbers.path, finding));
        };
        let width = if pairs { 2 } else { 1 };
        for block in 0..self.blocks() {
            let values = self.block_mut(block).chunks_exact_mut(width);
            for (entry, value) in values.enumerate() {
                let place = width * (layout.place)(block, entry);
                value.copy_from_slice(&numbers.values[place..place + width]);
            }
        }
        if self.values.iter().all(|value| value.abs() <= 0.0) {
            let finding = "holds zeros alone where something was measured";
            return Err(DataError::new(&numbers.path, finding));
        }
        Ok(())
    }

    /// The numbers of all blocks.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The numbers of all blocks, to be set.
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Where the numbers of a block are.
    pub fn range(&self, block: usize) -> std::ops::Range<usize> {
        self.starts[block]..self.starts[block + 1]
    }

    /// The numbers of a block.
    pub fn block(&self, block: usize) -> &[f64] {
        &self.values[self.range(block)]
    }

    /// The numbers of a block, to be set.
    pub fn block_mut(&mut self, block: usize) -> &mut [f64] {
        &mut self.values[self.starts[block]..self.starts[block + 1]]
    }
}
