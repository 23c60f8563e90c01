//! Marks with one meaning everywhere: how a curve ended, where a run was censored, a mean.

use crate::plot::curves::End;
use crate::plot::geometry::Point;
use crate::plot::scene::{Scene, Stroke};
use crate::plot::style::{Color, MM, PAPER, PT};

/// How a curve ended: filled disc for the target, open triangle for a budget, cross with a tick
/// upwards for divergence, plus for a breakdown.
pub(crate) fn end_mark(scene: &mut Scene, at: Point, end: End, color: Color) {
    let r = 2.2 * PT;
    let arms = |scene: &mut Scene, arms: &[[Point; 2]]| {
        for arm in arms {
            scene.line(arm.to_vec(), Stroke::solid(color, 0.9));
        }
    };
    match end {
        End::Reached => scene.disc(at, 1.9 * PT, color),
        End::Censored => {
            let [a, b, c] =
                [(at.0 + 1.3 * r, at.1), (at.0 - 0.5 * r, at.1 - r), (at.0 - 0.5 * r, at.1 + r)];
            scene.area(vec![a, b, c], PAPER, 100);
            scene.line(vec![a, b, c, a, b], Stroke::solid(color, 0.9));
        }
        End::Diverged => arms(
            scene,
            &[
                [(at.0 - r, at.1 - r), (at.0 + r, at.1 + r)],
                [(at.0 - r, at.1 + r), (at.0 + r, at.1 - r)],
                [at, (at.0, at.1 - 2.0 * MM)],
            ],
        ),
        End::Broken => arms(
            scene,
            &[[(at.0 - r, at.1), (at.0 + r, at.1)], [(at.0, at.1 - r), (at.0, at.1 + r)]],
        ),
    }
}

/// A censored run: an upright stroke of 4 pt on its step.
pub(super) fn censor_tick(scene: &mut Scene, at: Point, color: Color) {
    let half = 2.0 * PT;
    scene.line(vec![(at.0, at.1 - half), (at.0, at.1 + half)], Stroke::solid(color, 0.8));
}

/// A mean: a small triangle that stands on the axis.
pub(super) fn foot(scene: &mut Scene, at: Point, color: Color) {
    let r = 1.9 * PT;
    scene.area(
        vec![(at.0, at.1), (at.0 - r, at.1 - 1.8 * r), (at.0 + r, at.1 - 1.8 * r)],
        color,
        100,
    );
}
