"""The paper's MNIST experiment at its own size, side by side with scipy, scikit-learn and the release.

40,000 training images, nine random 3x3 filters and tanh (p = 7,057 with the constant), 10 classes: the
same features for everybody, as doubles. Measures, taking turns and with the same number of threads:
  (a) the Gram matrix (against dsyrk) and the whole set-up of ADMM-Softmax (against dsyrk and dpotrf of
      scipy's OpenBLAS);
  (b) one ADMM-Softmax iteration against the larger of two limits of the machine: the time to read the
      features twice at the measured bandwidth, or its arithmetic at the rate of a large product;
  (c) seconds to the best validation loss, set-up included, of scikit-learn's lbfgs, newton-cg and saga
      with a ridge of the same weight, and of the algorithm of the release, written from its specification
      in numpy: QR of the normal matrix, one Newton-CG on all split variables at once; against the seconds
      until ADMM-Softmax with the released penalty is as good. It solves its least-squares problem by a
      Cholesky factorisation, in double and in mixed precision, or by five iterations of preconditioned
      conjugate gradients in double precision, which need no Gram matrix.

scikit-learn has no hook between iterations. It is run anew with limits that double, each fit timed by
itself, until the validation loss rises: its time is that of the best fit alone.
Losses are computed by one program for all. Exits with 1 if a ratio misses its target.
"""

import argparse
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

