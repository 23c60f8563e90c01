"""Euler-Maruyama on a linear game in the plane, side by side with NumPy and JAX.

The test vector of the suite: dX = -K (X - x*) dt + sqrt(eta/B) S dW with K = [[0.5, -1], [1, 1]],
x* = (2/3, 1/3), S = diag(sqrt(0.5), sqrt(1.5)), eta = 0.1, B = 10, from (2, -1), h = eta, in double
precision. Measures, taking turns in one run and with the same number of threads:
  (a) normal numbers a second: ours, the ziggurat of rand_distr, NumPy's, JAX's;
  (b) path-steps a second of Euler-Maruyama with one substep: ours against NumPy and JAX, and against what
      our normal generator alone allows (two numbers a path-step);
  (c) path-steps a second of our other integrators and chains, printed.

NumPy is vectorised over paths, in place, with one generator (SFC64, its fastest) and one block of paths for
each thread, blocks small enough for the second-level cache. JAX is jitted, a fori_loop over the steps of the
whole ensemble, in two forms and with the bits of its default generator or of "rbg": the fastest counts.

Before anything is timed, the means of all sides after 20 steps are compared with the recursion of the
moments, within 5 standard errors. Rates are the best of the repeats: what is left out is the turns of
others on a busy machine. Exits with 1 if a check fails or a ratio misses its target.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor



def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="of all sides (default 1)")
    parser.add_argument("--repeats", type=int, default=5, help="of every measurement (default 5)")
    parser.add_argument("--paths", type=int, default=100_000, help="(default 100000)")
    parser.add_argument("--steps", type=int, default=50, help="of a measurement (default 50)")
    return parser.parse_args()


OPTIONS = arguments()
# Read when the libraries load.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = str(OPTIONS.threads)
os.environ["XLA_FLAGS"] = (
    f"--xla_cpu_multi_thread_eigen={'true' if OPTIONS.threads > 1 else 'false'} "
    f"intra_op_parallelism_threads={OPTIONS.threads}"
)
# XLA has no switch that holds for all of its pools; the affinity holds for everybody.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: OPTIONS.threads])

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from example import Example  # noqa: E402

jax.config.update("jax_enable_x64", True)

ETA, BATCH = 0.1, 10
DECAY = np.array([[0.5, -1.0], [1.0, 1.0]])
REST = np.array([2 / 3, 1 / 3])
NOISE = np.sqrt(np.array([0.5, 1.5]))
START = np.array([2.0, -1.0])
AMPLITUDE = ETA / np.sqrt(BATCH) * NOISE


class Ours(Example):
    def normals(self, generator):
        count, repeats = 2 * OPTIONS.paths, OPTIONS.steps
        answer = self.ask("normals", count=count, repeats=repeats, generator=generator)
        return answer["seconds"]

    def run(self, method, substeps=1, steps=None):
        steps = steps or OPTIONS.steps
        return self.ask(
            "run", method=method, paths=OPTIONS.paths, steps=steps, substeps=substeps
        )


class NumPy:
    """Blocks of paths, one generator and one worker for each thread."""

    def __init__(self):
        self.pool = ThreadPoolExecutor(OPTIONS.threads)
        seeds = np.random.SeedSequence(1).spawn(OPTIONS.threads)
        self.generators = [np.random.Generator(np.random.SFC64(seed)) for seed in seeds]
        # 4 arrays of 2 x 8192 doubles: half a megabyte.
        self.block = 8192

    def share(self, worker):
        share = OPTIONS.paths // OPTIONS.threads
        last = worker == OPTIONS.threads - 1
        return OPTIONS.paths - share * (OPTIONS.threads - 1) if last else share

    def normals_of(self, worker):
        out = np.empty(self.block)
        left = 2 * self.share(worker) * OPTIONS.steps
        while left > 0:
            self.generators[worker].standard_normal(out=out)
            left -= len(out)

    def run_of(self, worker, steps, x):
        generator, block = self.generators[worker], self.block
        noise, drift, term = (np.empty((2, block)) for _ in range(3))
        (a, b), (c, d) = -ETA * DECAY
        offset = ETA * DECAY @ REST
        first = sum(self.share(w) for w in range(worker))
        for start in range(first, first + self.share(worker), block):
            part = x[:, start : min(start + block, first + self.share(worker))]
            n = part.shape[1]
            z, f, t = noise[:, :n], drift[:, :n], term[:, :n]
            for _ in range(steps):
                generator.standard_normal(out=noise)
                np.multiply(part[0], a, out=f[0])
                np.multiply(part[0], c, out=f[1])
                np.multiply(part[1], b, out=t[0])
                np.multiply(part[1], d, out=t[1])
                f += t
                f += offset[:, None]
                part += f
                np.multiply(z, AMPLITUDE[:, None], out=t)
                part += t

    def normals(self):
        start = time.perf_counter()
        list(self.pool.map(self.normals_of, range(OPTIONS.threads)))
        return time.perf_counter() - start

    def run(self, steps):
        x = np.repeat(START[:, None], OPTIONS.paths, axis=1)
        start = time.perf_counter()
        list(self.pool.map(lambda w: self.run_of(w, steps, x), range(OPTIONS.threads)))
        return time.perf_counter() - start, x


class Jax:
    """A jitted loop over the steps of the whole ensemble. `form` is how a step is written: XLA fuses a
    draw into whatever reads it, and draws again for every reader, so that forms differ by a factor of 3."""

    FORMS = ("product", "draws")

    def __init__(self, generator, form):
        self.key = jax.random.key(1, impl=generator)
        paths = OPTIONS.paths
        step_matrix = jnp.asarray(np.eye(2) - ETA * DECAY)
        offset = jnp.asarray((ETA * DECAY @ REST)[:, None])
        amplitude = jnp.asarray(AMPLITUDE[:, None])
        (a, b), (c, d) = (np.eye(2) - ETA * DECAY).tolist()
        e, f = (ETA * DECAY @ REST).tolist()
        s, t = AMPLITUDE.tolist()

        def product(key, steps):
            def step(n, x):
                z = jax.random.normal(jax.random.fold_in(key, n), (2, paths), jnp.float64)
                return step_matrix @ x + offset + amplitude * z

            return jax.lax.fori_loop(0, steps, step, jnp.repeat(START[:, None], paths, axis=1))

        def draws(key, steps):
            def step(n, x):
                theta, omega = x
                first, second = jax.random.split(jax.random.fold_in(key, n))
                z = jax.random.normal(first, (paths,), jnp.float64)
                w = jax.random.normal(second, (paths,), jnp.float64)
                return a * theta + b * omega + e + s * z, c * theta + d * omega + f + t * w

            start = (jnp.full(paths, START[0]), jnp.full(paths, START[1]))
            return jnp.stack(jax.lax.fori_loop(0, steps, step, start))

        def numbers(key, steps):
            def step(n, total):
                return total + jax.random.normal(
                    jax.random.fold_in(key, n), (2 * paths,), jnp.float64
                )

            return jax.lax.fori_loop(0, steps, step, jnp.zeros(2 * paths))

        self.ensemble = jax.jit({"product": product, "draws": draws}[form])
        self.numbers = jax.jit(numbers)
        self.ensemble(self.key, 1).block_until_ready()
        self.numbers(self.key, 1).block_until_ready()

    def normals(self):
        start = time.perf_counter()
        self.numbers(self.key, OPTIONS.steps).block_until_ready()
        return time.perf_counter() - start

    def run(self, steps):
        start = time.perf_counter()
        x = self.ensemble(self.key, steps).block_until_ready()
        return time.perf_counter() - start, np.asarray(x)


class Report:
    """Prints lines as they come and remembers whether all is well."""

    well = True

    def line(self, name, text):
        print(f"  {name:<54}{text}", flush=True)

    def rate(self, name, count, seconds):
        self.line(name, f"{1e-6 * count / seconds:9.1f} million a second")

    def ratio(self, name, value, least):
        holds = value >= least
        self.well &= bool(holds)
        self.line(name, f"{value:9.2f}  at least {least}  {'ok' if holds else 'MISSED'}")


def recursion(steps):
    """Means and second moments of the chain, exactly."""
    m, second = START - REST, np.outer(START - REST, START - REST)
    step = np.eye(2) - ETA * DECAY
    for _ in range(steps):
        m, second = step @ m, step @ second @ step.T + np.diag(AMPLITUDE**2)
    return m + REST, second - np.outer(m, m)


def check(name, means, report):
    mean, covariance = recursion(20)
    errors = np.abs(means - mean) / np.sqrt(np.diag(covariance) / OPTIONS.paths)
    report.well &= bool(np.all(errors <= 5))
    word = "ok" if np.all(errors <= 5) else "WRONG"
    report.line(f"{name}, means after 20 steps", f"off by {errors.max():.1f} standard errors  {word}")


def main():
    ours, numpy, report = Ours("linear_game"), NumPy(), Report()
    every = {
        f"JAX, {generator}, {form}": Jax(generator, form)
        for generator in ("threefry2x32", "rbg")
        for form in Jax.FORMS
    }
    print(f"threads {OPTIONS.threads}, paths {OPTIONS.paths}, steps {OPTIONS.steps}, double precision")
    check("ours", np.array(ours.run("euler-maruyama", steps=20)["moments"][:2]), report)
    check("NumPy", numpy.run(20)[1].mean(axis=1), report)
    for name, jax_side in every.items():
        check(name, jax_side.run(20)[1].mean(axis=1), report)

    others = ("weak-heun", "exact-linear", "platen", "simultaneous", "alternating")
    times = {}

    def keep(name, seconds):
        times.setdefault(name, []).append(seconds)

    for _ in range(OPTIONS.repeats):
        keep("normals, ours", ours.normals("counter"))
        keep("euler-maruyama", ours.run("euler-maruyama")["seconds"])
        keep("normals, rand_distr", ours.normals("ziggurat"))
        keep("normals, NumPy", numpy.normals())
        keep("NumPy", numpy.run(OPTIONS.steps)[0])
        for name, jax_side in every.items():
            keep(f"normals, {name}", jax_side.normals())
            keep(name, jax_side.run(OPTIONS.steps)[0])
        for method in others:
            keep(method, ours.run(method)["seconds"])
        steps = max(OPTIONS.steps // 8, 1)
        eight = ours.run("euler-maruyama", substeps=8, steps=steps)["seconds"]
        keep("euler-maruyama, 8 substeps", eight * OPTIONS.steps / (8 * steps))
    best = {name: min(seconds) for name, seconds in times.items()}
    count = OPTIONS.paths * OPTIONS.steps

    print("\n(a) normal numbers")
    for name in times:
        if name.startswith("normals, "):
            report.rate(name.removeprefix("normals, "), 2 * count, best[name])
    print("\n(b) path-steps of Euler-Maruyama")
    report.rate("ours", count, best["euler-maruyama"])
    report.rate("ours, 8 substeps a step", count, best["euler-maruyama, 8 substeps"])
    report.rate("NumPy", count, best["NumPy"])
    for name in every:
        report.rate(name, count, best[name])
    fastest = min(best[name] for name in every)
    report.ratio("ours / NumPy", best["NumPy"] / best["euler-maruyama"], least=3)
    report.ratio("ours / JAX at its best", fastest / best["euler-maruyama"], least=3)
    limit = best["normals, ours"] / best["euler-maruyama"]
    report.ratio("ours / what our normals alone allow", limit, least=0.7)
    print("\n(c) path-steps of other methods")
    for method in others:
        report.rate(method, count, best[method])
    sys.exit(not report.well)


if __name__ == "__main__":
    main()
