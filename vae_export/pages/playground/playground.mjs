/* The playground: starts the model, tests it, and connects the sections of the page. */

import * as ort from "onnxruntime-web";
import { load, readGolden } from "vae_runtime.mjs";
import { Interpolation } from "interpolation.mjs";
import { Latent } from "latent.mjs";
import { LatentMap } from "latent_map.mjs";
import { Latest } from "latest.mjs";
import { Model } from "model.mjs";
import { Reconstruction } from "reconstruction.mjs";
import { Samples } from "samples.mjs";
import { draw } from "view.mjs";

const byId = (id) => document.getElementById(id);

/**
 * Start: load, test, connect.
 * bundle: as for load() of vae_runtime.mjs. wasm: where ort.env.wasm finds its file.
 */
export async function start(bundle, wasm) {
  const settings = JSON.parse(byId("settings").textContent);
  Object.assign(ort.env.wasm, wasm, { numThreads: 1 });
  ort.env.logLevel = "error";
  const vae = await load(bundle, ort, { executionProviders: ["wasm"] }, settings.precision);
  await selfTest(vae);
  const playground = new Playground(vae, settings);
  await playground.begin(settings.x ? await goldenX(vae, bundle) : null);
  byId("playground").inert = false;
  await playground.report(() => playground.fill());
  byId("playground").dataset.filled = "";
}

/** Compare with the golden arrays, and show the outcome. */
async function selfTest(vae) {
  const errors = await vae.selfTest(), names = Object.keys(errors), rows = byId("self-test").querySelector("tbody");
  for (const name of names) {
    const row = rows.insertRow();
    row.insertCell().textContent = name;
    Object.assign(row.insertCell(), { className: "number", textContent: errors[name].toExponential(1) });
  }
  byId("self-test").hidden = false;
  const worst = names.reduce((a, b) => (errors[b] > errors[a] ? b : a));
  byId("status").textContent =
    `Self test passed: ${names.length} quantities match Keras' golden arrays; ` +
    `the largest error is ${errors[worst].toExponential(1)}, of ${worst}.`;
  byId("status").className = "status pass";
}

/** The real samples that lie in the bundle, one after the other. */
async function goldenX(vae, bundle) {
  const { file } = vae.manifest.golden.arrays.x;
  const bytes = typeof bundle === "function" ? await bundle(file) : await (await fetch(`${bundle}/${file}`)).arrayBuffer();
  return readGolden(new Uint8Array(bytes));
}

/**
 * The page. Its sections get this object, and say with `show` that the point z is theirs now.
 * source: the section whose point is shown; null if it is that of the sliders or the pad.
 */
class Playground {
  constructor(vae, settings) {
    this.settings = settings;
    this.source = null;
    this.model = new Model(vae, settings, () => this._conditions());
    this.latent = new Latent(settings.latent_size, () => this.attempt(() => this._moved(null)));
    this._views = [...document.querySelectorAll("#views canvas")];
    this._refresh = new Latest(() => this._decode());
    this._map = new LatentMap(this);
  }

  /** Show the first sample; resolves when the page can be used. real: see `Reconstruction`. */
  async begin(real) {
    await this.model.warmUp();
    this.samples = new Samples(this);
    this.interpolation = new Interpolation(this);
    this.reconstruction = real && new Reconstruction(this, real);
    this._sections = [this.samples, this.interpolation, this.reconstruction].filter(Boolean);
    await this.samples.begin();
    for (const element of document.querySelectorAll("[data-condition] :is(select, input)")) {
      element.addEventListener("change", () => this.attempt(() => this._drawAll()));
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this._redrawSoon());
    const signals = [this.settings.x, ...this.settings.outputs].some((view) => view?.kind === "signal");
    if (signals) addEventListener("resize", () => this._redrawSoon());
  }

  /** What takes longer, while the page is used already. */
  async fill() {
    await this.reconstruction?.begin();
    this.showTimes();
    await this.samples.refresh();
    await this.interpolation.begin();
  }

  /** Show another point, of a section; resolves when its picture is there. */
  show(z, source) {
    this.latent.set(z);
    return this._moved(source);
  }

  /** Do what the user asked for; if it fails, say so until something else is asked for. */
  async attempt(work) {
    byId("problem").hidden = true;
    await this.report(work);
  }

  /** Do what nobody asked for; if it fails, say so. */
  async report(work) {
    try {
      await work();
    } catch (error) {
      byId("problem").textContent = error.message;
      byId("problem").hidden = false;
    }
  }

  /** How long decoding and encoding take. */
  showTimes() {
    for (const what of ["decode", "encode"]) {
      const time = this.model.time(what), place = byId(`${what}-time`);
      if (place && time !== null) place.textContent = `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
    }
  }

  /** What the command line calls the conditions that are chosen: " --condition label=3". */
  conditionText() {
    const given = this._conditions(), wanted = this.settings.conditions.filter(({ roles }) => roles.includes("decoder"));
    return wanted.map(({ name }) => ` --condition ${quoted(`${name}=${given[name].join(",")}`)}`).join("");
  }

  _moved(source) {
    this.source = source;
    for (const section of this._sections) if (section !== source) section.leave();
    this._map.ask();
    return this._refresh.ask();
  }

  _redrawSoon() {
    clearTimeout(this._soon);
    this._soon = setTimeout(() => this.report(() => this._drawAll()), 200);
  }

  /** Everything again, for other conditions or colours; the point stays. */
  async _drawAll() {
    this.latent.redraw();
    this._map.ask();
    await this._refresh.ask();
    await this.reconstruction?.begin();
    await this.samples.refresh();
    await this.interpolation.refresh();
  }

  async _decode() {
    const z = this.latent.z, outputs = await this.model.decode(z);
    const at = Array.from(z.subarray(0, 4), (value) => value.toFixed(2)).join(", ");
    for (const [i, view] of this.settings.outputs.entries()) {
      draw(this._views[i], outputs[view.name], view);
      this._views[i].setAttribute("aria-label", `${view.name} of z = ${at}${z.length > 4 ? ", …" : ""}`);
    }
    this.showTimes();
  }

  /** Values by name, of one row. */
  _conditions() {
    const given = {};
    for (const { name, one_hot: oneHot } of this.settings.conditions) {
      const fields = [...document.querySelectorAll(`[data-condition="${CSS.escape(name)}"] :is(select, input)`)];
      const wrong = fields.find((field) => !field.checkValidity());
      if (wrong) throw new Error(`${name}: got ${wrong.value || "nothing"}, expected ${expectedOf(wrong)}`);
      const values = fields.map((field) => Number(field.value));
      given[name] = oneHot ? Array.from(fields[0].options, (_, i) => Number(i === values[0])) : values;
    }
    return given;
  }
}

/** What may be typed into a field. */
function expectedOf({ step, min, max }) {
  return `${step === "any" ? "a number" : "an integer"}${max ? ` from ${min} to ${max}` : ""}`;
}

/** A word for a POSIX shell. */
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
