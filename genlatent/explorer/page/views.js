// Rows of data on the page: images on canvases; tables, bars and points for what is no image.
import { el } from "./dom.js";
import { paint } from "./paint.js";
import { bytes, colour, colours, onTheme, sharp, show } from "./pixels.js";

const FEW = 12; // columns that are shown as lines of a table; of more there are bars

/** How rows of this data set are shown, listed and edited. */
export function makeView(view) {
  if (view.kind === "image") return { ...view, output: imageOutput, gallery: imageGallery, editor: paint, values: (answer, i = 0) => [...bytes(answer.images[i])].map((b) => b / 255), count: (answer) => answer.images.length };
  return { ...view, output: columnsOutput, gallery: view.points ? pointsGallery : tableGallery, editor: form, values: (answer, i = 0) => answer.rows[i], count: (answer) => answer.rows.length };
}

function imageOutput(view, name) {
  const canvas = el("canvas", { className: "large", role: "img", "aria-label": name, width: view.width, height: view.height });
  let last = null;
  const draw = () => last && show(canvas, last, view);
  onTheme(draw);
  return { box: canvas, canvas, set(answer, i = 0) { last = answer.images[i]; draw(); } };
}

function imageGallery(view, name, pick, { names } = {}) {
  const box = el("div", { className: names ? "tiles small" : "tiles" });
  let last = null, canvases = [];
  function tile(i) {
    const canvas = el("canvas", {});
    const title = names ? names[i] : "Put it on the canvas", label = names ? `${name} ${names[i]}` : `${name} ${i + 1}: put it on the canvas`;
    return [canvas, pick ? el("button", { type: "button", "aria-label": label, title, onclick: () => pick(last, i) }, canvas) : canvas];
  }
  function draw() {
    if (!last) return;
    if (canvases.length !== last.images.length) { // the same tiles are painted anew, so that the keyboard stays where it is
      const tiles = last.images.map((_, i) => tile(i));
      canvases = tiles.map(([canvas]) => canvas);
      box.replaceChildren(...tiles.map(([, outer]) => outer));
    }
    last.images.forEach((text, i) => show(canvases[i], text, view));
  }
  onTheme(draw);
  return { box, set(answer) { last = answer; draw(); } };
}

function columnsOutput(view, name) {
  const box = el("div", { className: "wide", role: "img", "aria-label": name, tabIndex: 0 });
  return { box, canvas: box, set(answer, i = 0) { box.replaceChildren(view.columns.length > FEW ? strip(answer.shares[i]) : lines(view, answer, i)); box.dataset.drawn = String(Number(box.dataset.drawn ?? 0) + 1); } };
}

function lines(view, answer, i) {
  return el("table", {}, el("tbody", {}, view.columns.map((column, j) => {
    const share = el("i", {});
    share.style.width = `${100 * answer.shares[i][j]}%`;
    return el("tr", {}, el("th", { scope: "row" }, column.name), el("td", {}, answer.cells[i][j] || "unknown"), el("td", {}, el("span", { className: "share" }, share)));
  })));
}

/** Bars of many values from 0 to 1. */
export function strip(shares) {
  const canvas = el("canvas", { className: "bars smooth" });
  new ResizeObserver(() => {
    const page = colours(), { context, width, height } = sharp(canvas);
    context.fillStyle = page.accent;
    shares.forEach((share, i) => context.fillRect((i * width) / shares.length, height * (1 - share), Math.max(1, width / shares.length - 1), height * share));
  }).observe(canvas);
  return canvas;
}

function tableGallery(view, name, pick, { names } = {}) {
  const box = el("div", { className: "wide", tabIndex: 0, role: "region", "aria-label": name });
  return { box, set(answer) {
    const some = view.columns.slice(0, 3 * FEW);
    const head = el("tr", {}, some.map((column) => el("th", { scope: "col" }, column.name)), pick ? el("th", {}, "") : null);
    const body = answer.cells.map((cells, i) => el("tr", {}, some.map((_, j) => el("td", {}, cells[j])), pick ? el("td", {}, el("button", { type: "button", onclick: () => pick(answer, i), "aria-label": `${name} ${names?.[i] ?? i + 1}: take it` }, names?.[i] ?? "edit")) : null));
    box.replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
  } };
}

/** Rows of two numbers are points of a plane; earlier draws stay for a while. */
function pointsGallery(view, name, pick, { trail = 0 } = {}) {
  const canvas = el("canvas", { className: "square smooth cloud", role: "img", "aria-label": name });
  let last = [], ground = [], past = [];
  const [a, b] = view.columns;
  function draw() {
    const page = colours(), { context, width, height } = sharp(canvas);
    const at = ([x, y]) => [((x - a.low) / (a.high - a.low) * 0.84 + 0.08) * width, (1 - ((y - b.low) / (b.high - b.low) * 0.84 + 0.08)) * height];
    const dots = (rows, paint, size, alpha) => { context.globalAlpha = alpha; rows.forEach((row, i) => { context.fillStyle = typeof paint === "function" ? paint(i) : paint; context.beginPath(); context.arc(...at(row), size, 0, 7); context.fill(); }); context.globalAlpha = 1; };
    dots(ground, page.faint, 2, 0.35);
    past.forEach((rows, age) => dots(rows, colour, 2.5, 0.5 * (1 - age / (past.length + 1))));
    dots(last, trail ? colour : page.accent, 5, 0.9);
  }
  new ResizeObserver(draw).observe(canvas);
  onTheme(draw);
  return { box: canvas, set(answer) { if (trail && last.length) past = [last, ...past].slice(0, trail); last = answer.rows; draw(); }, ground(rows) { ground = rows; draw(); } };
}

/** A row of a table to fill in; an empty cell is not known. */
function form(view, { name, change, empty = 0 }) {
  let values = view.columns.map((column) => (empty === null ? null : column.texts.length ? 0 : (column.low + column.high) / 2));
  const inputs = view.columns.map((column, i) => {
    const write = (value) => { values[i] = value; mark(i); change(); };
    if (column.texts.length) return el("select", { onchange: (e) => write(e.target.value === "" ? null : Number(e.target.value)) }, el("option", { value: "" }, "unknown"), column.texts.map((text, k) => el("option", { value: k }, text)));
    return el("input", { type: "number", step: column.whole ? 1 : "any", placeholder: "unknown", oninput: (e) => write(e.target.value === "" ? null : e.target.valueAsNumber) });
  });
  const fields = view.columns.map((column, i) => el("label", { className: "field" }, column.name, inputs[i]));
  function mark(i) { inputs[i].classList.toggle("gap", values[i] === null); }
  function fill() { inputs.forEach((input, i) => { const value = values[i]; input.value = value === null ? "" : view.columns[i].texts.length ? Math.round(value) : Number(Number(value).toPrecision(5)); mark(i); }); }
  fill();
  return {
    box: el("div", { className: "form", role: "group", "aria-label": name }, fields),
    canvas: null,
    value: () => [...values],
    set(next) { values = [...next]; fill(); change(); },
    clear() { this.set(view.columns.map(() => null)); },
    brush() {},
    halve(of = values) { this.set(of.map((value, i) => (i < of.length / 2 ? value : null))); },
  };
}
