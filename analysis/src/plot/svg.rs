//! A scene as SVG, through the back end of plotters.
//!
//! plotters works in whole numbers and knows neither dash patterns nor our baselines, so pages
//! are drawn in units of 10 µm, and one pass over its tags adds what it cannot say. Each run of
//! text carries its measured length: another font then keeps the layout.

use plotters::prelude::{DrawingBackend, SVGBackend};
use plotters::style::{FontFamily, FontStyle, IntoFont, RGBAColor, ShapeStyle, TextStyle};

use super::font::{FAMILY, Slant};
use super::geometry::Rect;
use super::print;
use super::scene::{Mark, Scene, Stroke};
use super::style::{Color, PAPER};
use super::text::{Label, is_hidden};

/// Writes `scene` as SVG. The same scene gives the same bytes.
///
/// # Panics
/// Never: a string can be written.
pub fn write(scene: &Scene) -> String {
    let mut drawn = String::new();
    let mut extras = Vec::new();
    {
        let size = (whole(scene.width) as u32, whole(scene.height) as u32);
        let mut pen =
            Pen { backend: SVGBackend::with_string(&mut drawn, size), extras: &mut extras };
        for mark in &scene.marks {
            pen.draw(mark);
        }
        pen.backend.present().expect("a string can be written");
    }
    finish(scene, &drawn, &extras)
}

struct Pen<'a, 'b> {
    backend: SVGBackend<'a>,
    /// What becomes of each tag drawn.
    extras: &'b mut Vec<Extra>,
}

/// What one pass over the tags does to a tag.
enum Extra {
    /// Attributes to add.
    With(String),
    /// The tag to write in its place.
    Instead(String),
}

impl Pen<'_, '_> {
    fn draw(&mut self, mark: &Mark) {
        const STRING: &str = "a string can be written";
        match mark {
            Mark::Line { points, stroke } => {
                let path: Vec<_> = thinned(points);
                let style = shape(stroke.color).stroke_width(whole(stroke.width).max(1) as u32);
                self.backend.draw_path(path, &style).expect(STRING);
                self.extras.push(Extra::With(line_extras(stroke)));
            }
            Mark::Area { points, color, alpha } => {
                self.backend.fill_polygon(thinned(points), &shape(*color)).expect(STRING);
                let opacity = if *alpha == 100 {
                    String::new()
                } else {
                    format!(" fill-opacity=\".{alpha:02}\"")
                };
                self.extras.push(Extra::With(opacity));
            }
            Mark::Disc { center, radius, color } => {
                let center = (whole(center.0), whole(center.1));
                self.backend
                    .draw_circle(center, whole(*radius) as u32, &shape(*color), true)
                    .expect(STRING);
                self.extras.push(Extra::With(String::new()));
            }
            Mark::Image { area, columns, pixels } => {
                // Any tag holds the place; plotters would smooth an image.
                self.backend.draw_circle((0, 0), 1, &shape(PAPER), true).expect(STRING);
                self.extras.push(Extra::Instead(image(area, *columns, pixels)));
            }
            Mark::Text { at, label, upright } => self.text(*at, label, *upright),
        }
    }

