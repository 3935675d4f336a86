// Jobs: progress, preview, curve, cancel. Their ids are kept, so that a reload or a second tab finds them again.
import { call, json } from "./api.js";
import { curve } from "./curve.js";
import { button, element } from "./element.js";
import { keepList, keptList } from "./kept.js";
import { text } from "./text.js";

const KEPT = "stylespace-jobs", MOST = 50;
const OVER = new Set(["done", "failed", "cancelled"]);
const PICTURES = new Set(["transfer", "learn-style"]);
const LATER = 1000; // milliseconds until a job that waits is asked for again; browsers hold few streams open

// ``on``: problem(told), show(blob), take(blob) of a result, done(job).
export class Jobs {
  constructor(on) {
    this.on = on;
    this.list = document.getElementById("job-list");
    this.shown = new Map();
    for (const id of kept()) this.show(id);
    window.addEventListener("storage", ({ key }) => key === KEPT && kept().forEach((id) => this.show(id)));
  }

  async begin(address, body) {
    const job = await json(address, { method: "POST", body });
    keepList(KEPT, [...kept(), job.id].slice(-MOST));
    this.show(job.id);
    this.shown.get(job.id).element.scrollIntoView({ block: "nearest" });
  }

  show(id) {
    if (this.shown.has(id)) return;
    const row = new Row(id, this.on, () => this.remove(id));
    this.shown.set(id, row);
    this.list.prepend(row.element);
    document.getElementById("jobs").classList.add("any");
  }

  remove(id) {
    keepList(KEPT, kept().filter((each) => each !== id));
    this.shown.get(id)?.element.remove();
    this.shown.delete(id);
    document.getElementById("jobs").classList.toggle("any", this.shown.size > 0);
  }
}

class Row {
  constructor(id, on, remove) {
    this.id = id;
    this.on = on;
    this.losses = [];
    this.picture = element("img", { alt: text.preview, hidden: true });
    this.title = element("h3");
    this.bar = element("progress", { max: 1, value: 0, "aria-label": text.progress });
    this.told = element("p", { role: "status" });
    this.curve = element("div", { className: "curve", role: "img", "aria-label": text.loss });
    this.cancel = button(text.cancel, () => this.guarded(() => call(`/v1/jobs/${id}`, { method: "DELETE" })));
    this.saved = element("a", { className: "button", download: "", hidden: true }, text.result);
    this.seen = button(text.showResult, () => this.guarded(async () => on.show(await this.result())), { hidden: true });
    this.taken = button(text.takeResult, () => this.guarded(async () => on.take(await this.result())), { hidden: true });
    this.gone = button(text.remove, remove, { hidden: true });
    const buttons = element("div", { className: "row" }, this.cancel, this.saved, this.seen, this.taken, this.gone);
    const frame = element("div", { className: "picture" }, this.picture);
    this.element = element("article", { className: "job" }, frame, element("div", {}, this.title, this.told, this.bar, buttons), this.curve);
    this.element.dataset.job = id;
    this.remove = remove;
    this.wait();
  }

  async guarded(work) {
    try {
      await work();
    } catch (error) {
      this.on.problem(error.message);
    }
  }

  async result() {
    return (await call(this.saved.href)).blob();
  }

  // Until its turn comes; then its events are heard.
  async wait() {
    const answer = await fetch(`/v1/jobs/${this.id}`).catch(() => null);
    if (answer?.status === 404) return this.remove(); // it is forgotten
    const job = answer?.ok ? await answer.json() : null;
    if (job) this.update(job);
    if (job && job.state !== "queued") this.listen();
    else setTimeout(() => this.wait(), LATER);
  }

  listen() {
    const events = new EventSource(`/v1/jobs/${this.id}/events`);
    events.addEventListener("losses", ({ data }) => {
      const fresh = JSON.parse(data);
      this.losses = this.losses.filter(([step]) => step < fresh[0][0]).concat(fresh);
      this.curve.replaceChildren(curve(this.losses));
    });
    events.addEventListener("job", ({ data }) => {
      const job = JSON.parse(data);
      this.update(job);
      if (OVER.has(job.state)) events.close();
    });
    events.onerror = () => {
      if (events.readyState === EventSource.CLOSED) setTimeout(() => this.wait(), LATER);
    };
  }

  update(job) {
    const over = OVER.has(job.state);
    if (job.state === "done" && this.element.dataset.state !== "done") this.on.done(job);
    this.element.dataset.state = job.state;
    this.title.textContent = [text.kinds[job.kind] ?? job.kind, job.title].filter(Boolean).join(": ");
    this.told.textContent = text.state[job.state](job);
    this.bar.value = job.state === "done" ? 1 : job.of ? job.step / job.of : 0;
    if (job.preview && job.state === "running") this.look(`/v1/jobs/${this.id}/preview?number=${job.preview}`);
    this.cancel.hidden = over;
    this.bar.hidden = over;
    this.gone.hidden = !over;
    if (!job.result) return;
    const address = `/v1/results/${job.result}`;
    this.saved.href = address;
    this.saved.hidden = false;
    this.seen.hidden = this.taken.hidden = !PICTURES.has(job.kind);
    if (PICTURES.has(job.kind)) this.look(address);
  }

  look(address) {
    if (this.picture.getAttribute("src") === address) return;
    this.picture.hidden = false;
    this.picture.src = address;
  }
}

const kept = () => keptList(KEPT).filter((id) => typeof id === "string");
