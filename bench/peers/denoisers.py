"""One call of a denoiser, side by side with scikit-image, deepinv and PyTorch, on one thread.

Total variation, isotropic, of an image of ellipses with noise: each side takes as many iterations as it
needs (deepinv with the best of four steps) to come as close to the least objective

    F(x) = |x - v|^2 / 2 + weight * sum |D x|

as ours does when its duality gap falls below a tolerance; the least is that of our answer at a gap of
1e-12 a pixel, from which the gap is taken off. scikit-image computes in double precision; deepinv is
given it, too, and single precision where that can come so close. A DnCNN of 17 layers of 64 channels:
the same random weights on both sides, single precision, answers compared first.

Sides take turns; a time is the median of the rounds. Exits with 1 if answers differ, if a peer is not
as close, or if a ratio misses its target: 3 times faster than the total variation of the peers, at most
1.5 times the time of PyTorch.
"""

import argparse
import functools
import json
import os
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path

SNR_DB = 15.0
# Iterations that a peer is given.
MOST = 4096
# Steps of deepinv's method among which the one with the fewest iterations is taken; 0.01 is its default.
STEPS = (0.01, 0.03, 0.1, 0.3)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", type=int, nargs="*", default=[256, 512], help="of the images")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each side (default 7)")
    parser.add_argument("--weight", type=float, default=0.1, help="of the variation (default 0.1)")
    parser.add_argument("--gaps", type=float, nargs="*", default=[1e-5, 1e-6], help="a pixel")
    parser.add_argument("--parts", nargs="*", default=["variation", "network"])
    return parser.parse_args()


OPTIONS = arguments()
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import skimage  # noqa: E402
import torch  # noqa: E402
from skimage.restoration import denoise_tv_chambolle  # noqa: E402

from example import Example  # noqa: E402

torch.set_num_threads(1)
torch.set_grad_enabled(False)


class Ours(Example):
    """Our denoisers: images pass through files of a folder."""

    def __init__(self, folder):
        super().__init__("denoisers")
        self.folder = folder

    def ask(self, task, **request):
        return super().ask(task, folder=self.folder, **request)

    def image(self, name, side):
        """An image as the example writes it: column after column."""
        numbers = np.fromfile(Path(self.folder) / name).reshape(side, side)
        return np.ascontiguousarray(numbers.T)


def clocked(call):
    start = time.perf_counter()
    answer = call()
    return time.perf_counter() - start, answer


def objective(x, v, weight):
    down, right = np.zeros_like(x), np.zeros_like(x)
    down[:-1] = x[1:] - x[:-1]
    right[:, :-1] = x[:, 1:] - x[:, :-1]
    return 0.5 * np.sum((x - v) ** 2) + weight * np.sum(np.hypot(down, right))


