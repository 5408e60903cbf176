// Parallel chains that go on while somebody looks: their states, their energies, and whether they agree.
import { ask, frame, latest, say, sleep } from "./api.js";
import { button, conditions, el, part, select, slider } from "./dom.js";
import { curves } from "./curves.js";
import { colour, onTheme, show } from "./pixels.js";

const KEPT = 400; // energies of each chain that are drawn
const ALIVE = 20_000; // milliseconds after which chains that stand still are asked for, so that they are not forgotten

export function chains(about, view) {
  const { methods, most, hottest } = about.chains;
  let session = null, running = false, number = Math.min(16, most), method = methods[0], temperature = 1, steps = 5, seed = 0;
  let traces = [], times = [], agreement = [], state = null, marks = [];
  const told = conditions(about.condition, () => retarget(), { free: !about.condition.required });
  const editor = view.editor(view, { name: "Values to hold", erasable: true, empty: null, change: () => retarget(), words: { ink: "Hold ink", paper: "Hold paper", erase: "Set free" } });
  const gallery = view.kind === "image" ? tiles() : view.gallery(view, "chain", null, { trail: 12 });
  const energy = el("canvas", { className: "chart smooth", role: "img", "aria-label": "Energy of every chain" });
  const rhats = el("canvas", { className: "chart short smooth", role: "img", "aria-label": "Running R-hat" });
  const figures = { rhat: el("dd", {}, "–"), ess: el("dd", {}, "–"), steps: el("dd", {}, "0") };
  const verdict = el("p", { className: "note", "aria-live": "off" });

  const wish = () => ({ temperature, condition: told.value, given: editor.value().some((v) => v !== null) ? editor.value() : null });

  async function start() {
    const old = session;
    session = null;
    if (old) ask(`/api/chains/${old}`, undefined, "DELETE").catch(() => {});
    [traces, times, agreement, marks] = [Array.from({ length: number }, () => []), [], [], []];
    const answer = await ask("/api/chains", { number, method, seed: seed++, ...wish() });
    session = answer.session;
    take(answer);
  }

  async function step(wanted) {
    if (!session) return start();
    try {
      take(await ask(`/api/chains/${session}`, { steps: wanted, ...wish() }));
    } catch (error) {
      if (error.status !== 410) throw error;
      await start();
    }
  }

  function take(answer) {
    state = answer;
    const per = answer.energies[0].length, thin = answer.done ? answer.done / per : 1;
    if (answer.done || !times.length) {
      for (let i = 0; i < per; i++) times.push(answer.steps - answer.done + (i + 1) * thin);
      answer.energies.forEach((values, c) => traces[c].push(...values));
      if (answer.watch.rhat !== null && answer.watch.rhat !== agreement.at(-1)?.[1]) agreement.push([answer.steps, answer.watch.rhat]);
    }
    const over = times.length - KEPT;
    if (over > 0) { times.splice(0, over); traces.forEach((trace) => trace.splice(0, over)); }
    if (agreement.length > KEPT) agreement = agreement.filter((_, i) => i % 2 || i > KEPT / 2);
    draw();
  }

  function draw() {
    if (!state) return;
    gallery.set(state);
    curves(energy, traces.map((y, c) => ({ x: times, y, colour: colour(c), alpha: number > 16 ? 0.5 : 0.75, width: 1.2 })), { title: `Energy of ${number} chains over ${state.steps} steps`, settle: true });
    const { rhat, ess, seen, worst } = state.watch;
    curves(rhats, [{ x: agreement.map((p) => p[0]), y: agreement.map((p) => Math.min(p[1], 3)), colour: "#9a5cf0", width: 2 }], { marks: [{ at: 1.01, name: "1.01" }], low: 1, high: Math.max(1.06, Math.min(3, Math.max(...agreement.slice(-80).map((p) => p[1]), 1) * 1.02)), title: `R-hat, now ${rhat ?? "not known yet"}` });
    figures.rhat.textContent = rhat === null ? "–" : rhat > 99 ? "> 99" : rhat.toFixed(3);
    figures.rhat.className = rhat === null ? "" : rhat < 1.01 ? "ok" : rhat < 1.1 ? "doubtful" : "failed";
    figures.ess.textContent = ess === null ? "–" : String(Math.round(ess));
    figures.steps.textContent = String(state.steps);
    verdict.textContent = rhat === null ? "Chains are compared as soon as they have gone a few steps."
      : `${rhat < 1.01 ? "The chains agree" : rhat < 1.1 ? "The chains nearly agree" : "The chains do not agree yet"}: worst of energy, mean and the leading directions is ${WORDS[worst] ?? worst}, over the last ${seen} looks.`;
  }
  const WORDS = { energy: "the energy", mean: "the mean", directions: "a leading direction" };

  const retarget = latest(async () => {
    if (running || !session) return;
    await step(0);
    agreement = [];
  });
  const once = latest(async () => step(steps));
  const restart = latest(async () => start());

  async function run(on) {
    if (running === on) return;
    running = on;
    runner.textContent = on ? "Pause" : "Run";
    runner.setAttribute("aria-pressed", String(on));
    while (running && gallery.box.isConnected) {
      try {
        await step(steps);
      } catch (error) {
        say(error.message);
        if (error.status !== 429) break;
        await sleep(1000);
      }
      do await frame(); while (document.hidden && running);
    }
    running = false;
    runner.textContent = "Run";
    runner.setAttribute("aria-pressed", "false");
  }

  function tiles() {
    const box = el("div", { className: "tiles big" });
    let canvases = [];
    return { box, set(answer) {
      if (canvases.length !== answer.images.length) {
        canvases = answer.images.map((_, i) => { const c = el("canvas", { className: "chain", role: "img", "aria-label": `Chain ${i + 1}` }); c.style.borderTopColor = colour(i); return c; });
        box.replaceChildren(...canvases);
      }
      answer.images.forEach((text, i) => show(canvases[i], text, view));
    } };
  }

  const runner = button("Run", () => run(!running), { className: "main", "aria-pressed": "false" });
  const SPEEDS = [1, 2, 5, 10, 20, 50, 100, 200, 500];
  const heat = slider("temperature", { low: -1, high: 1, step: 0.02, value: 0, show: (v) => (hottest ** v).toFixed(2), change: (v) => { temperature = hottest ** v; retarget(); } });
  const speed = slider("steps at a time", { low: 0, high: SPEEDS.length - 1, step: 1, value: 2, show: (v) => String(SPEEDS[v]), change: (v) => { steps = SPEEDS[v]; } });
  const many = select("chains", [2, 4, 9, 16, 25, 36].filter((n) => n <= most).map((n) => [n, n]), number, (n) => { number = Number(n); restart(); });
  const how = select("moved by", methods.map((m) => [m, m]), method, (m) => { method = m; restart(); });
  const hold = el("details", { open: true }, el("summary", {}, view.kind === "image" ? "Hold pixels: painted ones are held, hatched ones are free" : "Hold values: empty ones are free"),
    el("div", { className: "stack" }, editor.box, el("div", { className: "row" }, button("Set all free", () => editor.clear()), button("Hold half of chain 1", () => { if (state) editor.halve(view.values(state, 0)); }))));
  setInterval(() => { if (!running && session && !document.hidden) once.idle?.(); }, ALIVE);
  once.idle = () => ask(`/api/chains/${session}`, { steps: 0, ...wish() }).catch(() => { session = null; });
  addEventListener("pagehide", () => { if (session) fetch(`/api/chains/${session}`, { method: "DELETE", keepalive: true }); });
  onTheme(draw);
  new ResizeObserver(draw).observe(energy);

  const box = part("chains", "Chains", `Every ${view.kind === "image" ? "picture" : view.points ? "point" : "row"} is a Markov chain of its own, and all sample the same distribution. Watch them mix; heat them; hold some values and let them fill in the rest.`,
    el("div", { className: "split narrow" },
      el("div", { className: "stack" }, told.box, el("div", { className: "row" }, runner, button("Step", () => { run(false); once(); }), button("Start anew", () => restart())),
        heat.box, speed.box, el("div", { className: "row" }, many.box, how.box), hold),
      el("div", { className: "stack" }, gallery.box,
        el("dl", { className: "figures" }, el("div", {}, el("dt", {}, "R-hat"), figures.rhat), el("div", {}, el("dt", {}, "effective draws"), figures.ess), el("div", {}, el("dt", {}, "steps"), figures.steps)), verdict,
        el("figure", {}, el("figcaption", {}, "energy of each chain"), energy), el("figure", {}, el("figcaption", {}, "R-hat as the chains go on; 1 where they agree"), rhats))));
  return { box, ready: () => restart(), examples(answer) { gallery.ground?.(answer.rows); } };
}
