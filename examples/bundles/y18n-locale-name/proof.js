const translate = require('y18n')({ updateFiles: false });
translate.setLocale('__proto__');
translate.updateLocale({ mark: 'set' });
process.exit({}.mark === 'set' ? 42 : 0);
