/** ClientHellos for tests, in bytes. Source: RFC 8446 §4.1.2. */

export interface HelloParts {
  readonly serverName?: Buffer;
  readonly versions?: readonly number[];
  readonly cipherSuites?: readonly number[];
  readonly signatureSchemes?: readonly number[];
  readonly groups?: readonly number[];
  /** Further extensions, in bytes. */
  readonly more?: Buffer;
}

/** The handshake message, without records. */
export function clientHello(parts: HelloParts = {}): Buffer {
  const { serverName, versions, cipherSuites = [0x1301], signatureSchemes, groups, more } = parts;
  const extensions = Buffer.concat([
    serverName === undefined
      ? Buffer.alloc(0)
      : extension(0, vector(2, Buffer.concat([Buffer.from([0]), vector(2, serverName)]))),
    versions === undefined ? Buffer.alloc(0) : extension(43, vector(1, u16s(versions))),
    signatureSchemes === undefined
      ? Buffer.alloc(0)
      : extension(13, vector(2, u16s(signatureSchemes))),
    groups === undefined ? Buffer.alloc(0) : extension(10, vector(2, u16s(groups))),
    more ?? Buffer.alloc(0),
  ]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 0xab),
    vector(1, Buffer.alloc(32, 1)),
    vector(2, u16s(cipherSuites)),
    vector(1, Buffer.from([0])),
    vector(2, extensions),
  ]);
  return Buffer.concat([Buffer.from([1]), vector(3, body)]);
}

/** A handshake message in records of at most `size` bytes. */
export function records(message: Buffer, size = 16_384): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    parts.push(Buffer.from([22, 3, 1]), vector(2, message.subarray(at, at + size)));
  }
  return Buffer.concat(parts);
}

export function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([u16s([type]), vector(2, content)]);
}

function vector(lengthBytes: 1 | 2 | 3, content: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}

function u16s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}
