const semver = require('semver');
semver.validRange(`>=1.2.3${' '.repeat(Number(process.argv[2]))}<1.3.0x`);
