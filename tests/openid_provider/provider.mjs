// A certified OpenID provider on loopback: `node provider.mjs PORT KEY_ID REDIRECT_URI`.
// It lets everybody in under the name that is typed, and claims roles that nobody should believe.
import { generateKeyPairSync } from "node:crypto";
import { Provider } from "oidc-provider";

const [port, kid, back] = process.argv.slice(2);
const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
const client = { redirect_uris: [back], response_types: ["code"], grant_types: ["authorization_code"] };
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { ...client, client_id: "desk", client_secret: "a secret of the desk: 100%" },
    { ...client, client_id: "open", token_endpoint_auth_method: "none" },
  ],
  jwks: { keys: [{ ...key, kid, alg: "RS256", use: "sig" }] },
  cookies: { keys: ["only for tests"] },
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, roles: ["administrator"], groups: ["coordinator_on_duty"] }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
