//! Images in a row: the same window of gray for all, true pixels, a zoomed inset in the quietest
//! corner, the quality under each.

use super::geometry::Rect;
use super::scene::{About, Anchor, Scene, Stroke, TRIAL};
use super::style::{Color, INK, LOOKS, MM, SOFT};
use super::text::{Label, escape};

/// One image.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Name under it.
    pub name: String,
    /// Gray values, column-major.
    pub pixels: Vec<f64>,
    /// How close it is to the reference, where there is one.
    pub psnr: Option<Quality>,
}

/// Peak signal-to-noise ratios in dB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Of the image that is shown.
    pub shown: f64,
    /// Mean over the seeds with its interval, where there are several; their images may differ.
    pub mean: Option<(f64, (f64, f64))>,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Images {
    /// Rows and columns of every image.
    pub shape: (usize, usize),
    /// The reference first, then the solvers in the order of the paper.
    pub pictures: Vec<Picture>,
    /// Gray values shown as black and as white.
    pub window: (f64, f64),
    /// First row, first column and side of the zoomed square; chosen from the first image if left
    /// out.
    pub zoom: Option<[usize; 3]>,
    /// Said at the bottom right.
    pub note: String,
    /// Width in mm.
    pub width: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

const GAP: f64 = 1.6 * MM;
/// Lines of text under an image, from its lower edge: name, its quality, that over seeds.
const LINES: [f64; 3] = [3.2 * MM, 6.2 * MM, 9.0 * MM];
/// Below the last line.
const BELOW: f64 = 1.4 * MM;
/// Most images side by side.
const MOST: usize = 6;
/// How much larger the inset is.
const ZOOM: f64 = 2.5;
/// Of the frames of inset and detail.
const ACCENT: Color = LOOKS[5].color;

/// Draws the rows.
pub fn draw(data: &Images) -> Scene {
    let width = data.width * MM;
    let (rows, columns) = data.shape;
    let count = data.pictures.len().clamp(1, MOST);
    let side = (width - 0.6 * MM - GAP * (count as f64 - 1.0)) / count as f64;
    let height = side * rows as f64 / columns.max(1) as f64;
    let lines = data.pictures.len().div_ceil(MOST);
    let trial = if data.trial { TRIAL } else { 0.0 };
    let foot = if data.note.is_empty() { 0.0 } else { 2.6 * MM };
    let qualities = || data.pictures.iter().filter_map(|picture| picture.psnr);
    let caption = BELOW + LINES[usize::from(qualities().any(|quality| quality.mean.is_some())) + 1];
    let total = trial + 0.3 * MM + lines as f64 * (height + caption) + foot;
    let mut scene = Scene::new(width, (total / 10.0).round() * 10.0, data.about.clone());
    let detail = data.zoom.or_else(|| data.pictures.first().and_then(|p| detail(p, data.shape)));
    let detail = detail
        .filter(|[row, column, side]| *side > 0 && row + side <= rows && column + side <= columns);
    let corner = detail.and_then(|detail| quiet_corner(data.pictures.first()?, data.shape, detail));
    for (i, picture) in data.pictures.iter().enumerate() {
        let left = 0.3 * MM + (side + GAP) * (i % MOST) as f64;
        let top = trial + 0.3 * MM + (height + caption) * (i / MOST) as f64;
        let area = Rect { left, top, right: left + side, bottom: top + height };
        let whole = Rect { left: 0.0, top: 0.0, right: columns as f64, bottom: rows as f64 };
        image(&mut scene, data, picture, &area, &whole);
        if let (Some(detail), Some(corner)) = (detail, corner) {
            inset(&mut scene, data, picture, &area, detail, corner);
        }
        scene.frame(&area, Stroke::solid(INK, 0.5));
        words(&mut scene, picture, &area);
    }
    let note = Label::new(&data.note, 6.5, SOFT);
    let below = scene.height - 0.9 * MM;
    scene.text((width - 0.6 * MM, below), Anchor::End, note);
    if data.trial {
        scene.trial_mark();
    }
    scene
}

/// The pixels of `part` (in pixels) of a picture, in `area` on paper.
fn image(scene: &mut Scene, data: &Images, picture: &Picture, area: &Rect, part: &Rect) {
    let rows = data.shape.0;
    let (low, high) = data.window;
    let shade = |value: f64| {
        let share = (value - low) / (high - low);
        // Not a number: black, as nothing.
        if share.is_nan() { 0 } else { (255.0 * share.clamp(0.0, 1.0)).round() as u8 }
    };
    let (first, last) = (part.left as usize, part.right as usize);
    let mut pixels = Vec::with_capacity((last - first) * rows);
    for row in part.top as usize..part.bottom as usize {
        for column in first..last {
            pixels.push(shade(picture.pixels.get(row + rows * column).copied().unwrap_or(low)));
        }
    }
    scene.image(area, last - first, pixels);
}

/// The detail's frame, and the detail 2.5 times as large in a corner.
fn inset(
    scene: &mut Scene,
    data: &Images,
    picture: &Picture,
    area: &Rect,
    [row, column, side]: [usize; 3],
    (right, bottom): (bool, bool),
) {
    let unit = (area.right - area.left) / data.shape.1 as f64;
    let length = side as f64 * unit;
    let from = (area.left + unit * column as f64, area.top + unit * row as f64);
    let framed =
        Rect { left: from.0, top: from.1, right: from.0 + length, bottom: from.1 + length };
    let large = ZOOM * length;
    let left = if right { area.right - large } else { area.left };
    let top = if bottom { area.bottom - large } else { area.top };
    let shown = Rect { left, top, right: left + large, bottom: top + large };
    let part = Rect {
        left: column as f64,
        top: row as f64,
        right: (column + side) as f64,
        bottom: (row + side) as f64,
    };
    image(scene, data, picture, &shown, &part);
    scene.frame(&shown, Stroke::solid(ACCENT, 0.7));
    scene.frame(&framed, Stroke::solid(ACCENT, 0.7));
}

fn words(scene: &mut Scene, picture: &Picture, area: &Rect) {
    let middle = f64::midpoint(area.left, area.right);
    let room = area.right - area.left;
    let name = Label::cut(&picture.name, 7.0, INK, room);
    scene.text((middle, area.bottom + LINES[0]), Anchor::Middle, name);
    let Some(quality) = picture.psnr else { return };
    let mut line = |place: f64, text: &str| {
        let label = Label::new(&escape(&super::text::minus(text)), 6.5, SOFT).narrowed(room, 4.9);
        scene.text((middle, area.bottom + place), Anchor::Middle, label);
    };
    line(LINES[1], &format!("{:.2} dB", quality.shown));
    if let Some((mean, (low, high))) = quality.mean {
        let [low, high] = [(100.0 * low).floor(), (100.0 * high).ceil()].map(|v| v / 100.0);
        line(LINES[2], &format!("mean {mean:.2} [{low:.2}, {high:.2}]"));
    }
}

/// Variance of a square of pixels.
fn variance(picture: &Picture, rows: usize, [row, column, side]: [usize; 3]) -> f64 {
    let values = (column..column + side).flat_map(|c| (row..row + side).map(move |r| r + rows * c));
    let values: Vec<f64> = values.filter_map(|i| picture.pixels.get(i).copied()).collect();
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len().max(1) as f64
}

/// The square with the most variance, a sixth of the image wide, away from the border.
fn detail(picture: &Picture, (rows, columns): (usize, usize)) -> Option<[usize; 3]> {
    let side = (rows.min(columns) / 6).max(4);
    if rows < 2 * side || columns < 2 * side {
        return None;
    }
    let step = (side / 4).max(1);
    let mut best: Option<(f64, [usize; 3])> = None;
    for row in (0..=rows - side).step_by(step) {
        for column in (0..=columns - side).step_by(step) {
            let square = [row, column, side];
            let found = variance(picture, rows, square);
            if best.is_none_or(|(most, _)| found > most) {
                best = Some((found, square));
            }
        }
    }
    best.map(|(_, square)| square)
}

/// The corner (right, bottom) where an inset hides the least: of those that leave the detail free
/// the one with the least variance.
fn quiet_corner(
    picture: &Picture,
    (rows, columns): (usize, usize),
    [row, column, side]: [usize; 3],
) -> Option<(bool, bool)> {
    let large = ((ZOOM * side as f64).ceil() as usize).min(rows).min(columns);
    let corners = [(false, false), (true, false), (false, true), (true, true)];
    let square = |(right, bottom): (bool, bool)| {
        [if bottom { rows - large } else { 0 }, if right { columns - large } else { 0 }, large]
    };
    let apart = |a: usize, a_side: usize, b: usize, b_side: usize| a + a_side < b || b + b_side < a;
    corners
        .into_iter()
        .filter(|&corner| {
            let [top, left, _] = square(corner);
            apart(top, large, row, side) || apart(left, large, column, side)
        })
        .min_by(|&a, &b| {
            variance(picture, rows, square(a)).total_cmp(&variance(picture, rows, square(b)))
        })
}

/// `10 log₁₀(1 / mean squared error)`: peak 1.
pub fn psnr_db(reference: &[f64], image: &[f64]) -> f64 {
    let errors = reference.iter().zip(image).map(|(a, b)| (a - b).powi(2));
    let mean = errors.sum::<f64>() / reference.len().max(1) as f64;
    -10.0 * mean.log10()
}

/// The usual window, in which images are said to be.
pub const UNIT: (f64, f64) = (0.0, 1.0);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::samples;
    use crate::plot::scene::Mark;

    #[test]
    fn the_inset_leaves_the_detail_free_and_stands_in_the_quietest_corner() {
        let data = samples::images();
        let reference = &data.pictures[0];
        let square = detail(reference, data.shape).unwrap();
        let (right, bottom) = quiet_corner(reference, data.shape, square).unwrap();
        let large = (ZOOM * square[2] as f64).ceil() as usize;
        let (rows, columns) = data.shape;
        let top = if bottom { rows - large } else { 0 };
        let left = if right { columns - large } else { 0 };
        let meets = |a: usize, n: usize, b: usize, m: usize| a < b + m && b < a + n;
        assert!(
            !(meets(top, large, square[0], square[2]) && meets(left, large, square[1], square[2]))
        );
    }

    #[test]
    fn all_images_share_one_window_and_keep_their_pixels() {
        let mut data = samples::images();
        data.zoom = None;
        data.pictures[1].pixels = vec![0.25; data.shape.0 * data.shape.1];
        let scene = draw(&data);
        let shown: Vec<&Vec<u8>> = scene
            .marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Image { pixels, columns, .. } if *columns == data.shape.1 => Some(pixels),
                _ => None,
            })
            .collect();
        assert_eq!(shown.len(), data.pictures.len());
        assert!(shown[1].iter().all(|&p| p == 64), "a flat image is not stretched");
        let (rows, columns) = data.shape;
        // Row-major on paper, column-major in memory.
        let value = data.pictures[0].pixels[3 + rows * 5];
        assert_eq!(shown[0][3 * columns + 5], (255.0 * value).round() as u8);
    }

    #[test]
    fn a_tenth_of_error_everywhere_is_twenty_decibels() {
        assert!((psnr_db(&[0.5; 9], &[0.6; 9]) - 20.0).abs() < 1e-9);
    }
}
