const Zip = require('adm-zip');
function stored(name, body, crc) {
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(20, 4);
  local.writeUInt32LE(crc, 14);
  local.writeUInt32LE(body.length, 18);
  local.writeUInt32LE(body.length, 22);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(20, 4);
  local.copy(central, 6, 4, 30);
  const end = Buffer.alloc(22);
  const first = Buffer.concat([local, Buffer.from(name + body)]);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(46 + name.length, 12);
  end.writeUInt32LE(first.length, 16);
  return Buffer.concat([first, central, Buffer.from(name), end]);
}
try {
  new Zip(stored('../above', 'a', 0xe8b7be43)).extractAllTo('/tmp/below', true);
} catch (error) {
  console.log(error);
}
