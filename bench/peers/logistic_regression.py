"""Multinomial logistic regression on MNIST, side by side with scikit-learn.

Measures, taking turns in one run and with the same number of threads:
  (a) seconds to the objective that LogisticRegression(solver="lbfgs", tol=1e-6) reaches;
  (b) one joint evaluation of value and gradient against scikit-learn's own, LinearModelLoss;
  (c) one ADMM-Softmax iteration against one of our joint evaluations of the same precision.

The problem: 60,000 x 784 pixels / 255 and a free bias, 10 classes, mean cross-entropy plus
(1e-4 / 2) times the squared weights. scikit-learn's C multiplies the sum of the losses, so
C = 1 / (1e-4 * 60000). Both objectives and gradients are compared before anything is timed, and
the optima at the end.

Prints medians of the repeats, ratios of the medians and, in brackets, of the fastest repeats, which
say more on a busy machine. Exits with 1 if a check fails or a ratio misses its target.
"""

import argparse
import gzip
import os
import sys
import time
from pathlib import Path

RIDGE = 1e-4
TOLERANCE = 1e-6
SAMPLES, INPUTS, CLASSES = 60_000, 784, 10


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="of both sides (default 1)")
    parser.add_argument("--repeats", type=int, default=11, help="of (b) and (c) (default 11)")
    parser.add_argument("--fits", type=int, default=3, help="repeats of (a) (default 3)")
    parser.add_argument(
        "--clock",
        choices=("wall", "processor"),
        default="wall",
        help="whose seconds count: on a busy machine the processor's are the steadier ones, for one "
        "thread (default wall)",
    )
    return parser.parse_args()


OPTIONS = arguments()
# Read when the libraries load.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = str(OPTIONS.threads)
# The peer picks the kernel of this processor itself, whatever somebody forced.
for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(variable, None)

import numpy as np  # noqa: E402
import sklearn  # noqa: E402
from sklearn._loss import HalfMultinomialLoss  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.linear_model._linear_loss import LinearModelLoss  # noqa: E402
from threadpoolctl import threadpool_info  # noqa: E402

from example import ROOT, Example  # noqa: E402


clock = {"wall": time.perf_counter, "processor": time.process_time}[OPTIONS.clock]


