// The table of maps: where each style goes. Styles without a map go everywhere.
import { button, element } from "./element.js";
import { text } from "./text.js";

const HIGH = 40;

// ``maps``: style to canvas; ``choose`` shows one to be painted, ``clear`` takes one away.
export function mapRows(maps, titles, choose, clear) {
  return [...maps].map(([name, map]) => {
    const title = titles.get(name) ?? name;
    const small = element("canvas", { width: Math.round((HIGH * map.width) / map.height), height: HIGH });
    const context = small.getContext("2d");
    context.fillRect(0, 0, small.width, small.height);
    context.drawImage(map, 0, 0, small.width, small.height);
    return element(
      "div", { className: "row" }, small, element("span", { className: "name" }, title),
      button(text.editMap, () => choose(name), { "aria-label": text.editMapNamed(title) }),
      button("×", () => clear(name), { "aria-label": text.clearMapNamed(title) }),
    );
  });
}
