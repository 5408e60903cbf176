// Lines over steps: energies of chains, R-hat, losses.
import { colours, sharp } from "./pixels.js";

const LEFT = 52, RIGHT = 10, TOP = 8, BOTTOM = 22;

/** Draw `lines`, each `{x, y, colour, width}`; `marks` are levels with a name, `settle` leaves the first quarter out of the range. */
export function curves(canvas, lines, { marks = [], low, high, title = "", settle = false } = {}) {
  const page = colours(), { context, width, height } = sharp(canvas);
  const points = lines.flatMap((line) => (line.y.length > 12 ? line.y.slice(settle ? line.y.length >> 2 : 0) : line.y)).filter(Number.isFinite);
  if (!points.length || width < 60) return;
  const xs = lines.flatMap((line) => [line.x[0], line.x.at(-1)]).filter(Number.isFinite);
  let bottom = low ?? quantile(points, 0.002), top = high ?? quantile(points, 0.998);
  if (top - bottom < 1e-9) [bottom, top] = [bottom - 0.5, top + 0.5];
  const room = low === undefined ? 0.06 * (top - bottom) : 0;
  [bottom, top] = [bottom - room, top + (high === undefined ? 0.06 * (top - bottom) : 0)];
  const first = Math.min(...xs), last = Math.max(...xs, first + 1);
  const place = (x) => LEFT + ((x - first) / (last - first)) * (width - LEFT - RIGHT);
  const level = (y) => TOP + (1 - (Math.min(Math.max(y, bottom), top) - bottom) / (top - bottom)) * (height - TOP - BOTTOM);
  context.font = "12px system-ui, sans-serif";
  grid(context, page, ticks(bottom, top, 4), level, width);
  context.textAlign = "center";
  context.fillStyle = page.faint;
  for (const x of ticks(first, last, Math.max(2, Math.round(width / 120)))) context.fillText(short(x), place(x), height - 6);
  for (const mark of marks) if (mark.at >= bottom && mark.at <= top) dashed(context, page, mark, level(mark.at), width);
  for (const line of lines) stroke(context, line, place, level);
  canvas.setAttribute("aria-label", title);
}

function grid(context, page, levels, level, width) {
  context.strokeStyle = page.line;
  context.fillStyle = page.faint;
  context.textAlign = "right";
  context.lineWidth = 1;
  for (const y of levels) {
    const at = Math.round(level(y)) + 0.5;
    context.beginPath();
    context.moveTo(LEFT, at);
    context.lineTo(width - RIGHT, at);
    context.stroke();
    context.fillText(short(y), LEFT - 6, at + 4);
  }
}

function dashed(context, page, mark, at, width) {
  context.save();
  context.setLineDash([5, 4]);
  context.strokeStyle = page.warm;
  context.beginPath();
  context.moveTo(LEFT, at);
  context.lineTo(width - RIGHT, at);
  context.stroke();
  context.fillStyle = page.warm;
  context.textAlign = "right";
  context.fillText(mark.name, width - RIGHT - 2, at - 4);
  context.restore();
}

function stroke(context, line, place, level) {
  context.beginPath();
  let down = false;
  line.x.forEach((x, i) => {
    const y = line.y[i];
    if (!Number.isFinite(y)) { down = false; return; }
    if (down) context.lineTo(place(x), level(y)); else context.moveTo(place(x), level(y));
    down = true;
  });
  context.globalAlpha = line.alpha ?? 1;
  context.strokeStyle = line.colour;
  context.lineWidth = line.width ?? 1.5;
  context.lineJoin = "round";
  context.stroke();
  context.globalAlpha = 1;
  if (line.x.length === 1) { context.fillStyle = line.colour; context.fillRect(place(line.x[0]) - 2, level(line.y[0]) - 2, 4, 4); }
}

function ticks(low, high, number) {
  const rough = (high - low) / number, size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * size).find((s) => s >= rough) ?? rough;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + 1e-9 * step; at += step) found.push(Math.abs(at) < step * 1e-6 ? 0 : at);
  return found;
}

function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5) return value.toExponential(1).replace("e+", "e");
  if (size >= 100) return String(Math.round(value));
  return size >= 0.01 ? String(Number(value.toPrecision(3))) : value.toExponential(0);
}
