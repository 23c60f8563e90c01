// The page of a claim: the variant switch, the interactive figure, what is filled in when opened.

const explorers = new Map();

/// Shows a variant of a claim and returns its name; the figure keeps its axes and zoom, so that only the change is seen.
function showVariant(page, wanted) {
  const radios = all("fieldset.variants input", page);
  const open = radios.filter((radio) => !radio.disabled);
  // Without a wish the study's own variant, whose numbers come first.
  const own = one("[data-variant]", page)?.dataset.variant;
  const chosen = [wanted, own].map((name) => open.find((radio) => radio.value === name)).find(Boolean);
  if (!chosen) return null;
  chosen.checked = true;
  for (const part of all("[data-variant]", page)) part.hidden = part.dataset.variant !== chosen.value;
  const host = one("[data-plot]", page);
  if (host) {
    const name = one("span", chosen.parentElement).textContent;
    const start = JSON.parse(host.dataset.plot);
    whenReady(start.study, () => {
      if (!explorers.has(page.dataset.path)) {
        const view = { seeds: false, hidden: new Set(), zoom: null, variant: name, ...start };
        explorers.set(page.dataset.path, makeExplorer(host, view, {}));
      }
      const explorer = explorers.get(page.dataset.path);
      explorer.view.variant = name;
      explorer.update();
    });
  }
  for (const details of all("[data-variant]:not([hidden]) details[open]", page)) fill(details);
  return chosen.value;
}

for (const radio of all("fieldset.variants input")) {
  radio.addEventListener("change", () => {
    const page = radio.closest("section");
    location.replace(`#${page.dataset.path}?variant=${radio.value}`);
    say(`${radio.value}: ${one(`[data-variant="${radio.value}"] .answer`, page).textContent}`);
  });
}

/// Fills what costs too much to hold in the page until somebody looks.
function fill(details) {
  if (details.dataset.filled) return;
  details.dataset.filled = "yes";
  const section = details.closest("section");
  if (details.dataset.runs) {
    const [place, curve] = details.dataset.runs.split(" ").map(Number);
    whenReady(place, () => details.append(runTable(study(place), [curve])));
    return;
  }
  const kind = details.dataset.fill;
  if (!kind) return;
  const curves = (details.closest("[data-curves]").dataset.curves || "").split(" ").filter(Boolean).map(Number);
  const data = study(Number(section.dataset.study));
  if (kind === "runs") {
    if (!curves.length) details.append(make("p", {}, "No run of this claim is known."));
    else whenReady(data.place, () => details.append(runTable(data, curves)));
  } else if (kind === "configurations") {
    const texts = new Map();
    for (const curve of curves.map((i) => data.curves[i])) {
      const text = data.configurations[curve.configuration];
      texts.set(text, [...(texts.get(text) || []), `${curve.name} on ${data.problems[curve.problem]}`]);
    }
    for (const [text, names] of texts) details.append(make("h4", {}, names.join(", ")), make("pre", {}, text));
    if (!texts.size) details.append(make("p", {}, "No run of this claim is known."));
  } else if (kind === "figures") {
    const ids = details.dataset.figures.split(" ").filter(Boolean);
    details.append(make("div", { class: "figures" }, ...ids.map(printedFigure).filter(Boolean)));
    if (!ids.length) details.append(make("p", {}, "The study draws none of this variant."));
  }
}

/// A figure as on paper, out of its template.
function printedFigure(id) {
  return document.getElementById(id)?.content.cloneNode(true);
}

document.addEventListener("toggle", (event) => {
  if (event.target.tagName === "DETAILS" && event.target.open) fill(event.target);
}, true);
