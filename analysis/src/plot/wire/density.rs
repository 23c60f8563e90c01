//! `kind = "density"`: all values of a column or an output array, over runs and rows, against a law.

use converge_bench::record::Record;
use converge_bench::study::Planned;
use statrs::distribution::{Continuous, ContinuousCDF, Exp, Normal, Uniform};

use super::arrays::array;
use super::{Context, Drawn, Place, words};
use crate::plot::curves::{self, Group};
use crate::plot::density::{self, Density, bin_width};
use crate::plot::spec::{Spec, Theory};
use crate::plot::{number, title};
use crate::statistics::distribution::student_quantile;

/// Error probability of bands and of the distance.
const ALPHA: f64 = 0.05;
/// Batches where runs are too few to be batches themselves.
const BATCHES: usize = 20;
/// Fewest runs that are batches.
const RUNS: usize = 8;

/// A density with its distribution function.
struct Law {
    density: Box<dyn Fn(f64) -> f64>,
    below: Box<dyn Fn(f64) -> f64>,
}

impl Context<'_> {
    pub(super) fn density(&self, place: &Place<'_>) -> Drawn {
        let (item, spec) = (place.item, place.spec);
        let (column, output) = (spec.y.as_deref(), spec.output.as_deref());
        let name = column.or(output).ok_or_else(|| {
            item.error(
                "",
                "this kind of plot needs a column y = \"...\" or an array output = \"...\"",
            )
        })?;
        let unit = match column {
            None => String::new(),
            Some(column) => match self.metric(place, "y", column)? {
                Some(metric) => metric.unit.to_string(),
                None => return Ok(None),
            },
        };
        // Of an array the table's column says what the numbers are.
        let shown = match (&spec.theory, output) {
            (Some(Theory::Table { column, .. }), Some(_)) => column.as_str(),
            _ => name,
        };
        let groups = self.groups(place);
        let [group] = &groups[..] else {
            if groups.is_empty() {
                return Ok(None);
            }
            return Err(item.error("solvers", "a density is of one curve: solvers = [\"...\"]"));
        };
        let runs = samples(group, spec, name);
        let mut sorted: Vec<f64> = runs.iter().flatten().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let Some(edges) = edges(&sorted) else {
            let finding = if output.is_some() && sorted.is_empty() {
                format!("no run left an array `{name}` behind")
            } else {
                format!("the values of `{name}` have no spread")
            };
            return Err(item.error(if output.is_some() { "output" } else { "y" }, finding));
        };
        let batches = batches(&runs);
        let law = match &spec.theory {
            Some(Theory::Table { probe, column }) => {
                let names = [column, &format!("{column}-density"), &format!("{column}-below")];
                let Some(table) = self.table(place, probe, "theory", names.map(String::as_str))?
                else {
                    return Ok(None);
                };
                Some(tabulated(table))
            }
            Some(theory) => Some(law(theory).map_err(|reason| item.error("theory", reason))?),
            None => None,
        };
        let (heights, band) = heights(&edges, &batches, sorted.len());
        let kind = if runs.len() >= RUNS { "runs" } else { "blocks of the runs" };
        let mut caption = format!(
            "{}Density of {} over {} values, in bins after Freedman and Diaconis; boxes are pointwise \
             95 % intervals from the means of {} {kind}",
            place.said(),
            words(shown),
            sorted.len(),
            batches.len(),
        );
        let mut lines = Vec::new();
        if let Some(law) = &law {
            let (distance, error) = distance(&sorted, &batches, law);
            let half = student_quantile(1.0 - 0.5 * ALPHA, batches.len() as f64 - 1.0) * error;
            let [d, low, high] =
                number::interval(distance, (distance - half).max(0.0), (distance + half).min(1.0));
            lines.push(format!("sup distance {d}"));
            lines.push(format!("[{low}, {high}]"));
            caption += "; the line is the theory, and the distance is the largest between the \
                        distribution functions, with the error of the batches at that place";
        }
        caption.push('.');
        let (low, high) = (edges[0], edges[edges.len() - 1]);
        let theory = law.map_or_else(Vec::new, |law| {
            let at = |i: i32| low + (high - low) * f64::from(i) / 240.0;
            (0..=240).map(at).map(|x| (x, (law.density)(x))).collect()
        });
        let data = Density {
            edges,
            heights,
            band,
            theory,
            name: spec.label(&group.name),
            place: group.place,
            words: lines,
            title: title(shown, &unit),
            note: format!("*n* = {}", runs.len()),
            width: spec.width(85.0),
            trial: self.trial(),
            about: self.about(&caption),
        };
        Ok(Some((density::draw(&data), caption)))
    }
}

