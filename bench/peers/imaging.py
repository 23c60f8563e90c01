"""The proximal map of one coded diffraction pattern, side by side with the same in scipy.fft.

A = F diag(a) with |a| = 1 and the unitary transform F, images of 256 x 256, complex: the map of a data
term on the moduli of A x is two transforms and a few operations on every pixel between them, written
in numpy with as few passes as it needs and with the arrays of the transforms overwritten. Both sides
compute on the same codes, measurements and point, on one thread, and take turns; answers are compared
first. The time is that of the fastest round over six patterns.
Exits with 1 if answers differ or a ratio misses its target.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

BLOCKS, STEP = 6, 0.7


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", type=int, nargs="*", default=[256, 512], help="of the images")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (default 5)")
    parser.add_argument("--repeats", type=int, default=20, help="rounds of a turn (default 20)")
    return parser.parse_args()


OPTIONS = arguments()
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import scipy  # noqa: E402
import scipy.fft  # noqa: E402

from example import Example  # noqa: E402


def amplitude(w, y, t):
    r = np.abs(w)
    factor = r + t * y
    factor *= 1.0 / (1.0 + t)
    # No measured entry is exactly zero here.
    factor /= r
    w *= factor


def amplitude_l1(w, y, t):
    r = np.abs(w)
    d = r - y
    factor = y + np.sign(d) * np.maximum(np.abs(d) - t, 0.0)
    factor /= r
    w *= factor


def prox(v, code, conjugate, y, t, term):
    w = scipy.fft.fft2(code * v, norm="ortho", overwrite_x=True, workers=1)
    term(w, y, t)
    z = scipy.fft.ifft2(w, norm="ortho", overwrite_x=True, workers=1)
    z *= conjugate
    return z


def compare(ours, side, name, term, folder):
    ours.ask("instance", side=side, blocks=BLOCKS, data_term=name)
    ours.ask("export", folder=folder)
    read = lambda part: np.fromfile(Path(folder) / part)  # noqa: E731
    # Points are column-major: their rows here are the columns of the image. Frequencies are row by row.
    codes = read("codes").view(complex).reshape(BLOCKS, side, side)
    data = np.ascontiguousarray(read("data").reshape(BLOCKS, side, side).transpose(0, 2, 1))
    re, im = read("v").reshape(2, side, side)
    v, conjugates = re + 1j * im, codes.conj()

    def theirs():
        best, z = np.inf, None
        for _ in range(OPTIONS.repeats):
            start = time.perf_counter()
            for block in range(BLOCKS):
                z = prox(v, codes[block], conjugates[block], data[block], STEP, term)
            best = min(best, (time.perf_counter() - start) / BLOCKS)
        return best, z

    mine, other = [], []
    for _ in range(OPTIONS.rounds):
        answer = ours.ask("prox", step=STEP, repeats=OPTIONS.repeats, folder=folder)
        mine.append(answer["seconds"])
        seconds, z = theirs()
        other.append(seconds)
    re, im = read("answer").reshape(2, side, side)
    gap = np.abs(re + 1j * im - z).max()
    ratio = min(other) / min(mine)
    print(
        f"  {side} x {side}, {name:<13} ours {1e3 * min(mine):7.3f} ms, scipy {1e3 * min(other):7.3f} ms,"
        f" ratio {ratio:5.2f}, largest difference {gap:.1e}",
        flush=True,
    )
    # Two transforms of entries of size about 1, each good to a few units of rounding.
    return gap <= 1e-13, ratio


def main():
    ours, well = Example("imaging"), True
    print(f"scipy {scipy.__version__}, numpy {np.__version__}, one thread each")
    with tempfile.TemporaryDirectory() as folder:
        for side in OPTIONS.sides:
            for name, term in (("amplitude", amplitude), ("amplitude-l1", amplitude_l1)):
                same, ratio = compare(ours, side, name, term, folder)
                well &= same and (side != 256 or ratio >= 1.0)
    print("ok" if well else "MISSED: answers differ, or slower than scipy at 256 x 256")
    sys.exit(not well)


if __name__ == "__main__":
    main()
