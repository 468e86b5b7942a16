// A provider in JavaScript: a component of the world `froyo:provider`, without any import.
//
// docs/spec/provider-interface.md is normative. The host calls `start` with a phase and a request; whoever needs something
// of the target answers `pending` with calls, and is resumed with one reply to each. All text is JSON.

const waiting = new Map(); // by task: what carries on with the replies
let tasks = 0;

const done = (reply) => ({ tag: "done", val: JSON.stringify(reply) });

const ask = (calls, then) => {
  waiting.set(++tasks, then);
  return { tag: "pending", val: { task: tasks, calls: JSON.stringify(calls) } };
};

// All that is asked about goes to the target together; what fails is the fault of the one that it is about.
function read({ resources, find }) {
  if (find) return done({ kinds: [], found: [] }); // what `froyo import` asks: there is no kind that it can look for
  if (resources.length === 0) return done({ actual: [] });
  const calls = resources.map(({ spec }) => ({ call: "file.stat", args: { path: spec.path } }));
  return ask(calls, (replies) => done({ actual: resources.map((one, at) => seen(one, replies[at])) }));
}

function seen({ address, spec }, reply) {
  if (reply.error) return { address, fault: faultOf("file.stat", reply.error) };
  const { exists, type, mode, state } = reply.ok;
  return { address, exists, state: { type, mode, state }, watch: [`path:${spec.path}`] };
}

function faultOf(call, error) {
  return { class: error.class, message: `${call}: ${error.message}`, retry_after_ms: error.retry_after_ms, call, code: error.code };
}

// No calls here. What is planned as `calls` is made as planned, so there is nothing left to do in `apply`.
function plan({ resources, actual }) {
  return done({ operations: resources.map((one, at) => planned(one, actual[at])) });
}

function planned({ address, spec, ignore = [], removed = false }, { exists, state }) {
  const fault = (message) => ({ address, fault: { class: "permanent", message } });
  if (exists && state.type !== "directory") return fault(`${spec.path} is no directory; move it away`);
  const expect = state.state;
  if (removed || spec.state === "absent") {
    if (!exists) return { address, action: "none" };
    const gone = { call: "dir.remove", args: { path: spec.path, expect } };
    return operation(address, "delete", [diff("state", "present", "absent", ignore)], gone);
  }
  const args = { path: spec.path, expect };
  const diffs = [];
  if (!exists) diffs.push(diff("state", "absent", "present", ignore));
  if (spec.mode !== undefined && state.mode !== spec.mode) {
    const mode = diff("mode", state.mode ?? null, spec.mode, exists ? ignore : []);
    diffs.push(mode);
    if (!mode.ignored) args.mode = spec.mode;
  }
  return operation(address, exists ? "update" : "create", diffs, { call: "dir.ensure", args });
}

function diff(field, before, after, ignore) {
  return { field, before, after, ignored: ignore.includes(field) };
}

function operation(address, action, diffs, call) {
  if (diffs.every(({ ignored }) => ignored)) return { address, action: "none", diffs };
  return { address, action, diffs, calls: [call] };
}

const phases = { init: () => done({ kinds: ["Marker"] }), read, plan };

export const lifecycle = {
  load: () => "",
  start: (phase, request) => phases[phase](JSON.parse(request)),
  resume(task, replies) {
    const then = waiting.get(task);
    waiting.delete(task);
    return then(JSON.parse(replies));
  },
  cancel: (task) => void waiting.delete(task),
};
