// A server of the npm package `oidc-provider`, as `cargo xtask bench` measures it.

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import Provider, { errors } from 'oidc-provider'
import { onRedis } from './redis.mjs'

const { values } = parseArgs({
  options: { listen: { type: 'string' }, registrations: { type: 'string' }, redis: { type: 'string' } }
})
const registrations = JSON.parse(readFileSync(values.registrations, 'utf8'))
const [host, port] = values.listen.split(':')

// Its own store in memory keeps the last thousand of each kind, fewer than a run has.
class Kept {
  static all = new Map()
  static grants = new Map()

  constructor (kind) {
    this.kind = kind
  }

  key (id) {
    return `${this.kind}:${id}`
  }

  async upsert (id, payload) {
    const key = this.key(id)
    Kept.all.set(key, payload)
    if (payload.uid) Kept.all.set(`uid:${payload.uid}`, payload)
    if (payload.grantId) {
      const keys = Kept.grants.get(payload.grantId) ?? new Set()
      Kept.grants.set(payload.grantId, keys.add(key))
    }
  }

  async find (id) {
    return Kept.all.get(this.key(id))
  }

  async findByUid (uid) {
    return Kept.all.get(`uid:${uid}`)
  }

  async findByUserCode () {
    return undefined
  }

  async consume (id) {
    Kept.all.get(this.key(id)).consumed = Math.floor(Date.now() / 1000)
  }

  async destroy (id) {
    const key = this.key(id)
    const grant = Kept.all.get(key)?.grantId
    if (grant) Kept.grants.get(grant)?.delete(key)
    Kept.all.delete(key)
  }

  async revokeByGrantId (grant) {
    for (const key of Kept.grants.get(grant) ?? []) Kept.all.delete(key)
    Kept.grants.delete(grant)
  }
}

const client = ({ client_id, client_secret, redirect_uris = [], grant_types = [], response_types = [] }) =>
  ({ client_id, client_secret, redirect_uris, grant_types, response_types, scope: 'read' })

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })

async function granted (provider, clientId, accountId) {
  const grant = new provider.Grant({ clientId, accountId })
  grant.addOIDCScope('read')
  await grant.save()
  return grant
}

const provider = new Provider(`http://${values.listen}`, {
  adapter: values.redis ? await onRedis(values.redis) : Kept,
  clients: [...registrations.clients, ...registrations.resource_servers].map(client),
  scopes: ['read'],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  jwks: { keys: [{ ...key, alg: 'ES256', use: 'sig', kid: 'key' }] },
  findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // Only a resource server's tokens are JWTs, and only one client has tokens for one.
      defaultResource: (ctx) => ctx.oidc.client.clientId === 'signed' ? 'https://api.example.test' : undefined,
      getResourceServerInfo: () => ({ scope: 'read', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } })
    }
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  // `asking` is asked each time; everybody else is approved.
  async loadExistingGrant ({ oidc }) {
    const { clientId } = oidc.client
    const decided = oidc.result?.consent?.grantId
    const known = decided ?? (clientId === 'asking' ? undefined : oidc.session.grantIdFor(clientId))
    if (known) return oidc.provider.Grant.find(known)
    return clientId === 'asking' ? undefined : granted(oidc.provider, clientId, oidc.session.accountId)
  },
  issueRefreshToken: (_, { grantTypes }) => grantTypes?.includes('refresh_token') ?? true,
  rotateRefreshToken: true,
  pkce: { required: () => true },
  routes: {
    authorization: '/oauth2/authorize',
    token: '/oauth2/token',
    introspection: '/oauth2/introspect',
    revocation: '/oauth2/revoke'
  },
  ttl: {
    AccessToken: 3600, AuthorizationCode: 600, ClientCredentials: 3600, Grant: 86400, Interaction: 3600, RefreshToken: 86400,
    Session: 86400
  }
})

// Everybody is alice, and needs no password.
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next()
  try {
    const { prompt, params, session } = await provider.interactionDetails(ctx.req, ctx.res)
    ctx.respond = false
    if (prompt.name === 'login') {
      await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: 'alice' } })
    } else if (ctx.method === 'POST') {
      const grant = await granted(provider, params.client_id, session.accountId)
      await provider.interactionFinished(ctx.req, ctx.res, { consent: { grantId: grant.jti } })
    } else {
      ctx.respond = true
      ctx.type = 'html'
      ctx.body = `<!doctype html><form method="post" action="${ctx.path}"><button name="decision" value="approve">Approve</button></form>`
    }
  } catch (error) {
    if (!(error instanceof errors.SessionNotFound)) throw error
    ctx.respond = true
    ctx.status = 400
    ctx.body = error.message
  }
})

const server = provider.listen(Number(port), host)
// Its connections are the load's, which leaves some alone while it prepares.
server.keepAliveTimeout = 60_000
