// Ink: lines with dashes and markers, bands, ends, and a density where single lines would be a blot.

const strokes = JSON.parse(one("#strokes").textContent);
const GREY = strokes.markers.length;
/// Distance of markers along a curve, in CSS pixels: 10.5 mm of paper.
const MARKER_GAP = 40;

const inkOf = (group) => color("s" + Math.min(group.color, GREY));

/// Pixels of a polyline as pieces between gaps.
function project(xs, ys, place) {
  const pieces = [];
  let piece = null;
  for (let i = 0; i < xs.length; i += 1) {
    if (Number.isNaN(ys[i])) { piece = null; continue; }
    if (!piece) pieces.push((piece = []));
    piece.push(place(xs[i], ys[i]));
  }
  return pieces;
}

function trace(ink, pieces) {
  for (const piece of pieces) {
    piece.forEach(([x, y], i) => (i ? ink.lineTo(x, y) : ink.moveTo(x, y)));
    // A piece of one row is a dot.
    if (piece.length === 1) ink.lineTo(piece[0][0] + 0.01, piece[0][1]);
  }
}

function paintLine(ink, pieces, group, width, scale) {
  ink.save();
  ink.strokeStyle = inkOf(group);
  ink.lineWidth = width * scale;
  ink.lineJoin = "round";
  ink.setLineDash((strokes.dashes[group.dash] || []).map((part) => part * width * scale));
  ink.beginPath();
  trace(ink, pieces);
  ink.stroke();
  ink.restore();
}

function paintBand(ink, band, group, place) {
  ink.save();
  ink.globalAlpha *= 0.17;
  ink.fillStyle = inkOf(group);
  ink.beginPath();
  band.x.forEach((x, i) => ink.lineTo(...place(x, band.high[i])));
  for (let i = band.x.length - 1; i >= 0; i -= 1) ink.lineTo(...place(band.x[i], band.low[i]));
  ink.closePath();
  ink.fill();
  ink.restore();
}

/// Markers at equal distances along the line, each curve with a phase of its own.
function paintMarkers(ink, pieces, group, phase, scale) {
  let next = (12 + phase * MARKER_GAP) * scale;
  let walked = 0;
  for (const piece of pieces) {
    for (let i = 1; i < piece.length; i += 1) {
      const [[x0, y0], [x1, y1]] = [piece[i - 1], piece[i]];
      const length = Math.hypot(x1 - x0, y1 - y0);
      while (length > 0 && next <= walked + length) {
        const t = (next - walked) / length;
        paintMarker(ink, x0 + t * (x1 - x0), y0 + t * (y1 - y0), group, scale);
        next += MARKER_GAP * scale;
      }
      walked += length;
    }
  }
}

function paintMarker(ink, x, y, group, scale) {
  if (group.color >= GREY) return;
  const [corners, turn] = strokes.markers[group.color];
  const radius = 3 * scale;
  ink.save();
  ink.fillStyle = color("card");
  ink.strokeStyle = inkOf(group);
  ink.lineWidth = 1.2 * scale;
  ink.beginPath();
  if (corners === 0) ink.arc(x, y, radius, 0, 2 * Math.PI);
  for (let i = 0; i < corners; i += 1) {
    const angle = ((turn + (360 * i) / corners) * Math.PI) / 180;
    ink.lineTo(x + 1.15 * radius * Math.sin(angle), y - 1.15 * radius * Math.cos(angle));
  }
  ink.closePath();
  ink.fill();
  ink.stroke();
  ink.restore();
}

/// How a curve ended: disc reached, open triangle out of budget, cross diverged, plus broken.
function paintEnd(ink, [x, y], end, group, scale) {
  const r = 4 * scale;
  ink.save();
  ink.strokeStyle = ink.fillStyle = inkOf(group);
  ink.lineWidth = 1.5 * scale;
  ink.beginPath();
  if (end === "reached") {
    ink.arc(x, y, 0.9 * r, 0, 2 * Math.PI);
    ink.fill();
  } else if (end === "censored") {
    ink.moveTo(x, y - r);
    ink.lineTo(x + 1.4 * r, y);
    ink.lineTo(x, y + r);
    ink.closePath();
    ink.fillStyle = color("card");
    ink.fill();
  } else {
    const d = end === "diverged" ? r : 0;
    ink.moveTo(x - r, y - d);
    ink.lineTo(x + r, y + d);
    ink.moveTo(x - d, y + r);
    ink.lineTo(x + d, y - r);
    if (end === "diverged") { ink.moveTo(x, y - r); ink.lineTo(x, y - 3 * r); }
  }
  ink.stroke();
  ink.restore();
}

