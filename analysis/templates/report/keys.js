// Single keys, all optional: whatever they do has a control of its own.

const keysDialog = one("#keys");

one("#help").addEventListener("click", () => keysDialog.showModal());
one("#keys-close").addEventListener("click", () => keysDialog.close());

/// The explorer that the keys speak to: that of the page in view.
function currentExplorer() {
  const { path } = address();
  return path === "/curves" ? curvesExplorer : explorers.get(path);
}

addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=radio]):not([type=checkbox]), select, textarea");
  if (event.key === "Escape" && event.target === search && search.value === "") search.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || keysDialog.open) return;
  if (event.key === "Escape") {
    if (address().path.startsWith("/claim/")) back();
    return;
  }
  if (!one("#keys-on").checked) return;
  const links = shownLinks();
  const at = links.indexOf(document.activeElement);
  const explorer = currentExplorer();
  if (event.key === "?") keysDialog.showModal();
  else if (event.key === "/" && search) {
    event.preventDefault();
    if (address().path !== "/") location.hash = "#/";
    one(".find").classList.add("open");
    setTimeout(() => search.focus());
  } else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1, links, at);
  else if (explorer && Object.hasOwn(explorer.keys, event.key)) explorer.keys[event.key]();
  else if (/^[1-4]$/.test(event.key) && !pages[0].hidden) chips[Number(event.key) - 1]?.click();
});

/// The next or previous claim: of the rows in the ledger, of the pages beside it.
function step(way, links, at) {
  if (!links.length) return;
  const { path } = address();
  if (path.startsWith("/claim/")) {
    const paths = [...new Set(links.map((link) => link.getAttribute("href").slice(1).split("?")[0]))];
    const next = paths[paths.indexOf(path) + way];
    if (next) location.hash = next;
    return;
  }
  if (!pages[0].hidden) links[Math.max(0, Math.min(at + way, links.length - 1))].focus();
}
