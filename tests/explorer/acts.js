// What the tests ask of the page; every control that an event of the user reaches is marked.
const CONTROLS = "button, input, select, summary, canvas[tabindex='0']";
const TILES = ".tiles button, td button"; // many of one kind, of which one is tried

for (const kind of ["click", "input", "change", "pointerdown", "keydown"]) {
  addEventListener(kind, (event) => event.target.closest?.(CONTROLS)?.setAttribute("data-touched", ""), true);
}
const MADE = ".decoded canvas, .outputs canvas, .tiles canvas"; // by the model, not by the user
new MutationObserver((changes) => { if (changes.some((one) => one.target.matches(MADE))) window.firstImage ??= performance.now(); })
  .observe(document, { attributes: true, subtree: true, attributeFilter: ["data-drawn"] });

const seen = (element) => element.getClientRects().length > 0;
const named = (element) => element.getAttribute("aria-label") || element.textContent.trim()
  || [...(element.labels ?? [])].map((label) => label.textContent).join(" ");

window.acts = {
  /** What a canvas shows, or the text of something else. */
  picture(selector) {
    const element = document.querySelector(selector);
    return element.toDataURL?.() ?? element.textContent;
  },
  /** The middle of an element, or another share of its sides, brought into view. */
  place(selector, x, y) {
    const element = document.querySelector(selector);
    element.scrollIntoView({ block: "center", behavior: "instant" });
    const box = element.getBoundingClientRect();
    return [box.left + x * box.width, box.top + y * box.height];
  },
  /** Mark the one button of that name in a part of the page. */
  find(part, text) {
    document.querySelector("[data-here]")?.removeAttribute("data-here");
    const found = [...document.querySelectorAll(`#${part} button`)].filter((one) => one.textContent === text);
    found[0]?.setAttribute("data-here", "");
    return found.length;
  },
  focus(selector) {
    const element = document.querySelector(selector);
    element?.focus();
    return document.activeElement === element;
  },
  /** Open what is folded in a part; the sliders and lists in it. */
  movable(part) {
    for (const folded of document.querySelectorAll(`#${part} details:not([open]) > summary`)) folded.click();
    const found = [...document.querySelectorAll(`#${part} input[type=range], #${part} select`)];
    found.forEach((one, i) => { one.id ||= `${part}-control-${i}`; });
    return found.map((one) => one.id);
  },
  value: (id) => document.getElementById(id)?.value,
  tick(part) {
    document.querySelectorAll(`#${part} input[type=radio], #${part} input[type=checkbox]`).forEach((one) => one.click());
  },
  /** Controls that nobody has tried. */
  untouched() {
    const tried = [...document.querySelectorAll(".tiles, tbody")].filter((box) => box.querySelector("[data-touched]"));
    return [...document.querySelectorAll(CONTROLS)]
      .filter((one) => !one.hasAttribute("data-touched") && !(one.matches(TILES) && tried.some((box) => box.contains(one))))
      .map((one) => `${one.closest("section")?.id}: ${named(one) || one.id || one.type}`);
  },
  sideways: () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
  /** What is too low for a finger. */
  low() {
    return [...document.querySelectorAll("button, select, .chips span")]
      .filter((one) => seen(one) && one.getBoundingClientRect().height < 30).map(named);
  },
  /** The worst contrast of words to what is behind them, and how light the paper is. */
  contrast() {
    const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const light = (text) => {
      const [r, g, b] = text.match(/[\d.]+/g).map((v) => linear(v / 255));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
      for (let one = element; one; one = one.parentElement) {
        const paint = getComputedStyle(one).backgroundColor;
        if (!/, 0\)$|transparent/.test(paint)) return paint;
      }
      return "rgb(255, 255, 255)";
    };
    const words = "h1, h2, p, figcaption, button, legend, label, th, td, nav a, dt, dd, summary";
    const found = [...document.querySelectorAll(words)].filter((one) => one.textContent.trim() && seen(one)).map((one) => {
      const [high, low] = [light(getComputedStyle(one).color), light(ground(one))].sort((a, b) => b - a);
      return [(high + 0.05) / (low + 0.05), one.textContent.slice(0, 30)];
    });
    return [found.sort((a, b) => a[0] - b[0])[0], light(getComputedStyle(document.body).backgroundColor)];
  },
  /** How many stops the keyboard should make: every control, and one for each group of radio buttons. */
  stops() {
    const groups = new Set();
    return [...document.querySelectorAll(`a[href], ${CONTROLS}`)].filter((one) => {
      if (!seen(one) || one.matches(TILES)) return false;
      if (one.type !== "radio") return true;
      const first = !groups.has(one.name);
      groups.add(one.name);
      return first;
    }).length;
  },
  /** Where the keyboard is: a name of its own, what it is called, whether that is seen, whether it is one of many. */
  here() {
    const one = document.activeElement;
    if (one === document.body) return null;
    one.dataset.visit ||= String(Math.random());
    return [one.dataset.visit, named(one), one.matches(":focus-visible"), one.matches(TILES)];
  },
  /** Whether the first row of pixels of every chain is held at ink. */
  held() {
    return [...document.querySelectorAll("#chains .tiles canvas")]
      .every((one) => one.getContext("2d").getImageData(0, 0, one.width, 1).data[4] < 60);
  },
};
