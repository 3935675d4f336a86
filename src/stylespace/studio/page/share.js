// A mix as a link and as a file that `stylespace paint --mix` takes; maps go into the file.
import { KEEP } from "./brush.js";
import { button, choose, save } from "./element.js";
import { lookOf } from "./mix.js";
import { text } from "./text.js";

export function shareButtons(mix, brush, names, { guarded, status, problem }) {
  return [
    button(text.link, () => guarded(async () => {
      await navigator.clipboard.writeText(mix.link());
      status(Object.keys(mix.look.styles).some((name) => name.startsWith("painting:")) ? text.ownLink : text.copied);
    })),
    button(text.json, () => guarded(async () => {
      const files = (await brush.files()).filter(([name]) => mix.look.styles[name] || name === KEEP);
      const maps = Object.fromEntries(await Promise.all(files.map(async ([name, map]) => [name, await address(map)])));
      const look = files.length ? { ...mix.look, maps } : mix.look;
      save(new Blob([JSON.stringify(look, null, 2)], { type: "application/json" }), "mix.json");
    })),
    button(text.open, () => choose("application/json,.json", (file) => guarded(async () => {
      const given = await file.text();
      const look = lookOf(given, names());
      if (!look) return problem(text.badMix);
      mix.set(look);
      for (const [name, map] of Object.entries(JSON.parse(given).maps ?? {}))
        if ((look.styles[name] || name === KEEP) && String(map).startsWith("data:image/png;base64,")) await brush.load(name, map);
    }))),
  ];
}

function address(blob) {
  return new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(blob);
  });
}
