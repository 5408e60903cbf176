// A canvas to draw on, pixel by pixel: ink, paper, and pixels that are not known.
import { choice, el, slider } from "./dom.js";
import { colours, onTheme, painter, sharp } from "./pixels.js";

const BRUSHES = { ink: ["ink", "Ink", "Paint with ink (1)"], paper: ["paper", "Paper", "Paint with paper (2)"], erase: ["erase", "Erase", "Make pixels unknown (3)"] };

/** An editor of one image; `erasable` adds the third brush, `empty` is what a cleared pixel is: 0 or null. */
export function paint(view, { name, change, erasable, empty = 0, words = {} }) {
  const side = Math.max(view.width, view.height), size = view.width * view.height, { channels } = view;
  let pixels = new Array(size * channels).fill(empty), brush = "ink", radius = Math.max(0.5, side / 20), ink = [1, 1, 1];
  let cursor = [Math.floor(view.width / 2), Math.floor(view.height / 2)], last = null, drawing = false;
  const canvas = el("canvas", { className: "square", tabIndex: 0, role: "application", "aria-label": `${name}. Arrow keys move, space paints, 1 2 3 choose the brush.` });
  canvas.style.aspectRatio = `${view.width} / ${view.height}`;
  const small = el("canvas", { width: view.width, height: view.height });
  const brushes = Object.keys(BRUSHES).filter((key) => key !== "erase" || erasable);
  const tools = choice("Brush", brushes.map((key) => [key, words[key] ?? BRUSHES[key][1], BRUSHES[key][2]]), brush, (key) => { brush = key; });
  const width = slider("brush", { low: 0.5, high: Math.max(1.5, side / 5), value: radius, show: (v) => `${(2 * v).toFixed(0)} px`, change: (v) => { radius = v; } });
  const colour = channels === 3 ? el("input", { type: "color", value: "#ffffff", "aria-label": "Colour of the ink", oninput: (e) => { ink = [1, 3, 5].map((i) => parseInt(e.target.value.slice(i, i + 2), 16) / 255); } }) : null;

  function dab(x, y) {
    const reach = Math.ceil(radius);
    for (let j = Math.floor(y) - reach; j <= y + reach; j++) {
      for (let i = Math.floor(x) - reach; i <= x + reach; i++) {
        if (i < 0 || j < 0 || i >= view.width || j >= view.height) continue;
        const here = Math.floor(x) === i && Math.floor(y) === j;
        const cover = here ? 1 : Math.min(1, radius + 0.5 - Math.hypot(i + 0.5 - x, j + 0.5 - y));
        if (cover > 0) touch(j * view.width + i, cover);
      }
    }
  }

  function touch(at, cover) {
    if ((view.two || brush !== "ink") && cover < 0.5) return;
    for (let c = 0; c < channels; c++) {
      const before = pixels[c * size + at] ?? 0;
      const ground = view.two ? 1 : cover;
      pixels[c * size + at] = brush === "erase" ? null : brush === "paper" ? 0 : channels === 3 ? before + ground * (ink[c] - before) : Math.max(before, ground);
    }
  }

  function line(from, to) {
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
    for (let s = 0; s <= steps; s++) dab(from[0] + ((to[0] - from[0]) * s) / steps, from[1] + ((to[1] - from[1]) * s) / steps);
  }

  function where(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * view.width, ((event.clientY - box.top) / box.height) * view.height];
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    drawing = true;
    last = where(event);
    line(last, last);
    changed();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    const now = where(event);
    line(last, now);
    last = now;
    changed();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { drawing = false; });
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    if (MOVES[event.key]) {
      cursor = cursor.map((at, i) => Math.min([view.width, view.height][i] - 1, Math.max(0, at + MOVES[event.key][i])));
      if (event.shiftKey) { dab(cursor[0] + 0.5, cursor[1] + 0.5); changed(); }
      draw();
    } else if (event.key === " " || event.key === "Enter") {
      dab(cursor[0] + 0.5, cursor[1] + 0.5);
      changed();
    } else if (brushes["123".indexOf(event.key)]) {
      brush = brushes["123".indexOf(event.key)];
      tools.set(brush);
    } else return;
    event.preventDefault();
  });
  for (const kind of ["focus", "blur"]) canvas.addEventListener(kind, () => draw());

  function changed() {
    draw();
    change();
  }

  function draw() {
    const { context, width: w, height: h } = sharp(canvas);
    if (!w) return;
    const paper = small.getContext("2d"), image = paper.createImageData(view.width, view.height), colourOf = painter(view);
    const shares = pixels.map((value) => 255 * (value ?? 0));
    for (let i = 0; i < size; i++) colourOf(shares, image.data, 4 * i, i);
    paper.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, w, h);
    hatch(context, w / view.width, h / view.height);
    if (document.activeElement === canvas && canvas.matches(":focus-visible")) cross(context, w / view.width, h / view.height);
    canvas.dataset.drawn = String(Number(canvas.dataset.drawn ?? 0) + 1);
  }

  function hatch(context, a, b) {
    const page = colours(), tile = el("canvas", { width: 8, height: 8 }), pen = tile.getContext("2d");
    pen.fillStyle = page["gap-a"];
    pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = page["gap-b"];
    pen.lineWidth = 2;
    pen.beginPath();
    for (const shift of [-8, 0, 8]) { pen.moveTo(shift, 8); pen.lineTo(shift + 8, 0); }
    pen.stroke();
    context.fillStyle = context.createPattern(tile, "repeat");
    for (let i = 0; i < size; i++) if (pixels[i] === null) context.fillRect((i % view.width) * a, Math.floor(i / view.width) * b, a + 0.5, b + 0.5);
  }

  function cross(context, a, b) {
    context.strokeStyle = colours().hold;
    context.lineWidth = 2;
    context.strokeRect(cursor[0] * a + 1, cursor[1] * b + 1, a - 2, b - 2);
  }

  new ResizeObserver(draw).observe(canvas);
  onTheme(draw);
  return {
    box: el("div", { className: "stack" }, canvas, el("div", { className: "row" }, tools.box, colour), width.box),
    canvas,
    value: () => [...pixels],
    set(values) { pixels = values.map((value) => (value === null ? null : view.two ? Math.round(value) : Math.min(1, Math.max(0, value)))); changed(); },
    clear() { this.set(new Array(size * channels).fill(empty)); },
    brush(key) { brush = key; tools.set(key); },
    halve(of = pixels) { this.set(of.map((value, i) => ((i % view.width) < view.width / 2 ? value : null))); },
  };
}
