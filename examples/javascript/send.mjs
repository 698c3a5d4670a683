// Seals a logging configuration and sends it, with nothing but Node.js (18 or later).
//
//   node send.mjs alice.signing payments@prod debug.json unix:/run/payments/log.sock
//   node send.mjs alice.signing payments@prod debug.json tcp:127.0.0.1:9030 alice.mac alice.aead
//
// With two more key files it seals for the chain "network": a MAC around encryption around the
// signature. What is written here is sealwire/1, as docs/spec/sealwire-1.md states it.
import * as crypto from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";

const utf8 = (text) => Buffer.from(text, "utf8");

// ---- deterministic CBOR: the shortest head, and map keys in bytewise order -----------------------
function head(major, number) {
  if (number < 24) return Buffer.from([(major << 5) | number]);
  const power = [0x100, 0x10000, 0x100000000].filter((limit) => number >= limit).length;
  const argument = Buffer.alloc(8);
  argument.writeBigUInt64BE(BigInt(number));
  return Buffer.concat([Buffer.from([(major << 5) | (24 + power)]), argument.subarray(8 - 2 ** power)]);
}
function cbor(value) {
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "string") return Buffer.concat([head(3, utf8(value).length), utf8(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  const entries = [...value].map(([key, item]) => [cbor(key), cbor(item)]);
  entries.sort(([one], [other]) => Buffer.compare(one, other));
  return Buffer.concat([head(5, entries.length), ...entries.flat()]);
}

// ---- keys: a file holds one line, "sealwire-KIND-key-1 OWNER [AUDIENCE] BASE64URL" ---------------
function secretOf(path) {
  const fields = readFileSync(path, "utf8").trim().split(" ");
  return { owner: fields[1], bytes: Buffer.from(fields.at(-1), "base64url") };
}
const derived = (secret, purpose, length) =>
  Buffer.from(crypto.hkdfSync("sha256", secret, "", `sealwire/1 ${purpose}`, length));
const keyId = (secret) => derived(secret, "kid", 8);

// ---- layers: each takes a payload and what is bound into it (external_aad) -----------------------
function signed(seed) {
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const key = crypto.createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const x = Buffer.from(crypto.createPublicKey(key).export({ format: "jwk" }).x, "base64url");
  const thumbprint = crypto.createHash("sha256").update(cbor(new Map([[1, 1], [-1, 6], [-2, x]]))).digest();
  const header = cbor(new Map([[1, -19], [4, thumbprint.subarray(0, 8)]]));
  return { algorithm: -19, seal(payload, bound) {
    const signature = crypto.sign(null, cbor(["Signature1", header, bound, payload]), key);
    return Buffer.concat([head(6, 18), cbor([header, new Map(), payload, signature])]);
  } };
}
function encrypted(secret) {
  const header = cbor(new Map([[1, 3], [4, keyId(secret)], [-70003, derived(secret, "key check", 32)]]));
  return { algorithm: 3, seal(payload, bound) {
    const iv = crypto.randomBytes(12);
    const cipher = crypto.createCipheriv("aes-256-gcm", secret, iv).setAAD(cbor(["Encrypt0", header, bound]));
    const ciphertext = Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
    return Buffer.concat([head(6, 16), cbor([header, new Map([[5, iv]]), ciphertext])]);
  } };
}
function gated(secret) {
  const header = cbor(new Map([[1, 5], [4, keyId(secret)]]));
  return { algorithm: 5, seal(payload, bound) {
    const tag = crypto.createHmac("sha256", secret).update(cbor(["MAC0", header, bound, payload])).digest();
    return Buffer.concat([head(6, 17), cbor([header, new Map(), payload, tag])]);
  } };
}

// ---- a sealed message ------------------------------------------------------------------------------
// The version is the clock's milliseconds, and has to grow from one message to the next: whoever
// seals twice in one millisecond, or on two machines, has to see to that.
export function seal(document, { audience, issuer, layers, lifetime = 300, now = Date.now() }) {
  const iat = Math.floor(now / 1000);
  const claims = new Map([[1, issuer], [3, audience], [4, iat + lifetime], [6, iat],
    [7, crypto.randomBytes(16)], [-70001, now], [-70002, "base"]]);
  const algorithms = layers.map((layer) => layer.algorithm);
  return layers.reduceRight(
    (payload, layer, index) => layer.seal(payload, cbor(["sealwire/1", "request", audience, index, algorithms])),
    cbor([claims, "application/json", document]));
}

// ---- a frame: four bytes of length, then the message; the answer has the same form ---------------
export function send(address, sealed) {
  const [, host, port] = /^tcp:(.*):(\d+)$/.exec(address) ?? [];
  const socket = connect(port ? { host, port } : { path: address.replace(/^unix:/, "") });
  const length = Buffer.alloc(4);
  length.writeUInt32BE(sealed.length);
  socket.end(Buffer.concat([length, sealed]));
  return new Promise((resolve, reject) => {
    const chunks = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("end", () => resolve(Buffer.concat(chunks)));
    socket.on("error", reject);
  });
}

const [keyFile, audience, configuration, address, gateFile, encryptionFile] = process.argv.slice(2);
const signing = secretOf(keyFile);
const layers = [signed(signing.bytes)];
if (gateFile) layers.unshift(gated(secretOf(gateFile).bytes), encrypted(secretOf(encryptionFile).bytes));
const answer = await send(address, seal(readFileSync(configuration), { audience, issuer: signing.owner, layers }));
// Bytes 4 and 5 open a map with key 1, the outcome. Nobody has signed it.
const outcome = { 1: "applied", 2: "refused", 3: "failed" }[answer[6]] ?? "no answer";
console.log(outcome);
process.exit(outcome === "applied" ? 0 : 1);
