//! Learned denoisers of any form, as ONNX.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use tract_onnx::prelude::{
    DatumExt, Framework, InferenceModelExt, IntoRunnable, IntoTensor, Tensor, TypedRunnableModel,
    tvec,
};
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact};

use super::NetworkOutput;
use crate::{DataError, SetupError};

/// A network in an ONNX file: one input `[1, 1, rows, columns]` of single precision, one output of the
/// same shape, which is the denoised image or the noise in it.
///
/// With a noise level `σ` that it was trained at, it is scaled to others as `Network` is; without one
/// it is applied as it is, whatever the strength above 0. A call allocates. Nothing is proven of it.
#[derive(Clone)]
pub(super) struct Onnx {
    plan: Arc<TypedRunnableModel>,
    shape: [usize; 2],
    output: NetworkOutput,
    level: Option<f64>,
}

impl std::fmt::Debug for Onnx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Onnx({:?}, {:?}, level {:?})", self.shape, self.output, self.level)
    }
}

impl Onnx {
    /// Reads a file and tries the network on an image; also gives the file's SHA-256.
    pub(super) fn read(
        path: &Path,
        shape: [usize; 2],
        output: NetworkOutput,
        level: Option<f64>,
    ) -> Result<(Self, String), SetupError> {
        let error = |finding: String| DataError::new(path, finding);
        let bytes = super::file(path)?;
        let plan = plan(&bytes, shape).map_err(error)?;
        let network = Self { plan, shape, output, level };
        let trial = vec![0.5; shape[0] * shape[1]];
        let found = network.apply(&trial, 1.0).map_err(error)?;
        if let Some(value) = found.iter().find(|value| !value.is_finite()) {
            return Err(error(format!("gives {value} for an image of 0.5 everywhere")).into());
        }
        Ok((network, crate::data::sha256(&bytes)))
    }

    /// Writes the denoised image; `strength` is the noise level. NaN if the network fails where it did
    /// not on the trial.
    pub(super) fn denoise(&self, v: &[f64], strength: f64, x: &mut [f64]) {
        if strength <= 0.0 {
            x.copy_from_slice(v);
            return;
        }
        let scale = self.level.map_or(1.0, |level| level / strength);
        let Ok(found) = self.apply(v, scale) else {
            x.fill(f64::NAN);
            return;
        };
        let [rows, columns] = self.shape;
        for (i, (x, v)) in x.iter_mut().zip(v).enumerate() {
            let value = f64::from(found[i % rows * columns + i / rows]) / scale;
            *x = if self.output == NetworkOutput::Residual { v - value } else { value };
        }
    }

    /// The output for `scale` times a column-major image, row-major.
    fn apply(&self, v: &[f64], scale: f64) -> Result<Vec<f32>, String> {
        let [rows, columns] = self.shape;
        let pixel = |i: usize| (scale * v[i / columns + rows * (i % columns)]) as f32;
        let pixels: Vec<f32> = (0..rows * columns).map(pixel).collect();
        let failed = |e| format!("cannot be run: {}", brief(&e));
        let input = Tensor::from_shape(&[1, 1, rows, columns], &pixels).map_err(failed)?;
        let found = self.plan.run(tvec!(input.into_tensor().into())).map_err(failed)?;
        let shape = found[0].shape();
        if shape != [1, 1, rows, columns] {
            return Err(format!("gives {shape:?} for an image of [1, 1, {rows}, {columns}]"));
        }
        let plain = found[0].try_as_plain_ram().map_err(failed)?;
        let values = plain.as_slice::<f32>().map_err(failed)?;
        Ok(values.to_vec())
    }
}

