// One interactive plot: uPlot has axes, scales, cursor and zoom; the ink between them is ours.

const SINGLE = 200;

/// A plot in `host`. `view` says what it shows; it is read at each `draw`. `report` gets the
/// sentence about the nearest curve, or an empty one.
function makePlot(host, view, report) {
  let chart = null;
  let made = "";
  let shown = [];
  let bands = [];
  let near = null;
  let raster = null, stopRaster = () => {};
  let data = null;

  const height = () => Math.max(260, Math.min(440, Math.round(0.56 * host.clientWidth)));
  const asSeeds = () => view.seeds;
  const lineCount = () => shown.reduce((n, group) => n + group.runs.length, 0);

  /// Gathers what is visible and draws it; axes stay unless what they show changes.
  function draw() {
    data = study(view.study);
    shown = groups(data, view, view.variant).filter((group) => !view.hidden.has(group.name));
    bands = asSeeds() ? [] : shown.map((group) => band(group.runs, view));
    near = null;
    stopRaster();
    raster = null;
    const key = [view.study, view.problem, view.x, view.y, view.xlog, view.ylog, view.only].join("\n");
    if (key !== made || !chart) {
      made = key;
      build();
    } else {
      chart.redraw(false);
      startRaster();
    }
    host.setAttribute("aria-label", sentence());
  }

  function axis(side, title, log, range) {
    const across = side === 2;
    const found = (u, min, max) => {
      const pixels = (across ? u.bbox.width : u.bbox.height) / uPlot.pxRatio || 600;
      return ticks([min, max], log, pixels, across ? 64 : 34);
    };
    // Lines at labelled ticks only.
    const labelled = (u, splits) => {
      const { min, max } = u.scales.y;
      const texts = found(u, min, max);
      return splits.map((at, i) => (texts[i]?.text ? at : null));
    };
    return {
      scale: across ? "x" : "y",
      side,
      label: title,
      labelSize: 20,
      labelGap: 2,
      labelFont: "13px system-ui, sans-serif",
      font: "12.5px system-ui, sans-serif",
      size: across ? 26 : 58,
      gap: 5,
      stroke: () => color("ink"),
      grid: { show: !across, stroke: () => color("line"), width: 1, filter: labelled },
      ticks: { stroke: () => color("strong"), width: 1, size: 5 },
      border: { show: true, stroke: () => color("strong"), width: 1 },
      splits: (u, _, min, max) => found(u, min, max).map((tick) => tick.at),
      values: (u, splits) => {
        const scale = u.scales[across ? "x" : "y"];
        const texts = found(u, scale.min ?? range[0], scale.max ?? range[1]);
        return splits.map((at, i) => texts[i]?.text ?? short(at));
      },
      filter: (_, splits) => splits,
    };
  }

  function build() {
    if (chart) chart.destroy();
    const full = ranges(data, view);
    const title = (axes, name) => axes.find((each) => each.name === name)?.title ?? name;
    const scale = (log) => ({ time: false, distr: log ? 3 : 1, range: (_, min, max) => [min, max] });
    const options = {
      width: Math.max(240, host.clientWidth),
      height: height(),
      padding: [10, 14, 0, 0],
      legend: { show: false },
      scales: { x: scale(view.xlog), y: scale(view.ylog) },
      series: [{}, { scale: "y", paths: () => null, points: { show: false } }],
      axes: [
        axis(2, title(data.costs, view.x), view.xlog, full.x),
        axis(3, title(data.metrics, view.y), view.ylog, full.y),
      ],
      cursor: { drag: { x: true, y: true, uni: 24 }, points: { show: false } },
      hooks: { draw: [paint], setCursor: [hover], ready: [() => queueMicrotask(startRaster)] },
    };
    chart = new uPlot(options, [full.x, full.y], host);
    if (view.zoom) zoomTo(view.zoom);
    listen(chart.over);
  }

  const place = (x, y) => [chart.valToPos(x, "x", true), chart.valToPos(y, "y", true)];

  function paint(u) {
    const ink = u.ctx;
    const scale = uPlot.pxRatio;
    ink.save();
    ink.beginPath();
    ink.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ink.clip();
    const faded = (group) => (near && near.group !== group ? 0.25 : 1);
    if (raster) ink.drawImage(raster, u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    if (!asSeeds()) paintBands(ink, scale, faded);
    else if (lineCount() <= SINGLE) paintSeeds(ink, scale);
    ink.restore();
    // Marks at the ends may reach over the edge.
    if (!asSeeds()) paintEnds(ink, u, scale, faded);
  }

  function paintBands(ink, scale, faded) {
    shown.forEach((group, i) => {
      ink.globalAlpha = faded(group);
      if (group.runs.length > 1) paintBand(ink, bands[i], group, place);
    });
    shown.forEach((group, i) => {
      const pieces = project(bands[i].x, bands[i].median, place);
      ink.globalAlpha = faded(group);
      paintLine(ink, pieces, group, near?.group === group ? 2.4 : 1.8, scale);
      paintMarkers(ink, pieces, group, i / shown.length, scale);
    });
    ink.globalAlpha = 1;
  }

  function paintEnds(ink, u, scale, faded) {
    shown.forEach((group, i) => {
      const last = bands[i].x.length - 1;
      if (last < 0) return;
      const at = place(bands[i].x[last], bands[i].median[last]);
      const { left, top, width, height: tall } = u.bbox;
      if (at[0] < left || at[0] > left + width + 1 || at[1] < top || at[1] > top + tall + 1) return;
      ink.globalAlpha = faded(group);
      paintEnd(ink, at, commonEnd(group.runs), group, scale);
      ink.globalAlpha = 1;
    });
  }

  function paintSeeds(ink, scale) {
    for (const group of shown) {
      for (const path of group.runs) {
        const lifted = near?.path === path;
        ink.globalAlpha = near && !lifted ? 0.25 : 0.8;
        const pieces = project(path.x, path.y, place);
        paintLine(ink, pieces, group, lifted ? 2 : 1.1, scale);
        const last = pieces.at(-1)?.at(-1);
        if (last && lineCount() <= 60) paintEnd(ink, last, endOf(path.run.status), group, 0.7 * scale);
      }
    }
    ink.globalAlpha = 1;
  }

  function startRaster() {
    if (!asSeeds() || lineCount() <= SINGLE) return;
    stopRaster = density(shown, place, chart.bbox, (image) => {
      raster = image;
      chart.redraw(false, false);
    });
  }

  /// The curve nearest to the cursor, within 40 pixels.
  function hover(u) {
    const { left, top } = u.cursor;
    const before = near;
    near = left === undefined || left < 0 ? null : nearest(left, top);
    if (near?.group !== before?.group || near?.path !== before?.path) u.redraw(false, false);
    report(near ? describe(near) : "");
  }

  function nearest(left, top) {
    let best = { distance: 40 };
    const look = (x, y, found) => {
      const at = chart.posToVal(left, "x");
      const middle = after(x, at);
      for (let i = Math.max(0, middle - 2); i < Math.min(x.length, middle + 2); i += 1) {
        if (Number.isNaN(y[i])) continue;
        const there = [chart.valToPos(x[i], "x"), chart.valToPos(y[i], "y")];
        let distance = Math.hypot(there[0] - left, there[1] - top);
        if (i + 1 < x.length && !Number.isNaN(y[i + 1])) {
          const next = [chart.valToPos(x[i + 1], "x"), chart.valToPos(y[i + 1], "y")];
          distance = Math.min(distance, toSegment([left, top], there, next));
        }
        if (distance < best.distance) best = { distance, i, x: x[i], y: y[i], ...found };
      }
    };
    shown.forEach((group, g) => {
      if (!asSeeds()) look(bands[g].x, bands[g].median, { group, band: bands[g] });
      else for (const path of group.runs) look(path.x, path.y, { group, path });
    });
    return best.group ? best : null;
  }

  function describe({ group, path, band: found, x, y, i }) {
    const at = `${view.x} ${short(x)}, ${view.y} ${short(y)}`;
    if (path) return `${isolated(group.name)}, seed ${path.run.seed}: ${at} (${path.run.status})`;
    const spread = `[${short(found.low[i])}, ${short(found.high[i])}]`;
    return `${isolated(group.name)}, median of ${group.runs.length}: ${at} ${spread}`;
  }

  /// What a reader who does not see it is told.
  function sentence() {
    const ends = shown.map((group) => {
      const found = asSeeds() ? band(group.runs, view) : bands[shown.indexOf(group)];
      const last = found.x.length - 1;
      return last < 0
        ? `${group.name} has no run`
        : `${group.name} ends at ${short(found.median[last])} after ${view.x} ${short(found.x[last])}`;
    });
    return `${view.y} against ${view.x}, ${view.variant}: ${ends.slice(0, 8).join("; ") || "no curve"}.`;
  }

  function zoomTo({ x, y }) {
    chart.batch(() => {
      chart.setScale("x", { min: x[0], max: x[1] });
      chart.setScale("y", { min: y[0], max: y[1] });
    });
  }

  /// Zooms x by a factor around a place in CSS pixels.
  function zoomX(left, factor) {
    const { min, max } = chart.scales.x;
    const [to, from] = view.xlog ? [Math.log, Math.exp] : [(v) => v, (v) => v];
    const centre = to(chart.posToVal(left, "x"));
    const ends = [min, max].map((end) => from(centre + (to(end) - centre) * factor));
    if (ends[1] / ends[0] > 1.0001 || ends[1] - ends[0] > 0) {
      chart.setScale("x", { min: ends[0], max: ends[1] });
      keepZoom();
    }
  }

  function keepZoom() {
    const { x, y } = chart.scales;
    view.zoom = { x: [x.min, x.max], y: [y.min, y.max] };
    stopRaster();
    startRaster();
  }

  function reset() {
    view.zoom = null;
    made = "";
    draw();
  }

  function listen(over) {
    over.addEventListener("wheel", (event) => {
      // A wheel over a page scrolls it; over a plot that was chosen, or with a pinch, it zooms.
      if (!event.ctrlKey && document.activeElement !== host) return;
      event.preventDefault();
      zoomX(event.offsetX, event.deltaY > 0 ? 1.25 : 0.8);
    }, { passive: false });
    over.addEventListener("mousedown", () => host.focus({ preventScroll: true }));
    over.addEventListener("mouseup", () => setTimeout(keepZoom));
    over.addEventListener("dblclick", () => setTimeout(reset));
    const fingers = new Map();
    let held = 0;
    over.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "touch") return;
      fingers.set(event.pointerId, event);
      // A long press is a hover.
      const at = { left: event.offsetX, top: event.offsetY };
      held = setTimeout(() => fingers.size === 1 && chart.setCursor(at), 400);
    });
    over.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) return;
      const spread = () => {
        const [a, b] = fingers.values();
        return Math.max(10, Math.abs(a.clientX - b.clientX));
      };
      const before = fingers.size === 2 ? spread() : 0;
      fingers.set(event.pointerId, event);
      if (before) zoomX(event.offsetX, before / spread());
    });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      over.addEventListener(end, (event) => { fingers.delete(event.pointerId); clearTimeout(held); });
    }
  }

  new ResizeObserver(() => {
    if (chart && host.clientWidth > 0 && chart.width !== host.clientWidth) {
      chart.setSize({ width: host.clientWidth, height: height() });
    }
  }).observe(host);
  repaints.push(() => { if (chart) { chart.redraw(false, true); stopRaster(); startRaster(); } });

  return {
    draw,
    reset,
    shown: () => shown,
    bands: () => (asSeeds() ? shown.map((group) => band(group.runs, view)) : bands),
    range: () => (chart ? [chart.scales.x.min, chart.scales.x.max] : [0, 0]),
    sentence,
  };
}

function toSegment([px, py], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const t = length ? Math.max(0, Math.min(1, ((px - ax) * dx + (py - ay) * dy) / length)) : 0;
  return Math.hypot(ax + t * dx - px, ay + t * dy - py);
}
