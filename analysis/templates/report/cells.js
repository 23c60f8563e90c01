// Runs one by one: how each ended, why, and the command that repeats it.

/// Seconds inside the steps of a run, if its trace has them.
function stepSeconds(data, run) {
  const place = data.costs.findIndex((axis) => axis.name === "seconds");
  const last = data.column(run.costs[place])?.at(-1);
  return last === undefined ? "" : short(last);
}

/// A table of the runs of some curves.
function runTable(data, curves) {
  const several = curves.length > 1;
  const head = [...(several ? ["solver"] : []), "seed", "status", "rows", "step seconds", "repeat"];
  const body = curves.flatMap((curve) => data.byCurve[curve].map((run) => {
    const ran = run.status !== "not run";
    const command = `converge replay ${run.id}`;
    const repeat = ran
      ? make("td", {}, make("code", {}, command), " ", make("button", { type: "button", class: "small", "data-copy": command }, "Copy"))
      : make("td", {});
    const status = make("td", {}, run.status);
    if (run.reason) status.append(make("pre", { class: "reason" }, run.reason));
    return make("tr", {},
      ...(several ? [make("td", {}, data.curves[curve].name)] : []),
      make("th", { scope: "row" }, String(run.seed)),
      status,
      make("td", {}, ran ? String(run.rows) : ""),
      make("td", {}, ran ? stepSeconds(data, run) : ""),
      repeat);
  }));
  return make("div", { class: "scroll" }, make("table", { class: "cells runs" },
    make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, ...body)));
}
