//! NPY, NumPy's array file: magic, version, length of the header, a header that is a Python
//! dictionary of three known keys, then the numbers.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use super::Features;
use super::array::{Array, Element, elements};
use super::source::Source;
use super::streamed::{Kind, bytes};
use crate::DataError;

/// Longest header that is read. NumPy writes 118 bytes for plain arrays.
const HEADER: usize = 1 << 16;

#[derive(Debug, PartialEq)]
struct Header {
    element: Element,
    /// Every element is a pair of these.
    complex: bool,
    big_endian: bool,
    column_major: bool,
    extents: Vec<u64>,
}

impl Header {
    /// Values of an element.
    fn width(&self) -> usize {
        if self.complex { 2 } else { 1 }
    }
}

/// Reads one array and makes sure that nothing follows it.
pub(super) fn read<R: BufRead>(source: &mut Source<R>) -> Result<Array, DataError> {
    let header = header(source)?;
    let bytes = elements(&header.extents)
        .and_then(|elements| elements.checked_mul(header.width() as u64))
        .and_then(|numbers| numbers.checked_mul(header.element.size() as u64))
        .ok_or_else(|| source.error(format!("extents {:?} overflow", header.extents)))?;
    let payload = source.payload(bytes)?;
    source.end()?;
    let values = header
        .element
        .decode(payload, header.big_endian)
        .ok_or_else(|| source.error("holds integers beyond 2^53, which have no exact double"))?;
    let extents: Vec<usize> = header.extents.iter().map(|&extent| extent as usize).collect();
    let width = header.width();
    let values = if header.column_major { row_major(values, &extents, width) } else { values };
    Ok(Array { extents, values, complex: header.complex })
}

/// Writes an array, row-major, little-endian; complex ones as pairs.
///
/// # Errors
/// [`DataError`] if the file cannot be written.
///
/// # Panics
/// If the number of values is not that of the extents.
pub fn write(
    path: &Path,
    extents: &[usize],
    complex: bool,
    values: &[f64],
) -> Result<(), DataError> {
    let (descr, width) = if complex { ("<c16", 2) } else { ("<f8", 1) };
    assert_eq!(width * extents.iter().product::<usize>(), values.len(), "values of the extents");
    let list = extents.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({list},), }}");
    // Magic, version and length take 10 bytes, the end of the line one.
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 11;
    header.extend(std::iter::repeat_n(' ', padded - header.len()));
    header.push('\n');
    let failed = |e| DataError::new(path, format!("cannot be written: {e}"));
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let mut put = |bytes: &[u8]| file.write_all(bytes).map_err(failed);
    put(b"\x93NUMPY\x01\x00")?;
    put(&(header.len() as u16).to_le_bytes())?;
    put(header.as_bytes())?;
    values.iter().try_for_each(|value| put(&value.to_le_bytes()))?;
    file.flush().map_err(failed)
}

/// Extents and type of an array whose numbers stay in `file` of `length` bytes, and the byte where
/// they start.
pub(super) fn layout(
    path: &Path,
    file: &File,
    length: u64,
) -> Result<(Vec<usize>, Kind, u64), DataError> {
    let mut source = Source::new(path, BufReader::new(file), length, u64::MAX);
    if source.fill_buf().is_ok_and(|start| start.starts_with(&[0x1f, 0x8b])) {
        return Err(source.error("is packed with gzip: unpack it, or read it without `stream`"));
    }
    let header = header(&mut source)?;
    let kind = match header.element {
        Element::Unsigned(1) => Kind::U8,
        _ if header.complex => return Err(source.error("holds complex numbers; samples are real")),
        Element::Float(4) if !header.big_endian => Kind::F32,
        Element::Float(8) if !header.big_endian => Kind::F64,
        _ => {
            return Err(source.error(
                "its numbers cannot be streamed: u1, <f4 and <f8 can; convert them, or read it \
                 without `stream`",
            ));
        }
    };
    if header.column_major && header.extents.len() > 1 {
        return Err(source.error(
            "is column-major, so that a sample is scattered over the file: save \
             numpy.ascontiguousarray of it, or read it without `stream`",
        ));
    }
    let start = source.position();
    let promised = bytes(&header.extents, kind)
        .and_then(|bytes| bytes.checked_add(start))
        .ok_or_else(|| source.error(format!("extents {:?} overflow", header.extents)))?;
    if promised != length {
        let what = if length < promised { "it is truncated" } else { "more follows its array" };
        return Err(source.error(format!(
            "the header promises {promised} bytes, the file holds {length}: {what}, or its header \
             is damaged"
        )));
    }
    Ok((header.extents.iter().map(|&extent| extent as usize).collect(), kind, start))
}

