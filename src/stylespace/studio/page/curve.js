// A curve of losses, on a logarithmic axis.
const SPACE = "http://www.w3.org/2000/svg";
const LINE = { fill: "none", stroke: "currentColor", "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" };

export function curve(losses) {
  const picture = document.createElementNS(SPACE, "svg");
  picture.setAttribute("viewBox", "0 0 100 40");
  picture.setAttribute("preserveAspectRatio", "none");
  const logs = losses.map(([, loss]) => Math.log(Math.max(loss, 1e-12)));
  const [low, high, last] = [Math.min(...logs), Math.max(...logs), losses.at(-1)[0]];
  const points = logs.map((log, i) => `${(100 * losses[i][0]) / last},${38 - (36 * (log - low)) / (high - low || 1)}`).join(" ");
  const line = document.createElementNS(SPACE, "polyline");
  for (const [key, value] of Object.entries({ points, ...LINE })) line.setAttribute(key, value);
  picture.append(line);
  return picture;
}
