//! From runs to curves: seeds of one solver joined on a common axis.

use std::collections::{BTreeMap, VecDeque};

use converge_bench::cell::Task;
use converge_bench::record::{Record, Status};
use converge_bench::study::{Planned, Study};

use super::style;
use crate::load::Run;

/// Most points that a curve keeps.
const POINTS: usize = 240;

/// Runs of a study in their places; `None` where a run is missing.
pub type Runs = [(Planned, Option<Record>)];

/// How most runs of a curve ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Target reached, converged or plateau: filled disc.
    Reached,
    /// Budget used up: open triangle.
    Censored,
    /// Diverged: cross with a tick upwards.
    Diverged,
    /// Breakdown, crash and the like: plus.
    Broken,
}

/// One run as points: x rising, only finite values.
#[derive(Clone, Debug)]
pub struct Path {
    /// Repetition.
    pub seed: u64,
    /// Where.
    pub x: Vec<f64>,
    /// What.
    pub y: Vec<f64>,
    /// How it ended.
    pub end: End,
}

/// Median and band of the runs of one solver.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Name of the solver with its sweep values.
    pub name: String,
    /// Place of the solver in the paper.
    pub place: usize,
    /// Place among the hyper-parameter variants of the solver.
    pub variant: usize,
    /// Common axis.
    pub x: Vec<f64>,
    /// Median over the runs alive.
    pub median: Vec<f64>,
    /// 10 % quantile.
    pub low: Vec<f64>,
    /// 90 % quantile.
    pub high: Vec<f64>,
    /// How most runs ended.
    pub end: End,
    /// Runs behind it.
    pub runs: usize,
    /// Runs that reached the target, if there is one.
    pub reached: Option<usize>,
}

/// Column of a run by name, derived ones included.
pub fn column(planned: &Planned, record: &Record, name: &str) -> Option<Vec<f64>> {
    let run = Run { label: &planned.label, record };
    run.series(name).map(|series| series.values.into_owned())
}

/// The points of a run. `positive` leaves out what a log axis of y cannot show: the path ends at
/// the first such value, the floor.
pub fn path(planned: &Planned, record: &Record, x: &str, y: &str, positive: bool) -> Option<Path> {
    let (xs, ys) = (column(planned, record, x)?, column(planned, record, y)?);
    let mut path = Path {
        seed: planned.label.seed,
        x: Vec::new(),
        y: Vec::new(),
        end: end(&record.header.status),
    };
    for (x, y) in xs.into_iter().zip(ys) {
        if !x.is_finite() || !y.is_finite() {
            continue;
        }
        if positive && y <= 0.0 {
            break;
        }
        // Several rows at one place: the last one counts.
        if path.x.last().is_some_and(|last| *last >= x) {
            path.x.pop();
            path.y.pop();
        }
        path.x.push(x);
        path.y.push(y);
    }
    (!path.x.is_empty()).then_some(path)
}

/// The mark that a status gets.
pub fn end(status: &Status) -> End {
    match status {
        Status::Target | Status::Converged | Status::Plateau => End::Reached,
        Status::Budget | Status::Interrupted | Status::TimedOut => End::Censored,
        Status::Diverged => End::Diverged,
        Status::Breakdown(_) | Status::Crashed(_) | Status::OutOfMemory => End::Broken,
    }
}

/// Order of the solvers of a paper: of first mention in its study files, files sorted by name.
/// So a new figure never repaints the others.
pub fn paper_order(study: &Study) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    let mut note = |name: &str| {
        if !name.is_empty() && !order.iter().any(|known| known == name) {
            order.push(name.to_owned());
        }
    };
    let folder = study.path.parent().and_then(|folder| folder.read_dir().ok());
    let mut files: Vec<_> = folder.into_iter().flatten().flatten().map(|e| e.path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "toml")) {
        for line in std::fs::read_to_string(file).unwrap_or_default().lines() {
            if let Some(rest) = line.trim_start().strip_prefix("[solver.") {
                note(rest.split([']', '.']).next().unwrap_or_default().trim_matches(['"', '\'']));
            }
        }
    }
    study.solvers.iter().for_each(|name| note(name));
    order
}

/// Which runs a plot looks at.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// Variant of the study.
    pub variant: &'a str,
    /// Problem section; empty for all problems.
    pub problem: &'a str,
    /// Solver sections or curves, or probe sections; empty for all.
    pub solvers: &'a [String],
    /// Whether probes are meant.
    pub probe: bool,
}

impl Selection<'_> {
    /// Whether a run belongs to it.
    pub fn holds(&self, planned: &Planned) -> bool {
        let label = &planned.label;
        matches!(planned.cell.task, Task::Probe { .. }) == self.probe
            && label.variant == self.variant
            && (self.problem.is_empty() || label.problem == self.problem)
            && (self.solvers.is_empty()
                || self.solvers.contains(&label.solver)
                || self.solvers.contains(&label.curve()))
    }
}

