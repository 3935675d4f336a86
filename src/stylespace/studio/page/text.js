// All English of the page.
export const text = {
  drop: "Drop a photo here, paste one,\nor press to choose a file",
  stage: "Picture", picture: (mix) => `The photo, redrawn: ${mix || "no style chosen"}`,
  divider: "Before and after: how much of the photo is shown from the left",
  choosePhoto: "Photo…", camera: "Camera", render: "Full resolution", download: "Save this picture", rendering: "Painting at full resolution…",
  random: "Random mix", clear: "Clear", undo: "Undo", redo: "Redo", styles: "Styles", look: "Look", weight: (name) => `Weight of ${name}`,
  ownPainting: "Your own painting…", paintWell: "Paint it well…", reading: "Reading the painting…",
  noReader: "This network paints in its own styles. 'Paint it well' takes any painting, and needs minutes.",
  strength: "Strength", colour: "Colours", stroke: "Stroke size", size: "Live size",
  colours: { style: "the style's", luminance: "the photo's", cholesky: "matched (Cholesky)", root: "matched (root)", transport: "matched (transport)" },
  brush: "Where a style goes", brushStyle: "Style", brushOn: "Brush", brushSize: "Brush size", erase: "Eraser", clearMap: "Whole picture again",
  sides: { left: "Left", right: "Right", top: "Top", bottom: "Bottom" },
  library: "Library", search: "Search", query: "tag=oil, artist=monet, year=1880..1900", nothing: "Nothing matches.",
  take: (name) => `Paint it well in the style of ${name}`, like: "More like the last one",
  link: "Copy link", json: "Save mix", open: "Open mix…", copied: "The link is copied.",
  jobs: "Painting well", cancel: "Cancel", result: "Save result", remove: "Remove", loss: "Loss by step",
  preview: "Preview of the painting",
  ready: (name) => `Network: ${name}`, connecting: "Connecting…", lost: "The connection is lost; trying again…",
  frame: (number, ms) => `Picture ${number}, ${ms} ms`,
  state: {
    queued: (job) => (job.place ? `Waiting: ${job.place} before it` : "Waiting"),
    running: (job) => (job.paused ? "Standing back while you mix" : `Step ${job.step} of ${job.of || "…"}${left(job.seconds_left)}`),
    done: () => "Done", failed: (job) => job.message, cancelled: () => "Cancelled",
  },
  needPhoto: "Choose a photo first.", badMix: "This file holds no mix.", failed: "The server did not answer: is it still running?",
};

function left(seconds) {
  if (!seconds) return "";
  return seconds > 90 ? `, ${Math.round(seconds / 60)} min left` : `, ${Math.round(seconds)} s left`;
}
