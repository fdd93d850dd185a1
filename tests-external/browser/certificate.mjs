// A certificate for one run. Nobody is to trust it, and no key lies about in the sources.

import { X509Certificate, generateKeyPairSync, sign } from 'node:crypto';

/** A key and a certificate that it signed itself, for a host. */
export function certificate(host) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
  const name = sequence(tagged(0x31, sequence(oid('550403'), tagged(0x0c, Buffer.from(host)))));
  const day = 24 * 3600 * 1000;
  const names = sequence(tagged(0x82, Buffer.from(host)));
  const subjectAltName = sequence(oid('551d11'), tagged(0x04, names));
  const toBeSigned = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    sequence(utcTime(Date.now() - day), utcTime(Date.now() + day)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(subjectAltName)),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const bits = tagged(0x03, Buffer.concat([Buffer.from([0]), signature]));
  const cert = new X509Certificate(sequence(toBeSigned, ecdsaWithSha256, bits)).toString();
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }), cert };
}

/** DER: what it is, how long it is, what it says. */
function tagged(tag, ...parts) {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...parts) => tagged(0x30, ...parts);
const oid = (hex) => tagged(0x06, Buffer.from(hex, 'hex'));
const utcTime = (time) => tagged(0x17, Buffer.from(`${new Date(time).toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`));
