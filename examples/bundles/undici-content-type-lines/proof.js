const fs = require('fs');
const net = require('net');
const { request } = require('undici');

const server = net.createServer((socket) => {
  socket.on('data', (data) => {
    if (data.includes('\r\nGET /second ')) fs.writeFileSync('/tmp/second-request', '');
    socket.end('HTTP/1.1 204 None\r\nConnection: close\r\n\r\n');
  });
});
server.listen(0, '127.0.0.1', () => {
  const headers = { 'content-type': 'text/plain\r\n\r\nGET /second HTTP/1.1\r\nx: y' };
  request(`http://127.0.0.1:${server.address().port}/first`, { headers })
    .catch((error) => console.log(error.code))
    .finally(() => process.exit(0));
});
