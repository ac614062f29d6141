const parse = require('minimist');
parse(['--a.constructor.constructor.prototype.mark', 'set']);
process.exit((() => 0).mark === 'set' ? 42 : 0);
