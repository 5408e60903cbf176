// The space of codes: a plane to drag a point over, a slider for every axis, and the row that follows.
import { ask, frame, latest, say } from "./api.js";
import { button, choice, conditions, el, part, select, slider } from "./dom.js";
import { colour, colours, onTheme, sharp, sheet } from "./pixels.js";

const SHOWN = 8; // sliders that are open from the start
const BYTES = 300_000; // of images in one plane
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

/** What it means that some axes hardly tell rows apart. */
function unused(idle, all, row) {
  const which = idle < all ? `${idle} of the ${all} ${idle > 1 ? "are" : "is"} not` : all > 1 ? `None of the ${all} is` : "It is not";
  return `${which} used: the model does without, and gives every ${row} nearly the same value there. That is called a collapsed posterior.`;
}

export function codes(about, view, { edit }) {
  const { axes, order, start, whole, principal, size } = about.latent;
  let place = [...start], origin = null, by = "", pair = [order[0], order[1] ?? 0], dots = true, walking = false, known = null;
  const told = conditions(about.condition, () => { follow(); field(); });
  const output = view.output(view, "The decoded row");
  const every = about.latent.classes ? view.gallery(view, "class", (answer, i) => { told.set([i]); decode(); field(); }, { names: about.condition.classes[0].texts }) : null;
  const canvas = el("canvas", { className: "square smooth", tabIndex: 0, role: "application" });
  const ground = el("canvas", {});
  const flat = axes.length > 1;

  const decode = latest(async () => {
    const answer = await ask("/api/decode", { place, origin, condition: told.value });
    output.set(answer);
    last = answer;
    if (every) every.set(await ask("/api/classes", { place, origin }));
  });
  let last = null;
  const side = view.kind === "image" ? Math.max(3, Math.min(11, Math.floor(Math.sqrt(BYTES / (view.channels * view.width * view.height))))) : 0;
  const field = latest(async () => {
    if (!flat || !side) return draw();
    const answer = await ask("/api/plane", { place, origin, condition: told.value, first: pair[0], second: pair[1], size: side });
    sheet(ground, answer.images, view, answer.size, Math.max(1, Math.round(view.width / 10)));
    draw();
  });

  const sliders = order.map((axis) => slider(axes[axis].used ? axes[axis].name : `${axes[axis].name}, not used: moving it changes next to nothing`, {
    ...axes[axis], step: whole ? 1 : (axes[axis].high - axes[axis].low) / 400, value: place[axis], show: (v) => (whole ? String(v) : v.toFixed(2)),
    change: (value) => { place[axis] = value; decode(); draw(); },
    settled: () => { if (!pair.includes(axis)) field(); },
  }));
  const slots = new Map(order.map((axis, i) => [axis, sliders[i]]));

  function follow() {
    for (const [axis, one] of slots) one.set(place[axis]);
    decode();
    draw();
  }

  function range(axis) { return [axes[axis].low, axes[axis].high]; }
  function spot(axis, share) { const [low, high] = range(axis); const at = low + Math.min(1, Math.max(0, share)) * (high - low); return whole ? Math.round(at) : at; }
  const shareOf = (axis, value) => { const [low, high] = range(axis); return (value - low) / (high - low); };

  function draw() {
    if (!flat) return;
    const page = colours(), { context, width, height } = sharp(canvas);
    if (!width) return;
    context.imageSmoothingEnabled = false;
    if (ground.dataset.drawn) { context.globalAlpha = dots ? 0.75 : 1; context.drawImage(ground, 0, 0, width, height); context.globalAlpha = 1; }
    if (dots && known) {
      known.places.forEach((row, i) => {
        const x = shareOf(pair[0], row[pair[0]]) * width, y = (1 - shareOf(pair[1], row[pair[1]])) * height;
        context.beginPath();
        context.arc(x, y, width > 380 ? 4.5 : 3.5, 0, 7);
        context.fillStyle = hue(i, page);
        context.fill();
        context.strokeStyle = page.card;
        context.lineWidth = 1;
        context.stroke();
      });
    }
    const x = shareOf(pair[0], place[pair[0]]) * width, y = (1 - shareOf(pair[1], place[pair[1]])) * height;
    for (const [line, radius, thick] of [[page.card, 13, 7], [page.hold, 13, 3.5], [page.hold, 2, 3]]) {
      context.beginPath();
      context.arc(x, y, radius, 0, 7);
      context.strokeStyle = line;
      context.lineWidth = thick;
      context.stroke();
    }
    canvas.setAttribute("aria-label", `Plane of ${axes[pair[0]].name} and ${axes[pair[1]].name}; the point is at ${place[pair[0]].toFixed(2)}, ${place[pair[1]].toFixed(2)}. Arrow keys move it.`);
  }

  function moveTo(event) {
    const box = canvas.getBoundingClientRect();
    place[pair[0]] = spot(pair[0], (event.clientX - box.left) / box.width);
    place[pair[1]] = spot(pair[1], 1 - (event.clientY - box.top) / box.height);
    follow();
  }
  canvas.addEventListener("pointerdown", (event) => { walk(false); canvas.setPointerCapture(event.pointerId); moveTo(event); });
  canvas.addEventListener("pointermove", (event) => { if (canvas.hasPointerCapture(event.pointerId)) moveTo(event); });
  const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };
  canvas.addEventListener("keydown", (event) => {
    if (!MOVES[event.key]) return;
    const [which, way] = MOVES[event.key], axis = pair[which], [low, high] = range(axis);
    const step = whole ? 1 : (high - low) / (event.shiftKey ? 10 : 40);
    place[axis] = Math.min(high, Math.max(low, place[axis] + way * step));
    follow();
    event.preventDefault();
  });
  new ResizeObserver(draw).observe(canvas);
  onTheme(() => { field(); });

  /** The colour of a held-out row: its class, or where it stands in the column that was chosen. */
  function hue(i, page) {
    const j = by === "" ? -1 : Number(by);
    if (j < 0) return known.classes.length ? colour(known.classes[i]) : page.accent;
    if (known.rows[i][j] === null) return page.faint;
    const { texts, low, high } = view.columns[j], value = known.rows[i][j];
    return texts.length ? colour(Math.round(value)) : `hsl(${Math.round(200 - 180 * Math.min(1, Math.max(0, (value - low) / (high - low))))} 70% 50%)`;
  }

  function name(classes) {
    const found = [...new Set(classes)].sort((a, b) => a - b).slice(0, 20), texts = about.condition.classes[0]?.texts ?? [];
    legend.replaceChildren(...found.map((c) => { const mark = el("i", {}); mark.style.background = colour(c); return el("span", {}, mark, texts[c] ?? String(c)); }));
  }

  /** Wander through all axes at once, slowly. */
  async function walk(on) {
    if (walking === on) return;
    walking = on;
    walker.setAttribute("aria-pressed", String(on));
    const began = performance.now(), from = [...place], seeds = axes.map((_, i) => 0.35 + 0.13 * ((i * 7) % 5));
    let looked = 0;
    while (walking && canvas.isConnected) {
      const t = (performance.now() - began) / 1000;
      place = axes.map((axis, i) => { const at = from[i] + 0.38 * (axis.high - axis.low) * Math.sin(seeds[i] * t) * (pair.includes(i) ? 1 : 0.6); return Math.min(axis.high, Math.max(axis.low, whole ? Math.round(at) : at)); });
      follow();
      if (axes.length > 2 && t - looked > 0.5) { looked = t; field(); }
      await frame();
    }
    field();
  }
  const walker = button("Walk", () => walk(!walking), { "aria-pressed": "false", title: "Wander through the codes" });
  const names = order.map((axis) => [axis, axes[axis].name]);
  const turn = (which) => (value) => {
    const axis = Number(value);
    if (pair[1 - which] === axis) pair.reverse(); else pair[which] = axis;
    across.input.value = pair[0];
    up.input.value = pair[1];
    field();
  };
  const across = select("across", names, pair[0], turn(0)), up = select("up", names, pair[1], turn(1));
  const spots = el("label", { className: "check" }, el("input", { type: "checkbox", checked: true, onchange: (e) => { dots = e.target.checked; draw(); } }), "codes of held-out rows");
  const home = button("Middle", () => { walk(false); place = [...start]; origin = null; follow(); field(); });
  const random = button("Anywhere", () => { walk(false); place = axes.map((axis) => { const at = axis.low + Math.random() * (axis.high - axis.low); return whole ? Math.round(at) : (at + (axis.low + axis.high) / 2) / 2; }); origin = null; follow(); field(); });
  const send = about.verbs.length ? button(view.kind === "image" ? "Put it on the canvas" : "Edit this row", () => last && edit(view.values(last), told.value)) : null;

  const open = el("div", { className: "sliders" }, sliders.slice(0, SHOWN).map((s) => s.box));
  const rest = sliders.length > SHOWN ? el("details", {}, el("summary", {}, `${sliders.length - SHOWN} more axes`), el("div", { className: "sliders" }, sliders.slice(SHOWN).map((s) => s.box))) : null;
  const shades = view.columns && about.examples ? select("colour by", [["", known?.classes?.length ? "class" : "nothing"], ...view.columns.slice(0, 100).map((c, j) => [j, c.name])], "", (value) => { by = value; draw(); }) : null;
  const legend = el("p", { className: "legend dots" });
  const plane = flat ? el("div", { className: "stack plane" }, canvas, el("div", { className: "row" }, across.box, up.box, shades?.box, about.examples ? spots : null), legend) : null;
  const sentence = `Drag the point${flat ? " over the plane" : ""} or move the sliders: what the code there decodes to follows. ${principal ? `Codes have ${size} values; these are the directions in which they vary most.` : ""}`;
  const idle = axes.filter((one) => !one.used).length;
  const spare = idle ? el("p", { className: "note" }, unused(idle, axes.length, view.kind === "image" ? "image" : "row")) : null;
  const box = part("codes", "Codes", sentence,
    el("div", { className: flat ? "split decoding" : "stack" }, el("figure", { className: "decoded" }, output.box, el("figcaption", {}, "decoded")), plane,
      el("div", { className: "stack controls" }, told.box, every ? el("figure", {}, every.box, el("figcaption", {}, "the same code in every class")) : null, el("div", { className: "row" }, walker, home, random, send), open, rest, spare)));
  decode();
  if (CALM.matches) walker.title += " (moves a lot)";
  return {
    box, ready: () => field(),
    examples(answer) { known = answer.places.length ? answer : null; draw(); name(answer.classes); },
    show(code, condition) { walk(false); place = [...code.place]; origin = code.origin ?? null; if (condition) told.set(condition); follow(); field(); box.scrollIntoView(); say(); },
  };
}
