// Calls of the service. An error is a sentence.
import { text } from "./text.js";

export async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error(text.failed);
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.detail ?? `${answer.status} ${answer.statusText}`);
}

export async function json(path, options) {
  return (await call(path, options)).json();
}

export function form(fields, files) {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== null && value !== undefined) made.append(name, String(value));
  for (const [name, file, called] of files) made.append(name, file, called);
  return made;
}
