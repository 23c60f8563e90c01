"use strict";
(function () {
  const root = document.documentElement;
  const all = (selector, from) => Array.from((from || document).querySelectorAll(selector));
  const live = document.getElementById("live");
  const rows = all("tr[data-claim]");
  const chips = all(".chips button");
  const search = document.getElementById("search");
  const variant = document.getElementById("variant");

  // Theme: the system's, until the button says otherwise; kept in memory only.
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  const paint = () => root.setAttribute("data-theme", chosen || (system.matches ? "dark" : "light"));
  system.addEventListener("change", paint);
  document.getElementById("theme").addEventListener("click", () => {
    chosen = root.getAttribute("data-theme") === "dark" ? "light" : "dark";
    paint();
  });
  paint();

  // Filters: chips are or-ed within their group and and-ed across groups.
  function filter() {
    const pressed = (group) =>
      chips.filter((chip) => chip.dataset.group === group && chip.getAttribute("aria-pressed") === "true");
    const answers = pressed("answer").map((chip) => chip.dataset.value);
    const surprises = pressed("expected").length > 0;
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const keep =
        (answers.length === 0 || answers.includes(row.dataset.answer)) &&
        (!surprises || row.dataset.unexpected === "yes") &&
        (variant.value === "" || row.dataset.variant === variant.value) &&
        words.every((word) => text.includes(word));
      row.hidden = !keep;
      shown += keep ? 1 : 0;
    }
    for (const head of all("tr.paper")) {
      head.hidden = !rows.some((row) => !row.hidden && row.dataset.paper === head.dataset.paper);
    }
    live.textContent = shown + " of " + rows.length + " claims shown";
  }
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") === "true" ? "false" : "true");
      filter();
    });
  }
  search.addEventListener("input", filter);
  variant.addEventListener("change", filter);

  // Views: every state has an address.
  const pages = all("section.page");
  let place = 0;
  function show() {
    let address = "/";
    try { address = decodeURIComponent(location.hash.slice(1)) || "/"; } catch { /* not an address of ours */ }
    let page = pages.find((each) => each.id === address);
    if (!page) page = pages[0];
    const ledger = pages[0];
    if (!ledger.hidden && page !== ledger) place = scrollY;
    for (const each of pages) each.hidden = each !== page;
    const claim = page.dataset.view === "claim";
    for (const link of all("nav a")) {
      const here = link.getAttribute("href") === "#" + page.id || (claim && link.getAttribute("href") === "#/");
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    for (const slot of all("[data-figures]", page)) {
      if (slot.childElementCount > 0) continue;
      for (const id of slot.dataset.figures.split(" ").filter(Boolean)) {
        const figure = document.getElementById(id);
        if (!figure) continue;
        const copy = figure.cloneNode(true);
        copy.removeAttribute("id");
        slot.append(copy);
      }
    }
    if (claim) page.querySelector("h2").focus({ preventScroll: true });
    scrollTo(0, page === ledger ? place : 0);
  }
  addEventListener("hashchange", show);
  show();

  for (const button of all("button[data-copy]")) {
    button.addEventListener("click", () => {
      if (!navigator.clipboard) { live.textContent = "this page may not copy"; return; }
      navigator.clipboard.writeText(button.dataset.copy).then(
        () => { live.textContent = "copied"; },
        () => { live.textContent = "this page may not copy"; });
    });
  }

  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const visible = rows.filter((row) => !row.hidden).map((row) => row.querySelector("a"));
    const at = visible.indexOf(document.activeElement);
    if (event.key === "/") { event.preventDefault(); location.hash = "#/"; search.focus(); }
    else if (event.key === "j") visible[Math.min(at + 1, visible.length - 1)]?.focus();
    else if (event.key === "k") visible[Math.max(at - 1, 0)]?.focus();
    else if (event.key === "Escape") location.hash = "#/";
    else if (/^[1-5]$/.test(event.key)) chips[Number(event.key) - 1]?.click();
  });
})();
