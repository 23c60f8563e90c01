//! Files of a figure: the SVG as it is, PDF at the exact size of the page, PNG at a resolution.
//!
//! PDF and PNG come from the SVG with the bundled fonts, so that no font of the system is needed
//! and text in the PDF can be selected and searched.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use png::{BitDepth, ColorType, Encoder, PixelDimensions, Unit};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{self, Tree, fontdb};

use super::font;

/// A kind of file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Format {
    /// As drawn.
    Svg,
    /// One page without margins, fonts embedded.
    Pdf,
    /// Pixels per inch.
    Png(u32),
}

/// Resolution of a PNG for print, in pixels per inch.
pub const PRINT_DPI: u32 = 600;

impl Format {
    /// Ending of the file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Pdf => "pdf",
            Self::Png(_) => "png",
        }
    }
}

/// The bytes of a figure's file. The same figure gives the same bytes.
///
/// # Errors
/// Why the drawing cannot be read back, or not be converted.
pub fn file(svg: &str, format: Format) -> Result<Vec<u8>, String> {
    match format {
        Format::Svg => Ok(svg.as_bytes().to_vec()),
        Format::Pdf => {
            // The tree is in points already: see `tree`.
            let page = svg2pdf::PageOptions { dpi: POINTS };
            let tree = tree(svg)?;
            let convert = || {
                svg2pdf::to_pdf(&tree, svg2pdf::ConversionOptions::default(), page)
                    .map_err(|error| error.to_string())
            };
            // svg2pdf writes its fonts, three at most, in the order of a map with a random seed. Of
            // the six orders the one of first use is taken, so that the same figure gives the same
            // bytes; that 200 draws miss it has probability (5/6)^200 < 1e-15.
            let mut pdf = convert()?;
            for _ in 0..200 {
                if fonts_in_order(&pdf) {
                    break;
                }
                pdf = convert()?;
            }
            sort_resources(&mut pdf);
            Ok(pdf)
        }
        Format::Png(dpi) => raster(&tree(svg)?, dpi),
    }
}

/// Units per inch of a parsed drawing. usvg assumes 96 and svg2pdf 72, which makes a page a third
/// too large: both are told 72.
const POINTS: f32 = 72.0;

fn tree(svg: &str) -> Result<Tree, String> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| {
        let mut fonts = fontdb::Database::new();
        for face in font::FACES {
            fonts.load_font_data(face.to_vec());
        }
        // The family's name in our SVG is that of the narrow cut; in the files it is a width.
        fonts.set_sans_serif_family("DejaVu Sans");
        Arc::new(fonts)
    });
    let options = usvg::Options { dpi: POINTS, fontdb: fonts.clone(), ..usvg::Options::default() };
    Tree::from_str(svg, &options).map_err(|error| error.to_string())
}

