const jwt = require('jsonwebtoken');
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
try {
  const claims = jwt.verify(`${part({ alg: 'none' })}.${part({ role: 'owner' })}.`, undefined);
  process.exit(claims.role === 'owner' ? 42 : 0);
} catch (error) {
  console.log(error.name);
}
