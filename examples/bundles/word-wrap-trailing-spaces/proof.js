const wrap = require('word-wrap');
wrap(`a${' '.repeat(Number(process.argv[2]))}a`, { trim: true, width: 1e9 });
