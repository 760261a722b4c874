// A server made with Fedify, on one socket of this machine, with one person. Orders come as lines of JSON, and each is
// answered with a line: { id, answer } or { id, error }.
//
// Two things are changed for a street without names and certificates: *.localhost is this machine, and what would be
// asked by https is asked by http. Contexts that Fedify does not have with it could not be had. All else is as it is.
globalThis.navigator ??= {}; // Fedify asks for it, and Node 20 has none

import { createRequire } from "node:module";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Temporal } from "@js-temporal/polyfill";
globalThis.Temporal ??= Temporal;

const dns = createRequire(import.meta.url)("node:dns");
dns.lookup = (name, options, done) => {
  const answer = typeof options === "function" ? options : done;
  if (name !== "127.0.0.1" && !name.endsWith(".localhost")) return answer(new Error(`${name} is not on this machine`));
  return options?.all ? answer(null, [{ address: "127.0.0.1", family: 4 }]) : answer(null, "127.0.0.1", 4);
};
const fetched = globalThis.fetch;
const plain = (url) => url.toString().replace(/^https:\/\/([a-z]+\.localhost:)/, "http://$1");
globalThis.fetch = (what, how) =>
  fetched(what instanceof Request ? (plain(what.url) === what.url ? what : new Request(plain(what.url), what)) : plain(what), how);

const { createFederation, MemoryKvStore, generateCryptoKeyPair } = await import("@fedify/fedify");
const vocab = await import("@fedify/vocab");

const name = "mo";
const pairs = [await generateCryptoKeyPair("RSASSA-PKCS1-v1_5"), await generateCryptoKeyPair("Ed25519")];
const federation = createFederation({
  kv: new MemoryKvStore(),
  allowPrivateAddress: true,
});
const heard = []; // what was delivered and verified, in order
const refused = []; // what was delivered and not taken: path and status

federation
  .setActorDispatcher("/users/{identifier}", async (context, identifier) => {
    if (identifier !== name) return null;
    const keys = await context.getActorKeyPairs(identifier);
    return new vocab.Person({
      id: context.getActorUri(identifier),
      preferredUsername: identifier,
      name: "Mo Elsewhere",
      inbox: context.getInboxUri(identifier),
      endpoints: new vocab.Endpoints({ sharedInbox: context.getInboxUri() }),
      publicKey: keys[0].cryptographicKey,
      assertionMethods: keys.map((pair) => pair.multikey),
    });
  })
  .setKeyPairsDispatcher(async (_context, identifier) => (identifier === name ? pairs : []));

