// The network, in a worker: photos in, pictures out, so that the page stays responsive.
let ort, measure, paint, engine;

async function fetched(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function start(wanted) {
  let gpu = false;
  if (wanted !== "wasm" && navigator.gpu) gpu = Boolean(await navigator.gpu.requestAdapter().catch(() => null));
  ort = await import(gpu ? "./ort/ort.webgpu.min.mjs" : "./ort/ort.wasm.min.mjs");
  ort.env.logLevel = "error";
  ort.env.wasm.wasmPaths = new URL("./ort/", self.location.href).href;
  const threads = self.crossOriginIsolated ? Math.max(1, Math.min(8, navigator.hardwareConcurrency || 1)) : 1;
  ort.env.wasm.numThreads = threads;
  const weights = await fetched("weights.bin");
  const session = async (name, provider) => ort.InferenceSession.create(await fetched(name), {
    executionProviders: [provider], externalData: [{ path: "weights.bin", data: weights }],
  });
  measure = await session("measure.onnx", "wasm");
  engine = `wasm, ${threads} thread${threads > 1 ? "s" : ""}`;
  if (gpu) {
    try {
      paint = await session("paint.onnx", "webgpu");
      engine = "WebGPU";
    } catch (error) {
      console.warn(error);
    }
  }
  paint ??= await session("paint.onnx", "wasm");
  return { engine };
}

// Bytes of red, green, blue and alpha to a tensor (1, 3, H, W) in [0, 1].
function tensor({ data, width, height }) {
  const count = width * height, values = new Float32Array(3 * count);
  for (let i = 0, j = 0; i < count; i++, j += 4) {
    values[i] = data[j] / 255;
    values[count + i] = data[j + 1] / 255;
    values[2 * count + i] = data[j + 2] / 255;
  }
  return new ort.Tensor("float32", values, [1, 3, height, width]);
}

async function measured(photo, weights) {
  const given = new ort.Tensor("float32", Float32Array.from(weights), [weights.length]);
  const { row } = await measure.run({ photo: tensor(photo), weights: given });
  return row.data;
}

async function painted(photo, row, strength) {
  const begun = performance.now();
  const { picture } = await paint.run({ photo: tensor(photo), row: new ort.Tensor("float32", row, [row.length]) });
  const values = await picture.getData(), count = photo.width * photo.height, out = new Uint8ClampedArray(4 * count);
  const milliseconds = performance.now() - begun;
  for (let i = 0, j = 0; i < count; i++, j += 4) {
    for (let c = 0; c < 3; c++) out[j + c] = photo.data[j + c] + strength * (values[c * count + i] * 255 - photo.data[j + c]);
    out[j + 3] = 255;
  }
  return { data: out, width: photo.width, height: photo.height, milliseconds };
}

const answers = { start: ({ wanted }) => start(wanted), measure: ({ photo, weights }) => measured(photo, weights),
  paint: ({ photo, row, strength }) => painted(photo, row, strength) };

// One after another: a session runs one picture at a time.
let last = Promise.resolve();
self.onmessage = ({ data }) => {
  last = last.then(() => answers[data.what](data)).then(
    (answer) => self.postMessage({ number: data.number, answer }),
    (error) => self.postMessage({ number: data.number, error: String(error?.message ?? error) }));
};