/// Finite values of each run, after the declared iteration.
fn samples(group: &Group<'_>, spec: &Spec, name: &str) -> Vec<Vec<f64>> {
    let run = |planned: &Planned, record: &Record| -> Option<Vec<f64>> {
        if spec.y.is_none() {
            let array = array(record, name)?;
            let Some(coordinate) = spec.coordinate else { return Some(array.values.clone()) };
            let length = array.output.shape.last().copied().unwrap_or(1).max(1);
            return Some(array.values.iter().skip(coordinate).step_by(length).copied().collect());
        }
        let values = curves::column(planned, record, name)?;
        let Some(after) = spec.after else { return Some(values) };
        let iterations = curves::column(planned, record, "iteration")?;
        let kept = iterations.iter().zip(values).filter(|(iteration, _)| **iteration > after);
        Some(kept.map(|(_, value)| value).collect())
    };
    let runs = group.runs.iter().filter_map(|(planned, record)| run(planned, record));
    let finite = runs.map(|values| values.into_iter().filter(|v| v.is_finite()).collect());
    finite.filter(|values: &Vec<f64>| !values.is_empty()).collect()
}

/// Limits of the bins: 5 to 80 of them, from the smallest to the largest value.
fn edges(sorted: &[f64]) -> Option<Vec<f64>> {
    let (low, high) = (*sorted.first()?, *sorted.last()?);
    if high <= low {
        return None;
    }
    let width = bin_width(sorted).unwrap_or((high - low) / 10.0);
    let count = ((high - low) / width).ceil().clamp(5.0, 80.0);
    Some((0..=count as usize).map(|i| low + (high - low) * i as f64 / count).collect())
}

/// Parts of the values that count as independent: the runs where there are enough, else equal
/// blocks of them in time order.
fn batches(runs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    if runs.len() >= RUNS {
        return runs.to_vec();
    }
    let each = BATCHES.div_ceil(runs.len().max(1));
    let cut = |run: &Vec<f64>| -> Vec<Vec<f64>> {
        let size = (run.len() / each).max(1);
        run.chunks(size).take(each).map(<[f64]>::to_vec).collect()
    };
    runs.iter().flat_map(cut).collect()
}

/// Density per bin of all values, and pointwise intervals from the batches around it.
fn heights(edges: &[f64], batches: &[Vec<f64>], count: usize) -> (Vec<f64>, (Vec<f64>, Vec<f64>)) {
    let bins = edges.len() - 1;
    let width = (edges[bins] - edges[0]) / bins as f64;
    let bin = |value: f64| (((value - edges[0]) / width) as usize).min(bins - 1);
    let mut heights = vec![0.0; bins];
    let mut squares = vec![0.0; bins];
    let weight = 1.0 / (count as f64 * width);
    let mut shares: Vec<Vec<f64>> = Vec::with_capacity(batches.len());
    for batch in batches {
        let mut share = vec![0.0; bins];
        for &value in batch {
            heights[bin(value)] += weight;
            share[bin(value)] += 1.0 / (batch.len() as f64 * width);
        }
        shares.push(share);
    }
    let n = batches.len() as f64;
    if batches.len() < 2 {
        return (heights, (Vec::new(), Vec::new()));
    }
    for (i, square) in squares.iter_mut().enumerate() {
        let mean = shares.iter().map(|share| share[i]).sum::<f64>() / n;
        *square = shares.iter().map(|share| (share[i] - mean).powi(2)).sum::<f64>();
    }
    let q = student_quantile(1.0 - 0.5 * ALPHA, n - 1.0);
    let half = |i: usize| q * (squares[i] / (n * (n - 1.0))).sqrt();
    let low = (0..bins).map(|i| (heights[i] - half(i)).max(0.0)).collect();
    let high = (0..bins).map(|i| heights[i] + half(i)).collect();
    (heights, (low, high))
}

