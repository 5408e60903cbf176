// Elements in one call, and the controls that every part of the page is made of.

/** An element; what starts with "on" is a listener, null and false are left out. */
export function el(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && key !== "list" && !key.includes("-")) made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...inside.flat().filter((part) => part !== null && part !== undefined && part !== false));
  return made;
}

let counter = 0;
export const unique = (word) => `${word}-${++counter}`;

/** A part of the page with a heading and a sentence. */
export function part(id, title, sentence, ...inside) {
  return el("section", { id, "aria-labelledby": `${id}-title` },
    el("header", {}, el("h2", { id: `${id}-title` }, title), el("p", { className: "note" }, sentence)), ...inside);
}

/** A slider with its name and value; `show` makes the value a text. */
export function slider(name, { low, high, step = "any", value, show = (v) => v.toFixed(2), change, settled }) {
  const id = unique("slider");
  const output = el("output", { htmlFor: id }, show(value));
  const input = el("input", {
    id, type: "range", min: low, max: high, step, value,
    oninput: () => { output.textContent = show(input.valueAsNumber); input.setAttribute("aria-valuetext", output.textContent); change?.(input.valueAsNumber); },
    onchange: () => settled?.(input.valueAsNumber),
  });
  const box = el("div", { className: "slider" }, el("label", { htmlFor: id }, name), output, input);
  return { box, input, set(next) { input.value = next; output.textContent = show(next); } };
}

/** Buttons of which one is pressed. */
export function choice(name, options, value, change) {
  const buttons = options.map(([key, text, title]) => el("button", {
    type: "button", "aria-pressed": String(key === value), title, "data-choice": key, onclick: () => { set(key); change(key); },
  }, text));
  function set(key) { buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.choice === String(key)))); }
  return { box: el("div", { className: "row", role: "group", "aria-label": name }, buttons), set };
}

export function select(name, options, value, change) {
  const box = el("select", { onchange: () => change(box.value) }, options.map(([key, text]) => el("option", { value: key, selected: String(key) === String(value) }, text)));
  return { box: el("label", { className: "field" }, name, box), input: box };
}

export const button = (text, onclick, attributes = {}) => el("button", { type: "button", onclick, ...attributes }, text);

/** What a model is told beside its rows: chips for classes, sliders for numbers. `value` is what the server takes. */
export function conditions(told, change, { free = !told.required } = {}) {
  const state = { value: null, box: null, set: () => {} };
  if (told.values.length) {
    state.value = told.values.map((one) => one.start);
    const sliders = told.values.map((one, i) => slider(one.name, { low: one.low, high: one.high, value: one.start, change: (v) => { state.value = state.value.with(i, v); change(); } }));
    state.box = el("div", { className: "sliders" }, sliders.map((s) => s.box));
    state.set = (value) => { if (value) { state.value = [...value]; value.forEach((v, i) => sliders[i].set(v)); } };
  } else if (told.classes.length) {
    const any = free && told.classes.length === 1;
    state.value = any ? null : told.classes.map(() => 0);
    const sets = told.classes.map((one, i) => chips(one, any, (v) => { state.value = v === null ? null : state.value === null ? [v] : state.value.with(i, v); change(); }));
    state.box = el("div", { className: "stack" }, sets.map((s) => s.box));
    state.set = (value) => { if (value || any) { state.value = value ? [...value] : null; sets.forEach((s, i) => s.set(value ? value[i] : null)); } };
  }
  return state;
}

function chips({ name, texts }, any, change) {
  const group = unique("class");
  const options = [...(any ? [[null, "any"]] : []), ...texts.map((text, i) => [i, text])];
  const inputs = options.map(([key, text], place) => el("input", { type: "radio", name: group, value: key ?? "", checked: place === 0, "aria-label": `${name} ${text}`, onchange: () => change(key) }));
  const box = el("fieldset", {}, el("legend", {}, name), el("div", { className: "chips" }, inputs.map((input, i) => el("label", {}, input, el("span", {}, options[i][1])))));
  return { box, set: (key) => inputs.forEach((input, i) => { input.checked = options[i][0] === key; }) };
}
