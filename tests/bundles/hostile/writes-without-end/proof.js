const ini = require('ini');
const fs = require('fs');
ini.parse('[a]\nb = c');
const line = Buffer.alloc(1 << 20, 'x');
for (let n = 0; n < 1024; n += 1) fs.writeSync(n % 2 ? 1 : 2, line);
fs.writeSync(1, '\nVULN\n');
