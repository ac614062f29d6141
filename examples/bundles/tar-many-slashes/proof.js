function member(name, body) {
  const head = Buffer.alloc(512);
  const fields = [[name, 0], ['0000644', 100], ['0000000', 108], ['0000000', 116],
    [body.length.toString(8).padStart(11, '0'), 124], ['00000000000', 136],
    ['        ', 148], ['0', 156], ['ustar', 257], ['00', 263]];
  for (const [text, at] of fields) head.write(text, at);
  const sum = head.reduce((all, one) => all + one, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const rest = Buffer.alloc((512 - (body.length % 512)) % 512);
  return Buffer.concat([head, Buffer.from(body), rest]);
}

const fs = require('fs');
const tar = require('tar');
fs.mkdirSync('/tmp/below');
fs.writeFileSync('/tmp/given.tar', Buffer.concat([member('///tmp/absolute', 'text'), Buffer.alloc(1024)]));
tar.x({ file: '/tmp/given.tar', cwd: '/tmp/below', sync: true });
