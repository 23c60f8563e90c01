use super::*;
use crate::plot::chart::Names;
use crate::plot::samples;
use crate::plot::scene::Mark;
use crate::plot::style::{LOOKS, MM};

#[test]
fn names_of_a_sparse_figure_stand_beside_the_curves() {
    let data = samples::convergence(&["SGD", "L-BFGS", "ADMM"]);
    let (scene, names) = draw(&data);
    assert_eq!(names, Names::Beside);
    let shown: Vec<String> = scene.label_boxes().into_iter().map(|(text, _)| text).collect();
    for name in ["SGD", "L-BFGS", "ADMM, 7/20"] {
        assert!(shown.iter().any(|text| text == name), "{name} in {shown:?}");
    }
}

#[test]
fn a_planted_crowd_takes_the_strip_for_all_names_and_short_ones_the_gutter() {
    let crowd = samples::crowded();
    assert_eq!(draw(&crowd).1, Names::Strip);
    let mut short = crowd;
    for (i, curve) in short.curves.iter_mut().enumerate() {
        curve.name = format!("s{i}");
    }
    assert_eq!(draw(&short).1, Names::Gutter);
}

#[test]
fn a_strip_grows_the_figure_and_leaves_the_axes_as_they_were() {
    let (few, _) = draw(&samples::convergence(&["SGD", "L-BFGS", "ADMM"]));
    let (many, _) = draw(&Convergence { trial: false, ..samples::crowded() });
    let spine = |scene: &Scene| {
        let lengths = scene.marks.iter().filter_map(|mark| match mark {
            Mark::Line { points, stroke } if stroke.color == crate::plot::style::INK => {
                let upright = points.len() == 2 && (points[0].0 - points[1].0).abs() < 1e-9;
                upright.then(|| (points[1].1 - points[0].1).abs())
            }
            _ => None,
        });
        lengths.fold(0.0, f64::max)
    };
    assert!(many.height > few.height + 10.0 * MM);
    assert!((spine(&few) - spine(&many)).abs() < 1.0);
}

#[test]
fn a_curve_that_diverges_out_of_the_axes_is_marked_where_it_leaves_them() {
    let (scene, _) = draw(&samples::crowded());
    let color = LOOKS[7].color;
    // The upward tick of 2 mm that no other mark has.
    let ticks = scene.marks.iter().filter(|mark| match mark {
        Mark::Line { points, stroke } => {
            stroke.color == color
                && points.len() == 2
                && ((points[0].1 - points[1].1) - 2.0 * MM).abs() < 1e-9
        }
        _ => false,
    });
    assert_eq!(ticks.count(), 1);
}

#[test]
fn all_bands_lie_under_all_lines() {
    let (scene, _) = draw(&samples::convergence(&["SGD", "L-BFGS", "ADMM"]));
    let band = scene.marks.iter().rposition(|mark| matches!(mark, Mark::Area { alpha: 17, .. }));
    let line = scene.marks.iter().position(|mark| match mark {
        Mark::Line { stroke, .. } => LOOKS.iter().any(|look| look.color == stroke.color),
        _ => false,
    });
    assert!(band.unwrap() < line.unwrap());
}

#[test]
fn markers_stand_every_ten_and_a_half_millimetres_of_paper_with_phases_apart() {
    let data = samples::convergence(&["a", "b", "c", "d"]);
    let (scene, _) = draw(&data);
    // The circles of the first curve: white discs inside colored ones.
    let centers: Vec<(f64, f64)> = scene
        .marks
        .iter()
        .filter_map(|mark| match mark {
            Mark::Disc { center, color, radius }
                if *color == LOOKS[0].color && *radius > 1.8 * crate::plot::style::PT =>
            {
                Some(*center)
            }
            _ => None,
        })
        .collect();
    assert!(centers.len() >= 5, "{}", centers.len());
    for pair in centers.windows(2) {
        let apart = (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1);
        // The chord of an arc of 10.5 mm.
        assert!(apart <= 10.5 * MM + 1.0 && apart > 8.0 * MM, "{apart}");
    }
}
