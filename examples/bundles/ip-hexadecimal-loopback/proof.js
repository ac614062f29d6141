const ip = require('ip');
process.exit(ip.isPublic('0x7f.1') ? 42 : 0);