RIDGE, PENALTY = 1e-6, 4e-3
# Chosen by the validation loss among four pairs of a rank, 100 to 300, and 3 or 5 iterations.
INEXACT = {
    "cg": {
        "preconditioner": {"nystroem": {"rank": 100}},
        "tolerance": {"fixed": 1e-3},
        "iterations": 5,
    }
}


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of all sides")
    parser.add_argument("--repeats", type=int, default=3, help="of (a) (default 3)")
    parser.add_argument("--steps", type=int, default=25, help="of ADMM-Softmax (default 25)")
    parser.add_argument(
        "--only", nargs="*", choices=("setup", "step", "release", "lbfgs", "newton-cg", "saga")
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
import scipy.linalg  # noqa: E402
import sklearn  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

from example import Example  # noqa: E402

warnings.simplefilter("ignore", ConvergenceWarning)


def wanted(part):
    return not OPTIONS.only or part in OPTIONS.only


class Ours(Example):
    def assess(self, weights):
        """Loss and accuracy on validation and test samples at weights (classes, p)."""
        answer = self.ask("evaluate", x=weights.ravel().tolist())
        return answer["validation"][0], answer["test"][0]


class Report:
    """Prints lines as they come and remembers whether all is well."""

    well = True

    def line(self, name, text):
        print(f"  {name:<54}{text}", flush=True)

    def ratio(self, name, value, least=None, most=None):
        text = f"{value:9.2f}"
        if least or most:
            holds = value >= least if least else value <= most
            self.well &= bool(holds)
            text += f"  at least {least}" if least else f"  at most {most}"
            text += "  ok" if holds else "  MISSED"
        self.line(name, text)


def timed(task):
    start = time.perf_counter()
    result = task()
    return result, time.perf_counter() - start


def setup(ours, features, report):
    print("\n(a) Gram matrix, and with it the factorisation")
    times = {name: [] for name in ("gram", "syrk", "setup", "potrf")}
    for _ in range(OPTIONS.repeats):
        times["gram"].append(ours.ask("gram")["seconds"])
        # Samples are rows here: the transpose is a view in Fortran order, as dsyrk wants it.
        gram, seconds = timed(lambda: scipy.linalg.blas.dsyrk(1.0, features.T, lower=1))
        times["syrk"].append(seconds)
        np.fill_diagonal(gram, gram.diagonal() + 1e3)
        factor = lambda: scipy.linalg.lapack.dpotrf(gram, lower=1, overwrite_a=1)  # noqa: E731
        times["potrf"].append(timed(factor)[1])
        del gram
        times["setup"].append(ours.ask("admm-softmax", precision="double", steps=0)["seconds"])
    best = {name: np.median(seconds) for name, seconds in times.items()}
    report.line("ours, Gram matrix", f"{best['gram']:9.2f} s")
    report.line("OpenBLAS, dsyrk", f"{best['syrk']:9.2f} s")
    report.line("ours, whole set-up", f"{best['setup']:9.2f} s")
    report.line("OpenBLAS, dsyrk and dpotrf", f"{best['syrk'] + best['potrf']:9.2f} s")
    report.line("   of which dpotrf", f"{best['potrf']:9.2f} s")
    report.ratio("Gram matrix, ours / OpenBLAS", best["gram"] / best["syrk"], most=1.2)
    whole = best["setup"] / (best["syrk"] + best["potrf"])
    report.ratio("set-up, ours / OpenBLAS", whole, most=1.2)


class Admm:
    """A run of ADMM-Softmax, its iterates in time."""

    def __init__(self, ours, name, report, precision="double", **method):
        self.name = name
        self.answer = ours.ask("admm-softmax", precision=precision, steps=OPTIONS.steps, **method)
        self.losses = np.array([loss for loss, _ in self.answer["validation"]])
        self.seconds = self.answer["seconds"] + np.cumsum(self.answer["steps"])
        best = int(np.argmin(self.losses))
        text = f"ADMM-Softmax, {name}, iterate {best + 1}"
        summary(text, self.seconds[best], self.answer, best, report)

    def until(self, loss):
        """Seconds to a validation loss; infinite if it was not reached."""
        # Two programs of one algorithm agree to rounding.
        there = np.flatnonzero(self.losses <= (1 + 1e-4) * loss)
        return self.seconds[there[0]] if there.size else np.inf


def summary(name, seconds, answer, row, report):
    (loss, accuracy), (test, hits) = answer["validation"][row], answer["test"][row]
    text = f"{seconds:9.2f} s  validation {loss:.4f} / {100 * accuracy:.2f} %"
    report.line(name, text + f"  test {test:.4f} / {100 * hits:.2f} %")


def step(ours, answer, report):
    print("\n(b) one iteration, and the limits of the machine")
    limits = ours.ask("limits")
    data = 8 * answer["samples"] * answer["weights"]
    read = 2 * data / limits["bytes_per_second"]
    flops = 4 * answer["samples"] * answer["weights"] * answer["classes"]
    compute = flops / limits["operations_per_second"]
    iteration = np.median(answer["steps"])
    report.line("iteration", f"{iteration:9.3f} s")
    rate = limits["bytes_per_second"] * 1e-9
    report.line("reading the features twice", f"{read:9.3f} s at {rate:.1f} GB/s")
    rate = limits["operations_per_second"] * 1e-9
    report.line("its arithmetic", f"{compute:9.3f} s at {rate:.1f} GFLOP/s")
    report.ratio("iteration / the larger", iteration / max(read, compute), most=1.3)


def peer(name, solver, limits, features, labels, ours, report):
    """Seconds and loss of the best fit over doubling limits."""
    best = None
    for limit in limits:
        model = LogisticRegression(
            solver=solver,
            C=1 / (RIDGE * len(labels)),
            fit_intercept=False,
            tol=1e-12,
            max_iter=limit,
        )
        _, seconds = timed(lambda: model.fit(features, labels))
        validation, test = ours.assess(model.coef_)
        found = {"validation": [validation], "test": [test]}
        summary(f"scikit-learn {name}, {limit} iterations", seconds, found, 0, report)
        if best is not None and validation[0] > best[1]:
            break
        best = (seconds, validation[0])
    return best


class Release:
    """The algorithm of the release, from its specification: QR of the normal matrix, and one
    Newton-CG on all split variables, its Armijo test without the step length, steps capped."""

    def __init__(self, features, labels):
        self.features, self.samples = features, len(labels)
        self.targets = np.eye(10)[labels]
        self.rho = PENALTY / self.samples

    def factor(self):
        gram = self.features.T @ self.features
        normal = self.rho * gram
        # The Laplacian of every 28 x 28 channel over m features, and the constant.
        inputs = gram.shape[0] - 1
        line = 28.0**2 * (np.eye(28, k=1) + np.eye(28, k=-1) - 2 * np.eye(28))
        laplacian = (np.kron(np.eye(28), line) + np.kron(line, np.eye(28))) / inputs
        block = RIDGE * laplacian @ laplacian
        for channel in range(9):
            at = slice(784 * channel, 784 * (channel + 1))
            normal[at, at] += block
        normal[-1, -1] += RIDGE / inputs**2
        self.q, self.r = scipy.linalg.qr(normal, overwrite_a=True, check_finite=False)
        self.z = np.zeros((self.samples, 10))
        self.u = np.zeros((self.samples, 10))

    def probabilities(self, z):
        shifted = z - z.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1, keepdims=True)
        return exponentials / sums, shifted - np.log(sums)

    def value(self, z, center):
        p, logs = self.probabilities(z)
        loss = -np.sum(self.targets * logs) / self.samples
        return loss + 0.5 * self.rho * np.sum((z - center) ** 2), p

    def newton(self, z, center):
        value, p = self.value(z, center)
        step, first = 1.0, None
        for _ in range(100):
            gradient = (p - self.targets) / self.samples + self.rho * (z - center)
            size = np.linalg.norm(gradient)
            first = size if first is None else first
            if size < 1e-8 * first or size < 1e-8:
                break
            direction = self.cg(p, -gradient)
            direction *= min(1.0, 1.0 / np.abs(direction).max())
            slope, tried = np.sum(direction * gradient), 0
            while True:
                new, new_p = self.value(z + step * direction, center)
                if new < value + 1e-3 * slope:
                    break
                step, tried = 0.5 * step, tried + 1
                if tried > 50:
                    return z
            z, value, p = z + step * direction, new, new_p
            if tried == 0:
                step = min(1.0, 1.5 * step)
        return z

    def cg(self, p, right):
        x, residual = np.zeros_like(right), right.copy()
        direction, square = residual.copy(), np.sum(residual**2)
        target = 1e-16 * square
        for _ in range(50):
            weighted = p * direction
            product = weighted - p * weighted.sum(axis=1, keepdims=True)
            product = product / self.samples + self.rho * direction
            length = square / np.sum(direction * product)
            x += length * direction
            residual -= length * product
            square, before = np.sum(residual**2), square
            if square < target:
                break
            direction = residual + square / before * direction
        return x

    def step(self):
        right = self.rho * (self.features.T @ (self.z + self.u))
        weights = scipy.linalg.solve_triangular(self.r, self.q.T @ right, check_finite=False)
        scores = self.features @ weights
        self.z = self.newton(self.z, scores - self.u)
        self.u += self.z - scores
        return weights.T


