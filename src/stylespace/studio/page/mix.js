// What is chosen now: weights and look; its history, link and file.
const LIMIT = 200;
const PLAIN = { strength: 1, colour: "style", stroke: 1 };

export class Mix extends EventTarget {
  constructor() {
    super();
    this.look = { styles: {}, ...PLAIN };
    this.past = [];
    this.future = [];
    this.kept = JSON.stringify(this.look);
  }

  // While dragging; ``keep`` ends a change.
  change(part) {
    this.look = { ...this.look, ...part };
    this.dispatchEvent(new Event("change"));
  }

  weigh(name, weight) {
    const styles = { ...this.look.styles, [name]: weight };
    if (!weight) delete styles[name];
    this.change({ styles });
  }

  keep() {
    const now = JSON.stringify(this.look);
    if (now === this.kept) return;
    this.past.push(this.kept);
    this.past.splice(0, this.past.length - LIMIT);
    this.future = [];
    this.kept = now;
    this.dispatchEvent(new Event("kept"));
  }

  set(look) {
    this.change({ ...PLAIN, ...look });
    this.keep();
  }

  step(from, to) {
    if (!from.length) return;
    to.push(this.kept);
    this.kept = from.pop();
    this.change(JSON.parse(this.kept));
    this.dispatchEvent(new Event("kept"));
  }

  undo() { this.step(this.past, this.future); }
  redo() { this.step(this.future, this.past); }

  link() {
    const bytes = new TextEncoder().encode(JSON.stringify(this.look));
    const coded = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    return `${location.origin}/#mix=${coded}`;
  }
}

// The look in a link or a file, with the styles that the network has; null where there is none.
export function lookOf(given, names) {
  try {
    const found = typeof given === "string" ? JSON.parse(given) : given;
    const styles = Object.fromEntries(Object.entries(found.styles).filter(([name, weight]) => names.has(name) && weight > 0 && weight <= 1000));
    const { strength = 1, colour = "style", stroke = 1 } = found;
    return { styles, strength: Number(strength), colour: String(colour), stroke: Number(stroke) };
  } catch {
    return null;
  }
}

export function ofLink(hash, names) {
  const coded = new URLSearchParams(hash.slice(1)).get("mix");
  if (!coded) return null;
  try {
    const bytes = Uint8Array.from(atob(coded.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return lookOf(new TextDecoder().decode(bytes), names);
  } catch {
    return null;
  }
}
