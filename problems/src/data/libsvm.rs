//! LIBSVM/SVMlight text: a line is `label index:value index:value ...`, indices from 1 and rising,
//! left-out entries are zero; what follows `#` is a comment, `qid:` is skipped.

use std::io::BufRead;

use super::array::{Table, integer};
use super::source::{LIMIT, Source};
use super::{Features, Shape};
use crate::DataError;

/// Dense numbers per byte of text beyond which a file is taken for damaged, unless the study gives
/// the number of inputs.
const EXPANSION: u64 = 128;

/// The lines of a file, with the zeros left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sparse {
    pub(super) labels: Vec<i64>,
    /// End of each sample in `entries`.
    ends: Vec<usize>,
    /// Input (from 0) and value.
    entries: Vec<(u32, f64)>,
    /// Largest index (from 1).
    pub(super) inputs: usize,
    bytes: u64,
}

/// Reads all lines.
pub(super) fn read<R: BufRead>(source: &mut Source<R>) -> Result<Sparse, DataError> {
    let mut sparse = Sparse::default();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let count = source.read_until(b'\n', &mut line).map_err(|error| source.broken(&error))?;
        if count == 0 {
            break;
        }
        sparse.push(&line).map_err(|finding| source.error(format!("line {number}: {finding}")))?;
    }
    sparse.bytes = source.position();
    if sparse.labels.is_empty() {
        return Err(source.error("holds no sample"));
    }
    Ok(sparse)
}

impl Sparse {
    /// Adds one line.
    fn push(&mut self, line: &[u8]) -> Result<(), String> {
        let line = std::str::from_utf8(line).map_err(|_| "is not text".to_owned())?;
        let line = line.split('#').next().unwrap_or_default();
        let mut tokens = line.split_ascii_whitespace();
        let Some(label) = tokens.next() else { return Ok(()) };
        let class = label.parse().ok().and_then(integer);
        let class = class.ok_or_else(|| format!("label `{label}` is not an integer"))?;
        let mut last = 0_u32;
        for token in tokens.filter(|token| !token.starts_with("qid:")) {
            let entry = token.split_once(':').and_then(|(index, value)| {
                Some((index.parse::<u32>().ok()?, value.parse::<f64>().ok()?))
            });
            let (index, value) =
                entry.ok_or_else(|| format!("`{token}` is not of the form index:value"))?;
            if index <= last {
                return Err(if index == 0 {
                    "index 0: indices start at 1".to_owned()
                } else {
                    format!("index {index} follows {last}: indices must rise")
                });
            }
            if !value.is_finite() {
                return Err(format!("`{token}` is not a finite number"));
            }
            last = index;
            self.entries.push((index - 1, value));
        }
        self.inputs = self.inputs.max(last as usize);
        self.labels.push(class);
        self.ends.push(self.entries.len());
        Ok(())
    }

    /// Fills in the zeros. `inputs` is the number of inputs of all files together; `given` says that
    /// the study asked for it.
    pub(super) fn dense(self, inputs: usize, given: bool) -> Result<Table, String> {
        if self.inputs > inputs {
            return Err(format!("index {} is beyond the {inputs} inputs", self.inputs));
        }
        if inputs == 0 {
            return Err("no sample has an entry".to_owned());
        }
        let numbers = (inputs as u64).saturating_mul(self.labels.len() as u64);
        let plausible = numbers <= EXPANSION.saturating_mul(self.bytes).max(1 << 20);
        if numbers > LIMIT / 8 || !(plausible || given) {
            return Err(format!(
                "{} samples of {inputs} inputs are {numbers} numbers when zeros are filled in, too \
                 many for a text of {} bytes: an index is damaged, or the data is too sparse (give \
                 `inputs` if it is right)",
                self.labels.len(),
                self.bytes
            ));
        }
        let mut values = vec![0.0; numbers as usize];
        let mut start = 0;
        for (sample, &end) in values.chunks_exact_mut(inputs).zip(&self.ends) {
            for &(index, value) in &self.entries[start..end] {
                sample[index as usize] = value;
            }
            start = end;
        }
        Ok(Table {
            shape: Shape { channels: 1, rows: 1, columns: inputs },
            features: Features::F64(values).narrow(),
            labels: self.labels,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::hostile::{Damage, fixed, source};
    use super::*;
    use proptest::prelude::*;

    fn table(text: &str) -> Result<Table, String> {
        let sparse = read(&mut source(text.as_bytes())).map_err(|error| error.to_string())?;
        let inputs = sparse.inputs;
        sparse.dense(inputs, false)
    }

    #[test]
    fn zeros_are_filled_in_and_comments_left_out() {
        let table = table("+1 2:0.5 3:-1 # first\n\n# nothing\n-1 qid:7 1:1e1\r\n2.0\n").unwrap();
        assert_eq!(table.labels, [1, -1, 2]);
        let expected = [0.0, 0.5, -1.0, 10.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(table.features, Features::F32(expected.to_vec()));
    }

    #[test]
    fn errors_name_the_line() {
        for (text, words) in [
            ("1 1:2\n1.5 1:2", "line 2: label `1.5` is not an integer"),
            ("1,2 1:2", "label `1,2` is not an integer"),
            ("1 0:2", "index 0: indices start at 1"),
            ("1 2:1 2:1", "index 2 follows 2: indices must rise"),
            ("1 1:nan", "`1:nan` is not a finite number"),
            ("1 1:1e999", "is not a finite number"),
            ("1 1=3", "`1=3` is not of the form index:value"),
            ("1 5000000000:1", "is not of the form"),
            ("# only\n", "holds no sample"),
            ("1\n2\n", "no sample has an entry"),
            ("1 1:1\n2 4000000000:1\n", "give `inputs` if it is right"),
        ] {
            let message = table(text).unwrap_err();
            assert!(message.contains(words), "{text:?}: {message}");
        }
    }

    proptest! {
        #![proptest_config(fixed(256))]

        #[test]
        fn what_was_written_is_read(
            rows in prop::collection::vec((any::<i32>(), [-1e6..1e6, -1e6..1e6, -1e6..1e6]), 1..9)
        ) {
            let line = |(y, x): &(i32, [f64; 3])| format!("{y} 1:{} 2:{} 3:{}\n", x[0], x[1], x[2]);
            let table = table(&rows.iter().map(line).collect::<String>()).unwrap();
            for (i, (y, x)) in rows.iter().enumerate() {
                prop_assert_eq!(table.labels[i], i64::from(*y));
                for (k, x) in x.iter().enumerate() {
                    prop_assert_eq!(table.features.get(3 * i + k).to_bits(), x.to_bits());
                }
            }
        }

        #[test]
        fn damage_gives_a_table_or_an_error(damage in Damage::any()) {
            let bytes = damage.done_to(b"1 1:0.5 3:2\n0 2:7 3:1e-3\n1 1:1\n0 3:4 # end\n");
            if let Ok(sparse) = read(&mut source(&bytes)) {
                let inputs = sparse.inputs;
                if let Ok(table) = sparse.dense(inputs, false) {
                    prop_assert_eq!(table.features.len(), inputs * table.labels.len());
                }
            }
        }
    }
}
