//! Colors, dashes, sizes: one look per solver in the whole paper.

/// One point in units of 10 µm.
pub const PT: f64 = 35.277_8;
/// One millimetre in units of 10 µm.
pub const MM: f64 = 100.0;

/// An sRGB color.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    pub(super) const fn hex(code: u32) -> Self {
        Self((code >> 16) as u8, (code >> 8) as u8, code as u8)
    }

    /// `#RRGGBB`.
    pub fn code(self) -> String {
        format!("#{:02X}{:02X}{:02X}", self.0, self.1, self.2)
    }

    /// Relative luminance after WCAG 2.
    pub fn luminance(self) -> f64 {
        let linear = |byte: u8| {
            let c = f64::from(byte) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Contrast ratio after WCAG 2, from 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

/// Text and axes.
pub const INK: Color = Color::hex(0x1A_1F26);
/// Second text.
pub const SOFT: Color = Color::hex(0x5A_6472);
/// Grid lines.
pub const GRID: Color = Color::hex(0xE3_E6EA);
/// Where a claim holds.
pub const HOLDS: Color = Color::hex(0xDA_ECE8);
/// Paper.
pub const PAPER: Color = Color::hex(0xFF_FFFF);
/// Curves that are not named.
pub const REST: Color = Color::hex(0x9A_A4AF);
/// Pairs that are not worse.
pub const PAIR: Color = Color::hex(0x7B_8592);
/// Verdict colors: never used for solvers.
pub const SUPPORTED: Color = Color::hex(0x00_695C);
/// See [`SUPPORTED`].
pub const REFUTED: Color = Color::hex(0xA3_281B);
/// See [`SUPPORTED`].
pub const INCONCLUSIVE: Color = Color::hex(0x5B_4B8A);
/// See [`SUPPORTED`].
pub const NO_VERDICT: Color = Color::hex(0x3F_4A58);
/// Page on which figures stand in the dark report.
pub const DARK_CARD: Color = Color::hex(0x16_202B);

/// Each color of a figure with what it becomes on the dark card.
pub const DARK: [(Color, Color); 12] = [
    (INK, Color::hex(0xE8_EDF2)),
    (SOFT, Color::hex(0xA9_B4C0)),
    (GRID, Color::hex(0x2C_3A48)),
    (HOLDS, Color::hex(0x15_3A34)),
    (PAPER, DARK_CARD),
    (REST, Color::hex(0x71_8093)),
    (PAIR, Color::hex(0x8C_98A6)),
    (SUPPORTED, Color::hex(0x5F_D3C0)),
    (REFUTED, Color::hex(0xFF_8A78)),
    (INCONCLUSIVE, Color::hex(0xC9_B4F5)),
    (NO_VERDICT, Color::hex(0xB9_C4D0)),
    (Color::hex(0x00_0000), Color::hex(0xE8_EDF2)),
];

/// What a color of [`DARK`] becomes on the dark card; others stay.
pub fn dark(color: Color) -> Color {
    DARK.iter().find(|(light, _)| *light == color).map_or(color, |(_, dark)| *dark)
}

/// The shape drawn on a curve every 10.5 mm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Marker {
    /// Round.
    Circle,
    /// A regular polygon: corners, and the direction of the first in degrees clockwise from up.
    Polygon(u8, i16),
}

/// How a solver looks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Look {
    /// Of the line, on paper.
    pub color: Color,
    /// Of the line, on the dark card.
    pub dark: Color,
    /// Of its name, at least 4.5:1 on paper.
    pub text: Color,
    /// Shape.
    pub marker: Marker,
}

const fn look(color: u32, dark: u32, text: u32, marker: Marker) -> Look {
    Look { color: Color::hex(color), dark: Color::hex(dark), text: Color::hex(text), marker }
}

/// The looks, in the order of the solvers of a paper.
pub const LOOKS: [Look; 8] = [
    look(0x00_56D6, 0x4C_82FF, 0x00_56D6, Marker::Circle),
    look(0xBE_5504, 0xF9_6510, 0xBE_5504, Marker::Polygon(4, 45)),
    look(0x14_5239, 0x47_CF9D, 0x14_5239, Marker::Polygon(4, 0)),
    look(0xC4_7AB0, 0xDB_93C3, 0xB2_5198, Marker::Polygon(3, 180)),
    look(0x10_1418, 0xF0_F3F5, 0x10_1418, Marker::Polygon(3, 0)),
    look(0xD6_8000, 0xFE_E048, 0xA8_6500, Marker::Polygon(3, 270)),
    look(0x0F_8EEF, 0xAC_E1FB, 0x0D_77C9, Marker::Polygon(5, 0)),
    look(0x73_0519, 0xC4_517F, 0x73_0519, Marker::Polygon(6, 0)),
];

/// The place whose look is plain ink, for lines that belong to no solver.
pub const INK_PLACE: usize = 4;

/// Dash patterns in multiples of the line width; none for a solid line.
pub const DASHES: [&[f64]; 4] = [&[], &[4.0, 1.4], &[1.2, 1.2], &[6.0, 1.4, 1.2, 1.4]];

/// Look and dash of a curve: its solver's place in the paper, and its place among the
/// hyper-parameter variants of that solver. Solvers past the eighth are grey.
pub fn of(place: usize, variant: usize) -> (Look, &'static [f64]) {
    let grey = Look { color: REST, dark: DARK[5].1, text: SOFT, marker: Marker::Circle };
    (LOOKS.get(place).copied().unwrap_or(grey), DASHES[(place + variant) % DASHES.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_three_to_one_and_names_four_and_a_half_to_one() {
        for look in LOOKS {
            assert!(look.color.contrast(PAPER) >= 3.0, "{}", look.color.code());
            assert!(look.dark.contrast(DARK_CARD) >= 3.0, "{}", look.dark.code());
            assert!(look.text.contrast(PAPER) >= 4.5, "{}", look.text.code());
        }
        assert!(SOFT.contrast(PAPER) >= 5.9);
        for (light, dark) in DARK.iter().skip(7) {
            assert!(light.contrast(PAPER) >= 4.5 && dark.contrast(DARK_CARD) >= 4.5);
        }
        for verdict in [SUPPORTED, REFUTED, INCONCLUSIVE] {
            assert!(verdict.contrast(HOLDS) >= 4.5, "{}", verdict.code());
        }
    }

    #[test]
    fn looks_that_grey_paper_confuses_differ_in_dash_or_marker() {
        let lightness = |c: Color| 116.0 * c.luminance().cbrt() - 16.0;
        for (i, one) in LOOKS.iter().enumerate() {
            for (j, other) in LOOKS[..i].iter().enumerate() {
                let near = (lightness(one.color) - lightness(other.color)).abs() < 8.0;
                let told_apart = one.marker != other.marker;
                assert!(!near || told_apart || of(i, 0).1 != of(j, 0).1, "{i} and {j}");
            }
        }
    }

    #[test]
    fn the_first_four_survive_grey_paper() {
        let lightness = |c: Color| 116.0 * c.luminance().cbrt() - 16.0;
        let mut grey: Vec<f64> = LOOKS[..4].iter().map(|l| lightness(l.color)).collect();
        grey.sort_by(f64::total_cmp);
        assert!(grey.windows(2).all(|pair| pair[1] - pair[0] >= 8.0), "{grey:?}");
    }

    #[test]
    fn hyper_parameter_variants_keep_the_color_and_take_the_next_dash() {
        let (first, second) = (of(1, 0), of(1, 1));
        assert_eq!(first.0.color, second.0.color);
        assert_ne!(first.1, second.1);
        assert_eq!(of(11, 0).0.color, REST);
    }
}
