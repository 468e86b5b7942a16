// Makes plugin.wasm of src/plugin.js. Everything that could reach outside of the sandbox is left out of the engine, so that
// the component imports nothing: the host refuses it otherwise.

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { componentize } from "@bytecodealliance/componentize-js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const { component } = await componentize(await readFile(here("src/plugin.js"), "utf8"), {
  witPath: here(process.env.FROYO_WIT ?? "../../providers/runtime/wit"),
  worldName: "provider",
  disableFeatures: ["random", "stdio", "clocks", "http", "fetch-event"],
});
await writeFile(here("plugin.wasm"), component);