def mnist():
    """Pixels in [0, 1] and labels, from the folders in which `converge` looks."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "converge" / "data"
    folders = [
        os.environ.get("CONVERGE_DATA") or ROOT.parent / "shared" / "data",
        ROOT.parent / "shared" / "data",
        os.environ.get("CONVERGE_CACHE") or cache,
    ]
    images, labels = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
    for folder in (Path(folder) / "mnist" for folder in folders):
        if (folder / images).exists() and (folder / labels).exists():
            with gzip.open(folder / images) as file:
                pixels = np.frombuffer(file.read(), np.uint8, offset=16)
            with gzip.open(folder / labels) as file:
                classes = np.frombuffer(file.read(), np.uint8, offset=8)
            return pixels.reshape(SAMPLES, INPUTS) / 255.0, classes
    sys.exit("error: no mnist; `cargo run --release -- data fetch mnist` brings it")


class Ours(Example):
    def ask(self, task, precision, **request):
        answer = super().ask(task, precision=precision, **request)
        # Class after class, the bias last: a matrix (classes, weights) row by row.
        for name in ("x", "gradient"):
            answer[name] = np.array(answer[name]).reshape(-1, INPUTS + 1)
        return answer


class Peer:
    """scikit-learn on the same data. Points are matrices (classes, weights), the bias last."""

    def __init__(self, pixels, labels, dtype):
        self.pixels, self.labels = pixels.astype(dtype), labels.astype(dtype)
        self.loss = LinearModelLoss(HalfMultinomialLoss(n_classes=CLASSES), fit_intercept=True)

    def value_gradient(self, x):
        """Objective, gradient, seconds."""
        point = np.asarray(x, self.pixels.dtype).ravel(order="F")
        start = clock()
        value, gradient = self.loss.loss_gradient(
            point, self.pixels, self.labels, l2_reg_strength=RIDGE, n_threads=OPTIONS.threads
        )
        seconds = clock() - start
        return value, gradient.reshape(CLASSES, INPUTS + 1, order="F"), seconds

    def fit(self):
        """Solution, iterations, seconds."""
        model = LogisticRegression(
            solver="lbfgs", tol=TOLERANCE, C=1 / (RIDGE * SAMPLES), max_iter=100_000
        )
        start = clock()
        model.fit(self.pixels, self.labels)
        seconds = clock() - start
        return np.column_stack([model.coef_, model.intercept_]), int(model.n_iter_[0]), seconds


class Report:
    """Prints lines as they come and remembers whether all is well."""

    well = True

    def line(self, name, text):
        print(f"  {name:<50}{text}", flush=True)

    def check(self, name, found, bound):
        holds = found <= bound
        self.well &= bool(holds)
        self.line(name, f"{found:9.1e}  at most {bound:.1e}  {'ok' if holds else 'FAILED'}")

    def seconds(self, name, times):
        self.line(name, f"{np.median(times):9.4f} s")

    def ratio(self, name, above, below, least=None, most=None, aim=None):
        """Seconds `above` over seconds `below`, which must be at least or at most so much."""
        median = np.median(above) / np.median(below)
        text = f"{median:9.2f}  ({min(above) / min(below):.2f})"
        if least or most:
            holds = median >= least if least else median <= most
            self.well &= bool(holds)
            text += f"  at least {least}" if least else f"  at most {most}"
            text += f", aim {aim}" if aim else ""
            text += "  ok" if holds else "  MISSED"
        self.line(name, text)


def same_function(ours, peer, x, report):
    print("\nsame function, at a random point: relative gaps")
    value, gradient, _ = peer.value_gradient(x)
    for precision, bound in (("double", 1e-12), ("mixed", 1e-6)):
        answer = ours.ask("value-gradient", precision, x=x.ravel().tolist(), repeats=1)
        gap = np.abs(answer["gradient"] - gradient).max() / np.abs(gradient).max()
        report.check(f"objective, {precision}", abs(answer["value"] / value - 1), bound)
        report.check(f"gradient, {precision}", gap, bound)


def lbfgs(ours, peer, report):
    """Returns scikit-learn's solution and its objective."""
    print("\n(a) L-BFGS to scikit-learn's objective, set-up included")
    times = {name: [] for name in ("peer", "double", "mixed")}
    iterations, excess = {}, {"double": [], "mixed": []}
    for _ in range(OPTIONS.fits):
        solution, iterations["peer"], elapsed = peer.fit()
        times["peer"].append(elapsed)
        target = peer.value_gradient(solution)[0]
        for precision in ("double", "mixed"):
            answer = ours.ask("lbfgs", precision, target=target, limit=10_000)
            iterations[precision] = len(answer["seconds"])
            times[precision].append(answer["setup_seconds"] + sum(answer["seconds"]))
            # In double precision, whatever the precision of the oracle.
            excess[precision].append(answer["value"] - target)
    for precision, gaps in excess.items():
        report.check(f"objective above scikit-learn's, {precision}", max(gaps), 0)
    report.seconds(f"scikit-learn, f64, {iterations['peer']} iterations", times["peer"])
    report.seconds(f"ours, double, {iterations['double']} iterations", times["double"])
    report.seconds(f"ours, mixed, {iterations['mixed']} iterations", times["mixed"])
    report.ratio("scikit-learn f64 / ours double", times["peer"], times["double"], least=3)
    report.ratio("scikit-learn f64 / ours mixed", times["peer"], times["mixed"], least=3)
    return solution, target


