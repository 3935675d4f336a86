// Jobs: progress, preview, curve, cancel. Their ids are kept, so that a reload or a second tab finds them again.
import { call, form, json } from "./api.js";
import { button, element } from "./element.js";
import { text } from "./text.js";

const KEPT = "stylespace-jobs";
const OVER = new Set(["done", "failed", "cancelled"]);

export class Jobs {
  constructor(problem) {
    this.problem = problem;
    this.list = document.getElementById("job-list");
    this.shown = new Map();
    for (const id of kept()) this.show(id);
    window.addEventListener("storage", ({ key }) => key === KEPT && kept().forEach((id) => this.show(id)));
  }

  async begin(photo, paintings, keys = []) {
    const body = form({}, [["photo", photo, "photo"], ...paintings.map((file) => ["styles", file, "style"])]);
    for (const key of keys) body.append("library", key);
    const job = await json("/v1/transfer", { method: "POST", body });
    keep([...kept(), job.id]);
    this.show(job.id);
  }

  show(id) {
    if (this.shown.has(id)) return;
    const row = new Row(id, this.problem, () => this.remove(id));
    this.shown.set(id, row);
    this.list.prepend(row.element);
    document.getElementById("jobs").classList.add("any");
  }

  remove(id) {
    keep(kept().filter((each) => each !== id));
    this.shown.get(id)?.element.remove();
    this.shown.delete(id);
    document.getElementById("jobs").classList.toggle("any", this.shown.size > 0);
  }
}

class Row {
  constructor(id, problem, remove) {
    this.id = id;
    this.losses = [];
    this.picture = element("img", { alt: text.preview });
    this.bar = element("progress", { max: 1, value: 0, "aria-label": text.jobs });
    this.told = element("p", { "aria-live": "polite" });
    this.curve = element("div", { role: "img", "aria-label": text.loss });
    this.cancel = button(text.cancel, () => call(`/v1/jobs/${id}`, { method: "DELETE" }).catch((error) => problem(error.message)));
    this.saved = element("a", { className: "button", download: "", hidden: true }, text.result);
    this.gone = button(text.remove, remove, { hidden: true });
    const buttons = element("div", { className: "row" }, this.cancel, this.saved, this.gone);
    this.element = element("article", { className: "job" }, this.picture, element("div", {}, this.told, this.bar, buttons), this.curve);
    this.element.dataset.job = id;
    this.listen(remove);
  }

  listen(remove) {
    const events = new EventSource(`/v1/jobs/${this.id}/events`);
    events.addEventListener("losses", ({ data }) => {
      const fresh = JSON.parse(data);
      this.losses = this.losses.filter(([step]) => step < fresh[0][0]).concat(fresh);
      this.curve.replaceChildren(drawn(this.losses));
    });
    events.addEventListener("job", ({ data }) => {
      const job = JSON.parse(data);
      this.update(job);
      if (OVER.has(job.state)) events.close();
    });
    events.onerror = async () => {
      if (events.readyState !== EventSource.CLOSED) return;
      await call(`/v1/jobs/${this.id}`).catch(remove); // it is forgotten
    };
  }

  update(job) {
    this.element.dataset.state = job.state;
    this.told.textContent = text.state[job.state](job);
    this.bar.value = job.state === "done" ? 1 : job.of ? job.step / job.of : 0;
    if (job.preview && job.state === "running") this.picture.src = `/v1/jobs/${this.id}/preview?number=${job.preview}`;
    this.cancel.hidden = OVER.has(job.state);
    this.gone.hidden = !OVER.has(job.state);
    if (job.result) {
      this.picture.src = this.saved.href = `/v1/results/${job.result}`;
      this.saved.hidden = false;
    }
  }
}

// A curve on a logarithmic axis.
function drawn(losses) {
  const name = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(name, "svg");
  picture.setAttribute("viewBox", "0 0 100 40");
  picture.setAttribute("preserveAspectRatio", "none");
  const logs = losses.map(([, loss]) => Math.log(Math.max(loss, 1e-12)));
  const [low, high, last] = [Math.min(...logs), Math.max(...logs), losses.at(-1)[0]];
  const line = document.createElementNS(name, "polyline");
  line.setAttribute("points", logs.map((log, i) => `${(100 * losses[i][0]) / last},${38 - (36 * (log - low)) / (high - low || 1)}`).join(" "));
  for (const [key, value] of Object.entries({ fill: "none", stroke: "currentColor", "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" }))
    line.setAttribute(key, value);
  picture.append(line);
  return picture;
}

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(found) ? found.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}

function keep(ids) {
  localStorage.setItem(KEPT, JSON.stringify([...new Set(ids)].slice(-50)));
}
