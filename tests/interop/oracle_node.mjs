// @auth0/cose, asked one thing a line: node oracle_node.mjs FOLDER, which has it in node_modules. The
// lines are those of oracle_python.py; "public" is the public key where a seed is given.
//
// It cannot be told an external_aad when it makes Mac0 or Sign1, and then takes an empty one. So it
// is asked for the structure that is authenticated, which is a function of its own, and for the
// object; the MAC or signature between the two is node's.
import { createHmac, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const inside = (file) => import(
  pathToFileURL(resolve(process.argv[2], "node_modules/@auth0/cose/dist/node/esm", file)).href);
const { Encrypt0, Mac0, Sign1 } = await inside("index.js");

// It knows EdDSA by its older number alone; this is the line of its table that teaches it ours.
(await inside("headers.js")).AlgorithmNames.set(-19, "EdDSA");

const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (array) => Buffer.from(array).toString("hex");
const okp = (x, d) => ({ kty: "OKP", crv: "Ed25519", x: Buffer.from(x, "hex").toString("base64url"),
  ...(d && { d: Buffer.from(d, "hex").toString("base64url") }) });

function header(alg, asked) {
  const entries = [[1, alg], [4, bytes(asked.kid)]];
  if (asked.check) entries.push([-70003, bytes(asked.check)]);
  return new Map(entries);
}

async function open({ layer, data, key, aad }) {
  // A careful caller says which algorithm it expects.
  const algorithms = [{ mac0: 5, encrypt0: 3, sign1: -19 }[layer]];
  const options = { externalAAD: bytes(aad), algorithms };
  if (layer === "encrypt0") return Encrypt0.decode(bytes(data)).decrypt(bytes(key), options);
  const found = (layer === "mac0" ? Mac0 : Sign1).decode(bytes(data));
  const secret = layer === "mac0" ? bytes(key) : createPublicKey({ key: okp(key), format: "jwk" });
  await found.verify(secret, options);
  return found.payload;
}

async function make(asked) {
  const { layer, payload, key, aad, iv } = asked;
  if (layer === "encrypt0") {
    const made = await Encrypt0.encrypt([...header(3, asked)], [[5, bytes(iv)]], bytes(payload), bytes(key), bytes(aad));
    return made.encode();
  }
  const kind = layer === "mac0" ? Mac0 : Sign1;
  const empty = new kind(header(layer === "mac0" ? 5 : -19, asked), new Map(), bytes(payload), new Uint8Array());
  const structure = (layer === "mac0" ? Mac0.createMAC0 : Sign1.Signature1)(
    empty.encodedProtectedHeaders, bytes(aad), bytes(payload));
  const authenticator = layer === "mac0"
    ? createHmac("sha256", bytes(key)).update(structure).digest()
    : sign(null, structure, createPrivateKey({ key: okp(asked.public, key), format: "jwk" }));
  return new kind(empty.protectedHeaders, new Map(), bytes(payload), new Uint8Array(authenticator)).encode();
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = asked.do === "open" ? { payload: hex(await open(asked)) } : { data: hex(await make(asked)) };
  } catch (error) {
    answer = { error: `${error.name}: ${error.message}` };
  }
  console.log(JSON.stringify(answer));
}
