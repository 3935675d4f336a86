// The live picture: the photo once, then small messages; one on its way at a time, the latest after it. Stale frames are dropped.
const PHOTO = 1, MAP = 2, MIX = 3, FRAME = 4;
const AGAIN = 1000;

export class Live {
  constructor({ frame, problem, state }) {
    this.on = { frame, problem, state };
    this.number = this.sent = this.shown = 0;
    this.photo = null;
    this.maps = new Map();
    this.latest = null;
    this.connect();
  }

  connect() {
    this.on.state("connecting");
    this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/live`);
    this.socket.binaryType = "arraybuffer";
    this.busy = false;
    this.socket.onopen = () => {
      this.on.state("open");
      if (!this.photo) return;
      this.socket.send(this.photo);
      for (const message of this.maps.values()) this.socket.send(message);
      this.send();
    };
    this.socket.onmessage = ({ data }) => this.heard(data);
    this.socket.onclose = () => {
      this.on.state("lost");
      setTimeout(() => this.connect(), AGAIN);
    };
  }

  // A photo or a map shows with the next look that is wanted.
  async setPhoto(blob) {
    this.photo = await message(PHOTO, blob);
    this.maps.clear();
    this.post(this.photo);
  }

  // The next picture of a camera or a film: the maps stay.
  async setFrame(blob) {
    const data = await blob.arrayBuffer();
    this.photo = bytes(PHOTO, data);
    this.post(bytes(FRAME, data));
  }

  async setMap(name, blob) {
    const known = new TextEncoder().encode(name);
    const made = await message(MAP, new Blob([new Uint8Array([known.length >> 8, known.length & 255]), known, blob ?? new Blob()]));
    if (blob) this.maps.set(name, made);
    else this.maps.delete(name);
    this.post(made);
  }

  // The look that is wanted now.
  want(look) {
    this.latest = look;
    this.number += 1;
    this.send();
  }

  send() {
    if (this.busy || !this.latest || !this.photo || this.socket.readyState !== WebSocket.OPEN) return;
    const body = new TextEncoder().encode(JSON.stringify(this.latest));
    const made = new Uint8Array(5 + body.length);
    made[0] = MIX;
    new DataView(made.buffer).setUint32(1, this.number);
    made.set(body, 5);
    this.sent = this.number;
    this.busy = true;
    this.began = performance.now();
    this.post(made);
  }

  post(data) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(data);
  }

  async heard(data) {
    this.busy = false;
    if (this.number !== this.sent) this.send();
    if (typeof data === "string") return this.on.problem(JSON.parse(data).detail);
    const number = new DataView(data).getUint32(0);
    const took = Math.round(performance.now() - this.began);
    const picture = await createImageBitmap(new Blob([new Uint8Array(data, 4)], { type: "image/jpeg" }));
    if (number < this.shown) return picture.close();
    this.shown = number;
    this.on.frame(picture, number, took);
  }
}

async function message(kind, blob) {
  return bytes(kind, await blob.arrayBuffer());
}

function bytes(kind, data) {
  const made = new Uint8Array(1 + data.byteLength);
  made[0] = kind;
  made.set(new Uint8Array(data), 1);
  return made;
}
