// Starts the playground: from the files that the page carries (base64 of gzip, in elements with data-file), or
// from those beside it.
(() => {
  const bytes = async (name) => {
    const element = document.querySelector(`[data-file="${CSS.escape(name)}"]`);
    if (!element) throw new Error(`${name} is not in this page; make it again`);
    const text = atob(element.textContent), packed = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };

  // A page of the file system may not import its neighbours, but what it made itself.
  const importCarried = async (carried) => {
    const imports = {};
    for (const { dataset } of carried.filter(({ dataset }) => dataset.file.startsWith("modules/"))) {
      const blob = new Blob([await bytes(dataset.file)], { type: "text/javascript" });
      imports[dataset.file.slice("modules/".length)] = URL.createObjectURL(blob);
    }
    const map = document.createElement("script");
    map.type = "importmap";
    map.textContent = JSON.stringify({ imports });
    document.head.append(map);
  };

  const begin = async () => {
    const needed = {
      WebAssembly: typeof WebAssembly === "object",
      DecompressionStream: typeof DecompressionStream === "function",
      OffscreenCanvas: typeof OffscreenCanvas === "function",
      "import maps": globalThis.HTMLScriptElement?.supports?.("importmap"),
    };
    const missing = Object.keys(needed).filter((name) => !needed[name]);
    if (missing.length) throw new Error(`this browser has no ${missing.join(", ")}; use one of 2023 or later`);
    const carried = [...document.querySelectorAll("[data-file]")];
    if (!carried.length && location.protocol === "file:") {
      throw new Error(
        "browsers read the files of this folder from a server only: run python3 -m http.server in it and open " +
          "http://localhost:8000, or make a page of one file, without --split",
      );
    }
    if (carried.length) await importCarried(carried);
    const { start } = await import("playground.mjs");
    if (carried.length) return start((name) => bytes(`bundle/${name}`), { wasmBinary: await bytes("ort.wasm") });
    return start("bundle", { wasmPaths: { wasm: new URL("ort.wasm", document.baseURI).href } });
  };

  begin().catch((error) => {
    const problem = document.getElementById("problem");
    problem.textContent = error.message;
    problem.hidden = false;
    const status = document.getElementById("status");
    status.textContent = "Not started.";
    status.className = "status fail";
  });
})();
