const http = require('http');
const express = require('express');
const server = http.createServer(express().get('/', (request, response) => {
  response.redirect('http://away.invalid\\\\@here.invalid/');
}));
server.listen(0, '127.0.0.1', () => {
  http.get({ host: '127.0.0.1', port: server.address().port }, (answer) => {
    const { location } = answer.headers;
    console.log(location.includes('%5C') ? `refused: ${location}` : location);
    process.exit(0);
  });
});
