//! Gray pictures: PNG and TIFF.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use ::png::{BitDepth, ColorType, Limits, Transformations};
use ::tiff::ColorType as TiffColor;
use ::tiff::decoder::{Decoder, DecodingResult};

use super::Features;
use super::array::Array;
use super::source::{LIMIT, plausible};
use crate::DataError;

const GRAY: &str = "only gray pictures are read: convert it to gray first";

/// Reads a PNG file of one gray channel; 255 or 65,535 becomes 1, fewer bits than eight likewise.
pub(super) fn png(path: &Path) -> Result<Array, DataError> {
    let (file, bytes) = open(path)?;
    let broken =
        |e: ::png::DecodingError| DataError::new(path, format!("is not PNG, or damaged: {e}"));
    let mut decoder =
        ::png::Decoder::new_with_limits(BufReader::new(file), Limits { bytes: LIMIT as usize });
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(broken)?;
    let info = reader.info();
    if info.color_type != ColorType::Grayscale || info.trns.is_some() {
        let found = format!("holds {:?} pixels; {GRAY}", info.color_type);
        return Err(DataError::new(path, found));
    }
    let (rows, columns) = (info.height as usize, info.width as usize);
    let double = info.bit_depth == BitDepth::Sixteen;
    check_size(path, rows, columns, if double { 2 } else { 1 }, bytes)?;
    let mut buffer = vec![0; reader.output_buffer_size()];
    let frame = reader.next_frame(&mut buffer).map_err(broken)?;
    buffer.truncate(frame.buffer_size());
    let values = if double {
        let values = buffer.as_chunks::<2>().0.iter().map(|b| f64::from(u16::from_be_bytes(*b)));
        Features::F64(values.map(|value| value / 65_535.0).collect())
    } else {
        Features::U8 { values: buffer, scale: 1.0 / 255.0 }
    };
    Ok(Array { extents: vec![rows, columns], values, complex: false })
}

/// Reads the first picture of a TIFF file of one gray channel. The largest number of an unsigned
/// integer becomes 1; floating-point numbers stay as they are.
pub(super) fn tiff(path: &Path) -> Result<Array, DataError> {
    let (file, bytes) = open(path)?;
    let broken =
        |e: ::tiff::TiffError| DataError::new(path, format!("is not TIFF, or damaged: {e}"));
    let mut decoder = Decoder::new(BufReader::new(file)).map_err(broken)?;
    let (columns, rows) = decoder.dimensions().map_err(broken)?;
    let (rows, columns) = (rows as usize, columns as usize);
    let color = decoder.colortype().map_err(broken)?;
    let TiffColor::Gray(bits) = color else {
        return Err(DataError::new(path, format!("holds {color:?} pixels; {GRAY}")));
    };
    check_size(path, rows, columns, u64::from(bits).div_ceil(8), bytes)?;
    let mut limits = ::tiff::decoder::Limits::default();
    limits.decoding_buffer_size = LIMIT as usize;
    let mut decoder = decoder.with_limits(limits);
    let scaled = |values: Vec<f64>, peak: f64| {
        Features::F64(values.into_iter().map(|value| value / peak).collect())
    };
    let wide = |values: Vec<u16>| values.into_iter().map(f64::from).collect();
    let values = match decoder.read_image().map_err(broken)? {
        DecodingResult::U8(values) if bits == 8 => Features::U8 { values, scale: 1.0 / 255.0 },
        DecodingResult::U16(values) if bits == 16 => scaled(wide(values), f64::from(u16::MAX)),
        DecodingResult::U32(values) if bits == 32 => {
            scaled(values.into_iter().map(f64::from).collect(), f64::from(u32::MAX))
        }
        DecodingResult::F32(values) => Features::F32(values),
        DecodingResult::F64(values) => Features::F64(values),
        _ => {
            let found = format!(
                "holds numbers of {bits} bits of a kind that is not read: unsigned integers of 8, 16 \
                 and 32 bits and floats of 32 and 64 are"
            );
            return Err(DataError::new(path, found));
        }
    };
    Ok(Array { extents: vec![rows, columns], values, complex: false })
}

/// Writes a PNG file of one gray channel of 16 bits: of `window` the first becomes black, the second
/// white, what lies beyond is cut. Pixels are column-major.
///
/// # Errors
/// [`DataError`] if the file cannot be written.
///
/// # Panics
/// If the number of pixels is not `rows x columns`.
pub fn write(
    path: &Path,
    [rows, columns]: [usize; 2],
    pixels: &[f64],
    [black, white]: [f64; 2],
) -> Result<(), DataError> {
    assert_eq!(rows * columns, pixels.len(), "pixels of an image");
    let failed = |finding: String| DataError::new(path, format!("cannot be written: {finding}"));
    let file = File::create(path).map_err(|e| failed(e.to_string()))?;
    let mut encoder = ::png::Encoder::new(BufWriter::new(file), columns as u32, rows as u32);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Sixteen);
    let gray = |pixel: f64| {
        let share = if white > black { (pixel - black) / (white - black) } else { 0.5 };
        (65_535.0 * share.clamp(0.0, 1.0)).round() as u16
    };
    let places = (0..rows * columns).map(|i| i / columns + rows * (i % columns));
    let bytes: Vec<u8> = places.flat_map(|i| gray(pixels[i]).to_be_bytes()).collect();
    let mut writer = encoder.write_header().map_err(|e| failed(e.to_string()))?;
    writer.write_image_data(&bytes).map_err(|e| failed(e.to_string()))?;
    writer.finish().map_err(|e| failed(e.to_string()))
}

