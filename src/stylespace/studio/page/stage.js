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
  }

  async setPhoto(blob) {
    const picture = await createImageBitmap(blob, { imageOrientation: "from-image" });
    this.setBefore(picture);
    draw(this.after, picture);
  }

  // The photo alone; the result follows.
  setBefore(picture) {
    draw(this.before, picture);
    this.frame.style.setProperty("--ratio", picture.width / picture.height);
    this.frame.classList.remove("empty");
  }

  show(picture, label, number = this.after.dataset.number ?? 0) {
    draw(this.after, picture);
    picture.close();
    this.after.dataset.number = number;
    this.after.setAttribute("aria-label", label);
  }

  split(share) {
    this.frame.style.setProperty("--split", share);
  }
}

function draw(canvas, picture) {
  if (canvas.width !== picture.width || canvas.height !== picture.height) [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext("2d").drawImage(picture, 0, 0);
}
