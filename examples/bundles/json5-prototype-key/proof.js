const JSON5 = require('json5');
const read = JSON5.parse('{user: "guest", "__proto__": {admin: true}}');
process.exit(read.admin === true ? 42 : 0);
