// What every module uses: finding and making elements, speaking, copying, the theme.

const root = document.documentElement;
const one = (selector, from) => (from || document).querySelector(selector);
const all = (selector, from) => Array.from((from || document).querySelectorAll(selector));

/// An element with attributes and children. Strings become text, never markup.
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/// A name inside a sentence, whose direction of writing ends with it.
const isolated = (name) => `\u2068${name}\u2069`;

/// Says a sentence in the live region, for those who listen.
function say(text) {
  one("#live").textContent = text;
}

/// Copies text. Where a page may not, the text stands selected, so that keys can copy it.
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    say("copied");
    if (button) {
      const label = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = label; }, 1500);
    }
  } catch {
    const area = make("textarea", { readonly: true, rows: 3, "aria-label": "text to copy" });
    area.value = text;
    (button ? button.parentElement : one("#main")).append(area);
    area.select();
    area.addEventListener("blur", () => area.remove());
    say("this page may not copy: the text is selected");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) copy(button.dataset.copy, button);
});

// The theme is the system's until the button says otherwise; kept in memory only.
const system = matchMedia("(prefers-color-scheme: dark)");
const repaints = [];
let chosenTheme = null;

function paintTheme() {
  const theme = chosenTheme || (system.matches ? "dark" : "light");
  root.setAttribute("data-theme", theme);
  one("#theme").textContent = theme === "dark" ? "Light" : "Dark";
  for (const repaint of repaints) repaint();
}

system.addEventListener("change", paintTheme);
one("#theme").addEventListener("click", () => {
  chosenTheme = root.getAttribute("data-theme") === "dark" ? "light" : "dark";
  paintTheme();
});
paintTheme();

/// A color of the page as the theme has it.
const color = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