/// The network ready for images of `rows x columns`.
fn plan(bytes: &[u8], [rows, columns]: [usize; 2]) -> Result<Arc<TypedRunnableModel>, String> {
    let unreadable =
        |e| format!("is not ONNX, or damaged, or keeps weights in other files: {}", brief(&e));
    let model = tract_onnx::onnx().model_for_read(&mut Cursor::new(bytes)).map_err(unreadable)?;
    // A file without a graph parses, too.
    let unknown = model.nodes().iter().map(|node| node.op.name());
    let mut unknown: Vec<_> = unknown
        .filter_map(|name| Some(name.strip_prefix("Unimplemented(")?.strip_suffix(')')?.to_owned()))
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        return Err(format!(
            "uses operators that are not supported: {}; export it with others, or bring its weights \
             into safetensors for `network`",
            unknown.join(", ")
        ));
    }
    let (inputs, outputs) = (model.inputs.len(), model.outputs.len());
    if (inputs, outputs) != (1, 1) {
        return Err(format!(
            "has {inputs} inputs and {outputs} outputs; a denoiser has one of each: the image"
        ));
    }
    let fact = model.input_fact(0).map_err(|e| brief(&e))?;
    let expected = format!("an image is f32 of [1, 1, {rows}, {columns}]");
    if let Some(rank) = fact.shape.rank().concretize()
        && rank != 4
    {
        return Err(format!("takes an input of rank {rank}; {expected}, rank 4"));
    }
    if let Some(kind) = fact.datum_type.concretize()
        && kind != f32::datum_type()
    {
        return Err(format!("takes numbers of type {kind:?}; {expected}"));
    }
    for (axis, (extent, expected_extent)) in
        fact.shape.dims().zip([1, 1, rows, columns]).enumerate()
    {
        if let Some(extent) = extent.concretize().and_then(|extent| extent.to_usize().ok())
            && extent != expected_extent
        {
            return Err(format!(
                "takes {extent} along axis {axis} (from 0) of its input; {expected}: export it with \
                 free axes, or for this shape"
            ));
        }
    }
    let fact = InferenceFact::dt_shape(f32::datum_type(), [1, 1, rows, columns]);
    let failed = |e| format!("cannot be prepared for images of {rows} x {columns}: {}", brief(&e));
    model
        .with_input_fact(0, fact)
        .and_then(InferenceModelExt::into_optimized)
        .and_then(IntoRunnable::into_runnable)
        .map_err(failed)
}

