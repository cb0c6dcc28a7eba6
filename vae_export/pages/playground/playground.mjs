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
  await new Playground(vae, settings).begin(settings.x ? await goldenX(vae, bundle) : null);
  byId("playground").inert = false;
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
 * The page. Its sections get this object: `model`, `settings`, `latent` (the point z that is shown), `show(z)`,
 * `attempt(work)`, `conditionText`.
 */
class Playground {
  constructor(vae, settings) {
    this.settings = settings;
    this.model = new Model(vae, settings, () => this._conditions());
    this.latent = new Latent(settings.latent_size, () => this._changed());
    this._views = [...document.querySelectorAll("#views canvas")];
    this._refresh = new Latest(() => this.attempt(() => this._decode()));
    this._map = new LatentMap(this);
  }

  async begin(real) {
    this.samples = new Samples(this);
    this.interpolation = new Interpolation(this);
    this.reconstruction = real && new Reconstruction(this, real);
    for (const element of document.querySelectorAll("[data-condition] :is(select, input)")) {
      element.addEventListener("change", () => this._conditionsChanged());
    }
    await this.samples.begin();
    await this.interpolation.begin();
    await this.reconstruction?.begin();
    this.showTimes();
  }

  /** Show another point; resolves when its picture is there. */
  show(z) {
    this.latent.set(z);
    return this._changed();
  }

  /** Do what may fail, and say so in the page if it does. */
  async attempt(work) {
    const problem = byId("problem");
    try {
      await work();
      problem.hidden = true;
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  }

  /** How long decoding and encoding take. */
  showTimes() {
    for (const what of ["decode", "encode"]) {
      const time = this.model.time(what), place = byId(`${what}-time`);
      if (place && time !== null) place.textContent = `${time.toPrecision(2)} ms`;
    }
  }

  /** What the command line calls the conditions that are chosen: " --condition label=3". */
  get conditionText() {
    const given = this._conditions(), wanted = this.settings.conditions.filter(({ roles }) => roles.includes("decoder"));
    return wanted.map(({ name }) => ` --condition ${name}=${[...given[name]].join(",")}`).join("");
  }

  _changed() {
    this._map.ask();
    return this._refresh.ask();
  }

  async _conditionsChanged() {
    await this._changed();
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
      const values = fields.map((field) => Number(field.value));
      given[name] = oneHot ? Array.from(fields[0].options, (_, i) => Number(i === values[0])) : values;
    }
    return given;
  }
}