fn open(path: &Path) -> Result<(File, u64), DataError> {
    let failed = |e| DataError::new(path, format!("cannot be read: {e}"));
    let file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    Ok((file, bytes))
}

/// Refuses a header that promises more than the file can hold, before anything is allocated.
fn check_size(
    path: &Path,
    rows: usize,
    columns: usize,
    size: u64,
    bytes: u64,
) -> Result<(), DataError> {
    // Both are at most 32 bits wide.
    if rows > 0 && columns > 0 && plausible(rows as u64 * columns as u64, size, bytes) {
        return Ok(());
    }
    let found =
        format!("its header promises {rows} x {columns} pixels, but the file has {bytes} bytes");
    Err(DataError::new(path, found))
}

#[cfg(test)]
mod tests {
    use super::super::hostile::{Damage, fixed};
    use super::*;
    use ::tiff::encoder::{TiffEncoder, colortype};
    use proptest::prelude::*;
    use std::io::Cursor;

    fn png_file(
        color: ColorType,
        depth: BitDepth,
        columns: u32,
        rows: u32,
        data: &[u8],
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut bytes, columns, rows);
        encoder.set_color(color);
        encoder.set_depth(depth);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(data).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn read(name: &str, bytes: &[u8]) -> Result<Array, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let read = if name.ends_with("png") { png(&path) } else { tiff(&path) };
        read.map_err(|error| error.to_string())
    }

    fn values(array: &Array) -> Vec<u64> {
        (0..array.values.len()).map(|i| array.values.get(i).to_bits()).collect()
    }

    #[test]
    fn png_of_all_depths_has_its_largest_number_at_one() {
        let eight = read(
            "a.png",
            &png_file(ColorType::Grayscale, BitDepth::Eight, 3, 2, &[0, 51, 255, 1, 2, 3]),
        );
        let eight = eight.unwrap();
        assert_eq!(eight.extents, [2, 3]);
        assert!(
            (eight.values.get(1) - 0.2).abs() <= 1e-15
                && (eight.values.get(2) - 1.0).abs() <= 1e-15
        );
        let sixteen =
            png_file(ColorType::Grayscale, BitDepth::Sixteen, 2, 1, &[0xff, 0xff, 0x33, 0x33]);
        assert_eq!(values(&read("a.png", &sixteen).unwrap()), [1.0, 0.2].map(f64::to_bits));
        let bits = png_file(ColorType::Grayscale, BitDepth::One, 4, 1, &[0b1010_0000]);
        let bits = read("a.png", &bits).unwrap();
        let found: Vec<u8> = (0..4).map(|i| bits.values.get(i).round() as u8).collect();
        assert_eq!(found, [1, 0, 1, 0]);
    }

    #[test]
    fn a_written_image_is_read_with_its_window_as_black_and_white() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        // Two rows, three columns.
        let pixels = [-3.0, 1.0, 2.0, 5.0, 3.0, -1.0];
        write(&path, [2, 3], &pixels, [-1.0, 3.0]).unwrap();
        let array = png(&path).unwrap();
        assert_eq!(array.extents, [2, 3]);
        for (i, expected) in [0.0, 0.75, 1.0, 0.5, 1.0, 0.0].into_iter().enumerate() {
            // Half a step of 16 bits.
            assert!((array.values.get(i) - expected).abs() <= 0.5 / 65_535.0, "{i}");
        }
        let message = write(&folder.path().join("no/a.png"), [2, 3], &pixels, [0.0, 1.0]);
        assert!(message.unwrap_err().to_string().contains("cannot be written"));
    }

    #[test]
    fn tiff_of_integers_and_floats_is_read() {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        encoder.write_image::<colortype::Gray16>(2, 1, &[65_535, 13_107]).unwrap();
        let array = read("a.tif", &bytes.into_inner()).unwrap();
        assert_eq!(
            (&array.extents[..], values(&array)),
            (&[1, 2][..], [1.0, 0.2].map(f64::to_bits).into())
        );
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        encoder.write_image::<colortype::Gray32Float>(1, 2, &[-3.5, 7.25]).unwrap();
        let array = read("a.tif", &bytes.into_inner()).unwrap();
        assert_eq!(values(&array), [-3.5, 7.25].map(f64::to_bits));
    }

    #[test]
    fn color_is_refused_with_the_remedy() {
        let color = png_file(ColorType::Rgb, BitDepth::Eight, 1, 1, &[1, 2, 3]);
        let message = read("a.png", &color).unwrap_err();
        assert!(message.contains("holds Rgb pixels; only gray pictures are read"), "{message}");
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        encoder.write_image::<colortype::RGB8>(1, 1, &[1, 2, 3]).unwrap();
        let message = read("a.tif", &bytes.into_inner()).unwrap_err();
        assert!(message.contains("holds RGB(8) pixels; only gray"), "{message}");
    }

    proptest! {
        #![proptest_config(fixed(128))]

        #[test]
        fn damage_gives_a_picture_or_an_error(damage in Damage::any(), as_png: bool) {
            let data: Vec<u8> = (0..35).collect();
            let (name, bytes) = if as_png {
                ("a.png", png_file(ColorType::Grayscale, BitDepth::Eight, 7, 5, &data))
            } else {
                let mut bytes = Cursor::new(Vec::new());
                let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
                encoder.write_image::<colortype::Gray8>(7, 5, &data).unwrap();
                ("a.tif", bytes.into_inner())
            };
            if let Ok(array) = read(name, &damage.done_to(&bytes)) {
                prop_assert_eq!(array.extents.iter().product::<usize>(), array.values.len());
            }
        }
    }
}
