// What was mixed before: a small picture of each, kept by the browser; a click goes back to it.
import { element } from "./element.js";
import { keptList, keepList } from "./kept.js";
import { text } from "./text.js";

const KEPT = "stylespace-history", MOST = 24, HIGH = 56;

export class History {
  constructor(mix, names) {
    this.mix = mix;
    this.names = names;
    this.list = document.getElementById("history-list");
    this.due = false;
    mix.addEventListener("kept", () => (this.due = Object.keys(mix.look.styles).length > 0));
    this.show();
  }

  // A picture of the look that is chosen now is there.
  seen(canvas) {
    if (!this.due) return;
    this.due = false;
    const small = element("canvas", { width: Math.round((HIGH * canvas.width) / canvas.height), height: HIGH });
    const context = small.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(canvas, 0, 0, small.width, small.height);
    const look = structuredClone(this.mix.look);
    const others = this.items().filter((each) => JSON.stringify(each.look) !== JSON.stringify(look));
    keepList(KEPT, [{ look, picture: small.toDataURL("image/jpeg", 0.7) }, ...others].slice(0, MOST));
    this.show();
  }

  items() {
    return keptList(KEPT).filter((each) => each?.look?.styles && String(each.picture).startsWith("data:image/jpeg"));
  }

  show() {
    this.list.replaceChildren(...this.items().map(({ look, picture }) => {
      const label = text.again(this.names(look));
      const image = element("img", { src: picture, alt: "", height: HIGH });
      return element("button", { type: "button", title: label, "aria-label": label, onclick: () => this.mix.set(look) }, image);
    }));
  }
}
