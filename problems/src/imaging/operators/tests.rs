//! What every operator promises.

use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::Seed;
use crate::numerics::vector::{axpy, dot, norm};

fn random(n: usize, label: &str, i: u64) -> Vec<f64> {
    let mut rng = Seed::root(6).child(label).index(i).rng();
    (0..n).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// Every operator at sizes that are neither square nor powers of two.
fn all() -> Vec<Box<dyn Operator>> {
    let (shape, seed) = ([6, 11], Seed::root(1));
    let density = VariableDensity { ratio: 0.4, power: 2.0, center: 1.0 };
    let mut list: Vec<Box<dyn Operator>> = vec![
        Box::new(gaussian(66, 41, 3, seed)),
        Box::new(TiledGaussian::new(shape, 4, 0.6, seed)),
        Box::new(RandomCosine::new(66, 40, 3, seed)),
        Box::new(Tomography::new(shape, 7, 3, None)),
        Box::new(Tomography::new([9, 4], 5, 2, Some(6))),
        Box::new(blur(shape, 2, &[Kernel::Motion { length: 3.0, degrees: 40.0 }]).unwrap()),
    ];
    for unknown in [Unknown::Real, Unknown::Complex] {
        for mask in [Mask::Radial(5), Mask::VariableDensity(density)] {
            let places = mask.places(shape, 3, seed).unwrap();
            list.push(Box::new(FourierSamples::new(shape, places, unknown)));
        }
        for codes in &[Codes::Uniform, Codes::Signs] {
            list.push(Box::new(CodedDiffraction::new(shape, 3, codes, unknown, seed).unwrap()));
        }
    }
    for (absorption, depths) in [(false, vec![0.0]), (true, vec![-1.0, 2.0])] {
        let choice =
            IntensityDiffractionChoice { pixel: 0.3, absorption, depths, ..Default::default() };
        list.push(Box::new(choice.build(shape, 4).unwrap()));
        let mut turned = choice.build(shape, 4).unwrap();
        turned.turn_unitarily(&mut Measurements::zeros([66; 4]));
        list.push(Box::new(turned));
    }
    list
}

fn numbers(operator: &dyn Operator, block: usize) -> usize {
    operator.entries(block) * if operator.complex() { 2 } else { 1 }
}

#[test]
fn adjoints_are_adjoint_and_add() {
    for operator in all() {
        let mut room = operator.room();
        for block in 0..operator.blocks() {
            for i in 0..20 {
                let x = random(operator.dim(), "x", i);
                let y = random(numbers(&*operator, block), "y", i);
                let mut image = vec![0.0; y.len()];
                operator.forward(block, &x, &mut image, &mut room);
                let start = random(x.len(), "start", i);
                let mut back = start.clone();
                operator.adjoint(block, -2.5, &y, &mut back, &mut room);
                axpy(-1.0, &start, &mut back);
                let gap = dot(&image, &y) + dot(&x, &back) / 2.5;
                // Of turned measurements, which mirror each other, random ones are far from the range,
                // so that sizes are those of the factors.
                let size = norm(&image) * norm(&y) + norm(&x) * norm(&back);
                assert!(gap.abs() <= 1e-12 * size, "{operator:?}: {gap} of {size}");
            }
        }
    }
}

#[test]
fn norms_are_above_those_of_the_dense_matrices() {
    for operator in all() {
        let mut room = operator.room();
        for block in 0..operator.blocks() {
            let m = numbers(&*operator, block);
            let mut dense = faer::Mat::<f64>::zeros(m, operator.dim());
            for j in 0..operator.dim() {
                let mut unit = vec![0.0; operator.dim()];
                unit[j] = 1.0;
                let mut y = vec![0.0; m];
                operator.forward(block, &unit, &mut y, &mut room);
                y.iter().enumerate().for_each(|(i, y)| dense[(i, j)] = *y);
            }
            let largest = dense.singular_values().unwrap()[0].powi(2);
            let bound = operator.norm_squared(block);
            assert!(bound >= largest * (1.0 - 1e-12), "{operator:?}: {bound} below {largest}");
        }
    }
}

#[test]
fn tight_blocks_are_multiples_of_isometries() {
    let mut seen = 0;
    for operator in all() {
        let terms: Vec<Vec<u32>> =
            vec![vec![0], vec![1, 0], (0..operator.blocks() as u32).collect()];
        for terms in terms.iter().filter(|terms| terms.len() <= operator.blocks()) {
            let Some(c) = operator.tight(terms) else { continue };
            seen += 1;
            let mut room = operator.room();
            let y: Vec<Vec<f64>> = terms
                .iter()
                .map(|&t| random(numbers(&*operator, t as usize), "y", t.into()))
                .collect();
            let mut x = vec![0.0; operator.dim()];
            for (&t, y) in terms.iter().zip(&y) {
                operator.adjoint(t as usize, 1.0, y, &mut x, &mut room);
            }
            for (&t, y) in terms.iter().zip(&y) {
                let mut image = vec![0.0; y.len()];
                operator.forward(t as usize, &x, &mut image, &mut room);
                axpy(-c, y, &mut image);
                assert!(norm(&image) <= 1e-12 * norm(y), "{operator:?} {terms:?}");
            }
        }
    }
    // Random cosine and complex samples with all three batches, complex patterns with one each.
    assert_eq!(seen, 3 + 2 * 3 + 2);
}

#[test]
fn closed_least_squares_solve_their_normal_equations() {
    let mut seen = 0;
    for operator in all() {
        if !operator.solves_least_squares() {
            continue;
        }
        seen += 1;
        let blocks = operator.blocks();
        let mut data = Measurements::zeros((0..blocks).map(|block| numbers(&*operator, block)));
        let y = random(data.values().len(), "data", 0);
        data.values_mut().copy_from_slice(&y);
        let v = random(operator.dim(), "v", 0);
        let mut room = operator.room();
        for terms in [vec![0], vec![2, 0], (0..blocks as u32).collect::<Vec<u32>>()] {
            for weight in [0.01, 1.0, 30.0] {
                let mut x = vec![0.0; v.len()];
                operator.least_squares(&terms, weight, &data, &v, &mut x, &mut room);
                // x - v + w Σ A'(A x - y) = 0.
                let mut residual = x.clone();
                axpy(-1.0, &v, &mut residual);
                for &t in &terms {
                    let block = t as usize;
                    let mut y = vec![0.0; numbers(&*operator, block)];
                    operator.forward(block, &x, &mut y, &mut room);
                    axpy(-1.0, data.block(block), &mut y);
                    operator.adjoint(block, weight, &y, &mut residual, &mut room);
                }
                let room = 1e-12 * weight.max(1.0) * norm(&y);
                assert!(norm(&residual) <= room, "{operator:?}: {}", norm(&residual));
            }
        }
    }
    // Fourier samples and coded patterns of both kinds, turned convolutions.
    assert_eq!(seen, 4 + 4 + 2);
}

#[test]
fn the_real_part_of_the_complex_map_is_not_that_of_a_real_image() {
    // C28 of the specification: a mask that is not its own mirror image.
    let shape = [8, 8];
    let density = Mask::VariableDensity(VariableDensity { ratio: 0.4, power: 2.0, center: 0.0 });
    let places = density.places(shape, 1, Seed::root(2)).unwrap();
    let real = FourierSamples::new(shape, places.clone(), Unknown::Real);
    let complex = FourierSamples::new(shape, places, Unknown::Complex);
    let (mut room, v) = (real.room(), random(64, "v", 0));
    let mut data = Measurements::zeros([numbers(&real, 0)]);
    let y = random(data.values().len(), "data", 0);
    data.values_mut().copy_from_slice(&y);
    let residual = |x: &[f64], room: &mut Room| {
        let mut residual = x.to_vec();
        axpy(-1.0, &v, &mut residual);
        let mut image = vec![0.0; y.len()];
        real.forward(0, x, &mut image, room);
        axpy(-1.0, &y, &mut image);
        real.adjoint(0, 5.0, &image, &mut residual, room);
        norm(&residual)
    };
    let mut x = vec![0.0; 64];
    real.least_squares(&[0], 5.0, &data, &v, &mut x, &mut room);
    assert!(residual(&x, &mut room) <= 1e-12 * norm(&y));
    let both = [v.clone(), vec![0.0; 64]].concat();
    let mut naive = vec![0.0; 128];
    complex.least_squares(&[0], 5.0, &data, &both, &mut naive, &mut room);
    assert!(residual(&naive[..64], &mut room) > 1e-3 * norm(&y));
}
