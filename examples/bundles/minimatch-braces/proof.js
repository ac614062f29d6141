const minimatch = require('minimatch');
minimatch.braceExpand('{'.repeat(Number(process.argv[2])));
