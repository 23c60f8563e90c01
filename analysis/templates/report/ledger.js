// The ledger: filters, search, sorting, the way from row to row.

const rows = all("tr[data-claim]");
const heads = all("tr.paper");
const chips = all(".chips button");
const search = one("#search");
const variantFilter = one("#variant");
const sorting = { key: "order", way: 1 };

/// Chips are or-ed within their group and and-ed across groups.
function filter() {
  const pressed = (group) => chips
    .filter((chip) => chip.dataset.group === group && chip.getAttribute("aria-pressed") === "true")
    .map((chip) => chip.dataset.value);
  const answers = pressed("answer");
  const unexpected = pressed("expected").length > 0;
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    const keep =
      (answers.length === 0 || answers.includes(row.dataset.answer)) &&
      (!unexpected || "unexpected" in row.dataset) &&
      (variantFilter.value === "" || row.dataset.variant === variantFilter.value) &&
      words.every((word) => text.includes(word));
    row.hidden = !keep;
    shown += keep ? 1 : 0;
  }
  showHeads();
  one(".none-left").hidden = shown > 0;
  say(`${shown} of ${rows.length} claims shown`);
}

/// Papers head their rows while the order is theirs.
function showHeads() {
  const grouped = sorting.key === "order";
  for (const head of heads) {
    const mine = rows.some((row) => !row.hidden && row.dataset.paper === head.dataset.paper);
    head.hidden = !grouped || !mine;
  }
}

/// Sorts by a key of the rows; numbers that are missing come last, whichever way.
function sort(key, way, quiet) {
  sorting.key = key;
  sorting.way = way;
  const number = (row) => (row.dataset[key] === "" ? NaN : Number(row.dataset[key]));
  const compare = (a, b) => {
    const [x, y] = [number(a), number(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return way * (x - y) || a.dataset.order - b.dataset.order;
  };
  rows.sort(compare);
  const body = one(".ledger tbody");
  if (key === "order") {
    const papers = way === 1 ? heads : heads.toReversed();
    for (const head of papers) {
      body.append(head, ...rows.filter((row) => row.dataset.paper === head.dataset.paper));
    }
  } else {
    body.append(...heads, ...rows);
  }
  for (const button of all("button[data-sort]")) {
    const mine = button.dataset.sort === key;
    const header = button.closest("th");
    if (mine) header.setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
    else header.removeAttribute("aria-sort");
  }
  const choice = one(`#sort option[value="${key} ${way}"]`);
  one("#sort").value = choice ? choice.value : "";
  showHeads();
  if (!quiet) say(`sorted by ${key === "order" ? "claim" : key}, ${way === 1 ? "rising" : "falling"}`);
}

if (rows.length > 0) {
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      filter();
    });
  }
  search.addEventListener("input", filter);
  variantFilter.addEventListener("change", filter);
  one("#clear").addEventListener("click", () => {
    for (const chip of chips) chip.setAttribute("aria-pressed", "false");
    search.value = variantFilter.value = "";
    filter();
  });
  for (const button of all("button[data-sort]")) {
    button.addEventListener("click", () => {
      const key = button.dataset.sort;
      sort(key, sorting.key === key ? -sorting.way : 1);
    });
  }
  one("#sort").addEventListener("change", (event) => {
    const [key, way] = event.target.value.split(" ");
    sort(key, Number(way));
  });
  one("#find").addEventListener("click", (event) => {
    const open = one(".find").classList.toggle("open");
    event.currentTarget.setAttribute("aria-expanded", String(open));
    if (open) search.focus();
  });
}

/// Links of the rows that are shown, in their order.
const shownLinks = () => rows.filter((row) => !row.hidden).map((row) => one(".claim a", row));