/// A solver's runs: its name in the study, the name of its curve, the records by seed.
pub struct Group<'a> {
    /// Solver section.
    pub solver: String,
    /// Solver with sweep values.
    pub name: String,
    /// Place of the solver in the paper.
    pub place: usize,
    /// Place among the hyper-parameter variants of the solver.
    pub variant: usize,
    /// Runs by rising seed.
    pub runs: Vec<(&'a Planned, &'a Record)>,
}

/// Runs of a selection by curve, in the order of the paper's solvers, variants in file order.
pub fn groups<'a>(runs: &'a Runs, selection: &Selection<'_>, order: &[String]) -> Vec<Group<'a>> {
    let mut found: Vec<Group<'a>> = Vec::new();
    let mut variants: BTreeMap<String, usize> = BTreeMap::new();
    for (planned, record) in runs {
        let Some(record) = record else { continue };
        if !selection.holds(planned) {
            continue;
        }
        let name = planned.label.curve();
        if let Some(group) = found.iter_mut().find(|group| group.name == name) {
            group.runs.push((planned, record));
            continue;
        }
        let solver = planned.label.solver.clone();
        let place = order.iter().position(|known| *known == solver).unwrap_or(order.len());
        // A probe is no solver of the paper: it begins the palette anew.
        let listed = selection.solvers.iter().position(|known| *known == solver);
        let place = if selection.probe { listed.unwrap_or(0) } else { place };
        let next = variants.entry(solver.clone()).or_default();
        found.push(Group { solver, name, place, variant: *next, runs: vec![(planned, record)] });
        *next += 1;
    }
    found.sort_by_key(|group| (group.place, group.variant));
    take_free_looks(&mut found);
    for group in &mut found {
        group.runs.sort_by_key(|(planned, _)| planned.label.seed);
    }
    found
}

/// Solvers past the last look take, in their order, those that no other solver of the plot has; they
/// stay grey where none is left.
fn take_free_looks(groups: &mut [Group<'_>]) {
    let looks = style::LOOKS.len();
    let free = (0..looks).filter(|look| groups.iter().all(|group| group.place != *look));
    let mut free: VecDeque<usize> = free.collect();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for group in groups.iter_mut().filter(|group| group.place >= looks) {
        let next = || free.pop_front().unwrap_or(looks);
        group.place = *taken.entry(group.solver.clone()).or_insert_with(next);
    }
}

/// Median and 10–90 % band of paths on a common axis; it ends where fewer than half still run.
/// Values between rows are interpolated, in logarithms where `log` says so (x, y). A run that
/// reached its target, or was lost, keeps its last value: without it those that are left would
/// pull the median towards themselves.
pub fn summarise(paths: &[Path], log: (bool, bool)) -> (Vec<f64>, [Vec<f64>; 3]) {
    let mut grid: Vec<f64> = paths.iter().flat_map(|path| path.x.iter().copied()).collect();
    grid.retain(|x| !log.0 || *x > 0.0);
    grid.sort_by(f64::total_cmp);
    grid.dedup_by(|a, b| (*a - *b).abs() <= 1e-12 * b.abs());
    if grid.len() > POINTS {
        grid = even(grid[0], grid[grid.len() - 1], log.0);
    }
    let (mut x, mut bands) = (Vec::new(), [Vec::new(), Vec::new(), Vec::new()]);
    for at in grid {
        let running: Vec<f64> = paths.iter().filter_map(|path| value_at(path, at, log)).collect();
        if 2 * running.len() < paths.len() {
            // Runs that have not begun yet (set-up) come later; runs that have ended do not.
            if x.is_empty() {
                continue;
            }
            break;
        }
        let mut known = running;
        known.extend(paths.iter().filter_map(|path| kept_at(path, at)));
        known.sort_by(f64::total_cmp);
        x.push(at);
        for (band, share) in bands.iter_mut().zip([0.1, 0.5, 0.9]) {
            band.push(quantile(&known, share, log.1));
        }
    }
    (x, bands)
}

/// The last value of a run that ended before `at` for a reason of its own; a budget says nothing of
/// what would have come.
fn kept_at(path: &Path, at: f64) -> Option<f64> {
    let ended = path.x.last().is_some_and(|&last| last < at - 1e-9 * at.abs());
    (ended && path.end != End::Censored).then(|| path.y.last().copied())?
}

fn even(low: f64, high: f64, log: bool) -> Vec<f64> {
    let steps = (POINTS - 1) as f64;
    (0..POINTS)
        .map(|i| {
            let t = i as f64 / steps;
            if log { low * (high / low).powf(t) } else { low + t * (high - low) }
        })
        .collect()
}

fn value_at(path: &Path, at: f64, log: (bool, bool)) -> Option<f64> {
    let slack = 1e-9 * at.abs();
    let next = path.x.partition_point(|&x| x < at - slack);
    let (&x1, &y1) = (path.x.get(next)?, path.y.get(next)?);
    if next == 0 || (x1 - at).abs() <= slack {
        return ((x1 - at).abs() <= slack).then_some(y1);
    }
    let (x0, y0) = (path.x[next - 1], path.y[next - 1]);
    let share =
        if log.0 && x0 > 0.0 { (at / x0).ln() / (x1 / x0).ln() } else { (at - x0) / (x1 - x0) };
    Some(if log.1 && y0 > 0.0 && y1 > 0.0 {
        y0 * (y1 / y0).powf(share)
    } else {
        y0 + share * (y1 - y0)
    })
}

/// Quantile of sorted values, linear between order statistics (geometric where `log` says so).
pub fn quantile(sorted: &[f64], share: f64, log: bool) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let (a, b) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    if log && a > 0.0 { a * (b / a).powf(part) } else { a + part * (b - a) }
}

