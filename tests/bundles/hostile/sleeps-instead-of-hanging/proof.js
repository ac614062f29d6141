const ini = require('ini');
ini.parse('[a]\nb = c');
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60000);
