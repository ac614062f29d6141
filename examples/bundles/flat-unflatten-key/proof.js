const { unflatten } = require('flat');
unflatten({ '__proto__.mark': 7 });
process.exit({}.mark === 7 ? 42 : 0);
