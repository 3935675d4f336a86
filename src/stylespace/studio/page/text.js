// All English of the pages.
export const text = {
  // Picture
  drop: "Drop a photo or a video here, paste one,\nor press to choose a file",
  stage: "Picture", picture: (mix) => `The photo, redrawn: ${mix || "no style chosen"}`, resultShown: "The result of a job",
  divider: "Before and after: how much of the photo is shown from the left",
  choosePhoto: "Photo…", camera: "Camera", takePicture: "Take picture", film: "Video…", stopFilm: "Stop here", paintFilm: "Paint the video",
  render: "Full resolution", renderTitle: "Paint the photo at its own size and save it",
  download: "Save this picture", downloadTitle: "Save the picture as it is shown", rendering: "Painting…",
  noCamera: "The camera cannot be used: allow it for this page, and see that no other program has it.",
  noFilm: "This video cannot be played here: give MP4 or WebM.",
  needPhoto: "Choose a photo first.", needPainting: "Add a painting first.", failed: "The server did not answer: is it still running?",
  ready: (name) => `Network: ${name}`, connecting: "Connecting…", lost: "The connection is lost; trying again…",
  pace: (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`),
  // Mix
  tabs: { mix: "Mix", paintings: "Your paintings", library: "Library" },
  random: "Random mix", clear: "Clear", undo: "Undo", redo: "Redo", styles: "Styles", look: "Look", weight: (name) => `Weight of ${name}`,
  history: "Mixes before", again: (names) => `Back to ${names}`, ownPainting: "Your own painting…", reading: "Reading the painting…",
  strength: "Strength", colour: "Colours", stroke: "Stroke size",
  colours: { style: "as painted", palette: "the painting's own", luminance: "the photo's", cholesky: "matched (Cholesky)", root: "matched (root)", transport: "matched (transport)" },
  brush: "Where a style goes", brushStyle: "Style", keepPhoto: "The photo, unchanged", brushOn: "Brush", brushSize: "Brush size", erase: "Eraser", clearMap: "Whole picture again", editMap: "Edit", editMapNamed: (name) => `Edit where ${name} goes`,
  clearMapNamed: (name) => `${name} goes everywhere again`,
  sides: { left: "Left", right: "Right", top: "Top", bottom: "Bottom" },
  link: "Copy link", json: "Save mix", open: "Open mix…", copied: "The link is copied.", badMix: "This file holds no mix.",
  ownLink: "The link is copied; your own paintings are in it while this server runs.",
  // Paintings
  paintings: "Your paintings", choosePaintings: "Choose paintings…", paintingsDrop: "Drop one or many on this side, or take them from the library.",
  paintingsHelp: "Nothing here yet.", removeNamed: (name) => `Remove ${name}`, untitled: "Untitled",
  paintWell: "Paint it well", paintWellHelp: "Any painting, closer than a network gets; it takes minutes. Mixing goes before it.",
  placed: (count, rest) => {
    if (!count) return "";
    const where = count > 1 ? `${count} paintings go` : "One painting goes";
    return `${where} where the brush put ${count > 1 ? "them" : "it"}; elsewhere ${rest ? "the others do" : "the photo stays"}.`;
  },
  method: "Method", quality: "Quality", size: "Size", qualities: { draft: "draft", good: "good", best: "best" },
  methods: {
    gatys: "Texture (Gatys 2016)", blend: "Blend to suit the photo", strotss: "Optimal transport (STROTSS)", nnst: "Nearest neighbours (NNST)",
    deformable: "Shapes move, too", quilting: "Blocks of the painting", analogies: "Analogies", photoreal: "As a photo",
  },
  sizes: { 384: "384 pixels", 512: "512 pixels", 768: "768 pixels", 1024: "1024 pixels" },
  blend: "Blend to suit the photo", blending: "Comparing the paintings with the photo…",
  alone: (distance) => `alone ${distance.toFixed(3)}`,
  blended: (distance, name, alone, used, of) =>
    `Mixed like this, ${used} of ${of} are ${distance.toFixed(3)} from the photo's texture; the nearest alone, ${name}, is ${alone.toFixed(3)} from it.`,
  keep: "Keep as a style", keepHelp: "Learn the picture of what they share, or teach the network a slider of its own on this photo or better on a hundred.",
  trainPhotos: (count) => (count ? `Photos to learn on: ${count}` : "Photos to learn on…"), learn: "Learn their style", addStyle: "Add to the network", styleName: "Name", styleNameHint: "as its first painting",
  // Points
  match: "Match points…", findPoints: "Find points", addPoint: "Add a point", clearPoints: "Clear", paintPoints: "Paint with these points", close: "Close",
  pointsHelp: "Each number marks a place in the photo and the place in the painting that it should look like. Click to add one, drag it, or move it"
    + " with the arrow keys; Delete takes it away.",
  finding: "Looking for places that correspond…", foundPoints: (count) => (count ? `${count} pairs found. Drag what is wrong.` : "Nothing corresponds: add points by hand."),
  sideNames: { a: "Photo", b: "Painting" },
  point: (number, side, x, y) => `Point ${number}, ${side.toLowerCase()}: ${Math.round(x * 100)} % right, ${Math.round(y * 100)} % down`,
  // Library
  search: "Search", query: "words, or tag=oil, artist=monet, year=1880..1900", libraryHelp: "Search the pictures that 'stylespace library add' took in.",
  found: (count, like) => (count ? `${count} picture${count > 1 ? "s" : ""}${like ? ` like ${like}` : ""}` : "Nothing matches."),
  take: "Take", taken: "Taken", takeNamed: (name) => `Take ${name} as a style`, like: "Similar", likeNamed: (name) => `Pictures similar to ${name}`,
  // The page of addresses
  docs: {
    title: "Addresses", same: "The same as a document for programs: ", file: "file", list: (kind) => `list of ${kind}`,
    needed: (description) => `${description} (needed)`, answers: (codes) => `Answers: ${codes.join(", ")}.`,
  },
  // Jobs
  jobs: "Jobs", cancel: "Cancel", result: "Save result", showResult: "Show", takeResult: "Use as a painting", remove: "Remove",
  loss: "Loss by step", progress: "Progress", preview: "Preview", learned: "Learned style", addedStyle: "The network has a new style.",
  kinds: { transfer: "Painting it well", "learn-style": "Learning a style", "add-style": "Teaching the network", video: "Painting a video" },
  state: {
    queued: (job) => (job.place ? `Waiting: ${job.place} before it` : "Waiting"),
    running: (job) => (job.paused ? "Standing back while you mix" : job.step ? `Step ${job.step} of ${job.of || "…"}${left(job.seconds_left)}` : "Starting…"),
    done: () => "Done", failed: (job) => job.message, cancelled: () => "Cancelled",
  },
};

function left(seconds) {
  if (!seconds) return "";
  return seconds > 90 ? `, ${Math.round(seconds / 60)} min left` : `, ${Math.round(seconds)} s left`;
}
