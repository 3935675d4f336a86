// Places of photo and painting that correspond: found, dragged, added; then painted so that they meet.
import { form, json } from "./api.js";
import { button, element } from "./element.js";
import { text } from "./text.js";

const SIDES = ["a", "b"];
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const between = (value) => Math.min(1, Math.max(0, value));

export class Points {
  constructor(dialog, on) {
    this.dialog = dialog;
    this.on = on;
    this.pairs = [];
    this.told = element("p", { className: "quiet", role: "status" }, text.pointsHelp);
    this.boards = Object.fromEntries(SIDES.map((side) => [side, element("div", { className: "board" })]));
    this.images = Object.fromEntries(SIDES.map((side) => [side, element("img", { alt: text.sideNames[side], draggable: false })]));
    for (const side of SIDES) {
      this.boards[side].append(this.images[side]);
      this.images[side].onclick = (event) => this.add(this.place(side, event));
    }
    this.method = element("select", { id: "points-method" });
    for (const name of ["deformable", "strotss"]) this.method.append(element("option", { value: name }, text.methods[name]));
    dialog.append(
      element("h2", { id: "points-title" }, text.match.replace("…", "")), this.told,
      element("div", { className: "boards" }, ...SIDES.map((side) => this.boards[side])),
      element(
        "div", { className: "row" },
        button(text.findPoints, () => on.guarded(() => this.find())), button(text.addPoint, () => this.add([0.5, 0.5])),
        button(text.clearPoints, () => this.set([])), element("span", { className: "space" }),
        element("label", { htmlFor: "points-method" }, text.method), this.method,
        button(text.paintPoints, () => on.guarded(() => this.paint()), { className: "main" }), button(text.close, () => dialog.close()),
      ),
    );
  }

  // ``painting``: {file} or {key} of the library.
  async open(photo, painting) {
    [this.photo, this.painting] = [photo, painting];
    this.images.a.src = URL.createObjectURL(photo);
    this.images.b.src = painting.file ? URL.createObjectURL(painting.file) : `/v1/library/${painting.key}/thumbnail`;
    this.set([]);
    this.dialog.showModal();
  }

  body(fields, field) {
    const files = this.painting.file ? [[field, this.painting.file, "style"]] : [];
    return form({ ...fields, library: this.painting.key }, [["photo", this.photo, this.photo.name ?? "photo"], ...files]);
  }

  async find() {
    this.told.textContent = text.finding;
    const { pairs } = await json("/v1/match", { method: "POST", body: this.body({ count: 12 }, "style") }).catch((error) => {
      this.told.textContent = error.message;
      throw error;
    });
    this.set(pairs.map(({ a, b }) => ({ a, b })));
    this.told.textContent = text.foundPoints(pairs.length);
  }

  async paint() {
    const points = JSON.stringify(this.pairs.map(({ a, b }) => [a, b]));
    await this.on.begin("/v1/transfer", this.body({ method: this.method.value, points, settings: '{"size": 512}' }, "styles"));
    this.dialog.close();
  }

  set(pairs) {
    this.pairs = pairs;
    this.show();
  }

  add(place) {
    this.set([...this.pairs, { a: place, b: [...place] }]);
    this.boards.b.lastElementChild.focus();
  }

  show() {
    for (const side of SIDES) this.boards[side].replaceChildren(this.images[side], ...this.pairs.map((pair, i) => this.point(side, pair, i)));
  }

  point(side, pair, i) {
    const made = element("button", { type: "button", className: "point" }, String(i + 1));
    made.style.setProperty("--hue", `${(i * 137) % 360}`);
    const put = ([x, y]) => {
      pair[side] = [between(x), between(y)];
      made.style.left = `${pair[side][0] * 100}%`;
      made.style.top = `${pair[side][1] * 100}%`;
      made.setAttribute("aria-label", text.point(i + 1, text.sideNames[side], ...pair[side]));
    };
    put(pair[side]);
    made.onpointerdown = (event) => made.setPointerCapture(event.pointerId);
    made.onpointermove = (event) => made.hasPointerCapture(event.pointerId) && put(this.place(side, event));
    made.onkeydown = (event) => {
      const step = KEYS[event.key];
      const far = event.shiftKey ? 0.05 : 0.01;
      if (step) put([pair[side][0] + step[0] * far, pair[side][1] + step[1] * far]);
      else if (event.key === "Delete" || event.key === "Backspace") this.set(this.pairs.filter((each) => each !== pair));
      else return;
      event.preventDefault();
    };
    return made;
  }

  place(side, { clientX, clientY }) {
    const box = this.images[side].getBoundingClientRect();
    return [between((clientX - box.left) / box.width), between((clientY - box.top) / box.height)];
  }
}
