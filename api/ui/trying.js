// The box that asks a model about a text.

import { post } from "./asking.js";
import { byId, el, say, set } from "./dom.js";
import { milliseconds, percent } from "./format.js";
import { during, tell } from "./telling.js";

export function prepare() {
  byId("try").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  byId("try-text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("try").requestSubmit();
  });
}

// Offers the registered models; what is chosen stays chosen.
export function offer(names, preferred) {
  const choice = byId("try-model");
  const offered = [...choice.options].map((option) => option.value);
  if (offered.join("\n") === names.join("\n")) return;
  const chosen = choice.value || (names.includes(preferred) ? preferred : names[0]);
  choice.replaceChildren(...names.map((name) => el("option", { value: name }, name)));
  choice.value = names.includes(chosen) ? chosen : names[0];
}

async function ask() {
  const body = { text: byId("try-text").value, cache: !byId("try-fresh").checked };
  if (byId("try-model").value) body.model_name = byId("try-model").value;
  const button = byId("try-ask");
  set(byId("answer"), "aria-busy", "true");
  const answer = await during(button, "Asking", () => post("predict", body));
  set(byId("answer"), "aria-busy", null);
  if (!answer) return;
  say(byId("told"), "");
  show(answer);
}

function show(answer) {
  const chances = Object.entries(answer.probabilities).sort((a, b) => b[1] - a[1]);
  const how = [
    answer.model_used + (answer.model_version ? `:${answer.model_version}` : ""),
    milliseconds(answer.processing_time_ms),
    answer.prediction_cached ? "from the prediction cache" : answer.cache_hit ? "was in memory" : "had to be loaded",
    answer.windows > 1 ? `read in ${answer.windows} windows` : "",
    answer.truncated ? "the text was too long and was cut" : "",
  ];
  byId("answer").replaceChildren(
    el("p", { class: "verdict" }, el("strong", {}, answer.prediction), ` ${percent(answer.confidence)}`),
    el("ul", { class: "chances" }, ...chances.map(chance)),
    el("p", { class: "help" }, how.filter((part) => part).join(" · ")),
  );
}

function chance([label, part]) {
  const bar = el("span", { class: "chance", "aria-hidden": "true" }, el("span", {}));
  bar.firstChild.style.setProperty("--width", Math.min(1, Math.max(0, part)));
  return el("li", {}, el("span", { class: "name" }, label), bar, el("span", { class: "number" }, percent(part, 2)));
}
