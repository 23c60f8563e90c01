// From runs to what is drawn: points of each run, medians and bands over seeds.

const GRID = 240;

/// The curves of a view with their runs as points, in the order of the file. `variant` and `problem`
/// are names; `only`, if any, the names of the curves to keep.
function groups(data, view, variant) {
  const x = data.costs.findIndex((axis) => axis.name === view.x);
  const y = data.metrics.findIndex((axis) => axis.name === view.y);
  const found = [];
  data.curves.forEach((curve, place) => {
    if (curve.probe || data.variants[curve.variant] !== variant) return;
    if (data.problems[curve.problem] !== view.problem) return;
    if (view.only && !view.only.includes(curve.name)) return;
    const runs = [];
    for (const run of data.byCurve[place]) {
      const path = points(data.column(run.costs[x]), data.column(run.metrics[y]), view);
      if (path) runs.push({ run, ...path });
    }
    found.push({ place, name: curve.name, color: curve.color, dash: curve.dash, runs });
  });
  return found;
}

/// The points of a run that its axes can show; NaN breaks the line. On a logarithmic y axis a run
/// ends where it first reaches 0: the floor.
function points(xs, ys, view) {
  if (!xs || !ys) return null;
  const x = [], y = [];
  for (let i = 0; i < xs.length; i += 1) {
    if (view.ylog && ys[i] <= 0) break;
    if (!Number.isFinite(xs[i]) || (view.xlog && xs[i] <= 0)) continue;
    // Several rows at one place: the last one counts.
    if (x.length && x[x.length - 1] >= xs[i]) { x.pop(); y.pop(); }
    x.push(xs[i]);
    y.push(ys[i]);
  }
  return x.length ? { x, y } : null;
}

/// Median and 10–90 % band of runs on a common axis; it ends where fewer than half are alive.
/// Between rows values are interpolated, in logarithms where the axis is.
function band(runs, view) {
  const alive = runs
    .map(({ x, y }) => {
      const keep = y.map((_, i) => i).filter((i) => Number.isFinite(y[i]));
      return { x: keep.map((i) => x[i]), y: keep.map((i) => y[i]) };
    })
    .filter((path) => path.x.length);
  const result = { x: [], low: [], median: [], high: [] };
  for (const at of grid(alive, view.xlog)) {
    const values = [];
    for (const path of alive) {
      const value = valueAt(path, at, view);
      if (value !== null) values.push(value);
    }
    if (2 * values.length < runs.length || !values.length) {
      // Runs that have not begun come later; runs that have ended do not.
      if (!result.x.length) continue;
      break;
    }
    values.sort((a, b) => a - b);
    result.x.push(at);
    result.low.push(quantile(values, 0.1, view.ylog));
    result.median.push(quantile(values, 0.5, view.ylog));
    result.high.push(quantile(values, 0.9, view.ylog));
  }
  return result;
}

/// The union of all places, or evenly spaced ones if there are too many.
function grid(paths, log) {
  const union = Array.from(new Set(paths.flatMap((path) => path.x))).sort((a, b) => a - b);
  const apart = union.filter((x, i) => i === 0 || x - union[i - 1] > 1e-9 * Math.abs(x));
  if (apart.length <= GRID) return apart;
  const [low, high] = [apart[0], apart[apart.length - 1]];
  return Array.from({ length: GRID }, (_, i) => {
    const share = i / (GRID - 1);
    return log ? low * (high / low) ** share : low + share * (high - low);
  });
}

function valueAt({ x, y }, at, view) {
  const slack = 1e-9 * Math.abs(at);
  const next = after(x, at - slack);
  if (next === x.length) return null;
  if (next === 0 || x[next] - at <= slack) return x[next] - at <= slack ? y[next] : null;
  const [x0, x1, y0, y1] = [x[next - 1], x[next], y[next - 1], y[next]];
  const share = view.xlog ? Math.log(at / x0) / Math.log(x1 / x0) : (at - x0) / (x1 - x0);
  return view.ylog ? y0 * (y1 / y0) ** share : y0 + share * (y1 - y0);
}

/// The first place whose x is not below `at`.
function after(x, at) {
  let low = 0, high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function quantile(sorted, share, log) {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place), part = place - below;
  const a = sorted[below], b = sorted[Math.min(below + 1, sorted.length - 1)];
  return log && a > 0 ? a * (b / a) ** part : a + part * (b - a);
}

/// The range of x and y over all variants, whatever is hidden, so that the axes stand still while
/// curves come and go. Runs that left every bound do not stretch y beyond ten times the others.
function ranges(data, view) {
  const x = [Infinity, -Infinity], y = [Infinity, -Infinity];
  const stretch = (range, value) => {
    if (!Number.isFinite(value)) return;
    range[0] = Math.min(range[0], value);
    range[1] = Math.max(range[1], value);
  };
  const wild = [Infinity, -Infinity];
  for (const variant of data.variants) {
    for (const group of groups(data, view, variant)) {
      for (const { run, x: xs, y: ys } of group.runs) {
        stretch(x, xs[0]);
        stretch(x, xs[xs.length - 1]);
        const target = isBroken(run.status) ? wild : y;
        for (const value of ys) stretch(target, value);
        stretch(y, ys[0]);
      }
    }
  }
  if (wild[0] <= wild[1]) {
    const reach = Math.max(Math.abs(y[0]), Math.abs(y[1]));
    stretch(y, Math.min(wild[1], 10 * reach));
    stretch(y, Math.max(wild[0], view.ylog ? y[0] / 10 : -10 * reach));
  }
  return { x: axisRange(...x, view.xlog), y: axisRange(...y, view.ylog) };
}

const isBroken = (status) => ["diverged", "breakdown", "crashed", "out-of-memory"].includes(status);

/// The mark at the end of a run: reached, censored, diverged, broken.
function endOf(status) {
  if (["target", "converged", "plateau"].includes(status)) return "reached";
  if (["budget", "interrupted", "timed-out"].includes(status)) return "censored";
  return status === "diverged" ? "diverged" : "broken";
}

/// The end that most runs share; of equals the worse.
function commonEnd(runs) {
  const order = ["reached", "censored", "diverged", "broken"];
  const counts = order.map((end) => runs.filter(({ run }) => endOf(run.status) === end).length);
  return order[counts.lastIndexOf(Math.max(...counts))];
}
