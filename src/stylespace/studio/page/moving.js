// A camera or a film: its frames, each when the one before is painted.
import { element } from "./element.js";

const SIDE = 512;

export class Moving {
  constructor() {
    this.video = element("video", { muted: true, loop: true, playsInline: true });
    this.running = false;
  }

  async camera() {
    this.stop();
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } }, audio: false });
    this.video.srcObject = this.stream;
    await this.begin();
  }

  async film(file) {
    this.stop();
    this.address = URL.createObjectURL(file);
    this.video.src = this.address;
    await this.begin();
  }

  async begin() {
    await this.video.play();
    this.running = true;
  }

  stop() {
    this.running = false;
    this.video.pause();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = this.video.srcObject = null;
    this.video.removeAttribute("src");
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
  }

  // What is seen now; ``side``: its long side at most.
  picture(side = SIDE) {
    const { videoWidth: wide, videoHeight: high } = this.video;
    const scale = Math.min(1, side / Math.max(wide, high));
    const canvas = element("canvas", { width: Math.max(2, Math.round(wide * scale)), height: Math.max(2, Math.round(high * scale)) });
    canvas.getContext("2d").drawImage(this.video, 0, 0, canvas.width, canvas.height);
    return canvas;
  }
}

export const encoded = (canvas, type = "image/jpeg") => new Promise((done) => canvas.toBlob(done, type, 0.9));
