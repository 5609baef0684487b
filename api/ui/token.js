// The bearer token: asked for once, kept for this tab in sessionStorage, sent with what changes state.

import { byId, say } from "./dom.js";

const PLACE = "model-cache-token";
// What a header can have. Something pasted along with a token would fail before it is sent.
const VISIBLE = /^[\x21-\x7e]+$/;

export function known() {
  return sessionStorage.getItem(PLACE) ?? "";
}

export function header() {
  return known() ? { Authorization: `Bearer ${known()}` } : {};
}

// Shows the dialog, with what the service said; → whether there is another token now.
export function ask(trouble) {
  const dialog = byId("token-dialog");
  const field = byId("token-field");
  const before = known();
  say(byId("token-words"), trouble ? `${trouble.message}.` : "The routes that change state ask for the admin token.");
  byId("token-forget").hidden = !before;
  field.value = "";
  if (!dialog.open) dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(settled(dialog.returnValue, field, before)), { once: true });
  });
}

// The dialog's own buttons, and the one in the page's head.
export function prepare(settings) {
  const button = byId("token-button");
  button.hidden = !(settings.ask_admin || settings.ask_predict);
  button.addEventListener("click", () => ask(null));
  byId("token-cancel").addEventListener("click", () => byId("token-dialog").close("cancel"));
  byId("token-dialog").addEventListener("cancel", () => { byId("token-dialog").returnValue = "cancel"; });
  show();
}

function settled(choice, field, before) {
  const given = field.value.trim();
  const usable = VISIBLE.test(given);
  field.value = "";
  if (choice === "forget") sessionStorage.removeItem(PLACE);
  if (choice === "use" && usable) sessionStorage.setItem(PLACE, given);
  show();
  return choice !== "forget" && known() !== "" && known() !== before;
}

function show() {
  say(byId("token-button"), known() ? "Token: given" : "Token: none");
}
