// Puts the page together.
import { call, form, json } from "./api.js";
import { Brush, KEEP } from "./brush.js";
import { historyButtons, lookRows, randomLook, styleRow } from "./controls.js";
import { button, choose, element, save } from "./element.js";
import { History } from "./history.js";
import { Jobs } from "./jobs.js";
import { library } from "./library.js";
import { Live } from "./live.js";
import { Mix, ofLink } from "./mix.js";
import { Moving, encoded } from "./moving.js";
import { Paintings, titleOf } from "./paintings.js";
import { Points } from "./points.js";
import { shareButtons } from "./share.js";
import { Stage } from "./stage.js";
import { Tabs } from "./tabs.js";
import { text } from "./text.js";

const PICTURE = "image/*", FILM = "video/*";
const at = (id) => document.getElementById(id);
const problem = (told = "") => (at("problem").textContent = told);
const status = (told) => (at("status").textContent = told);
const names = (look) => Object.keys(look.styles).map((name) => titles.get(name) ?? name).join(", ");
const ready = () => status(text.ready(network));
const titles = new Map();
const own = new Set(); // of them
const mix = new Mix();
const stage = new Stage();
const moving = new Moving();
const memory = new History(mix, names);
const tabs = new Tabs(at("tabs"), text.tabs, (panel) => panel.querySelector(".brush-here")?.append(at("brush"))); // one brush for both
let photo = null, film = null, network = "", reads = false, passing = null;

const live = new Live({
  frame(picture, number, ms) {
    if (!moving.running) problem();
    if (passing) stage.setBefore(passing);
    stage.show(picture, text.picture(names(mix.look)), number);
    at("pace").textContent = text.pace(ms);
    if (number === live.number) memory.seen(stage.after);
    if (moving.running) follow();
  },
  problem(told) {
    problem(told);
    if (moving.running) setTimeout(() => moving.running && follow(), 1000);
  },
  state: (state) => (state === "open" ? ready() : status(text[state])),
});
const brush = new Brush(stage.frame, async (name, map) => {
  await live.setMap(name, map);
  if (map && name !== KEEP && !mix.look.styles[name]) mix.weigh(name, 1);
  else want();
}, () => paintings.placed());
const jobs = new Jobs({
  problem,
  show: async (blob) => stage.show(await createImageBitmap(blob), text.resultShown),
  take: (blob) => take({ file: new File([blob], "result.png", { type: "image/png" }), title: text.learned }),
  done: (job) => job.kind === "add-style" && guarded(refresh),
});
const paintings = new Paintings(at("panel-paintings"), {
  guarded, status, ready,
  photo: still,
  begin: (address, body) => jobs.begin(address, body),
  maps: () => brush.files(),
  placed: (name) => brush.maps.has(name),
  choose: (then) => choose(PICTURE, then, true),
  own: ownPainting,
  match: async (painting) => points.open(await still(), painting),
  blended: (items) => {
    const used = items.filter(({ style, weight }) => style && weight);
    if (used.length) mix.set({ ...mix.look, styles: Object.fromEntries(used.map(({ style, weight }) => [style, weight])) });
  },
});
const points = new Points(at("points"), { guarded, begin: (address, body) => jobs.begin(address, body) });

async function guarded(work) {
  try {
    problem();
    await work();
    return true;
  } catch (error) {
    problem(error.message);
    return false;
  }
}

function want() {
  if (Object.keys(mix.look.styles).length) live.want(mix.look);
}

function begin() {
  brush.setPhoto(stage.before.width, stage.before.height);
  for (const each of needPhoto) each.disabled = false;
  if (Object.keys(mix.look.styles).length) want();
  else mix.set({ styles: { [titles.keys().next().value]: 1 } });
}

async function setPhoto(file) {
  try {
    problem();
    rest();
    await stage.setPhoto(file);
    photo = file;
    await live.setPhoto(file);
    begin();
  } catch {
    await call("/v1/health").then(() => live.setPhoto(file), (error) => problem(error.message)); // the server says what is wrong with it
  }
}

// The photo; of a camera or a film what is seen now.
async function still() {
  if (moving.running) await freeze();
  if (!photo) throw new Error(text.needPhoto);
  return photo;
}

async function freeze() {
  const seen = moving.picture(4096);
  rest();
  await setPhoto(await encoded(seen, "image/png"));
}

// Camera or film: its next frame goes to the server when the one before is painted.
async function move(kind, source) {
  try {
    problem();
    if (kind === "camera") await moving.camera();
    else await moving.film(source);
  } catch {
    return problem(kind === "camera" ? text.noCamera : text.noFilm);
  }
  film = source ?? null;
  filmed.hidden = !film;
  label(kind);
  stage.setBefore(moving.picture());
  live.maps.clear();
  await follow();
  begin();
}

async function follow() {
  const seen = moving.picture();
  await live.setFrame(await encoded(seen));
  passing = seen;
  want();
}

function rest() {
  moving.stop();
  passing = null;
  label();
}

function label(kind) {
  camera.textContent = kind === "camera" ? text.takePicture : text.camera;
  filming.textContent = kind === "film" ? text.stopFilm : text.film;
}

const render = (size) =>
  guarded(async () => {
    const given = await still();
    status(text.rendering);
    const { styles, strength, colour, stroke } = mix.look;
    const maps = (await brush.files()).filter(([name]) => styles[name] || name === KEEP).map(([name, map]) => ["maps", map, `${name}.png`]);
    const body = form({ styles: JSON.stringify(styles), strength, colour, stroke, size }, [["photo", given, given.name ?? "photo.png"], ...maps]);
    save(await (await call("/v1/paint", { method: "POST", body })).blob(), "stylespace.png");
    ready();
  });

