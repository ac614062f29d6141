const cookie = require('cookie');
try {
  console.log(cookie.serialize('session=1; Domain=away.invalid; a', 'b'));
} catch (error) {
  console.log('refused:', error.name);
}
