//! Tests over all kinds of figures: their bytes, their labels, their looks on gray paper.

use std::path::PathBuf;

use super::axis::Scale;
use super::convergence::Convergence;
use super::geometry::{Point, Rect, along, inside};
use super::scene::{Mark, Scene};
use super::style::{Color, GRID, LOOKS, MM, PAPER, PT};
use super::{print, samples, svg};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Compares with the file; `GOLDEN=write` in the environment writes it anew, and pictures of it
/// to `target/golden` for eyes to judge.
#[test]
fn every_kind_gives_the_bytes_that_were_judged() {
    let write = std::env::var_os("GOLDEN").is_some_and(|value| value == "write");
    let mut differing = Vec::new();
    for (kind, scene) in samples::all() {
        let (drawn, path) = (svg::write(&scene), folder().join(format!("{kind}.svg")));
        if write {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&path, &drawn).unwrap();
            let pictures = folder().join("../../../target/golden");
            std::fs::create_dir_all(&pictures).unwrap();
            for format in [print::Format::Png(300), print::Format::Pdf] {
                let picture = print::file(&drawn, format).unwrap();
                let name = format!("{kind}.{}", format.ending());
                std::fs::write(pictures.join(name), picture).unwrap();
            }
        }
        let judged = std::fs::read_to_string(&path).unwrap_or_default();
        let line = judged.lines().zip(drawn.lines()).position(|(a, b)| a != b);
        if judged != drawn {
            differing.push(format!("{kind} from line {}", line.map_or(0, |line| line + 1)));
        }
    }
    assert!(differing.is_empty(), "differ from tests/golden: {}", differing.join(", "));
}

/// Ink that a label must not meet: lines but the grid, discs, edges of fills, images.
fn ink(scene: &Scene) -> Vec<(&'static str, Vec<Point>, f64)> {
    let mut ink = Vec::new();
    for mark in &scene.marks {
        match mark {
            Mark::Line { stroke, .. } if stroke.color == GRID => {}
            Mark::Line { points, stroke } => {
                ink.push(("line", along(points, 0.0, 0.2 * MM), stroke.width / 2.0));
            }
            Mark::Area { points, color, .. } if *color != PAPER => {
                let mut edge = points.clone();
                edge.extend(points.first());
                ink.push(("fill", along(&edge, 0.0, 0.2 * MM), 0.0));
            }
            Mark::Disc { center, radius, color } if *color != PAPER => {
                ink.push(("disc", vec![*center], *radius));
            }
            Mark::Image { area, .. } => {
                let [a, b, c, d] = area.corners();
                ink.push(("image", along(&[a, b, c, d, a], 0.0, 0.2 * MM), 0.0));
            }
            _ => {}
        }
    }
    ink
}

/// What is wrong with the labels of a drawing: ink or bands under them, other labels, the page's edge.
fn faults(scene: &Scene) -> Vec<String> {
    let (ink, boxes) = (ink(scene), scene.label_boxes());
    let page = Rect { left: 0.0, top: 0.0, right: scene.width, bottom: scene.height };
    let mut faults = Vec::new();
    for (i, (text, area)) in boxes.iter().enumerate() {
        for (what, points, reach) in &ink {
            let nearest = points.iter().map(|&p| area.distance(p)).fold(f64::INFINITY, f64::min);
            // Reasons on a hatch lie on a patch of paper of their own.
            let covered = *what == "line" && patched(scene, area);
            if nearest <= *reach && !covered {
                faults.push(format!("{text:?} meets a {what}"));
            }
        }
        for mark in &scene.marks {
            let Mark::Area { points, alpha: 1..=99, .. } = mark else { continue };
            if area.corners().iter().any(|&corner| inside(corner, points)) {
                faults.push(format!("{text:?} lies on a band"));
            }
        }
        if !page.contains(area) {
            faults.push(format!("{text:?} leaves the page: {area:?}"));
        }
        let meets = |(other, b): &&(String, Rect)| area.gap(b) <= 0.0 && !other.is_empty();
        if let Some((other, _)) = boxes[..i].iter().find(meets) {
            faults.push(format!("{text:?} meets {other:?}"));
        }
    }
    faults
}

#[test]
fn labels_meet_no_ink_no_band_and_no_other_label_on_any_kind() {
    for (kind, scene) in samples::all() {
        assert!(faults(&scene).is_empty(), "{kind}: {:?}", faults(&scene));
    }
}

#[test]
fn labels_stay_free_for_any_number_of_curves_width_and_scale() {
    let names = ["SGD", "L-BFGS", "ADMM", "Newton–CG", "bound majorizer", "FISTA", "Adam", "PnP"];
    let mut places = std::collections::BTreeSet::new();
    for (count, trial) in [(1, true), (3, false), (5, true), (8, false)] {
        for width in [60.0, 85.0, 178.0] {
            for scales in [(Scale::Log, Scale::Log), (Scale::Linear, Scale::Log)] {
                let data = samples::convergence(&names[..count]);
                let data = Convergence { scales, width, trial, ..data };
                let (scene, place) = super::convergence::draw(&data);
                places.insert(format!("{place:?}"));
                let faults = faults(&scene);
                assert!(faults.is_empty(), "{count} at {width} mm, {scales:?}: {faults:?}");
            }
        }
    }
    assert!(places.len() > 1, "all names went to the same place: {places:?}");
}

