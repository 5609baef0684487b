// One-key shortcuts; they can be switched off, for whoever speaks to the browser.

import { byId } from "./dom.js";
import { turn } from "./theme.js";

const PLACE = "model-cache-keys";
const PLACES = { "/": "try-text", m: "models", e: "journal" };

export function prepare() {
  const choice = byId("keys");
  choice.checked = localStorage.getItem(PLACE) !== "off";
  choice.addEventListener("change", () => localStorage.setItem(PLACE, choice.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => choice.checked && pressed(event));
}

function pressed(event) {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "t") turn();
  else if (PLACES[event.key]) byId(PLACES[event.key]).focus();
  else return;
  event.preventDefault();
}
