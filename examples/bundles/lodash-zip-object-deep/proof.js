const _ = require('lodash');
_.zipObjectDeep(['__proto__.mark'], [7]);
process.exit({}.mark === 7 ? 42 : 0);
