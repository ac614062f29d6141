const pattern = require('ansi-regex')();
pattern.test(`\u001B[${';'.repeat(Number(process.argv[2]))}`);