/// Largest distance of the distribution functions, and its standard error from the batches there.
fn distance(sorted: &[f64], batches: &[Vec<f64>], law: &Law) -> (f64, f64) {
    let n = sorted.len() as f64;
    let (mut most, mut at) = (0.0_f64, sorted[0]);
    for (i, &x) in sorted.iter().enumerate() {
        let below = (law.below)(x);
        let gap = (below - i as f64 / n).abs().max(((i + 1) as f64 / n - below).abs());
        if gap > most {
            (most, at) = (gap, x);
        }
    }
    let share =
        |batch: &Vec<f64>| batch.iter().filter(|x| **x <= at).count() as f64 / batch.len() as f64;
    let shares: Vec<f64> = batches.iter().map(share).collect();
    let count = shares.len() as f64;
    let mean = shares.iter().sum::<f64>() / count;
    let square = shares.iter().map(|s| (s - mean).powi(2)).sum::<f64>();
    (most, (square / (count * (count - 1.0))).sqrt())
}

/// A law that is known at rising places: linear between them, nothing beyond.
fn tabulated([places, densities, below]: [Vec<f64>; 3]) -> Law {
    let at = |places: &[f64], values: &[f64], x: f64, beyond: f64| {
        let next = places.partition_point(|place| *place < x);
        if next == 0 || next == places.len() {
            return if next == 0 { 0.0 } else { beyond };
        }
        let share = (x - places[next - 1]) / (places[next] - places[next - 1]);
        values[next - 1] + share * (values[next] - values[next - 1])
    };
    let axis = places.clone();
    Law {
        density: Box::new(move |x| at(&axis, &densities, x, 0.0)),
        below: Box::new(move |x| at(&places, &below, x, 1.0)),
    }
}

fn law(theory: &Theory) -> Result<Law, String> {
    fn of<D>(law: D) -> Law
    where
        D: Continuous<f64, f64> + ContinuousCDF<f64, f64> + Clone + 'static,
    {
        let other = law.clone();
        Law { density: Box::new(move |x| law.pdf(x)), below: Box::new(move |x| other.cdf(x)) }
    }
    match *theory {
        Theory::Table { .. } => Err("a table is read from the rows of its probe".to_owned()),
        Theory::Normal { mean, deviation } => {
            Normal::new(mean, deviation).map(of).map_err(|error| error.to_string())
        }
        Theory::Exponential { rate } => Exp::new(rate).map(of).map_err(|error| error.to_string()),
        Theory::Uniform { from, to } => {
            Uniform::new(from, to).map(of).map_err(|error| error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heights_integrate_to_one_and_their_bands_hold_them() {
        let values: Vec<f64> = (0..400).map(|i| (f64::from(i) * 0.618).fract().powi(2)).collect();
        let runs: Vec<Vec<f64>> = values.chunks(40).map(<[f64]>::to_vec).collect();
        let mut sorted = values;
        sorted.sort_by(f64::total_cmp);
        let edges = edges(&sorted).unwrap();
        let (heights, (low, high)) = heights(&edges, &batches(&runs), sorted.len());
        let width = edges[1] - edges[0];
        assert!((heights.iter().sum::<f64>() * width - 1.0).abs() < 1e-12);
        for i in 0..heights.len() {
            assert!(low[i] <= heights[i] && heights[i] <= high[i]);
        }
    }

    #[test]
    fn the_distance_of_even_values_from_the_uniform_law_is_half_a_step() {
        let sorted: Vec<f64> = (0..10).map(|i| (f64::from(i) + 0.5) / 10.0).collect();
        let law = law(&Theory::Uniform { from: 0.0, to: 1.0 }).unwrap();
        let (found, _) = distance(&sorted, &[sorted[..5].to_vec(), sorted[5..].to_vec()], &law);
        assert!((found - 0.05).abs() < 1e-12, "{found}");
    }

    #[test]
    fn few_runs_are_cut_into_blocks_and_many_are_their_own_batches() {
        assert_eq!(batches(&vec![vec![0.0; 100]; 2]).len(), 20);
        assert_eq!(batches(&vec![vec![0.0; 7]; 9]).len(), 9);
    }
}
