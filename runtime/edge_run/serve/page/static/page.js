"use strict";
// Everything here has a link, a form or a switch that works without it.
const find = (selector) => document.querySelector(selector);
const stored = (name, value) => {
  try {
    if (value !== undefined) localStorage.setItem(name, value);
    return localStorage.getItem(name);
  } catch {
    return null; // the browser keeps nothing for this page
  }
};
document.documentElement.classList.add("script");

// The heatmap: the slider works at once, and keeps its place from case to case.
const layer = find("#layer");
const slider = find("#opacity");
const map = find("#map");
if (layer && slider && map) {
  const show = () => {
    layer.style.opacity = slider.value / 100;
    slider.setAttribute("aria-valuetext", `${slider.value} percent`);
  };
  slider.step = 1;
  if (!location.search.includes("opacity=")) slider.value = stored("opacity") ?? slider.value;
  map.checked = stored("map") !== "off";
  slider.addEventListener("input", () => (stored("opacity", slider.value), (map.checked = true), show()));
  map.addEventListener("change", () => stored("map", map.checked ? "on" : "off"));
  slider.form.addEventListener("submit", (event) => event.preventDefault());
  show();
}

// A form is sent once, however often somebody clicks.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => [...document.forms].forEach((form) => delete form.dataset.sent));

// Keys, unless somebody types or has switched them off.
const shortcuts = find("#shortcuts");
const cases = [...document.querySelectorAll(".queue td.id a")];
const step = (by) => {
  const link = find(by > 0 ? "#older" : "#newer");
  if (link) return link.click();
  const at = cases.indexOf(document.activeElement);
  cases[at < 0 ? 0 : Math.min(cases.length - 1, Math.max(0, at + by))]?.focus();
};
const keys = {
  j: () => step(1),
  k: () => step(-1),
  a: () => find("#agree")?.click(),
  d: () => (find("#label") && !find("#label").value ? find("#label").focus() : find("#disagree")?.click()),
  u: () => find("#unsure")?.click(),
  m: () => map?.click(),
  r: () => find("#remark")?.focus(),
  "?": () => {
    const help = find("#help");
    help.open = !help.open;
    if (help.open) help.scrollIntoView();
  },
};
if (shortcuts) {
  shortcuts.checked = stored("shortcuts") !== "off";
  shortcuts.addEventListener("change", () => stored("shortcuts", shortcuts.checked ? "on" : "off"));
}
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("textarea, select, input:not([type=checkbox]):not([type=range])");
  if (event.key === "Escape" && typing) return event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !shortcuts?.checked) return;
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});
