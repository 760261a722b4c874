// What Fedify thinks of what we sign, and what it signs for us to check. One JSON document in, one out.
//
// in:  { documents: { URL: document }, requests: [{ name, method, url, headers, body, now }],
//        proofs: [{ name, document }], sign: [{ name, method, url, body, now, keyId, pkcs8, spec }],
//        prove: [{ name, document, keyId, jwk, now }] }
// out: { requests: { name: key id or null }, proofs: { name: [actor id or null] }, sign: { name: headers }, prove: … }
globalThis.navigator ??= {}; // Fedify asks for it, and Node 20 has none

import { Temporal } from "@js-temporal/polyfill";
globalThis.Temporal ??= Temporal;

const { importJwk, signObject, signRequest, verifyProof, verifyRequest } = await import("@fedify/fedify/sig");
const vocab = await import("@fedify/vocab");
const { preloadedContexts } = await import("@fedify/vocab-runtime");

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const given = JSON.parse(Buffer.concat(chunks).toString("utf-8"));

// contexts come from what Fedify has with it, documents are those that were handed in: nothing is fetched
const contextLoader = async (url) => {
  if (preloadedContexts[url] === undefined) throw new Error(`no context ${url}`);
  return { contextUrl: null, documentUrl: url, document: preloadedContexts[url] };
};
const documentLoader = async (url) => {
  const document = given.documents[url.split("#")[0]];
  if (document === undefined) throw new Error(`no document ${url}`);
  return { contextUrl: null, documentUrl: url, document };
};
const loaders = { documentLoader, contextLoader };

async function verifiedRequest({ method, url, headers, body, now }) {
  const request = new Request(url, { method, headers, body: body ?? undefined });
  const key = await verifyRequest(request, { ...loaders, currentTime: Temporal.Instant.from(now) });
  return key?.id?.href ?? null;
}

async function verifiedProofs(document) {
  const { proof, ...unsigned } = document;
  const found = [];
  for (const one of Array.isArray(proof) ? proof : [proof]) {
    const parsed = await vocab.DataIntegrityProof.fromJsonLd(
      { "@context": ["https://w3id.org/security/data-integrity/v1"], ...one },
      loaders,
    );
    const key = await verifyProof(document, parsed, loaders);
    found.push(key?.controllerId?.href ?? null);
  }
  return found;
}

async function signedRequest({ method, url, body, now, keyId, pkcs8, spec }) {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("pkcs8", Buffer.from(pkcs8, "base64"), algorithm, true, ["sign"]);
  const headers = { accept: "application/activity+json" };
  if (body != null) headers["content-type"] = "application/activity+json";
  const request = new Request(url, { method, headers, body: body ?? undefined });
  const signed = await signRequest(request, key, new URL(keyId), { spec, currentTime: Temporal.Instant.from(now) });
  return Object.fromEntries(signed.headers.entries());
}

async function proved({ document, keyId, jwk, now }) {
  const key = await importJwk(jwk, "private");
  const object = await vocab.Object.fromJsonLd(document, loaders);
  const signed = await signObject(object, key, new URL(keyId), { ...loaders, created: Temporal.Instant.from(now) });
  return await signed.toJsonLd({ format: "compact", contextLoader });
}

const answer = { requests: {}, proofs: {}, sign: {}, prove: {} };
for (const one of given.requests ?? []) answer.requests[one.name] = await verifiedRequest(one);
for (const one of given.proofs ?? []) answer.proofs[one.name] = await verifiedProofs(one.document);
for (const one of given.sign ?? []) answer.sign[one.name] = await signedRequest(one);
for (const one of given.prove ?? []) answer.prove[one.name] = await proved(one);
process.stdout.write(JSON.stringify(answer));
