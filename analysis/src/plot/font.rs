//! Widths of text, from the bundled DejaVu Sans Condensed: sums of advances over units per em.

use std::sync::OnceLock;

use ttf_parser::Face;

/// Which of the bundled faces a run of text is set in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Slant {
    /// Digits, operators, function names, units.
    #[default]
    Regular,
    /// Variables.
    Oblique,
    /// Identifiers of claims, verdict words.
    Bold,
}

/// Height of a capital, in em.
pub const CAP_HEIGHT: f64 = 0.729;
/// How far descenders reach below the baseline, in em.
pub const DESCENT: f64 = 0.236;
/// What a renderer falls back to when the font is not installed: narrow faces first.
pub const FAMILY: &str = "DejaVu Sans Condensed, Arial Narrow, DejaVu Sans, Verdana, sans-serif";

static REGULAR: &[u8] = include_bytes!("../../assets/DejaVuSansCondensed-Regular.ttf");
static OBLIQUE: &[u8] = include_bytes!("../../assets/DejaVuSansCondensed-Oblique.ttf");
static BOLD: &[u8] = include_bytes!("../../assets/DejaVuSansCondensed-Bold.ttf");

/// The bundled fonts, in the order of [`Slant`].
pub(super) static FACES: [&[u8]; 3] = [REGULAR, OBLIQUE, BOLD];

fn face(slant: Slant) -> &'static Face<'static> {
    static PARSED: OnceLock<[Face<'static>; 3]> = OnceLock::new();
    let faces = PARSED.get_or_init(|| {
        FACES.map(|bytes| Face::parse(bytes, 0).expect("the bundled fonts are well formed"))
    });
    &faces[slant as usize]
}

/// Width of `text` in em. A glyph that the subset lacks counts as wide as an `m`.
pub fn width(text: &str, slant: Slant) -> f64 {
    let face = face(slant);
    let advance = |c: char| {
        let glyph = face.glyph_index(c).or_else(|| face.glyph_index('m'))?;
        face.glyph_hor_advance(glyph)
    };
    let units: u32 = text.chars().map(|c| u32::from(advance(c).unwrap_or(1000))).sum();
    f64::from(units) / f64::from(face.units_per_em())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_as_wide_as_the_font_says() {
        for digit in "0123456789".chars() {
            let measured = width(&digit.to_string(), Slant::Regular);
            assert!((measured - 0.572).abs() < 1e-3, "{digit}: {measured}");
        }
    }

    #[test]
    fn every_glyph_that_figures_need_is_in_every_face() {
        for slant in [Slant::Regular, Slant::Oblique, Slant::Bold] {
            for glyph in "∇∂‖⋆∈≤≥ηλερ−–…⟨⟩✓✗×±·ÅÉüßñ".chars()
            {
                assert!(face(slant).glyph_index(glyph).is_some(), "{glyph} in {slant:?}");
            }
        }
    }

    #[test]
    fn bold_words_are_wider() {
        assert!(width("supported", Slant::Bold) > width("supported", Slant::Regular));
    }
}