fn header<R: BufRead>(source: &mut Source<R>) -> Result<Header, DataError> {
    let start: [u8; 8] = source.array()?;
    if start[..6] != *b"\x93NUMPY" {
        return Err(source.error("is not NPY: it does not start with \\x93NUMPY"));
    }
    let length = match start[6] {
        1 => usize::from(u16::from_le_bytes(source.array()?)),
        2 | 3 => u32::from_le_bytes(source.array()?) as usize,
        version => {
            let found = format!("NPY version {version} at byte 6, known are 1, 2 and 3");
            return Err(source.error(found));
        }
    };
    if length > HEADER {
        return Err(source.error(format!("a header of {length} bytes, at most {HEADER} are read")));
    }
    let text = source.payload(length as u64)?;
    std::str::from_utf8(&text)
        .map_err(|_| "it is not text".to_owned())
        .and_then(parse)
        .map_err(|finding| source.error(format!("header at byte 10: {finding}")))
}

/// Parses `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse(text: &str) -> Result<Header, String> {
    let body = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let mut rest = body.ok_or("it is not a dictionary")?.trim_start();
    let (mut element, mut column_major, mut extents) = (None, None, None);
    while !rest.is_empty() {
        let entry = rest.strip_prefix(['\'', '"']).and_then(|rest| {
            let (key, rest) = rest.split_once(['\'', '"'])?;
            Some((key, rest.trim_start().strip_prefix(':')?.trim_start()))
        });
        let (key, value) = entry.ok_or_else(|| format!("no key at `{rest}`"))?;
        // A value ends at the comma outside its parentheses and brackets.
        let mut depth = 0_i64;
        let end = value.find(|c| {
            depth += i64::from(matches!(c, '(' | '[')) - i64::from(matches!(c, ')' | ']'));
            c == ',' && depth == 0
        });
        let (value, after) = end.map_or((value, ""), |end| (&value[..end], &value[end + 1..]));
        let value = value.trim();
        match key {
            "descr" => element = Some(descr(value)?),
            "fortran_order" => column_major = Some(boolean(value)?),
            "shape" => extents = Some(shape(value)?),
            _ => return Err(format!("unknown key `{key}`")),
        }
        rest = after.trim_start();
    }
    let (element, complex, big_endian) = element.ok_or("no `descr`")?;
    Ok(Header {
        element,
        complex,
        big_endian,
        column_major: column_major.ok_or("no `fortran_order`")?,
        extents: extents.ok_or("no `shape`")?,
    })
}

fn boolean(value: &str) -> Result<bool, String> {
    match value {
        "True" => Ok(true),
        "False" => Ok(false),
        _ => Err(format!("`{value}` is neither True nor False")),
    }
}

/// Element type, whether it is complex, and whether it is big-endian.
fn descr(value: &str) -> Result<(Element, bool, bool), String> {
    let code = value.trim_matches(['\'', '"']);
    let element = match code.get(1..) {
        Some("b1" | "u1") => Element::Unsigned(1),
        Some("i1") => Element::Signed(1),
        Some("u2") => Element::Unsigned(2),
        Some("u4") => Element::Unsigned(4),
        Some("u8") => Element::Unsigned(8),
        Some("i2") => Element::Signed(2),
        Some("i4") => Element::Signed(4),
        Some("i8") => Element::Signed(8),
        Some("f4" | "c8") => Element::Float(4),
        Some("f8" | "c16") => Element::Float(8),
        _ => {
            return Err(format!(
                "element type {value} is not read; integers, booleans, f4, f8, c8 and c16 are"
            ));
        }
    };
    let complex = code[1..].starts_with('c');
    match &code[..1] {
        "<" | "|" | "=" => Ok((element, complex, false)),
        ">" => Ok((element, complex, true)),
        _ => Err(format!("element type {value} has no known byte order")),
    }
}

