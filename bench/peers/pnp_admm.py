"""One run of PnP-ADMM, side by side with deepinv.

A blurred, noisy image (periodic boundary), least squares by the transform, one block, and two denoisers:
total variation, and a network of 3 x 3 convolutions where its weights are found (`--network`, a file of
safetensors as the suite reads them). Both sides get the same measurements, kernel, penalty, strength, start
and number of steps, and run on one thread. Set-up is inside the time, reading files is not.

Total variation ends by a tolerance on both sides, each its own: every side takes the loosest of a ladder
with which its last image is within 1e-4, relative, of that of a run of ours to 1e-12. deepinv starts its
denoiser from its last answer, ours starts it anew. The network has no tolerance; the images of both sides
are compared.

deepinv computes in single precision, its default, ours in double and the network in single. Times are the
best of the repeats, which take turns. Exits with 1 if images differ, or if ours is not at least twice as
fast with total variation.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

# The penalty, the weight of total variation beside the data term, the noise level of the network.
PENALTY, WEIGHT, NOISE = 20.0, 5e-4, 15.0 / 255.0
ACCURACY = 1e-4


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=256, help="of the image (default 256)")
    parser.add_argument("--steps", type=int, default=50, help="of a run (default 50)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--network", type=Path, help="weights of a denoiser, safetensors")
    return parser.parse_args()


OPTIONS = arguments()
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402
import deepinv  # noqa: E402

from example import Example  # noqa: E402

torch.set_num_threads(1)


class Network(torch.nn.Module):
    """v - r(v) with the layers of a file, brought to a noise level by scaling."""

    def __init__(self, path):
        super().__init__()
        raw = path.read_bytes()
        length = int.from_bytes(raw[:8], "little")
        header = json.loads(raw[8 : 8 + length])
        about = header.pop("__metadata__")
        if "sigma_255" not in about:
            sys.exit(f"error: {path} names no noise level `sigma_255`; another network?")
        self.level = float(about["sigma_255"]) / 255.0
        layers = []
        for i in range(sum(name.endswith("weight") for name in header)):
            weight = self.tensor(raw[8 + length :], header[f"conv{i}.weight"])
            bias = header.get(f"conv{i}.bias")
            layer = torch.nn.Conv2d(
                weight.shape[1],
                weight.shape[0],
                3,
                padding=1,
                padding_mode="circular" if about["padding"] == "circular" else "zeros",
                bias=bias is not None,
            )
            layer.weight.data = weight
            if bias is not None:
                layer.bias.data = self.tensor(raw[8 + length :], bias)
            layers += [layer, torch.nn.ReLU()]
        self.layers = torch.nn.Sequential(*layers[:-1])

    @staticmethod
    def tensor(data, entry):
        first, last = entry["data_offsets"]
        numbers = np.frombuffer(data[first:last], dtype="<f4").reshape(entry["shape"])
        return torch.tensor(numbers)

    def forward(self, v, level):
        scale = self.level / float(level)
        return v - self.layers(scale * v) / scale


class Theirs:
    """deepinv on the same measurements."""

    def __init__(self, y, kernel):
        side = y.shape[0]
        kernel = torch.tensor(kernel, dtype=torch.float32)[None, None]
        self.physics = deepinv.physics.BlurFFT(img_size=(1, side, side), filter=kernel)
        self.y = torch.tensor(y, dtype=torch.float32)[None, None]

    def run(self, denoiser, strength):
        start = time.perf_counter()
        method = deepinv.optim.ADMM(
            data_fidelity=deepinv.optim.L2(),
            prior=deepinv.optim.PnP(denoiser=denoiser),
            stepsize=PENALTY,
            g_param=strength,
            max_iter=OPTIONS.steps,
            early_stop=False,
        )
        zero = torch.zeros_like(self.y)
        with torch.no_grad():
            x = method(self.y, self.physics, init=(zero, zero))
        return time.perf_counter() - start, x[0, 0].double().numpy()


def simulate(truth):
    """A Gaussian kernel, and the blurred image with noise at 30 dB."""
    grid = np.arange(9) - 4
    kernel = np.exp(-0.5 * (grid[:, None] ** 2 + grid[None, :] ** 2) / 1.6**2)
    kernel /= kernel.sum()
    padded = np.zeros_like(truth)
    padded[:9, :9] = kernel
    padded = np.roll(padded, (-4, -4), axis=(0, 1))
    y = np.fft.ifft2(np.fft.fft2(padded) * np.fft.fft2(truth)).real
    noise = np.random.default_rng(0).standard_normal(y.shape)
    return kernel, y + noise * np.linalg.norm(y) / np.linalg.norm(noise) * 10 ** (-30 / 20)


class Case:
    """The measurements of both sides."""

    def __init__(self, ours, folder):
        self.ours, self.folder = ours, Path(folder)
        side = OPTIONS.side
        ours.ask("phantom", kind="ellipses", side=side, file=str(self.folder / "truth"))
        self.truth = self.read("truth")
        kernel, y = simulate(self.truth)
        np.save(self.folder / "y.npy", y)
        np.save(self.folder / "kernel.npy", kernel)
        self.theirs = Theirs(y, kernel)

    def read(self, name):
        return np.fromfile(self.folder / name).reshape(OPTIONS.side, OPTIONS.side).T

    def mine(self, method, strength, repeats=1):
        problem = {
            "shape": [OPTIONS.side, OPTIONS.side],
            "operator": {"blur": {"kernels": [{"file": {"path": str(self.folder / "kernel.npy")}}]}},
            "measurements": {"path": str(self.folder / "y.npy")},
            "denoiser": {"method": method},
        }
        solver = {"penalty": PENALTY, "strength": strength}
        file = str(self.folder / "image")
        answer = self.ours.ask(
            "run", problem=problem, solver=solver, steps=OPTIONS.steps, repeats=repeats, file=file
        )
        return answer["seconds"], self.read("image")

    def psnr(self, x):
        return -10 * np.log10(np.mean((x - self.truth) ** 2))

    def compare(self, name, mine, theirs):
        """Takes turns, prints the best times; the images of the last turn and the ratio."""
        best = [np.inf, np.inf]
        for _ in range(OPTIONS.repeats):
            seconds, x = mine()
            best[0] = min(best[0], seconds)
            seconds, z = theirs()
            best[1] = min(best[1], seconds)
        ratio = best[1] / best[0]
        print(
            f"  {name:<16} ours {best[0]:7.3f} s, {self.psnr(x):5.2f} dB; deepinv {best[1]:7.3f} s,"
            f" {self.psnr(z):5.2f} dB; ratio {ratio:5.2f}",
            flush=True,
        )
        return x, z, ratio


def distance(x, z):
    return np.linalg.norm(x - z) / np.linalg.norm(z)


def variation(case):
    """Whether both sides reach the accuracy, and ours in half the time."""
    # Both denoisers minimise |x - v|^2/2 + strength TV(x).
    strength = PENALTY * WEIGHT
    method = lambda tolerance: {  # noqa: E731
        "total-variation": {"tolerance": tolerance, "iterations": 20000}
    }
    _, best = case.mine(method(1e-12), strength)
    denoiser = lambda limit: deepinv.models.TVDenoiser(n_it_max=5000, crit=limit)  # noqa: E731
    ladders = (
        [10.0**-k for k in range(4, 11)],
        [10.0**-k for k in range(3, 8)],
    )
    sides = (
        lambda limit: case.mine(method(limit), strength)[1],
        lambda limit: case.theirs.run(denoiser(limit), strength)[1],
    )
    chosen = []
    for name, ladder, side in zip(("ours", "deepinv"), ladders, sides):
        for limit in ladder:
            gap = distance(side(limit), best)
            if gap <= ACCURACY:
                break
        else:
            print(f"  total variation  {name} does not come within {ACCURACY:.0e}: {gap:.1e}")
            return False
        print(f"  total variation  {name}: tolerance {limit:.0e}, {gap:.1e} from the best image")
        chosen.append(limit)
    _, _, ratio = case.compare(
        "total variation",
        lambda: case.mine(method(chosen[0]), strength),
        lambda: case.theirs.run(denoiser(chosen[1]), strength),
    )
    return ratio >= 2.0


def network(case):
    """Whether the images of both sides are the same."""
    denoiser = Network(OPTIONS.network.resolve())
    method = {"network": {"path": str(OPTIONS.network.resolve())}}
    x, z, _ = case.compare(
        "network", lambda: case.mine(method, NOISE), lambda: case.theirs.run(denoiser, NOISE)
    )
    gap = distance(x, z)
    print(f"  network          images differ by {gap:.1e}")
    # Single precision inside both, fed back through every step.
    return gap <= 1e-3


def main():
    print(
        f"deepinv {deepinv.__version__}, torch {torch.__version__}, one thread each;"
        f" {OPTIONS.side} x {OPTIONS.side}, {OPTIONS.steps} steps"
    )
    with tempfile.TemporaryDirectory() as folder:
        case = Case(Example("pnp_admm"), folder)
        well = variation(case)
        if OPTIONS.network:
            well &= network(case)
        else:
            print("  network          not compared: no --network")
    print("ok" if well else "MISSED: images differ, or not twice as fast with total variation")
    sys.exit(not well)


if __name__ == "__main__":
    main()
