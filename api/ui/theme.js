// Light, dark, or what the system has; the choice stays in this browser.

import { byId, say } from "./dom.js";

const PLACE = "model-cache-theme";
const NEXT = { system: "light", light: "dark", dark: "system" };

export function prepare() {
  show(chosen());
  byId("theme-button").addEventListener("click", turn);
}

export function turn() {
  const next = NEXT[chosen()];
  localStorage.setItem(PLACE, next);
  show(next);
}

function chosen() {
  const kept = localStorage.getItem(PLACE);
  return kept in NEXT ? kept : "system";
}

function show(choice) {
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  say(byId("theme-button"), `Theme: ${choice}`);
}