/// What an error says first and last, on one line.
fn brief(error: &tract_onnx::prelude::TractError) -> String {
    let line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let (first, cause) = (line(error.to_string()), line(error.root_cause().to_string()));
    if first == cause { first } else { format!("{first}: {cause}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::denoisers::network::tests::one_layer;

    /// The wire format of protocol buffers, as far as the files below need it (onnx.proto3, the fields
    /// by number).
    mod wire {
        fn varint(mut value: u64, bytes: &mut Vec<u8>) {
            while value >= 0x80 {
                bytes.push(value as u8 | 0x80);
                value >>= 7;
            }
            bytes.push(value as u8);
        }

        pub(super) fn number(field: u64, value: u64) -> Vec<u8> {
            let mut bytes = Vec::new();
            varint(field << 3, &mut bytes);
            varint(value, &mut bytes);
            bytes
        }

        pub(super) fn chunk(field: u64, content: &[u8]) -> Vec<u8> {
            let mut bytes = Vec::new();
            varint(field << 3 | 2, &mut bytes);
            varint(content.len() as u64, &mut bytes);
            bytes.extend(content);
            bytes
        }

        pub(super) fn text(field: u64, content: &str) -> Vec<u8> {
            chunk(field, content.as_bytes())
        }
    }

    use wire::{chunk, number, text};

    const FLOAT: u64 = 1;
    const DOUBLE: u64 = 11;

    /// `ValueInfoProto`: name and type; an extent of 0 is free.
    fn value(name: &str, kind: u64, extents: &[u64]) -> Vec<u8> {
        let extents = extents.iter().map(|&extent| {
            let dimension = if extent == 0 { text(2, "n") } else { number(1, extent) };
            chunk(1, &dimension)
        });
        let shape: Vec<u8> = extents.collect::<Vec<_>>().concat();
        let tensor = [number(1, kind), chunk(2, &shape)].concat();
        [text(1, name), chunk(2, &chunk(1, &tensor))].concat()
    }

    /// `TensorProto` of single precision.
    fn tensor(name: &str, extents: &[u64], values: &[f32]) -> Vec<u8> {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let extents: Vec<u8> = extents.iter().flat_map(|&extent| number(1, extent)).collect();
        [extents, number(2, FLOAT), text(8, name), chunk(9, &raw)].concat()
    }

    /// A model with one node `operator` of `x` and, if there are weights, a 3 x 3 convolution with a
    /// bias and zeros around.
    fn model(operator: &str, input: (u64, &[u64]), weights: Option<(&[f32; 9], f32)>) -> Vec<u8> {
        let mut node = [text(1, "x"), text(2, "y"), text(4, operator)].concat();
        let mut graph = Vec::new();
        if let Some((weights, bias)) = weights {
            let pads: Vec<u8> = [1; 4].into_iter().flat_map(|pad| number(8, pad)).collect();
            // An attribute that lists integers has type 7.
            let pads = [text(1, "pads"), pads, number(20, 7)].concat();
            node = [text(1, "x"), text(1, "w"), text(1, "b"), text(2, "y"), text(4, operator)]
                .concat();
            node.extend(chunk(5, &pads));
            graph.extend(chunk(5, &tensor("w", &[1, 1, 3, 3], weights)));
            graph.extend(chunk(5, &tensor("b", &[1], &[bias])));
        }
        graph = [
            chunk(1, &node),
            text(2, "denoiser"),
            graph,
            chunk(11, &value("x", input.0, input.1)),
            chunk(12, &value("y", input.0, &[])),
        ]
        .concat();
        // The default operator set, version 13; version 7 of the format.
        [number(1, 7), chunk(7, &graph), chunk(8, &number(2, 13))].concat()
    }

    const WEIGHTS: [f32; 9] = [0.0, 0.1, 0.0, -0.2, 0.0, 0.25, 0.0, 0.0, 0.05];

    fn read(bytes: &[u8], shape: [usize; 2]) -> Result<Onnx, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.onnx");
        std::fs::write(&path, bytes).unwrap();
        let read = Onnx::read(&path, shape, NetworkOutput::Residual, Some(0.1));
        read.map(|(network, _)| network).map_err(|error| error.to_string())
    }

    #[test]
    fn the_same_weights_give_what_the_network_of_safetensors_gives() {
        let shape @ [rows, columns] = [5, 7];
        let extents: [&[u64]; 2] = [&[1, 1, 5, 7], &[0, 1, 0, 0]];
        let other = one_layer(&WEIGHTS, 0.01, 25.5, shape);
        let v: Vec<f64> =
            (0..rows * columns).map(|i| f64::from(i as u32 * 37 % 11) / 11.0).collect();
        for extents in extents {
            let bytes = model("Conv", (FLOAT, extents), Some((&WEIGHTS, 0.01)));
            let network = read(&bytes, shape).unwrap();
            for strength in [0.0, 0.1, 0.3] {
                let (mut x, mut expected) = (vec![f64::NAN; v.len()], vec![f64::NAN; v.len()]);
                network.denoise(&v, strength, &mut x);
                other.denoise(&v, strength, &mut expected, &mut vec![0.0; other.room()]);
                for (x, expected) in x.iter().zip(&expected) {
                    // Nine products of single precision, scaled back by at most 3.
                    assert!((x - expected).abs() <= 3.0 * 10.0 * 6e-8, "{x} {expected}");
                }
            }
        }
    }

    #[test]
    fn an_image_is_taken_as_it_is_and_unscaled_without_a_level() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.onnx");
        std::fs::write(&path, model("Relu", (FLOAT, &[1, 1, 0, 0]), None)).unwrap();
        let (network, _) = Onnx::read(&path, [2, 2], NetworkOutput::Image, None).unwrap();
        let mut x = [f64::NAN; 4];
        network.denoise(&[1.0, -2.0, 0.5, -0.25], 0.7, &mut x);
        assert!(x.iter().zip([1.0, 0.0, 0.5, 0.0]).all(|(x, y)| (x - y).abs() <= 0.0), "{x:?}");
    }

    #[test]
    fn what_does_not_fit_is_named_with_the_file() {
        let good = model("Relu", (FLOAT, &[1, 1, 0, 0]), None);
        for (bytes, words) in [
            (
                model("Relu", (FLOAT, &[1, 8, 8]), None),
                "input of rank 3; an image is f32 of [1, 1, 8",
            ),
            (model("Relu", (DOUBLE, &[1, 1, 8, 8]), None), "takes numbers of type F64"),
            (model("Relu", (FLOAT, &[1, 3, 8, 8]), None), "takes 3 along axis 1 (from 0)"),
            (model("Relu", (FLOAT, &[1, 1, 8, 9]), None), "takes 9 along axis 3 (from 0)"),
            (model("Frobnicate", (FLOAT, &[1, 1, 8, 8]), None), "not supported: Frobnicate"),
            (model("GlobalAveragePool", (FLOAT, &[1, 1, 8, 8]), None), "gives [1, 1, 1, 1] for an"),
            (b"PK\x03\x04".to_vec(), "is not ONNX"),
            (good[..good.len() / 2].to_vec(), "is not ONNX"),
        ] {
            let message = read(&bytes, [8, 8]).unwrap_err();
            assert!(message.contains(words) && message.contains("a.onnx"), "{words}: {message}");
        }
    }
}
