/**
 * Binary codecs: how a value of a given shape is written to bytes and read back.
 *
 * Frames between processes and records of the journal share them. Every text,
 * list and byte array has a named bound, checked in both directions: writing too
 * much is a bug and throws, reading too much is a DecodeFault, a value.
 */
import { ByteReader, DecodeError } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { HEX32_DIGITS, hex32, hex32At } from "./hex.ts";

export interface Codec<Value> {
  write(writer: ByteWriter, value: Value): void;
  /** @throws {DecodeError} which only `decode` catches. */
  read(reader: ByteReader): Value;
}

export interface DecodeFault {
  readonly kind: "decode-fault";
  readonly reason: string;
}

/** The bytes of `value`, in a new array that the caller owns. */
export function encode<Value>(codec: Codec<Value>, value: Value): Uint8Array {
  const writer = new ByteWriter();
  codec.write(writer, value);
  return writer.written();
}

/** Reads one value that must fill `input`, and the chunks that follow it, to the end. */
export function decode<Value>(
  codec: Codec<Value>,
  input: Uint8Array,
  later?: readonly Uint8Array[],
): { readonly kind: "decoded"; readonly value: Value } | DecodeFault {
  try {
    const reader = new ByteReader(input, later);
    const value = codec.read(reader);
    if (reader.remaining > 0) return { kind: "decode-fault", reason: "Goes on after its end" };
    return { kind: "decoded", value };
  } catch (error) {
    if (error instanceof DecodeError) return { kind: "decode-fault", reason: error.message };
    throw error;
  }
}

export const u8: Codec<number> = {
  write: (writer, value) => writer.u8(value),
  read: (reader) => reader.u8(),
};

export const u16: Codec<number> = {
  write: (writer, value) => writer.u16(value),
  read: (reader) => reader.u16(),
};

export const u32: Codec<number> = {
  write: (writer, value) => writer.u32(value),
  read: (reader) => reader.u32(),
};

/** A whole number of up to 53 bits: times in ms, byte counts. */
export const u53: Codec<number> = {
  write: (writer, value) => writer.u53(value),
  read: (reader) => reader.u53(),
};

export const bool: Codec<boolean> = {
  write: (writer, value) => writer.u8(value ? 1 : 0),
  read(reader) {
    const value = reader.u8();
    if (value > 1) throw new DecodeError("Boolean that is neither 0 nor 1");
    return value === 1;
  },
};

/** UTF-8 text of at most `maxBytes`; lone surrogates become U+FFFD. */
export function text(maxBytes: number): Codec<string> {
  return {
    write(writer, value) {
      const at = writer.length;
      writer.u32(0);
      const length = writer.utf8(value);
      if (length > maxBytes)
        throw new RangeError(`Cannot encode text: ${length} bytes, at most ${maxBytes}`);
      writer.setU32(at, length);
    },
    read(reader) {
      const length = reader.u32();
      if (length > maxBytes) throw new DecodeError(`Text of ${length} bytes, at most ${maxBytes}`);
      return reader.utf8(length);
    },
  };
}

/** Lower-case hex text of exactly `digits` digits (a multiple of 8). */
export function hex(digits: number): Codec<string> {
  return {
    write(writer, value) {
      if (value.length !== digits)
        throw new RangeError(`Cannot encode id: '${value}' is not ${digits} digits`);
      for (let at = 0; at < digits; at += HEX32_DIGITS) writer.u32(hex32At(value, at));
    },
    read(reader) {
      let value = "";
      for (let at = 0; at < digits; at += HEX32_DIGITS) value += hex32(reader.u32());
      return value;
    },
  };
}

/** One of a fixed set of words, as one byte. */
export function oneOf<const Word extends string>(words: readonly Word[]): Codec<Word> {
  return {
    write(writer, value) {
      const index = words.indexOf(value);
      if (index < 0) throw new RangeError(`Cannot encode word: '${value}' is unknown`);
      writer.u8(index);
    },
    read(reader) {
      const word = words[reader.u8()];
      if (word === undefined) throw new DecodeError("Unknown word");
      return word;
    },
  };
}

/** Bytes with their length. Reading gives a view of the input. */
export function bytes(maxBytes: number): Codec<Uint8Array> {
  return {
    write(writer, value) {
      if (value.length > maxBytes)
        throw new RangeError(`Cannot encode ${value.length} bytes: at most ${maxBytes}`);
      writer.u32(value.length);
      writer.raw(value);
    },
    read(reader) {
      const length = reader.u32();
      if (length > maxBytes) throw new DecodeError(`${length} bytes, at most ${maxBytes}`);
      return reader.raw(length);
    },
  };
}