/// Sorts the entries of each dictionary of resources, which stand in the order of another such map.
/// Their bytes are the same in any order, so no offset changes.
fn sort_resources(pdf: &mut [u8]) {
    for kind in ["ExtGState", "Font", "XObject", "ColorSpace", "Pattern", "Shading"] {
        let head = format!("\n    /{kind} <<\n");
        let Some(at) = position(pdf, head.as_bytes()) else { continue };
        let from = at + head.len();
        let Some(length) = position(&pdf[from..], b"    >>\n") else { continue };
        let entries = &mut pdf[from..from + length];
        let mut lines: Vec<Vec<u8>> =
            entries.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        lines.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        entries.copy_from_slice(&lines.concat());
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Whether the fonts of a PDF stand in the order of their numbers, which is that of first use.
fn fonts_in_order(pdf: &[u8]) -> bool {
    const OBJECT: &[u8] = b" 0 obj\n<<\n  /Type /Font\n  /Subtype /Type0";
    let digits = |end: usize| {
        let before = pdf[..end].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(&pdf[end - before..end]).ok()?.parse::<u32>().ok()
    };
    let found = pdf.windows(OBJECT.len()).enumerate().filter(|(_, bytes)| *bytes == OBJECT);
    let numbers: Vec<Option<u32>> = found.map(|(at, _)| digits(at)).collect();
    numbers.is_sorted()
}

fn raster(tree: &Tree, dpi: u32) -> Result<Vec<u8>, String> {
    let scale = dpi as f32 / POINTS;
    let pixels = |length: f32| (length * scale).round() as u32;
    let (width, height) = (pixels(tree.size().width()), pixels(tree.size().height()));
    let mut page =
        Pixmap::new(width, height).ok_or("a figure of no size, or of too many pixels")?;
    page.fill(Color::WHITE);
    resvg::render(tree, Transform::from_scale(scale, scale), &mut page.as_mut());
    // The page is white all over, so nothing is left of transparency.
    let rgb: Vec<u8> =
        page.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    Ok(encode(width, &rgb, ColorType::Rgb, Some(dpi)))
}

/// 8-bit gray pixels as a PNG, row by row.
fn gray(columns: usize, pixels: &[u8]) -> Vec<u8> {
    encode(columns as u32, pixels, ColorType::Grayscale, None)
}

/// Gray pixels as a data address: each repeated several times each way, so that a
/// viewer that smooths images blurs the edges of pixels only.
pub fn data_address(columns: usize, pixels: &[u8]) -> String {
    let n = repeats(columns);
    let mut large = Vec::with_capacity(pixels.len() * n * n);
    for row in pixels.chunks(columns.max(1)) {
        let wide: Vec<u8> = row.iter().flat_map(|&pixel| std::iter::repeat_n(pixel, n)).collect();
        (0..n).for_each(|_| large.extend(&wide));
    }
    format!("data:image/png;base64,{}", STANDARD.encode(gray(columns * n, &large)))
}

/// How often a pixel is repeated: to at least 512 columns, 8 times at most.
fn repeats(columns: usize) -> usize {
    512_usize.div_ceil(columns.max(1)).min(8)
}

/// # Panics
/// Never: memory can be written, and the number of pixels is that of the rows.
fn encode(columns: u32, pixels: &[u8], color: ColorType, dpi: Option<u32>) -> Vec<u8> {
    let rows = pixels.len() as u32 / (columns * color.samples() as u32).max(1);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, columns, rows);
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    let per_metre = dpi.map(|dpi| (f64::from(dpi) / 0.0254).round() as u32);
    encoder.set_pixel_dims(per_metre.map(|n| PixelDimensions {
        xppu: n,
        yppu: n,
        unit: Unit::Meter,
    }));
    let mut writer = encoder.write_header().expect("memory can be written");
    writer.write_image_data(pixels).expect("as many pixels as were announced");
    writer.finish().expect("memory can be written");
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::{convergence, samples, svg};

    fn drawn() -> String {
        svg::write(&convergence::draw(&samples::convergence(&["SGD", "L-BFGS", "ADMM"])).0)
    }

    /// Width and height of the page in points.
    fn media_box(pdf: &[u8]) -> (f64, f64) {
        let text = String::from_utf8_lossy(pdf);
        let (_, after) = text.split_once("/MediaBox").expect("a page has a box");
        let (numbers, _) = after.split_once(']').expect("a box ends");
        let numbers: Vec<f64> = numbers
            .trim_start_matches([' ', '['])
            .split_whitespace()
            .map(|number| number.parse().expect("a box has numbers"))
            .collect();
        (numbers[2] - numbers[0], numbers[3] - numbers[1])
    }

    #[test]
    fn the_pdf_has_the_size_of_the_page_in_points() {
        let pdf = file(&drawn(), Format::Pdf).unwrap();
        let (width, height) = media_box(&pdf);
        // 85 mm by 58 mm at 72/25.4 points per mm; sizes are single precision.
        assert!(
            (width - 240.944_88).abs() < 1e-3 && (height - 164.409_45).abs() < 1e-3,
            "{width} {height}"
        );
    }

    #[test]
    fn text_of_the_pdf_can_be_selected_and_its_fonts_are_embedded() {
        let options = svg2pdf::ConversionOptions { compress: false, ..Default::default() };
        let page = svg2pdf::PageOptions { dpi: POINTS };
        let pdf = svg2pdf::to_pdf(&tree(&drawn()).unwrap(), options, page).unwrap();
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.contains("/FontFile2") || text.contains("/FontFile3"));
        for face in ["DejaVuSansCondensed", "DejaVuSansCondensed-Oblique"] {
            assert!(text.contains(face), "{face}");
        }
        // The map from glyphs to characters has the letters of the axis title.
        let maps: Vec<&str> = text.split("beginbfchar").skip(1).collect();
        for letter in "objectiv".chars() {
            let code = format!("<{:04X}>", letter as u32);
            assert!(maps.iter().any(|map| map.contains(&code)), "{letter}");
        }
    }

    #[test]
    fn the_png_has_the_resolution_it_says_and_a_white_page() {
        let png = file(&drawn(), Format::Png(600)).unwrap();
        let mut reader = png::Decoder::new(&png[..]).read_info().unwrap();
        let info = reader.info();
        // 85 mm and 58 mm at 600 / 25.4 pixels per mm.
        assert_eq!((info.width, info.height), (2008, 1370));
        assert_eq!(info.pixel_dims.unwrap().xppu, 23_622);
        let mut pixels = vec![0; reader.output_buffer_size()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels[..3], [255; 3]);
        assert!(pixels.iter().any(|&byte| byte < 40), "nothing is drawn");
    }

    #[test]
    fn every_format_gives_the_same_bytes_twice() {
        for format in [Format::Svg, Format::Pdf, Format::Png(192)] {
            let once = file(&drawn(), format).unwrap();
            assert!((0..8).all(|_| file(&drawn(), format).unwrap() == once), "{format:?}");
        }
    }

    #[test]
    fn pixels_of_an_image_come_through_unsmoothed() {
        let scene = crate::plot::images::draw(&samples::images());
        let png = file(&svg::write(&scene), Format::Png(600)).unwrap();
        let mut reader = png::Decoder::new(&png[..]).read_info().unwrap();
        let columns = reader.info().width as usize;
        let mut pixels = vec![0; reader.output_buffer_size()];
        reader.next_frame(&mut pixels).unwrap();
        let crate::plot::scene::Mark::Image { area, columns: across, pixels: shown } =
            &scene.marks[1]
        else {
            panic!("the first image comes first")
        };
        let rows = shown.len() / across;
        let dots = 600.0 / 2540.0; // pixels per 10 µm
        for (row, column) in [(2, 2), (rows / 2, across / 2), (rows - 3, across - 3)] {
            let at = |from: f64, to: f64, place: usize, of: usize| {
                ((from + (to - from) * (place as f64 + 0.5) / of as f64) * dots) as usize
            };
            let (x, y) =
                (at(area.left, area.right, column, *across), at(area.top, area.bottom, row, rows));
            let found = pixels[3 * (y * columns + x)];
            let wanted = shown[row * across + column];
            assert!(found.abs_diff(wanted) <= 1, "{row} {column}: {found} {wanted}");
        }
    }
}
