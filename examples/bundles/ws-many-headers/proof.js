const http = require('http');
const net = require('net');
const { WebSocketServer } = require('ws');
const server = http.createServer();
server.maxHeadersCount = 10;
new WebSocketServer({ server });
server.listen(0, '127.0.0.1', () => {
  const lines = ['GET / HTTP/1.1', 'Host: here', 'Connection: Upgrade'];
  for (let n = 0; n < 20; n += 1) lines.push(`X-${n}: y`);
  lines.push('Upgrade: websocket', '', '');
  const socket = net.connect(server.address().port, '127.0.0.1');
  socket.on('data', () => process.exit(0));
  socket.write(lines.join('\r\n'));
});
