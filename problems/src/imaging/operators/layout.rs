//! How an array of a user's holds measurements.

/// Named extents of an array, slowest first, and where in it each measurement is.
pub struct Layout<'a> {
    /// What an axis counts, and how many of them there are.
    pub axes: Vec<(&'static str, usize)>,
    /// The place, row-major, of an entry (second) of a block (first), as the operator counts them.
    pub place: Box<dyn Fn(usize, usize) -> usize + 'a>,
}

impl<'a> Layout<'a> {
    /// The layout with these axes and places.
    pub fn new(
        axes: impl Into<Vec<(&'static str, usize)>>,
        place: impl Fn(usize, usize) -> usize + 'a,
    ) -> Self {
        Self { axes: axes.into(), place: Box::new(place) }
    }

    /// The numbers of all blocks, one block after the other; `lengths` of the blocks.
    pub fn list(axis: &'static str, lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        for length in lengths {
            end += length;
            starts.push(end);
        }
        Self::new([(axis, end)], move |block, entry| starts[block] + entry)
    }

    /// One real image of `rows x columns` a block, column-major as the operator counts.
    pub fn images(axis: &'static str, blocks: usize, [rows, columns]: [usize; 2]) -> Self {
        Self::new([(axis, blocks), ("rows", rows), ("columns", columns)], move |block, entry| {
            block * rows * columns + entry % rows * columns + entry / rows
        })
    }

    /// Numbers of the array.
    pub fn size(&self) -> usize {
        self.axes.iter().map(|(_, extent)| extent).product()
    }

    /// Whether an array of these extents is laid out like this; extents of 1 do not matter, and all
    /// numbers may stand in one row.
    pub fn fits(&self, extents: &[usize]) -> bool {
        let long = |extents: &mut dyn Iterator<Item = usize>| -> Vec<usize> {
            extents.filter(|&extent| extent != 1).collect()
        };
        let found = long(&mut extents.iter().copied());
        let flat = if self.size() == 1 { Vec::new() } else { vec![self.size()] };
        found == long(&mut self.axes.iter().map(|&(_, extent)| extent)) || found == flat
    }
}

impl std::fmt::Display for Layout<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, (axis, extent)) in self.axes.iter().enumerate() {
            write!(f, "{}{extent} {axis}", if i > 0 { " x " } else { "" })?;
        }
        Ok(())
    }
}
