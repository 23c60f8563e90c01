// The runs of the studies: decoded when a view first looks at them.

const blocks = all("script.study");
const opened = new Map();
const GAP = 65535, ZERO = 65534, TOP = 65533;
const LINEAR = 0, LOG = 1, COUNT = 2;

/// What is known of the study at a place; its columns once `whenReady` has called back.
function study(place) {
  if (!opened.has(place)) opened.set(place, open(JSON.parse(blocks[place].textContent), place));
  return opened.get(place);
}

/// Calls back when the columns of a study can be read: at once if they have been before.
function whenReady(place, act) {
  const data = study(place);
  if (data.column) { act(); return; }
  if (!data.loading) data.loading = unpack(data);
  data.loading.then(act);
}

/// Inflates the words of a study and undoes their differences.
async function unpack(data) {
  const bytes = Uint8Array.fromBase64
    ? Uint8Array.fromBase64(data.words)
    : Uint8Array.from(atob(data.words), (c) => c.charCodeAt(0));
  data.words = "";
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const planes = new Uint8Array(await new Response(inflated).arrayBuffer());
  const words = new Uint16Array(planes.length / 2);
  const starts = [];
  let at = 0;
  for (const [count, scale] of data.columns) {
    starts.push(at);
    let sum = 0;
    for (const end = at + (scale === COUNT ? 2 * count : count); at < end; at += 1) {
      const z = (planes[at] << 8) | planes[words.length + at];
      sum = (sum + ((z >> 1) ^ -(z & 1))) & 65535;
      words[at] = sum;
    }
  }
  const decoded = [];
  /// The numbers of a column; NaN where there is none.
  data.column = (index) => {
    if (index === null || index === undefined) return null;
    if (!decoded[index]) decoded[index] = numbers(words, starts[index], data.columns[index]);
    return decoded[index];
  };
}

function open(data, place) {
  data.place = place;
  const costs = data.costs.length;
  data.runs = data.runs.map(([curve, seed, status, rows, id, columns, reason]) => ({
    curve, seed, rows, id, costs: columns.slice(0, costs), metrics: columns.slice(costs),
    status: status === null ? "not run" : data.statuses[status],
    reason: reason === null ? "" : data.reasons[reason],
  }));
  data.byCurve = data.curves.map(() => []);
  for (const run of data.runs) data.byCurve[run.curve].push(run);
  return data;
}

function numbers(words, start, [count, scale, low, high]) {
  const values = new Float64Array(count);
  const range = scale === LOG ? Math.log(high / low) : high - low;
  for (let i = 0; i < count; i += 1) {
    if (scale === COUNT) {
      values[i] = words[start + 2 * i] + 65536 * words[start + 2 * i + 1];
      continue;
    }
    const word = words[start + i];
    if (word === GAP) values[i] = NaN;
    else if (scale === LINEAR) values[i] = low + range * (word / TOP);
    else values[i] = word === ZERO ? 0 : low * Math.exp(range * (word / TOP));
  }
  return values;
}

/// Whether any study has a curve to draw.
const hasCurves = (data) => data.metrics.length > 0 && data.curves.some((curve) => !curve.probe);
