// A certified OpenID Provider (npm: oidc-provider) with the clients and the methods of authentication that the test wants.
//
//    node provider.mjs SETTINGS.json       {"pem": certificate and key, "clients": [...], "methods": [...]}
//
// Prints one line of JSON, {"port": n}, when it serves; ends with its standard input.
import fs from "node:fs";
import https from "node:https";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(process.cwd() + "/"));
const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
const settings = JSON.parse(fs.readFileSync(process.argv[2]));
const pem = fs.readFileSync(settings.pem);
const server = https.createServer({ cert: pem, key: pem });

server.listen(0, "127.0.0.1", () => {
  const port = server.address().port;
  const provider = new Provider(`https://localhost:${port}`, {
    clients: settings.clients,
    clientAuthMethods: settings.methods,
    scopes: ["openid", "offline_access", "email", "profile", "mail"],
    claims: { openid: ["sub"], email: ["email"], profile: ["preferred_username"] },
    conformIdTokenClaims: false,
    features: { clientCredentials: { enabled: true }, deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed("refresh_token"),
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: id, preferred_username: id }),
    }),
  });
  provider.on("server_error", (ctx, error) => console.error(error));
  provider.on("grant.error", (ctx, error) => console.error(error.error, error.error_description, error.error_detail));
  server.on("request", provider.callback());
  console.log(JSON.stringify({ port }));
});
process.stdin.on("end", () => process.exit(0)).resume();
