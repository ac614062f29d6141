const assert = require('assert');
const parse = require('./index.js');

parse(['--a.constructor.constructor.prototype.mark', 'set']);
assert.strictEqual((() => 0).mark, undefined);
assert.deepStrictEqual(parse(['--a.b', 'set']), { _: [], a: { b: 'set' } });
console.log('1 passed');
