const serialize = require('serialize-javascript');
console.log(serialize({ pattern: /<\/script><script>/ }));
