// A map for each style: white where it goes. Painted with the brush, or one of the sides.
import { button, element } from "./element.js";
import { mapRows } from "./maps.js";
import { text } from "./text.js";

const SIDE = 384;
export const KEEP = "photo:"; // whose map is white where the photo stays

export class Brush {
  // ``changed(name, map)``: a style has another map, or none; ``listed``: the table is another one.
  constructor(frame, changed, listed) {
    this.frame = frame;
    this.listed = listed;
    this.changed = changed;
    this.shown = document.getElementById("paint");
    this.maps = new Map();
    this.erasing = false;
    this.size = 0.12;
    this.shown.onpointerdown = (event) => this.begin(event);
    this.shown.onpointermove = (event) => this.move(event);
    this.shown.onpointerup = this.shown.onpointercancel = () => this.end();
  }

  controls() {
    this.table = element("div", { className: "maps" });
    this.choice = element("select", { id: "brush-style", onchange: () => this.show() });
    this.toggle = button(text.brushOn, () => this.turn(!this.frame.classList.contains("brushing")), { "aria-pressed": "false" });
    const eraser = button(text.erase, () => {
      this.erasing = !this.erasing;
      eraser.setAttribute("aria-pressed", this.erasing);
    }, { "aria-pressed": "false" });
    const size = element("input", { type: "range", id: "brush-size", min: 0.02, max: 0.4, step: 0.01, value: this.size });
    size.oninput = () => (this.size = Number(size.value));
    const sides = Object.entries(text.sides).map(([side, label]) => button(label, () => this.fill(side)));
    return [
      element("div", { className: "setting" }, element("label", { htmlFor: "brush-style" }, text.brushStyle), this.choice),
      element("div", { className: "setting" }, element("label", { htmlFor: "brush-size" }, text.brushSize), size),
      element("div", { className: "row" }, this.toggle, eraser, button(text.clearMap, () => this.clear()), ...sides), this.table,
    ];
  }

  // ``styles``: {name, title, own}; one's own come first.
  setStyles(styles) {
    const before = this.choice.value;
    const group = (label, found) => element("optgroup", { label }, ...found.map(({ name, title }) => element("option", { value: name }, title)));
    const [own, others] = [styles.filter((each) => each.own), styles.filter((each) => !each.own)];
    this.choice.replaceChildren(...(own.length ? [group(text.paintings, own)] : []), group(text.styles, others),
      element("option", { value: KEEP }, text.keepPhoto));
    if (before === KEEP || styles.some(({ name }) => name === before)) this.choice.value = before;
  }

  setPhoto(wide, high) {
    const scale = SIDE / Math.max(wide, high);
    [this.shown.width, this.shown.height] = [Math.max(2, Math.round(wide * scale)), Math.max(2, Math.round(high * scale))];
    this.maps.clear();
    this.list();
  }

  // Which style goes where.
  list() {
    const titled = new Map([...this.choice.options].map(({ value, label }) => [value, label]));
    const chosen = (name) => {
      this.choice.value = name;
      this.turn(true);
    };
    this.table.replaceChildren(...mapRows(this.maps, titled, chosen, (name) => this.clear(name)));
    this.listed();
  }

  turn(on) {
    this.frame.classList.toggle("brushing", on);
    this.toggle.setAttribute("aria-pressed", on);
    this.show();
  }

  get name() { return this.choice.value; }

  map(make = true) {
    if (!this.maps.has(this.name) && make) this.maps.set(this.name, element("canvas", { width: this.shown.width, height: this.shown.height }));
    return this.maps.get(this.name);
  }

  show() {
    const context = this.shown.getContext("2d");
    context.clearRect(0, 0, this.shown.width, this.shown.height);
    const map = this.map(false);
    if (map) context.drawImage(map, 0, 0);
  }

  begin(event) {
    this.shown.setPointerCapture(event.pointerId);
    this.last = this.place(event);
    this.stroke(this.last);
  }

  move(event) {
    if (this.last) this.stroke(this.place(event));
  }

  end() {
    if (!this.last) return;
    this.last = null;
    this.send();
  }

  // Where a pointer is, in the map's pixels: the picture is centred in its frame.
  place({ clientX, clientY }) {
    const box = this.shown.getBoundingClientRect();
    const scale = Math.min(box.width / this.shown.width, box.height / this.shown.height);
    return [(clientX - box.left - (box.width - this.shown.width * scale) / 2) / scale, (clientY - box.top - (box.height - this.shown.height * scale) / 2) / scale];
  }

  stroke(to) {
    const context = this.map().getContext("2d");
    context.globalCompositeOperation = this.erasing ? "destination-out" : "source-over";
    context.strokeStyle = "#fff";
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = this.size * Math.max(this.shown.width, this.shown.height);
    context.beginPath();
    context.moveTo(...this.last);
    context.lineTo(...to);
    context.stroke();
    this.last = to;
    this.show();
  }

  fill(side) {
    const { width, height } = this.map();
    const context = this.map().getContext("2d");
    const across = side === "left" || side === "right";
    const ramp = context.createLinearGradient(0, 0, across ? width : 0, across ? 0 : height);
    const first = side === "left" || side === "top" ? 1 : 0;
    ramp.addColorStop(0.35, `rgb(255 255 255 / ${first})`);
    ramp.addColorStop(0.65, `rgb(255 255 255 / ${1 - first})`);
    context.globalCompositeOperation = "copy";
    context.fillStyle = ramp;
    context.fillRect(0, 0, width, height);
    this.show();
    this.send();
  }

  clear(name = this.name) {
    this.maps.delete(name);
    this.show();
    this.list();
    this.changed(name, null);
  }

  async send() {
    this.list();
    this.changed(this.name, await picture(this.map()));
  }

  // Take a saved map: white where the style goes.
  async load(name, address) {
    const image = new Image();
    image.src = address;
    await image.decode();
    const map = element("canvas", { width: this.shown.width, height: this.shown.height });
    const context = map.getContext("2d");
    context.drawImage(image, 0, 0, map.width, map.height);
    const pixels = context.getImageData(0, 0, map.width, map.height);
    for (let i = 0; i < pixels.data.length; i += 4) pixels.data.set([255, 255, 255, pixels.data[i]], i);
    context.putImageData(pixels, 0, 0);
    this.maps.set(name, map);
    this.show();
    this.list();
    await this.changed(name, await picture(map));
  }

  // All maps as files, for a picture at full resolution.
  async files() {
    return Promise.all([...this.maps].map(async ([name, map]) => [name, await picture(map)]));
  }
}

function picture(map) {
  const flat = element("canvas", { width: map.width, height: map.height });
  const context = flat.getContext("2d");
  context.fillRect(0, 0, map.width, map.height);
  context.drawImage(map, 0, 0);
  return new Promise((done) => flat.toBlob(done, "image/png"));
}
