// The store on Redis, which keeps what the library's own example of such a store kept: a record under its kind and id, what a
// grant gave in a list that a revocation goes through, and a session's id under its uid.

import { Redis } from 'ioredis'

// Read again to learn whether they were used, so that is a field of its own beside the record.
const usedOnce = new Set(['AuthorizationCode', 'RefreshToken'])
const givenByGrants = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken'])

// No list may end before what it names; none of it lives longer than this.
const LONGEST = 86400

const listOf = (grant) => `grant:${grant}`
const keyOfUid = (uid) => `uid:${uid}`

export async function onRedis (url) {
  // What is asked in one turn of the loop goes out in one write.
  const redis = new Redis(url, { enableAutoPipelining: true, maxRetriesPerRequest: 0 })
  await redis.ping()

  return class {
    constructor (kind) {
      this.kind = kind
      this.isUsedOnce = usedOnce.has(kind)
    }

    key (id) {
      return `${this.kind}:${id}`
    }

    async upsert (id, payload, lifetime) {
      const key = this.key(id)
      const text = JSON.stringify(payload)
      const all = []
      if (this.isUsedOnce) {
        all.push(['hset', key, 'payload', text], ['expire', key, lifetime])
      } else {
        all.push(lifetime ? ['set', key, text, 'EX', lifetime] : ['set', key, text])
      }
      if (payload.grantId && givenByGrants.has(this.kind)) {
        const list = listOf(payload.grantId)
        all.push(['rpush', list, key], ['expire', list, LONGEST])
      }
      if (payload.uid) all.push(['set', keyOfUid(payload.uid), id, 'EX', lifetime])
      await (all.length > 1 ? together(all) : redis.call(...all[0]))
    }

    async find (id) {
      if (!this.isUsedOnce) {
        const text = await redis.get(this.key(id))
        return text ? JSON.parse(text) : undefined
      }
      const { payload, ...rest } = await redis.hgetall(this.key(id))
      return payload ? { ...JSON.parse(payload), ...rest } : undefined
    }

    async findByUid (uid) {
      const id = await redis.get(keyOfUid(uid))
      return id ? this.find(id) : undefined
    }

    async findByUserCode () {
      return undefined
    }

    async consume (id) {
      await redis.hset(this.key(id), 'consumed', Math.floor(Date.now() / 1000))
    }

    async destroy (id) {
      await redis.del(this.key(id))
    }

    async revokeByGrantId (grant) {
      const list = listOf(grant)
      await redis.del(list, ...await redis.lrange(list, 0, -1))
    }
  }

  // One write, and all of it or nothing.
  async function together (commands) {
    for (const [error] of await redis.multi(commands).exec()) if (error) throw error
  }
}
