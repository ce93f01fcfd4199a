// A session of node-redis: node node_redis_session.js PORT RESP. Says READY when the server may be killed and started
// again.
const assert = require('node:assert');
const { createClient, RESP_TYPES } = require('redis');

// events.once fails at an 'error', of which there are some while the server is away.
const once = (emitter, event) => new Promise((then) => emitter.once(event, (...values) => then(values)));
const tenMb = Buffer.alloc(10 * 1024 * 1024, Buffer.from(Array.from({ length: 256 }, (_, i) => i)));

async function values(redis) {
  assert.equal(await redis.ping(), 'PONG');
  assert.equal(await redis.set('k', 'v', { EX: 100 }), 'OK');
  assert.equal(await redis.get('k'), 'v');
  assert.deepEqual(await redis.mGet(['k', 'none']), ['v', null]);
  assert.equal(await redis.incrBy('n', 5), 5);
  const bytes = redis.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  assert.equal(await redis.set('big', tenMb), 'OK');
  assert.ok((await bytes.get('big')).equals(tenMb));
  await assert.rejects(redis.sendCommand(['NOSUCH']), /unknown command/);
  const keys = [];
  for await (const some of redis.scanIterator({ COUNT: 2 })) keys.push(...[].concat(some));
  assert.deepEqual(keys.sort(), ['big', 'k', 'n']);
  assert.equal((await redis.configGet('maxmemory')).maxmemory, '0');
  assert.ok((await redis.memoryUsage('big')) > tenMb.length);
  assert.ok((await redis.clientInfo()).id > 0);
}

async function pipelines(redis) {
  const requests = [];
  for (let i = 0; i < 10000; i++) requests.push(redis.set(`k:${i}`, i.toString()), redis.get(`k:${i}`));
  (await Promise.all(requests)).forEach((reply, i) => assert.equal(reply, i % 2 ? String((i - 1) / 2) : 'OK'));
}

async function transactions(redis, other) {
  assert.deepEqual(await redis.multi().set('t', '1').incr('t').get('t').exec(), ['OK', 2, '2']);
  await redis.watch('t');
  await other.set('t', 'changed');
  await assert.rejects(redis.multi().set('t', 'mine').exec(), { name: /WatchError|Error/ });
  assert.equal(await redis.get('t'), 'changed');
}

async function pubSub(redis, subscriber, messages) {
  await subscriber.subscribe('news', (message) => messages.emit('plain', message), true);
  await subscriber.pSubscribe('n*', (message) => messages.emit('pattern', message), true);
  const plain = once(messages, 'plain');
  const pattern = once(messages, 'pattern');
  assert.equal(await redis.publish('news', tenMb), 2);
  assert.ok((await plain)[0].equals(tenMb));
  assert.ok((await pattern)[0].equals(tenMb));
}

async function reconnect(redis, subscriber, messages) {
  const lost = once(redis, 'reconnecting');
  const subscribed = once(subscriber, 'reconnecting').then(() => once(subscriber, 'ready'));
  console.log('READY');
  await lost;
  assert.equal(await redis.set('k', 'again'), 'OK');
  assert.equal(await redis.get('k'), 'again');
  await subscribed;
  const message = once(messages, 'plain');
  while ((await redis.publish('news', 'hello')) < 1) await new Promise((then) => setTimeout(then, 5));
  assert.equal((await message)[0].toString(), 'hello');
}

(async () => {
  const options = {
    socket: { host: '127.0.0.1', port: Number(process.argv[2]), reconnectStrategy: () => 20 },
    RESP: Number(process.argv[3]),
    commandOptions: { timeout: 60000 }, // its own 5 s may be short for 20,000 requests on a busy machine
  };
  const [redis, other, subscriber] = [1, 2, 3].map(() => createClient(options));
  const messages = new (require('node:events'))();
  for (const client of [redis, other, subscriber]) {
    client.on('error', () => {}); // of connections refused meanwhile
    await client.connect();
  }
  await values(redis);
  await pipelines(redis);
  await transactions(redis, other);
  await pubSub(redis, subscriber, messages);
  await reconnect(redis, subscriber, messages);
  for (const client of [redis, other, subscriber]) client.destroy();
  console.log('DONE');
})().catch((error) => {
  console.log(error);
  process.exit(1);
});
