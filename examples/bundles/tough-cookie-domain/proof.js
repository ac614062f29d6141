const { CookieJar } = require('tough-cookie');
const jar = new CookieJar(undefined, { rejectPublicSuffixes: false });
try {
  jar.setCookieSync('a=b; Domain=__proto__; Path=/mark', 'https://__proto__/');
} catch (error) {
  console.log(error.message);
}
process.exit({}['/mark'] === undefined ? 0 : 42);
