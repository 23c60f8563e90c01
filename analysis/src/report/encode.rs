//! Columns of traces as the report carries them: 16 bits a number, deflated, base64.
//!
//! A number is a place in the column's own range, logarithmic where the column allows it. Over ten
//! decades a step is then a factor of 1.00035: 0.007 pixels of a plot that is 900 pixels high and
//! shows the whole range. Written as JSON text the same numbers take four to five times the bytes.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// The word of a number that is not there or not finite: the line breaks.
const GAP: u16 = 65_535;
/// The word, in a logarithmic column, of a number at or below 0: no log axis shows it.
const ZERO: u16 = 65_534;
/// The word of the upper end of the range.
const TOP: f64 = 65_533.0;
/// Negative numbers up to this share of the largest are rounding of a number that cannot be
/// negative, and do not make its column linear.
const ROUNDING: f64 = 1e-6;

/// How words stand for numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scale {
    /// `low + (high − low) w / 65533`.
    Linear = 0,
    /// `low (high / low)^(w / 65533)`, or 0.
    Log = 1,
    /// Two words a number, the low half first: exact.
    Count = 2,
}

/// An encoded column.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Column {
    pub(super) scale: Scale,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) words: Vec<u16>,
}

impl Column {
    /// Encodes measured numbers.
    pub(super) fn of(values: &[f64]) -> Self {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let (least, most) =
            finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), v| (l.min(v), m.max(v)));
        if least > most {
            return Self { scale: Scale::Linear, low: 0.0, high: 0.0, words: gaps(values.len()) };
        }
        if most > 0.0 && least >= -ROUNDING * most {
            let positive = finite().filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
            let (low, high) = (outward(positive, f64::le), outward(most, f64::ge));
            let range = (high / low).ln();
            let word = |v: f64| if v <= 0.0 { ZERO } else { share((v / low).ln() / range) };
            return Self { scale: Scale::Log, low, high, words: coded(values, word) };
        }
        let (low, high) = (outward(least, f64::le), outward(most, f64::ge));
        let word = |v: f64| share((v - low) / (high - low));
        Self { scale: Scale::Linear, low, high, words: coded(values, word) }
    }

    /// Encodes counts below 2³² exactly; `None` if one of them is something else.
    pub(super) fn of_counts(values: &[f64]) -> Option<Self> {
        let whole = |v: &f64| v.fract() == 0.0 && (0.0..4_294_967_296.0).contains(v);
        if !values.iter().all(whole) {
            return None;
        }
        let halves = |v: &f64| [*v as u32 as u16, (*v as u32 >> 16) as u16];
        let words = values.iter().flat_map(halves).collect();
        Some(Self { scale: Scale::Count, low: 0.0, high: 0.0, words })
    }
}

fn gaps(count: usize) -> Vec<u16> {
    vec![GAP; count]
}

fn coded(values: &[f64], word: impl Fn(f64) -> u16) -> Vec<u16> {
    values.iter().map(|&v| if v.is_finite() { word(v) } else { GAP }).collect()
}

/// A share of the range as a word; a range without extent has one place.
fn share(share: f64) -> u16 {
    if share.is_finite() { (share.clamp(0.0, 1.0) * TOP).round() as u16 } else { 0 }
}

/// The end of a range with six significant digits, on the outer side, so that JSON stays short.
fn outward(value: f64, outside: fn(&f64, &f64) -> bool) -> f64 {
    let shortened = |v: f64| format!("{v:.5e}").parse().unwrap_or(v);
    let near: f64 = shortened(value);
    if outside(&near, &value) {
        return near;
    }
    let grain = 10_f64.powf(value.abs().log10().floor() - 5.0);
    let next = if outside(&f64::INFINITY, &value) { near + grain } else { near - grain };
    let next = shortened(next);
    // At the ends of the floating-point range there is no such number.
    if next.is_finite() && outside(&next, &value) { next } else { value }
}

/// Words of a column as differences to the word before, small ones of either sign as small numbers.
pub(super) fn differences(words: &[u16]) -> impl Iterator<Item = u16> + '_ {
    let before = std::iter::once(0).chain(words.iter().copied());
    words.iter().zip(before).map(|(word, before)| {
        let step = word.wrapping_sub(before).cast_signed();
        ((step << 1) ^ (step >> 15)).cast_unsigned()
    })
}

/// High bytes, then low bytes, deflated without a head (RFC 1951): a third smaller than plain.
pub(super) fn packed(words: &[u16]) -> String {
    let high = words.iter().map(|word| (word >> 8) as u8);
    let bytes: Vec<u8> = high.chain(words.iter().map(|word| *word as u8)).collect();
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let deflated = encoder.write_all(&bytes).and_then(|()| encoder.finish());
    base64(&deflated.expect("memory takes any bytes"))
}

