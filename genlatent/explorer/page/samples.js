// Draws from the model, as many as are asked for.
import { ask, latest } from "./api.js";
import { button, conditions, el, part, select, slider } from "./dom.js";

export function samples(about, view, { edit }) {
  const can = about.sample;
  let seed = 0, number = view.points ? 64 : view.kind === "image" ? 32 : 12, temperature = 1, steps = 200, means = can.means && view.kind === "image";
  const told = conditions(about.condition, () => draw(), { free: true });
  const gallery = view.gallery(view, "sample", about.verbs.length ? (answer, i) => edit(view.values(answer, i), told.value) : null);
  const wait = el("p", { className: "note", "aria-live": "polite" });
  const draw = latest(async () => {
    wait.textContent = can.steps ? "drawing ..." : "";
    const wish = { number: Math.min(number, can.most), condition: told.value, seed: seed++ };
    if (means) wish.means = true;
    if (can.temperature) wish.temperature = temperature;
    if (can.steps) wish.steps = steps;
    try { gallery.set(await ask("/api/sample", wish)); } finally { wait.textContent = ""; }
  });
  const more = button("Draw", () => draw(), { className: "main" });
  const many = select("how many", [1, 4, 12, 16, 32, 64].map((n) => [n, n]), number, (n) => { number = Number(n); draw(); });
  const heat = can.temperature ? slider("temperature", { low: -1, high: 1, step: 0.02, value: 0, show: (v) => (5 ** v).toFixed(2), change: (v) => { temperature = 5 ** v; }, settled: () => draw() }) : null;
  const long = can.steps ? slider("steps of each chain", { low: 0, high: 1, step: 0.01, value: Math.log(200) / Math.log(500), show: (v) => String(Math.round(500 ** v)), change: (v) => { steps = Math.round(500 ** v); }, settled: () => draw() }) : null;
  const noise = can.means ? el("label", { className: "check" }, el("input", { type: "checkbox", checked: !means, onchange: (e) => { means = !e.target.checked; seed--; draw(); } }), view.kind === "image" ? "with the noise of every pixel" : "with the noise of every value") : null;
  const box = part("samples", "Samples", `New ${view.kind === "image" ? "images" : "rows"} from the model${about.verbs.length ? "; choose one to work on it" : ""}.`,
    el("div", { className: "stack" }, told.box, el("div", { className: "row" }, more, many.box, noise, wait), heat || long ? el("div", { className: "sliders" }, heat?.box, long?.box) : null, gallery.box));
  return { box, ready: () => draw(), examples(answer) { gallery.ground?.(answer.rows); } };
}
