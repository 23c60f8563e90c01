//! Learned denoisers.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use crate::numerics::{Convolution3x3, Padding};
use crate::{DataError, SetupError};

/// A network of 3 x 3 convolutions with positive parts between them that gives the noise of an image:
/// `D(v) = v - r(v)`, the form of `DnCNN` (Zhang, Zuo, Chen, Meng, Zhang, IEEE Trans. Image Process. 26,
/// 2017) with its normalisations folded into the convolutions.
///
/// Single precision inside. A network of one input channel was trained at one noise level `σ`; at
/// another it is scaled, `D_s(v) = D(μ v)/μ` with `μ = σ/s`, which keeps its Lipschitz constants (Xu, Liu,
/// Sun, Wohlberg, Kamilov, IEEE Signal Process. Lett. 27, 2020). One of two channels is told the level
/// in the second. Nothing is proven of it.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) shape: [usize; 2],
    layers: Vec<Convolution3x3>,
    padding: Padding,
    /// The noise level it was trained at; `None`: it is told.
    pub(super) level: Option<f64>,
}

impl Network {
    /// Reads a file of safetensors: tensors `conv0.weight`, `conv0.bias`, `conv1.weight`, ... of shapes
    /// `[outputs, inputs, 3, 3]` and `[outputs]`, little-endian `F32`, a missing bias is zero; metadata
    /// `padding` (`zero` or `circular`), and `sigma_255` or `sigma`, the noise level on the scale of 255
    /// or of 1.
    pub(super) fn read(path: &Path, shape: [usize; 2]) -> Result<(Self, String), SetupError> {
        let bytes = super::file(path)?;
        let network =
            Self::parse(&bytes, shape).map_err(|finding| DataError::new(path, finding))?;
        Ok((network, crate::data::sha256(&bytes)))
    }

    fn parse(bytes: &[u8], shape: [usize; 2]) -> Result<Self, String> {
        let broken = |e| format!("is not safetensors, or damaged: {e}");
        let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let about =
            |key: &str| header.metadata().as_ref().and_then(|about| about.get(key)).cloned();
        let padding = match about("padding").as_deref() {
            Some("zero") => Padding::Zero,
            Some("circular") => Padding::Circular,
            found => {
                let found = found.unwrap_or("none");
                return Err(format!("has padding `{found}` in its metadata, not zero or circular"));
            }
        };
        let mut layers: Vec<Convolution3x3> = Vec::new();
        loop {
            let name = format!("conv{}.weight", layers.len());
            let Ok(weight) = tensors.tensor(&name) else { break };
            let &[outputs, inputs, 3, 3] = weight.shape() else {
                return Err(format!(
                    "`{name}` has shape {:?}, not [outputs, inputs, 3, 3]",
                    weight.shape()
                ));
            };
            let given = layers.last().map_or(inputs, Convolution3x3::outputs);
            if inputs != given || inputs == 0 || outputs == 0 {
                return Err(format!(
                    "`{name}` takes {inputs} channels, the layer before gives {given}"
                ));
            }
            let weights = floats(&name, &weight)?;
            let name = format!("conv{}.bias", layers.len());
            let bias = match tensors.tensor(&name) {
                Ok(bias) if bias.shape() == [outputs] => Some(floats(&name, &bias)?),
                Ok(bias) => {
                    return Err(format!("`{name}` has shape {:?}, not [{outputs}]", bias.shape()));
                }
                Err(_) => None,
            };
            layers.push(Convolution3x3::new(inputs, outputs, &weights, bias.as_deref()));
        }
        let ends = layers.first().zip(layers.last());
        let ends = ends.map(|(first, last)| (first.inputs(), last.outputs()));
        let number = |key: &str| about(key).and_then(|text| text.parse::<f64>().ok());
        let level = number("sigma_255").map(|sigma| sigma / 255.0).or_else(|| number("sigma"));
        let level = match ends {
            Some((1, _)) => match level {
                Some(level) if level > 0.0 && level.is_finite() => Some(level),
                _ => {
                    return Err("has no noise level in its metadata, `sigma_255` or `sigma`".into());
                }
            },
            Some((2, _)) => None,
            Some((inputs, _)) => {
                return Err(format!(
                    "takes {inputs} channels: an image, and perhaps its noise level"
                ));
            }
            None => return Err("holds no tensor `conv0.weight`".into()),
        };
        Ok(Self { shape, layers, padding, level })
    }

    /// A network of these layers, for tests.
    #[cfg(test)]
    pub(super) fn of_layers(
        shape: [usize; 2],
        layers: Vec<Convolution3x3>,
        padding: Padding,
        level: f64,
    ) -> Self {
        Self { shape, layers, padding, level: Some(level) }
    }

    fn widest(&self) -> usize {
        let channels = self.layers.iter().map(|layer| layer.inputs().max(layer.outputs()));
        channels.max().unwrap_or(0)
    }