def value_gradient(ours, peer, single, x, report):
    print("\n(b) one joint value and gradient")
    times = {name: [] for name in ("peer", "single", "double", "mixed")}
    for _ in range(OPTIONS.repeats):
        times["peer"].append(peer.value_gradient(x)[2])
        times["single"].append(single.value_gradient(x)[2])
        for precision in ("double", "mixed"):
            answer = ours.ask("value-gradient", precision, x=x.ravel().tolist(), repeats=1)
            times[precision] += answer["seconds"]
    report.seconds("scikit-learn, f64", times["peer"])
    report.seconds("scikit-learn, f32 throughout", times["single"])
    report.seconds("ours, double", times["double"])
    report.seconds("ours, mixed: f32 products, f64 sums", times["mixed"])
    report.ratio("scikit-learn f64 / ours double", times["peer"], times["double"], least=2)
    report.ratio("scikit-learn f64 / ours mixed", times["peer"], times["mixed"], least=3, aim=5)
    report.ratio("scikit-learn f32 / ours mixed", times["single"], times["mixed"])


def admm_softmax(ours, report):
    print("\n(c) one ADMM-Softmax iteration over one joint value and gradient at its iterate")
    for precision in ("double", "mixed"):
        answer = ours.ask("admm-softmax", precision, steps=3 * OPTIONS.repeats)
        step, evaluation = answer["seconds"], answer["evaluation_seconds"]
        report.seconds(f"iteration, {precision}", step)
        report.ratio(f"ratio, {precision}", step, evaluation, most=2, aim=1.5)


def same_optimum(ours, peer, solution, target, report):
    print("\nsame optimum: bounds and distances relative to the norm of the weights")
    # The objective is strongly convex in the weights with modulus RIDGE. So scikit-learn's optimum
    # is within |g| / RIDGE of a point where its own gradient is g, and within
    # sqrt(2 gap / RIDGE) of one whose objective lies `gap` above the minimum.
    optima = {}
    for precision, tolerance, bound in (("double", 1e-9, 1e-6), ("mixed", 1e-7, 1e-3)):
        answer = ours.ask("newton-cg", precision, tolerance=tolerance)
        value, gradient, _ = peer.value_gradient(answer["x"])
        optima[precision] = value, answer["x"]
        distance = np.linalg.norm(gradient) / RIDGE / np.linalg.norm(answer["x"])
        report.check(f"scikit-learn's optimum from ours, {precision}", distance, bound)
    value, x = optima["double"]
    weights = np.s_[:, :-1]
    size = np.linalg.norm(x[weights])
    gap = np.linalg.norm((optima["mixed"][1] - x)[weights]) / size
    report.check("optimum in mixed from that in double", gap, 1e-4)
    report.check("minimum over scikit-learn's objective", value / target - 1, 0)
    bound = np.sqrt(2 * (target - value) / RIDGE) / size
    gap = np.linalg.norm((solution - x)[weights]) / size
    report.check("scikit-learn's solution from the optimum", gap, bound)


def main():
    pixels, labels = mnist()
    ours, report = Ours("peer", str(RIDGE), OPTIONS.clock), Report()
    peer, single = Peer(pixels, labels, np.float64), Peer(pixels, labels, np.float32)
    kernels = sorted({str(i.get("architecture")) for i in threadpool_info() if i["user_api"] == "blas"})
    print(
        f"scikit-learn {sklearn.__version__}, numpy {np.__version__} with {', '.join(kernels)} kernels,"
        f" threads: {OPTIONS.threads}, clock: {OPTIONS.clock}"
    )
    x = np.random.default_rng(1).normal(size=(CLASSES, INPUTS + 1)) / np.sqrt(INPUTS)
    same_function(ours, peer, x, report)
    solution, target = lbfgs(ours, peer, report)
    value_gradient(ours, peer, single, x, report)
    admm_softmax(ours, report)
    same_optimum(ours, peer, solution, target, report)
    sys.exit(not report.well)


if __name__ == "__main__":
    main()
