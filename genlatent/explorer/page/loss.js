// How the training went: a curve for every metric, what was held out beside what was learned from.
import { ask, say } from "./api.js";
import { curves, short } from "./curves.js";
import { el } from "./dom.js";
import { colour, onTheme } from "./pixels.js";

const AXES = ["step", "epoch", "seconds"];

/** Names of metrics by the picture they belong to: `valid/kl/3` and `valid/kl/0` share one, `loss` and `valid/loss` too. */
function groups(names) {
  const found = new Map();
  for (const name of names) {
    const title = name.replace(/^valid\//, "").replace(/\/\d+$/, " of each unit");
    found.set(title, [...(found.get(title) ?? []), name]);
  }
  return [...found].sort(([a], [b]) => (b === "loss") - (a === "loss"));
}

function described(name) {
  const number = name.match(/\/(\d+)$/);
  return number ? number[1] : name.startsWith("valid/") ? "held out" : "training";
}

function picture(title, names, rows, axis) {
  const lines = names.map((name, i) => {
    const known = rows.filter((row) => Number.isFinite(row[name]));
    return { x: known.map((row) => row[axis]), y: known.map((row) => row[name]), colour: colour(/\/\d+$/.test(name) || names.length > 2 ? i : name.startsWith("valid/") ? 1 : 0), width: 2, alpha: names.length > 12 ? 0.6 : 1, name };
  }).filter((line) => line.x.length);
  const canvas = el("canvas", { className: "chart smooth", role: "img" });
  const draw = () => curves(canvas, lines, { title: `${title} over ${axis}s` });
  new ResizeObserver(draw).observe(canvas);
  onTheme(draw);
  const legend = el("p", { className: "legend" }, lines.slice(0, 12).map((line) => { const mark = el("i", {}); mark.style.background = line.colour; return el("span", {}, mark, described(line.name)); }));
  return el("section", {}, el("h2", {}, title.replaceAll("_", " ")), canvas, legend);
}

async function open() {
  const [about, rows] = [await ask("/api/about"), await ask("/api/history")];
  document.title = `${about.name}: training · genlatent`;
  document.getElementById("name").textContent = `${about.name}: training`;
  document.getElementById("nav").append(el("a", { href: "/" }, "Play"), ...(about.report ? [el("a", { href: "/report/" }, "Report")] : []));
  if (!rows.length) { document.getElementById("what").textContent = "This run kept no metrics."; return; }
  const axis = AXES.includes("epoch") && rows.some((row) => Number.isFinite(row.epoch)) && rows.at(-1).epoch > 1 ? "epoch" : "step";
  const names = [...new Set(rows.flatMap(Object.keys))].filter((name) => !AXES.includes(name) && rows.some((row) => Number.isFinite(row[name])));
  document.getElementById("what").textContent = `${rows.length} rows of metrics over ${rows.at(-1)[axis]} ${axis}s.`;
  document.getElementById("curves").append(...groups(names).map(([title, some]) => picture(title, some, rows, axis)));
  const last = rows.at(-1);
  document.getElementById("table").append(el("details", {}, el("summary", {}, "The last row in numbers"), el("div", { className: "wide", tabIndex: 0 },
    el("table", {}, el("tbody", {}, names.filter((name) => Number.isFinite(last[name])).map((name) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, short(last[name])))))))));
  document.documentElement.dataset.ready = "true";
}

open().catch((error) => say(error.message));