    /// Numbers of the scratch: two stacks of the widest layer, and an unfolded band.
    pub(super) fn room(&self) -> usize {
        let [rows, columns] = self.shape;
        // The adjoint of a layer takes the band of its outputs.
        let band = Convolution3x3::room_of(self.widest(), rows);
        2 * self.widest() * rows * columns + band
    }

    /// Writes the denoised image; `strength` is the noise level.
    pub(super) fn denoise(&self, v: &[f64], strength: f64, x: &mut [f64], room: &mut [f32]) {
        if strength <= 0.0 {
            x.copy_from_slice(v);
            return;
        }
        let scale = self.scale(strength);
        let last = self.layers.len() - 1;
        self.layerwise(v, strength, room, |i, output| {
            if i == last {
                for ((x, v), noise) in x.iter_mut().zip(v).zip(output) {
                    *x = v - f64::from(*noise) / scale;
                }
            }
        });
    }

    /// What the image is multiplied with before the layers.
    fn scale(&self, strength: f64) -> f64 {
        self.level.map_or(1.0, |level| level / strength)
    }

    /// Runs the layers on `v` and shows the output of each.
    pub(super) fn layerwise(
        &self,
        v: &[f64],
        strength: f64,
        room: &mut [f32],
        mut see: impl FnMut(usize, &[f32]),
    ) {
        let (size, scale) = (v.len(), self.scale(strength));
        let (mut from, mut to, room) = self.stacks(size, room);
        from.iter_mut().zip(v).for_each(|(input, v)| *input = (scale * v) as f32);
        if self.level.is_none() {
            from[size..2 * size].fill(strength as f32);
        }
        for (i, layer) in self.layers.iter().enumerate() {
            let (input, output) =
                (&from[..layer.inputs() * size], &mut to[..layer.outputs() * size]);
            let positive = i + 1 < self.layers.len();
            layer.apply(self.shape, self.padding, positive, input, output, room);
            see(i, output);
            std::mem::swap(&mut from, &mut to);
        }
    }

    /// The two stacks of the scratch, and its band.
    pub(super) fn stacks<'r>(
        &self,
        size: usize,
        room: &'r mut [f32],
    ) -> (&'r mut [f32], &'r mut [f32], &'r mut [f32]) {
        let (from, rest) = room.split_at_mut(self.widest() * size);
        let (to, room) = rest.split_at_mut(self.widest() * size);
        (from, to, room)
    }

    pub(super) fn layers(&self) -> &[Convolution3x3] {
        &self.layers
    }

    pub(super) fn padding(&self) -> Padding {
        self.padding
    }

    /// The network without its biases.
    pub(super) fn linear(&self) -> Self {
        Self { layers: self.layers.iter().map(Convolution3x3::linear).collect(), ..self.clone() }
    }
}

