//! The embedded set: 1,797 handwritten digits of 8 x 8 (`digits.md` has origin and licence).

use flate2::read::ZlibDecoder;
use std::io::Read;

use super::{Dataset, Features, Samples, Shape, sha256};

/// One image row by row, then its class.
const RECORD: usize = 65;

/// The embedded `digits`: 1,797 images of 8 x 8, values in [0, 1] in steps of 1/16, ten classes, no
/// test part of its own.
///
/// # Panics
/// If the bytes built into the program are damaged.
pub fn digits() -> Dataset {
    let mut records = Vec::with_capacity(1797 * RECORD);
    ZlibDecoder::new(&include_bytes!("digits.bin")[..])
        .read_to_end(&mut records)
        .expect("the embedded digits unpack");
    let (mut values, mut labels) = (Vec::with_capacity(1797 * 64), Vec::with_capacity(1797));
    for record in records.chunks_exact(RECORD) {
        values.extend_from_slice(&record[..64]);
        labels.push(u16::from(record[64]));
    }
    Dataset {
        name: "digits".into(),
        shape: Shape { channels: 1, rows: 8, columns: 8 },
        classes: 10,
        train: Samples { features: Features::U8 { values, scale: 1.0 / 16.0 }, labels },
        test: None,
        checksum: sha256(&records),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_digits_are_those_of_the_repository() {
        let digits = digits();
        assert_eq!(
            digits.checksum,
            "68aea062d35a127749050fa0e52dca09d6569ac08092c925610e0954e172dde2"
        );
        assert_eq!((digits.train.len(), digits.shape.inputs(), digits.classes), (1797, 64, 10));
        let mut counts = [0; 10];
        for &label in &digits.train.labels {
            counts[usize::from(label)] += 1;
        }
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        let Features::U8 { values, .. } = digits.train.features else {
            panic!("digits are bytes");
        };
        assert_eq!(values.iter().max(), Some(&16));
        // First row of the first image, a zero.
        assert_eq!(values[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
    }
}