/// A sample of a curve's look for a list.
function sample(group) {
  const scale = Math.max(2, devicePixelRatio || 1);
  const canvas = make("canvas", { width: 34 * scale, height: 12 * scale, "aria-hidden": "true" });
  const repaint = () => {
    const ink = canvas.getContext("2d");
    ink.clearRect(0, 0, canvas.width, canvas.height);
    const line = [[[1 * scale, 6 * scale], [33 * scale, 6 * scale]]];
    paintLine(ink, line, group, 2, scale);
    paintMarker(ink, 17 * scale, 6 * scale, group, scale);
  };
  repaint();
  return { canvas, repaint };
}

const CELLS = [400, 225];
const PER_FRAME = 2000;

/// Counts the lines of each group per cell of a coarse raster, some lines a frame; `show` gets the
/// picture after each frame. Returns a function that gives up.
function density(shown, place, box, show) {
  const [columns, rows] = CELLS;
  const layers = shown.map((group) => ({ group, counts: new Float32Array(columns * rows) }));
  const lines = layers.flatMap(({ group, counts }) => group.runs.map((path) => ({ path, counts })));
  let done = 0, stopped = false;
  const cell = ([x, y]) => [
    Math.floor(((x - box.left) / box.width) * columns),
    Math.floor(((y - box.top) / box.height) * rows),
  ];
  const count = (pieces, counts) => {
    let last = -1;
    const add = (column, row) => {
      if (column < 0 || column >= columns || row < 0 || row >= rows) return;
      const at = row * columns + column;
      if (at !== last) counts[at] += 1;
      last = at;
    };
    for (const piece of pieces) {
      for (let i = 0; i < piece.length; i += 1) {
        const [c0, r0] = cell(piece[Math.max(0, i - 1)]);
        const [c1, r1] = cell(piece[i]);
        const steps = Math.min(2000, Math.max(Math.abs(c1 - c0), Math.abs(r1 - r0), 1));
        for (let step = 0; step <= steps; step += 1) {
          add(Math.round(c0 + ((c1 - c0) * step) / steps), Math.round(r0 + ((r1 - r0) * step) / steps));
        }
      }
    }
  };
  const frame = () => {
    if (stopped) return;
    const until = Math.min(lines.length, done + PER_FRAME);
    for (; done < until; done += 1) {
      const { path, counts } = lines[done];
      count(project(path.x, path.y, place), counts);
    }
    show(picture(layers));
    if (done < lines.length) requestAnimationFrame(frame);
  };
  frame();
  return () => { stopped = true; };
}

/// Counts as ink: the more lines the darker, by logarithm; the color is the mean of those that meet.
function picture(layers) {
  const [columns, rows] = CELLS;
  const canvas = make("canvas", { width: columns, height: rows });
  const ink = canvas.getContext("2d");
  const image = ink.createImageData(columns, rows);
  const tones = layers.map(({ group }) =>
    /^#(..)(..)(..)$/.exec(inkOf(group)).slice(1).map((part) => parseInt(part, 16)));
  const totals = new Float32Array(columns * rows);
  for (const { counts } of layers) counts.forEach((n, i) => { totals[i] += n; });
  const most = Math.log1p(totals.reduce((a, b) => Math.max(a, b), 1));
  totals.forEach((total, i) => {
    if (!total) return;
    const mean = [0, 1, 2].map((part) =>
      layers.reduce((sum, { counts }, l) => sum + counts[i] * tones[l][part], 0) / total);
    image.data.set([...mean, 60 + (195 * Math.log1p(total)) / most], 4 * i);
  });
  ink.putImageData(image, 0, 0);
  return canvas;
}