const paintFilm = () =>
  guarded(async () => {
    const { styles, strength, colour } = mix.look;
    await jobs.begin("/v1/video", form({ styles: JSON.stringify(styles), strength, colour }, [["film", film, film.name]]));
  });

function addStyle(style, first = false) {
  if (titles.has(style.name)) return;
  titles.set(style.name, style.title);
  if (style.own) own.add(style.name);
  at("style-list")[first ? "prepend" : "append"](styleRow(mix, style, style.own && (() => guarded(() => forget(style.name)))));
  offer();
}

function offer() {
  brush.setStyles([...titles].map(([name, title]) => ({ name, title, own: own.has(name) })));
}

async function forget(name) {
  await call(`/v1/styles/${encodeURIComponent(name)}`, { method: "DELETE" });
  titles.delete(name);
  for (const item of paintings.items) if (item.style === name) item.style = null;
  if (brush.maps.has(name)) brush.clear(name);
  offer();
  const { [name]: gone, ...styles } = mix.look.styles;
  mix.set({ ...mix.look, styles });
}

async function refresh() {
  for (const style of (await json("/v1/styles")).styles) addStyle(style, true);
  status(text.addedStyle);
}

// A painting becomes a slider at once where the network reads paintings; the tray has it, too.
async function take(painting) {
  const item = paintings.add(painting);
  if (!reads || !item) return tabs.show("paintings");
  await guarded(async () => {
    status(text.reading);
    const files = painting.file ? [["painting", painting.file, painting.file.name]] : [];
    const style = await json("/v1/styles", { method: "POST", body: form({ library: painting.key, title: painting.title.slice(0, 80) }, files) });
    item.style = style.name;
    addStyle(style, true);
    paintings.placed();
    mix.set({ ...mix.look, styles: { [style.name]: 1 } });
  });
  ready();
}

function ownPainting(file) {
  return take({ file, title: titleOf(file) });
}

const given = (file) => (file.type.startsWith("video/") ? move("film", file) : setPhoto(file));
const camera = button(text.camera, () => (moving.stream ? guarded(freeze) : move("camera")), { className: "steady" });
const filming = button(text.film, () => (moving.address ? guarded(freeze) : choose(FILM, (file) => move("film", file))), { className: "steady" });
const filmed = button(text.paintFilm, paintFilm, { hidden: true });
const needPhoto = [
  button(text.download, () => render(Math.max(stage.after.width, stage.after.height)), { disabled: true, title: text.downloadTitle }),
  button(text.render, () => render(0), { disabled: true, title: text.renderTitle, className: "main" }),
];

function arrange() {
  at("drop").textContent = text.drop;
  at("stage-title").textContent = text.stage;
  at("jobs-title").textContent = text.jobs;
  at("history-title").textContent = text.history;
  at("history-buttons").append(...historyButtons(mix));
  at("photo-buttons").append(button(text.choosePhoto, () => choose(PICTURE, setPhoto)), camera, filming, filmed, element("span", { className: "row later" }, ...needPhoto));
  at("mix-buttons").append(
    button(text.random, () => mix.set({ ...mix.look, ...randomLook(titles.keys()) })),
    button(text.clear, () => mix.set({ styles: {} })),
    button(text.ownPainting, () => choose(PICTURE, ownPainting, true)),
  );
  document.querySelector("#styles legend").textContent = text.styles;
  document.querySelector("#look legend").textContent = text.look;
  at("look").append(...lookRows(mix));
  document.querySelector("#brush legend").textContent = text.brush;
  at("brush").append(...brush.controls());
  at("panel-library").append(...library(take, guarded));
  at("share-buttons").append(...shareButtons(mix, brush, () => new Set(titles.keys()), (name) => own.has(name), { guarded, status, problem }));
}

function listen() {
  at("drop").onclick = () => choose(`${PICTURE},${FILM}`, given);
  const files = (from) => [...(from?.files ?? [])].filter(({ type }) => /^(image|video)\//.test(type));
  const over = (event) => (at("panel").contains(event.target) ? at("panel") : stage.frame);
  const left = () => [at("panel"), stage.frame].forEach((each) => each.classList.remove("over"));
  const taken = (found, own) => {
    if (own) found.filter(({ type }) => type.startsWith("image/")).forEach(ownPainting);
    else if (found.length) given(found[0]);
  };
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    left();
    over(event).classList.add("over");
  });
  document.addEventListener("dragleave", left);
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    left();
    taken(files(event.dataTransfer), over(event) === at("panel"));
  });
  document.addEventListener("paste", (event) => taken(files(event.clipboardData), tabs.now === "paintings"));
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || /text|search/.test(event.target.type)) return;
    event.preventDefault();
    if (event.shiftKey) mix.redo();
    else mix.undo();
  });
  mix.addEventListener("change", want);
  mix.addEventListener("kept", () => history.replaceState(null, "", mix.link()));
  window.addEventListener("hashchange", go);
}

// The mix of the link; the server still knows paintings by their names.
async function go() {
  const asked = ofLink(location.hash, { has: () => true });
  for (const name of Object.keys(asked?.styles ?? {}).filter((each) => !titles.has(each)))
    await json(`/v1/styles/${encodeURIComponent(name)}`).then((style) => addStyle(style, true), () => null);
  const look = ofLink(location.hash, new Set(titles.keys()));
  if (look) mix.set(look);
}

const found = await json("/v1/styles").catch((error) => problem(error.message));
if (found) {
  network = found.network.split(/[\\/]/).at(-1);
  reads = found.reads;
  arrange();
  for (const style of found.styles) addStyle(style);
  listen();
  await go();
  ready();
  document.body.dataset.ready = "yes";
}
