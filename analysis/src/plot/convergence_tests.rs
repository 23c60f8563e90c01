use super::*;
use crate::plot::svg;

/// A family of curves that look like real ones: `n` solvers from 1 down to different depths.
pub(crate) fn chart(names: &[&str]) -> Chart {
    let curves = names.iter().enumerate().map(|(i, name)| {
        let rate = 0.5 + 0.45 * i as f64;
        let x: Vec<f64> = (0..60).map(|k| 10_f64.powf(4.0 * f64::from(k) / 59.0)).collect();
        let median: Vec<f64> = match i % 3 {
            0 => x.iter().map(|x| (1.0 + i as f64) * x.powf(-rate)).collect(),
            1 => x.iter().map(|x| (-(x / 900.0).powf(rate)).exp() * 3.0).collect(),
            _ => x.iter().map(|x| 0.9 / (1.0 + x / 30.0).powf(rate)).collect(),
        };
        let spread = |factor: f64| median.iter().map(|m| m * factor).collect::<Vec<f64>>();
        Curve {
            name: (*name).to_owned(),
            place: i,
            variant: 0,
            low: spread(0.7),
            high: spread(1.5),
            median,
            x,
            end: if i % 2 == 0 { End::Censored } else { End::Reached },
            runs: 20,
            reached: (i == 2).then_some(7),
        }
    });
    Chart {
        curves: curves.collect(),
        scales: (Scale::Log, Scale::Log),
        x_title: "iteration *k*".into(),
        y_title: "objective gap *f*(*x*_{k}) − *f*^{⋆}".into(),
        target: Some(1e-6),
        floor: Some(1e-8),
        width: 85.0,
        trial: false,
        about: About::default(),
    }
}

#[test]
fn names_of_a_sparse_figure_stand_beside_the_curves_and_meet_no_ink() {
    let chart = chart(&["SGD", "L-BFGS", "ADMM"]);
    let (scene, names) = draw(&chart);
    assert_eq!(names, Names::Beside);
    let layout = Layout::new(&chart, 0.0, 0.0);
    let boxes = scene.label_boxes();
    for curve in &chart.curves {
        let wanted = name(curve, 7.5).plain();
        let (_, area) =
            boxes.iter().find(|(text, _)| *text == wanted).expect("every name is there");
        for line in layout.lines.iter().flatten() {
            let nearest = along(line, 0.0, 5.0)
                .into_iter()
                .map(|p| area.distance(p))
                .fold(f64::INFINITY, f64::min);
            assert!(nearest >= 1.3 * PT, "{wanted}: {nearest}");
        }
        for band in &layout.bands {
            assert!(area.corners().iter().all(|&c| !crate::plot::geometry::inside(c, band)));
        }
        assert!(layout.markers.iter().flatten().all(|&p| area.distance(p) > 2.0 * PT));
    }
}

#[test]
fn no_two_labels_of_a_figure_overlap() {
    for names in
        [&["SGD", "L-BFGS", "ADMM"][..], &["a rather long solver name (penalty 0.001)"; 8][..]]
    {
        for trial in [false, true] {
            let (scene, _) = draw(&Chart { trial, ..chart(names) });
            let boxes = scene.label_boxes();
            for (i, (one, a)) in boxes.iter().enumerate() {
                for (other, b) in &boxes[..i] {
                    assert!(a.gap(b) > 0.0, "{one} meets {other}");
                }
            }
        }
    }
}

#[test]
fn every_label_is_on_the_page() {
    for names in
        [&["SGD", "L-BFGS", "ADMM"][..], &["a rather long solver name (penalty 0.001)"; 8][..]]
    {
        let (scene, _) = draw(&chart(names));
        let page = Rect { left: 0.0, top: 0.0, right: scene.width, bottom: scene.height };
        for (text, area) in scene.label_boxes() {
            assert!(page.contains(&area), "{text}: {area:?}");
        }
    }
}

#[test]
fn a_crowded_figure_takes_a_strip_or_a_gutter_for_all_names() {
    let (_, names) = draw(&chart(&["a rather long solver name (penalty 0.001)"; 8]));
    assert_eq!(names, Names::Strip);
    let mut crowd = chart(&["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"]);
    for (i, curve) in crowd.curves.iter_mut().enumerate() {
        for (k, m) in curve.median.iter_mut().enumerate() {
            *m = (1.0 + 0.05 * i as f64) / (1.0 + k as f64);
        }
        curve.low.clone_from(&curve.median);
        curve.high.clone_from(&curve.median);
    }
    assert_eq!(draw(&crowd).1, Names::Gutter);
}

#[test]
fn the_same_chart_gives_the_same_bytes() {
    let chart = chart(&["SGD", "L-BFGS", "ADMM", "Newton"]);
    assert_eq!(svg::write(&draw(&chart).0), svg::write(&draw(&chart).0));
}

#[test]
fn markers_of_neighbours_do_not_share_their_phase() {
    let layout = Layout::new(&chart(&["a", "b", "c", "d"]), 0.0, 0.0);
    for markers in &layout.markers {
        assert!(!markers.is_empty());
        for pair in markers.windows(2) {
            // Along the line 10.5 mm; across it at most as much.
            assert!((pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1) <= 10.5 * MM + 1.0);
        }
    }
}
