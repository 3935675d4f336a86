// A mix as a link and as a file that `stylespace paint --mix` takes; maps, and the codes of paintings, go into the file.
import { json } from "./api.js";
import { KEEP } from "./brush.js";
import { button, choose, save } from "./element.js";
import { lookOf } from "./mix.js";
import { text } from "./text.js";

// ``own(name)``: whether a style is in no network.
export function shareButtons(mix, brush, names, own, { guarded, status, problem }) {
  return [
    button(text.link, () => guarded(async () => {
      await navigator.clipboard.writeText(mix.link());
      status(Object.keys(mix.look.styles).some((name) => name.startsWith("painting:")) ? text.ownLink : text.copied);
    })),
    button(text.json, () => guarded(async () => {
      const files = (await brush.files()).filter(([name]) => mix.look.styles[name] || name === KEEP);
      const maps = Object.fromEntries(await Promise.all(files.map(async ([name, map]) => [name, await address(map)])));
      const known = await Promise.all(Object.keys(mix.look.styles).filter(own).map(async (name) => [name, (await json(`/v1/styles/${encodeURIComponent(name)}/code`)).code]));
      const look = { ...mix.look, ...(files.length ? { maps } : {}), ...(known.length ? { codes: Object.fromEntries(known) } : {}) };
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
