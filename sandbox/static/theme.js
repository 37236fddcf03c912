// Light or dark: what was chosen on the page, or else what the browser prefers. Runs before the page
// is drawn; the page and the channels inside it share the choice.

const preference = matchMedia("(prefers-color-scheme: light)");

function applyTheme() {
  const chosen = localStorage.getItem("theme");
  document.documentElement.dataset.theme = chosen || (preference.matches ? "light" : "dark");
}

applyTheme();
preference.addEventListener("change", applyTheme);
addEventListener("storage", applyTheme);
