// A session of ioredis: node ioredis_session.js PORT. Says READY when the server may be killed and started again.
const assert = require('node:assert');
const { Redis } = require('ioredis');

// events.once fails at an 'error', of which there are some while the server is away.
const once = (emitter, event) => new Promise((then) => emitter.once(event, (...values) => then(values)));
const tenMb = Buffer.alloc(10 * 1024 * 1024, Buffer.from(Array.from({ length: 256 }, (_, i) => i)));

async function values(redis) {
  assert.equal(await redis.ping(), 'PONG');
  assert.equal(await redis.set('k', 'v', 'EX', 100), 'OK');
  assert.equal(await redis.get('k'), 'v');
  assert.deepEqual(await redis.mget('k', 'none'), ['v', null]);
  assert.equal(await redis.incrby('n', 5), 5);
  assert.equal(await redis.set('big', tenMb), 'OK');
  assert.ok((await redis.getBuffer('big')).equals(tenMb));
  await assert.rejects(redis.call('NOSUCH'), /unknown command/);
  const keys = [];
  for await (const some of redis.scanStream({ match: '*', count: 2 })) keys.push(...some);
  assert.deepEqual(keys.sort(), ['big', 'k', 'n']);
}

async function pipelines(redis) {
  const pipeline = redis.pipeline();
  for (let i = 0; i < 10000; i++) pipeline.set(`k:${i}`, i).get(`k:${i}`);
  const replies = await pipeline.exec();
  replies.forEach(([error, reply], i) => {
    assert.equal(error, null);
    assert.equal(reply, i % 2 ? String((i - 1) / 2) : 'OK');
  });
}

async function transactions(redis, other) {
  assert.deepEqual(await redis.multi().set('t', 1).incr('t').get('t').exec(), [[null, 'OK'], [null, 2], [null, '2']]);
  const [, [error]] = await redis.multi().set('t', 'text').incr('t').exec();
  assert.match(error.message, /not an integer/);
  await redis.watch('t');
  await other.set('t', 'changed');
  assert.equal(await redis.multi().set('t', 'mine').exec(), null);
  assert.equal(await redis.get('t'), 'changed');
}

async function pubSub(redis, subscriber) {
  assert.equal(await subscriber.subscribe('news'), 1);
  assert.equal(await subscriber.psubscribe('n*'), 2);
  const message = once(subscriber, 'messageBuffer');
  const byPattern = once(subscriber, 'pmessageBuffer');
  assert.equal(await redis.publish('news', tenMb), 2);
  assert.ok((await message)[1].equals(tenMb));
  assert.ok((await byPattern)[2].equals(tenMb));
}

async function reconnect(redis, subscriber) {
  const lost = once(redis, 'close');
  const subscribed = once(subscriber, 'close').then(() => once(subscriber, 'ready'));
  console.log('READY');
  await lost;
  // Asked for while the server is away: it is answered when it is back.
  assert.equal(await redis.set('k', 'again'), 'OK');
  assert.equal(await redis.get('k'), 'again');
  await subscribed;
  const message = once(subscriber, 'message');
  while ((await redis.publish('news', 'hello')) < 1) await new Promise((then) => setTimeout(then, 5));
  assert.deepEqual(await message, ['news', 'hello']);
}

(async () => {
  const server = { host: '127.0.0.1', port: Number(process.argv[2]) };
  const options = { ...server, retryStrategy: () => 20, maxRetriesPerRequest: null };
  const [redis, other, subscriber] = [1, 2, 3].map(() => new Redis(options));
  for (const client of [redis, other, subscriber]) client.on('error', () => {}); // of connections refused meanwhile
  await values(redis);
  await pipelines(redis);
  await transactions(redis, other);
  await pubSub(redis, subscriber);
  await reconnect(redis, subscriber);
  for (const client of [redis, other, subscriber]) client.disconnect();
  console.log('DONE');
})().catch((error) => {
  console.log(error);
  process.exit(1);
});
