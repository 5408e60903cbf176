// One row in the user's hands: drawn, noisy or with parts erased, and everything that the model makes of it.
import { ask, latest } from "./api.js";
import { button, conditions, el, part, slider } from "./dom.js";
import { colours, onTheme, sharp } from "./pixels.js";
import { short } from "./curves.js";

const NAMED = 12; // values of a code that are written out

export function drawing(about, view, { place }) {
  const verbs = new Set(about.verbs), image = view.kind === "image", fills = verbs.has("impute");
  let noise = 0.2, seed = 0, turn = 0, known = null, answer = null;
  const told = conditions(about.condition, () => look(), { free: !about.condition.required });
  const asked = about.condition.required;
  const editor = view.editor(view, { name: image ? "Canvas to draw on" : "A row to fill in", erasable: fills, change: () => look() });
  const back = output("reconstruct", "reconstruction"), whole = fills ? output("impute", "completed") : null;
  const noisy = output("denoise", "with noise"), clean = output("denoise", "noise taken away");
  const code = verbs.has("encode") ? codeView() : null;
  const classes = verbs.has("predict_proba") ? classView(about.condition.classes[0]) : null;
  const score = verbs.has("score") ? el("dd", {}, "") : null;

  function output(verb, name) {
    if (!verbs.has(verb)) return null;
    const made = view.output(view, name);
    made.figure = el("figure", {}, made.box, el("figcaption", {}, name));
    return made;
  }

  const look = latest(async () => {
    answer = await ask("/api/row", { row: editor.value(), condition: asked ? told.value : null, noise, seed });
    back?.set(answer.reconstruct);
    if (noisy) { noisy.set(answer.noisy); clean.set(answer.denoise); }
    if (whole) { whole.set(answer.impute ?? answer.known); whole.figure.querySelector("figcaption").textContent = answer.gaps ? "completed" : "completed (nothing is erased yet)"; }
    code?.set(answer.encode);
    classes?.set(answer.classes);
    if (score) score.textContent = short(answer.score);
  });

  function example() {
    if (!known) return;
    const i = turn++ % view.count(known);
    if (asked && known.conditions[i]) told.set(known.conditions[i]);
    editor.set(view.values(known, i));
  }

  const tools = el("div", { className: "row" },
    about.examples ? button("Example", example, { title: "A held-out row" }) : null,
    button("Clear", () => editor.clear()),
    fills ? button("Erase half", () => editor.halve(), { title: "Make the second half unknown" }) : null);
  const noises = noisy ? slider("noise", { low: 0, high: 1, step: 0.01, value: noise, change: (v) => { noise = v; look(); } }) : null;
  const again = noisy ? button("Other noise", () => { seed++; look(); }) : null;
  const toPlane = about.latent && code ? button("Show this code among the others", () => answer?.encode && place(answer.encode, asked ? told.value : null)) : null;
  const outputs = el("div", { className: image ? "outputs" : "outputs rows" }, [back, whole, noisy, clean].map((one) => one?.figure));
  const sentence = image
    ? `Draw a picture${fills ? ", or erase a part of one" : ""}; the model answers with every stroke.`
    : `Change a row${fills ? ", or leave cells empty" : ""}; the model answers at once.`;
  const box = part("draw", image ? "Draw" : "Fill in", sentence,
    el("div", { className: "split narrow" },
      el("div", { className: "stack" }, asked ? told.box : null, editor.box, tools),
      el("div", { className: "stack" }, outputs, noises ? el("div", { className: "row" }, again, el("div", { className: "grow" }, noises.box)) : null, code?.box, toPlane ? el("div", { className: "row" }, toPlane) : null, classes?.box,
        score ? el("dl", {}, el("dt", {}, "score: higher where the model finds the row more typical"), score) : null)));
  return {
    box, ready: () => { if (!known) look(); },
    examples(found) { known = found; if (found.held) example(); else look(); },
    edit(values, condition) { if (condition && asked) told.set(condition); editor.set(values); box.scrollIntoView(); editor.canvas?.focus({ preventScroll: true }); },
  };
}

/** The values of a code as bars about zero. */
function codeView() {
  const canvas = el("canvas", { className: "bars smooth", role: "img" }), text = el("p", { className: "note" });
  let code = [];
  function draw() {
    const page = colours(), { context, width, height } = sharp(canvas);
    if (!code.length) return;
    const top = Math.max(...code.map(Math.abs), 1e-6), signed = code.some((v) => v < 0), zero = signed ? height / 2 : height - 2, scale = (signed ? height / 2 : height) - 6;
    context.fillStyle = page.line;
    context.fillRect(0, zero, width, 1);
    code.forEach((value, i) => {
      const long = (value / top) * scale, wide = Math.max(1, width / code.length - (code.length > 100 ? 0 : 3));
      context.fillStyle = value < 0 ? page.warm : page.accent;
      context.fillRect((i * width) / code.length + 1, long > 0 ? zero - long : zero, wide, Math.abs(long));
    });
  }
  new ResizeObserver(draw).observe(canvas);
  onTheme(draw);
  return {
    box: el("figure", {}, el("figcaption", {}, "code"), canvas, text),
    set(found) {
      code = found.code;
      canvas.setAttribute("aria-label", `The ${found.size} values of the code`);
      text.textContent = found.size <= NAMED ? code.map((v) => v.toFixed(2)).join("  ·  ") : `${found.size} values, ${code.filter((v) => Math.abs(v) > 0.01 * Math.max(...code.map(Math.abs))).length} of them not near zero`;
      canvas.dataset.drawn = String(Number(canvas.dataset.drawn ?? 0) + 1);
      draw();
    },
  };
}

/** How likely each class is. */
function classView(told) {
  const box = el("div", { className: "classes" });
  return {
    box: el("figure", {}, el("figcaption", {}, told ? `${told.name}, as the model sees it` : "class, as the model sees it"), box),
    set(shares) {
      const best = shares.indexOf(Math.max(...shares));
      box.replaceChildren(...shares.map((share, i) => {
        const bar = el("i", {});
        bar.style.width = `${100 * share}%`;
        return el("div", { className: i === best ? "top" : "" }, el("b", {}, told?.texts[i] ?? String(i)), el("span", { className: "share" }, bar), el("output", {}, `${(100 * share).toFixed(0)} %`));
      }));
    },
  };
}
