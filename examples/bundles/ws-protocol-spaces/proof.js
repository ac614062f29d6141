const net = require('net');
const http = require('http');
const WebSocket = require('ws');
const server = http.createServer({ maxHeaderSize: 1 << 20 });
new WebSocket.Server({ server }).on('headers', () => process.exit(0));
server.listen(0, '127.0.0.1', () => {
  const socket = net.connect(server.address().port, '127.0.0.1');
  socket.on('close', () => process.exit(0)).on('error', () => process.exit(0));
  socket.on('data', () => process.exit(0));
  socket.write(['GET / HTTP/1.1', 'Host: here', 'Connection: Upgrade', 'Upgrade: websocket',
    'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    `Sec-WebSocket-Protocol: b${' '.repeat(Number(process.argv[2]))}x`, '', ''].join('\r\n'));
});
