// The runs of the studies: decoded when a view first looks at them.

const blocks = all("script.study");
const opened = new Map();
const GAP = 65535, ZERO = 65534, TOP = 65533;

/// The study at a place, with functions that decode its columns.
function study(place) {
  if (!opened.has(place)) opened.set(place, open(JSON.parse(blocks[place].textContent), place));
  return opened.get(place);
}

function open(data, place) {
  const bytes = Uint8Array.fromBase64
    ? Uint8Array.fromBase64(data.words)
    : Uint8Array.from(atob(data.words), (c) => c.charCodeAt(0));
  data.words = "";
  const words = new Uint16Array(bytes.buffer, 0, bytes.byteLength / 2);
  const decoded = [];
  let start = 0;
  const starts = data.columns.map(([count, scale]) => {
    const here = start;
    start += scale === "count" ? 2 * count : count;
    return here;
  });
  /// The numbers of a column; NaN where there is none.
  data.column = (index) => {
    if (index < 0 || index === undefined) return null;
    if (!decoded[index]) decoded[index] = numbers(words, starts[index], data.columns[index]);
    return decoded[index];
  };
  data.place = place;
  data.runs = data.runs.map(([curve, seed, status, rows, seconds, id, costs, metrics, reason]) => ({
    curve, seed, rows, seconds, id, costs, metrics,
    status: status < 0 ? "not run" : data.statuses[status],
    reason: reason < 0 ? "" : data.reasons[reason],
  }));
  data.byCurve = data.curves.map(() => []);
  for (const run of data.runs) data.byCurve[run.curve].push(run);
  return data;
}

function numbers(words, start, [count, scale, low, high]) {
  const values = new Float64Array(count);
  const range = scale === "log" ? Math.log(high / low) : high - low;
  for (let i = 0; i < count; i += 1) {
    if (scale === "count") {
      values[i] = words[start + 2 * i] + 65536 * words[start + 2 * i + 1];
      continue;
    }
    const word = words[start + i];
    if (word === GAP) values[i] = NaN;
    else if (scale === "linear") values[i] = low + range * (word / TOP);
    else values[i] = word === ZERO ? 0 : low * Math.exp(range * (word / TOP));
  }
  return values;
}

/// Whether any study has a curve to draw.
const hasCurves = (data) => data.metrics.length > 0 && data.curves.some((curve) => !curve.probe);
