//! The binary layout of CIFAR-10: records of one label byte and 3,072 bytes, a red, a green and a
//! blue image of 32 x 32, row by row.

use std::io::BufRead;

use super::array::Table;
use super::source::Source;
use super::{Features, Shape};
use crate::DataError;

/// Bytes of a record.
pub(super) const RECORD: u64 = 3073;

/// Reads `records` records and makes sure that nothing follows them; appends them to `table`.
pub(super) fn read<R: BufRead>(
    source: &mut Source<R>,
    records: u64,
    table: &mut Table,
) -> Result<(), DataError> {
    let payload = source.payload(records * RECORD)?;
    source.end()?;
    let Features::U8 { values, .. } = &mut table.features else {
        unreachable!("an empty table of bytes was handed over");
    };
    for (i, record) in payload.chunks_exact(RECORD as usize).enumerate() {
        let (&label, image) = record.split_first().expect("a record is not empty");
        if label > 9 {
            return Err(source.error(format!("record {i} has label {label}, classes are 0 to 9")));
        }
        table.labels.push(i64::from(label));
        values.extend_from_slice(image);
    }
    Ok(())
}

/// A table without records.
pub(super) fn empty() -> Table {
    Table {
        shape: Shape { channels: 3, rows: 32, columns: 32 },
        features: Features::U8 { values: Vec::new(), scale: 1.0 },
        labels: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::hostile::{Damage, fixed, source};
    use super::*;
    use proptest::prelude::*;

    fn file(labels: &[u8]) -> Vec<u8> {
        let record = |&label: &u8| {
            std::iter::once(label).chain((0..3072_u32).map(move |i| (i % 251) as u8 ^ label))
        };
        labels.iter().flat_map(record).collect()
    }

    #[test]
    fn records_become_a_label_and_three_images() {
        let mut table = empty();
        read(&mut source(&file(&[3, 9])), 2, &mut table).unwrap();
        assert_eq!(table.labels, [3, 9]);
        assert_eq!(table.features.len(), 2 * table.shape.inputs());
        assert!((table.features.get(3072 + 300) - f64::from((300_u32 % 251) ^ 9)).abs() < 1e-15);
    }

    #[test]
    fn a_wrong_label_and_a_wrong_length_are_named() {
        let finding = |bytes: &[u8], records| {
            read(&mut source(bytes), records, &mut empty()).unwrap_err().to_string()
        };
        assert!(finding(&file(&[3, 10]), 2).contains("record 1 has label 10"));
        assert!(finding(&file(&[3, 1]), 1).contains("more bytes follow byte 3073"));
        assert!(finding(&file(&[3])[..3000], 1).contains("no more than 3000"));
    }

    proptest! {
        #![proptest_config(fixed(256))]

        #[test]
        fn damage_gives_records_or_an_error(damage in Damage::any()) {
            let mut table = empty();
            if read(&mut source(&damage.done_to(&file(&[1, 2, 3]))), 3, &mut table).is_ok() {
                prop_assert_eq!(table.labels.len(), 3);
                prop_assert_eq!(table.features.len(), 3 * 3072);
            }
        }
    }
}
