const set = require('set-value');
try {
  set({}, [['__proto__'], 'mark'], 7);
} catch (error) {
  console.log(error.message);
}
process.exit({}.mark === 7 ? 42 : 0);