/// Whether a patch of paper lies under a label.
fn patched(scene: &Scene, label: &Rect) -> bool {
    scene.marks.iter().skip(1).any(|mark| match mark {
        Mark::Area { points, color, .. } if *color == PAPER => {
            label.corners().iter().all(|&corner| inside(corner, points))
        }
        _ => false,
    })
}

#[test]
fn no_text_is_smaller_than_can_be_read() {
    for (kind, scene) in samples::all() {
        for mark in &scene.marks {
            let Mark::Text { label, .. } = mark else { continue };
            for run in &label.runs {
                let points = run.scale * label.size / PT;
                assert!(points >= 4.9 * 0.7 - 1e-9, "{kind}: {:?} at {points} pt", run.text);
                assert!(points >= 4.5 || run.scale < 1.0, "{kind}: {:?} at {points} pt", run.text);
            }
        }
    }
}

/// Gray of a color as paper shows it: L* of CIE 1976.
fn lightness(color: Color) -> f64 {
    let y = color.luminance();
    if y > 0.008_856 { 116.0 * y.cbrt() - 16.0 } else { 903.3 * y }
}

#[test]
fn curves_that_gray_paper_confuses_differ_in_dash_or_marker() {
    // Eight solvers in one figure: every curve has to be found by its gray, dash or marker.
    let (scene, _) = super::convergence::draw(&samples::crowded());
    let png = print::file(&svg::write(&scene), print::Format::Png(300)).unwrap();
    let mut reader = png::Decoder::new(&png[..]).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size()];
    reader.next_frame(&mut pixels).unwrap();
    let dots = 300.0 / 2540.0;
    let columns = reader.info().width as usize;
    let mut looks: Vec<(f64, Vec<f64>)> = Vec::new();
    for (i, look) in LOOKS.iter().enumerate() {
        // The sample of the strip: the darkest pixel near its left end has the curve's own gray.
        let sample = scene.marks.iter().find_map(|mark| match mark {
            Mark::Line { points, stroke } if stroke.color == look.color && is_sample(points) => {
                Some((points[0], stroke.dash.clone()))
            }
            _ => None,
        });
        let (at, dash) = sample.expect("every curve has a sample in the strip");
        let near = (0..(2.0 * MM * dots) as usize).flat_map(|dx| (0..5).map(move |dy| (dx, dy)));
        let gray = near
            .map(|(dx, dy)| {
                let x = (at.0 * dots) as usize + dx;
                let y = (at.1 * dots) as usize + dy - 2;
                let pixel = &pixels[3 * (y * columns + x)..][..3];
                lightness(Color(pixel[0], pixel[1], pixel[2]))
            })
            .fold(100.0, f64::min);
        assert!((gray - lightness(look.color)).abs() < 6.0, "{i}: {gray} on paper");
        looks.push((gray, dash));
    }
    for (i, (gray, dash)) in looks.iter().enumerate() {
        for (j, (other, other_dash)) in looks[..i].iter().enumerate() {
            let told_apart = dash != other_dash || LOOKS[i].marker != LOOKS[j].marker;
            assert!((gray - other).abs() >= 8.0 || told_apart, "{i} and {j}");
        }
    }
}

/// Whether a line is a sample of the strip: level and 6 mm long.
fn is_sample(points: &[Point]) -> bool {
    points.len() == 2
        && (points[0].1 - points[1].1).abs() < 1e-9
        && ((points[1].0 - points[0].0) - 6.0 * MM).abs() < 1e-9
}

#[test]
fn hostile_names_stay_text_in_every_format() {
    let hostile = "<script>alert(1)</script>\u{202e}\"&' *_{^\\ \u{0}漢字 ".repeat(4);
    let mut data = samples::convergence(&["a", "b", "c"]);
    data.curves[1].name.clone_from(&hostile);
    data.x_title = super::text::escape(&hostile);
    data.about.title.clone_from(&hostile);
    data.about.facts.push((hostile.clone(), hostile.clone()));
    let mut strip = samples::strip(5);
    strip.columns[0].name.clone_from(&hostile);
    let mut cost = samples::cost();
    cost.bars[0].name.clone_from(&hostile);
    let mut images = samples::images();
    images.pictures[1].name.clone_from(&hostile);
    let mut phase = samples::phase();
    phase.trajectories[0].name.clone_from(&hostile);
    let mut paired = samples::paired();
    paired.columns[0].name.clone_from(&hostile);
    let mut map = samples::heat_map();
    map.columns[0] = super::text::escape(&hostile);
    for scene in [
        super::convergence::draw(&data).0,
        super::replicates::strip(&strip),
        super::cost::draw(&cost),
        super::images::draw(&images),
        super::phase::draw(&phase),
        super::paired::draw(&paired).unwrap(),
        super::heat_map::draw(&map),
    ] {
        let svg = svg::write(&scene);
        assert!(!svg.contains("<script") && !svg.contains('\u{202e}') && !svg.contains('\u{0}'));
        for format in [print::Format::Pdf, print::Format::Png(96)] {
            print::file(&svg, format).expect("the drawing is well formed");
        }
    }
}
