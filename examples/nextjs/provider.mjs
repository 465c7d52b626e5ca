// An OpenID provider for development. It signs in under any name, so it must never be reachable by others.

import Provider from "oidc-provider"

const { AUTH_OIDC_ID, AUTH_OIDC_ISSUER, AUTH_OIDC_SECRET, AUTH_URL } = process.env

const provider = new Provider(AUTH_OIDC_ISSUER, {
  claims: { email: ["email", "email_verified"], profile: ["name"] },
  clients: [
    {
      client_id: AUTH_OIDC_ID,
      client_secret: AUTH_OIDC_SECRET,
      redirect_uris: [`${AUTH_URL}/api/auth/callback/oidc`, `${AUTH_URL}/backend/api/auth/callback/oidc`],
    },
  ],
  // Auth.js reads the profile from the ID token.
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: id, email: `${id.toLowerCase()}@example.com`, email_verified: true }),
  }),
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  // Every client has the consent of every user.
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId })
    grant.addOIDCScope("openid email profile")
    await grant.save()
    return grant
  },
})

provider.use(async (context, next) => {
  if (!context.path.startsWith("/interaction/")) return next()
  const { name } = context.query
  if (name) {
    const result = { login: { accountId: name } }
    context.redirect(await provider.interactionResult(context.req, context.res, result))
  } else {
    context.type = "html"
    context.body = `<!doctype html><html lang="en"><title>Provider</title>
      <form><label>Name <input name="name" required></label> <button>Continue</button></form></html>`
  }
})

const { hostname, port } = new URL(AUTH_OIDC_ISSUER)
provider.listen(Number(port), hostname, () => console.log(`Provider ready at ${AUTH_OIDC_ISSUER}`))
