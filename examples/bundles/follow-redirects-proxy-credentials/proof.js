const fs = require('fs');
const http = require('http');
const follow = require('follow-redirects');

const other = http.createServer((request, response) => {
  const got = request.headers['proxy-authorization'];
  if (got) fs.writeFileSync('/tmp/other-host-got-credentials', '');
  response.end();
});
const first = http.createServer((request, response) => {
  response.writeHead(302, { location: `http://127.0.0.2:${other.address().port}/` }).end();
});
other.listen(0, '0.0.0.0', () => first.listen(0, '127.0.0.1', () => {
  const headers = { 'proxy-authorization': 'Basic made-up' };
  const options = { host: '127.0.0.1', port: first.address().port, path: '/', headers };
  follow.http.get(options, (answer) => answer.resume().on('end', () => process.exit(0)));
}));
