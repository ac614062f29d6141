const { toNumber } = require('lodash');
toNumber(`1${' '.repeat(Number(process.argv[2]))}1`);
