//! Measurements in blocks.

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
