// Images from bytes onto canvases, in the page's own ink where the data are ink on paper.

/** The colours of the page, as the style sheet has them now. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(["paper", "card", "ink", "faint", "line", "soft", "accent", "hold", "gap-a", "gap-b", "pixel-low", "pixel-high", "warm"]
    .map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** Ten colours that can be told apart on both papers, and then again. */
const TEN = ["#4269d0", "#e8a20c", "#f4604a", "#2fa598", "#3ca951", "#e8679f", "#9a5cf0", "#5aa9e6", "#a9744f", "#8b9199"];
export const colour = (number) => TEN[((number % 10) + 10) % 10];

/** Tell `redraw` when the paper turns dark or light. */
export function onTheme(redraw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

export const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** What turns shares of ink, from 0 to 255, into colours. */
export function painter(view) {
  const page = colours();
  const [low, high] = view.ink ? [rgb(page["pixel-low"]), rgb(page["pixel-high"])] : [[0, 0, 0], [255, 255, 255]];
  const size = view.height * view.width;
  return (pixels, target, offset, i) => {
    for (let c = 0; c < 3; c++) {
      const share = pixels[view.channels === 3 ? c * size + i : i] / 255;
      target[offset + c] = view.channels === 3 ? pixels[c * size + i] : low[c] + share * (high[c] - low[c]);
    }
    target[offset + 3] = 255;
  };
}

/** One image, pixel for pixel; the style sheet makes it as large as it should be. */
export function show(canvas, text, view) {
  sheet(canvas, [text], view, 1);
}

/** Images beside each other, with so many pixels of paper about each. */
export function sheet(canvas, texts, view, across, gap = 0) {
  const down = Math.ceil(texts.length / across), paint = painter(view), [wide, high] = [view.width + 2 * gap, view.height + 2 * gap];
  canvas.width = wide * across;
  canvas.height = high * down;
  const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
  texts.forEach((text, number) => {
    const pixels = bytes(text), left = (number % across) * wide + gap, top = Math.floor(number / across) * high + gap;
    for (let i = 0; i < view.width * view.height; i++) {
      const x = left + (i % view.width), y = top + Math.floor(i / view.width);
      paint(pixels, image.data, 4 * (y * canvas.width + x), i);
    }
  });
  context.putImageData(image, 0, 0);
  canvas.dataset.drawn = String(Number(canvas.dataset.drawn ?? 0) + 1);
}

/** A canvas as sharp as the screen, its context in units of the page. */
export function sharp(canvas) {
  const scale = window.devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
