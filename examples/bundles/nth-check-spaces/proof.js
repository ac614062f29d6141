const { parse } = require('nth-check');
try {
  parse(`2n${' '.repeat(Number(process.argv[2]))}!`);
} catch (error) {
  console.log(error.name);
}
