// Makes elements: element("button", {type: "button", onclick}, "text", child…).
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties))
    if (key in made && !key.startsWith("aria")) made[key] = value;
    else made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function button(label, onclick, properties = {}) {
  return element("button", { type: "button", onclick, ...properties }, label);
}

export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// Ask for files; ``then`` takes each.
export function choose(accept, then, multiple = false) {
  const input = element("input", { type: "file", accept, multiple });
  input.onchange = () => [...input.files].forEach(then);
  input.click();
}
