// Asks the service's routes; what goes wrong becomes a Trouble that says so in words.

import * as token from "./token.js";

const PATIENCE = 15_000;

// `status` is 0 where no answer came.
export class Trouble extends Error {
  constructor(message, status = 0, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export async function get(path) {
  return read(await send(path, { signal: AbortSignal.timeout(PATIENCE) }));
}

export async function getText(path) {
  const response = await send(path, { signal: AbortSignal.timeout(PATIENCE) });
  if (!response.ok) await read(response);
  return response.text();
}

// A request that may need a token: the first refusal asks for one, and tries once more.
export async function post(path, body) {
  try {
    return await posted(path, body);
  } catch (trouble) {
    if (![401, 403].includes(trouble.status) || !(await token.ask(trouble))) throw trouble;
    return posted(path, body);
  }
}

export function ofModel(name, act) {
  return `models/${encodeURIComponent(name)}${act ? `/${act}` : ""}`;
}

async function posted(path, body) {
  const headers = { ...token.header() };
  const options = { method: "POST", headers };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  return read(await send(path, options));
}

async function send(path, options) {
  try {
    return await fetch(path, { cache: "no-store", credentials: "omit", ...options });
  } catch (error) {
    const late = error.name === "TimeoutError";
    throw new Trouble(late ? "The service did not answer in time" : "The service cannot be reached");
  }
}

async function read(response) {
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  throw new Trouble(words(response, answer), response.status, answer?.code ?? "");
}

function words(response, answer) {
  if (response.status === 401) return token.known() ? "The token is not a right one (401)" : "This asks for a token (401)";
  if (response.status === 403) return "The token is for predictions only; this asks for the admin token (403)";
  const again = response.headers.get("Retry-After");
  const said = answer?.error ?? `The service answered ${response.status} and nothing to read`;
  const code = answer?.code ? ` (${response.status} ${answer.code})` : "";
  return again ? `${said}${code}; try again in ${again} s` : `${said}${code}`;
}