fn floats(name: &str, tensor: &safetensors::tensor::TensorView<'_>) -> Result<Vec<f32>, String> {
    if tensor.dtype() != Dtype::F32 {
        return Err(format!("`{name}` holds {:?}; F32 is read", tensor.dtype()));
    }
    let numbers = tensor.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
    let numbers: Vec<f32> = numbers.collect();
    match numbers.iter().position(|x| !x.is_finite()) {
        None => Ok(numbers),
        Some(i) => Err(format!("`{name}` holds {} at {i} (from 0)", numbers[i])),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::data::Folders;

    /// A file with these tensors, metadata as JSON.
    fn file(metadata: &str, tensors: &[(&str, &str, &[f32])]) -> Vec<u8> {
        let (mut header, mut data) = (format!("{{\"__metadata__\":{metadata}"), Vec::new());
        for (name, shape, values) in tensors {
            let start = data.len();
            data.extend(values.iter().flat_map(|v| v.to_le_bytes()));
            header += &format!(
                ",\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[{start},{}]}}",
                data.len()
            );
        }
        header.push('}');
        while header.len() % 8 != 0 {
            header.push(' ');
        }
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    /// A network of one layer that was trained at a noise level, on the scale of 255.
    pub(in super::super) fn one_layer(
        weights: &[f32; 9],
        bias: f32,
        level: f64,
        shape: [usize; 2],
    ) -> Network {
        let about = format!(r#"{{"padding":"zero","sigma_255":"{level}"}}"#);
        let bias = [bias];
        let tensors: [(&str, &str, &[f32]); 2] =
            [("conv0.weight", "[1,1,3,3]", weights), ("conv0.bias", "[1]", &bias)];
        Network::parse(&file(&about, &tensors), shape).unwrap()
    }

    const ABOUT: &str = r#"{"padding":"zero","sigma_255":"25.5"}"#;

    #[test]
    fn a_network_of_one_layer_subtracts_its_output_at_any_scale() {
        // r(v) = 0.25 v(r, c + 1) + 0.01.
        let weights = [0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0];
        let tensors: [(&str, &str, &[f32]); 2] =
            [("conv0.weight", "[1,1,3,3]", &weights), ("conv0.bias", "[1]", &[0.01])];
        let network = Network::parse(&file(ABOUT, &tensors), [2, 3]).unwrap();
        let v = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
        for (strength, bias) in [(0.1, 0.01), (0.2, 0.02)] {
            let mut x = [0.0; 6];
            network.denoise(&v, strength, &mut x, &mut vec![0.0; network.room()]);
            for i in 0..6 {
                let right = v.get(i + 2).copied().unwrap_or(0.0);
                assert!((x[i] - (v[i] - 0.25 * right - bias)).abs() <= 1e-7, "{strength} {i}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        type Tensors<'a> = Vec<(&'a str, &'a str, &'a [f32])>;
        fn weight(values: &[f32]) -> (&str, &str, &[f32]) {
            ("conv0.weight", "[1,1,3,3]", values)
        }
        let (one, two) = ([0.0; 9], [0.0; 18]);
        let nan = [f32::NAN; 9];
        let cases: [(&str, Tensors<'_>, &str); 7] = [
            (ABOUT, vec![], "holds no tensor `conv0.weight`"),
            (r#"{"padding":"same"}"#, vec![weight(&one)], "has padding `same`"),
            (r#"{"padding":"zero"}"#, vec![weight(&one)], "has no noise level"),
            (ABOUT, vec![("conv0.weight", "[1,9]", &one)], "not [outputs, inputs, 3, 3]"),
            (ABOUT, vec![weight(&one), ("conv0.bias", "[2]", &two[..2])], "not [1]"),
            (
                ABOUT,
                vec![weight(&one), ("conv1.weight", "[1,2,3,3]", &two)],
                "takes 2 channels, the layer before gives 1",
            ),
            (ABOUT, vec![weight(&nan)], "holds NaN at 0"),
        ];
        for (about, tensors, words) in cases {
            let message = Network::parse(&file(about, &tensors), [4, 4]).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
        assert!(Network::parse(b"PK\x03\x04", [4, 4]).unwrap_err().contains("is not safetensors"));
    }

    /// Sum, norm, and entries (0, 0), (7, 7), (15, 3) of the denoised `((7i + 3j) mod 16)/15`, 16 x 16,
    /// computed with the frameworks that the weights come from.
    const GOLDEN: [(&str, [f64; 5]); 12] = [
        ("async_red_dncnnstar_s5", [128.06638, 9.350_424, 0.006_052, 0.398_337, 0.145_880]),
        (
            "bcred_dncnnstar_residual_lc2_s10",
            [128.75043, 8.882_689, 0.063_173, 0.472_304, 0.227_755],
        ),
        (
            "bcred_dncnnstar_residual_lc2_s5",
            [128.39389, 9.311_357, 0.014_856, 0.436_307, 0.151_640],
        ),
        ("kair_dncnn17_s25", [128.83893, 9.037_974, 0.111_585, 0.373_269, 0.213_217]),
        ("realsn_simplecnn_s15", [128.06247, 8.368_860, 0.073_256, 0.493_102, 0.346_609]),
        ("realsn_simplecnn_s40", [127.08601, 7.991_585, 0.198_283, 0.508_244, 0.449_656]),
        ("scico_dncnn6H", [128.50958, 8.044_140, 0.453_892, 0.494_837, 0.502_110]),
        ("scico_dncnn6L", [126.79613, 8.933_078, 0.100_847, 0.480_451, 0.208_566]),
        ("scico_dncnn6N", [130.02896, 9.166_072, 0.097_638, 0.432_104, 0.215_875]),
        ("simplecnn_s15", [126.47478, 7.941_227, 0.367_302, 0.483_511, 0.458_226]),
        ("simplecnn_s40", [126.83604, 7.931_578, 0.411_380, 0.499_975, 0.478_442]),
        ("simplecnn_s5", [131.39606, 8.376_617, 0.136_529, 0.500_750, 0.293_689]),
    ];

    #[test]
    fn public_networks_give_their_golden_numbers() {
        // The weights are not part of the project; those that are on this machine are looked at.
        let folders = Folders::from_environment();
        for (name, [sum, norm, first, middle, last]) in GOLDEN {
            let file = format!("denoisers/{name}.safetensors");
            let Some(path) = folders.find(&file) else { continue };
            let (network, _) = Network::read(&path, [16, 16]).unwrap();
            let v: Vec<f64> =
                (0..256).map(|i| f64::from((7 * (i % 16) + 3 * (i / 16)) % 16) / 15.0).collect();
            let strength = network.level.unwrap_or(0.1);
            let mut x = vec![0.0; 256];
            network.denoise(&v, strength, &mut x, &mut vec![0.0; network.room()]);
            let length = x.iter().map(|x| x * x).sum::<f64>().sqrt();
            // 2e-4 an entry, as the numbers were published with the weights.
            for (found, expected, room) in [
                (x[0], first, 2e-4),
                (x[7 + 16 * 7], middle, 2e-4),
                (x[15 + 16 * 3], last, 2e-4),
                (length, norm, 2e-4 * 16.0),
                (x.iter().sum(), sum, 2e-4 * 256.0),
            ] {
                assert!((found - expected).abs() <= room, "{name}: {found} against {expected}");
            }
        }
    }
}
