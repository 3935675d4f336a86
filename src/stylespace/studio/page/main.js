// Puts the page together.
import { call, form, json } from "./api.js";
import { Brush } from "./brush.js";
import { historyButtons, lookRows, randomLook, styleRow } from "./controls.js";
import { button, save } from "./element.js";
import { Jobs } from "./jobs.js";
import { library } from "./library.js";
import { Live } from "./live.js";
import { Mix, lookOf, ofLink } from "./mix.js";
import { Stage } from "./stage.js";
import { text } from "./text.js";

const at = (id) => document.getElementById(id);
const problem = (told = "") => (at("problem").textContent = told);
const status = (told) => (at("status").textContent = told);
const mix = new Mix();
const stage = new Stage();
const titles = new Map();
let photo = null;
let network = "";

const live = new Live({
  frame(picture, number, ms) {
    problem();
    stage.show(picture, number, text.picture(Object.keys(mix.look.styles).map((name) => titles.get(name) ?? name).join(", ")));
    status(text.frame(number, ms));
  },
  problem,
  state: (state) => status(state === "open" ? text.ready(network) : text[state]),
});
const brush = new Brush(stage.frame, async (name, map) => {
  await live.setMap(name, map);
  if (map && !mix.look.styles[name]) mix.weigh(name, 1);
  else want();
});
const jobs = new Jobs(problem);

function want() {
  if (Object.keys(mix.look.styles).length) live.want(mix.look);
}

async function setPhoto(file) {
  try {
    problem();
    await stage.setPhoto(file);
    photo = file;
    brush.setPhoto(stage.before.width, stage.before.height);
    for (const each of needPhoto) each.disabled = false;
    await live.setPhoto(file);
    if (Object.keys(mix.look.styles).length) want();
    else mix.set({ styles: { [titles.keys().next().value]: 1 } });
  } catch {
    await call("/v1/health").then(() => live.setPhoto(file), (error) => problem(error.message)); // the server says what is wrong with it
  }
}

async function guarded(work) {
  try {
    problem();
    await work();
  } catch (error) {
    problem(error.message);
  }
}

const render = () =>
  guarded(async () => {
    status(text.rendering);
    const { styles, strength, colour, stroke } = mix.look;
    const maps = (await brush.files()).filter(([name]) => styles[name]).map(([name, map]) => ["maps", map, `${name}.png`]);
    const body = form({ styles: JSON.stringify(styles), strength, colour, stroke, size: 0 }, [["photo", photo, "photo"], ...maps]);
    save(await (await call("/v1/paint", { method: "POST", body })).blob(), "stylespace.png");
    status(text.ready(network));
  });

function addStyle(style) {
  titles.set(style.name, style.title);
  at("style-list").append(styleRow(mix, style));
  brush.setStyles([...titles].map(([name, title]) => ({ name, title })));
}

async function ownPainting(file) {
  await guarded(async () => {
    status(text.reading);
    const style = await json("/v1/styles", { method: "POST", body: form({}, [["painting", file, file.name]]) });
    addStyle(style);
    mix.set({ ...mix.look, styles: { [style.name]: 1 } });
  });
}

function pick(id, then) {
  at(id).onchange = () => {
    for (const file of at(id).files) then(file);
    at(id).value = "";
  };
  at(id).click();
}

const needPhoto = [
  button(text.render, render, { disabled: true, className: "main" }),
  button(text.download, () => stage.after.toBlob((blob) => save(blob, "stylespace-live.png")), { disabled: true }),
  button(text.paintWell, () => pick("painting", (file) => guarded(() => jobs.begin(photo, [file]))), { disabled: true, title: text.noReader }),
];

function arrange(reads) {
  at("drop").textContent = text.drop;
  at("stage-title").textContent = text.stage;
  at("jobs-title").textContent = text.jobs;
  at("history-buttons").append(...historyButtons(mix));
  at("photo-buttons").append(button(text.choosePhoto, () => pick("file", setPhoto)), ...needPhoto);
  at("mix-buttons").append(
    button(text.random, () => mix.set({ ...mix.look, ...randomLook(titles.keys()) })),
    button(text.clear, () => mix.set({ styles: {} })),
    ...(reads ? [button(text.ownPainting, () => pick("painting", ownPainting))] : []),
  );
  document.querySelector("#styles legend").textContent = text.styles;
  document.querySelector("#look legend").textContent = text.look;
  at("look").append(...lookRows(mix));
  document.querySelector("#brush legend").textContent = text.brush;
  at("brush").append(...brush.controls());
  document.querySelector("#library summary").textContent = text.library;
  at("library").append(...library((key) => guarded(() => (photo ? jobs.begin(photo, [], [key]) : problem(text.needPhoto))), problem));
  at("share-buttons").append(
    button(text.link, () => guarded(async () => {
      await navigator.clipboard.writeText(mix.link());
      status(text.copied);
    })),
    button(text.json, () => save(new Blob([JSON.stringify(mix.look, null, 2)], { type: "application/json" }), "mix.json")),
    button(text.open, () => pick("mix-file", async (file) => {
      const look = lookOf(await file.text(), new Set(titles.keys()));
      if (look) mix.set(look);
      else problem(text.badMix);
    })),
  );
}

function listen() {
  at("drop").onclick = () => pick("file", setPhoto);
  const pictures = (given) => [...(given?.files ?? [])].filter((file) => file.type.startsWith("image/"));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    stage.frame.classList.add("over");
  });
  document.addEventListener("dragleave", () => stage.frame.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    stage.frame.classList.remove("over");
    const [file] = pictures(event.dataTransfer);
    if (file) setPhoto(file);
  });
  document.addEventListener("paste", (event) => {
    const [file] = pictures(event.clipboardData);
    if (file) setPhoto(file);
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.target.type === "text") return;
    event.preventDefault();
    if (event.shiftKey) mix.redo();
    else mix.undo();
  });
  mix.addEventListener("change", want);
  window.addEventListener("hashchange", () => follow());
}

function follow() {
  const look = ofLink(location.hash, new Set(titles.keys()));
  if (look) mix.set(look);
}

const found = await json("/v1/styles").catch((error) => problem(error.message));
if (found) {
  network = found.network.split(/[\\/]/).at(-1);
  arrange(found.reads);
  for (const style of found.styles) addStyle(style);
  listen();
  follow();
  status(text.ready(network));
  document.body.dataset.ready = "yes";
}
