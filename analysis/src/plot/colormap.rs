//! Colors of numbers: cividis for sizes (J. Nuñez, C. Anderton, R. Renslow, Optimizing colormaps
//! with consideration for color vision deficiency, 2018, PLOS 13(7), e0199239), blue through near-white to
//! rust for ratios around 1. Both rise or part evenly in lightness, so they survive gray print.

use super::axis::Scale;
use super::style::Color;

/// Cividis at 32 equal steps.
const CIVIDIS: [Color; 32] = [
    Color::hex(0x00_224E),
    Color::hex(0x00_285B),
    Color::hex(0x00_2E6A),
    Color::hex(0x05_3371),
    Color::hex(0x1C_396F),
    Color::hex(0x29_3F6E),
    Color::hex(0x33_446D),
    Color::hex(0x3C_4A6C),
    Color::hex(0x45_506C),
    Color::hex(0x4D_556C),
    Color::hex(0x55_5B6D),
    Color::hex(0x5C_616E),
    Color::hex(0x64_6770),
    Color::hex(0x6B_6D72),
    Color::hex(0x72_7274),
    Color::hex(0x78_7877),
    Color::hex(0x80_7F78),
    Color::hex(0x88_8578),
    Color::hex(0x90_8B78),
    Color::hex(0x97_9177),
    Color::hex(0xA0_9875),
    Color::hex(0xA8_9E73),
    Color::hex(0xB0_A571),
    Color::hex(0xB9_AB6D),
    Color::hex(0xC2_B369),
    Color::hex(0xCB_B965),
    Color::hex(0xD3_C05F),
    Color::hex(0xDC_C859),
    Color::hex(0xE6_D051),
    Color::hex(0xEF_D748),
    Color::hex(0xF8_DF3C),
    Color::hex(0xFE_E838),
];

/// Ends and middle of the map of ratios.
const RATIOS: [Color; 3] = [Color::hex(0x00_56D6), Color::hex(0xF7_F7F5), Color::hex(0xBE_5504)];

/// Numbers to colors.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Colormap {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Colormap {
    /// A map over the finite ones of `values`. Ratios ([`Scale::Log2`]) are centred at 1.
    pub fn over(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let usable = values.filter(|v| v.is_finite() && (!scale.is_log() || *v > 0.0));
        let (low, high) =
            usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = if low > high { (1.0, 1.0) } else { (low, high) };
        let (low, high) = match scale {
            Scale::Log2 => {
                let reach = high.log2().max(-low.log2()).max(1e-3).exp2();
                (1.0 / reach, reach)
            }
            _ if high > low => (low, high),
            Scale::Log => (low / 2.0, high * 2.0),
            Scale::Linear => (low - 0.5, high + 0.5),
        };
        Self { scale, low, high }
    }

    /// Scale of the numbers.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Smallest and largest number.
    pub fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Share of the way from the smallest to the largest number, in `0..=1`.
    fn share(&self, value: f64) -> f64 {
        let along = |v: f64| if self.scale.is_log() { v.max(f64::MIN_POSITIVE).ln() } else { v };
        let (low, high) = (along(self.low), along(self.high));
        ((along(value) - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// Color of a number.
    pub fn color(&self, value: f64) -> Color {
        let share = self.share(value);
        if self.scale == Scale::Log2 {
            let [low, middle, high] = RATIOS;
            return if share < 0.5 {
                mixed(low, middle, 2.0 * share)
            } else {
                mixed(middle, high, 2.0 * share - 1.0)
            };
        }
        let steps = CIVIDIS.len() as f64;
        CIVIDIS[((share * steps) as usize).min(CIVIDIS.len() - 1)]
    }
}

/// Text on a color, dark or light, whichever has more contrast. One step off ink and paper: a dark
/// page exchanges those, and the color under the text stays.
pub fn text_on(color: Color) -> Color {
    const DARK: Color = Color::hex(0x1A_1F25);
    const LIGHT: Color = Color::hex(0xFF_FFFE);
    if DARK.contrast(color) >= LIGHT.contrast(color) { DARK } else { LIGHT }
}

fn mixed(a: Color, b: Color, share: f64) -> Color {
    let mix = |a: u8, b: u8| {
        (f64::from(a) + share * (f64::from(b) - f64::from(a))).round().clamp(0.0, 255.0) as u8
    };
    Color(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cividis_rises_in_lightness() {
        assert!(CIVIDIS.windows(2).all(|pair| pair[0].luminance() < pair[1].luminance()));
    }

    #[test]
    fn ratios_are_centred_at_one_and_part_in_lightness() {
        let map = Colormap::over(Scale::Log2, [0.5, 3.0].into_iter());
        assert_eq!(map.color(1.0), RATIOS[1]);
        assert_eq!(map.color(3.0), RATIOS[2]);
        let below = [1.0, 0.8, 0.6, 0.4].map(|v| map.color(v).luminance());
        let above = [1.0, 1.3, 1.8, 2.9].map(|v| map.color(v).luminance());
        for side in [below, above] {
            assert!(side.windows(2).all(|pair| pair[0] > pair[1]), "{side:?}");
        }
    }

    #[test]
    fn text_reads_on_every_color() {
        for color in CIVIDIS.into_iter().chain(RATIOS) {
            assert!(text_on(color).contrast(color) >= 3.9, "{}", color.code());
            assert_eq!(super::super::style::dark(text_on(color)), text_on(color));
        }
    }

    #[test]
    fn ends_of_the_range_have_the_ends_of_the_map() {
        let map = Colormap::over(Scale::Log, [1e-4, 1.0, f64::INFINITY, 0.0].into_iter());
        assert_eq!(map.range(), (1e-4, 1.0));
        assert_eq!((map.color(1e-4), map.color(1.0)), (CIVIDIS[0], CIVIDIS[31]));
        assert_eq!(map.color(1e-2), CIVIDIS[16]);
    }
}