fn shape(value: &str) -> Result<Vec<u64>, String> {
    let unreadable = || format!("shape `{value}` is not a tuple of numbers");
    let body = value.strip_prefix('(').and_then(|v| v.strip_suffix(')')).ok_or_else(unreadable)?;
    let extents = body.split(',').map(str::trim).filter(|extent| !extent.is_empty());
    let extents: Vec<u64> =
        extents.map(|extent| extent.parse().map_err(|_| unreadable())).collect::<Result<_, _>>()?;
    if (1..=4).contains(&extents.len()) {
        Ok(extents)
    } else {
        Err(format!("shape `{value}` has {} extents, 1 to 4 are known", extents.len()))
    }
}

/// Reorders from fastest extent first to slowest extent first; an element is `width` values.
fn row_major(values: Features, extents: &[usize], width: usize) -> Features {
    fn reorder<T: Copy>(values: &[T], extents: &[usize], width: usize) -> Vec<T> {
        let mut index = vec![0; extents.len()];
        let mut strides = vec![1; extents.len()];
        for i in 1..extents.len() {
            strides[i] = strides[i - 1] * extents[i - 1];
        }
        let mut reordered = Vec::with_capacity(values.len());
        for _ in 0..values.len() / width {
            let place = width * index.iter().zip(&strides).map(|(i, s)| i * s).sum::<usize>();
            reordered.extend_from_slice(&values[place..place + width]);
            for axis in (0..extents.len()).rev() {
                index[axis] += 1;
                if index[axis] < extents[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        reordered
    }
    match values {
        Features::U8 { values, scale } => {
            Features::U8 { values: reorder(&values, extents, width), scale }
        }
        Features::F32(values) => Features::F32(reorder(&values, extents, width)),
        Features::F64(values) => Features::F64(reorder(&values, extents, width)),
        // Refused before: its samples lie scattered.
        streamed @ Features::Streamed(_) => streamed,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::hostile::{Damage, fixed, source};
    use super::*;
    use proptest::prelude::*;

    /// An NPY file of version 1 with this header.
    pub(in super::super) fn file(header: &str, numbers: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(numbers);
        bytes
    }

    fn header(descr: &str, order: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}   \n")
    }

    fn finding(bytes: &[u8]) -> String {
        read(&mut source(bytes)).unwrap_err().to_string()
    }

    #[test]
    fn both_byte_orders_and_all_types_are_read() {
        for (descr, bytes, expected) in [
            ("|u1", vec![0, 200], [0.0, 200.0]),
            ("|b1", vec![0, 1], [0.0, 1.0]),
            ("<i2", [(-5_i16).to_le_bytes(), 5_i16.to_le_bytes()].concat(), [-5.0, 5.0]),
            (">u2", [500_u16.to_be_bytes(), 65535_u16.to_be_bytes()].concat(), [500.0, 65535.0]),
            (
                "<i8",
                [(-3_i64).to_le_bytes(), (1_i64 << 53).to_le_bytes()].concat(),
                [-3.0, 9_007_199_254_740_992.0],
            ),
            (">f4", [0.1_f32.to_be_bytes(), 1_f32.to_be_bytes()].concat(), [0.1_f32.into(), 1.0]),
            ("<f8", [0.1_f64.to_le_bytes(), (-0.0_f64).to_le_bytes()].concat(), [0.1, -0.0]),
        ] {
            let array = read(&mut source(&file(&header(descr, "False", "(2,)"), &bytes))).unwrap();
            let found = [array.values.get(0), array.values.get(1)];
            assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits), "{descr}");
        }
    }

    #[test]
    fn column_major_arrays_are_reordered() {
        let bytes = file(&header("|u1", "True", "(2, 3)"), &[1, 4, 2, 5, 3, 6]);
        let array = read(&mut source(&bytes)).unwrap();
        assert_eq!(array.values, Features::U8 { values: vec![1, 2, 3, 4, 5, 6], scale: 1.0 });
    }

    #[test]
    fn complex_numbers_are_pairs_in_either_order() {
        let singles: Vec<u8> = (0..12_u8).flat_map(|v| f32::from(v).to_le_bytes()).collect();
        let doubles: Vec<u8> = (0..12_u8).flat_map(|v| f64::from(v).to_be_bytes()).collect();
        for (descr, numbers) in [("<c8", singles), (">c16", doubles)] {
            let array = read(&mut source(&file(&header(descr, "False", "(2, 3)"), &numbers)));
            let array = array.unwrap();
            assert!(array.complex && array.extents == [2, 3]);
            assert!((0..12).all(|i| (array.values.get(i) - i as f64).abs() <= 0.0));
            let array = read(&mut source(&file(&header(descr, "True", "(2, 3)"), &numbers)));
            let array = array.unwrap();
            // Elements (0, 0), (1, 0), (0, 1), ... in the file.
            let expected = [0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11];
            for (i, value) in expected.into_iter().enumerate() {
                assert!((array.values.get(i) - f64::from(value)).abs() <= 0.0, "{descr} {i}");
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let values: Vec<f64> = (0..12).map(|i| f64::from(i).sqrt()).collect();
        for (extents, complex) in [(vec![3, 4], false), (vec![6], true), (vec![1, 2, 3], true)] {
            write(&path, &extents, complex, &values).unwrap();
            // NumPy wants the numbers to start at a multiple of 64.
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!((bytes.len() - 8 * 12) % 64, 0);
            let array = read(&mut source(&bytes)).unwrap();
            assert_eq!((&array.extents, array.complex), (&extents, complex));
            for (i, value) in values.iter().enumerate() {
                assert_eq!(array.values.get(i).to_bits(), value.to_bits());
            }
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let ok = |shape: &str| header("|u1", "False", shape);
        for (bytes, words) in [
            (b"PK\x03\x04aaaaaaa".to_vec(), "is not NPY"),
            (file(&ok("(2,)"), &[1]), "promises 2 bytes"),
            (file(&ok("(2,)"), &[1, 2, 3]), "more bytes follow"),
            (file(&ok("(1152921504606846976,)"), &[1]), "promises 1152921504606846976 bytes"),
            (file(&ok("(4294967296, 4294967296)"), &[1]), "overflow"),
            (file(&ok("()"), &[1]), "has 0 extents"),
            (file(&ok("(-1,)"), &[1]), "is not a tuple of numbers"),
            (file(&header("|O", "False", "(1,)"), &[1]), "element type '|O' is not read"),
            (file(&header("|u1", "Maybe", "(1,)"), &[1]), "neither True nor False"),
            (file("{'descr': '|u1', 'shape': (1,)}", &[1]), "no `fortran_order`"),
            (file("[]", &[1]), "it is not a dictionary"),
            (
                file(&header("<u8", "False", "(1,)"), &u64::MAX.to_le_bytes()),
                "integers beyond 2^53",
            ),
        ] {
            let message = finding(&bytes);
            assert!(message.contains(words), "{words}: {message}");
        }
    }

    proptest! {
        #![proptest_config(fixed(256))]

        #[test]
        fn what_was_written_is_read(values in prop::collection::vec(any::<f64>(), 1..30)) {
            let numbers: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let header = header("<f8", "False", &format!("({}, 1)", values.len()));
            let array = read(&mut source(&file(&header, &numbers))).unwrap();
            prop_assert_eq!(&array.extents, &[values.len(), 1]);
            for (i, value) in values.iter().enumerate() {
                prop_assert_eq!(array.values.get(i).to_bits(), value.to_bits());
            }
        }

        #[test]
        fn damage_gives_an_array_or_an_error(damage in Damage::any(), column_major: bool) {
            let order = if column_major { "True" } else { "False" };
            let bytes = damage.done_to(&file(&header("<i4", order, "(2, 3, 2)"), &[9; 48]));
            if let Ok(array) = read(&mut source(&bytes)) {
                let width = if array.complex { 2 } else { 1 };
                prop_assert_eq!(
                    width * array.extents.iter().product::<usize>(),
                    array.values.len()
                );
            }
        }
    }
}