const listeners = federation.setInboxListeners("/users/{identifier}/inbox", "/inbox");
for (const kind of ["Accept", "Reject", "Announce", "Create", "Update", "Delete", "Undo"]) {
  listeners.on(vocab[kind], async (context, activity) => {
    const object = kind === "Delete" ? null : await activity.getObject({ ...context, suppressError: true });
    const author = object instanceof vocab.Note ? await object.getAttribution(context) : null;
    const mentions = [];
    if (object instanceof vocab.Note) {
      for await (const tag of object.getTags(context)) if (tag instanceof vocab.Mention) mentions.push(tag.href.href);
    }
    heard.push({
      kind,
      id: activity.id?.href,
      actor: activity.actorId?.href,
      object: activity.objectId?.href,
      content: object?.content?.toString() ?? null,
      author: author?.id?.href ?? null,
      answers: object?.replyTargetId?.href ?? null,
      mentions,
    });
  });
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const url = `http://${request.headers.host}${request.url}`;
  const headers = new Headers(Object.entries(request.headers).map(([key, value]) => [key, String(value)]));
  const body = request.method === "POST" ? Buffer.concat(chunks) : undefined;
  const asked = new Request(url, { method: request.method, headers, body });
  const answer = await federation.fetch(asked, { contextData: undefined });
  if (request.method === "POST" && answer.status >= 300) refused.push({ path: request.url, status: answer.status });
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const base = `http://elsewhere.localhost:${server.address().port}`;
const context = federation.createContext(new URL(base), undefined);
const me = context.getActorUri(name);
const everyone = vocab.PUBLIC_COLLECTION;
let count = 0;
const address = (what) => new URL(`${me.href}/${what}/${++count}`);
const known = new Map(); // what was said, to say it better or take it back

async function tell(recipient, activity) {
  await context.sendActivity({ identifier: name }, recipient, activity, { immediate: true, preferSharedInbox: true });
  known.set(activity.id.href, activity);
  return activity.id.href;
}

async function actorOf(uri) {
  const found = await context.lookupObject(uri);
  if (found === null) throw new Error(`${uri} is not found`);
  return found;
}

const note = (number, given, content) =>
  new vocab.Note({
    id: new URL(`${me.href}/notes/${number}`),
    attribution: me,
    to: everyone,
    ccs: [new URL(given.author)],
    replyTarget: new URL(given.note),
    content,
    published: Temporal.Now.instant(),
    ...(given.updated ? { updated: Temporal.Now.instant() } : {}),
  });

const orders = {
  me: async () => ({ actor: me.href, base }),
  heard: async () => ({ heard, refused }),
  find: async ({ handle }) => {
    const found = await actorOf(handle);
    const collections = {};
    for (const [what, got] of [
      ["outbox", await found.getOutbox(context)],
      ["followers", await found.getFollowers(context)],
      ["featured", await found.getFeatured(context)],
    ]) collections[what] = { type: got?.constructor.name, total: got?.totalItems ?? null };
    const page = await (await found.getOutbox(context))?.getFirst(context);
    const listed = [];
    if (page) for await (const item of page.getItems({ ...context, suppressError: true })) listed.push(item.objectId?.href);
    return { id: found.id.href, type: found.constructor.name, name: found.name?.toString(), collections, listed };
  },
  follow: async ({ whom }) => {
    const group = await actorOf(whom);
    return tell(group, new vocab.Follow({ id: address("follows"), actor: me, object: group.id }));
  },
  unfollow: async ({ whom, follow }) =>
    tell(await actorOf(whom), new vocab.Undo({ id: address("undoes"), actor: me, object: known.get(follow) })),
  answer: async (given) =>
    tell(
      await actorOf(given.author),
      new vocab.Create({
        id: address("creates"),
        actor: me,
        to: everyone,
        object: note(given.number, given, given.content),
      }),
    ),
  change: async (given) =>
    tell(
      await actorOf(given.author),
      new vocab.Update({
        id: address("updates"),
        actor: me,
        to: everyone,
        object: note(given.number, { ...given, updated: true }, given.content),
      }),
    ),
  remove: async ({ number, author }) =>
    tell(
      await actorOf(author),
      new vocab.Delete({
        id: address("deletes"),
        actor: me,
        to: everyone,
        object: new vocab.Tombstone({ id: new URL(`${me.href}/notes/${number}`) }),
      }),
    ),
  like: async ({ note: liked, author }) =>
    tell(await actorOf(author), new vocab.Like({ id: address("likes"), actor: me, object: new URL(liked) })),
  unlike: async ({ like, author }) =>
    tell(await actorOf(author), new vocab.Undo({ id: address("undoes"), actor: me, object: known.get(like) })),
};

const lines = createInterface({ input: process.stdin });
process.stdout.write(JSON.stringify({ id: 0, answer: { base } }) + "\n");
for await (const line of lines) {
  const { id, order, ...given } = JSON.parse(line);
  let said;
  try {
    said = { id, answer: await orders[order](given) };
  } catch (error) {
    said = { id, error: `${error?.stack ?? error}` };
  }
  process.stdout.write(JSON.stringify(said) + "\n");
}
server.closeAllConnections();
server.close();
