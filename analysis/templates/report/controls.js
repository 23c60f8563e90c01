// A plot with its controls: axes, scales, seeds or bands, solvers on and off, table, CSV.

/// Builds controls and plot into `host`. `view` is changed in place; `options.studies` offers a
/// choice of study and variant, `options.changed` hears of each change.
function makeExplorer(host, view, options) {
  const readout = make("p", { class: "readout" });
  const canvas = make("div", { class: "plot", role: "img", tabindex: "0" });
  const names = make("ul", { class: "names", "aria-label": "Curves: on and off" });
  const table = make("div", { class: "scroll", hidden: true });
  const controls = make("div", { class: "controls" });
  const hint = "Drag to zoom, double click or 0 for the whole range; a wheel zooms once the plot has focus.";
  host.append(controls, canvas, readout, names, table);
  const plot = makePlot(canvas, view, (text) => { readout.textContent = text || hint; });
  readout.textContent = hint;
  const data = () => study(view.study);
  const widgets = {};

  function select(key, label, choices) {
    const element = make("select", {
      change: () => set(key, key === "study" ? Number(element.value) : element.value),
    });
    widgets[key] = { element, choices };
    controls.append(make("label", {}, make("span", {}, label), element));
  }
  function toggle(key, text, title) {
    const button = make("button", { type: "button", title, click: () => set(key, !view[key]) }, text);
    widgets[key] = { buttons: [[button, true]] };
    controls.append(button);
  }
  function either(key, label, texts) {
    const buttons = texts.map((text, i) => [
      make("button", { type: "button", click: () => set(key, i === 1) }, text), i === 1]);
    widgets[key] = { buttons };
    controls.append(make("div", { class: "either", role: "group", "aria-label": label },
      ...buttons.map(([button]) => button)));
  }
  const named = (axes) => axes.map((axis) => [axis.name, axis.title]);
  if (options.studies) {
    const drawable = blocks.map((_, i) => i).filter((i) => hasCurves(study(i)));
    select("study", "study", () => drawable.map((i) => [String(i), study(i).study]));
    select("variant", "variant", () => data().variants.map((name) => [name, name]));
  }
  select("problem", "problem", () => problemsOf(data()).map((name) => [name, name]));
  select("x", "x", () => named(data().costs));
  toggle("xlog", "log x", "logarithmic x axis");
  select("y", "y", () => named(data().metrics));
  toggle("ylog", "log y", "logarithmic y axis");
  either("seeds", "what is drawn", ["bands", "seeds"]);
  const action = (text, click) => controls.append(make("button", { type: "button", click }, text));
  action("Whole range", () => plot.reset());
  const tableButton = make("button", {
    type: "button", "aria-expanded": "false", click: () => showTable(),
  }, "Table");
  controls.append(tableButton);
  action("Copy as CSV", (event) => copy(csv(), event.currentTarget));
  const everything = make("a", { class: "everything" }, "All curves of the study");
  if (!options.studies) controls.append(everything);

  /// Changes one thing that is shown.
  function set(key, value) {
    if (view[key] === value) return;
    view[key] = value;
    if (key === "y") view.ylog = suitsLog(data(), value);
    if (key === "study") Object.assign(view, startingView(value), { study: value });
    if (["study", "problem", "x", "y", "xlog", "ylog"].includes(key)) view.zoom = null;
    whenReady(view.study, update);
    const word = { xlog: "x axis", ylog: "y axis" }[key];
    if (word) say(`${word} ${value ? "logarithmic" : "linear"}`);
    else if (key === "seeds") say(value ? "single seeds" : "median and band over seeds");
    else say(`${key}: ${key === "study" ? data().study : value}`);
  }

  function update() {
    for (const [key, widget] of Object.entries(widgets)) {
      if (widget.element) {
        const choices = widget.choices();
        widget.element.replaceChildren(
          ...choices.map(([value, text]) => make("option", { value }, text)));
        widget.element.value = String(view[key]);
        widget.element.disabled = choices.length < 2;
      } else {
        for (const [button, on] of widget.buttons) button.setAttribute("aria-pressed", String(view[key] === on));
      }
    }
    list();
    plot.draw();
    if (!table.hidden) fillTable();
    everything.setAttribute("href", curvesAddress({ ...view, hidden: [] }));
    options.changed?.(view);
  }

  /// The names, each a switch with the dash and marker of its curve. Past eight they are grey.
  function list() {
    const found = groups(data(), view, view.variant);
    names.replaceChildren(...found.map((group) => {
      const { canvas: look } = sample(group);
      const count = group.runs.length;
      const button = make("button", {
        type: "button",
        "aria-pressed": String(!view.hidden.has(group.name)),
        click: () => {
          if (!view.hidden.delete(group.name)) view.hidden.add(group.name);
          update();
          all("button", names)[found.indexOf(group)]?.focus();
          say(`${group.name} ${view.hidden.has(group.name) ? "off" : "on"}`);
        },
      }, look, make("span", {}, group.name), make("small", {}, count === 0 ? "not run" : `${count} seeds`));
      return make("li", {}, button);
    }));
    if (found.some((group) => group.color >= GREY)) {
      names.append(make("li", { class: "meta" }, "Solvers past the eighth are grey."));
    }
  }
  repaints.push(() => { if (names.childElementCount) list(); });

  function showTable() {
    table.hidden = !table.hidden;
    tableButton.setAttribute("aria-expanded", String(!table.hidden));
    if (!table.hidden) {
      fillTable();
      say("table of the numbers shown");
    }
  }

  /// The shown numbers: medians with bands at up to 24 places, or how each seed ended.
  function fillTable() {
    const cell = (text) => make("td", {}, text);
    const head = (texts) => make("thead", {}, make("tr", {}, ...texts.map((t) => make("th", { scope: "col" }, t))));
    const rows = [];
    let top;
    if (view.seeds) {
      top = head(["solver", "seed", "status", `last ${view.x}`, `last ${view.y}`]);
      for (const group of plot.shown()) {
        for (const { run, x, y } of group.runs) {
          const cells = [String(run.seed), run.status, short(x.at(-1)), short(y.at(-1))].map(cell);
          rows.push(make("tr", {}, make("th", { scope: "row" }, group.name), ...cells));
        }
      }
    } else {
      const shown = plot.shown();
      top = head([view.x, ...shown.map((group) => group.name)]);
      const bands = plot.bands();
      const [from, to] = plot.range();
      const places = spaced(bands.flatMap((b) => b.x).filter((x) => x >= from && x <= to), 24);
      for (const at of places) {
        const cells = bands.map((b) => {
          const i = after(b.x, at * (1 - 1e-9));
          if (i >= b.x.length || b.x[i] > at * (1 + 1e-9) + 1e-300) return cell("");
          const spread = b.low[i] === b.high[i] ? "" : ` [${short(b.low[i])}, ${short(b.high[i])}]`;
          return cell(short(b.median[i]) + spread);
        });
        rows.push(make("tr", {}, make("th", { scope: "row" }, short(at)), ...cells));
      }
    }
    const caption = make("caption", {}, `${view.y} against ${view.x}, ${view.variant}` +
      (view.seeds ? ", where each run ended" : ", median [10 %, 90 %] over seeds"));
    table.replaceChildren(make("table", { class: "cells" }, caption, top, make("tbody", {}, ...rows)));
  }

  /// All points that are shown, one a line.
  function csv() {
    const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const [from, to] = plot.range();
    const lines = [];
    if (view.seeds) {
      lines.push(["solver", "seed", "status", view.x, view.y]);
      for (const group of plot.shown()) {
        for (const { run, x, y } of group.runs) {
          x.forEach((at, i) => {
            if (at >= from && at <= to) lines.push([group.name, run.seed, run.status, digits(at), digits(y[i])]);
          });
        }
      }
    } else {
      lines.push(["solver", view.x, "median", "10 %", "90 %"]);
      plot.bands().forEach((b, g) => b.x.forEach((at, i) => {
        if (at < from || at > to) return;
        const numbers = [at, b.median[i], b.low[i], b.high[i]].map(digits);
        lines.push([plot.shown()[g].name, ...numbers]);
      }));
    }
    return lines.map((line) => line.map((part) => quoted(String(part))).join(",")).join("\n") + "\n";
  }

  const next = (key) => {
    const choices = widgets[key].choices().map(([value]) => value);
    set(key, choices[(choices.indexOf(view[key]) + 1) % choices.length]);
  };
  return {
    update,
    set,
    view,
    csv,
    keys: {
      x: () => next("x"),
      y: () => next("y"),
      l: () => {
        // y, then x, then both, then neither.
        const state = ((view.ylog ? 1 : 0) + (view.xlog ? 2 : 0) + 1) % 4;
        Object.assign(view, { ylog: (state & 1) > 0, xlog: (state & 2) > 0, zoom: null });
        update();
        say(`${view.xlog ? "logarithmic" : "linear"} x, ${view.ylog ? "logarithmic" : "linear"} y`);
      },
      b: () => set("seeds", !view.seeds),
      t: showTable,
      0: () => plot.reset(),
    },
  };
}