def release(features, labels, ours, report):
    algorithm = Release(features, labels)
    _, spent = timed(algorithm.factor)
    report.line("the release's set-up", f"{spent:9.2f} s")
    best, worse = None, 0
    for k in range(OPTIONS.steps):
        weights, seconds = timed(algorithm.step)
        spent += seconds
        validation, test = ours.assess(weights)
        if best is None or validation[0] < best[1]:
            best, worse = (spent, validation[0]), 0
            found = {"validation": [validation], "test": [test]}
            summary(f"the release's algorithm, iterate {k + 1}", spent, found, 0, report)
        else:
            worse += 1
            if worse == 3:
                break
    return best


def main():
    ours, report = Ours("full_size"), Report()
    print(
        f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, numpy {np.__version__},"
        f" threads: {OPTIONS.threads}"
    )
    with tempfile.TemporaryDirectory() as folder:
        features, labels = Path(folder) / "features", Path(folder) / "labels"
        shape = ours.ask("export", features=str(features), labels=str(labels))
        features = np.fromfile(features).reshape(shape["samples"], shape["weights"])
        labels = np.fromfile(labels, np.uint8)
    if wanted("setup"):
        setup(ours, features, report)
    print("\n(c) seconds to the best validation loss, set-up included")
    exact = Admm(ours, "Cholesky", report)
    single = Admm(ours, "Cholesky, mixed", report, precision="mixed")
    inexact = Admm(ours, "conjugate gradients", report, least_squares=INEXACT)
    peers = {}
    if wanted("release"):
        peers["the release's algorithm"] = release(features, labels, ours, report)
    if wanted("lbfgs"):
        limits = (10, 20, 40, 80, 160, 320)
        peers["lbfgs"] = peer("lbfgs", "lbfgs", limits, features, labels, ours, report)
    if wanted("newton-cg"):
        limits = (1, 2, 4, 8, 16)
        peers["newton-cg"] = peer("newton-cg", "newton-cg", limits, features, labels, ours, report)
    if wanted("saga"):
        limits = (1, 2, 4, 8, 16)
        peers["saga"] = peer("saga", "saga", limits, features, labels, ours, report)
    for name, (spent, best) in peers.items():
        for run in (exact, single):
            report.ratio(f"{name} / ADMM-Softmax, {run.name}", spent / run.until(best))
        report.ratio(f"{name} / ADMM-Softmax, {inexact.name}", spent / inexact.until(best), least=3)
    if wanted("step"):
        step(ours, exact.answer, report)
    sys.exit(not report.well)


if __name__ == "__main__":
    main()
