const assert = require('assert');
const { unflatten } = require('./index.js');

unflatten({ '__proto__.mark': 7 });
assert.strictEqual({}.mark, undefined);
assert.deepStrictEqual(unflatten({ 'a.b': 7 }), { a: { b: 7 } });
console.log('1 passed');
