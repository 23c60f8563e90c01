"""Reads packs with h5py alone, as somebody without this program would.

usage: read_pack.py PACK.h5 [PACK.h5 ...]

Prints the runs and columns of each pack and checks that they fit together: every run lies inside
every column it has, runs follow each other without gap, names and attributes are text, arrays are
as long as their shapes say. Exits with 1 at the first pack that does not.
"""

import json
import sys

import h5py
import numpy as np


def check(path):
    with h5py.File(path) as pack:
        assert pack.attrs["format"] == "converge pack", "not a pack"
        assert pack.attrs["schema"] == 1, f"schema {pack.attrs['schema']}"
        json.loads(pack.attrs["machine"])
        json.loads(pack.attrs["written_by"])
        runs = pack["runs"][:]
        configurations = [json.loads(text) for text in pack["configurations"].asstr()]
        sets = [json.loads(text) for text in pack["columns"].asstr()]
        trace = pack["trace"]
        total = int(runs["rows"].sum())
        print(f"{path}: {len(runs)} runs, {total} rows, {len(configurations)} configurations")

        for name, column in trace.items():
            attributes = {key: column.attrs[key] for key in column.attrs}
            for key in ("name", "role", "units", "direction", "split", "description"):
                assert isinstance(attributes[key], str), f"{name}: {key} is not text"
            kinds = {"metric": "f", "count": "u", "digest": "u"}
            assert column.dtype.kind == kinds[attributes["role"]], f"{name}: {column.dtype}"
            assert column.shape == (total,), f"{name}: {column.shape} where there are {total} rows"
            print(f"  {name}: {column.dtype}, {attributes['description']}")

        end = 0
        for run in runs:
            identity = run["identity"].decode()
            assert run["offset"] == end, f"{identity}: begins at {run['offset']}, not at {end}"
            end += int(run["rows"])
            configuration = configurations[run["configuration"]]
            assert "task" in configuration and "seed" not in configuration, identity
            json.loads(run["facts"])
            span = slice(int(run["offset"]), end)
            for name in sets[run["columns"]]:
                if trace[name].attrs["role"] != "metric":
                    # The fill value says "not measured": a run that has the column was measured.
                    unmeasured = trace[name][span] == trace[name].fillvalue
                    assert trace[name].attrs["role"] == "digest" or not unmeasured.any(), name
            if "iteration" in sets[run["columns"]]:
                iterations = trace["iteration"][span].astype(np.int64)
                assert (np.diff(iterations) > 0).all(), f"{identity}: iterations do not rise"
        assert end == total

        for array in pack["arrays"][:]:
            name = array["name"].decode()
            label = f"output {name} of run {array['run']}"
            assert array["run"] < len(runs), label
            assert np.prod(array["shape"], dtype=np.uint64) == array["size"], label
            values = pack["output"][name.replace("%", "%25").replace("/", "%2F").replace("~", "%7E")]
            assert array["offset"] + array["size"] <= len(values), label


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for path in sys.argv[1:]:
        try:
            check(path)
        except (AssertionError, KeyError, OSError, ValueError) as error:
            print(f"{path}: {type(error).__name__}: {error}", file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
