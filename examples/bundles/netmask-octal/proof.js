const { Netmask } = require('netmask');
process.exit(new Netmask('012.0.0.0/8').contains('12.1.2.3') ? 42 : 0);
