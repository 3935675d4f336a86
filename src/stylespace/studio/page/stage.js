// The picture: photo and result over each other, a divider between them.
import { text } from "./text.js";

export class Stage {
  constructor() {
    this.frame = document.getElementById("frame");
    this.after = document.getElementById("after");
    this.before = document.getElementById("before");
    const divider = document.getElementById("divider");
    divider.setAttribute("aria-label", text.divider);
    divider.oninput = () => this.split(divider.value / 1000);
    this.frame.classList.add("empty");
    new ResizeObserver(() => this.split(divider.value / 1000)).observe(this.frame);
  }

  async setPhoto(blob) {
    const picture = await createImageBitmap(blob, { imageOrientation: "from-image" });
    draw(this.before, picture);
    draw(this.after, picture);
    this.frame.classList.remove("empty");
  }

  show(picture, number, label) {
    draw(this.after, picture);
    picture.close();
    this.after.dataset.number = number;
    this.after.setAttribute("aria-label", label);
  }

  split(share) {
    this.frame.style.setProperty("--split", `${share * 100}%`);
  }
}

function draw(canvas, picture) {
  if (canvas.width !== picture.width || canvas.height !== picture.height) [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext("2d").drawImage(picture, 0, 0);
}
