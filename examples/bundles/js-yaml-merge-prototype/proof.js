const yaml = require('js-yaml');
const read = yaml.load('given: &given {__proto__: {admin: true}}\nuser:\n  <<: *given\n');
process.exit(read.user.admin === true && !Object.hasOwn(read.user, 'admin') && !Object.hasOwn(read.user, '__proto__') ? 42 : 0);