/// The end that most paths share; of equals the worse.
pub fn common_end(paths: &[Path]) -> End {
    let count = |end: End| paths.iter().filter(|path| path.end == end).count();
    let ends = [End::Reached, End::Censored, End::Diverged, End::Broken];
    ends.into_iter().max_by_key(|&end| count(end)).unwrap_or(End::Censored)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(solver: &str, place: usize) -> Group<'static> {
        let name = solver.to_owned();
        Group { solver: solver.to_owned(), name, place, variant: 0, runs: Vec::new() }
    }

    #[test]
    fn solvers_past_the_palette_take_the_looks_that_are_free() {
        let mut groups = [group("a", 1), group("b", 9), group("b", 9), group("c", 10)];
        take_free_looks(&mut groups);
        assert_eq!(groups.each_ref().map(|group| group.place), [1, 0, 0, 2]);
        // Where all are taken, grey is left.
        let names: Vec<String> = (0..10).map(|place| format!("s{place}")).collect();
        let mut many: Vec<Group<'_>> = (0..10).map(|place| group(&names[place], place)).collect();
        take_free_looks(&mut many);
        assert_eq!(many[8].place, 8);
        assert_eq!(many[9].place, 8);
    }

    fn path(seed: u64, x: &[f64], y: &[f64]) -> Path {
        Path { seed, x: x.to_vec(), y: y.to_vec(), end: End::Censored }
    }

    #[test]
    fn a_shared_schedule_is_kept_and_the_median_is_over_seeds() {
        let paths: Vec<Path> =
            (0..5).map(|s| path(s, &[0.0, 1.0, 2.0], &[1.0, s as f64, 10.0])).collect();
        let (x, [low, median, high]) = summarise(&paths, (false, false));
        assert_eq!(x, [0.0, 1.0, 2.0]);
        assert_eq!(median, [1.0, 2.0, 10.0]);
        assert!((low[1] - 0.4).abs() < 1e-12 && (high[1] - 3.6).abs() < 1e-12);
    }

    #[test]
    fn a_curve_ends_where_fewer_than_half_of_the_runs_are_alive() {
        let paths = [
            path(0, &[1.0, 2.0, 3.0, 4.0], &[1.0; 4]),
            path(1, &[1.0, 2.0], &[1.0; 2]),
            path(2, &[1.0, 2.0], &[1.0; 2]),
        ];
        assert_eq!(summarise(&paths, (false, true)).0, [1.0, 2.0]);
    }

    #[test]
    fn runs_that_arrive_early_do_not_lift_the_median_of_the_others() {
        let mut paths = [
            path(0, &[1.0, 2.0], &[1.0, 0.1]),
            path(1, &[1.0, 2.0, 3.0], &[1.0, 0.5, 0.2]),
            path(2, &[1.0, 2.0, 3.0], &[1.0, 0.6, 0.5]),
        ];
        paths[0].end = End::Reached;
        assert_eq!(summarise(&paths, (false, false)).1[1], [1.0, 0.5, 0.2]);
        // A budget ends what is known.
        paths[0].end = End::Censored;
        assert!((summarise(&paths, (false, false)).1[1][2] - 0.35).abs() < 1e-12);
    }

    #[test]
    fn between_rows_log_values_are_interpolated_in_logarithms() {
        let run = path(0, &[1.0, 100.0], &[1.0, 1e-4]);
        assert!((value_at(&run, 10.0, (true, true)).unwrap() - 1e-2).abs() < 1e-15);
        assert!(value_at(&run, 101.0, (true, true)).is_none());
        assert!(value_at(&run, 0.5, (true, true)).is_none());
    }

    #[test]
    fn of_equally_common_ends_the_worse_is_shown() {
        let mut paths = [path(0, &[1.0], &[1.0]), path(1, &[1.0], &[1.0])];
        paths[0].end = End::Reached;
        paths[1].end = End::Diverged;
        assert_eq!(common_end(&paths), End::Diverged);
    }
}
