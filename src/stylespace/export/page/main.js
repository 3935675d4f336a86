// Photo, camera and sliders; the network is in painter.js.
const find = (id) => document.getElementById(id);
const canvas = find("picture"), said = find("said"), asked = new URLSearchParams(location.search);
const SMALL = 256;   // long side at which statistics are measured while things move
const SHARE = 0.2;   // of a new camera frame in the average of statistics
const EVERY = 10;    // camera frames from one measurement to the next

// Threads need two headers; a service worker sets them where the host does not, from the second load on.
if (!crossOriginIsolated && "serviceWorker" in navigator && isSecureContext && !asked.has("no-threads")) {
  await navigator.serviceWorker.register("coop.js").catch(() => null);
  await navigator.serviceWorker.ready;
  if (!sessionStorage.getItem("reloaded")) {
    sessionStorage.setItem("reloaded", "yes");
    location.reload();
    await new Promise(() => {});
  }
}
sessionStorage.removeItem("reloaded");

const worker = new Worker("painter.js", { type: "module" }), waiting = new Map();
let number = 0;
worker.onmessage = ({ data }) => {
  const { done, failed } = waiting.get(data.number);
  waiting.delete(data.number);
  data.error ? failed(new Error(data.error)) : done(data.answer);
};
worker.onerror = (event) => say(`The network could not be started: ${event.message}`);
const ask = (what, given = {}) => new Promise((done, failed) => {
  waiting.set(++number, { done, failed });
  worker.postMessage({ what, number, ...given });
});
const say = (text) => { said.textContent = text; };

const about = await (await fetch("network.json")).json();
const sliders = about.styles.map((style, i) => {
  const label = document.createElement("label"), slider = document.createElement("input");
  const picture = document.createElement(style.thumbnail ? "img" : "i"), title = document.createElement("span");
  label.className = "style";
  if (style.thumbnail) Object.assign(picture, { src: `data:image/jpeg;base64,${style.thumbnail}`, alt: "" });
  title.textContent = style.title;
  title.title = [style.title, style.artist].filter(Boolean).join(", ");
  Object.assign(slider, { type: "range", min: 0, max: 1, step: 0.01, value: i ? 0 : 1 });
  slider.dataset.style = style.name;
  label.append(picture, title, slider);
  find("styles").append(label);
  return slider;
});
const weights = () => {
  const found = sliders.map((slider) => Number(slider.value));
  return found.some(Boolean) ? found : found.map((_, i) => Number(i === 0));
};

let source = null;   // a bitmap, or the camera's video
let stream = null, row = null, frame = 0, again = false, busy = false;

// The photo at a long side of so many pixels, both sides multiples of what the network wants.
const scratch = new OffscreenCanvas(16, 16), pen = scratch.getContext("2d", { willReadFrequently: true });
function shot(long) {
  const wide = source.videoWidth || source.width, high = source.videoHeight || source.height;
  const scale = long / Math.max(wide, high), m = about.multiple;
  const fit = (side) => Math.max(4 * m, Math.round(side * scale / m) * m);
  Object.assign(scratch, { width: fit(wide), height: fit(high) });
  pen.drawImage(source, 0, 0, scratch.width, scratch.height);
  const { data, width, height } = pen.getImageData(0, 0, scratch.width, scratch.height);
  return { data, width, height };
}

function show({ data, width, height }) {
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
}

// One picture. settled: nothing moves, so statistics are measured on the whole picture, and the result is the network's own.
async function redraw(settled) {
  if (!source) return;
  if (busy) { again = true; return; }
  busy = true;
  try {
    const photo = shot(Number(find("size").value));
    if (stream) {
      if (frame++ % EVERY === 0 || !row) {
        const fresh = await ask("measure", { photo: shot(SMALL), weights: weights() });
        row = row ? row.map((value, i) => value + SHARE * (fresh[i] - value)) : fresh;
      }
    } else {
      row = await ask("measure", { photo: settled ? photo : shot(Math.min(SMALL, photo.width)), weights: weights() });
    }
    const made = await ask("paint", { photo, row, strength: Number(find("strength").value) });
    show(made);
    canvas.dataset.settled = settled ? "yes" : "no";
    canvas.dataset.milliseconds = made.milliseconds.toFixed(1);
    canvas.dataset.shown = Number(canvas.dataset.shown ?? 0) + 1;
    say(stream ? `${(1000 / made.milliseconds).toFixed(1)} pictures a second` : `${(made.milliseconds / 1000).toFixed(2)} s`);
  } catch (error) {
    say(`The picture could not be redrawn: ${error.message}`);
  } finally {
    busy = false;
    if (stream) requestAnimationFrame(() => redraw(false));
    else if (again) { again = false; redraw(true); }
  }
}

async function take(blob) {
  try {
    source = await createImageBitmap(blob);
  } catch {
    return say("That file is no picture that this browser reads.");
  }
  stop();
  await redraw(true);
}

function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = row = null;
  find("camera").textContent = "Camera";
}

find("file").addEventListener("change", ({ target }) => target.files[0] && take(target.files[0]));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
});
find("camera").addEventListener("click", async () => {
  if (stream) return stop();
  try {
    const opened = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    const video = Object.assign(document.createElement("video"), { srcObject: opened, muted: true, playsInline: true });
    await video.play();
    [source, stream, row, frame] = [video, opened, null, 0];
    find("camera").textContent = "Stop";
    redraw(false);
  } catch (error) {
    say(`The camera cannot be used: ${error.message}`);
  }
});
find("save").addEventListener("click", () => canvas.toBlob((blob) => {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: "stylespace.png" });
  link.click();
  URL.revokeObjectURL(link.href);
}));
for (const slider of sliders) {
  slider.addEventListener("input", () => { if (stream) row = null; else redraw(false); });
  slider.addEventListener("change", () => { if (!stream) redraw(true); });
}
for (const id of ["size", "strength"]) find(id).addEventListener("change", () => { if (!stream) redraw(true); });

try {
  const { engine } = await ask("start", { wanted: asked.get("engine") });
  find("engine").textContent = `Computed here, by ${engine}. Nothing leaves this page.`;
  say("Choose a photo, or drop one here.");
  document.body.dataset.ready = engine;
} catch (error) {
  say(`The network could not be started: ${error.message}`);
}
