//! IDX, the form of MNIST: two zero bytes, a byte for the type, a byte for the number of extents,
//! the extents as big-endian 32-bit words, then the numbers, big-endian, slowest extent first.

use std::io::BufRead;

use super::array::{Array, Element, elements};
use super::source::Source;
use crate::DataError;

/// Reads one array and makes sure that nothing follows it.
pub(super) fn read<R: BufRead>(source: &mut Source<R>) -> Result<Array, DataError> {
    let [zero, null, kind, rank] = source.array()?;
    let element = match kind {
        0x08 => Element::Unsigned(1),
        0x09 => Element::Signed(1),
        0x0b => Element::Signed(2),
        0x0c => Element::Signed(4),
        0x0d => Element::Float(4),
        0x0e => Element::Float(8),
        _ => Element::Unsigned(0),
    };
    if zero != 0 || null != 0 || element.size() == 0 {
        return Err(source.error(format!(
            "is not IDX: it starts with {zero:02x} {null:02x} {kind:02x} {rank:02x}, expected \
             00 00, a type (08, 09, 0b, 0c, 0d, 0e) and the number of extents"
        )));
    }
    if !(1..=4).contains(&rank) {
        return Err(source.error(format!("has {rank} extents at byte 3, 1 to 4 are known")));
    }
    let mut extents = Vec::with_capacity(4);
    for _ in 0..rank {
        extents.push(u64::from(u32::from_be_bytes(source.array()?)));
    }
    let bytes = elements(&extents)
        .and_then(|elements| elements.checked_mul(element.size() as u64))
        .ok_or_else(|| source.error(format!("extents {extents:?} overflow: damaged header")))?;
    let payload = source.payload(bytes)?;
    source.end()?;
    let values = element.decode(payload, true).expect("32-bit integers are exact");
    let extents = extents.into_iter().map(|extent| extent as usize).collect();
    Ok(Array { extents, values, complex: false })
}

#[cfg(test)]
mod tests {
    use super::super::Features;
    use super::super::hostile::{Damage, fixed, source};
    use super::*;
    use proptest::prelude::*;

    fn file(kind: u8, extents: &[u32], numbers: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, kind, extents.len() as u8];
        bytes.extend(extents.iter().flat_map(|extent| extent.to_be_bytes()));
        bytes.extend(numbers);
        bytes
    }

    fn finding(bytes: &[u8]) -> String {
        read(&mut source(bytes)).unwrap_err().to_string()
    }

    #[test]
    fn every_element_type_is_read_exactly() {
        for (kind, bytes, expected) in [
            (0x08, vec![0, 255], [0.0, 255.0]),
            (0x09, vec![0x80, 127], [-128.0, 127.0]),
            (0x0b, [(-300_i16).to_be_bytes(), 300_i16.to_be_bytes()].concat(), [-300.0, 300.0]),
            (0x0c, [i32::MIN.to_be_bytes(), 7_i32.to_be_bytes()].concat(), [-2_147_483_648.0, 7.0]),
            (0x0d, [0.1_f32.to_be_bytes(), 2_f32.to_be_bytes()].concat(), [0.1_f32.into(), 2.0]),
            (0x0e, [0.1_f64.to_be_bytes(), 2_f64.to_be_bytes()].concat(), [0.1, 2.0]),
        ] {
            let array = read(&mut source(&file(kind, &[2], &bytes))).unwrap();
            let found = [array.values.get(0), array.values.get(1)];
            assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits), "type {kind:02x}");
        }
    }

    #[test]
    fn errors_say_where_and_what() {
        assert!(finding(b"%PDF").contains("is not IDX: it starts with 25 50 44 46"));
        assert!(finding(&[0, 0, 8]).contains("ends too early"));
        assert!(finding(&file(8, &[2, 2], &[1, 2, 3])).contains("promises 4 bytes after byte 12"));
        assert!(finding(&file(8, &[2], &[1, 2, 3])).contains("more bytes follow byte 10"));
        assert!(finding(&file(8, &[1; 5], &[1])).contains("has 5 extents at byte 3"));
    }

    #[test]
    fn a_header_that_promises_too_much_is_refused_before_allocation() {
        assert!(
            finding(&file(8, &[1 << 30, 1 << 30], &[1])).contains("promises 1152921504606846976")
        );
        assert!(finding(&file(0x0e, &[u32::MAX; 4], &[1])).contains("overflow"));
        // Four bytes that could hold no more than 4 KiB even when packed.
        assert!(finding(&file(8, &[1 << 20], &[1])).contains("can hold no more than 1"));
    }

    proptest! {
        #![proptest_config(fixed(256))]

        #[test]
        fn what_was_written_is_read(rows in 1_u32..5, columns in 1_u32..5, start: u8) {
            let numbers: Vec<u8> = (0..rows * columns).map(|i| start.wrapping_add(i as u8)).collect();
            let array = read(&mut source(&file(8, &[rows, columns], &numbers))).unwrap();
            prop_assert_eq!(array.extents, [rows as usize, columns as usize]);
            prop_assert_eq!(array.values, Features::U8 { values: numbers, scale: 1.0 });
        }

        #[test]
        fn damage_gives_an_array_or_an_error(damage in Damage::any(), kind in 8_u8..15) {
            let bytes = damage.done_to(&file(kind, &[2, 3, 2], &[77; 96]));
            if let Ok(array) = read(&mut source(&bytes)) {
                prop_assert_eq!(array.extents.iter().product::<usize>(), array.values.len());
            }
        }
    }
}
