const fs = require('fs');
const http = require('http');
const fetch = require('node-fetch');

const other = http.createServer((request, response) => {
  if (request.headers.cookie) fs.writeFileSync('/tmp/other-host-got-cookie', '');
  response.end();
});
const first = http.createServer((request, response) => {
  response.writeHead(302, { location: `http://127.0.0.2:${other.address().port}/` }).end();
});
other.listen(0, '0.0.0.0', () => first.listen(0, '127.0.0.1', async () => {
  await fetch(`http://127.0.0.1:${first.address().port}/`, { headers: { cookie: 'session=1' } });
  process.exit(0);
}));