    fn text(&mut self, at: (f64, f64), label: &Label, upright: bool) {
        let mut along = 0.0;
        for run in &label.runs {
            let raise = run.raise * label.size;
            let start =
                if upright { (at.0 - raise, at.1 - along) } else { (at.0 + along, at.1 - raise) };
            let (x, y) = (whole(start.0), whole(start.1));
            let size = run.scale * label.size;
            let advance = run.width() * label.size;
            let color = rgba(label.color);
            let font = (FontFamily::SansSerif, size).into_font().style(face(run.slant));
            let style = TextStyle::from(font).color(&color);
            // Spaces at the ends would be collapsed; the next run starts after them all the same.
            let lead = run.text.len() - run.text.trim_start().len();
            let text = run.text.trim();
            along += advance;
            if text.is_empty() {
                continue;
            }
            let before = super::font::width(&run.text[..lead], run.slant) * size;
            let length = whole(super::font::width(text, run.slant) * size);
            let (x, y) = if upright { (x, y - whole(before)) } else { (x + whole(before), y) };
            self.backend.draw_text(text, &style, (x, y)).expect("a string can be written");
            let turn =
                if upright { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
            // A single character has no spacing to stretch.
            let stretch = if text.chars().count() > 1 {
                format!(" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\"")
            } else {
                String::new()
            };
            let extras = format!(" font-size=\"{}\"{stretch}{turn}", whole(size));
            self.extras.push(Extra::With(extras));
        }
    }
}

fn line_extras(stroke: &Stroke) -> String {
    let mut extras = String::new();
    if !stroke.dash.is_empty() {
        let parts: Vec<String> = stroke
            .dash
            .iter()
            .map(|&part| if part > 0.0 { whole(part).max(14) } else { 0 }.to_string())
            .collect();
        extras += " stroke-dasharray=\"";
        extras += &parts.join(" ");
        extras.push('"');
        if whole(stroke.phase) != 0 {
            extras.extend([" stroke-dashoffset=\"", &whole(stroke.phase).to_string(), "\""]);
        }
    }
    if stroke.round {
        extras += " stroke-linecap=\"round\"";
    }
    extras + " stroke-linejoin=\"round\""
}

/// An image whose pixels stay squares, at its own resolution.
fn image(area: &Rect, columns: usize, pixels: &[u8]) -> String {
    let (x, y) = (whole(area.left), whole(area.top));
    let (width, height) = (whole(area.right) - x, whole(area.bottom) - y);
    let data = print::data_address(columns, pixels);
    format!(
        "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
         preserveAspectRatio=\"none\" image-rendering=\"optimizeSpeed\" href=\"{data}\"/>"
    )
}

/// Rounded to whole units, without points that repeat the last one.
fn thinned(points: &[(f64, f64)]) -> Vec<(i32, i32)> {
    let mut whole_points: Vec<(i32, i32)> =
        points.iter().map(|p| (whole(p.0), whole(p.1))).collect();
    whole_points.dedup();
    whole_points
}

fn whole(x: f64) -> i32 {
    x.round() as i32
}

fn rgba(color: Color) -> RGBAColor {
    RGBAColor(color.0, color.1, color.2, 1.0)
}

fn shape(color: Color) -> ShapeStyle {
    ShapeStyle::from(&rgba(color)).filled()
}

fn face(slant: Slant) -> FontStyle {
    match slant {
        Slant::Regular => FontStyle::Normal,
        Slant::Oblique => FontStyle::Oblique,
        Slant::Bold => FontStyle::Bold,
    }
}

/// Our root tag with title, description and facts around the tags of plotters, each with its
/// extra attributes and without the ones that say nothing.
fn finish(scene: &Scene, drawn: &str, extras: &[Extra]) -> String {
    let (w, h) = (whole(scene.width), whole(scene.height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}mm\" height=\"{}mm\" \
         viewBox=\"0 0 {w} {h}\" font-family=\"{FAMILY}\" role=\"img\">\n\
         <title>{}</title>\n<desc>{}</desc>\n<metadata>\n",
        millimetres(w),
        millimetres(h),
        escape(&scene.about.title),
        escape(&scene.about.description),
    );
    for (name, value) in &scene.about.facts {
        svg.extend([&escape(name), ": ", &escape(value), "\n"]);
    }
    svg += "</metadata>\n";
    let mut extras = extras.iter();
    let mut lines = drawn.lines().skip(1).peekable();
    while let Some(line) = lines.next() {
        if line == "</svg>" {
            break;
        }
        let is_text = line.starts_with("<text");
        let (head, close) =
            line.strip_suffix("/>").map_or((line.trim_end_matches('>'), ">"), |head| (head, "/>"));
        match extras.next().expect("one entry a tag") {
            Extra::Instead(tag) => svg += tag,
            Extra::With(extras) => svg.extend([&tidy(head), extras, close]),
        }
        if is_text {
            svg += lines.next().unwrap_or_default();
            svg += lines.next().unwrap_or_default();
        }
        svg.push('\n');
    }
    svg + "</svg>\n"
}

/// Drops the attributes that repeat a default or that we state otherwise.
fn tidy(head: &str) -> String {
    let mut kept = head.to_owned();
    let is_text = head.starts_with("<text");
    let dropped: &[&str] = if is_text {
        &["dy", "text-anchor", "font-family", "font-size", "opacity"]
    } else {
        &["opacity"]
    };
    for name in dropped {
        let key = format!(" {name}=\"");
        if let Some(start) = kept.find(&key) {
            let value = start + key.len();
            if let Some(end) = kept[value..].find('"') {
                kept.replace_range(start..=value + end, "");
            }
        }
    }
    kept = kept.replace(" \"", "\"");
    if head.starts_with("<circle") {
        kept = kept.replace(" stroke=\"none\" stroke-width=\"1\"", "");
    }
    kept
}

fn millimetres(units: i32) -> String {
    let (whole, rest) = (units / 100, units % 100);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:02}") }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            c if is_hidden(c) => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::scene::{About, Anchor};
    use crate::plot::style::{INK, MM};

    fn page() -> Scene {
        let about = About {
            title: "a < b & \"c\"".into(),
            description: "line\u{0}".into(),
            facts: vec![("study".into(), "<script>".into())],
        };
        let mut scene = Scene::new(85.0 * MM, 58.5 * MM, about);
        scene.line(vec![(0.0, 0.0), (100.4, 50.0)], Stroke::dashed(INK, 1.1, &[4.0, 1.4]));
        scene.text((500.0, 500.0), Anchor::Start, Label::new("</text><script>10^{−2}", 7.0, INK));
        scene.text_upright((300.0, 3000.0), Label::new("*x*, s", 8.0, INK));
        scene
    }

    #[test]
    fn the_page_is_in_millimetres_and_the_drawing_in_units_of_ten_micrometres() {
        let svg = write(&page());
        assert!(svg.contains("width=\"85mm\" height=\"58.50mm\" viewBox=\"0 0 8500 5850\""));
        assert!(svg.contains("points=\"0,0 100,50\""));
        assert!(svg.contains("stroke-dasharray=\"155 54\""));
    }

    #[test]
    fn hostile_text_stays_text() {
        let svg = write(&page());
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"));
        assert!(!svg.contains('\u{0}'));
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }

    #[test]
    fn text_is_placed_run_by_run_without_anchors_of_the_renderer() {
        let svg = write(&page());
        assert!(!svg.contains("dy=") && !svg.contains("text-anchor"));
        assert_eq!(svg.matches("textLength").count(), 3);
        assert!(svg.contains("font-size=\"247\"") && svg.contains("font-size=\"173\""));
        assert!(svg.contains("transform=\"rotate(-90 "));
    }

    #[test]
    fn the_same_scene_gives_the_same_bytes() {
        assert_eq!(write(&page()), write(&page()));
    }
}