/// The address of what an explorer shows.
function curvesAddress(view) {
  const parameters = new URLSearchParams();
  parameters.set("study", study(view.study).study);
  for (const key of ["variant", "problem", "x", "y"]) parameters.set(key, view[key]);
  for (const key of ["xlog", "ylog", "seeds"]) parameters.set(key, view[key] ? "1" : "0");
  for (const name of view.hidden) parameters.append("hide", name);
  return `#/curves?${parameters}`;
}

/// Numbers as machines read them; the coding keeps about five digits.
const digits = (value) => String(Number(value.toPrecision(6)));

/// About `count` of the places, spread evenly over their order.
function spaced(places, count) {
  const sorted = Array.from(new Set(places)).sort((a, b) => a - b);
  if (sorted.length <= count) return sorted;
  return Array.from({ length: count }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / (count - 1))]);
}

/// Problems of a study that have curves.
function problemsOf(data) {
  const used = new Set(data.curves.filter((c) => !c.probe).map((c) => c.problem));
  return data.problems.filter((_, i) => used.has(i));
}

/// Whether a metric is better seen on a logarithmic axis: positive, and not a share that ends at 1.
function suitsLog(data, name) {
  const place = data.metrics.findIndex((axis) => axis.name === name);
  const columns = data.runs.map((run) => data.columns[run.metrics[place]]).filter(Boolean);
  return data.metrics[place]?.better <= 0 && columns.every(([, scale]) => scale === LOG);
}

/// What a study shows first.
function startingView(place) {
  const data = study(place);
  const y = data.metrics[0]?.name;
  return {
    study: place, variant: data.variants[0], problem: problemsOf(data)[0], x: data.costs[0]?.name,
    y, xlog: true, ylog: suitsLog(data, y), seeds: false, hidden: new Set(), only: null, zoom: null,
  };
}
