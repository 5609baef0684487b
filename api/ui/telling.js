// The line that says what an action did, or why not.

import { byId, set } from "./dom.js";
import { clock } from "./format.js";

export function tell(text, kind = "good") {
  const line = byId("told");
  line.textContent = `${clock(new Date().toISOString())}  ${text}`;
  set(line, "data-kind", kind);
}

// Runs an action with its button busy meanwhile; what goes wrong is told. → its answer, or null.
export async function during(button, what, action) {
  if (button.getAttribute("aria-disabled") === "true") return null;
  set(button, "aria-disabled", "true");
  tell(`${what} …`, "busy");
  try {
    return await action();
  } catch (trouble) {
    if (trouble.status === undefined) throw trouble;
    tell(`${what}: ${trouble.message}`, "bad");
    return null;
  } finally {
    set(button, "aria-disabled", null);
  }
}
