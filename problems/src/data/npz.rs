//! NPZ, NumPy's archive: a ZIP file whose members are NPY files, stored or deflated.
//!
//! The directory at the end of the file is the authority; archives of more than 4 GiB or 65,534
//! members are refused with the advice to save the arrays one by one.

use flate2::CrcReader;
use flate2::bufread::DeflateDecoder;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::array::Array;
use super::npy;
use super::source::{LIMIT, Source};
use crate::DataError;

/// Longest tail that can hold the end record: 22 bytes and a comment.
const TAIL: u64 = 22 + 65_535;

/// A member of the archive, from its directory.
struct Member {
    name: String,
    method: u16,
    crc: u32,
    packed: u64,
    unpacked: u64,
    offset: u64,
}

/// Reads the array `name`.
pub(super) fn read(path: &Path, name: &str) -> Result<Array, DataError> {
    let error = |finding: String| DataError::new(path, finding);
    let failed = |e: std::io::Error| DataError::new(path, format!("cannot be read: {e}"));
    let mut file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let members = directory(&mut file, bytes).map_err(error)?;
    let file_name = format!("{name}.npy");
    let Some(member) = members.iter().find(|m| m.name == file_name) else {
        let names: Vec<_> = members.iter().filter_map(|m| m.name.strip_suffix(".npy")).collect();
        return Err(error(format!("no array `{name}`; it holds: {}", names.join(", "))));
    };
    let start = data_start(&mut file, member).map_err(error)?;
    if start.saturating_add(member.packed) > bytes {
        return Err(error(format!("member {file_name} ends beyond the file: it is truncated")));
    }
    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    let packed = BufReader::with_capacity(1 << 16, file.take(member.packed));
    let (unpacked, at_most): (Box<dyn Read>, u64) = match member.method {
        0 => (Box::new(packed), member.packed),
        8 => (Box::new(DeflateDecoder::new(packed)), member.packed.saturating_mul(1032)),
        method => {
            return Err(error(format!(
                "member {file_name} is packed by method {method}; stored and deflated are read"
            )));
        }
    };
    let at_most = at_most.min(member.unpacked);
    let place = path.join(&file_name);
    let mut crc = CrcReader::new(unpacked);
    let reader = BufReader::with_capacity(1 << 16, &mut crc);
    let array = npy::read(&mut Source::new(&place, reader, at_most, LIMIT))?;
    if crc.crc().sum() == member.crc {
        Ok(array)
    } else {
        Err(DataError::new(place, "its checksum is wrong: fetch or copy the file again"))
    }
}

/// The members listed at the end of an archive of `bytes` bytes.
fn directory(file: &mut File, bytes: u64) -> Result<Vec<Member>, String> {
    let tail_start = bytes.saturating_sub(TAIL);
    let tail = bytes_at(file, tail_start, bytes - tail_start)?;
    let end = tail
        .windows(22)
        .rposition(|window| window.starts_with(b"PK\x05\x06"))
        .ok_or("is not an NPZ archive, or truncated: no ZIP directory at its end")?;
    let record = &tail[end..];
    let (count, size, start) = (u16_at(record, 10), u32_at(record, 12), u32_at(record, 16));
    if count == u16::MAX || size == u32::MAX || start == u32::MAX {
        return Err("is a ZIP archive beyond 4 GiB: save each array as .npy instead".into());
    }
    if u64::from(start) + u64::from(size) > bytes {
        return Err("its ZIP directory lies beyond its end: it is truncated or damaged".into());
    }
    let directory = bytes_at(file, u64::from(start), u64::from(size))?;
    let mut rest = &directory[..];
    let mut members = Vec::new();
    for number in 0..count {
        let damaged = || format!("member {number} of its ZIP directory is damaged");
        if rest.len() < 46 || !rest.starts_with(b"PK\x01\x02") {
            return Err(damaged());
        }
        let (name, extra, comment) = (u16_at(rest, 28), u16_at(rest, 30), u16_at(rest, 32));
        let name_end = 46 + usize::from(name);
        let extra_end = name_end + usize::from(extra);
        let end = extra_end + usize::from(comment);
        if rest.len() < end {
            return Err(damaged());
        }
        if u16_at(rest, 8) & 1 != 0 {
            return Err(format!("member {number} is encrypted"));
        }
        let sizes = [u32_at(rest, 20), u32_at(rest, 24), u32_at(rest, 42)];
        if sizes.contains(&u32::MAX) {
            return Err("is a ZIP archive beyond 4 GiB: save each array as .npy instead".into());
        }
        let [packed, unpacked, offset] = sizes.map(u64::from);
        members.push(Member {
            name: String::from_utf8_lossy(&rest[46..name_end]).into_owned(),
            method: u16_at(rest, 10),
            crc: u32_at(rest, 16),
            packed,
            unpacked,
            offset,
        });
        rest = &rest[end..];
    }
    Ok(members)
}

