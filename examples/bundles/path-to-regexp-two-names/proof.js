const route = require('path-to-regexp')('/:from-:to');
route.test(`/a${'-a'.repeat(Number(process.argv[2]))}/a`);
