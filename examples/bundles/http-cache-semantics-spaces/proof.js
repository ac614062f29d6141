const Policy = require('http-cache-semantics');
const spaces = ' '.repeat(Number(process.argv[2]));
new Policy({ headers: { 'cache-control': `a${spaces}b` } }, { status: 200, headers: {} });