/// Where the bytes of a member start: behind its local header.
fn data_start(file: &mut File, member: &Member) -> Result<u64, String> {
    let header = bytes_at(file, member.offset, 30)?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(format!("no member header at byte {}: it is damaged", member.offset));
    }
    Ok(member.offset + 30 + u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28)))
}

fn bytes_at(file: &mut File, start: u64, count: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read =
        file.seek(SeekFrom::Start(start)).and_then(|_| file.take(count).read_to_end(&mut bytes));
    match read {
        Ok(read) if read as u64 == count => Ok(bytes),
        Ok(_) => Err(format!("ends before byte {}: it is truncated", start + count)),
        Err(error) => Err(format!("cannot be read at byte {start}: {error}")),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::super::Features;
    use super::super::hostile::{Damage, fixed};
    use super::npy::tests::file as npy_file;
    use super::*;
    use flate2::{Compression, Crc, write::DeflateEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    /// An archive of these members.
    fn archive(members: &[(&str, &[u8])], deflated: bool) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in members {
            let offset = bytes.len() as u32;
            let packed = if deflated {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap()
            } else {
                content.to_vec()
            };
            let mut crc = Crc::new();
            crc.update(content);
            // Version, flags, method, time, date, checksum, sizes, lengths of name and extra field.
            let mut common = vec![20, 0, 0, 0, if deflated { 8 } else { 0 }, 0, 0, 0, 0, 0];
            common.extend(crc.sum().to_le_bytes());
            common.extend((packed.len() as u32).to_le_bytes());
            common.extend((content.len() as u32).to_le_bytes());
            common.extend((name.len() as u16).to_le_bytes());
            common.extend([0, 0]);
            bytes.extend(b"PK\x03\x04");
            bytes.extend(&common);
            bytes.extend(name.as_bytes());
            bytes.extend(packed);
            directory.extend(b"PK\x01\x02\x14\x00");
            directory.extend(&common);
            directory.extend([0; 10]);
            directory.extend(offset.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let (start, count) = (bytes.len() as u32, members.len() as u16);
        bytes.extend(&directory);
        bytes.extend(b"PK\x05\x06\x00\x00\x00\x00");
        bytes.extend(count.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend((directory.len() as u32).to_le_bytes());
        bytes.extend(start.to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }

    fn array(bytes: &[u8], name: &str) -> Result<Array, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        std::fs::write(&path, bytes).unwrap();
        read(&path, name).map_err(|error| error.to_string())
    }

    fn bytes_of(numbers: &[u8]) -> Vec<u8> {
        let shape = numbers.len();
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape},), }}");
        npy_file(&header, numbers)
    }

    #[test]
    fn stored_and_deflated_members_are_read() {
        let (x, y) = (bytes_of(&[1, 2, 3]), bytes_of(&[0; 500]));
        for deflated in [false, true] {
            let bytes = archive(&[("x.npy", &x), ("y.npy", &y)], deflated);
            let values = Features::U8 { values: vec![1, 2, 3], scale: 1.0 };
            assert_eq!(
                array(&bytes, "x").unwrap(),
                Array { extents: vec![3], values, complex: false }
            );
            assert_eq!(array(&bytes, "y").unwrap().extents, [500]);
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let good = archive(&[("x.npy", &bytes_of(&[1, 2, 3]))], false);
        let mut flipped = good.clone();
        let last = 30 + 5 + bytes_of(&[1, 2, 3]).len() - 1;
        flipped[last] ^= 1;
        let mut method = good.clone();
        let directory = good.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        method[directory + 10] = 14;
        for (bytes, name, words) in [
            (&good[..], "z", "no array `z`; it holds: x"),
            (&good[..good.len() - 1], "x", "no ZIP directory at its end"),
            (&good[1..], "x", "member 0 of its ZIP directory is damaged"),
            (&flipped, "x", "its checksum is wrong"),
            (&method, "x", "packed by method 14"),
            (b"", "x", "is not an NPZ archive"),
        ] {
            let message = array(bytes, name).unwrap_err();
            assert!(message.contains(words), "{words}: {message}");
        }
    }

    proptest! {
        #![proptest_config(fixed(128))]

        #[test]
        fn what_was_written_is_read(numbers: Vec<u8>, deflated: bool) {
            prop_assume!(!numbers.is_empty());
            let bytes = archive(&[("x.npy", &bytes_of(&numbers))], deflated);
            let found = array(&bytes, "x").unwrap().values;
            prop_assert_eq!(found, Features::U8 { values: numbers, scale: 1.0 });
        }

        #[test]
        fn damage_gives_an_array_or_an_error(damage in Damage::any(), deflated: bool) {
            let members = [("x.npy", &bytes_of(&[5; 40])[..]), ("y.npy", &bytes_of(&[1]))];
            let bytes = damage.done_to(&archive(&members, deflated));
            if let Ok(array) = array(&bytes, "x") {
                prop_assert_eq!(array.extents.iter().product::<usize>(), array.values.len());
            }
        }
    }
}
