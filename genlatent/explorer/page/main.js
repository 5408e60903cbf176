// The page, built from what the model can do.
import { ask, say } from "./api.js";
import { chains } from "./chains.js";
import { codes } from "./codes.js";
import { drawing } from "./drawing.js";
import { el } from "./dom.js";
import { samples } from "./samples.js";
import { makeView } from "./views.js";

async function open() {
  const about = await ask("/api/about"), view = makeView(about.view);
  document.title = `${about.name} · genlatent`;
  document.getElementById("name").textContent = about.name;
  document.getElementById("what").textContent = `${about.model}, ${about.size.toLocaleString("en")} parameters${about.data ? `, of ${about.data}` : ""}. ${about.what}.`;

  const parts = {};
  const edit = (values, condition) => parts.draw?.edit(values, condition);
  const place = (code, condition) => parts.codes?.show(code, condition);
  if (about.latent) parts.codes = codes(about, view, { edit });
  if (about.chains) parts.chains = chains(about, view);
  if (about.sample) parts.samples = samples(about, view, { edit });
  if (about.verbs.length) parts.draw = drawing(about, view, { place });
  const order = about.chains ? ["chains", "draw", "samples", "codes"] : ["codes", "draw", "samples"];
  const shown = order.filter((name) => parts[name]);
  document.getElementById("main").append(...shown.map((name) => parts[name].box));
  if (!shown.length) document.getElementById("main").append(el("p", { className: "alone" }, "This model answers no question that this page could ask."));

  const names = { codes: "Codes", chains: "Chains", draw: view.kind === "image" ? "Draw" : "Fill in", samples: "Samples" };
  const links = shown.map((name) => el("a", { href: `#${name}` }, names[name]));
  if (about.history) links.push(el("a", { href: "/loss.html" }, "Training"));
  if (about.report) links.push(el("a", { href: "/report/" }, "Report"));
  document.getElementById("nav").append(...links);

  for (const name of shown) parts[name].ready();
  const examples = await ask("/api/examples");
  for (const name of shown) parts[name].examples?.(examples);
  document.documentElement.dataset.ready = "true";
}

open().catch((error) => say(error.message));
