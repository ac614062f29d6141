// Notes which of the target's files a Node.js proof reads as data or prints as text.
// Loaded with --require before the proof; which functions run is told by V8's own coverage.
// The proof runs in the same process and could forge the notes; the host treats them as a claim.
'use strict';
const fs = require('fs');
const target = process.env.CLEARHOUSE_TARGET;
const home = process.env.CLEARHOUSE_HOME;
const out = process.env.CLEARHOUSE_NOTES;
const opened = new Set();
let printed = false;

// `directly`: the proof itself is the caller, not Node.js on its behalf.
function askedByProof(directly) {
  const depth = Error.stackTraceLimit;
  Error.stackTraceLimit = 100;
  const lines = String(new Error().stack).split('\n').slice(3);
  Error.stackTraceLimit = depth;
  for (const line of lines) {
    if (line.includes('Module._') || line.includes('Module.require')) return false;
    if (line.includes(target)) return false;
    if (line.includes(home)) return true;
    if (directly && !line.includes('<anonymous>')) return false;
  }
  return false;
}

function watch(holder, name) {
  const original = holder[name];
  if (typeof original !== 'function') return;
  holder[name] = function (path, ...rest) {
    const text = String(path instanceof URL ? path.pathname : path);
    if (text.includes(target) && askedByProof()) opened.add(text);
    return Reflect.apply(original, this, [path, ...rest]);
  };
}

for (const name of ['readFileSync', 'readFile', 'openSync', 'open', 'createReadStream']) watch(fs, name);
for (const name of ['readFile', 'open']) watch(fs.promises, name);

const asText = Function.prototype.toString;
Function.prototype.toString = function () {
  if (askedByProof(true)) printed = true;
  return Reflect.apply(asText, this, []);
};

const write = fs.writeFileSync;
process.on('exit', () => {
  write(out, JSON.stringify({ opened: [...opened].sort(), printed }));
});
