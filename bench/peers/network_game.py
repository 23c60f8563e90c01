"""Gradients of a game between small networks, side by side with PyTorch.

The default mixture game of the suite: a ring of 8 Gaussians, generator and discriminator with one hidden
layer of tanh units, the non-saturating loss, double precision. Measures, taking turns in one run and on one
thread, the seconds of one field of both players on a fresh mini-batch, draws included: ours, and PyTorch's
autograd in its eager mode.

Before anything is timed, the mean fields of both sides over many mini-batches at our start point are compared:
no entry may differ by more than 5 standard errors. Times are the best of the repeats. Exits with 1 if the
check fails; there is no ratio to meet.
"""

import argparse
import math
import os
import sys
import time

MODES, RADIUS, DEVIATION = 8, 2.0, 0.05


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5, help="of every measurement (default 5)")
    parser.add_argument("--fields", type=int, default=200, help="in a measurement (default 200)")
    return parser.parse_args()


OPTIONS = arguments()
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402

from example import Example  # noqa: E402

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


class Torch:
    """The same game with autograd."""

    def __init__(self, x, hidden):
        self.hidden = hidden
        shapes = self.shapes(2, 2) + self.shapes(2, 1)
        parts, at = [], 0
        for shape in shapes:
            count = math.prod(shape)
            # Columns of the first matrix one after the other are the rows of its transpose.
            part = torch.tensor(x[at : at + count]).reshape(shape)
            parts.append(part.requires_grad_())
            at += count
        self.parts = parts
        angles = 2 * math.pi * torch.arange(MODES) / MODES
        self.centers = RADIUS * torch.stack([torch.cos(angles), torch.sin(angles)], dim=1)

    def shapes(self, inputs, outputs):
        return [(inputs, self.hidden), (self.hidden,), (outputs, self.hidden), (outputs,)]

    @staticmethod
    def network(parts, x):
        first, bias, second, last = parts
        return torch.tanh(x @ first + bias) @ second.T + last

    def field(self, batch):
        theta, omega = self.parts[:4], self.parts[4:]
        latents = torch.randn(batch, 2)
        modes = torch.randint(MODES, (batch,))
        reals = self.centers[modes] + DEVIATION * torch.randn(batch, 2)
        fakes = self.network(theta, latents)
        score = self.network(omega, fakes)
        generator = torch.nn.functional.softplus(-score).mean()
        of_generator = torch.autograd.grad(generator, theta, retain_graph=True)
        softplus = torch.nn.functional.softplus
        discriminator = softplus(-self.network(omega, reals)).mean() + softplus(score).mean()
        of_discriminator = torch.autograd.grad(discriminator, omega)
        return of_generator + of_discriminator

    def timed(self, batch, fields):
        start = time.perf_counter()
        for _ in range(fields):
            self.field(batch)
        return time.perf_counter() - start


def check(ours):
    answer = ours.ask(hidden=32, batch=256, repeats=400)
    game = Torch(answer["x"], 32)
    torch.manual_seed(1)
    fields = np.array(
        [torch.cat([g.flatten() for g in game.field(256)]).numpy() for _ in range(400)]
    )
    errors = np.hypot(answer["standard_error"], fields.std(axis=0) / math.sqrt(len(fields)))
    gaps = np.abs(np.array(answer["mean"]) - fields.mean(axis=0)) / errors
    well = bool(gaps.max() <= 5)
    word = "ok" if well else "WRONG"
    print(f"mean fields: {len(gaps)} entries, off by at most {gaps.max():.1f} standard errors  {word}")
    return well


def main():
    ours = Example("network_game")
    well = check(ours)
    print("\nmicroseconds of one field of both players, and nanoseconds of a pair")
    print(f"  {'hidden':>6} {'batch':>6} {'ours':>17} {'PyTorch':>17} {'PyTorch / ours':>15}")
    for hidden in (32, 128):
        for batch in (1, 16, 64, 256, 1024):
            fields = max(OPTIONS.fields * 64 // max(batch, 64), 20)
            times = {"ours": [], "torch": []}
            game = None
            for _ in range(OPTIONS.repeats):
                answer = ours.ask(hidden=hidden, batch=batch, repeats=fields)
                game = game or Torch(answer["x"], hidden)
                times["ours"].append(answer["seconds"] / fields)
                times["torch"].append(game.timed(batch, fields) / fields)
            mine, theirs = (min(times[side]) for side in ("ours", "torch"))
            cells = [f"{1e6 * t:9.1f} {1e9 * t / batch:7.0f}" for t in (mine, theirs)]
            print(f"  {hidden:>6} {batch:>6} {cells[0]} {cells[1]} {theirs / mine:15.2f}", flush=True)
    sys.exit(not well)


if __name__ == "__main__":
    main()
