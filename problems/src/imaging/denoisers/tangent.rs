//! The derivative of a network.

use super::network::Network;
use crate::numerics::Convolution3x3;
#[cfg(doc)]
use crate::{Denoise, imaging::Imaging};

/// The derivative `J` of a network denoiser at a point, of which norms are certificates: products with
/// `J` and with its transpose by the chain rule, exact but for rounding in single precision. Where a
/// unit is neither on nor off it counts as off.
///
/// Made by [`Imaging::denoiser_tangent`]. Holds a byte a pixel, layer and channel, and the weights
/// twice. Scale and range of the denoiser do not change `J`.
#[derive(Clone, Debug)]
pub struct Tangent {
    /// The network, without biases.
    network: Network,
    adjoints: Vec<Convolution3x3>,
    /// Which units of every layer but the last are on, channel after channel.
    on: Vec<Vec<bool>>,
    room: Vec<f32>,
}

impl Tangent {
    pub(super) fn new(network: &Network, v: &[f64], strength: f64) -> Self {
        let mut on = Vec::new();
        let mut room = vec![0.0; network.room()];
        network.layerwise(v, strength, &mut room, |i, output| {
            if i + 1 < network.layers().len() {
                on.push(output.iter().map(|y| *y > 0.0).collect());
            }
        });
        let adjoints = network.layers().iter().map(Convolution3x3::adjoint).collect();
        Self { network: network.linear(), adjoints, on, room }
    }

    /// Writes `J u` into `out`. `u`, `out`: `dim`.
    pub fn apply(&mut self, u: &[f64], out: &mut [f64]) {
        let layers = self.network.layers().iter();
        let masks = self.on.iter().map(Some).chain([None]);
        noise(&self.network, layers.zip(masks), u, out, &mut self.room);
        out.iter_mut().zip(u).for_each(|(out, u)| *out = u - *out);
    }

    /// Writes `Jᵀ u` into `out`. `u`, `out`: `dim`.
    pub fn apply_transposed(&mut self, u: &[f64], out: &mut [f64]) {
        // What comes out of the adjoint of layer i passes the units of layer i - 1.
        let masks = [None].into_iter().chain(self.on.iter().map(Some)).rev();
        noise(&self.network, self.adjoints.iter().rev().zip(masks), u, out, &mut self.room);
        out.iter_mut().zip(u).for_each(|(out, u)| *out = u - *out);
    }
}

/// Writes what a chain of layers, each followed by a mask, makes of an image in its first channel.
fn noise<'a>(
    network: &Network,
    chain: impl Iterator<Item = (&'a Convolution3x3, Option<&'a Vec<bool>>)>,
    u: &[f64],
    out: &mut [f64],
    room: &mut [f32],
) {
    let size = u.len();
    let (mut from, mut to, room) = network.stacks(size, room);
    from[size..].fill(0.0);
    from.iter_mut().zip(u).for_each(|(from, u)| *from = *u as f32);
    for (layer, mask) in chain {
        let output = &mut to[..layer.outputs() * size];
        let input = &from[..layer.inputs() * size];
        layer.apply(network.shape, network.padding(), false, input, output, room);
        for (y, on) in output.iter_mut().zip(mask.into_iter().flatten()) {
            if !on {
                *y = 0.0;
            }
        }
        std::mem::swap(&mut from, &mut to);
    }
    out.iter_mut().zip(&*from).for_each(|(out, noise)| *out = f64::from(*noise));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::Padding;
    use crate::numerics::vector::dot;

    /// Three layers of pseudo-random weights, 1-4-3-1 channels.
    fn network(padding: Padding) -> Network {
        let number = |i: usize| ((i * 7919 + 104_729) % 2003) as f32 / 2003.0 - 0.5;
        let layer = |inputs: usize, outputs: usize| {
            let weights: Vec<f32> =
                (0..9 * inputs * outputs).map(|i| 0.5 * number(i + 31 * inputs)).collect();
            let bias: Vec<f32> = (0..outputs).map(|i| 0.1 * number(i + 7)).collect();
            Convolution3x3::new(inputs, outputs, &weights, Some(&bias))
        };
        Network::of_layers([6, 9], vec![layer(1, 4), layer(4, 3), layer(3, 1)], padding, 0.1)
    }

    fn point(offset: usize) -> Vec<f64> {
        (0..54).map(|i| ((i * 37 + offset) % 101) as f64 / 101.0 - 0.3).collect()
    }

    #[test]
    fn products_are_those_of_differences_and_of_the_transpose() {
        for padding in [Padding::Zero, Padding::Circular] {
            let network = network(padding);
            let (v, u, w) = (point(3), point(50), point(17));
            let mut tangent = Tangent::new(&network, &v, 0.1);
            let (mut ju, mut jw) = (vec![0.0; 54], vec![0.0; 54]);
            tangent.apply(&u, &mut ju);
            tangent.apply_transposed(&w, &mut jw);
            let (left, right) = (dot(&ju, &w), dot(&u, &jw));
            // Single precision of sums of 36 products, three times over.
            assert!((left - right).abs() <= 1e-5 * dot(&u, &u), "{left} against {right}");
            let mut room = vec![0.0; network.room()];
            let mut at = |step: f64| {
                let moved: Vec<f64> = v.iter().zip(&u).map(|(v, u)| v + step * u).collect();
                let mut x = vec![0.0; 54];
                network.denoise(&moved, 0.1, &mut x, &mut room);
                x
            };
            let (ahead, behind) = (at(1e-3), at(-1e-3));
            let error = ahead.iter().zip(&behind).zip(&ju).map(|((a, b), j)| (a - b) / 2e-3 - j);
            let error = error.map(|e| e * e).sum::<f64>().sqrt();
            // Rounding of single precision over a step of 1e-3, and a unit that switches within it.
            assert!(error <= 3e-2 * dot(&ju, &ju).sqrt(), "{error}");
        }
    }
}
