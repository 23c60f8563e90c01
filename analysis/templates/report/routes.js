// Views: every state has an address, and the address is all there is to a state.

const pages = all("section.page");
const main = one("#main");
let ledgerPlace = 0;
let lastClaim = null;
let curvesExplorer = null;

/// Path and parameters of the address.
function address() {
  const [path, query] = location.hash.slice(1).split("?");
  let known = path;
  try { known = decodeURIComponent(path); } catch { /* not an address of ours */ }
  return { path: known || "/", parameters: new URLSearchParams(query || "") };
}

function route() {
  const { path, parameters } = address();
  const ledger = pages[0];
  const page = pages.find((each) => each.dataset.path === path) || ledger;
  const isClaim = page.dataset.view === "claim";
  const before = pages.find((each) => !each.hidden && each !== page && each !== ledger);
  const split = isClaim && matchMedia("(min-width: 1440px)").matches;
  const fresh = page.hidden;
  if (!ledger.hidden && !main.classList.contains("split") && page !== ledger) ledgerPlace = scrollY;
  for (const each of pages) each.hidden = each !== page && !(split && each === ledger);
  main.classList.toggle("split", split);
  for (const link of all("nav a")) {
    const target = link.getAttribute("href").slice(1);
    const here = target === page.dataset.path || (isClaim && target === "/");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (isClaim) {
    const variant = showVariant(page, parameters.get("variant"));
    lastClaim = `#${page.dataset.path}?variant=${variant}`;
    markRow();
  }
  else markRow();
  if (page.dataset.view === "curves") showCurves(parameters);
  if (page.dataset.view === "words") showWord(parameters.get("at"));
  else if (fresh) arrive(page, before, split);
  document.title = page === ledger ? "Which claims hold" : `${one("h2", page).textContent} · Which claims hold`;
}

/// Scrolls and focuses after a change of view: a page from its heading, the ledger where it was.
function arrive(page, before, split) {
  if (page !== pages[0]) {
    one("h2", page).focus({ preventScroll: true });
    if (split) page.scrollTop = 0;
    else scrollTo(0, 0);
    return;
  }
  scrollTo(0, ledgerPlace);
  if (before) focusRow();
}

/// The row of the claim that was open last.
function focusRow() {
  const link = shownLinks().find((each) => each.getAttribute("href") === lastClaim);
  link?.focus({ preventScroll: true });
}

/// Marks the row of the claim that stands beside the ledger.
function markRow() {
  const split = main.classList.contains("split");
  for (const row of rows) {
    if (split && one(".claim a", row).getAttribute("href") === lastClaim) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function back() {
  const split = main.classList.contains("split");
  location.hash = "#/";
  if (split) setTimeout(focusRow);
}

function showWord(word) {
  const entry = all("dt[data-word]").find((each) => each.dataset.word === word);
  if (!entry) return;
  entry.scrollIntoView({ block: "center" });
  entry.focus({ preventScroll: true });
}

/// The explorer, as its address says.
function showCurves(parameters) {
  const places = blocks.map((_, i) => i).filter((i) => hasCurves(study(i)));
  one("#no-curves").hidden = places.length > 0;
  one("#explorer").hidden = places.length === 0;
  if (!places.length) { showPrinted(null); return; }
  const place = places.find((i) => study(i).study === parameters.get("study")) ?? places[0];
  const view = startingView(place);
  const data = study(place);
  const take = (key, known) => {
    const value = parameters.get(key);
    if (value !== null && known.includes(value)) view[key] = value;
  };
  take("variant", data.variants);
  take("problem", problemsOf(data));
  take("x", data.costs.map((axis) => axis.name));
  take("y", data.metrics.map((axis) => axis.name));
  for (const key of ["xlog", "ylog", "seeds"]) {
    if (parameters.has(key)) view[key] = parameters.get(key) === "1";
  }
  view.hidden = new Set(parameters.getAll("hide"));
  whenReady(place, () => {
    if (!curvesExplorer) {
      curvesExplorer = makeExplorer(one("#explorer"), view, { studies: true, changed: keepAddress });
    } else {
      Object.assign(curvesExplorer.view, view);
    }
    curvesExplorer.update();
  });
  showPrinted(place);
}

/// Writes what the explorer shows into the address, without a step in the history.
function keepAddress(view) {
  history.replaceState(null, "", curvesAddress(view));
  showPrinted(view.study);
}

let printedStudy = null;

/// The figures of a study as on paper; of all studies where none has curves.
function showPrinted(place) {
  if (printedStudy === place && one("#printed").childElementCount) return;
  printedStudy = place;
  const mine = all("template[data-study]").filter((each) => place === null || Number(each.dataset.study) === place);
  one("#printed").replaceChildren(...mine.map((each) => each.content.cloneNode(true)));
}

one(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  const target = pages.find((page) => !page.hidden) || pages[0];
  (one("h2", target) || one("button, a, input", target)).focus();
});
for (const link of all("[data-back]")) {
  link.addEventListener("click", (event) => { event.preventDefault(); back(); });
}
addEventListener("hashchange", route);
matchMedia("(min-width: 1440px)").addEventListener("change", route);
addEventListener("beforeprint", () => {
  for (const details of all("section.page:not([hidden]) details")) details.open = true;
});
route();
