// Sliders of styles and of the look.
import { button, element } from "./element.js";
import { text } from "./text.js";

const SETTINGS = [["strength", 0, 1, 0.01], ["stroke", 0.5, 2, 0.05]];

// ``forget`` takes the style away, where it can be.
export function styleRow(mix, style, forget = null) {
  const shown = element("output", {}, "0");
  const slider = element("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0, "aria-label": text.weight(style.title) });
  slider.dataset.style = style.name;
  slider.oninput = () => mix.weigh(style.name, Number(slider.value));
  slider.onchange = () => mix.keep();
  const image = element("img", { src: `/v1/styles/${encodeURIComponent(style.name)}/thumbnail`, alt: "", loading: "lazy", width: 48, height: 48 });
  image.onerror = () => image.replaceWith(element("span", { className: "blank", "aria-hidden": "true" }, style.title.slice(0, 1)));
  const by = [style.artist, style.year].filter(Boolean).join(", ");
  const name = element("span", { className: "name", title: by ? `${style.title} (${by})` : style.title }, style.title);
  const row = element("div", { className: "style" }, image, name, slider, shown);
  const gone = async () => (await forget()) && row.remove();
  if (forget) row.append(button("×", gone, { className: "small", "aria-label": text.removeNamed(style.title) }));
  row.classList.toggle("own", Boolean(forget));
  mix.addEventListener("change", () => {
    const weight = mix.look.styles[style.name] ?? 0;
    if (Number(slider.value) !== weight) slider.value = Math.min(weight, 1);
    shown.value = Math.round(weight * 100);
    row.classList.toggle("chosen", weight > 0);
  });
  return row;
}

export function lookRows(mix) {
  const rows = SETTINGS.map(([name, min, max, step]) => {
    const shown = element("output", {}, "100");
    const slider = element("input", { type: "range", id: name, min, max, step, value: 1 });
    slider.oninput = () => mix.change({ [name]: Number(slider.value) });
    slider.onchange = () => mix.keep();
    mix.addEventListener("change", () => {
      slider.value = mix.look[name];
      shown.value = Math.round(mix.look[name] * 100);
    });
    return element("div", { className: "setting" }, element("label", { htmlFor: name }, text[name]), slider, shown);
  });
  const choice = element("select", { id: "colour" });
  for (const [value, label] of Object.entries(text.colours)) choice.append(element("option", { value }, label));
  choice.onchange = () => {
    mix.change({ colour: choice.value });
    mix.keep();
  };
  mix.addEventListener("change", () => (choice.value = mix.look.colour));
  rows.push(element("div", { className: "setting" }, element("label", { htmlFor: "colour" }, text.colour), choice));
  return rows;
}

export function historyButtons(mix) {
  const undo = button(text.undo, () => mix.undo(), { disabled: true });
  const redo = button(text.redo, () => mix.redo(), { disabled: true });
  mix.addEventListener("kept", () => {
    undo.disabled = !mix.past.length;
    redo.disabled = !mix.future.length;
  });
  return [undo, redo];
}

// A few styles, with weights that leave one in front.
export function randomLook(names) {
  const chosen = [...names].sort(() => Math.random() - 0.5).slice(0, 2 + Math.floor(Math.random() * 3));
  return { styles: Object.fromEntries(chosen.map((name, i) => [name, Math.round(100 * (i ? Math.random() * 0.7 + 0.1 : 1)) / 100])) };
}