/** As `bytes`, in as many pieces as they come in. Reading gives views of the input. */
export function pieces(maxBytes: number): Codec<readonly Uint8Array[]> {
  return {
    write(writer, value) {
      let length = 0;
      for (const piece of value) length += piece.length;
      if (length > maxBytes)
        throw new RangeError(`Cannot encode ${length} bytes: at most ${maxBytes}`);
      writer.u32(length);
      for (const piece of value) writer.raw(piece);
    },
    read(reader) {
      const length = reader.u32();
      if (length > maxBytes) throw new DecodeError(`${length} bytes, at most ${maxBytes}`);
      return reader.pieces(length);
    },
  };
}

export function list<Item>(item: Codec<Item>, maxItems: number): Codec<readonly Item[]> {
  return {
    write(writer, value) {
      if (value.length > maxItems)
        throw new RangeError(`Cannot encode ${value.length} items: at most ${maxItems}`);
      writer.u32(value.length);
      for (const each of value) item.write(writer, each);
    },
    read(reader) {
      const length = reader.u32();
      if (length > maxItems) throw new DecodeError(`${length} items, at most ${maxItems}`);
      const items: Item[] = [];
      for (let at = 0; at < length; at++) items.push(item.read(reader));
      return items;
    },
  };
}

export function optional<Value>(value: Codec<Value>): Codec<Value | undefined> {
  return {
    write(writer, maybe) {
      writer.u8(maybe === undefined ? 0 : 1);
      if (maybe !== undefined) value.write(writer, maybe);
    },
    read: (reader) => (bool.read(reader) ? value.read(reader) : undefined),
  };
}

/** A codec for each field; fields are written in the order in which they stand here. */
export type Fields<Value> = { readonly [Name in keyof Value]-?: Codec<Value[Name]> };

export function struct<Value>(fields: Fields<Value>): Codec<Value> {
  const named = Object.entries(fields) as [keyof Value & string, Codec<unknown>][];
  return {
    write(writer, value) {
      for (const [name, codec] of named) codec.write(writer, value[name]);
    },
    read(reader) {
      const value: Record<string, unknown> = {};
      for (const [name, codec] of named) value[name] = codec.read(reader);
      return value as Value;
    },
  };
}

/**
 * A union of structs told apart by `kind`, which is written as the number given here.
 * A variant that is on a hot path brings a codec of its own instead of its fields.
 */
export type Variants<Value extends { readonly kind: string }> = {
  readonly [Kind in Value["kind"]]: readonly [
    tag: number,
    how:
      | Fields<Omit<Extract<Value, { readonly kind: Kind }>, "kind">>
      | Codec<Extract<Value, { readonly kind: Kind }>>,
  ];
};

/** @param earlier what earlier versions wrote under other tags: read, and not written any more. */
export function union<Value extends { readonly kind: string }>(
  variants: Variants<Value>,
  earlier: readonly (readonly [tag: number, codec: Codec<Value>])[] = [],
): Codec<Value> {
  const byKind = new Map<string, readonly [number, Codec<Value>]>();
  const byTag = new Map<number, Codec<Value>>(earlier);
  const entries = Object.entries<readonly [number, Codec<Value> | Fields<object>]>(variants);
  for (const [kind, [tag, how]] of entries) {
    const codec = isCodec(how) ? how : (variant(kind, how) as Codec<unknown> as Codec<Value>);
    byKind.set(kind, [tag, codec]);
    byTag.set(tag, codec);
  }
  return {
    write(writer, value) {
      const known = byKind.get(value.kind);
      if (known === undefined) {
        throw new RangeError(`Cannot encode: kind '${value.kind}' is unknown`);
      }
      writer.u8(known[0]);
      known[1].write(writer, value);
    },
    read(reader) {
      const codec = byTag.get(reader.u8());
      if (codec === undefined) throw new DecodeError("Unknown kind");
      return codec.read(reader);
    },
  };
}

function isCodec<Value>(how: Codec<Value> | Fields<object>): how is Codec<Value> {
  return typeof (how as Partial<Codec<Value>>).read === "function";
}

/** The fields of one variant; what is read has its `kind` in front. */
function variant(kind: string, fields: Fields<object>): Codec<object> {
  const codec = struct<object>(fields);
  return {
    write: (writer, value) => codec.write(writer, value),
    read: (reader) => ({ kind, ...codec.read(reader) }),
  };
}