def fewest(call, close):
    """The fewest iterations, to within 5 %, after which the answer is close enough; None beyond MOST."""
    low, high = 0, 4
    while not close(call(high)):
        low, high = high, 2 * high
        if low >= MOST:
            return None
    while high - low > max(1, high // 20):
        middle = (low + high) // 2
        low, high = (low, middle) if close(call(middle)) else (middle, high)
    return high


def peers_of_variation(v, weight):
    """Name, and functions of the number of iterations: one for each way to set it up."""
    yield (
        "scikit-image",
        [lambda n: denoise_tv_chambolle(v, weight=weight, eps=0.0, max_num_iter=n)],
    )
    try:
        from deepinv.models import TVDenoiser
    except ImportError as error:
        print(f"  deepinv is not here: {error}")
        return
    for kind in (torch.float64, torch.float32):
        tensor = torch.from_numpy(v).to(kind)[None, None]

        def deepinv(n, step, tensor=tensor):
            model = TVDenoiser(verbose=False, tau=step, n_it_max=n, crit=0.0)
            return model(tensor, ths=weight).double().numpy()[0, 0]

        ways = [functools.partial(deepinv, step=step) for step in STEPS]
        yield f"deepinv {str(kind)[6:]}", ways


def variation(ours, side):
    weight, well = OPTIONS.weight, True

    def instance(gap):
        method = {"total-variation": {"tolerance": gap, "iterations": 200_000}}
        ours.ask("instance", side=side, snr_db=SNR_DB, method=method)

    instance(1e-12)
    ours.ask("denoise", strength=weight)
    v = ours.image("v", side)
    least = objective(ours.image("answer", side), v, weight) - 1e-12 * v.size
    for gap in OPTIONS.gaps:
        instance(gap)
        ours.ask("denoise", strength=weight)
        excess = objective(ours.image("answer", side), v, weight) - least
        print(
            f"  {side} x {side}, weight {weight}, gap {gap:.0e} a pixel:"
            f" ours is {excess / v.size:.1e} a pixel above the least"
        )
        for name, ways in peers_of_variation(v, weight):
            close = lambda x: objective(x, v, weight) - least <= excess  # noqa: E731
            found = [(fewest(call, close), call) for call in ways]
            found = [(iterations, call) for iterations, call in found if iterations is not None]
            if not found:
                # Rounding of single precision may lie above.
                print(f"    {name:<16} does not come so close within {MOST} iterations")
                well &= "float32" in name
                continue
            iterations, call = min(found, key=lambda pair: pair[0])
            mine, other = [], []
            for _ in range(OPTIONS.rounds):
                mine.append(ours.ask("denoise", strength=weight)["seconds"])
                other.append(clocked(lambda: call(iterations))[0])
            mine, other = statistics.median(mine), statistics.median(other)
            print(
                f"    {name:<16} {iterations:5d} iterations, {1e3 * other:8.1f} ms,"
                f" ours {1e3 * mine:7.1f} ms, ratio {other / mine:6.1f}",
                flush=True,
            )
            well &= other >= 3.0 * mine
    return well


def safetensors(path, layers, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, array in layers.items():
        start = len(data)
        data += array.astype("<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [start, len(data)],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def network(ours, side):
    generator = np.random.default_rng(0)
    channels = [1] + 16 * [64] + [1]
    layers = {}
    for i, (inputs, outputs) in enumerate(zip(channels, channels[1:])):
        shape = (outputs, inputs, 3, 3)
        scale = np.sqrt(2.0 / (9 * inputs))
        layers[f"conv{i}.weight"] = scale * generator.standard_normal(shape, dtype=np.float32)
        layers[f"conv{i}.bias"] = 0.01 * generator.standard_normal(outputs, dtype=np.float32)
    path = Path(ours.folder) / "dncnn.safetensors"
    safetensors(path, layers, {"padding": "zero", "sigma": "0.1"})
    ours.ask("instance", side=side, snr_db=SNR_DB, method={"network": {"path": str(path)}})
    v = ours.image("v", side)
    steps = []
    for i, (inputs, outputs) in enumerate(zip(channels, channels[1:])):
        step = torch.nn.Conv2d(inputs, outputs, 3, padding=1)
        step.weight.copy_(torch.from_numpy(layers[f"conv{i}.weight"]))
        step.bias.copy_(torch.from_numpy(layers[f"conv{i}.bias"]))
        steps += [step, torch.nn.ReLU(inplace=True)]
    model = torch.nn.Sequential(*steps[:-1]).eval()
    tensor = torch.from_numpy(v).float()[None, None]

    def theirs():
        return (tensor - model(tensor)).double().numpy()[0, 0]

    mine, other, x = [], [], theirs()
    for _ in range(OPTIONS.rounds):
        mine.append(ours.ask("denoise", strength=0.1)["seconds"])
        seconds, x = clocked(theirs)
        other.append(seconds)
    gap = np.abs(ours.image("answer", side) - x).max() / np.abs(x).max()
    mine, other = statistics.median(mine), statistics.median(other)
    print(
        f"  {side} x {side}, DnCNN of 17 layers: ours {1e3 * mine:7.1f} ms, PyTorch {1e3 * other:7.1f} ms,"
        f" ratio {mine / other:5.2f}, largest relative difference {gap:.1e}",
        flush=True,
    )
    # 17 sums of up to 577 products in single precision.
    return gap <= 1e-4 and mine <= 1.5 * other


def main():
    print(f"scikit-image {skimage.__version__}, torch {torch.__version__}, one thread each")
    well = True
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(folder)
        for side in OPTIONS.sides:
            if "variation" in OPTIONS.parts:
                well &= variation(ours, side)
            if "network" in OPTIONS.parts:
                well &= network(ours, side)
    print("ok" if well else "MISSED: a target above")
    sys.exit(not well)


if __name__ == "__main__":
    main()