/// Base64 with padding (RFC 4648).
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let padded = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = padded.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the page reads it.
    fn decoded(column: &Column) -> Vec<f64> {
        let place = |w: u16| f64::from(w) / TOP;
        let value = |&w: &u16| match (column.scale, w) {
            (_, GAP) => f64::NAN,
            (Scale::Log, ZERO) => 0.0,
            (Scale::Log, w) => column.low * (column.high / column.low).powf(place(w)),
            (_, w) => column.low + (column.high - column.low) * place(w),
        };
        column.words.iter().map(value).collect()
    }

    #[test]
    fn positive_numbers_keep_their_place_on_a_log_axis_to_half_a_step() {
        let values: Vec<f64> = (0..500).map(|k| 3.7e-11 * 1.06_f64.powi(k)).collect();
        let column = Column::of(&values);
        assert_eq!(column.scale, Scale::Log);
        let half_step = (column.high / column.low).ln() / TOP / 2.0;
        for (value, read) in values.iter().zip(decoded(&column)) {
            assert!((read / value).ln().abs() <= half_step * (1.0 + 1e-6), "{value} {read}");
        }
        // In pixels of a plot 900 high that shows the whole range.
        assert!(900.0 * half_step / (column.high / column.low).ln() < 0.01);
    }

    #[test]
    fn a_gap_at_rounding_stays_logarithmic_and_its_negative_rows_are_zero() {
        let column = Column::of(&[1.0, 1e-9, -3e-17, 0.0, 1e-12]);
        assert_eq!(column.scale, Scale::Log);
        assert_eq!(column.words[2..4], [ZERO, ZERO]);
    }

    #[test]
    fn numbers_of_both_signs_are_linear_and_what_is_not_finite_is_a_gap() {
        let values = [-2.0, f64::NAN, 1.0, f64::INFINITY, 0.25];
        let column = Column::of(&values);
        assert_eq!(column.scale, Scale::Linear);
        let read = decoded(&column);
        assert!(read[1].is_nan() && read[3].is_nan());
        for row in [0, 2, 4] {
            assert!((read[row] - values[row]).abs() <= 3.0 / TOP / 2.0 + 1e-12);
        }
        assert_eq!(Column::of(&[f64::NAN; 3]).words, [GAP; 3]);
        assert_eq!(Column::of(&[]).words, [0_u16; 0]);
    }

    #[test]
    fn a_constant_column_reads_as_its_constant() {
        for value in [1.0, 0.1, -7.25, 1.234_567_89e-300, 9.87e300] {
            let read = decoded(&Column::of(&[value; 2]));
            assert!((read[0] / value - 1.0).abs() < 1.1e-5, "{value} {read:?}");
        }
    }

    #[test]
    fn ends_lie_outside_with_six_digits() {
        assert_eq!(format!("{}", outward(1.234_567_8, f64::le)), "1.23456");
        assert_eq!(format!("{}", outward(1.234_561_2, f64::ge)), "1.23457");
        assert_eq!(format!("{}", outward(-9.999_999_9, f64::le)), "-10");
    }

    #[test]
    fn counts_are_exact_or_refused() {
        let column = Column::of_counts(&[0.0, 65_536.0, 4_294_967_295.0]).unwrap();
        assert_eq!(column.words, [0, 0, 0, 1, 65_535, 65_535]);
        assert!(Column::of_counts(&[0.5]).is_none() && Column::of_counts(&[-1.0]).is_none());
        assert!(Column::of_counts(&[f64::NAN]).is_none());
    }

    #[test]
    fn differences_add_up_to_the_words_again() {
        let words = [5_u16, 3, 65_535, 0, 32_768, 1];
        let mut sum = 0_u16;
        let read: Vec<u16> = differences(&words)
            .map(|z| {
                sum = sum.wrapping_add((z >> 1) ^ (z & 1).wrapping_neg());
                sum
            })
            .collect();
        assert_eq!(read, words);
    }

    #[test]
    fn packed_bytes_inflate_to_high_and_low_planes() {
        use std::io::Read as _;
        let mut deflater = DeflateEncoder::new(Vec::new(), Compression::default());
        deflater.write_all(&[1, 3, 2, 4]).unwrap();
        let deflated = deflater.finish().unwrap();
        assert_eq!(packed(&[0x0102, 0x0304]), base64(&deflated));
        let mut read = Vec::new();
        flate2::read::DeflateDecoder::new(&deflated[..]).read_to_end(&mut read).unwrap();
        assert_eq!(read, [1, 3, 2, 4]);
    }

    #[test]
    fn base64_has_the_vectors_of_its_standard() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
