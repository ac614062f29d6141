const yaml = require('js-yaml');
global.fs = require('fs');
const body = "fs.writeFileSync('/tmp/made-by-key', ''); return 'key'";
try {
  yaml.load(`? toString: !!js/function "function () { ${body} }"\n: value\n`);
} catch (error) {
  console.log(error.name);
}
