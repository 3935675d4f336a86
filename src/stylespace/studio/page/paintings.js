// Paintings of one's own, and what can be made of them: painted well, blended, learned, added to the network, matched.
import { form, json } from "./api.js";
import { KEEP } from "./brush.js";
import { button, element } from "./element.js";
import { text } from "./text.js";
import { methods } from "./methods.js";

// ``on``: maps() and placed(name) of the brush, photo() (throws where there is none), guarded(work), begin(address, body) of a job, status(told), ready(), choose(then),
// own(file): takes a painting, blended(items): their weights are found, match(painting).
export class Paintings {
  constructor(place, on) {
    this.on = on;
    this.items = [];
    this.photos = []; // that a new style is learned on
    this.list = element("div", { className: "tray" });
    this.told = element("p", { className: "quiet", role: "status" }, text.paintingsHelp);
    this.where = element("p", { className: "quiet line", role: "status" });
    this.name = element("input", { type: "text", id: "style-name", placeholder: text.styleNameHint, maxLength: 60 });
    const choose = button(text.choosePaintings, () => on.choose(on.own), { className: "main" });
    this.method = element("select", { id: "method" });
    methods().then((found) => this.method.replaceChildren(...found.map((name) => element("option", { value: name }, text.methods[name] ?? name))));
    this.quality = select("quality", text.qualities, "good");
    this.size = select("size", text.sizes, "512");
    this.trained = button(text.trainPhotos(0), () => {
      this.photos = [];
      on.choose((file) => (this.trained.textContent = text.trainPhotos(this.photos.push(file))));
    });
    const row = (id, label, control) => element("div", { className: "setting" }, element("label", { htmlFor: id }, label), control);
    const need = (label, work, properties) => {
      const made = button(label, () => on.guarded(() => work()), { disabled: true, ...properties });
      (this.needing ??= []).push(made);
      return made;
    };
    const group = (title, help, ...children) =>
      element("fieldset", {}, element("legend", {}, title), element("p", { className: "quiet" }, help), ...children);
    place.append(
      group(text.paintings, text.paintingsDrop, element("div", { className: "row" }, choose), this.list, this.told),
      element("div", { className: "brush-here" }),
      group(
        text.paintWell, text.paintWellHelp, row("method", text.method, this.method), row("quality", text.quality, this.quality),
        row("size", text.size, this.size),
        element("div", { className: "row" }, need(text.paintWell, () => this.paintWell(), { className: "main" }), need(text.blend, () => this.blend()),
          need(text.match, () => on.match(this.items[0]))),
        this.where,
      ),
      group(
        text.keep, text.keepHelp, row("style-name", text.styleName, this.name),
        element("div", { className: "row" }, need(text.learn, () => this.learn()), need(text.addStyle, () => this.addStyle()), this.trained),
      ),
    );
  }

  // A painting: {file} or {key} of the library, and its title; ``style``: its name in the mix, where the network reads paintings.
  add(painting) {
    if (painting.key && this.items.some(({ key }) => key === painting.key)) return;
    const item = { weight: 1, ...painting };
    this.items.push(item);
    const address = item.file ? URL.createObjectURL(item.file) : `/v1/library/${item.key}/thumbnail`;
    const shown = element("output", {}, "100");
    const slider = element("input", { type: "range", min: 0, max: 1, step: 0.01, value: 1, "aria-label": text.weight(item.title) });
    slider.oninput = () => {
      item.weight = Number(slider.value);
      shown.value = Math.round(item.weight * 100);
    };
    item.weigh = (weight) => {
      slider.value = weight;
      slider.oninput();
    };
    const gone = button("×", () => this.remove(item), { className: "small", "aria-label": text.removeNamed(item.title) });
    const about = element("span", { className: "name" }, item.title);
    item.note = element("small");
    const label = element("div", {}, about, item.note);
    item.row = element("div", { className: "style" }, element("img", { src: address, alt: "", width: 44, height: 44 }), label, slider, shown, gone);
    this.list.append(item.row);
    this.changed();
    return item;
  }

  remove(item) {
    this.items = this.items.filter((each) => each !== item);
    item.row.remove();
    this.changed();
  }

  changed() {
    this.told.textContent = this.items.length ? "" : text.paintingsHelp;
    for (const each of this.needing) each.disabled = !this.items.length;
    this.placed();
  }

  // Says which paintings have a map.
  placed() {
    const count = this.items.filter(({ style }) => this.on.placed(style)).length;
    this.where.textContent = text.placed(count, this.items.length - count);
  }

  // In a request's order: files first, then the library's.
  ordered(all = false) {
    const items = this.items.filter(({ weight }) => all || weight > 0);
    if (!items.length) throw new Error(text.needPainting);
    return [...items.filter(({ file }) => file), ...items.filter(({ key }) => key)];
  }

  body(fields, field, photo = null, items = this.ordered()) {
    const files = items.filter(({ file }) => file).map(({ file }) => [field, file, "style"]);
    const body = form({ weights: JSON.stringify(items.map(({ weight }) => weight)), ...fields }, photo ? [["photo", photo, photo.name ?? "photo"], ...files] : files);
    for (const { key } of items) if (key) body.append("library", key);
    return body;
  }

  async paintWell() {
    const settings = JSON.stringify({ size: Number(this.size.value) });
    const photo = await this.on.photo();
    const [items, maps] = [this.ordered(), new Map(await this.on.maps())];
    const placed = items.filter(({ style }) => maps.has(style));
    const rows = placed.map((item, mask) => ({ mask, style: items.indexOf(item) }));
    if (maps.has(KEEP)) rows.push({ mask: rows.length });
    const regions = JSON.stringify(rows);
    const fields = { method: this.method.value, quality: this.quality.value, settings, regions };
    const body = this.body(fields, "styles", photo, items);
    for (const name of [...placed.map(({ style }) => style), KEEP]) if (maps.has(name)) body.append("masks", maps.get(name), "mask.png");
    await this.on.begin("/v1/transfer", body);
  }

  async learn() {
    await this.on.begin("/v1/learn-style", this.body({ settings: JSON.stringify({ size: Number(this.size.value) }) }, "references"));
  }

  async addStyle() {
    const name = (this.name.value.trim() || this.items[0].title).replace(/[^\w .,'()-]/g, " ").trim() || text.untitled;
    const photos = this.photos.length ? this.photos : [await this.on.photo()];
    const body = this.body({ name, weights: null }, "paintings");
    for (const photo of photos) body.append("photos", photo, "photo");
    await this.on.begin("/v1/add-style", body);
  }

  // The weights that together come nearest to the photo, and why.
  async blend() {
    this.on.status(text.blending);
    const items = this.ordered(true);
    const found = await json("/v1/blend", { method: "POST", body: this.body({ weights: null }, "styles", await this.on.photo(), items) });
    for (const item of items) [item.weigh(0), (item.note.textContent = "")];
    for (const { number, weight, distance_alone: alone } of found.references) {
      items[number].weigh(weight);
      items[number].note.textContent = text.alone(alone);
    }
    const best = found.best_single;
    this.told.textContent = text.blended(found.distance, items[best.number].title, best.distance_alone, found.references.length, found.of);
    this.on.ready();
    this.on.blended(items);
  }
}

export const titleOf = (file) => capital(file.name.replace(/\.[^.]*$/, "").replaceAll("_", " ").trim()) || text.untitled;

const capital = (title) => title.slice(0, 1).toUpperCase() + title.slice(1);

function select(id, choices, chosen) {
  const options = Object.entries(choices).map(([value, label]) => element("option", { value, selected: value === chosen }, label));
  return element("select", { id }, ...options);
}
