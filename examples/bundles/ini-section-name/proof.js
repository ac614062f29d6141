const ini = require('ini');
ini.decode(['[__proto__]', 'mark = set', ''].join('\n'));
process.exit({}.mark === 'set' ? 42 : 0);
